//! Starts the release.

use super::signals::SignalQueue;
use crate::error::{Error, Stage, cause};
use crate::exit;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// What is started, and with which changes to our environment.
#[derive(Debug)]
pub struct Launch {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Variables set besides those that we have.
    pub variables: Vec<(&'static str, OsString)>,
    /// Whether it becomes a BEAM.
    pub is_beam: bool,
}

impl Launch {
    /// Starts it in a process group of its own, and gives its process id.
    ///
    /// # Errors
    /// 127 if there is no such program, 126 if it cannot be executed, as shells have it; 71 if the kernel is out of
    /// processes or memory.
    pub fn start(&self, signals: &SignalQueue) -> Result<i32, Error> {
        let direct = signals.with_release_mask(self.is_beam, || self.spawn(&[]));
        let spawned = match direct {
            // A script without #!: a shell would run it by itself, and so did whoever started it before us.
            Err(error) if error.raw_os_error() == Some(ENOEXEC) => {
                signals.with_release_mask(self.is_beam, || self.spawn(&["/bin/sh".as_ref()])).map_err(|_| error)
            }
            other => other,
        };
        spawned.map_err(|error| self.failed(&error))
    }

    /// The first two words: further ones may be whole scripts, or secrets.
    #[must_use]
    pub fn title(&self) -> String {
        let words: Vec<_> = self.command.iter().take(2).map(|word| word.to_string_lossy()).collect();
        words.join(" ") + if self.command.len() > 2 { " …" } else { "" }
    }

    fn spawn(&self, interpreter: &[&std::ffi::OsStr]) -> io::Result<i32> {
        let mut words = interpreter.iter().copied().chain(self.command.iter().map(OsString::as_os_str));
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).envs(self.variables.iter().map(|(name, value)| (name, value))).process_group(0);
        // Not waited for here: the reaper takes every child, this one too.
        let child = command.spawn()?;
        i32::try_from(child.id()).map_err(|_| io::ErrorKind::InvalidData.into())
    }

    fn failed(&self, error: &io::Error) -> Error {
        let program = self.command.first().map(|program| program.to_string_lossy()).unwrap_or_default();
        let (code, hint) = match error.kind() {
            io::ErrorKind::NotFound => (
                exit::NOT_FOUND,
                "is the path right, from the working directory on? A script or binary whose interpreter or loader is missing \
                 says the same",
            ),
            io::ErrorKind::OutOfMemory | io::ErrorKind::WouldBlock => {
                (exit::OS, "the container is at its limit of processes or memory")
            }
            _ if error.raw_os_error() == Some(ENOEXEC) => {
                (exit::NOT_EXECUTABLE, "it is no binary of this machine, and as a script it needs a first line #!")
            }
            _ => (exit::NOT_EXECUTABLE, "is it a file, with the right to execute it (chmod +x) for this user?"),
        };
        Error::new(Stage::Supervise, code, format!("cannot start {program}: {}", cause(error))).hint(hint)
    }
}

/// `std` has no name for it.
const ENOEXEC: i32 = 8;
