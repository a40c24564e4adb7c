//! Starts the release.

use super::exec_failure::{ENOEXEC, ExecFailure, may_be_script};
use super::signals::SignalQueue;
use crate::error::{Error, Stage};
use crate::sys::Spawn;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;

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
        let spawned = match self.spawn(signals, None) {
            // A script without #!: a shell would run it by itself, and so did whoever started it before us.
            Err(error) if error.raw_os_error() == Some(ENOEXEC) && self.file.as_deref().is_some_and(may_be_script) => {
                self.spawn(signals, Some("/bin/sh")).map_err(|_| error)
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

    fn spawn(&self, signals: &SignalQueue, shell: Option<&str>) -> io::Result<i32> {
        let program = self.command.first().map(OsString::as_os_str).unwrap_or_default();
        let program = match (shell, &self.file) {
            (Some(shell), Some(file)) => vec![OsStr::new(shell), file.as_os_str()],
            _ => vec![program],
        };
        let arguments = self.command.iter().skip(1).map(OsString::as_os_str);
        let spawn = Spawn {
            words: program.into_iter().chain(arguments).collect(),
            environment: self.environment(),
            mask: signals.release_mask(self.is_beam),
            not_ignored: &SignalQueue::not_ignored(),
        };
        spawn.start()
    }

    /// Ours with the changes. Where a variable is set twice, the last one counts.
    fn environment(&self) -> Vec<(OsString, OsString)> {
        let is_set = |name: &OsString| self.variables.iter().any(|(set, _)| name == set);
        let is_removed = |name: &OsString| self.removed.iter().any(|removed| name == removed);
        let mut environment: Vec<_> = std::env::vars_os().filter(|(name, _)| !is_set(name)).collect();
        for (at, (name, value)) in self.variables.iter().enumerate() {
            if !self.variables[at + 1..].iter().any(|(later, _)| later == name) {
                environment.push(((*name).into(), value.clone()));
            }
        }
        environment.retain(|(name, _)| !is_removed(name));
        environment
    }

    fn failed(&self, error: &io::Error) -> Error {
        let program = self.command.first().map(|program| program.to_string_lossy()).unwrap_or_default();
        let ExecFailure { code, cause, hint } = ExecFailure::explain(self.file.as_deref(), error);
        Error::new(Stage::Supervise, code, format!("cannot start {program}: {cause}")).hint(hint)
    }
}
