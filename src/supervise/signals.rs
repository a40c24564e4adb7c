//! Signals: kept from the first moment on. The only door of `signal-hook`.

use crate::signal;
use crate::sys::{self, SignalFd, SignalMask};
use signal_hook::flag;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::Arc;

/// The signals that came and were not taken yet. All are blocked while it exists: none has a handler, so the kernel
/// drops none that comes at a bad moment, and none ends beaminit.
#[derive(Debug)]
pub(crate) struct SignalQueue {
    queue: SignalFd,
    inherited: SignalMask,
}

/// The C library's own: 34 is musl's as well.
const LIBRARYS_OWN: [i32; 3] = [32, 33, 34];

/// Not for the release: what the terminal sends to a process in the background. It would stop beaminit, which, with these
/// blocked, can give the terminal to the release and take it back.
const NOT_READ: [i32; 2] = [signal::TTIN, signal::TTOU];

/// Not ignored, neither here nor in the release, even if they were ignored when beaminit started: without CHLD no child is
/// reaped, without the next three no stop arrives, and Rust ignores PIPE in every program.
pub(super) const NEVER_IGNORED: [i32; 5] = [signal::CHLD, signal::TERM, signal::INT, signal::QUIT, signal::PIPE];

impl SignalQueue {
    /// Begins to take what [`sys::block_signals`] has blocked. A signal that came meanwhile is the first in the queue.
    /// `inherited` is the mask that beaminit was started with.
    ///
    /// # Errors
    /// The kernel refuses a handler or a descriptor.
    pub(crate) fn install(inherited: SignalMask) -> io::Result<Self> {
        // Never called, since it stays blocked. But where CHLD is ignored the kernel reaps children itself, and their exit
        // codes are lost.
        flag::register(signal::CHLD, Arc::default())?;
        Ok(Self { queue: SignalFd::of_all_but(&NOT_READ)?, inherited })
    }

    /// Becomes readable when a signal comes. [`SignalQueue::take`] reads it.
    pub(crate) fn readable(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }

    /// What came since the last time, each kind once; real-time signals as often as they came.
    pub(crate) fn take(&mut self) -> Vec<i32> {
        let mut came: Vec<_> = std::iter::from_fn(|| self.queue.take()).collect();
        came.retain(|signal| !LIBRARYS_OWN.contains(signal));
        if came.iter().any(|signal| !NEVER_IGNORED.contains(signal)) {
            // What was ignored when beaminit started stays so, here and in the release (`nohup`).
            let ignored = sys::ignored_signals();
            came.retain(|signal| NEVER_IGNORED.contains(signal) || !ignored.contains(signal));
        }
        came
    }

    /// The mask that the release starts with: the one that beaminit was started with. A VM does not unblock signals by itself,
    /// so one that inherits a blocked TERM could never be stopped.
    pub(crate) fn release_mask(&self, is_beam: bool) -> SignalMask {
        let unblocked: &[i32] = if is_beam { &[signal::TERM, signal::USR1, signal::CHLD] } else { &[] };
        self.inherited.without(unblocked)
    }
}
