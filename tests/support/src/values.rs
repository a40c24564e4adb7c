//! Values that an environment variable may have, the nasty ones first. The same ones in each run.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_oneof};
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// What has been the end of other substitutions.
const KNOWN: [&str; 24] = [
    "${V}", "$<V>", "${V0}", "$<V0>", "${W}", "${V*}", "a&b", "a\\&b", "\\&", "\\\\&", "a\\b", "a\\\\b", "a\\", "\"",
    "'", "\\\"", "\\n", "a\nb", "a\r\n", "#", "%", "%s", "$", "}",
];

/// Words that mean something on a VM's command line.
const WORDS: [&str; 14] =
    ["-name", "-sname", "-setcookie", "a@b.c", "x", "-heart", "+K", "true", "-env", "-extra", "--", "\"", "'", "#"];

pub fn values(count: usize) -> Vec<OsString> {
    let text = prop_oneof![
        select(&KNOWN[..]).prop_map(str::to_owned),
        vec(select(&WORDS[..]), 1..5).prop_map(|words| words.join(" ")),
        "[a${}<>V0:@.\"'#\\\\&% \n\t-]{1,12}",
        "[!-~]{1,20}",
        "[A-Za-z0-9_.@!$&%=*-]{1,20}",
        "[a-z]{1,6}(@[a-z0-9.-]{1,12})?",
        "\\PC{1,16}",
        ".{1,16}",
    ];
    let any = vec(1..=u8::MAX, 1..24).prop_map(OsString::from_vec);
    let strategy = prop_oneof![8 => text.prop_map(OsString::from), 1 => any];
    made(&strategy, count)
}

/// So many values, the same ones in each run.
pub fn made<S: Strategy>(strategy: &S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}
