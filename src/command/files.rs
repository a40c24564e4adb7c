//! The files that COMMAND leads to.

use crate::file;
use std::fs;
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

/// More than any release has in its `bin`.
const MAX_NAMES: usize = 4096;

impl FileView for Disk {
    fn text(&self, path: &Path) -> Option<String> {
        file::read_script(path)
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
