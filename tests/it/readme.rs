//! The README's tables are in step with the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use beaminit::testing::Rewrites;
use beaminit::testing::variables::{OTHERS, POD, RELEASE, SETTINGS, Variable};

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// `| cell | cell |`; an empty cell is one blank.
fn table_row(cells: &[&str]) -> String {
    let cells = cells.iter().map(|cell| if cell.is_empty() { String::new() } else { format!(" {cell}") });
    format!("|{} |", cells.collect::<Vec<_>>().join(" |"))
}

fn names(row: &Variable) -> String {
    row.names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_environments_tables_are_the_codes() {
    let pod = POD.iter().map(|row| table_row(&[&names(row), row.meaning, row.default]));
    let release = RELEASE.iter().chain(OTHERS).map(|row| {
        let default = if row.default.is_empty() { String::new() } else { format!("; else {}", row.default) };
        table_row(&[&names(row), &format!("{}{default}", row.meaning), row.read_by])
    });
    let settings = SETTINGS.iter().map(|row| table_row(&[&names(row), row.default, row.meaning]));
    let expected: Vec<_> = pod.chain(release).chain(settings).collect();
    let readme = file("README.md");
    let section = readme.split("\n## Environment\n").nth(1).expect("a section").split("\n### ").next().unwrap();
    let described: Vec<_> = section.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(described.join("\n"), expected.join("\n"), "README.md has what src/variables/table.rs has");
}

/// Each variable that is read by name is in the table.
#[test]
fn no_variable_is_read_that_the_table_does_not_have() {
    let known: BTreeSet<_> = OTHERS.iter().flat_map(|row| row.names).copied().collect();
    let sources = source_files(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let mut read = BTreeSet::new();
    for text in &sources {
        for mark in ["env.get(\"", "env::var_os(\"", "env::var(\""] {
            read.extend(text.split(mark).skip(1).filter_map(|rest| rest.split('"').next()));
        }
    }
    assert_eq!(read, known);
}

/// The files' text, without inline tests.
fn source_files(directory: PathBuf) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            texts.extend(source_files(entry.path()));
        } else {
            let text = fs::read_to_string(entry.path()).unwrap();
            texts.push(text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned());
        }
    }
    texts
}

/// What is said of signals holds for every VM, and is what the code does.
#[test]
fn the_default_for_signals_is_the_one_that_is_described() {
    let readme = file("README.md");
    let row = readme.lines().find(|line| line.starts_with("| `BEAMINIT_SIGNALS` |")).expect("a row");
    let described = row.split('`').nth(3).unwrap();
    assert_eq!(Rewrites::parse(described), Ok(Rewrites::for_beam()));
}

#[test]
fn every_exit_code_is_described() {
    let code = file("src/exit.rs");
    let numbers = code.lines().filter_map(|line| line.split_once("const ")?.1.split(" = ").nth(1));
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

/// What is in code blocks is what `make demo` runs and what the tests start: each line is one of these files'.
#[test]
fn code_blocks_are_what_runs() {
    let text = ["README.md", "docker/RECIPES.md"].map(file).concat();
    let dockerfile = file("docker/demo/Dockerfile");
    let added = lines_of_blocks(&text, "diff").filter_map(|line| line.strip_prefix('+'));
    let manifests = ["service.yaml", "statefulset.yaml"].map(|name| file(&format!("docker/k8s/statefulset/{name}")));
    let manifests = manifests.concat();
    let yaml = lines_of_blocks(&text, "yaml").filter(|line| *line != "---");
    let vm_args = file("docker/demo/beamconfig/vm.args");
    let templates = lines_of_blocks(&text, "erl-args");
    let blocks = [
        (added.collect::<Vec<_>>(), &dockerfile),
        (yaml.collect::<Vec<_>>(), &manifests),
        (templates.collect::<Vec<_>>(), &vm_args),
    ];
    for (lines, source) in blocks {
        assert!(!lines.is_empty());
        for line in lines {
            assert!(source.lines().any(|own| own.trim() == line.trim()), "{line}");
        }
    }
}

fn lines_of_blocks<'a>(text: &'a str, language: &str) -> impl Iterator<Item = &'a str> {
    let begin = format!("\n```{language}\n");
    let blocks: Vec<&str> = text.split(&begin).skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect();
    blocks.into_iter().flat_map(str::lines)
}

#[test]
fn every_make_target_and_every_file_that_is_named_is_there() {
    let makefile = file("Makefile");
    for (name, directory) in [("README.md", ""), ("docker/RECIPES.md", "docker/")] {
        let text = file(name);
        for words in text.split("`make ").skip(1) {
            let target: String = words.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
            assert!(makefile.contains(&format!("\n{target}:")), "{name}: make {target}");
        }
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory).join(link);
            assert!(link.starts_with("http") || path.exists(), "{name}: {link}");
        }
    }
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"] {
        let text = file(name);
        let words = text.split('`').filter(|word| word.starts_with("src/") || word.starts_with("tests/"));
        for word in words {
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(word).exists(), "{name}: {word}");
        }
    }
    let recipes = file("docker/RECIPES.md");
    let tests: Vec<_> = recipes.split('`').filter(|word| word.matches('_').count() > 2).collect();
    let tests: Vec<_> = tests.into_iter().filter(|word| word.chars().all(|c| c == '_' || c.is_lowercase())).collect();
    assert!(tests.len() > 5);
    for test in tests {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/{test}.rs"));
        assert!(path.exists(), "{test}");
    }
    assert!(file("README.md").lines().count() <= 300);
}

