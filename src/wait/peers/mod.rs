//! What peers see of a record that beaminit has seen: how it finds out, and how long it waits for an old answer to expire.
//!
//! Why a start must wait for it, from the sources of Erlang/OTP (kernel: `net_kernel`, `dist_util`, `global`):
//!
//! * Between two nodes only one connection can be under way. While a peer dials this node, it answers this
//!   node's connection by the order of names: the peer with the higher name refuses it ("simultaneous connect":
//!   `MyNode > Node` is `nok_pending`), because it expects its own to succeed.
//! * A dial to a predecessor's address, which swallows packets, cannot succeed. It stays pending until `net_setuptime`
//!   ends it, after 7 s by default. As long as a cache gives peers that address, one dial follows another.
//! * A node that reaches only some nodes of a cluster is a partition to `global` (OTP 25 and later,
//!   `prevent_overlapping_partitions`), which then disconnects others.
//!
//! Pure: no I/O, no clock.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use crate::variables::WaitPeers;

use super::answers::Outcome;
use super::questions::Question;
use super::sighting::{Confirmation, Sighting};

/// How often the ordinary question is sent to a server, each time from another socket, so that a balancer in front of
/// several replicas chooses each time. That all of them miss the only replica with an old answer has a probability of
/// 1 : 4,096 with two replicas, 1 : 130 with three, 1 : 32 with four. More would be impolite: with these a start asks less
/// than a loop on a relative name does (`ndots:5`, eight questions a try), even where no cache keeps that loop waiting.
const QUESTIONS: usize = 12;
/// A silent server costs a round no more than this: time to send a lost packet again once.
const PEER_QUESTION_TIMEOUT: Duration = Duration::from_millis(500);
/// A round takes no longer than this, however slow the servers are; the last one may begin at the limit.
const ROUND_WITHIN: Duration = Duration::from_secs(1);
/// The default of `net_setuptime`: a dial that began just before an old answer expired is over after this time.
const DIAL_LASTS: Duration = Duration::from_secs(7);
/// The pause after an old answer is at least this long, the first time and later: its TTL may be 0, or wrong.
const SHORTEST_PAUSE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10)];
/// The release starts after this time although a cache has another address, unless the setting asks for more.
const LONGEST: Duration = Duration::from_secs(60);

/// What is asked and awaited because of peers.
#[derive(Debug)]
pub(super) struct PeerCheck {
    policy: WaitPeers,
    /// The record, and what peers saw of it in the last round.
    pub(super) sighting: Sighting,
    /// The release does not start before this.
    not_before: Duration,
    /// The end, whatever peers see.
    pub(super) limit: Duration,
    /// The last other addresses that a cache had, and until when it may have given them to peers.
    pub(super) stale: Option<StaleAnswer>,
    /// How many rounds have begun.
    rounds: usize,
    /// The questions of this round that are left, and when it ends.
    questions: VecDeque<(usize, Question)>,
    round_until: Duration,
    /// What the answers of this round amount to.
    found: Confirmation,
    /// The time was over while peers may still have been busy with another address.
    pub(super) is_cut_short: bool,
}

/// An answer without any of the pod's addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StaleAnswer {
    pub(super) addresses: Vec<IpAddr>,
    /// Until when a cache may give it.
    pub(super) until: Duration,
}

/// What follows a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterRound {
    /// Nothing hinders a start, or the time is over.
    Start,
    /// Ask again then.
    AskAgain(Duration),
}

impl StaleAnswer {
    /// An answer that came at `now`. Caches count in whole seconds, and round up what is left.
    pub(super) fn new(addresses: &[IpAddr], ttl: u32, now: Duration) -> Self {
        Self { addresses: addresses.to_vec(), until: now + Duration::from_secs(u64::from(ttl)) }
    }
}

