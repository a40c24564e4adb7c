//! The only waiter: nothing else may wait for a child, or its exit code would be lost.

use crate::exit::ExitReason;
use crate::sys::{self, ChildEvent};

/// Takes every child that has ended, ours or an orphan that became ours, and tells how `main` ended, if it did.
///
/// One SIGCHLD may stand for many children, so it goes on until none is left.
#[must_use]
pub fn reap(main: i32) -> Option<ExitReason> {
    let mut ended = None;
    while let Some((pid, event)) = sys::next_child_event() {
        let reason = match event {
            ChildEvent::Exited(code) => ExitReason::Code(code),
            ChildEvent::Killed(signal) => ExitReason::Signal(signal),
            ChildEvent::Stopped(_) | ChildEvent::Continued => continue,
        };
        if pid == main {
            ended = Some(reason);
        } else {
            tracing::debug!(target: "supervise", pid, "reaped orphan {pid}");
        }
    }
    ended
}
