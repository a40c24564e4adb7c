//! The run directory, and files in it that are whole or absent.

use super::access::{FileAccess, Owner};
use crate::error::{Error, Stage};
use crate::exit;
use crate::sys::{self, DirectoryLock};
use std::cell::LazyCell;
use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// A directory that only we can change, removed with all that is in it at our end. Its mode is 0700, or 0711 where another
/// user is to read a file in it.
#[derive(Debug)]
pub(crate) struct RunDir {
    path: PathBuf,
    /// `None`: an earlier image of this process has locked it, and the kernel holds it as long as we live.
    lock: Option<DirectoryLock>,
}

/// Where run directories may lie, as the environment has it.
#[derive(Debug)]
pub(crate) struct RunDirPlaces {
    /// The directory that was asked for, else `/run/beaminit`. A volume that is mounted there need not be of our uid or
    /// mode: then we go one deeper.
    first: PathBuf,
    /// Directories where everybody may put anything, links too: there the run directory is always one deeper.
    others: Vec<PathBuf>,
    /// What our directories one deeper are called. The containers of a pod share /dev/shm, hence the mount namespace, which
    /// a command that writes nothing is not made to wait for.
    own: LazyCell<String>,
}

impl RunDirPlaces {
    /// By `BEAMINIT_RUN_DIR`, which is then the only place, and `TMPDIR`.
    pub(crate) fn new(asked: Option<&Path>, tmpdir: Option<&Path>) -> Self {
        let tmpdir = tmpdir.filter(|dir| dir.is_absolute());
        let others = [Some(Path::new("/dev/shm")), tmpdir, Some(Path::new("/tmp"))];
        Self {
            first: asked.unwrap_or(Path::new("/run/beaminit")).to_owned(),
            others: others.into_iter().flatten().filter(|_| asked.is_none()).map(Path::to_owned).collect(),
            own: LazyCell::new(|| format!("{}{}", prefix(), sys::mount_namespace())),
        }
    }

    /// Every path where [`RunDir::open`] may have made the directory of this container, the likeliest first.
    pub(crate) fn of_a_start(&self) -> impl Iterator<Item = PathBuf> {
        std::iter::once(self.first.clone()).chain(self.parents().map(|dir| dir.join(&*self.own)))
    }

    /// The same for another container of our user's, by its mount namespace.
    pub(super) fn of_a_start_in(&self, namespace: u64) -> impl Iterator<Item = PathBuf> {
        let own = format!("{}{namespace}", prefix());
        std::iter::once(self.first.clone()).chain(self.parents().map(move |dir| dir.join(&own)))
    }

    fn parents(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The first place that can be taken.
    fn first_that<T>(&self, take: impl Fn(&Path) -> io::Result<T>) -> Result<T, Error> {
        let mut reasons = Vec::new();
        let mut attempt = |path: PathBuf| attempt(&path, &take, &mut reasons);
        let first = attempt(self.first.clone()).or_else(|kind| match kind {
            io::ErrorKind::PermissionDenied => attempt(self.first.join(&*self.own)),
            other => Err(other),
        });
        let found = self.others.iter().fold(first, |found, dir| found.or_else(|_| attempt(dir.join(&*self.own))));
        found.map_err(|_| nowhere(&reasons))
    }
}

fn attempt<T>(
    path: &Path,
    take: impl Fn(&Path) -> io::Result<T>,
    reasons: &mut Vec<String>,
) -> Result<T, io::ErrorKind> {
    take(path).map_err(|error| {
        reasons.push(format!("{}: {}", path.display(), explain(&error)));
        error.kind()
    })
}

fn prefix() -> String {
    format!("beaminit-{}-", sys::uid())
}

impl RunDir {
    /// Opens the first that can be written.
    ///
    /// # Errors
    /// None can be made, or somebody else has it: exit code 73.
    pub(crate) fn open(places: &RunDirPlaces) -> Result<Self, Error> {
        places.first_that(Self::take).map(Self::without_leftovers)
    }

