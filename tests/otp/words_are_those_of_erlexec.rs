//! What `vm.args` says is what each `erlexec` reads in it, in words, in quotes and behind backslashes.

use std::ffi::OsString;

use beaminit::testing::render::Syntax as _;
use beaminit::testing::render::VmArgsScanner;
use proptest::collection::vec;
use proptest::prelude::{Strategy as _, prop_oneof};
use proptest::sample::select;

use crate::support::Otp;
use crate::support::erlang::Erlexec;
use crate::support::values::made;

on_each_otp!(in_any_text);

fn words(text: &str) -> Option<Vec<OsString>> {
    let mut scanner = VmArgsScanner::default();
    text.chars().for_each(|character| scanner.feed(character));
    let flags = scanner.finish().ok()?;
    Some(flags.words().into_iter().map(|word| word.text.clone().into()).collect())
}

fn in_any_text(otp: Otp) {
    let parts = prop_oneof![
        8 => select(&["\"", "'", "\\", "#", " ", "\n", "\r\n", "\t", "\u{b}", "\u{c}"][..]).prop_map(str::to_owned),
        4 => "[-+a-c=@.$]{1,4}",
        1 => select(&["-name", "-extra", "-env", "--", "+K", "\u{e9}", "\u{a0}"][..]).prop_map(str::to_owned),
    ];
    let erlexec = Erlexec::of_system(otp.root());
    for text in made(&vec(parts, 0..14).prop_map(|parts| parts.concat()), 300) {
        // What is not closed we refuse, erlexec closes it.
        let closed = ["", "\"", "'"].map(|quote| format!("{text}{quote}"));
        let (closed, words) = closed.into_iter().find_map(|text| words(&text).map(|words| (text, words))).unwrap();
        assert_eq!(words, erlexec.words(closed.as_bytes()), "{closed:?}");
    }
}
