//! Where cargo puts what it builds. A library gets none of the variables that cargo sets for a test.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use nix::fcntl::{Flock, FlockArg};

/// The project's directory.
pub fn project() -> &'static Path {
    static PROJECT: LazyLock<PathBuf> = LazyLock::new(|| {
        let ancestors = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        ancestors.skip(1).find(|dir| dir.join("Cargo.lock").exists()).expect("a project around the tests").to_owned()
    });
    &PROJECT
}

/// The binary under test, built beside the test that runs.
pub fn beaminit() -> &'static Path {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(|| profile_dir().join("beaminit"));
    &BINARY
}

/// The binary as it is delivered, for systems whose C library is not the machine's. Built here, since cargo builds for one
/// target beside a test.
pub fn static_beaminit() -> &'static Path {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(|| static_beaminit_for(env::consts::ARCH));
    &BINARY
}

/// The same for another machine.
pub fn static_beaminit_for(machine: &str) -> PathBuf {
    let (target, profile) = (format!("{machine}-unknown-linux-musl"), profile_dir());
    let all_targets = profile.parent().expect("a profile is in cargo's directory");
    let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.current_dir(project()).args(["build", "--quiet", "--release", "--locked", "--bin", "beaminit"]);
    let status = build.arg("--target").arg(&target).arg("--target-dir").arg(all_targets).status().expect("cargo");
    assert!(status.success(), "{build:?}: {status}");
    all_targets.join(target).join("release/beaminit")
}

/// A directory of [`target_tmp`] that `make` fills, once for each `key`. Nothing is there unless it is whole; any user
/// can read it.
pub fn made_once(name: &str, key: u64, make: impl FnOnce(&Path)) -> PathBuf {
    let directory = target_tmp().join(format!("{name}-{key:016x}"));
    let lock = File::create(target_tmp().join(format!("{name}.lock"))).unwrap();
    let _other_processes_wait = Flock::lock(lock, FlockArg::LockExclusive).unwrap();
    if !directory.exists() {
        let partial = directory.with_extension("partial");
        fs::remove_dir_all(&partial).ok(); // of a run that was killed
        fs::create_dir(&partial).unwrap();
        make(&partial);
        fs::rename(&partial, &directory).unwrap();
    }
    directory
}

/// Beside the profile's directory, for large files that are made once, such as releases.
pub fn target_tmp() -> &'static Path {
    static TMP: LazyLock<PathBuf> = LazyLock::new(|| {
        let tmp = profile_dir().parent().expect("a profile is in cargo's directory").join("tmp");
        fs::create_dir_all(&tmp).expect("cargo's directory takes files");
        tmp
    });
    &TMP
}

/// `target/debug` of `target/debug/deps/it-…`.
fn profile_dir() -> PathBuf {
    let test = env::current_exe().expect("the path of this test");
    test.ancestors().nth(2).expect("a test is in a directory of cargo's").to_owned()
}
