//! The effective user, and what that user may do with a file.

use nix::unistd::AccessFlags;
use std::io;
use std::path::Path;

pub(crate) fn uid() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// Whether the effective user may write there; a read-only mount says no.
pub(crate) fn may_write(path: &Path) -> bool {
    check_writable(path).is_ok()
}

/// The same, with the reason.
///
/// # Errors
/// The effective user may not write there.
pub(crate) fn check_writable(path: &Path) -> io::Result<()> {
    Ok(nix::unistd::eaccess(path, AccessFlags::W_OK)?)
}

/// Whether the effective user may execute this file.
pub(crate) fn may_execute(path: &Path) -> bool {
    nix::unistd::eaccess(path, AccessFlags::X_OK).is_ok()
}