    /// The directory that [`RunDir::open`] would take, as far as that is known without making it.
    ///
    /// # Errors
    /// As [`RunDir::open`].
    pub(crate) fn foresee(places: &RunDirPlaces) -> Result<PathBuf, Error> {
        places.first_that(|path| {
            match fs::symlink_metadata(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    sys::check_writable(path.parent().unwrap_or(path))?;
                }
                Err(error) => return Err(error),
                Ok(_) => {
                    // Released at once: a start that comes in this moment asks again.
                    drop(lock(path)?);
                    sys::check_writable(path)?;
                }
            }
            Ok(path.to_owned())
        })
    }

    /// Opens one for this process alone, of another name than a start's: a guest in a container must not take what its
    /// init has, nor what it will want.
    ///
    /// # Errors
    /// None can be made: exit code 73.
    pub(crate) fn open_beside_an_init(places: &RunDirPlaces) -> Result<Self, Error> {
        let own = format!("{}-{}", *places.own, std::process::id());
        let elsewhere = RunDirPlaces::new(None, None).others;
        // A start that waits has taken the first place itself.
        let is_taken = |dir: &Path| dir.join("state.json").exists();
        let mut reasons = Vec::new();
        let mut candidates = places.parents().chain(&elsewhere).filter(|dir| !is_taken(dir)).map(|dir| dir.join(&own));
        let found = candidates.find_map(|path| attempt(&path, Self::take, &mut reasons).ok());
        found.map(Self::without_leftovers).ok_or_else(|| nowhere(&reasons))
    }

    /// Makes the directory, or takes over one that a dead process of ours left.
    fn take(path: &Path) -> io::Result<Self> {
        let dir = Self::of(path, make_and_lock(path)?);
        empty(path)?;
        if fs::metadata(path)?.mode() & 0o777 != 0o700 {
            set_mode(path, 0o700)?;
        }
        // Says no for a directory of ours on a read-only mount.
        tempfile::tempfile_in(path)?;
        Ok(dir)
    }

    fn of(path: &Path, lock: DirectoryLock) -> Self {
        Self { path: path.to_owned(), lock: Some(lock) }
    }

    /// The one that an earlier image of this process has preserved.
    pub(super) fn resume(path: PathBuf) -> Self {
        Self { path, lock: None }
    }

    /// Keeps the lock when this process becomes another image.
    pub(super) fn keep_over_exec(&self) -> io::Result<()> {
        self.lock.as_ref().map_or(Ok(()), |lock| sys::keep_over_exec(lock.as_fd()))
    }

    /// Removes the directories beside it that killed processes of ours left: /dev/shm outlives a container that is
    /// restarted in place, and a rendered file may hold a secret. One whose owner lives is locked.
    fn without_leftovers(self) -> Self {
        let siblings = self.path.parent().and_then(|parent| fs::read_dir(parent).ok()).into_iter().flatten().flatten();
        for sibling in siblings.filter(|sibling| sibling.file_name().to_string_lossy().starts_with(&prefix())) {
            let path = sibling.path();
            // It is emptied and removed when it is dropped.
            drop(lock(&path).map(|lock| Self::of(&path, lock)));
        }
        self
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Lets other users reach what they may read in it.
    ///
    /// # Errors
    /// Its mode cannot be changed: exit code 73.
    pub(super) fn let_others_pass(&self, access: FileAccess) -> Result<(), Error> {
        if access == FileAccess::Private {
            return Ok(());
        }
        set_mode(&self.path, access.run_dir_mode()).map_err(|error| self.failed(&self.path, &error))
    }

    /// Writes a file, whole or not at all, and gives its path.
    ///
    /// # Errors
    /// It cannot be written: exit code 73.
    pub(crate) fn write(&self, name: &str, contents: &[u8], mode: RunFileMode) -> Result<PathBuf, Error> {
        let path = self.path.join(name);
        let write = || -> io::Result<()> {
            let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.path)?;
            file.write_all(contents)?;
            mode.give(file.path())?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(|error| self.failed(&path, &error))?;
        Ok(path)
    }

    /// Makes a directory in it, and gives its path.
    ///
    /// # Errors
    /// It cannot be made: exit code 73.
    pub(crate) fn make_dir(&self, name: &str, mode: RunFileMode) -> Result<PathBuf, Error> {
        let path = self.path.join(name);
        let created = DirBuilder::new().mode(0o700).create(&path);
        created.and_then(|()| mode.give(&path)).map_err(|error| self.failed(&path, &error))?;
        Ok(path)
    }

    fn failed(&self, path: &Path, error: &io::Error) -> Error {
        let message = format!("cannot write {}: {}", path.display(), explain(error));
        Error::new(Stage::HandOver, exit::CANNOT_CREATE, message)
            .hint(format!("make room in {}, or name another directory in BEAMINIT_RUN_DIR", self.path.display()))
    }
}

/// The mode of a file or directory, and the user who gets it where that is not ourselves.
#[derive(Clone, Copy)]
pub(crate) struct RunFileMode {
    pub(crate) mode: u32,
    pub(crate) owner: Option<Owner>,
}

impl RunFileMode {
    /// For our own user alone.
    pub(crate) const PRIVATE: Self = Self { mode: 0o600, owner: None };

