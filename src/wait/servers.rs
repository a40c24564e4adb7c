//! What each name server has shown of itself, and which one is asked next.
//!
//! Pure: no I/O, no clock.

use std::cmp::Reverse;
use std::time::Duration;

use super::answers::{Failure, Outcome};
use super::questions::Question;

/// How many servers are asked at most. glibc takes no more either.
pub(super) const MAX_SERVERS: usize = 3;
/// For how long a server that failed is asked last.
const FAILED_LAST_FOR: Duration = Duration::from_secs(10);
/// How long a server that could not tell is asked for addresses only.
const ADDRESSES_ONLY_FOR: Duration = Duration::from_secs(30);
/// Existence questions that fail in a row before a question without EDNS finds out whether the server is there at all.
const FAILURES_BEFORE_PROBE: u8 = 2;

/// The first question of a round at a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// Does the name exist?
    Existence,
    /// The same without EDNS: the probe got through, and EDNS may be what does not.
    ExistenceWithoutEdns,
    /// Does anything come back at all, without EDNS?
    Probe,
    /// An address question: this server cannot tell existence.
    Address,
}

/// Whether questions with EDNS are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edns {
    Unknown,
    Passes,
    Barred,
}

#[derive(Clone, Debug)]
pub(super) struct Server {
    addresses_only: bool,
    /// It was asked for addresses only before, and has been asked for existence again since.
    reprobed: bool,
    /// When, if it is asked for addresses only, it may be asked for existence again.
    addresses_only_until: Duration,
    edns: Edns,
    /// Existence questions that failed in a row.
    existence_failures: u8,
    answered: Option<Duration>,
    failed: Option<Duration>,
}

impl Server {
    fn new() -> Self {
        Self {
            addresses_only: false,
            reprobed: false,
            addresses_only_until: Duration::ZERO,
            edns: Edns::Unknown,
            existence_failures: 0,
            answered: None,
            failed: None,
        }
    }

    /// What to begin a round with.
    pub(super) fn opening(&self) -> Opening {
        match self.existence_failures {
            _ if self.addresses_only => Opening::Address,
            FAILURES_BEFORE_PROBE => Opening::Probe,
            failures if failures > FAILURES_BEFORE_PROBE && self.edns == Edns::Unknown => Opening::ExistenceWithoutEdns,
            _ => Opening::Existence,
        }
    }

    pub(super) fn is_addresses_only(&self) -> bool {
        self.addresses_only
    }

    pub(super) fn lets_edns_pass(&self) -> bool {
        self.edns != Edns::Barred
    }

    /// Whether EDNS may be the reason for a refusal of `question`.
    pub(super) fn may_dislike_edns(&self, question: Question) -> bool {
        question.dnssec_ok && self.edns == Edns::Unknown
    }

    /// Keeps when it answered or failed, and whether EDNS passes. `retried` is a question that was refused, or lost,
    /// with EDNS and goes out once more without it.
    pub(super) fn note(&mut self, question: Question, retried: bool, outcome: &Outcome, now: Duration) {
        match outcome {
            Outcome::Failed(_) => self.failed = Some(now),
            Outcome::Unable(_) => {}
            Outcome::Addresses { .. } | Outcome::Exists { .. } | Outcome::Absent { .. } => {
                self.answered = Some(now);
                self.failed = None;
                if question.dnssec_ok {
                    self.edns = Edns::Passes;
                } else if retried {
                    self.edns = Edns::Barred;
                }
            }
        }
    }

    /// It told existence, as the servers of a cluster do.
    pub(super) fn confirmed_existence(&mut self) {
        self.existence_failures = 0;
    }

    /// It answered an existence question with somebody else's word, or would not answer: it gets address questions.
    pub(super) fn cannot_tell(&mut self, now: Duration) {
        self.addresses_only = true;
        self.existence_failures = 0;
        self.addresses_only_until = if self.reprobed { now + ADDRESSES_ONLY_FOR } else { now };
    }

    /// An existence question failed. Some networks drop unknown record types, or EDNS: after a probe has shown that
    /// the server is there, one more failure leaves it with address questions.
    pub(super) fn existence_failed(&mut self, failure: Failure, now: Duration) {
        if failure == Failure::Unreachable {
            return;
        }
        self.existence_failures += 1;
        if self.existence_failures > FAILURES_BEFORE_PROBE + 1 {
            self.cannot_tell(now);
            self.addresses_only_until = now + ADDRESSES_ONLY_FOR;
        }
    }

    /// The probe was answered, so it is the existence question that does not get through: for its EDNS or for its type,
    /// as one more without EDNS is to tell.
    pub(super) fn probe_answered(&mut self) {
        self.existence_failures = FAILURES_BEFORE_PROBE + 1;
    }

    /// The probe failed as well, so nothing gets through.
    pub(super) fn probe_failed(&mut self) {
        self.existence_failures = 0;
    }

    /// An address question failed, or was refused.
    pub(super) fn address_failed(&mut self, question: Question, outcome: &Outcome, now: Duration) {
        self.failed = Some(now);
        if self.addresses_only && *outcome == Outcome::Failed(Failure::Timeout) && self.may_dislike_edns(question) {
            self.edns = Edns::Barred;
        }
    }

