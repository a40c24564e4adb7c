//! Sizes, circles and words of the source. Where it is not yet so, the exception is listed here; no list may grow.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::support::places::project;
use crate::support::source::{code_lines, functions, sources, texts_below};

const MOST_LINES_OF_A_FILE: usize = 400;
const MOST_LINES_OF_INLINE_TESTS: usize = 80;
const MOST_LINES_OF_A_FUNCTION: usize = 50;
const MOST_PARAMETERS: usize = 4;
/// Outside `kind/`: what is special about a kind of release is in its own file.
const MOST_KINDS_ELSEWHERE: usize = 5;

/// Fails with what is found and not excepted.
#[track_caller]
fn expect_only(exceptions: &[&str], found: impl IntoIterator<Item = String>) {
    let new: Vec<_> = found.into_iter().filter(|one| !exceptions.contains(&one.split(' ').next().unwrap())).collect();
    assert!(new.is_empty(), "{new:#?}");
}

#[test]
fn no_file_is_too_long() {
    let sizes = texts_below("src").into_iter().map(|(path, text)| (path, text.lines().count()));
    expect_only(
        &[],
        sizes.filter(|(_, lines)| *lines > MOST_LINES_OF_A_FILE).map(|(path, lines)| format!("{path} {lines}")),
    );
}

/// Longer ones are in `x/tests.rs`.
#[test]
fn tests_beside_the_code_are_short() {
    let files = texts_below("src");
    let inline =
        files.iter().filter_map(|(path, text)| Some((path, text.split_once("mod tests {")?.1.lines().count())));
    expect_only(
        &[],
        inline.filter(|(_, lines)| *lines > MOST_LINES_OF_INLINE_TESTS).map(|(path, lines)| format!("{path} {lines}")),
    );
}

#[test]
fn no_function_is_too_long() {
    let found = all_functions(|function| function.lines > MOST_LINES_OF_A_FUNCTION);
    expect_only(&[], found);
}

#[test]
fn no_function_has_too_many_parameters() {
    let found = all_functions(|function| function.parameters > MOST_PARAMETERS);
    expect_only(&[], found);
}

fn all_functions(is_wanted: impl Fn(&crate::support::source::Function) -> bool) -> Vec<String> {
    let files = sources();
    let all: Vec<_> =
        files.iter().flat_map(|(path, text)| functions(text).into_iter().map(move |one| (path, one))).collect();
    assert!(all.len() > 300, "{}", all.len());
    let wanted = all.iter().filter(|(_, function)| is_wanted(function));
    wanted
        .map(|(path, one)| format!("{path}:{} {} lines, {} parameters", one.name, one.lines, one.parameters))
        .collect()
}

/// So that a search for a name finds one thing.
#[test]
fn no_two_types_have_one_name() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in sources() {
        for name in code_lines(&text).filter_map(type_name) {
            places.entry(name.to_owned()).or_default().push(path.clone());
        }
    }
    assert!(places.len() > 200, "{}", places.len());
    places.retain(|_, paths| paths.len() > 1);
    assert!(places.is_empty(), "{places:#?}");
}

/// The type that a line at the beginning of an item defines.
fn type_name(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub(super) ")).unwrap_or(line);
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let (keyword, rest) = line.split_once(' ')?;
    let name = rest.split(|c: char| !c.is_alphanumeric()).next()?;
    ["struct", "enum", "trait", "type"].contains(&keyword).then_some(name)
}

#[test]
fn what_is_special_about_a_kind_is_in_its_own_file() {
    let elsewhere = sources().into_iter().filter(|(path, _)| !path.starts_with("kind/"));
    let found: Vec<_> = elsewhere
        .flat_map(|(path, text)| {
            let lines = code_lines(&text).filter(|line| names(line, "Kind::") || names(line, "ReleaseKind::"));
            lines.map(|line| format!("{path}: {}", line.trim())).collect::<Vec<_>>()
        })
        .collect();
    assert!(found.len() <= MOST_KINDS_ELSEWHERE, "{found:#?}");
}

/// Whether `path` is in the line as a word: `Kind::` is not in `ErrorKind::`.
fn names(line: &str, path: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(path).any(|(at, _)| !line[..at].ends_with(is_word))
}

#[test]
fn modules_have_one_style() {
    let files = sources();
    let is_parent = |path: &str| {
        let directory = format!("{}/", path.trim_end_matches(".rs"));
        files.keys().any(|other| other.starts_with(&directory))
    };
    expect_only(&[], files.keys().filter(|path| is_parent(path)).cloned());
}

#[test]
fn no_import_leads_back_to_where_it_came_from() {
    let files = sources();
    let imports: BTreeMap<&str, BTreeSet<&str>> =
        files.iter().map(|(path, text)| (path.as_str(), imported_files(&files, path, text))).collect();
    assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 100, "{imports:#?}");
    let in_circles = files.keys().filter(|path| reachable(&imports, path).contains(path.as_str()));
    expect_only(&[], in_circles.map(|path| format!("{path} {:?}", circle(&imports, path))));
}

