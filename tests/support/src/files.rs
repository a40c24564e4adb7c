//! What is in a directory of the machine, or in a pod.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tempfile::TempDir;

use super::scratch_dir;

/// A file or directory, as far as a change of it would show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub size: u64,
    pub modified: SystemTime,
    /// The permission bits.
    pub mode: u32,
}

/// Everything below a directory, the directory itself not. Links are not followed.
pub fn files_of(directory: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut found = BTreeMap::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            let metadata = fs::symlink_metadata(&path).unwrap();
            let modified = metadata.modified().unwrap();
            let entry = Entry { size: metadata.len(), modified, mode: metadata.mode() & 0o7777 };
            if metadata.is_dir() {
                directories.push(path.clone());
            }
            found.insert(path, entry);
        }
    }
    found
}

/// A directory with these files, paths in it and texts. Like a `ConfigMap` it can be read by every user of the pod.
pub fn directory_of(files: &[(&str, &str)]) -> TempDir {
    let dir = scratch_dir();
    set_mode(dir.path(), 0o755);
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

/// A scratch directory that every user may change, as a volume often is.
pub fn shared_dir() -> TempDir {
    let dir = scratch_dir();
    set_mode(dir.path(), 0o777);
    dir
}

pub fn set_mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}
