//! The only waiter: nothing else may wait for a child, or its exit code would be lost.

use crate::exit::ExitReason;
use crate::sys::{self, ChildEvent};

/// News of the main child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    Ended(ExitReason),
    /// The signal of this number stopped it, and it still stands.
    Stopped(i32),
    Continued,
}

/// Takes every child that has ended while there is no main child yet: what a probe or a `kubectl exec` leaves behind
/// becomes ours as PID 1 from our first moment on.
pub(crate) fn reap_orphans() {
    const NOBODY: i32 = 0;
    let _ = reap(NOBODY);
}

/// Takes every child that has ended, ours or an orphan that became ours, and tells what became of `main`, if anything
/// did.
///
/// One SIGCHLD may stand for many children, so it goes on until none is left.
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
