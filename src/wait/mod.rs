//! The wait for the pod's own DNS record. Tokio lives and dies here.

pub mod answers;
mod diagnose;
mod error;
#[cfg(test)]
mod fake_server;
mod glance;
mod lookup;
pub mod machine;
mod pace;
mod peers;
mod progress;
pub mod questions;
mod servers;
pub mod sighting;
mod stop;
pub mod tally;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use tracing::{debug, info, warn};

use crate::identity::name::Fqdn;

pub use self::diagnose::Cause;
pub use self::error::{TimedOut, WaitError};
pub use self::glance::{Glance, glance};
pub use self::machine::WaitLimits;
pub use self::stop::StopRequests;

use self::answers::{Authority, Failure, Outcome};
use self::diagnose::{Diagnosis, Inquiry, Reply};
use self::lookup::Lookup;
use self::machine::{Action, Event, Machine, WaitTarget};
use self::progress::WaitLog;
use self::questions::{Family, Question};
use self::servers::MAX_SERVERS;
use self::sighting::{Confirmation, Observation, Sighting};
use self::stop::StopWatch;

/// The record that is awaited.
#[derive(Clone, Debug)]
pub struct Awaited {
    /// The name, taken as absolute.
    pub name: Fqdn,
    /// The cluster's domain, if it is known. It tells whose denial of the name counts.
    pub cluster_domain: Option<Fqdn>,
    /// This pod's addresses. One of them in the answer is what is waited for.
    pub own: Vec<IpAddr>,
    /// The name servers, best first. At most the first three are asked.
    pub servers: Vec<SocketAddr>,
    /// The cluster's domain by the search list of resolv.conf, for the diagnosis.
    pub search_domain: Option<Fqdn>,
    /// Whether the pod has no subdomain, by its own line of the hosts file, and so no host name under any service.
    pub without_subdomain: bool,
}

/// A diagnosis takes no longer than this, and none of its questions longer than `DIAGNOSTIC_QUESTION`.
const DIAGNOSIS: Duration = Duration::from_secs(3);
const DIAGNOSTIC_QUESTION: Duration = Duration::from_secs(1);
/// When a wait that looks hopeless is diagnosed. It goes on all the same: some clusters' DNS serve pods by their names.
const HOPELESS_AFTER: Duration = Duration::from_secs(10);

/// How the wait ended, if not by an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waited {
    /// The record is there.
    Published(Published),
    /// We were asked to end.
    Stopped {
        /// The number of the signal that asked for it.
        signal: i32,
        /// How long the wait took.
        after: Duration,
    },
}

/// The record, and what it took to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Which of our own addresses it has.
    pub addresses: Vec<IpAddr>,
    /// Of which families we own addresses and it has none.
    pub missing: Vec<Family>,
    /// How long it took to see it.
    pub after: Duration,
    /// How many questions were put, those included that were put once it had been seen.
    pub questions: u32,
    /// What other clients of the name server see.
    pub confirmation: Confirmation,
}

/// Waits until the record `awaited` has one of our own addresses and, as `limits` say, until peers see it as well, or
/// until `stop` asks us to end. It starts no thread and leaves nothing open.
///
/// # Errors
/// There is nothing to ask or nothing to look for, the time is over, or the system refuses what the wait itself needs.
pub fn for_own_record(awaited: &Awaited, limits: WaitLimits, stop: &mut dyn StopRequests) -> Result<Waited, WaitError> {
    let awaited = usable(awaited)?;
    runtime()?.block_on(wait(awaited, limits, stop))
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()
}

/// Whom to ask and what for, if both are there.
fn usable(awaited: &Awaited) -> Result<Awaited, WaitError> {
    if awaited.servers.is_empty() {
        return Err(WaitError::NoServer);
    }
    if awaited.own.is_empty() {
        return Err(WaitError::NoOwnAddress);
    }
    let servers = awaited.servers.iter().take(MAX_SERVERS).copied().collect();
    Ok(Awaited { servers, ..awaited.clone() })
}

async fn wait(awaited: Awaited, limits: WaitLimits, stop: &mut dyn StopRequests) -> Result<Waited, WaitError> {
    let start = Instant::now();
    let lookup = Lookup::of(&awaited.name)?;
    let mut stop = StopWatch::over(stop)?;
    let mut machine = machine_for(&awaited, limits);
    let mut event = Event::Due;
    let mut log = WaitLog::begin(&awaited, limits);
    let mut hopeless = awaited.without_subdomain;
    loop {
        let action = machine.on(event, start.elapsed());
        log.decided(&machine, &action, start.elapsed());
        let next = match action {
            Action::Published(sighting) => return Ok(Waited::Published(published(&machine, sighting))),
            Action::GiveUp | Action::Nothing => return give_up(&awaited, &machine, start, &mut stop).await,
            Action::Ask { .. } | Action::Sleep(_) => carry_out(action, &awaited, &lookup, start, log.next()),
        };
        event = tokio::select! {
            biased;
            signal = stop.requested() => return Ok(stopped(signal?, start)),
            event = next => event,
        };
        log.passed(&machine, start.elapsed());
        if hopeless && machine.sighting().is_none() && start.elapsed() >= HOPELESS_AFTER {
            hopeless = false;
            tokio::select! {
                biased;
                signal = stop.requested() => return Ok(stopped(signal?, start)),
                cause = diagnose(&awaited, &machine, start, DIAGNOSIS) => warn!(target: "wait", "{cause}; {}", cause.cure()),
            }
        }
    }
}

