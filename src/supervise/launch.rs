//! Starts the release.

use super::exec_failure::{ENOEXEC, ExecFailure, may_be_script};
use super::signals::SignalQueue;
use crate::error::{Error, Stage};
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

/// What is started, and with which changes to our environment.
#[derive(Debug)]
pub struct Launch {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// The file that the program is, if one was found.
    pub file: Option<PathBuf>,
    /// Where a VM would write its crash dump.
    pub crash_dump: PathBuf,
    /// Variables set besides those that we have.
    pub variables: Vec<(&'static str, OsString)>,
    /// Variables that it must not have.
    pub removed: Vec<&'static str>,
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
        let direct = signals.with_release_mask(self.is_beam, || self.spawn(None));
        let spawned = match direct {
            // A script without #!: a shell would run it by itself, and so did whoever started it before us.
            Err(error) if error.raw_os_error() == Some(ENOEXEC) && self.file.as_deref().is_some_and(may_be_script) => {
                signals.with_release_mask(self.is_beam, || self.spawn(Some("/bin/sh"))).map_err(|_| error)
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

    fn spawn(&self, shell: Option<&str>) -> io::Result<i32> {
        let program = self.command.first().map(OsString::as_os_str).unwrap_or_default();
        let mut command = match (shell, &self.file) {
            (Some(shell), Some(file)) => {
                let mut command = Command::new(shell);
                command.arg(file);
                command
            }
            _ => Command::new(program),
        };
        command
            .args(self.command.iter().skip(1))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .process_group(0);
        for name in &self.removed {
            command.env_remove(name);
        }
        // Not waited for here: the reaper takes every child, this one too.
        let child = command.spawn()?;
        i32::try_from(child.id()).map_err(|_| io::ErrorKind::InvalidData.into())
    }

    fn failed(&self, error: &io::Error) -> Error {
        let program = self.command.first().map(|program| program.to_string_lossy()).unwrap_or_default();
        let ExecFailure { code, cause, hint } = ExecFailure::explain(self.file.as_deref(), error);
        Error::new(Stage::Supervise, code, format!("cannot start {program}: {cause}")).hint(hint)
    }
}
