//! What is linked into everybody's image stays few, known and ours to explain.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Of crates that end in the binary. Who needs one more raises it, and says in Cargo.toml what for.
const MOST: usize = 100;

#[test]
fn few_crates_are_linked() {
    let tree = ["tree", "--locked", "--offline", "--edges", "normal,no-proc-macro", "--prefix", "none"];
    let tree = Command::new(env!("CARGO")).args(tree).args(["--target", "x86_64-unknown-linux-musl"]).output().unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8(tree.stdout).unwrap();
    let crates: BTreeSet<_> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains("hickory-resolver") && crates.len() <= MOST, "{}: {crates:?}", crates.len());
}

#[test]
fn nothing_of_ours_runs_while_it_is_built() {
    assert!(!root().join("build.rs").exists());
    assert!(!fs::read_to_string(root().join("Cargo.toml")).unwrap().contains("build ="));
}

/// The wall clock jumps, on nodes that were asleep above all. It may date things, never time them.
#[test]
fn deadlines_know_no_wall_clock() {
    let dating =
        ["wait/mod.rs", "supervise/mod.rs", "supervise/crash_dump.rs", "release/state.rs", "telemetry.rs", "explain"];
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

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] }).collect()
}
