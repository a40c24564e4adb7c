//! The words that we find in a vm.args are those that the VM gets, and so are the name and the cookie: `erlexec` is asked.

use std::ffi::OsString;

use beaminit::testing::render::Syntax as _;
use beaminit::testing::render::{VmArgs, VmArgsScanner};
use proptest::collection::vec;
use proptest::prelude::{Strategy as _, prop_oneof};
use proptest::sample::select;

use crate::support::erlang::Erlexec;
use crate::support::values::made;

fn words(text: &str) -> Option<Vec<OsString>> {
    let mut scanner = VmArgsScanner::default();
    text.chars().for_each(|character| scanner.feed(character));
    let flags = scanner.finish().ok()?;
    Some(flags.words().into_iter().map(|word| word.text.clone().into()).collect())
}

#[test]
fn in_any_text() {
    let parts = prop_oneof![
        8 => select(&["\"", "'", "\\", "#", " ", "\n", "\r\n", "\t", "\u{b}", "\u{c}"][..]).prop_map(str::to_owned),
        4 => "[-+a-c=@.$]{1,4}",
        1 => select(&["-name", "-args_file", "-extra", "-env", "--", "+K", "\u{e9}", "\u{a0}", "\u{2028}", "\u{1}"][..])
            .prop_map(str::to_owned),
    ];
    let erlexec = Erlexec::new();
    for text in made(&vec(parts, 0..14).prop_map(|parts| parts.concat()), 600) {
        // What is not closed we refuse, erlexec closes it.
        let closed = ["", "\"", "'"].map(|quote| format!("{text}{quote}"));
        let (closed, words) = closed.into_iter().find_map(|text| words(&text).map(|words| (text, words))).unwrap();
        assert_eq!(words, erlexec.words(closed.as_bytes()), "{closed:?}");
    }
}

/// The values of these flags, those with `count` values alone, as the VM's `init` takes them from its arguments.
fn values(arguments: &[OsString], names: &[&str], count: usize) -> Vec<String> {
    let is_flag = |word: &OsString| word.as_encoded_bytes().starts_with(b"-");
    let is_one = |&at: &usize| names.iter().any(|name| arguments[at] == *name);
    let behind = |at: usize| arguments[at + 1..].iter().take_while(|word| !is_flag(word));
    let flags = (0..arguments.len()).filter(is_one).filter(|at| behind(*at).count() == count);
    flags.flat_map(behind).map(|word| word.to_str().unwrap().to_owned()).collect()
}

#[test]
fn names_and_cookies_are_those_of_any_words() {
    let words = select(
        &[
            "-name",
            "-name a@b.c",
            "-sname d",
            "-setcookie",
            "-setcookie e",
            "-setcookie f",
            "-setcookie n@h g",
            "-x",
            "--",
            "-env",
            "-env A",
            "-env A B",
            "-epmd p",
            "+A",
            "+K true",
            "+swt low",
            "+Bd",
            "+pc unicode",
            "+hms 1",
            "h",
            "i@j.k",
            "-extra",
        ][..],
    );
    let erlexec = Erlexec::new();
    let (mut well, mut with_cookie) = (0, 0);
    for words in made(&vec(words, 1..7), 1500) {
        let text = words.join(" ");
        let Ok(ours) = VmArgs::read(text.clone()).unwrap().node_flags() else { continue };
        // Otherwise erlexec refuses to start.
        let Some((arguments, _)) = erlexec.arguments(text.as_bytes()) else { continue };
        let name = ours.node.map(|(_, name)| name.to_string());
        assert_eq!(values(&arguments, &["-name", "-sname"], 1), Vec::from_iter(name), "{text}: {arguments:?}");
        let cookie = ours.cookie.map(|cookie| cookie.expose().to_owned());
        with_cookie += usize::from(cookie.is_some());
        assert_eq!(values(&arguments, &["-setcookie"], 1), Vec::from_iter(cookie), "{text}: {arguments:?}");
        well += 1;
    }
    assert!(well > 300 && with_cookie > 50, "{well}, {with_cookie}");
}
