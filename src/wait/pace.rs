//! How often questions are asked: often enough to see the record within a second, rarely enough to be a polite client.
//!
//! Pure: no I/O, no clock.

use std::collections::VecDeque;
use std::time::Duration;

/// Two questions a second while the record is most likely to come, then one.
const EARLY_PACE: Duration = Duration::from_millis(500);
const EARLY: Duration = Duration::from_secs(10);
const LATE_PACE: Duration = Duration::from_secs(1);
/// The longest pause between address questions.
const SLOWEST_PACE: Duration = Duration::from_secs(5);
/// The longest pause between rounds of two questions, where the name exists and a cache denies its address.
const DENIED_PACE: Duration = Duration::from_secs(2);
const FAILED_PACE: Duration = Duration::from_secs(1);
/// Never more questions than this in a second, whatever the answers lead to. Two more may follow once the record has been
/// seen; a question that another server, or the same one without EDNS, gets instead of the last is not delayed.
const MOST_IN_A_SECOND: usize = 6;
/// When, and how often, an address question is asked whatever the existence questions say.
const FIRST_SAFETY_QUESTION: Duration = Duration::from_secs(10);
const SAFETY_PACE: Duration = Duration::from_secs(30);
/// The first line of progress.
const FIRST_PROGRESS: Duration = Duration::from_secs(5);
/// Each pause is up to this part of it longer or shorter, so that pods that start together do not ask together.
const JITTER: f64 = 0.2;

/// How a round ended, which decides how soon the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoundEnd {
    /// The name does not exist yet.
    Absent,
    /// Only address questions help. A cache may answer each of them, so they are half a second apart, and each pause is half
    /// as long again.
    Addresses,
    /// The name exists, and a cache denies its address. Its TTL does not always say for how long: unbound
    /// shows that of the zone's SOA record, which every other denial renews.
    CachedDenial,
    AllFailed,
}

/// The pauses between rounds.
#[derive(Debug)]
pub(super) struct Pace {
    rng: fastrand::Rng,
    /// Rounds in a row that ended with address questions.
    address_rounds: i32,
    next_safety_question: Duration,
    /// When the last few questions were asked.
    asked: VecDeque<Duration>,
}

impl Pace {
    pub(super) fn new(rng: fastrand::Rng) -> Self {
        Self { rng, address_rounds: 0, next_safety_question: FIRST_SAFETY_QUESTION, asked: VecDeque::new() }
    }

    /// The time from the first question to the last server of the round that ends now to the next round.
    pub(super) fn pause(&mut self, end: RoundEnd, now: Duration) -> Duration {
        let pause = match end {
            RoundEnd::Absent if now < EARLY => EARLY_PACE,
            RoundEnd::Absent => LATE_PACE,
            RoundEnd::Addresses => self.ever_slower().min(SLOWEST_PACE),
            RoundEnd::CachedDenial => self.ever_slower().min(DENIED_PACE),
            RoundEnd::AllFailed => FAILED_PACE,
        };
        self.address_rounds = match end {
            RoundEnd::Absent => 0,
            RoundEnd::Addresses | RoundEnd::CachedDenial => (self.address_rounds + 1).min(10),
            RoundEnd::AllFailed => self.address_rounds,
        };
        pause.mul_f64(1.0 - JITTER + 2.0 * JITTER * self.rng.f64())
    }

    /// A question was asked.
    pub(super) fn asked(&mut self, now: Duration) {
        self.asked.push_back(now);
        if self.asked.len() > MOST_IN_A_SECOND {
            self.asked.pop_front();
        }
    }

    /// When the next question may be asked, if `now` there were too many lately.
    pub(super) fn too_many_until(&self, now: Duration) -> Option<Duration> {
        let first = self.asked.front().filter(|_| self.asked.len() == MOST_IN_A_SECOND)?;
        Some(*first + Duration::from_secs(1)).filter(|free| now < *free)
    }

    fn ever_slower(&self) -> Duration {
        EARLY_PACE.mul_f64(1.5_f64.powi(self.address_rounds))
    }

