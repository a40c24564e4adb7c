//! The wait's decisions: what to ask next, when, and when it is over.
//!
//! The wait goes in rounds. A round begins with a question about the name's existence, with a record type that nobody
//! has used lately, so that no cache can answer it from before the record was published; if the name is
//! there, address questions follow. A server that cannot report existence gets address questions alone.
//!
//! Pure: no I/O, no clock.

mod round;
mod seen;
#[cfg(test)]
mod tests;

use std::mem;
use std::net::IpAddr;
use std::time::Duration;

use crate::variables::WaitPeers;

use super::answers::{Authority, Failure, Outcome};
use super::pace::{Pace, RoundEnd};
use super::peers::{PeerCheck, StaleAnswer};
use super::questions::{AddressKeys, Allowed, Family, PrivateTypes, Question};
use super::servers::Servers;
use super::sighting::{Observation, Sighting};
use super::tally::Tally;

/// How long an answer may take. Longer than a resend, shorter than the five seconds of other resolvers.
const QUESTION_TIMEOUT: Duration = Duration::from_millis(1500);

#[derive(Clone, Debug)]
pub enum Event {
    /// The wait begins, or a pause is over.
    Due,
    /// The question ended.
    Answered(Outcome),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask a question, and report how it ended.
    Ask {
        server: usize,
        question: Question,
        timeout: Duration,
    },
    /// Do nothing until this time, counted from the start of the wait.
    Sleep(Duration),
    Published(Sighting),
    GiveUp,
    /// It is over already.
    Nothing,
}

/// How long to wait, and whether for peers as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitLimits {
    /// The end of the wait, counted from its start; without one it goes on for ever.
    pub timeout: Option<Duration>,
    /// What is waited for once the record has been seen.
    pub peers: WaitPeers,
}

/// What is looked for, and where.
#[derive(Clone, Debug)]
pub struct WaitTarget {
    /// The addresses of which one is looked for.
    pub own: Vec<IpAddr>,
    /// Which zones may deny the awaited name.
    pub authority: Authority,
    /// How many servers there are. At most the first three are asked.
    pub servers: usize,
}

#[derive(Debug)]
pub struct Machine {
    own: Vec<IpAddr>,
    family: Family,
    authority: Authority,
    limits: WaitLimits,
    pace: Pace,
    private_types: PrivateTypes,
    address_keys: AddressKeys,
    pub(super) servers: Servers,
    round: Round,
    /// The last answer before the record was seen that had other addresses.
    stale: Option<StaleAnswer>,
    /// What follows once the record has been seen.
    peers: Option<PeerCheck>,
    tally: Tally,
    /// What was asked until the record was seen with all its families.
    pub(super) tally_at_sight: Tally,
    /// What is known of the record.
    pub(super) observation: Observation,
    state: MachineState,
}

#[derive(Debug)]
enum MachineState {
    Asleep { until: Duration, then: NextStep },
    Asking { pending: Pending, until: Duration },
    Over,
}

#[derive(Debug)]
enum NextStep {
    Round,
    Ask(Pending),
    AskForPeers,
}

/// A question that is under way, or is to be asked.
#[derive(Clone, Copy, Debug)]
struct Pending {
    server: usize,
    question: Question,
    purpose: Purpose,
    /// With EDNS it was refused, or lost; it is asked once more without.
    retried: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Existence,
    /// The server is there, but existence questions fail: does this one get through?
    Probe,
    Address,
    /// The name has no address of the pod's first family: has it one of the other?
    OtherFamily,
    /// The name does not exist, by what the servers say.
    Safety,
    /// The record was seen; does it have the other family as well, and do peers see it?
    Peers,
}

/// One try to learn something from one of the servers.
#[derive(Debug, Default)]
struct Round {
    /// When the last of its servers was asked first.
    opened: Duration,
    asked: Vec<usize>,
    keys: u32,
}

impl Machine {
    /// `clock` is the present time of a clock that goes on while the container is restarted.
    pub fn new(target: WaitTarget, limits: WaitLimits, clock: Duration, rng: fastrand::Rng) -> Self {
        let WaitTarget { own, authority, servers } = target;
        let own: Vec<IpAddr> = own.iter().map(IpAddr::to_canonical).collect();
        let family = own.iter().map(Family::of).min().unwrap_or(Family::V4);
        Self {
            family,
            authority,
            limits,
            private_types: PrivateTypes::new(clock),
            pace: Pace::new(rng),
            address_keys: AddressKeys::of(family),
            servers: Servers::new(servers),
            round: Round::default(),
            stale: None,
            peers: None,
            tally: Tally::default(),
            tally_at_sight: Tally::default(),
            observation: Observation::Silence,
            state: MachineState::Asleep { until: Duration::ZERO, then: NextStep::Round },
            own,
        }
    }

    /// What was asked so far and what came back.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The pod's record as it was seen, and as peers see it by the last answers.
    pub(super) fn sighting(&self) -> Option<&Sighting> {
        self.peers.as_ref().map(|peers| &peers.sighting)
    }

    /// What peers see, once the pod's record was seen with all its families.
    pub(super) fn peers(&self) -> Option<&PeerCheck> {
        self.peers.as_ref().filter(|peers| peers.has_begun())
    }