impl PeerCheck {
    /// For a record that was seen as `sighting` says, by a wait that ends at `deadline`. `stale` is the last answer before it that had
    /// other addresses: if it came from a cache, the cache had it until the pod's own was seen at the latest.
    pub(super) fn new(
        policy: WaitPeers,
        sighting: Sighting,
        deadline: Option<Duration>,
        stale: Option<StaleAnswer>,
    ) -> Self {
        let seen = sighting.after;
        let minimum = if let WaitPeers::AtLeast(minimum) = policy { minimum } else { Duration::ZERO };
        let longest = seen.saturating_add(LONGEST.max(minimum));
        Self {
            policy,
            sighting,
            not_before: seen.saturating_add(minimum),
            limit: deadline.map_or(longest, |deadline| longest.min(deadline)).max(seen),
            stale: stale.map(|stale| StaleAnswer { until: stale.until.min(seen), ..stale }),
            rounds: 0,
            questions: VecDeque::new(),
            round_until: seen + ROUND_WITHIN,
            found: Confirmation::Unknown,
            is_cut_short: false,
        }
    }

    /// Before the first round: asks the server that has the record for addresses of the family that it lacks so far.
    pub(super) fn ask_for_other_family(&mut self, server: usize) {
        let missing = self.sighting.missing.first();
        self.questions.extend(missing.map(|family| (server, Question::private(*family))));
    }

    /// Begins a round of questions at these servers, for the families of which the record has addresses.
    pub(super) fn begin_round(&mut self, servers: &[usize], now: Duration) {
        let families = self.sighting.families();
        let (servers, times) = match self.policy {
            WaitPeers::Off => (&servers[..servers.len().min(1)], 1),
            WaitPeers::Auto | WaitPeers::AtLeast(_) => (servers, QUESTIONS),
        };
        self.questions = servers
            .iter()
            .flat_map(|server| families.iter().map(move |family| (*server, Question::ordinary(*family))))
            .flat_map(|question| std::iter::repeat_n(question, times))
            .collect();
        self.rounds += 1;
        self.round_until = now.min(self.limit) + ROUND_WITHIN;
        self.found = Confirmation::Unknown;
    }

    /// The next question of the round with its server, and how long its answer may take.
    pub(super) fn next_question(&mut self, now: Duration) -> Option<(usize, Question, Duration)> {
        let timeout = self.round_until.saturating_sub(now).min(PEER_QUESTION_TIMEOUT);
        let (server, question) = self.questions.pop_front().filter(|_| !timeout.is_zero())?;
        Some((server, question, timeout))
    }

    /// Takes an answer, which has these of the pod's `own` addresses. A server that gives none is not asked again in this
    /// round.
    pub(super) fn note(&mut self, server: usize, outcome: &Outcome, own: Vec<IpAddr>, now: Duration) {
        if !self.has_begun() {
            self.sighting.add(own);
            return;
        }
        if matches!(outcome, Outcome::Failed(_) | Outcome::Unable(_)) {
            self.questions.retain(|(other, _)| *other != server);
        }
        let confirmation = Confirmation::of(outcome, !own.is_empty());
        if let Confirmation::Others { addresses, ttl } = &confirmation {
            let stale = StaleAnswer::new(addresses, *ttl, now);
            if self.stale.as_ref().is_none_or(|before| before.until <= stale.until) {
                self.stale = Some(stale);
            }
        }
        self.found = std::mem::replace(&mut self.found, Confirmation::Unknown).or_worse(confirmation);
    }

    /// The round is over.
    pub(super) fn end_round(&mut self, now: Duration) -> AfterRound {
        self.sighting.confirmation = self.found.clone();
        if self.policy == WaitPeers::Off {
            return AfterRound::Start;
        }
        let next = match &self.found {
            Confirmation::Others { ttl, .. } => {
                let shortest = SHORTEST_PAUSE[self.rounds.min(SHORTEST_PAUSE.len()) - 1];
                now + Duration::from_secs(u64::from(*ttl)).max(shortest)
            }
            _ => self.earliest_start(),
        };
        self.is_cut_short = now < next && now >= self.limit;
        if now >= next || self.is_cut_short { AfterRound::Start } else { AfterRound::AskAgain(next.min(self.limit)) }
    }

    /// The first round has begun.
    pub(super) fn has_begun(&self) -> bool {
        self.rounds > 0
    }

    /// When the release starts if no more old answers are met.
    pub(super) fn earliest_start(&self) -> Duration {
        self.not_before.max(self.dials_over())
    }

    /// When the last dial is over that an old answer has led to.
    pub(super) fn dials_over(&self) -> Duration {
        self.stale.as_ref().map_or(Duration::ZERO, |stale| stale.until + DIAL_LASTS)
    }
}
