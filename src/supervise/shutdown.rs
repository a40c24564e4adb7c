//! What is due after a TERM: a look at who still runs, or the end.
//!
//! Pure: no I/O, no clock. Times are durations since the release was started.

use std::time::Duration;

/// The times of the next look and of the end.
#[derive(Debug)]
pub struct Shutdown {
    stop_timeout: Option<Duration>,
    look_at: Option<Duration>,
    kill_at: Option<Duration>,
}

/// What has to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Nothing,
    /// Somebody may need a TERM.
    Look,
    /// The time to stop is over.
    Kill,
}

impl Shutdown {
    pub const PAUSE: Duration = Duration::from_secs(1);

    /// The release may take `stop_timeout` from the first TERM on; without one it may take for ever, which in a pod is
    /// as long as the kubelet's grace period.
    #[must_use]
    pub fn new(stop_timeout: Option<Duration>) -> Self {
        Self { stop_timeout, look_at: None, kill_at: None }
    }

    pub fn term_sent(&mut self, now: Duration) {
        self.kill_at = self.kill_at.or_else(|| self.stop_timeout.take().map(|timeout| now.saturating_add(timeout)));
    }

    /// The next look is due a pause after the last one; `None`: no look is needed any more.
    pub fn set_look(&mut self, last: Option<Duration>) {
        self.look_at = last.map(|last| last + Self::PAUSE);
    }

    /// What has to be done now. The end is due once.
    pub fn due(&mut self, now: Duration) -> Due {
        if self.kill_at.is_some_and(|at| at <= now) {
            (self.kill_at, self.look_at) = (None, None);
            return Due::Kill;
        }
        if self.look_at.is_some_and(|at| at <= now) { Due::Look } else { Due::Nothing }
    }

    /// How long there is nothing to do; `None`: for ever.
    #[must_use]
    pub fn idle(&self, now: Duration) -> Option<Duration> {
        [self.look_at, self.kill_at].into_iter().flatten().min().map(|at| at.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_look_is_due_a_second_after_the_last_one_as_long_as_one_is_needed() {
        let mut shutdown = Shutdown::new(None);
        assert_eq!(shutdown.idle(s(5)), None);
        shutdown.set_look(Some(s(59)));
        assert_eq!(shutdown.idle(s(59)), Some(s(1)));
        assert_eq!(shutdown.due(Duration::from_millis(59_999)), Due::Nothing);
        assert_eq!(shutdown.due(s(60)), Due::Look);
        shutdown.set_look(None);
        assert_eq!((shutdown.due(s(61)), shutdown.idle(s(61))), (Due::Nothing, None));
    }

    #[test]
    fn the_end_comes_once_after_the_timeout_from_the_first_term_and_ends_the_looks() {
        let mut shutdown = Shutdown::new(Some(s(5)));
        shutdown.term_sent(s(1));
        shutdown.term_sent(s(4));
        shutdown.set_look(Some(s(6)));
        assert_ne!(shutdown.due(Duration::from_millis(5999)), Due::Kill);
        assert_eq!(shutdown.due(s(6)), Due::Kill);
        assert_eq!(shutdown.due(s(7)), Due::Nothing);
        shutdown.term_sent(s(8));
        assert_ne!(shutdown.due(s(100)), Due::Kill);
    }
}
