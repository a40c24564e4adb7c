//! A model of `CoreDNS` behind its cache, and a separate clock to run the machine by.
//!
//! The machine's own tests in `src` use this file as well.

use std::net::IpAddr;
use std::time::Duration;

use test_support::{Cache, CachedAnswer};

use crate::identity::name::Fqdn;
use crate::variables::WaitPeers;
use crate::wait::answers::{Authority, Failure, Outcome};
use crate::wait::machine::{Action, Event, Machine, WaitLimits, WaitTarget};
use crate::wait::questions::{Family, Question, Record};
use crate::wait::sighting::Sighting;

pub(super) const POD: &str = "web-0.web.ns1.svc.cluster.local";
pub(super) const OWN: &str = "10.0.0.5";
pub(super) const OLD: &str = "10.0.0.9";
/// The time from a question to its answer.
pub(super) const ROUND_TRIP: Duration = Duration::from_millis(2);

/// A server of the cluster: truth that changes with time, behind a cache.
pub(super) struct CoreDns {
    /// From when on the name has which addresses; before, and where there are none, it does not exist.
    pub(super) history: Vec<(Duration, Vec<IpAddr>)>,
    /// `ttl` of the `kubernetes` plugin, in seconds.
    pub(super) ttl: u32,
    /// Whether SRV answers come with addresses, as they do where the service names a port.
    pub(super) glue: bool,
    cache: OutcomeCache,
}

impl CoreDns {
    /// `cache` is for how many seconds answers are kept at most; 0 means none.
    pub(super) fn new(history: &[(f64, &[&str])], cache: u32, glue: bool) -> Self {
        let entry = |(from, addresses): &(f64, &[&str])| (Duration::from_secs_f64(*from), ips(addresses));
        let history = history.iter().map(entry).collect();
        Self { history, ttl: 30, glue, cache: OutcomeCache::new(cache, cache) }
    }

    pub(super) fn addresses(&self, now: Duration) -> &[IpAddr] {
        self.history.iter().rev().find(|(from, _)| *from <= now).map_or(&[], |(_, addresses)| addresses)
    }

    pub(super) fn answer(&mut self, question: Question, now: Duration) -> Outcome {
        if let Some(kept) = self.cache.get(question, now) {
            return kept;
        }
        let outcome = self.truth(question, now);
        self.cache.store(question, outcome, now)
    }

    fn truth(&self, question: Question, now: Duration) -> Outcome {
        let (zone, ttl) = (Some(Fqdn::parse("cluster.local").unwrap()), self.ttl);
        let addresses = self.addresses(now);
        if addresses.is_empty() {
            return Outcome::Absent { zone, ttl };
        }
        let of = |family| addresses.iter().copied().filter(|address| Family::of(address) == family).collect();
        let addresses: Vec<IpAddr> = match question.record {
            Record::Private(_) => return Outcome::Exists { zone, ttl },
            Record::A => of(Family::V4),
            Record::Aaaa => of(Family::V6),
            Record::Srv if self.glue => addresses.to_vec(),
            Record::Srv => return Outcome::Addresses { addresses: Vec::new(), ttl },
        };
        if addresses.is_empty() { Outcome::Exists { zone, ttl } } else { Outcome::Addresses { addresses, ttl } }
    }
}

/// A cache for one name: by type, DO and CD.
pub(super) struct OutcomeCache(Cache<Question, CachedOutcome>);

#[derive(Clone)]
struct CachedOutcome(Outcome);

impl OutcomeCache {
    /// For how many seconds a success and a denial are kept at most; 0 means none.
    pub(super) fn new(success: u32, denial: u32) -> Self {
        Self(Cache::new(success, denial))
    }

    pub(super) fn get(&self, question: Question, now: Duration) -> Option<Outcome> {
        self.0.get(&question, now).map(|kept| kept.0)
    }

    /// Keeps the answer; returned is what the client sees, with the TTL for which it is kept.
    pub(super) fn store(&mut self, question: Question, outcome: Outcome, now: Duration) -> Outcome {
        self.0.store(question, CachedOutcome(outcome), now).0
    }
}

