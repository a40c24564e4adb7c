//! Signals: caught from the first moment on, kept in a queue, and what becomes of each. The only door of `signal-hook`.

use crate::sys::{self, SignalMask};
use signal_hook::consts::signal::{
    SIGABRT, SIGALRM, SIGBUS, SIGCHLD, SIGFPE, SIGHUP, SIGILL, SIGINT, SIGKILL, SIGPIPE, SIGQUIT, SIGSEGV, SIGSTOP,
    SIGSYS, SIGTRAP, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2,
};
pub use signal_hook::consts::signal::{SIGCONT, SIGTERM};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;

/// The signals that came and were not taken yet. The handlers stay installed as long as it lives.
#[derive(Debug)]
pub struct SignalQueue {
    delivery: SignalDelivery<UnixStream, SignalOnly>,
    inherited: SignalMask,
}

/// What becomes of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// A child has news.
    Reap,
    /// The release gets this signal.
    Forward(i32),
    /// Nobody gets it.
    Drop,
}

/// Real-time signals 32 to 34 are the C library's own. KILL and STOP cannot be caught; ILL, FPE and SEGV would be ours.
const NEVER_CAUGHT: [i32; 8] = [SIGKILL, SIGSTOP, SIGILL, SIGFPE, SIGSEGV, 32, 33, 34];

/// With a handler for TTOU the kernel would restart `tcsetpgrp` for ever; so they stay blocked.
const STAY_BLOCKED: [i32; 2] = [SIGTTIN, SIGTTOU];

/// Caught even if they were ignored when we started: without them no child is reaped and no stop is heard.
const ALWAYS_CAUGHT: [i32; 4] = [SIGCHLD, SIGTERM, SIGINT, SIGQUIT];

impl SignalQueue {
    /// Installs the handlers and then lets signals through; all must be blocked. A signal that came meanwhile is the
    /// first in the queue. `inherited` is the mask that we were started with.
    ///
    /// # Errors
    /// The kernel refuses a handler or a socket pair.
    pub fn install(inherited: SignalMask) -> io::Result<Self> {
        // What was ignored stays so, for us and for the release (`nohup`). SIGPIPE is among them always: Rust ignores it,
        // and a broken stderr of ours must not become a signal to the release.
        let ignored = sys::ignored_signals();
        let caught = (1..=64)
            .filter(|signal| !NEVER_CAUGHT.contains(signal) && !STAY_BLOCKED.contains(signal) && *signal != SIGPIPE)
            .filter(|signal| ALWAYS_CAUGHT.contains(signal) || !ignored.contains(signal));
        let (read, write) = UnixStream::pair()?;
        let delivery = SignalDelivery::with_pipe(read, write, SignalOnly, caught)?;
        SignalMask::only(&STAY_BLOCKED).set()?;
        Ok(Self { delivery, inherited })
    }

    /// Becomes readable when a signal comes. Not to be read: [`SignalQueue::take`] does that.
    #[must_use]
    pub fn readable(&self) -> BorrowedFd<'_> {
        self.delivery.get_read().as_fd()
    }

    /// What came since the last time: a set, in no order.
    pub fn take(&mut self) -> Vec<i32> {
        self.delivery.pending().collect()
    }

    /// Runs `spawn` under the mask that the release shall start with: the one that we were started with. A VM does not
    /// unblock signals by itself, so one that inherits a blocked TERM could never be stopped.
    ///
    /// # Errors
    /// Those of `spawn`.
    pub fn with_release_mask<T>(&self, is_beam: bool, spawn: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let unblocked: &[i32] = if is_beam { &[SIGTERM, SIGUSR1, SIGCHLD] } else { &[] };
        self.inherited.without(unblocked).set()?;
        let spawned = spawn();
        SignalMask::only(&STAY_BLOCKED).set()?;
        spawned
    }
}

/// What becomes of `signal`. `beam`: the release is a VM and no terminal is at stdin.
///
/// Only TERM stops a VM cleanly; INT, QUIT, HUP, USR2 and ALRM would kill it, and TSTP freeze it under a living init.
#[must_use]
pub fn disposition(signal: i32, beam: bool) -> Disposition {
    match signal {
        SIGCHLD => Disposition::Reap,
        SIGINT | SIGQUIT | SIGHUP if beam => Disposition::Forward(SIGTERM),
        SIGUSR2 | SIGALRM | SIGTSTP if beam => Disposition::Drop,
        other => Disposition::Forward(other),
    }
}

/// Whether `signal` asks us to end while the release does not run yet.
#[must_use]
pub fn is_stop_request(signal: i32, beam: bool) -> bool {
    matches!(signal, SIGTERM | SIGINT | SIGQUIT) || disposition(signal, beam) == Disposition::Forward(SIGTERM)
}

/// The signal's name, for log lines.
#[must_use]
pub fn name(signal: i32) -> String {
    let known = [
        (SIGTERM, "TERM"),
        (SIGINT, "INT"),
        (SIGQUIT, "QUIT"),
        (SIGHUP, "HUP"),
        (SIGKILL, "KILL"),
        (SIGSEGV, "SEGV"),
        (SIGABRT, "ABRT"),
        (SIGBUS, "BUS"),
        (SIGFPE, "FPE"),
        (SIGILL, "ILL"),
        (SIGPIPE, "PIPE"),
        (SIGSYS, "SYS"),
        (SIGTRAP, "TRAP"),
        (SIGUSR1, "USR1"),
        (SIGUSR2, "USR2"),
        (SIGALRM, "ALRM"),
    ];
    known
        .iter()
        .find(|(number, _)| *number == signal)
        .map_or_else(|| signal.to_string(), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_gets_every_signal_as_it_is() {
        for signal in (1..=64).filter(|signal| *signal != SIGCHLD) {
            assert_eq!(disposition(signal, false), Disposition::Forward(signal));
        }
        assert_eq!(disposition(SIGCHLD, false), Disposition::Reap);
    }

    #[test]
    fn a_vm_without_terminal_is_stopped_only_by_term_and_never_killed() {
        for signal in [SIGTERM, SIGINT, SIGQUIT, SIGHUP] {
            assert_eq!(disposition(signal, true), Disposition::Forward(SIGTERM));
            assert!(is_stop_request(signal, true));
        }
        for signal in [SIGUSR2, SIGALRM, SIGTSTP] {
            assert_eq!(disposition(signal, true), Disposition::Drop);
        }
        assert_eq!(disposition(SIGUSR1, true), Disposition::Forward(SIGUSR1));
    }

    #[test]
    fn a_stop_is_asked_for_by_term_int_and_quit() {
        let stops: Vec<_> = (1..=64).filter(|signal| is_stop_request(*signal, false)).collect();
        assert_eq!(stops, [SIGINT, SIGQUIT, SIGTERM]);
    }
}