    /// Whether an address question is due although the name does not exist, by what the servers say. It is due once.
    pub(super) fn safety_question_is_due(&mut self, now: Duration) -> bool {
        let due = now >= self.next_safety_question;
        if due {
            self.next_safety_question = now + SAFETY_PACE;
        }
        due
    }
}

/// When to log that the wait goes on: at 5, 10, 20, 40 seconds and so on.
#[derive(Debug)]
pub(super) struct Progress {
    /// The time of the next line.
    pub(super) next: Duration,
}

impl Progress {
    /// Whether a line is due. It is due once.
    pub(super) fn is_due(&mut self, now: Duration) -> bool {
        let due = now >= self.next;
        while now >= self.next {
            self.next *= 2;
        }
        due
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self { next: FIRST_PROGRESS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(pace: &mut Pace, end: RoundEnd, now: u64) -> f64 {
        pace.pause(end, Duration::from_secs(now)).as_secs_f64()
    }

    #[test]
    fn pauses_are_within_a_fifth_of_the_plan() {
        let rows = [
            (RoundEnd::Absent, 0, 0.5),
            (RoundEnd::Absent, 9, 0.5),
            (RoundEnd::Absent, 10, 1.0),
            (RoundEnd::Addresses, 11, 0.5),
            (RoundEnd::Addresses, 12, 0.75),
            (RoundEnd::AllFailed, 13, 1.0),
            (RoundEnd::Addresses, 14, 1.125),
            (RoundEnd::Absent, 15, 1.0),
            (RoundEnd::Addresses, 16, 0.5),
        ];
        for seed in 0..200 {
            let mut pace = Pace::new(fastrand::Rng::with_seed(seed));
            for (end, now, plan) in rows {
                let pause = pause(&mut pace, end, now);
                assert!((plan * 0.8..=plan * 1.2).contains(&pause), "{end:?} at {now}: {pause}");
            }
            for (end, range) in [(RoundEnd::Addresses, 4.0..=6.0), (RoundEnd::CachedDenial, 1.6..=2.4)] {
                let slowest = (0..20).map(|_| self::pause(&mut pace, end, 20)).fold(0.0, f64::max);
                assert!(range.contains(&slowest), "{end:?}: {slowest}");
            }
        }
    }

    #[test]
    fn pods_that_start_together_do_not_ask_together() {
        let first = |seed| pause(&mut Pace::new(fastrand::Rng::with_seed(seed)), RoundEnd::Absent, 0);
        let mut firsts: Vec<f64> = (0..100).map(first).collect();
        firsts.sort_by(f64::total_cmp);
        assert!(firsts[99] - firsts[0] > 0.15);
    }

    #[test]
    fn six_questions_make_a_second_full() {
        let mut pace = Pace::new(fastrand::Rng::with_seed(1));
        let at = Duration::from_millis;
        for question in 0..6 {
            assert_eq!(pace.too_many_until(at(question * 10)), None);
            pace.asked(at(question * 10));
        }
        assert_eq!(pace.too_many_until(at(60)), Some(at(1000)));
        assert_eq!(pace.too_many_until(at(1000)), None);
        pace.asked(at(1000));
        assert_eq!(pace.too_many_until(at(1001)), Some(at(1010)));
    }

    #[test]
    fn the_safety_question_is_due_at_ten_seconds_and_then_every_thirty() {
        let mut pace = Pace::new(fastrand::Rng::with_seed(1));
        let due: Vec<u64> = (0..100).filter(|now| pace.safety_question_is_due(Duration::from_secs(*now))).collect();
        assert_eq!(due, [10, 40, 70]);
    }

    #[test]
    fn progress_is_logged_ever_more_rarely() {
        let mut progress = Progress::default();
        let logged: Vec<u64> = (0..200).filter(|now| progress.is_due(Duration::from_secs(*now))).collect();
        assert_eq!(logged, [5, 10, 20, 40, 80, 160]);
        assert_eq!(progress.next, Duration::from_secs(320));
    }
}