/// The time is over: finds out why, if there is time for that.
async fn give_up(
    awaited: &Awaited,
    machine: &Machine,
    start: Instant,
    stop: &mut StopWatch<'_>,
) -> Result<Waited, WaitError> {
    let after = start.elapsed();
    let cause = tokio::select! {
        biased;
        signal = stop.requested() => return Ok(stopped(signal?, start)),
        cause = diagnose(awaited, machine, start, DIAGNOSIS) => cause,
    };
    let awaited = awaited.clone();
    let (tally, observation) = (machine.tally().clone(), machine.observation().clone());
    Err(WaitError::TimedOut(Box::new(TimedOut { awaited, after, tally, observation, cause })))
}

fn stopped(signal: i32, start: Instant) -> Waited {
    Waited::Stopped { signal, after: start.elapsed() }
}

/// Asks why the record does not come, for at most so long.
async fn diagnose(awaited: &Awaited, machine: &Machine, start: Instant, limit: Duration) -> Cause {
    let until = Instant::now() + limit;
    let order = machine.servers().best_first(start.elapsed());
    let servers = order.iter().map(|index| awaited.servers[*index]).collect();
    let bars_edns = |index: &usize| !machine.servers().get(*index).lets_edns_pass();
    let without_edns: Vec<_> =
        order.iter().filter(|index| bars_edns(index)).map(|index| awaited.servers[*index]).collect();
    let mut diagnosis = Diagnosis::new(awaited, servers, machine.observation());
    loop {
        let timeout = until.saturating_duration_since(Instant::now()).min(DIAGNOSTIC_QUESTION);
        let inquiry = match diagnosis.cause() {
            Ok(cause) => {
                if *machine.observation() == Observation::Absent && !timeout.is_zero() {
                    tell_last_change(awaited, awaited.servers[order[0]], start.elapsed(), timeout).await;
                }
                return cause;
            }
            Err(inquiry) => inquiry,
        };
        let reply = inquire(&diagnosis, &inquiry, &without_edns, timeout).await;
        debug!(target: "wait", "{inquiry:?}: {reply:?}");
        diagnosis.answered(inquiry, reply);
    }
}

/// CoreDNS makes the zone's serial number of the time of the last change that it heard of. Where that is long past, it
/// may be the one that does not hear of this pod. Other servers count otherwise, and are passed over.
async fn tell_last_change(awaited: &Awaited, server: SocketAddr, waited: Duration, timeout: Duration) {
    const YEAR: Duration = Duration::from_secs(365 * 86_400);
    let Some(Ok(lookup)) = awaited.cluster_domain.as_ref().map(Lookup::of) else { return };
    let Some(serial) = lookup.ask_for_serial(server, timeout).await else { return };
    let ago = wall_clock().checked_sub(Duration::from_secs(serial.into())).filter(|ago| *ago < YEAR);
    let Some(ago) = ago.map(|ago| Duration::from_secs(ago.as_secs())) else { return };
    let before = if ago > waited { ", before this wait began: does it hear from the API server?" } else { "" };
    info!(target: "wait", ago_s = ago.as_secs(), "the cluster's DNS last heard of a change {} ago{before}",
        humantime::format_duration(ago));
}

/// Puts one question of the diagnosis. Those that other clients put as well go out with DO: a denial that a cache keeps
/// of theirs does not mislead us then, nor ours them. DO needs EDNS, which the servers `without_edns` refuse.
async fn inquire(
    diagnosis: &Diagnosis<'_>,
    inquiry: &Inquiry,
    without_edns: &[SocketAddr],
    timeout: Duration,
) -> Reply {
    let no_answer = Reply::Outcome(Outcome::Failed(Failure::Timeout));
    let Some(server) = diagnosis.server(inquiry).filter(|_| !timeout.is_zero()) else { return no_answer };
    if let Inquiry::Names(address) = inquiry {
        let names = Lookup::of_address(*address).ask_for_names(server, timeout).await;
        return names.map_or_else(Reply::Outcome, Reply::Names);
    }
    let Some(Ok(lookup)) = diagnosis.name(inquiry).map(|name| Lookup::of(&name)) else { return no_answer };
    Reply::Outcome(if matches!(inquiry, Inquiry::Version(_)) {
        lookup.ask_for_text(server, timeout).await
    } else {
        let question = Question { dnssec_ok: !without_edns.contains(&server), ..Question::plain(diagnosis.family()) };
        lookup.ask(server, question, timeout).await
    })
}

fn machine_for(awaited: &Awaited, limits: WaitLimits) -> Machine {
    let authority = Authority::over(&awaited.name, awaited.cluster_domain.as_ref());
    let target = WaitTarget { own: awaited.own.clone(), authority, servers: awaited.servers.len() };
    Machine::new(target, limits, wall_clock(), fastrand::Rng::new())
}

/// No deadline hangs on it: it only tells this wait's questions from those of the container before.
#[expect(clippy::disallowed_methods, reason = "a jump makes some questions meet a cached denial, no more")]
fn wall_clock() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Asks or sleeps. A pause ends early when there is progress to report; the machine then prolongs it.
async fn carry_out(action: Action, awaited: &Awaited, lookup: &Lookup, start: Instant, report_at: Duration) -> Event {
    match action {
        Action::Ask { server, question, timeout } => {
            Event::Answered(lookup.ask(awaited.servers[server], question, timeout).await)
        }
        Action::Sleep(until) => {
            tokio::time::sleep(until.min(report_at).saturating_sub(start.elapsed())).await;
            Event::Due
        }
        Action::Published(_) | Action::GiveUp | Action::Nothing => Event::Due,
    }
}

fn published(machine: &Machine, sighting: Sighting) -> Published {
    let Sighting { addresses, missing, after, confirmation, .. } = sighting;
    Published { addresses, missing, after, questions: machine.tally().questions(), confirmation }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
