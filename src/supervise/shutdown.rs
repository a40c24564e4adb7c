//! When TERM is sent again.
//!
//! Pure: no I/O, no clock. Times are durations since the release was started.

use std::time::Duration;

/// A VM drops a TERM that arrives before its `erl_signal_server` runs, and nobody hears of it. So one that comes while
/// it may be booting is sent again until it is gone; a running VM only logs the repetition.
#[derive(Debug)]
pub struct Shutdown {
    is_beam: bool,
    again_at: Option<Duration>,
}

impl Shutdown {
    /// A TERM within this time may meet a booting VM: the slowest boots of large releases take tens of seconds.
    pub const BOOT: Duration = Duration::from_secs(60);
    /// The pause between two of them.
    pub const PAUSE: Duration = Duration::from_secs(1);

    /// For a release that has just been started.
    #[must_use]
    pub fn new(is_beam: bool) -> Self {
        Self { is_beam, again_at: None }
    }

    /// A TERM was sent to the release.
    pub fn term_sent(&mut self, now: Duration) {
        if self.is_beam && (now < Self::BOOT || self.again_at.is_some()) {
            self.again_at = Some(now + Self::PAUSE);
        }
    }

    /// Whether one has to be sent now.
    #[must_use]
    pub fn is_due(&self, now: Duration) -> bool {
        self.again_at.is_some_and(|at| at <= now)
    }

    /// How long nothing is to be done; `None`: for ever.
    #[must_use]
    pub fn idle(&self, now: Duration) -> Option<Duration> {
        self.again_at.map(|at| at.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_booting_vm_gets_term_every_second_until_it_is_gone() {
        let mut shutdown = Shutdown::new(true);
        assert_eq!(shutdown.idle(s(5)), None);
        shutdown.term_sent(s(59));
        assert_eq!(shutdown.idle(s(59)), Some(s(1)));
        for now in 60..90 {
            assert!(!shutdown.is_due(Duration::from_millis(now * 1000 - 1)));
            assert!(shutdown.is_due(s(now)));
            shutdown.term_sent(s(now));
        }
    }

    #[test]
    fn a_vm_that_has_booted_gets_it_once() {
        let mut shutdown = Shutdown::new(true);
        shutdown.term_sent(s(60));
        assert_eq!(shutdown.idle(s(60)), None);
    }

    #[test]
    fn a_command_gets_it_once() {
        let mut shutdown = Shutdown::new(false);
        shutdown.term_sent(s(1));
        assert!(!shutdown.is_due(s(100)));
    }
}
