//! Whatever a variable holds: in a name, in a cookie and in quotes it arrives as it is, or is refused with a message.
//! Elsewhere it may be flags, but no second name and no second cookie. The VM and its `erlexec` are asked.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;

use beaminit::testing::exit;
use beaminit::testing::render::{TemplateVariables, UnsetVariable, VmSurroundings, vm_args};
use beaminit::testing::variables::Env;

use crate::support::erlang::{Erlexec, evaluated, hex, printing};
use crate::support::scratch_dir;
use crate::support::values::values;

const COUNT: usize = 1000;

/// What `file` renders to with `value`, or the message.
fn rendered(file: &Path, value: &OsStr) -> Result<String, String> {
    // If a value were looked at again, it could name these.
    let env = Env::from_pairs([("V", value), ("V0", "twice".as_ref()), ("W", "twice".as_ref())]);
    let variables = TemplateVariables { env: &env, derived: vec![], refused: vec![], unset: UnsetVariable::Error };
    vm_args(file, Some(&variables), VmSurroundings::default()).map(|rendered| rendered.text).map_err(|error| {
        assert_eq!(error.code, exit::DATA);
        error.to_string()
    })
}

/// Each value that may stand in `template`, with what that renders to. A refusal has a message, and both notations do the same.
fn accepted(template: &str) -> Vec<(OsString, String)> {
    let directory = scratch_dir();
    let files = [template.to_owned(), template.replace("${V}", "$<V>")].map(|text| {
        let file = directory.path().join(if text == template { "braces" } else { "brackets" });
        fs::write(&file, text).unwrap();
        file
    });
    let mut accepted = Vec::new();
    for value in values(COUNT) {
        match files.each_ref().map(|file| rendered(file, &value)) {
            [Ok(text), Ok(same)] => {
                assert_eq!(text, same);
                accepted.push((value, text));
            }
            [Err(text), Err(_)] => assert!(text.contains("braces:1:") && text.lines().count() > 1, "{text}"),
            differ => panic!("{template} {}: {differ:?}", value.display()),
        }
    }
    assert!((COUNT / 20..COUNT * 19 / 20).contains(&accepted.len()), "{template}: {} of {COUNT}", accepted.len());
    accepted
}

/// A newline at the end is white space to the VM; inside quotes it is refused.
fn without_newline(value: &OsStr) -> OsString {
    value.to_str().unwrap().trim_end_matches(['\r', '\n']).into()
}

#[test]
fn in_names_cookies_and_quotes_it_is_one_word() {
    let erlexec = Erlexec::new();
    for (template, before, after) in [
        ("-name ${V}", &["-name"][..], &[][..]),
        ("-name ${V}@web-0.web", &["-name"], &["@web-0.web"]),
        ("-sname app@${V}", &["-sname", "app@"], &[]),
        ("-setcookie ${V}", &["-setcookie"], &[]),
        ("-setcookie a@b ${V}", &["-setcookie", "a@b"], &[]),
        ("-x \"${V}\" y", &["-x"], &["", "y"]),
        ("-x 'a ${V}b'", &["-x", "a "], &["b"]),
    ] {
        let accepted = accepted(template);
        let text = accepted.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n");
        let (words, _) = erlexec.arguments(text.as_bytes()).unwrap();
        let mut words = words.into_iter();
        for (value, text) in accepted {
            let joined = |parts: &[&str]| parts.iter().map(OsString::from).collect::<Vec<_>>();
            let mut expected = joined(before);
            match before.last().filter(|word| word.ends_with(['@', ' '])) {
                Some(_) => expected.last_mut().unwrap().push(without_newline(&value)),
                None => expected.push(without_newline(&value)),
            }
            let mut after = joined(after).into_iter();
            expected.last_mut().unwrap().push(after.next().unwrap_or_default());
            expected.extend(after);
            assert_eq!(words.by_ref().take(expected.len()).collect::<Vec<_>>(), expected, "{text}");
        }
        assert_eq!(words.next(), None, "{template}");
    }
}

#[test]
fn the_vm_has_names_and_cookies_as_they_were_given() {
    let directory = scratch_dir();
    let file = directory.path().join("vm.args");
    let names = accepted("-name ${V}").into_iter().filter(|(name, _)| name.to_str().unwrap().contains('@'));
    for ((name, name_flag), (cookie, cookie_flag)) in names.zip(accepted("-setcookie ${V}")).take(8) {
        fs::write(&file, format!("{name_flag}\n{cookie_flag}")).unwrap();
        let shown = printing("[[atom_to_list(node()), atom_to_list(erlang:get_cookie())]]");
        let expected = [name, cookie].map(|value| hex(without_newline(&value).as_encoded_bytes())).join(",");
        assert_eq!(evaluated(&["-args_file", file.to_str().unwrap()], &shown).trim_end(), expected);
    }
}

#[test]
fn the_vm_has_quoted_values_as_they_were_given() {
    let directory = scratch_dir();
    let file = directory.path().join("vm.args");
    let accepted = accepted("-x 'a ${V}b'");
    fs::write(&file, accepted.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n")).unwrap();
    let shown = printing("element(2, init:get_argument(x))");
    let printed = evaluated(&["-args_file", file.to_str().unwrap()], &shown);
    let expected = accepted.iter().map(|(value, _)| hex(&[b"a ", value.as_encoded_bytes(), b"b"].concat()));
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[test]
fn elsewhere_it_brings_no_second_name_and_no_second_cookie() {
    let erlexec = Erlexec::new();
    let mut flags_that_arrived = 0;
    for (value, text) in accepted("-name app@web-0.web -setcookie sesame -x y ${V} -z\n") {
        // Otherwise erlexec refuses to start.
        let Some((words, _)) = erlexec.arguments(text.as_bytes()) else { continue };
        assert_eq!(words[..6], ["-name", "app@web-0.web", "-setcookie", "sesame", "-x", "y"], "{value:?}");
        let named = |word: &&OsString| ["-name", "-sname"].iter().any(|flag| *word == flag);
        assert_eq!(words.iter().filter(named).count(), 1, "{value:?}: {words:?}");
        let own_cookies = words
            .split(|word| word == "-setcookie")
            .skip(1)
            .filter(|behind| behind.iter().take_while(|word| !word.as_encoded_bytes().starts_with(b"-")).count() == 1);
        assert_eq!(own_cookies.count(), 1, "{value:?}: {words:?}");
        flags_that_arrived += usize::from(value.as_encoded_bytes().starts_with(b"-"));
    }
    assert!(flags_that_arrived > 10, "{flags_that_arrived}");
}
