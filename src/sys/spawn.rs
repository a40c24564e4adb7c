//! The start of a program whose signal mask is not ours. `std::process::Command` passes on that of the thread; changing that
//! for the moment of the start would let signals through that nobody catches.

use super::signal_mask::SignalMask;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawnp};
use nix::unistd::Pid;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

/// What is started, and how.
#[derive(Debug)]
pub(crate) struct Spawn<'a> {
    /// The program, looked for in `PATH` if it has no slash, and its arguments.
    pub(crate) words: Vec<&'a OsStr>,
    /// Its whole environment.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Which signals are blocked in it.
    pub(crate) mask: SignalMask,
    /// Signals that are not ignored in it, whatever they are here.
    pub(crate) not_ignored: &'a [i32],
}

impl Spawn<'_> {
    /// Starts it in a separate process group, and returns its process id once the program runs.
    ///
    /// # Errors
    /// Those of `fork` and `execve`.
    pub(crate) fn start(self) -> io::Result<i32> {
        let c_string = |bytes: Vec<u8>| CString::new(bytes).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput));
        let words: Vec<_> =
            self.words.iter().map(|word| c_string(word.as_bytes().to_owned())).collect::<Result<_, _>>()?;
        let variable = |(name, value): (OsString, OsString)| c_string([name.into_vec(), value.into_vec()].join(&b'='));
        let environment: Vec<_> = self.environment.into_iter().map(variable).collect::<Result<_, _>>()?;
        let program = words.first().ok_or(io::ErrorKind::NotFound)?;

        let mut attributes = PosixSpawnAttr::init()?;
        attributes.set_flags(
            PosixSpawnFlags::POSIX_SPAWN_SETPGROUP
                | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF
                | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK,
        )?;
        attributes.set_pgroup(Pid::from_raw(0))?;
        attributes.set_sigdefault(&SignalMask::only(self.not_ignored).0)?;
        attributes.set_sigmask(&self.mask.0)?;
        Ok(posix_spawnp(program, &PosixSpawnFileActions::init()?, &attributes, &words, &environment)?.as_raw())
    }
}
