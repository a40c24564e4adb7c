//! The terminal at stdin, if there is one: the release is its foreground, as a program is that a shell started.

use crate::{signal, sys};
use std::io::{IsTerminal as _, stdin};

/// The terminal and the group that it belongs to while the release runs.
#[derive(Debug)]
pub(crate) struct Terminal {
    release: i32,
    /// Whether nobody is there who could continue what was stopped: no shell is above us.
    alone: bool,
}

impl Terminal {
    /// Gives the terminal to the release of process id `release`, which leads its own group. `None`: there is none.
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
        // It may be the terminal of another session (ENOTTY, ENXIO, EPERM): then its owner decides who reads it, and
        // that is no reason not to run.
        if let Err(error) = sys::set_foreground(self.release) {
            tracing::debug!(target: "supervise", "the terminal stays with others: {error}");
        }
        let _ = sys::kill_group(self.release, signal::CONT);
    }
}

/// The release was stopped by `by`. A stop by the terminal (Ctrl-Z, or reading in the background) is handed on to the
/// shell above us, which continues us in time; without one it is undone. SIGSTOP is somebody's wish, and stays.
pub(crate) fn on_stop(terminal: Option<&Terminal>, release: i32, by: i32) {
    if !matches!(by, signal::TSTP | signal::TTIN | signal::TTOU) {
        return;
    }
    let Some(terminal) = terminal.filter(|terminal| !terminal.alone) else {
        let _ = sys::kill_group(release, signal::CONT);
        return;
    };
    let _ = sys::set_foreground(sys::own_group());
    // Returns when the shell continues us, in the foreground or not.
    sys::stop_ourselves();
    if sys::is_foreground() {
        terminal.to_foreground();
    } else {
        let _ = sys::kill_group(release, signal::CONT);
    }
}