    /// An address question was answered with the zone's own word: perhaps it can tell existence by now.
    pub(super) fn confirm_authority(&mut self, now: Duration) {
        if self.addresses_only && now >= self.addresses_only_until {
            self.addresses_only = false;
            self.reprobed = true;
            self.existence_failures = FAILURES_BEFORE_PROBE + 1;
        }
    }
}

/// The servers, in the order of resolv.conf.
#[derive(Clone, Debug)]
pub(super) struct Servers(Vec<Server>);

impl Servers {
    pub(super) fn new(count: usize) -> Self {
        Self(vec![Server::new(); count.min(MAX_SERVERS)])
    }

    pub(super) fn get(&self, index: usize) -> &Server {
        &self.0[index]
    }

    pub(super) fn get_mut(&mut self, index: usize) -> &mut Server {
        &mut self.0[index]
    }

    /// The best of those that were not asked in this round: the one that last answered first, one that failed
    /// lately last.
    pub(super) fn best(&self, asked: &[usize], now: Duration) -> Option<usize> {
        let rank = |index: &usize| {
            let server = &self.0[*index];
            let failed_lately = server.failed.is_some_and(|at| now < at + FAILED_LAST_FOR);
            (failed_lately, Reverse(server.answered), *index)
        };
        (0..self.0.len()).filter(|index| !asked.contains(index)).min_by_key(rank)
    }

    /// All of them, the best first.
    pub(super) fn best_first(&self, now: Duration) -> Vec<usize> {
        let mut order = Vec::new();
        while let Some(next) = self.best(&order, now) {
            order.push(next);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::answers::Refusal;
    use crate::wait::questions::Family;

    const ABSENT: Outcome = Outcome::Absent { zone: None, ttl: 30 };
    const TIMEOUT: Outcome = Outcome::Failed(Failure::Timeout);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_one_that_last_answered_is_first_and_one_that_failed_is_last_for_ten_seconds() {
        let question = Question::existence(65_280);
        let mut servers = Servers::new(5);
        assert_eq!(servers.best(&[], at(0)), Some(0));
        servers.get_mut(1).note(question, false, &ABSENT, at(1));
        assert_eq!(servers.best(&[], at(1)), Some(1));
        servers.get_mut(1).note(question, false, &TIMEOUT, at(2));
        assert_eq!(servers.best(&[], at(3)), Some(0));
        assert_eq!(servers.best(&[0, 2], at(3)), Some(1));
        assert_eq!(servers.best_first(at(3)), [0, 2, 1]);
        assert_eq!(servers.best(&[0, 1, 2], at(3)), None, "a fourth server is never asked");
        assert_eq!(servers.best(&[], at(12)), Some(1));
        servers.get_mut(1).note(question, false, &TIMEOUT, at(13));
        servers.get_mut(1).note(question, false, &ABSENT, at(14));
        assert_eq!(servers.best(&[], at(15)), Some(1), "an answer makes up for a failure");
    }

    #[test]
    fn two_silent_existence_questions_lead_to_a_probe_and_a_third_to_addresses_only() {
        use Opening::{Address, Existence, ExistenceWithoutEdns, Probe};
        let mut server = Server::new();
        let mut openings = Vec::new();
        for _ in 0..2 {
            openings.push(server.opening());
            server.existence_failed(Failure::Timeout, at(1));
        }
        openings.push(server.opening());
        server.probe_answered();
        openings.push(server.opening());
        server.existence_failed(Failure::ServFail, at(2));
        openings.push(server.opening());
        assert_eq!(openings, [Existence, Existence, Probe, ExistenceWithoutEdns, Address]);
    }

    #[test]
    fn a_dead_server_stays_in_fresh_mode() {
        let mut server = Server::new();
        for _ in 0..10 {
            match server.opening() {
                Opening::Probe => server.probe_failed(),
                _ => server.existence_failed(Failure::Timeout, at(1)),
            }
            assert!(!server.is_addresses_only());
        }
        for _ in 0..10 {
            server.existence_failed(Failure::Unreachable, at(1));
        }
        assert_eq!(server.opening(), Opening::Existence);
    }

    #[test]
    fn a_server_asked_for_addresses_only_that_speaks_with_authority_gets_one_chance_at_once_then_one_every_thirty_seconds()
     {
        let mut server = Server::new();
        server.note(Question::private(Family::V4), false, &ABSENT, at(0));
        server.cannot_tell(at(0));
        server.confirm_authority(at(1));
        assert_eq!(server.opening(), Opening::Existence);
        server.cannot_tell(at(2));
        server.confirm_authority(at(31));
        assert_eq!(server.opening(), Opening::Address);
        server.confirm_authority(at(32));
        assert_eq!(server.opening(), Opening::Existence);
        server.existence_failed(Failure::Timeout, at(33));
        assert_eq!(server.opening(), Opening::Address);
    }

    #[test]
    fn edns_is_given_up_only_where_a_question_without_it_was_answered() {
        let question = Question::private(Family::V4);
        let refused = Outcome::Unable(Refusal::FormErr);
        let mut server = Server::new();
        assert!(server.may_dislike_edns(question));
        server.note(question.without_edns(), true, &refused, at(0));
        assert!(server.lets_edns_pass(), "it refuses both, so EDNS is not the reason");
        server.note(question.without_edns(), true, &ABSENT, at(0));
        assert!(!server.lets_edns_pass());

        let mut server = Server::new();
        server.note(question, false, &ABSENT, at(0));
        assert!(!server.may_dislike_edns(question), "EDNS has passed before");
    }
}
