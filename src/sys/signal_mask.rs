//! Which signals are blocked in this process.

use crate::signal;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use std::io;

/// Which signals are blocked.
#[derive(Clone, Copy, Debug)]
pub struct SignalMask(pub(super) SigSet);

/// Blocks every signal except those of this process's own faults, and returns which were blocked before. The kernel keeps a
/// blocked signal, but drops one to a PID 1 without a handler.
///
/// # Errors
/// The kernel refuses, which it never does.
pub(crate) fn block_signals() -> io::Result<SignalMask> {
    Ok(SignalMask(SignalMask::all().0.thread_swap_mask(SigmaskHow::SIG_SETMASK)?))
}

impl SignalMask {
    /// Every signal that others send: not KILL and STOP, which cannot be blocked, and no fault of this process.
    pub(super) fn all() -> Self {
        Self(SigSet::all()).without(&signal::OWN_FAULTS)
    }

    /// These signals. Numbers that `nix` has no name for are left out.
    pub(super) fn only(signals: &[i32]) -> Self {
        Self(signals.iter().filter_map(|signal| Signal::try_from(*signal).ok()).collect())
    }

    /// The same mask less these signals.
    #[must_use]
    pub fn without(mut self, signals: &[i32]) -> Self {
        signals.iter().filter_map(|signal| (*signal).try_into().ok()).for_each(|signal| self.0.remove(signal));
        self
    }

    /// Makes this the mask of the only thread.
    ///
    /// # Errors
    /// The kernel refuses, which it never does.
    pub fn set(&self) -> io::Result<()> {
        Ok(self.0.thread_set_mask()?)
    }
}
