//! The run directory, and files in it that are whole or absent.

use crate::error::{Error, Stage};
use crate::exit;
use crate::sys::{self, DirectoryLock};
use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// A directory of mode 0700 that is ours alone, removed with all that is in it at our end.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    _lock: DirectoryLock,
}

impl RunDir {
    /// Opens the directory that was asked for, else the first that can be written of /run/beaminit, and one of our own
    /// in /dev/shm, in `tmpdir` and in /tmp.
    ///
    /// The containers of a pod share /dev/shm, hence the mount namespace in the name.
    ///
    /// # Errors
    /// None can be made, or somebody else has it: exit code 73.
    pub fn open(asked: Option<&Path>, tmpdir: Option<&Path>) -> Result<Self, Error> {
        let prefix = format!("beaminit-{}-", sys::uid());
        let own = format!("{prefix}{}", sys::mount_namespace());
        let below = |dir: &Path| (dir.join(&own), false);
        let candidates = match asked {
            Some(asked) => vec![(asked.to_owned(), true)],
            None => std::iter::once((PathBuf::from("/run/beaminit"), true))
                .chain([Some(Path::new("/dev/shm")), tmpdir, Some(Path::new("/tmp"))].into_iter().flatten().map(below))
                .collect(),
        };
        let mut reasons = Vec::new();
        for (path, may_be_volume) in candidates {
            // A volume that is mounted there need not be of our uid or mode: then we go one deeper. Not so in folders
            // where everybody may put a link of that name.
            let taken = match Self::take(&path) {
                Err(error) if may_be_volume && error.kind() == io::ErrorKind::PermissionDenied => {
                    Self::take(&path.join(&own))
                }
                other => other,
            };
            match taken {
                Ok(dir) => {
                    remove_leftovers(&dir.path, &prefix);
                    return Ok(dir);
                }
                Err(error) => reasons.push(format!("{}: {}", path.display(), explain(&error))),
            }
        }
        let message = format!("no directory to write to: {}", reasons.join(", "));
        Err(Error::new(Stage::HandOver, exit::CANNOT_CREATE, message)
            .hint("mount an emptyDir with medium: Memory and name it in BEAMINIT_RUN_DIR"))
    }

    /// Makes the directory, or takes over one that a dead process of ours left.
    fn take(path: &Path) -> io::Result<Self> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let found = fs::symlink_metadata(path)?;
        if !found.is_dir() || found.uid() != sys::uid() || found.mode() & 0o777 != 0o700 || !has_only_ours(path)? {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is not ours alone"));
        }
        let lock = sys::lock_directory(path)?;
        empty(path)?;
        // Says no for a directory of ours on a read-only mount.
        tempfile::tempfile_in(path)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file of this mode, whole or not at all, and gives its path.
    ///
    /// # Errors
    /// It cannot be written: exit code 73.
    pub fn write(&self, name: &str, contents: &[u8], mode: u32) -> Result<PathBuf, Error> {
        let path = self.path.join(name);
        let write = || -> io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
            file.write_all(contents)?;
            file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(|error| self.failed(&path, &error))?;
        Ok(path)
    }

    /// Makes a directory of mode 0700 in it, and gives its path.
    ///
    /// # Errors
    /// It cannot be made: exit code 73.
    pub fn make_dir(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.path.join(name);
        DirBuilder::new().mode(0o700).create(&path).map_err(|error| self.failed(&path, &error))?;
        Ok(path)
    }

    fn failed(&self, path: &Path, error: &io::Error) -> Error {
        let message = format!("cannot write {}: {}", path.display(), explain(error));
        Error::new(Stage::HandOver, exit::CANNOT_CREATE, message)
            .hint(format!("make room in {}, or name another directory in BEAMINIT_RUN_DIR", self.path.display()))
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        // The directory itself may be a mount that was made for us; then it stays, empty.
        let _ = empty(&self.path);
        let _ = fs::remove_dir(&self.path);
    }
}

/// Removes the directories beside `own` that killed processes of ours left: /dev/shm outlives a container that is
/// restarted in place, and a rendered file may hold a secret. One whose owner lives is locked.
fn remove_leftovers(own: &Path, prefix: &str) {
    let siblings = own.parent().and_then(|parent| fs::read_dir(parent).ok()).into_iter().flatten().flatten();
    for sibling in siblings.filter(|sibling| sibling.file_name().to_string_lossy().starts_with(prefix)) {
        // Taken over, it is emptied, and removed when it is dropped.
        drop(RunDir::take(&sibling.path()));
    }
}

/// Everything that we write there. A directory with anything else is not ours to empty.
const NAMES: [&str; 7] = ["vm.args", "remote.vm.args", "sys.config", "state.json", "tmp", "var", "erlang"];

fn has_only_ours(dir: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        if !NAMES.iter().any(|ours| name == *ours) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn empty(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
    }
    Ok(())
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock => "another beaminit has it".into(),
        _ => crate::error::cause(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_closed_to_others_and_gone_at_the_end() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("run");
        let dir = RunDir::open(Some(&path), None).unwrap();
        let file = dir.write("vm.args", b"-name a@b\n", 0o600).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read(&file).unwrap(), b"-name a@b\n");
        dir.make_dir("tmp").unwrap();
        drop(dir);
        assert!(!path.exists());
    }

    #[test]
    fn a_directory_in_use_is_refused_and_what_the_dead_left_is_taken() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("run");
        let first = RunDir::open(Some(&path), None).unwrap();
        let error = RunDir::open(Some(&path), None).unwrap_err();
        assert_eq!(error.code, exit::CANNOT_CREATE);
        assert!(error.to_string().contains("another beaminit has it"), "{error}");
        drop(first);
        DirBuilder::new().mode(0o700).create(&path).unwrap();
        fs::write(path.join("vm.args"), "left over").unwrap();
        let second = RunDir::open(Some(&path), None).unwrap();
        assert_eq!(fs::read_dir(second.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_killed_processes_left_beside_it_is_removed_and_what_living_ones_use_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let [dead, living, own] = ["x-1", "x-2", "x-3"].map(|name| parent.path().join(name));
        DirBuilder::new().mode(0o700).create(&dead).unwrap();
        fs::write(dead.join("vm.args"), "-setcookie sesame").unwrap();
        let _living = RunDir::take(&living).unwrap();
        let _own = RunDir::take(&own).unwrap();
        remove_leftovers(&own, "x-");
        assert_eq!([dead, living, own].map(|path| path.exists()), [false, true, true]);
    }

    #[test]
    fn a_directory_of_other_peoples_files_is_left_as_it_is() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("precious"), "data").unwrap();
        let dir = RunDir::open(Some(parent.path()), None).unwrap();
        assert_eq!(dir.path().parent(), Some(parent.path()));
        drop(dir);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_to_elsewhere_is_not_followed() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("run");
        std::os::unix::fs::symlink(parent.path(), &path).unwrap();
        assert!(RunDir::take(&path).is_err());
    }
}
