//! What is known of each name server, and which one is asked next.
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
/// How long a server that could not report existence is asked for addresses only.
const ADDRESSES_ONLY_FOR: Duration = Duration::from_secs(30);
/// Existence questions that fail in a row before a question without EDNS finds out whether the server is there at all.
const FAILURES_BEFORE_PROBE: u8 = 2;

/// The first question of a round at a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    Existence,
    /// The same without EDNS: the probe was answered, and EDNS may be what is dropped.
    ExistenceWithoutEdns,
    /// Is anything answered at all, without EDNS?
    Probe,
    /// An address question: this server cannot report existence.
    Address,
}

/// Whether questions with EDNS are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Edns {
    #[default]
    Unknown,
    Passes,
    Barred,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Server {
    /// It is asked for addresses only, and may be asked for existence again from then on.
    addresses_only_until: Option<Duration>,
    /// It was asked for addresses only before, and has been asked for existence again since.
    reprobed: bool,
    edns: Edns,
    /// Existence questions that failed in a row.
    existence_failures: u8,
    answered: Option<Duration>,
    failed: Option<Duration>,
}

impl Server {
    /// What to begin a round with.
    pub(super) fn opening(&self) -> Opening {
        match self.existence_failures {
            _ if self.is_addresses_only() => Opening::Address,
            FAILURES_BEFORE_PROBE => Opening::Probe,
            failures if failures > FAILURES_BEFORE_PROBE && self.edns == Edns::Unknown => Opening::ExistenceWithoutEdns,
            _ => Opening::Existence,
        }
    }

    pub(super) fn is_addresses_only(&self) -> bool {
        self.addresses_only_until.is_some()
    }

    pub(super) fn lets_edns_pass(&self) -> bool {
        self.edns != Edns::Barred
    }

    /// Whether EDNS may be the reason for a refusal of `question`.
    pub(super) fn may_dislike_edns(&self, question: Question) -> bool {
        question.dnssec_ok && self.edns == Edns::Unknown
    }

    /// Notes when it answered or failed, and whether EDNS passes. `retried` is a question that was refused, or lost,
    /// with EDNS and is asked once more without it.
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

    /// It reported existence, as the servers of a cluster do.
    pub(super) fn confirmed_existence(&mut self) {
        self.existence_failures = 0;
    }

    /// It answered an existence question for another zone, or refused to answer: it gets address questions.
    pub(super) fn cannot_tell(&mut self, now: Duration) {
        self.existence_failures = 0;
        self.addresses_only_until = Some(if self.reprobed { now + ADDRESSES_ONLY_FOR } else { now });
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
            self.addresses_only_until = Some(now + ADDRESSES_ONLY_FOR);
        }
    }

    /// The probe was answered, so it is the existence question that is dropped, for its EDNS or for its type: one more
    /// without EDNS shows which.
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
        if self.is_addresses_only() && *outcome == Outcome::Failed(Failure::Timeout) && self.may_dislike_edns(question)
        {
            self.edns = Edns::Barred;
        }
    }

    /// An address question was answered for the zone itself: perhaps the server can report existence by now.
    pub(super) fn confirm_authority(&mut self, now: Duration) {
        if self.addresses_only_until.is_some_and(|until| now >= until) {
            self.addresses_only_until = None;
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
        Self(vec![Server::default(); count.min(MAX_SERVERS)])
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
mod tests;
