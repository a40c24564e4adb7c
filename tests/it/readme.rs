//! The README's tables are in step with the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// What stands in the first column of the tables below a heading, without its backticks.
fn first_column(heading: &str) -> BTreeSet<String> {
    let readme = file("README.md");
    let section = readme.split(&format!("\n## {heading}\n")).nth(1).unwrap_or_else(|| panic!("no section {heading}"));
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `") || line.starts_with("| 1"));
    rows.flat_map(|row| row.split('|').nth(1).unwrap().split(',').map(|cell| cell.trim().trim_matches('`').to_owned()))
        .collect()
}

#[test]
fn every_variable_that_is_read_is_described_and_every_described_one_is_read() {
    let read: BTreeSet<_> = beaminit::env::READ.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(first_column("Environment"), read);
}

#[test]
fn every_exit_code_is_described() {
    let code = file("src/exit.rs");
    let numbers = code.lines().filter_map(|line| line.strip_prefix("pub const ")?.split(" = ").nth(1));
    let numbers: BTreeSet<_> = numbers.map(|number| number.trim_end_matches(';').to_owned()).collect();
    let described: BTreeSet<_> = file("README.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next())
        .map(str::to_owned)
        .collect();
    assert!(numbers.len() >= 9);
    assert!(numbers.is_subset(&described), "{numbers:?} in {described:?}");
}

#[test]
fn the_two_commands_come_first() {
    let readme = file("README.md");
    let top: Vec<_> = readme.lines().take(25).collect();
    for command in ["make demo", "make test"] {
        assert!(top.iter().any(|line| line.contains(command)), "{command} in the first 25 lines");
    }
    assert!(file(".ci/run").contains("make test"));
}

/// A promise is worth its test.
#[test]
fn every_promise_of_the_threat_model_has_its_test() {
    let all: String =
        ["src", "tests"].iter().map(|folder| sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))).collect();
    let security = file("docker/SECURITY.md");
    let promises = security.split("## What is promised").nth(1).unwrap().split("\n## ").next().unwrap();
    let named: Vec<_> =
        promises.lines().filter_map(|row| row.split('|').nth(2)).flat_map(|cell| cell.split('`')).collect();
    let tests: Vec<_> = named.into_iter().filter(|word| word.contains('_')).collect();
    assert!(tests.len() > 10);
    let missing: Vec<_> = tests.iter().filter(|test| !all.contains(&format!("fn {test}()"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts = entries.map(|path| match path.extension() {
        _ if path.is_dir() => sources(&path),
        Some(suffix) if suffix == "rs" => fs::read_to_string(path).unwrap(),
        _ => String::new(),
    });
    texts.collect()
}
