//! Help goes to stdout, whatever else is in the environment; an error names `--help`.

use std::process::{Command, Output};

use beaminit::testing::HELP;

fn beaminit(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_beaminit"));
    command.args(words).env("BEAMINIT_WIAT", "off").output().unwrap()
}

#[test]
fn help_and_version_are_asked_for_and_not_an_error() {
    let version = format!("beaminit {}\n", env!("CARGO_PKG_VERSION"));
    let rows = [
        (&["--help"][..], HELP),
        (&["-h"], HELP),
        (&["exec", "--help"], HELP),
        (&["explain", "-h"], HELP),
        (&["--version"], version.as_str()),
        (&["-V"], version.as_str()),
    ];
    for (words, reported) in rows {
        let output = beaminit(words);
        assert_eq!(String::from_utf8_lossy(&output.stdout), reported, "{words:?}");
        assert!(output.status.success() && output.stderr.is_empty(), "{words:?}: {output:?}");
    }
}

#[test]
fn a_word_that_is_wrong_is_named_with_the_place_to_ask() {
    for (words, message) in [
        (&["--frobnicate"][..], "invalid option '--frobnicate'"),
        (&["exec", "-it", "bin/app"], "invalid option '-i'"),
        (&["--copy-to"], "missing argument for option '--copy-to'"),
        (&["explain", "--format"], "missing argument for option '--format'"),
    ] {
        let output = beaminit(words);
        let reported = format!("beaminit: cli: {message}\nhint: see beaminit --help\n");
        assert_eq!(
            (output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()),
            (Some(64), reported.as_str())
        );
    }
}
