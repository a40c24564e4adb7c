//! Blocked signals, read from a descriptor.

use super::signal_mask::SignalMask;
use crate::signal;
use nix::sys::signalfd::{SfdFlags, SignalFd as Kernels};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// The signals that came and were not taken yet.
#[derive(Debug)]
pub(crate) struct SignalFd(Kernels);

impl SignalFd {
    /// Collects every signal that others send but `except`. Only those that are blocked come in.
    ///
    /// # Errors
    /// There is no descriptor left.
    pub(crate) fn of_all_but(except: &[i32]) -> io::Result<Self> {
        let signals = SignalMask::all().without(except);
        Ok(Self(Kernels::with_flags(&signals.0, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?))
    }

    /// The next signal from others, if there is one now. Never blocks.
    pub(crate) fn take(&mut self) -> Option<i32> {
        loop {
            let came = self.0.read_signal().ok().flatten()?;
            let signal = i32::try_from(came.ssi_signo).ok()?;
            // The kernel sends it when nobody reads stderr any more.
            let is_our_own = signal == signal::PIPE && came.ssi_pid == std::process::id();
            if !is_our_own {
                return Some(signal);
            }
        }
    }
}

impl AsFd for SignalFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
