//! Starts the release.

use super::signals::{NEVER_IGNORED, SignalQueue};
use crate::error::{Error, Stage};
use crate::executable::{self, ENOEXEC, ExecFailure};
use crate::sys::{SignalMask, Spawn};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

/// What is started, and with which changes to the environment.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) command: Vec<OsString>,
    /// The file that the program is, if one was found.
    pub(crate) file: Option<PathBuf>,
    /// Where a VM would write its crash dump.
    pub(crate) crash_dump: PathBuf,
    /// Variables set in addition to those of beaminit itself.
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// Variables that it must not have.
    pub(crate) removed: Vec<OsString>,
    pub(crate) is_beam: bool,
}

impl Launch {
    /// Starts it in a separate process group, and returns its process id.
    ///
    /// # Errors
    /// 127 if there is no such program, 126 if it cannot be executed, as shells have it; 71 if the kernel is out of
    /// processes or memory.
    pub(crate) fn start(&self, signals: &SignalQueue) -> Result<i32, Error> {
        let spawned = match self.spawn(signals, None) {
            Err(error) if self.is_script_without_interpreter(&error) => {
                self.spawn(signals, Some("/bin/sh")).map_err(|_| error)
            }
            other => other,
        };
        spawned.map_err(|error| self.failed(Stage::Supervise, &error))
    }

    /// Replaces this process with it, with these signals blocked. Returns only if that fails, with the same errors as
    /// [`Launch::start`].
    pub(crate) fn exec(&self, mask: SignalMask) -> Error {
        let exec = |shell| {
            let (program, arguments) = self.words(shell);
            let mut command = Command::new(program);
            command.args(arguments).env_clear().envs(self.environment());
            mask.set().err().unwrap_or_else(|| command.exec())
        };
        let error = exec(None);
        if self.is_script_without_interpreter(&error) {
            let _no_shell = exec(Some("/bin/sh"));
        }
        self.failed(Stage::Exec, &error)
    }

    /// A shell runs such a script itself, so it worked without beaminit.
    fn is_script_without_interpreter(&self, error: &io::Error) -> bool {
        error.raw_os_error() == Some(ENOEXEC) && self.file.as_deref().is_some_and(executable::may_be_script)
    }

    /// The first two words: further ones may be whole scripts, or secrets.
    pub(crate) fn title(&self) -> String {
        executable::title(&self.command)
    }

    fn spawn(&self, signals: &SignalQueue, shell: Option<&str>) -> io::Result<i32> {
        let (program, arguments) = self.words(shell);
        let spawn = Spawn {
            words: std::iter::once(program).chain(arguments).collect(),
            environment: self.environment(),
            mask: signals.release_mask(self.is_beam),
            not_ignored: &NEVER_IGNORED,
        };
        spawn.start()
    }

    /// The program and its arguments, after the shell if that is to run it.
    fn words<'a>(&'a self, shell: Option<&'a str>) -> (&'a OsStr, Vec<&'a OsStr>) {
        let program = self.command.first().map(OsString::as_os_str).unwrap_or_default();
        let arguments = self.command.iter().skip(1).map(OsString::as_os_str);
        match (shell, &self.file) {
            (Some(shell), Some(file)) => {
                (OsStr::new(shell), std::iter::once(file.as_os_str()).chain(arguments).collect())
            }
            _ => (program, arguments.collect()),
        }
    }

    /// The environment with the changes. Where a variable is set twice, the last one counts.
    fn environment(&self) -> Vec<(OsString, OsString)> {
        let is_set = |name: &OsString| self.variables.iter().any(|(set, _)| name == set);
        let is_removed = |name: &OsString| self.removed.iter().any(|removed| name == removed);
        let mut environment: Vec<_> = std::env::vars_os().filter(|(name, _)| !is_set(name)).collect();
        for (at, (name, value)) in self.variables.iter().enumerate() {
            if !self.variables[at + 1..].iter().any(|(later, _)| later == name) {
                environment.push((name.clone(), value.clone()));
            }
        }
        environment.retain(|(name, _)| !is_removed(name));
        environment
    }

    fn failed(&self, stage: Stage, error: &io::Error) -> Error {
        executable::cannot_start(stage, &self.command, ExecFailure::explain(self.file.as_deref(), error))
    }
}
