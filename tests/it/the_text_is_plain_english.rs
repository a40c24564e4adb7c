//! Some words and phrases are clear only to their author. CONTRIBUTING.md says how names, comments and messages read.

use std::collections::BTreeMap;
use std::fs;

use crate::support::places::project;
use crate::support::source::texts_below;

/// Each with what to write in its place. `_` and punctuation count as spaces, so names are looked at too.
const BANNED: [(&str, &str); 13] = [
    ("told", "reported, logged"),
    ("tells", "reports, logs, says"),
    ("anew", "again"),
    ("whoever", "any reader"),
    ("hands on", "forwards"),
    ("handed on", "passed on"),
    ("of its own", "separate, its own"),
    ("of their own", "separate, their own"),
    ("its affair", "left to it"),
    ("so long", "this long"),
    // Not its plural: that is a field of the report, whose name is promised.
    ("folder", "directory"),
    ("is none", "is not one, does not exist"),
    ("is no", "is not a, has no"),
];

/// Ordinary English that has one of these in it.
const FINE: [&str; 6] = [
    " there is no ",
    " there is none ",
    " is no longer ",
    " crate folders ",
    " hand over folders ",
    " folders hand over ",
];

#[test]
fn no_text_has_a_phrase_that_is_clear_only_to_its_author() {
    let files = ["src", "tests", "docker"].into_iter().flat_map(|directory| {
        texts_below(directory).into_iter().map(move |(path, text)| (format!("{directory}/{path}"), text))
    });
    let top = fs::read_dir(project()).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        Some((path.file_name()?.to_str()?.to_owned(), fs::read_to_string(&path).ok()?))
    });
    let texts: BTreeMap<_, _> = files.chain(top).filter(|(path, _)| is_ours(path)).collect();
    assert!(texts.len() > 200, "{}", texts.len());
    let found: Vec<_> = texts.iter().flat_map(|(path, text)| phrases_in(path, text)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// Not this list itself, not what cargo or others wrote.
fn is_ours(path: &str) -> bool {
    let is_foreign =
        ["tests/fuzz/corpus/", "tests/fuzz/target/", "tests/fuzz/found/", "tests/fuzz/artifacts/", "tests/fixtures/"];
    !["LICENSE", "Cargo.lock", "tests/fuzz/Cargo.lock", "tests/it/the_text_is_plain_english.rs"].contains(&path)
        && !is_foreign.iter().any(|beginning| path.starts_with(beginning))
}

fn phrases_in(path: &str, text: &str) -> Vec<String> {
    let text = text.replace("is_none", "");
    let words: Vec<_> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut plain = format!(" {} ", words.join(" ").to_lowercase());
    for fine in FINE {
        plain = plain.replace(fine, "  ");
    }
    let banned = BANNED.iter().filter(|(phrase, _)| plain.contains(&format!(" {phrase} ")));
    banned.map(|(phrase, instead)| format!("{path}: `{phrase}`: write {instead}")).collect()
}
