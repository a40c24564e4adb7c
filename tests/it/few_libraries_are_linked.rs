//! What is linked into everybody's image stays few, known and ours to explain.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const TARGET: &str = "x86_64-unknown-linux-musl";

/// Of crates that end in the binary. Who needs one more raises it, and says in Cargo.toml what for.
const MOST: usize = 100;

#[test]
fn few_crates_are_linked() {
    let text = cargo(&["tree", "--edges", "normal,no-proc-macro", "--prefix", "none", "--target", TARGET]);
    let crates: BTreeSet<_> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains("hickory-resolver") && crates.len() <= MOST, "{}: {crates:?}", crates.len());
}

/// By the list of `.deny.toml`, which `cargo deny` reads where it is installed.
#[test]
fn every_crate_may_be_given_away_without_its_sources() {
    let rules = fs::read_to_string(root().join(".deny.toml")).unwrap();
    let allowed = rules.lines().find(|line| line.starts_with("allow = [")).unwrap();
    let allowed: Vec<_> = allowed.split('"').skip(1).step_by(2).collect();
    // All of what is between the ANDs, one of what is between the ORs.
    let is_allowed = |licences: &str| {
        licences.split(" AND ").all(|choice| {
            let mut choices = choice.split(" OR ").flat_map(|choice| choice.split('/'));
            choices.any(|licence| allowed.contains(&licence.trim_matches(['(', ')', ' '])))
        })
    };
    let format = ["--prefix", "none", "--no-dedupe", "--target", TARGET, "--format", "{p}: {l}"];
    let text = cargo(&[&["tree", "--edges", "normal,build"], &format[..]].concat());
    let crates: BTreeSet<_> = text.lines().filter_map(|line| line.split_once(": ")).collect();
    let wrong: Vec<_> = crates.iter().filter(|(_, licences)| !is_allowed(licences)).collect();
    assert!(crates.len() > 20 && wrong.is_empty(), "{wrong:?}");
}

/// An update of a dependency may ask for a newer compiler; cargo only says so to the one who has the old one.
#[test]
fn no_crate_wants_a_newer_compiler_than_we_promise() {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--format-version", "1", "--filter-platform", TARGET])).unwrap();
    let version = |text: &str| text.split('.').take(2).map(|part| part.parse::<u32>().unwrap()).collect::<Vec<_>>();
    let promised = version(env!("CARGO_PKG_RUST_VERSION"));
    let packages = metadata["packages"].as_array().unwrap();
    let wanted = packages.iter().filter_map(|package| Some((&package["name"], package["rust_version"].as_str()?)));
    let newer: Vec<_> = wanted.filter(|(_, wanted)| version(wanted) > promised).collect();
    assert!(packages.len() > 20 && newer.is_empty(), "{newer:?}");
}

#[test]
fn nothing_of_ours_runs_while_it_is_built() {
    assert!(!root().join("build.rs").exists());
    assert!(!fs::read_to_string(root().join("Cargo.toml")).unwrap().contains("build ="));
}

/// The wall clock jumps, on nodes that were asleep above all. It may date things, never time them.
#[test]
fn deadlines_know_no_wall_clock() {
    let dating = [
        "wait/driver.rs",
        "supervise/mod.rs",
        "supervise/crash_dump.rs",
        "hand_over/state/mod.rs",
        "telemetry.rs",
        "explain",
    ];
    let mut wrong = Vec::new();
    for file in rust_files(&root().join("src")) {
        let name = file.strip_prefix(root().join("src")).unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        let uses = ["SystemTime", "UNIX_EPOCH", "Utc::now", "Local::now"].iter().any(|word| text.contains(word));
        if uses && !dating.iter().any(|allowed| name.starts_with(allowed)) {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

fn cargo(arguments: &[&str]) -> String {
    let run = Command::new(env!("CARGO")).args(arguments).args(["--locked", "--offline"]).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] }).collect()
}
