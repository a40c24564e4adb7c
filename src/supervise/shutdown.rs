//! What is due after a TERM: the same again, or the end.
//!
//! Pure: no I/O, no clock. Times are durations since the release was started.

use std::time::Duration;

/// A VM drops a TERM that arrives before its `erl_signal_server` runs, and nobody hears of it. So one that comes while
/// it may be booting is sent again until it is gone; a running VM only logs the repetition.
#[derive(Debug)]
pub struct Shutdown {
    is_beam: bool,
    stop_timeout: Option<Duration>,
    again_at: Option<Duration>,
    kill_at: Option<Duration>,
}

/// What has to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing.
    Nothing,
    /// TERM has to be sent again.
    TermAgain,
    /// The time to stop is over.
    Kill,
}

impl Shutdown {
    /// A TERM within this time may meet a booting VM: the slowest boots of large releases take tens of seconds.
    pub const BOOT: Duration = Duration::from_secs(60);
    /// The pause between two of them.
    pub const PAUSE: Duration = Duration::from_secs(1);

    /// For a release that has just been started, and that may take `stop_timeout` from the first TERM on; without one
    /// it may take for ever, which in a pod is as long as the kubelet's grace period.
    #[must_use]
    pub fn new(is_beam: bool, stop_timeout: Option<Duration>) -> Self {
        Self { is_beam, stop_timeout, again_at: None, kill_at: None }
    }

    /// A TERM was sent to the release.
    pub fn term_sent(&mut self, now: Duration) {
        if self.is_beam && (now < Self::BOOT || self.again_at.is_some()) {
            self.again_at = Some(now + Self::PAUSE);
        }
        self.kill_at = self.kill_at.or_else(|| self.stop_timeout.take().map(|timeout| now.saturating_add(timeout)));
    }

    /// What has to be done now. The end is due once.
    pub fn due(&mut self, now: Duration) -> Due {
        if self.kill_at.is_some_and(|at| at <= now) {
            (self.kill_at, self.again_at) = (None, None);
            return Due::Kill;
        }
        if self.again_at.is_some_and(|at| at <= now) { Due::TermAgain } else { Due::Nothing }
    }

    /// How long nothing is to be done; `None`: for ever.
    #[must_use]
    pub fn idle(&self, now: Duration) -> Option<Duration> {
        [self.again_at, self.kill_at].into_iter().flatten().min().map(|at| at.saturating_sub(now))
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
        let mut shutdown = Shutdown::new(true, None);
        assert_eq!(shutdown.idle(s(5)), None);
        shutdown.term_sent(s(59));
        assert_eq!(shutdown.idle(s(59)), Some(s(1)));
        for now in 60..90 {
            assert_eq!(shutdown.due(Duration::from_millis(now * 1000 - 1)), Due::Nothing);
            assert_eq!(shutdown.due(s(now)), Due::TermAgain);
            shutdown.term_sent(s(now));
        }
    }

    #[test]
    fn a_vm_that_has_booted_gets_it_once() {
        let mut shutdown = Shutdown::new(true, None);
        shutdown.term_sent(s(60));
        assert_eq!(shutdown.idle(s(60)), None);
    }

    #[test]
    fn a_command_gets_it_once() {
        let mut shutdown = Shutdown::new(false, None);
        shutdown.term_sent(s(1));
        assert_eq!(shutdown.due(s(100)), Due::Nothing);
    }

    #[test]
    fn the_end_comes_once_so_long_after_the_first_term_and_stops_the_repetition() {
        for is_beam in [false, true] {
            let mut shutdown = Shutdown::new(is_beam, Some(s(5)));
            shutdown.term_sent(s(1));
            shutdown.term_sent(s(4));
            assert_ne!(shutdown.due(Duration::from_millis(5999)), Due::Kill);
            assert_eq!(shutdown.due(s(6)), Due::Kill);
            assert_eq!(shutdown.due(s(7)), Due::Nothing);
            shutdown.term_sent(s(8));
            assert_ne!(shutdown.due(s(100)), Due::Kill);
        }
    }
}
