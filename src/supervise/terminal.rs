//! The terminal at stdin, if there is one: the release is in its foreground, like a program that a shell started.

use crate::{signal, sys};
use std::io::{IsTerminal as _, stdin};

/// The terminal and the group that it belongs to while the release runs.
#[derive(Debug)]
pub(crate) struct Terminal {
    release: i32,
    /// Whether no shell above could continue what was stopped.
    alone: bool,
}

impl Terminal {
    /// Gives the terminal to the release of process id `release`, which leads its own group. `None`: there is no terminal.
    ///
    /// It was started in the background; one that has touched the terminal by now was stopped for it, and
    /// is continued.
    pub(crate) fn give_to(release: i32) -> Option<Self> {
        if !stdin().is_terminal() {
            return None;
        }
        let terminal = Self { release, alone: sys::is_pid1() || sys::is_session_leader() };
        terminal.to_foreground();
        Some(terminal)
    }

    fn to_foreground(&self) {
        // It may be the terminal of another session (ENOTTY, ENXIO, EPERM): its owner decides who reads it, and the
        // release runs all the same.
        if let Err(error) = sys::set_foreground(self.release) {
            tracing::debug!(target: "supervise", "the terminal stays with others: {error}");
        }
        let _ = sys::kill_group(self.release, signal::CONT);
    }
}

/// The release was stopped by `by`. A stop by the terminal (Ctrl-Z, or reading in the background) is passed on to
/// the shell above, which later continues beaminit; without a shell it is undone. A SIGSTOP was sent on purpose, and stays.
pub(crate) fn on_stop(terminal: Option<&Terminal>, release: i32, by: i32) {
    if !matches!(by, signal::TSTP | signal::TTIN | signal::TTOU) {
        return;
    }
    let Some(terminal) = terminal.filter(|terminal| !terminal.alone) else {
        let _ = sys::kill_group(release, signal::CONT);
        return;
    };
    let _ = sys::set_foreground(sys::own_group());
    // Returns when the shell continues beaminit, in the foreground or not.
    sys::stop_ourselves();
    if sys::is_foreground() {
        terminal.to_foreground();
    } else {
        let _ = sys::kill_group(release, signal::CONT);
    }
}
