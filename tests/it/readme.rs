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
