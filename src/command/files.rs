//! The files that COMMAND leads to.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// What following COMMAND needs to know of files, so that tests can make them up.
pub(crate) trait FileView {
    /// The beginning of a regular file; `None` for anything else, and for a program that is not a text.
    fn text(&self, path: &Path) -> Option<String>;
    /// Whether it is a regular file, behind links.
    fn is_file(&self, path: &Path) -> bool;
    /// Whether it is a directory, behind links.
    fn is_dir(&self, path: &Path) -> bool;
    /// The path behind all links; `path` itself where there are none, or too many.
    fn resolve(&self, path: &Path) -> PathBuf;
    /// The names in a directory.
    fn names(&self, dir: &Path) -> Vec<String>;
}

/// The files of this machine.
pub(crate) struct Disk;

/// relx's start script, the longest of those that tools write, has 40 kB.
const LONGEST_SCRIPT: u64 = 1 << 17;
/// More than any release has in its `bin`.
const MAX_NAMES: usize = 4096;

impl FileView for Disk {
    fn text(&self, path: &Path) -> Option<String> {
        // A fifo would be waited for until somebody writes to it.
        if !path.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        let mut file = File::open(path).ok()?.take(LONGEST_SCRIPT);
        // A program need not be read any further.
        file.by_ref().take(4).read_to_end(&mut bytes).ok()?;
        if bytes.starts_with(b"\x7fELF") {
            return None;
        }
        file.read_to_end(&mut bytes).ok()?;
        (!bytes.contains(&0)).then(|| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn resolve(&self, path: &Path) -> PathBuf {
        fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
    }

    fn names(&self, dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten().take(MAX_NAMES);
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// Where what files hold is of no account.
pub(crate) struct NoFiles;

impl FileView for NoFiles {
    fn text(&self, _: &Path) -> Option<String> {
        None
    }

    fn is_file(&self, _: &Path) -> bool {
        false
    }

    fn is_dir(&self, _: &Path) -> bool {
        false
    }

    fn resolve(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }

    fn names(&self, _: &Path) -> Vec<String> {
        Vec::new()
    }
}
