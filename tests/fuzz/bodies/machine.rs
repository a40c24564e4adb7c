//! Any events at any time: what the wait's machine promises of each action.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use beaminit::testing::identity::name::Fqdn;
use beaminit::testing::variables::WaitPeers;
use beaminit::testing::wait::answers::{Authority, Failure, Outcome, Refusal};
use beaminit::testing::wait::machine::{Action, Event, Machine, WaitLimits, WaitTarget};
use beaminit::testing::wait::questions::{Question, Record};

use super::input::Input;

const OWN: [&str; 2] = ["10.0.0.5", "fd00::5"];
const ROUND_TRIP: Duration = Duration::from_millis(2);
const SECOND: Duration = Duration::from_secs(1);
/// No two existence questions to one server are closer to each other.
const CLOSEST: Duration = Duration::from_millis(400);
const MOST_IN_A_SECOND: usize = 8;
/// What is asked when the limit for the wait for peers has passed ends within this time.
const PEERS_WITHIN: Duration = SECOND;
/// Ordinary questions for the sake of peers: to each of three servers, for each of two families.
const PEER_QUESTIONS: usize = 12 * 3 * 2;
/// At first, after a second, and when the dials are over that the last old answer may have led to.
const ROUNDS_IN_TEN_SECONDS: usize = 3;
const PRIVATE_TYPES: usize = 255;

pub fn body(data: &[u8]) {
    let mut input = Input::new(data);
    let mut run = Run::new(&mut input);
    while let Some(choice) = input.byte() {
        let (event, now) = run.event(choice, &mut input);
        run.step(event, now);
    }
    run.end_in_silence();
}

/// A question that is under way.
#[derive(Clone, Copy)]
struct Pending {
    server: usize,
    question: Question,
    until: Duration,
}

struct Run {
    machine: Machine,
    own: Vec<IpAddr>,
    servers: usize,
    deadline: Option<Duration>,
    /// How long peers are waited for at most.
    longest: Duration,
    now: Duration,
    last: Action,
    pending: Option<Pending>,
    /// When the machine got one of our own addresses.
    seen: Option<Duration>,
    /// When each server was last asked for existence.
    existence: BTreeMap<usize, Duration>,
    /// The record types that existence questions have used, until all were.
    used: BTreeSet<u16>,
    /// When questions were put, but for those to another server after a failure and those that EDNS was taken from.
    asked: Vec<Duration>,
    /// When questions were put after the record had been seen.
    asked_for_peers: Vec<Duration>,
    questions: u32,
}

impl Run {
    fn new(input: &mut Input<'_>) -> Self {
        let own = OWN.iter().take(1 + input.number(2)).map(|own| own.parse().expect("an address"));
        let own: Vec<IpAddr> = own.collect();
        let servers = input.number(5);
        let deadlines = [None, Some(0), Some(1), Some(12), Some(120), Some(1000)];
        let deadline = deadlines[input.number(6)].map(Duration::from_secs);
        let clock = seconds(input.number(u8::MAX));
        let seed = input.byte().unwrap_or(0);
        let rng = fastrand::Rng::with_seed(u64::from(seed));
        let peers = [WaitPeers::Auto, WaitPeers::Off, WaitPeers::AtLeast(90 * SECOND)][usize::from(seed % 3)];
        let name = Fqdn::parse("web-0.web.ns1.svc.cluster.local").expect("a name");
        let authority = Authority::over(&name, Fqdn::parse("cluster.local").ok().as_ref());
        let longest = if seed % 3 == 2 { 90 * SECOND } else { 60 * SECOND };
        let target = WaitTarget { own: own.clone(), authority, servers };
        Self {
            machine: Machine::new(target, WaitLimits { timeout: deadline, peers }, clock, rng),
            own,
            servers,
            deadline,
            longest,
            now: Duration::ZERO,
            last: Action::Sleep(Duration::ZERO),
            pending: None,
            seen: None,
            existence: BTreeMap::new(),
            used: BTreeSet::new(),
            asked: Vec::new(),
            asked_for_peers: Vec::new(),
            questions: 0,
        }
    }

    /// What happens next: mostly what the machine has asked for, now and then something else, early or late.
    fn event(&self, choice: u8, input: &mut Input<'_>) -> (Event, Duration) {
        match choice % 8 {
            0 => (Event::Due, self.now + milliseconds(input.number(u8::MAX))),
            1 => (Event::Due, self.now + seconds(input.number(u8::MAX))),
            2 => (Event::Answered(outcome(input)), self.now + milliseconds(8 * input.number(u8::MAX))),
            _ => match self.last {
                Action::Ask { timeout, .. } => match outcome(input) {
                    Outcome::Failed(Failure::Timeout) if choice > 127 => (Event::Due, self.now + timeout),
                    silence @ Outcome::Failed(Failure::Timeout) => (Event::Answered(silence), self.now + timeout),
                    outcome => (Event::Answered(outcome), self.now + ROUND_TRIP),
                },
                Action::Sleep(until) => (Event::Due, until.max(self.now)),
                _ => (Event::Due, self.now),
            },
        }
    }

    fn step(&mut self, event: Event, now: Duration) {
        let outcome = match &event {
            Event::Answered(outcome) => Some(outcome.clone()),
            Event::Due => Some(Outcome::Failed(Failure::Timeout)),
        };
        let ended = self.pending.filter(|pending| matches!(event, Event::Answered(_)) || now >= pending.until);
        let ended = ended.zip(outcome);
        if let Some((_, Outcome::Addresses { addresses, .. })) = &ended
            && addresses.iter().any(|address| self.own.contains(address))
        {
            self.seen.get_or_insert(now);
        }
        if ended.is_some() {
            self.pending = None;
        }
        self.now = now;
        let action = self.machine.on(event, now);
        self.check(&action, ended);
        self.last = action;
    }