impl CachedAnswer for CachedOutcome {
    fn ttl(&self) -> Option<u32> {
        match self.0 {
            Outcome::Addresses { ttl, .. } | Outcome::Exists { ttl, .. } | Outcome::Absent { ttl, .. } => Some(ttl),
            Outcome::Unable(_) | Outcome::Failed(_) => None,
        }
    }

    fn with_ttl(mut self, left: u32) -> Self {
        if let Outcome::Addresses { ttl, .. } | Outcome::Exists { ttl, .. } | Outcome::Absent { ttl, .. } = &mut self.0
        {
            *ttl = left;
        }
        self
    }

    fn is_denial(&self) -> bool {
        !matches!(self.0, Outcome::Addresses { .. })
    }
}

/// A run: every question with its time and server, and how and when it ended.
pub(super) struct Run {
    pub(super) asked: Vec<(Duration, usize, Question)>,
    pub(super) end: Action,
    pub(super) at: Duration,
}

impl Run {
    pub(super) fn sighting(&self) -> &Sighting {
        match &self.end {
            Action::Published(sighting) => sighting,
            other => panic!("not published but {other:?} at {:?}", self.at),
        }
    }

    /// When the record was seen, in seconds.
    pub(super) fn seen(&self) -> f64 {
        self.sighting().after.as_secs_f64()
    }

    pub(super) fn records(&self) -> Vec<Record> {
        self.asked.iter().map(|(_, _, question)| question.record).collect()
    }

    /// The questions that were put before the record was seen, with the one that saw it.
    pub(super) fn asked_unseen(&self) -> &[(Duration, usize, Question)] {
        let seen = if let Action::Published(sighting) = &self.end { sighting.after } else { Duration::MAX };
        &self.asked[..self.asked.partition_point(|(at, ..)| *at < seen)]
    }

    /// Most of these questions in any `window` that begins at or after `from`.
    pub(super) fn most_within(&self, window: f64, from: f64) -> usize {
        let asked = self.asked_unseen().iter();
        let seconds: Vec<f64> = asked.map(|(at, ..)| at.as_secs_f64()).filter(|at| *at >= from).collect();
        let within = |start: &f64| seconds.iter().filter(|at| (*start..start + window).contains(at)).count();
        seconds.iter().map(within).max().unwrap_or(0)
    }
}

pub(super) fn is_existence(question: Question) -> bool {
    matches!(question.record, Record::Private(_))
}

pub(super) fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

pub(super) fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

pub(super) fn machine(own: &[&str], servers: usize, deadline: Option<u64>, seed: u64) -> Machine {
    machine_at(Duration::ZERO, own, servers, deadline, seed)
}

/// A machine that starts when the clock shows this.
pub(super) fn machine_at(clock: Duration, own: &[&str], servers: usize, deadline: Option<u64>, seed: u64) -> Machine {
    let limits = WaitLimits { timeout: deadline.map(Duration::from_secs), peers: WaitPeers::Auto };
    machine_with(clock, own, servers, limits, seed)
}

pub(super) fn machine_with(clock: Duration, own: &[&str], servers: usize, limits: WaitLimits, seed: u64) -> Machine {
    let (name, domain) = (Fqdn::parse(POD).unwrap(), Fqdn::parse("cluster.local").unwrap());
    let authority = Authority::over(&name, Some(&domain));
    let target = WaitTarget { own: ips(own), authority, servers };
    Machine::new(target, limits, clock, fastrand::Rng::with_seed(seed))
}

/// Runs the machine to its end. `answer` is asked with server, question and time; a time-out takes its time, every
/// other answer one round trip.
pub(super) fn run(mut machine: Machine, mut answer: impl FnMut(usize, Question, Duration) -> Outcome) -> Run {
    let (mut now, mut asked, mut event) = (Duration::ZERO, Vec::new(), Event::Due);
    loop {
        event = match machine.on(event, now) {
            Action::Ask { server, question, timeout } => {
                assert!(!timeout.is_zero(), "a question that cannot be answered");
                asked.push((now, server, question));
                let outcome = answer(server, question, now);
                now += if outcome == Outcome::Failed(Failure::Timeout) { timeout } else { ROUND_TRIP };
                Event::Answered(outcome)
            }
            Action::Sleep(until) => {
                now = now.max(until);
                Event::Due
            }
            end => return Run { asked, end, at: now },
        };
        assert!(now < Duration::from_secs(3600), "the wait does not end");
    }
}