fn reachable<'a>(imports: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut left: Vec<&str> = imports[from].iter().copied().collect();
    while let Some(next) = left.pop() {
        if found.insert(next) {
            left.extend(&imports[next]);
        }
    }
    found
}

/// The other files of the circle.
fn circle<'a>(imports: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &str) -> Vec<&'a str> {
    let leads_back = |other: &&str| *other != from && reachable(imports, other).contains(from);
    reachable(imports, from).into_iter().filter(leads_back).collect()
}

/// The files that define what the paths in this file name, as far as they begin with `crate`, `super` or a child module.
fn imported_files<'a>(files: &'a BTreeMap<String, String>, path: &str, text: &str) -> BTreeSet<&'a str> {
    let own = module_of(path);
    // A path that says who may use something imports nothing.
    let code: String = code_lines(text).map(|line| line.replace("pub(in crate::", "(")).collect::<Vec<_>>().join("\n");
    let mut found = BTreeSet::new();
    for path_in_code in paths(&code) {
        let mut parts: Vec<&str> = path_in_code.split("::").collect();
        let mut base = own.clone();
        match parts[0] {
            "crate" => base.clear(),
            "super" => drop(base.pop()),
            "self" => {}
            child if file_of(files, &[&own[..], &[child.to_owned()]].concat()).is_some() => parts.insert(0, child),
            _ => continue,
        }
        parts.remove(0);
        while parts.first() == Some(&"super") {
            parts.remove(0);
            base.pop();
        }
        found.extend(definition(files, base, &parts));
    }
    // That nothing imports lib.rs is what the layers promise.
    found.retain(|found| *found != path && *found != "lib.rs");
    found
}

/// `wait/mod.rs` is the module `wait`, `wait/pace.rs` is `wait::pace`.
fn module_of(path: &str) -> Vec<String> {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').filter(|part| *part != "lib" && *part != "main").map(str::to_owned).collect()
}

/// The file of the deepest module of the path, or of what that module takes from one of its children.
fn definition<'a>(files: &'a BTreeMap<String, String>, base: Vec<String>, parts: &[&str]) -> Option<&'a str> {
    let (mut module, mut parts) = (base, parts);
    loop {
        let next = parts.first().map(|part| [&module[..], &[(*part).to_owned()]].concat());
        if let Some(next) = next.filter(|next| file_of(files, next).is_some()) {
            (module, parts) = (next, &parts[1..]);
            continue;
        }
        let file = file_of(files, &module)?;
        let child = parts.first().and_then(|item| reexported_from(&files[file], item));
        match child.map(|child| [&module[..], &[child]].concat()).filter(|child| file_of(files, child).is_some()) {
            Some(child) => module = child,
            None => return Some(file),
        }
    }
}

fn file_of<'a>(files: &'a BTreeMap<String, String>, module: &[String]) -> Option<&'a str> {
    let path = module.join("/");
    let candidates = if path.is_empty() {
        ["lib.rs".into(), "main.rs".into()]
    } else {
        [format!("{path}.rs"), format!("{path}/mod.rs")]
    };
    candidates.iter().find_map(|path| Some(files.get_key_value(path)?.0.as_str()))
}

/// The child module that a `use child::Item;` of this file takes the item from.
fn reexported_from(text: &str, item: &str) -> Option<String> {
    let uses = paths(text).into_iter().filter(|path| path.rsplit("::").next() == Some(item));
    let mut children =
        uses.map(|path| path.trim_start_matches("self::").split("::").next().unwrap_or_default().to_owned());
    children.find(|child| text.contains(&format!("mod {child};")))
}

/// All paths of `use` declarations, each brace written out, and all that are named elsewhere.
fn paths(code: &str) -> Vec<String> {
    let mut all = Vec::new();
    for declaration in code.split("use ").skip(1).filter_map(|rest| rest.split_once(';')).map(|(first, _)| first) {
        expand("", &declaration.split_whitespace().collect::<Vec<_>>().join(" "), &mut all);
    }
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = code.split(|c| !is_path(c)).filter(|word| word.contains("::") && !word.starts_with("::"));
    all.extend(words.filter(|word| !word.ends_with("::")).map(str::to_owned));
    all
}

/// `a::{b,c::{d}}` is `a::b` and `a::c::d`.
fn expand(prefix: &str, tree: &str, all: &mut Vec<String>) {
    let mut depth = 0;
    let parts = tree.split(|c| {
        depth += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        c == ',' && depth == 0
    });
    for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
        match part.split_once('{') {
            Some((before, inner)) => expand(&format!("{prefix}{before}"), inner.trim_end_matches('}'), all),
            None => all.push(format!("{prefix}{part}").split(" as ").next().unwrap().to_owned()),
        }
    }
}

/// The first thing that somebody sees of the project.
#[test]
fn the_top_level_holds_only_what_is_expected_there() {
    let expected = [
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "Makefile",
        "README.md",
        "SECURITY.md",
        "dist",
        "docker",
        "src",
        "target",
        "tests",
    ];
    let names = fs::read_dir(project()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    expect_only(&expected, names.filter(|name| !name.starts_with('.')));
}