    fn give(self, path: &Path) -> io::Result<()> {
        set_mode(path, self.mode)?;
        self.owner.map_or(Ok(()), |owner| owner.give(path))
    }
}

/// Past the umask.
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

impl Drop for RunDir {
    fn drop(&mut self) {
        // The directory itself may be a mount that was made for us; then it stays, empty.
        let _ = empty(&self.path);
        let _ = fs::remove_dir(&self.path);
    }
}

/// Everything that we write there. A directory with anything else is not ours to empty.
const NAMES: [&str; 8] =
    ["vm.args", "remote.vm.args", "sys.config", "state.json", STARTED_MARK, "tmp", "var", "erlang"];

/// Where a probe notes that the VM has started.
pub(crate) const STARTED_MARK: &str = "started";

/// How a file's name begins until it is whole.
const UNFINISHED: &str = ".unfinished-";

fn make_and_lock(path: &Path) -> io::Result<DirectoryLock> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        match lock(path) {
            Err(error) if may_pass(&error) && Instant::now() < deadline => pause(),
            locked => return locked,
        }
    }
}

/// Locks one of ours that is there, unless a living process has it.
fn lock(path: &Path) -> io::Result<DirectoryLock> {
    check_ours_alone(path)?;
    sys::lock_directory(path)
}

/// How long a directory that another process has, or has just removed, is asked for again.
const PATIENCE: Duration = Duration::from_secs(1);

#[expect(clippy::disallowed_methods, reason = "nobody is notified of a released lock")]
fn pause() {
    thread::sleep(Duration::from_millis(10));
}

/// Between its making and its locking a directory looks like a dead process's: a neighbour that starts at the same time
/// removes it ([`RunDir::without_leftovers`]), and has it until then.
fn may_pass(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::WouldBlock)
}

fn check_ours_alone(path: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    let has_our_mode = matches!(found.mode() & 0o777, 0o700 | 0o711);
    if !found.is_dir() || found.uid() != sys::uid() || !has_our_mode || !has_only_ours(path)? {
        let (uid, mode) = (found.uid(), found.mode() & 0o777);
        let whose =
            format!("it is not ours alone: it belongs to user {uid} with mode {mode:o}, and we are {}", sys::uid());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, whose));
    }
    Ok(())
}

fn has_only_ours(dir: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        if !NAMES.iter().any(|ours| name == *ours) && !name.to_string_lossy().starts_with(UNFINISHED) {
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

fn nowhere(reasons: &[String]) -> Error {
    let message = format!("no directory to write to: {}", reasons.join(", "));
    Error::new(Stage::HandOver, exit::CANNOT_CREATE, message).hint(
        "mount an emptyDir with medium: Memory, and set BEAMINIT_RUN_DIR to a directory in it that does not exist yet",
    )
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock => "another beaminit has it".into(),
        _ => crate::error::cause(error),
    }
}

#[cfg(test)]
mod tests;
