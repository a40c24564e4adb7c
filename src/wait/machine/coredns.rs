//! A model of `CoreDNS` and its cache, and a clock of its own to run the machine by.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use super::{Action, Event, Machine};
use crate::identity::name::Fqdn;
use crate::wait::answers::{Authority, Failure, Outcome};
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
    /// For how many seconds answers are kept; 0 is no cache.
    pub(super) cache: u32,
    /// Whether SRV answers come with addresses, as they do where the service names a port.
    pub(super) glue: bool,
    /// By type, DO and CD. A denial is looked up before a success.
    denials: HashMap<Question, (Duration, Outcome)>,
    successes: HashMap<Question, (Duration, Outcome)>,
}

impl CoreDns {
    pub(super) fn new(history: &[(f64, &[&str])], cache: u32, glue: bool) -> Self {
        let entry = |(from, addresses): &(f64, &[&str])| (Duration::from_secs_f64(*from), ips(addresses));
        let history = history.iter().map(entry).collect();
        Self { history, cache, glue, denials: HashMap::new(), successes: HashMap::new() }
    }

    pub(super) fn addresses(&self, now: Duration) -> &[IpAddr] {
        self.history.iter().rev().find(|(from, _)| *from <= now).map_or(&[], |(_, addresses)| addresses)
    }

    pub(super) fn answer(&mut self, question: Question, now: Duration) -> Outcome {
        for store in [&self.denials, &self.successes] {
            if let Some((stored, outcome)) = store.get(&question) {
                let age = u32::try_from(now.saturating_sub(*stored).as_secs()).unwrap();
                if age < self.cache {
                    return with_ttl(outcome.clone(), self.cache - age);
                }
            }
        }
        let outcome = self.truth(question, now);
        let denial = !matches!(outcome, Outcome::Addresses { .. });
        let store = if denial { &mut self.denials } else { &mut self.successes };
        store.insert(question, (now, outcome.clone()));
        outcome
    }

    fn truth(&self, question: Question, now: Duration) -> Outcome {
        let (zone, ttl) = (Some(Fqdn::parse("cluster.local").unwrap()), 30);
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

fn with_ttl(mut outcome: Outcome, left: u32) -> Outcome {
    if let Outcome::Addresses { ttl, .. } | Outcome::Exists { ttl, .. } | Outcome::Absent { ttl, .. } = &mut outcome {
        *ttl = left;
    }
    outcome
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

    /// Most questions in any `window` that begins at or after `from`.
    pub(super) fn most_within(&self, window: f64, from: f64) -> usize {
        let seconds: Vec<f64> = self.asked.iter().map(|(at, ..)| at.as_secs_f64()).filter(|at| *at >= from).collect();
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
    let (name, domain) = (Fqdn::parse(POD).unwrap(), Fqdn::parse("cluster.local").unwrap());
    let authority = Authority::over(&name, Some(&domain));
    Machine::new(&ips(own), authority, servers, deadline.map(Duration::from_secs), fastrand::Rng::with_seed(seed))
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