    fn check(&mut self, action: &Action, ended: Option<(Pending, Outcome)>) {
        let was_over = matches!(self.last, Action::Published(_) | Action::GiveUp | Action::Nothing);
        assert_eq!(was_over, *action == Action::Nothing, "{action:?} after {:?}", self.last);
        match action {
            Action::Ask { server, question, timeout } => {
                let pending = Pending { server: *server, question: *question, until: self.now + *timeout };
                assert!(!timeout.is_zero() && *server < self.servers.min(3), "{action:?}");
                assert!(self.is_in_time(pending.until), "a question beyond the deadline: {action:?} at {:?}", self.now);
                self.count(pending, ended);
                self.pending = Some(pending);
            }
            Action::Sleep(until) => {
                assert!(self.is_in_time(*until), "a sleep beyond the deadline: {until:?} at {:?}", self.now);
            }
            Action::Published(sighting) => {
                assert!(self.seen.is_some() && !sighting.addresses.is_empty());
                assert!(sighting.addresses.iter().all(|address| self.own.contains(address)));
            }
            Action::GiveUp => {
                assert!(self.seen.is_none());
                assert!(self.deadline.is_some_and(|deadline| self.now >= deadline), "gave up at {:?}", self.now);
            }
            Action::Nothing => {}
        }
        assert_eq!(self.machine.tally().questions(), self.questions);
    }

    fn is_in_time(&self, until: Duration) -> bool {
        let limit = match self.seen {
            Some(seen) => {
                let longest = seen + self.longest;
                Some(self.deadline.map_or(longest, |deadline| longest.min(deadline)).max(seen) + PEERS_WITHIN)
            }
            None => self.deadline,
        };
        limit.is_none_or(|limit| until <= limit)
    }

    /// Counts a question, which follows the one that has `ended`.
    fn count(&mut self, Pending { server, question, .. }: Pending, ended: Option<(Pending, Outcome)>) {
        self.questions += 1;
        let (failover, retry) = ended.map_or((false, false), |(before, outcome)| {
            let no_answer = matches!(outcome, Outcome::Failed(_) | Outcome::Unable(_));
            let for_edns = matches!(outcome, Outcome::Unable(refusal) if refusal.may_be_for_edns());
            let again = before.question.dnssec_ok && question == before.question.without_edns();
            (before.server != server && no_answer, before.server == server && for_edns && again)
        });
        if let (Record::Private(number), false) = (question.record, retry) {
            self.count_existence(server, number);
        }
        if failover || retry {
            return;
        }
        if self.seen.is_some() {
            self.asked_for_peers.push(self.now);
            let lately = self.asked_for_peers.iter().rev().take_while(|at| **at + 10 * SECOND > self.now).count();
            assert!(lately <= ROUNDS_IN_TEN_SECONDS * PEER_QUESTIONS, "{lately} within ten seconds at {:?}", self.now);
            return;
        }
        self.asked.push(self.now);
        let lately = self.asked.iter().rev().take_while(|at| **at + SECOND > self.now).count();
        assert!(lately <= MOST_IN_A_SECOND, "{lately} questions within a second at {:?}", self.now);
    }

    fn count_existence(&mut self, server: usize, number: u16) {
        let before = self.existence.insert(server, self.now);
        let is_apart = before.is_none_or(|before| self.now + Duration::from_millis(1) >= before + CLOSEST);
        assert!(is_apart, "server {server} was asked at {before:?} and at {:?}", self.now);
        assert!(self.used.insert(number), "type {number} again after {} others", self.used.len());
        if self.used.len() == PRIVATE_TYPES {
            self.used.clear();
        }
    }

    /// Nobody answers any more: it ends at the deadline.
    fn end_in_silence(&mut self) {
        let Some(deadline) = self.deadline else { return };
        while let Some(until) = self.next_wake_up() {
            self.step(Event::Due, until.max(self.now));
            assert!(self.questions < 10_000, "no end");
        }
        assert!(self.now >= deadline || self.seen.is_some());
    }

    fn next_wake_up(&self) -> Option<Duration> {
        match self.last {
            Action::Ask { timeout, .. } => Some(self.now + timeout),
            Action::Sleep(until) => Some(until),
            _ => None,
        }
    }
}

fn outcome(input: &mut Input<'_>) -> Outcome {
    let zone = ["cluster.local", "ns1.svc.cluster.local", "com", ""][input.number(4)];
    let (zone, ttl) = (Fqdn::parse(zone).ok(), u32::from(input.byte().unwrap_or(0)));
    let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("an address")).collect();
    match input.number(16) {
        0 => Outcome::Addresses { addresses: Vec::new(), ttl },
        1 => Outcome::Addresses { addresses: addresses(&["10.0.0.9"]), ttl },
        2 => Outcome::Addresses { addresses: addresses(&["10.0.0.9", OWN[0]]), ttl },
        3 => Outcome::Addresses { addresses: addresses(&[OWN[1]]), ttl },
        4..7 => Outcome::Exists { zone, ttl },
        7..11 => Outcome::Absent { zone, ttl },
        11 => Outcome::Unable([Refusal::FormErr, Refusal::NotImp][input.number(2)]),
        12 => Outcome::Unable([Refusal::Refused, Refusal::Other][input.number(2)]),
        13 => Outcome::Failed(Failure::Timeout),
        14 => Outcome::Failed(Failure::Unreachable),
        _ => Outcome::Failed([Failure::ServFail, Failure::Truncated, Failure::Garbage][input.number(3)]),
    }
}

fn milliseconds(count: usize) -> Duration {
    Duration::from_millis(count as u64)
}

fn seconds(count: usize) -> Duration {
    Duration::from_secs(count as u64)
}
