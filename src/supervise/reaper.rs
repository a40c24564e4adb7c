//! The only waiter: nothing else may wait for a child, or its exit code would be lost.

use crate::exit::ExitReason;
use crate::sys::{self, ChildEvent};

/// What happened to the main child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    Ended(ExitReason),
    /// The signal of this number stopped it, and it is still stopped.
    Stopped(i32),
    Continued,
}

/// Reaps every child that has ended while there is no main child yet: what a probe or a `kubectl exec` leaves behind
/// becomes a child of PID 1 at any time.
pub(crate) fn reap_orphans() {
    const NOBODY: i32 = 0;
    let _ = reap(NOBODY);
}

/// Reaps every child that has ended, adopted orphans included, and returns what happened to `main`, if anything did.
///
/// One SIGCHLD may be for many children, so it goes on until none is left.
pub(crate) fn reap(main: i32) -> Option<News> {
    let mut news = None;
    while let Some((pid, event)) = sys::next_child_event() {
        match event {
            ChildEvent::Exited(code) if pid == main => news = Some(News::Ended(ExitReason::Code(code))),
            ChildEvent::Killed(signal) if pid == main => news = Some(News::Ended(ExitReason::Signal(signal))),
            ChildEvent::Stopped(signal) if pid == main => news = Some(News::Stopped(signal)),
            ChildEvent::Continued if pid == main => news = Some(News::Continued),
            ChildEvent::Exited(_) | ChildEvent::Killed(_) => {
                tracing::debug!(target: "supervise", pid, "reaped orphan {pid}");
            }
            ChildEvent::Stopped(_) | ChildEvent::Continued => {}
        }
    }
    news
}
