//! The structure of the source is a promise too: imports run downwards, each library has one door, pure files are pure.

use crate::support::source::sources;

/// The modules from the top down. A file may import from rows below its own, and from its own module.
const LAYERS: [&[&str]; 12] = [
    &["lib", "main"],
    &["running"],
    &["report", "explain"],
    &["plan"],
    &["context"],
    &["wait", "supervise", "probe"],
    &["cli"],
    &["kind"],
    &["hand_over", "render"],
    &["release"],
    &["command"],
    &["identity"],
];
const BASE: [&str; 10] =
    ["cookie", "elf_file", "executable", "exit", "error", "file", "signal", "telemetry", "sys", "variables"];

/// Where a library may be named.
const DOORS: [(&str, &[&str]); 12] = [
    ("elf", &["elf_file.rs"]),
    ("dlmalloc", &["main.rs"]),
    ("erl_tokenize", &["render/sys_config/read_back.rs"]),
    ("envy", &["variables/config.rs"]),
    ("tokio", &["wait/driver.rs", "wait/lookup/mod.rs", "wait/mod.rs", "wait/stop.rs"]),
    ("hickory_resolver", &["wait/lookup/mod.rs"]),
    (
        "serde_json",
        &["explain/facts.rs", "hand_over/state/mod.rs", "probe/verdict.rs", "supervise/fresh_image.rs", "telemetry.rs"],
    ),
    ("signal_hook", &["supervise/signals.rs"]),
    ("md5", &["probe/handshake.rs"]),
    (
        "nix",
        &["sys/mod.rs", "sys/private_file.rs", "sys/signal_fd.rs", "sys/signal_mask.rs", "sys/spawn.rs", "sys/user.rs"],
    ),
    ("rustix", &["sys/mod.rs", "sys/clock.rs"]),
    ("rustix_libc_wrappers", &["sys/mod.rs"]),
];

/// What a pure file must not name: files, processes, sockets, clocks, chance, the log.
const IMPURE: [&str; 13] = [
    "std::fs",
    "process::Command",
    "std::env::",
    "std::thread",
    "Instant",
    "SystemTime",
    "UdpSocket",
    "TcpStream",
    "tracing::",
    "crate::sys",
    "fastrand::u",
    "Rng::new()",
    "tempfile",
];

/// `wait/machine.rs` is of the module `wait`.
fn module(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

fn layer(module: &str) -> usize {
    if BASE.contains(&module) {
        return LAYERS.len();
    }
    LAYERS.iter().position(|row| row.contains(&module)).unwrap_or_else(|| panic!("{module} has no place in LAYERS"))
}

/// The words behind each occurrence of `mark` in code, not in comments.
fn words_after<'a>(code: &'a str, mark: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines
        .flat_map(move |line| line.split(mark).skip(1))
        .map(|rest| rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default())
}

#[test]
fn imports_run_downwards_and_stages_do_not_know_each_other() {
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        let own = module(&file).to_owned();
        for imported in words_after(&code, "crate::").filter(|word| *word != own && !word.is_empty()) {
            // In a door's own words: `use crate::{sys, telemetry}` has no word there.
            if layer(imported) <= layer(&own) && !(BASE.contains(&own.as_str()) && BASE.contains(&imported)) {
                wrong.push(format!("{file} imports {imported}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_library_has_one_door() {
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        for (library, doors) in DOORS {
            let named = code.lines().filter(|line| !line.trim_start().starts_with("//")).any(|line| {
                line.match_indices(&format!("{library}::"))
                    .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
            });
            if named && !doors.contains(&file.as_str()) {
                wrong.push(format!("{file} names {library}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn pure_files_are_pure() {
    let mut pure = 0;
    for (file, code) in sources().into_iter().filter(|(_, code)| code.contains("//! Pure: no I/O, no clock.")) {
        pure += 1;
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in lines {
            for word in IMPURE {
                assert!(!line.contains(word), "{file}: {line}");
            }
        }
    }
    assert!(pure >= 10, "{pure}");
}
