//! Signals: caught from the first moment on, and kept in a queue. The only door of `signal-hook`.

use crate::signal;
use crate::sys::{self, SignalMask};
use signal_hook::consts::FORBIDDEN;
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

/// The C library's own: 34 is musl's as well.
const LIBRARYS_OWN: [i32; 3] = [32, 33, 34];

/// With a handler for TTOU the kernel would restart `tcsetpgrp` for ever; so they stay blocked.
const STAY_BLOCKED: [i32; 2] = [signal::TTIN, signal::TTOU];

/// Caught even if they were ignored when we started: without them no child is reaped and no stop is heard.
const ALWAYS_CAUGHT: [i32; 4] = [signal::CHLD, signal::TERM, signal::INT, signal::QUIT];

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
        let caught = (1..=signal::MAX)
            .filter(|signal| !FORBIDDEN.contains(signal) && !LIBRARYS_OWN.contains(signal))
            .filter(|signal| !STAY_BLOCKED.contains(signal) && *signal != signal::PIPE)
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
        let unblocked: &[i32] = if is_beam { &[signal::TERM, signal::USR1, signal::CHLD] } else { &[] };
        self.inherited.without(unblocked).set()?;
        let spawned = spawn();
        SignalMask::only(&STAY_BLOCKED).set()?;
        spawned
    }
}
