//! The project's own source, for the tests that hold it to its rules.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::places::project;

/// Models and fake servers that only tests use.
const TEST_FILES: [&str; 2] = ["tests.rs", "testing.rs"];

/// Each text file below a directory of the project, by its path in that directory.
pub fn texts_below(directory: &str) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    let root = project().join(directory);
    collect(&root, &root, &mut texts);
    texts
}

fn collect(root: &Path, directory: &Path, texts: &mut BTreeMap<String, String>) {
    for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(root, &path, texts);
        } else if let Ok(text) = fs::read_to_string(&path) {
            texts.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), text);
        }
    }
}

/// Each file of `src` by its path there, without its tests.
pub fn sources() -> BTreeMap<String, String> {
    let files = texts_below("src").into_iter().filter(|(path, _)| !is_test(path));
    let files: BTreeMap<_, _> =
        files.map(|(path, text)| (path, text.split("mod tests {").next().unwrap().to_owned())).collect();
    assert!(files.len() > 20, "{}", files.len());
    files
}

fn is_test(path: &str) -> bool {
    path.split('/').any(|part| part == "tests") || TEST_FILES.iter().any(|end| path.ends_with(end))
}

/// The lines that are neither blank nor a comment.
pub fn code_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//"))
}

/// A function: its name, how many lines it has, and how many parameters besides `self`.
#[derive(Debug)]
pub struct Function {
    pub name: String,
    pub lines: usize,
    pub parameters: usize,
}

/// The functions of a file as rustfmt writes them: one ends at the first brace that is indented as its `fn` is.
pub fn functions(text: &str) -> Vec<Function> {
    let lines: Vec<_> = text.lines().collect();
    let starts = lines.iter().enumerate().filter_map(|(at, line)| Some((at, function_name(line)?)));
    starts
        .map(|(at, name)| {
            let indent = &lines[at][..lines[at].len() - lines[at].trim_start().len()];
            let rest = &lines[at..];
            let is_end = |line: &&str| {
                line.strip_prefix(indent).is_some_and(|line| !line.starts_with(' ') && line.ends_with(['}', ';']))
            };
            let length = rest.iter().position(is_end).unwrap_or(rest.len() - 1) + 1;
            Function { name, lines: length, parameters: parameters(&rest[..length].join("\n")) }
        })
        .collect()
}

fn function_name(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let is_modifier = |word: &str| word.starts_with("pub") || ["in", "const", "async", "unsafe"].contains(&word);
    let first = words.find(|word| !is_modifier(word))?;
    (first == "fn").then_some(())?;
    Some(words.next()?.split(['(', '<']).next()?.to_owned())
}

/// Counts what is between commas of the outermost parentheses, without `self`.
fn parameters(function: &str) -> usize {
    let after_name = function.split_once("fn ").map_or("", |(_, rest)| rest).replace("->", "  ");
    let (mut depth, mut angles, mut list) = (0, 0, vec![String::new()]);
    for letter in after_name.chars() {
        match letter {
            '<' => angles += 1,
            '>' => angles -= 1,
            '(' | '[' if depth > 0 || angles == 0 => depth += 1,
            ')' | ']' if depth > 1 => depth -= 1,
            ')' if depth == 1 => break,
            ',' if depth == 1 && angles == 0 => list.push(String::new()),
            _ if depth > 0 => list.last_mut().unwrap().push(letter),
            _ => {}
        }
    }
    let is_self = |text: &str| text.split(':').next().unwrap().split([' ', '&']).any(|word| word == "self");
    list.iter().filter(|text| !text.trim().is_empty() && !is_self(text)).count()
}