    /// Takes an event, at `now` after the start, and says what to do next.
    pub fn on(&mut self, event: Event, now: Duration) -> Action {
        match (mem::replace(&mut self.state, MachineState::Over), event) {
            (MachineState::Over, _) => Action::Nothing,
            (MachineState::Asleep { until, then }, _) if now < until => self.sleep(until, then),
            (MachineState::Asleep { then: NextStep::Round, .. }, _) => self.begin_round(now),
            (MachineState::Asleep { then: NextStep::Ask(pending), .. }, _) => self.ask(pending, now),
            (MachineState::Asleep { then: NextStep::AskForPeers, .. }, _) => self.begin_peer_round(now),
            (MachineState::Asking { pending, .. }, Event::Answered(outcome)) => self.answered(pending, &outcome, now),
            (MachineState::Asking { pending, until }, Event::Due) if now < until => {
                self.state = MachineState::Asking { pending, until };
                Action::Sleep(until)
            }
            (MachineState::Asking { pending, .. }, Event::Due) => {
                self.answered(pending, &Outcome::Failed(Failure::Timeout), now)
            }
        }
    }

    fn begin_round(&mut self, now: Duration) -> Action {
        if self.limits.timeout.is_some_and(|timeout| now >= timeout) {
            return self.finish();
        }
        if let Some(free) = self.pace.too_many_until(now) {
            return self.sleep(free, NextStep::Round);
        }
        self.round = Round { opened: now, ..Round::default() };
        self.ask_next_server(now)
    }

    /// Asks the next address question. `exists`: the name is known to exist.
    fn ask_address(&mut self, server: usize, exists: bool, now: Duration) -> Action {
        match self.draw_address(server, exists) {
            Some(question) => {
                self.ask_in_turn(Pending { server, question, purpose: Purpose::Address, retried: false }, now)
            }
            None => self.end_round(RoundEnd::Addresses, now),
        }
    }

    /// Asks the question as soon as it is not one too many within a second.
    fn ask_in_turn(&mut self, pending: Pending, now: Duration) -> Action {
        match self.pace.too_many_until(now) {
            Some(free) => self.sleep(free, NextStep::Ask(pending)),
            None => self.ask(pending, now),
        }
    }

    /// The ordinary question is asked only if the name is known to exist, and only while another address than the pod's is
    /// seen, to look at more than the private questions' cached answers. Without EDNS, with which most private questions
    /// are lost, it is the only one.
    fn draw_address(&mut self, server: usize, exists: bool) -> Option<Question> {
        let edns = self.servers.get(server).lets_edns_pass();
        let others = matches!(self.observation, Observation::Others { .. });
        let ordinary = if edns { exists && others } else { exists || self.servers.get(server).is_addresses_only() };
        self.address_keys.draw(Allowed { edns, ordinary })
    }

    fn ask(&mut self, pending: Pending, now: Duration) -> Action {
        let left = self.limits.timeout.map_or(QUESTION_TIMEOUT, |timeout| timeout.saturating_sub(now));
        if left.is_zero() {
            return self.finish();
        }
        self.put(pending, left.min(QUESTION_TIMEOUT), now)
    }

    fn put(&mut self, mut pending: Pending, timeout: Duration, now: Duration) -> Action {
        if !self.servers.get(pending.server).lets_edns_pass() {
            pending.question = pending.question.without_edns();
        }
        self.tally.asked();
        self.pace.asked(now);
        self.state = MachineState::Asking { pending, until: now + timeout };
        Action::Ask { server: pending.server, question: pending.question, timeout }
    }

    fn sleep(&mut self, until: Duration, then: NextStep) -> Action {
        let until = self.limits.timeout.map_or(until, |timeout| until.min(timeout));
        self.state = MachineState::Asleep { until, then };
        Action::Sleep(until)
    }

    fn finish(&mut self) -> Action {
        self.state = MachineState::Over;
        self.sighting().cloned().map_or(Action::GiveUp, Action::Published)
    }

    fn answered(&mut self, pending: Pending, outcome: &Outcome, now: Duration) -> Action {
        self.tally.ended(outcome);
        let server = self.servers.get_mut(pending.server);
        let dislikes_edns = matches!(outcome, Outcome::Unable(refusal) if refusal.may_be_for_edns())
            && server.may_dislike_edns(pending.question);
        server.note(pending.question, pending.retried, outcome, now);
        if self.peers.is_some() {
            return self.on_more(pending.server, outcome, now);
        }
        let seen = self.own_among(outcome);
        if !seen.is_empty() {
            return self.on_own_record(pending.server, seen, now);
        }
        if self.limits.timeout.is_some_and(|timeout| now >= timeout) {
            return self.finish();
        }
        if dislikes_edns {
            return self.ask(Pending { question: pending.question.without_edns(), retried: true, ..pending }, now);
        }
        self.on_round_answer(pending, outcome, now)
    }

    fn end_round(&mut self, end: RoundEnd, now: Duration) -> Action {
        let next = self.round.opened + self.pace.pause(end, now);
        self.sleep(next.max(now), NextStep::Round)
    }

    fn own_among(&self, outcome: &Outcome) -> Vec<IpAddr> {
        let Outcome::Addresses { addresses, .. } = outcome else { return Vec::new() };
        addresses.iter().map(IpAddr::to_canonical).filter(|address| self.own.contains(address)).collect()
    }

    fn note(&mut self, outcome: &Outcome, now: Duration) {
        if let Outcome::Addresses { addresses, ttl } = outcome
            && !addresses.is_empty()
        {
            self.stale = Some(StaleAnswer::new(addresses, *ttl, now));
        }
        if let Some(observation) = Observation::of(outcome, &self.authority) {
            self.observation = observation;
        }
    }
}
