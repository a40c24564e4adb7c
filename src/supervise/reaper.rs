//! The only waiter: nothing else may wait for a child, or its exit code would be lost.

use crate::sys::{self, ChildEvent};

/// Reaps every child that has ended while there is no main child yet: what a probe or a `kubectl exec` leaves behind
/// becomes a child of PID 1 at any time.
pub(crate) fn reap_orphans() {
    const NOBODY: i32 = 0;
    let _ = reap(NOBODY);
}

/// Reaps every child that has ended, adopted orphans included, and returns what happened to `main`, if anything did.
///
/// One SIGCHLD may be for many children, so it goes on until none is left.
pub(crate) fn reap(main: i32) -> Option<ChildEvent> {
    let mut news = None;
    while let Some((pid, event)) = sys::next_child_event() {
        if pid == main {
            news = Some(event);
        } else if let ChildEvent::Ended(_) = event {
            tracing::debug!(target: "supervise", pid, "reaped orphan {pid}");
        }
    }
    news
}