/// Once one target has a `?=`, GNU make hides the environment's variable of this name from all others.
#[test]
fn variables_of_the_environment_reach_every_target() {
    let makefile = file("Makefile");
    let of_a_target = |line: &&str| line.split_once("?=").is_some_and(|(name, _)| name.contains(':'));
    assert_eq!(makefile.lines().find(of_a_target), None);
}

/// A promise is worth its test.
#[test]
fn every_promise_of_the_threat_model_has_its_test() {
    let all: String = ["src", "tests"]
        .iter()
        .map(|directory| sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)))
        .collect();
    let security = file("SECURITY.md");
    let promises = security.split("## What is promised").nth(1).unwrap().split("\n## ").next().unwrap();
    let named: Vec<_> =
        promises.lines().filter_map(|row| row.split('|').nth(2)).flat_map(|cell| cell.split('`')).collect();
    let tests: Vec<_> = named.into_iter().filter(|word| word.contains('_')).collect();
    assert!(tests.len() > 10);
    let missing: Vec<_> = tests.iter().filter(|test| !all.contains(&format!("fn {test}()"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn sources(directory: &Path) -> String {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let texts = entries.map(|path| match path.extension() {
        _ if path.is_dir() => sources(&path),
        Some(suffix) if suffix == "rs" => fs::read_to_string(path).unwrap(),
        _ => String::new(),
    });
    texts.collect()
}

/// The source as one text, each `{…}` of a message as `…`, and messages that go on in the next line in one.
fn messages() -> String {
    let mut all = String::new();
    let mut directories = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                directories.push(entry.path());
            } else {
                all += &fs::read_to_string(entry.path()).unwrap();
            }
        }
    }
    let joined: String = all
        .split("\\\n")
        .enumerate()
        .fold(String::new(), |text, (index, part)| text + if index == 0 { part } else { part.trim_start() });
    let mut text = String::new();
    for part in joined.replace("{{", "").replace("}}", "").split('{') {
        match part.split_once('}') {
            Some((name, rest)) if name.len() < 40 && !name.contains(['\n', ';']) => text = text + "…" + rest,
            _ => text += part,
        }
    }
    text
}

/// What is in backticks in the lines with this beginning.
fn quoted(text: &str, beginning: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(beginning));
    lines.map(|line| line.split('`').nth(1).expect("a message in backticks").to_owned()).collect()
}

#[test]
fn every_heading_of_troubleshooting_is_a_message_as_it_is_written() {
    let (headings, messages) = (quoted(&file("docker/TROUBLESHOOTING.md"), "### "), messages());
    assert!(headings.len() > 40, "{}", headings.len());
    let strangers: Vec<_> = headings.iter().filter(|heading| !messages.contains(heading.as_str())).collect();
    assert!(strangers.is_empty(), "{strangers:#?}");
}

#[test]
fn the_readmes_most_frequent_messages_are_among_them() {
    let readme = file("README.md");
    let section = readme.split("\n## Troubleshooting\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let frequent: Vec<_> = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let headings = quoted(&file("docker/TROUBLESHOOTING.md"), "### ");
    assert!(frequent.len() >= 5, "{frequent:?}");
    for message in frequent {
        assert!(headings.iter().any(|heading| heading == message), "{message}");
    }
}

/// What may differ from a start without beaminit is a short list, and each entry names what restores the old behaviour or
/// begins a sentence that says how values are written.
#[test]
fn the_differences_are_few_and_name_what_restores_the_old_behaviour() {
    let readme = file("README.md");
    let section = readme.split("\n## What is different from before\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let entries: Vec<_> = section.split("\n* ").skip(1).collect();
    assert!((1..6).contains(&entries.len()), "{entries:#?}");
    for entry in entries {
        let settings = ["`BEAMINIT_", "`RELEASE_DISTRIBUTION=", "`RABBITMQ_USE_LONGNAME="];
        assert!(settings.iter().any(|setting| entry.contains(setting)), "{entry}");
    }
}

#[test]
fn every_exit_code_of_a_failed_start_is_a_section_of_troubleshooting() {
    let code = file("src/exit.rs");
    let numbers = code.lines().filter_map(|line| line.split_once("const ")?.1.split(" = ").nth(1));
    let text = file("docker/TROUBLESHOOTING.md");
    let sections: Vec<_> = text.lines().filter(|line| line.starts_with("## ")).collect();
    for number in numbers.map(|number| number.trim_end_matches(';')).filter(|number| *number != "70") {
        assert!(sections.iter().any(|section| section.contains(number)), "{number} in {sections:#?}");
    }
}

#[test]
fn its_comparison_is_what_was_measured_last() {
    let readme = file("README.md");
    let (_, rest) = readme.split_once("<!-- written by make bench -->").unwrap();
    let (figures, _) = rest.split_once("<!-- end -->").unwrap();
    assert!(figures.contains("private dirty memory") && figures.contains("TERM lost"), "{figures}");
    assert!(file("tests/bench/RESULTS.md").contains(figures), "{figures}");
}
