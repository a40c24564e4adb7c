//! Where cargo puts what it builds. A library gets none of the variables that cargo sets for a test.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

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
