//! What the release leaves behind when it ends and beaminit is not PID 1.

use super::signals::SignalQueue;
use crate::{signal, sys};
use std::time::{Duration, Instant};

/// How long they may take to end by themselves, and the kernel to end them.
const GRACE: Duration = Duration::from_secs(1);

/// Ends every process that became a child of beaminit: TERM, and KILL a second later. PID 1 need not do this: when it ends,
/// the kernel ends all of its namespace.
pub(crate) fn end(signals: &mut SignalQueue) {
    for signal in [signal::TERM, signal::KILL] {
        let deadline = Instant::now() + GRACE;
        let mut sent = Vec::new();
        // When they end, their children become ours; so it goes on until there are none.
        while let children @ [_, ..] = sys::children().as_slice() {
            for pid in children.iter().filter(|pid| !sent.contains(*pid)) {
                tracing::debug!(target: "supervise", pid, "ending leftover process {pid} with {}", signal::name(signal));
                let _ = sys::kill(*pid, signal).and_then(|()| sys::kill(*pid, signal::CONT));
            }
            sent = children.to_vec();
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            if sys::poll_readable(signals.readable(), Some(left)) {
                signals.take();
            }
            while sys::next_child_event().is_some() {}
        }
    }
}
