//! Files that no other user can have written.

use super::user::uid;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Opens a file that only this user may read, in a directory that only this user may change. A link is
/// followed to neither: a process that could put one there would choose what is read.
///
/// # Errors
/// It is not there, or others have access to it, as the error's sentence says.
pub(crate) fn open_private(dir: &Path, name: &str) -> io::Result<File> {
    let dir = open_unfollowed(AT_FDCWD, dir)?;
    let file = open_unfollowed(dir.as_fd(), Path::new(name))?;
    let (around, found) = (dir.metadata()?, file.metadata()?);
    // Others may pass through the directory to files that are for them.
    if !is_ours(&around, WRITE_BY_OTHERS) {
        return Err(not_private("its directory is not ours alone"));
    }
    if !found.is_file() || !is_ours(&found, GROUP_AND_OTHERS) || found.nlink() != 1 {
        return Err(not_private("it is not ours alone"));
    }
    Ok(file)
}

fn open_unfollowed(parent: BorrowedFd<'_>, path: &Path) -> io::Result<File> {
    // NONBLOCK: opening a fifo without a writer would wait for one.
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    match openat(parent, path, flags, Mode::empty()) {
        Ok(file) => Ok(file.into()),
        Err(Errno::ELOOP) => Err(not_private("it is a link")),
        Err(errno) => Err(errno.into()),
    }
}

const GROUP_AND_OTHERS: u32 = 0o077;
const WRITE_BY_OTHERS: u32 = 0o022;

fn is_ours(found: &Metadata, refused: u32) -> bool {
    found.uid() == uid() && found.mode() & refused == 0
}

fn not_private(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, reason)
}
