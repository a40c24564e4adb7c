//! The kernel's clock since boot.

use std::time::Duration;

/// The time since the machine was started, by which the kernel counts when processes were.
pub(crate) fn time_since_boot() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::try_from(now).unwrap_or_default()
}
