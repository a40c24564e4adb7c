//! What a wait and a glance have in common: a machine, the sending of its questions, and the diagnosis.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use tokio::runtime::{Builder, Runtime};
use tracing::{debug, info};

use crate::error::Error;
use crate::identity::name::Fqdn;

use super::answers::{Authority, Outcome};
use super::awaited::Awaited;
use super::diagnosis::{Cause, Diagnosis, DiagnosticQuestions};
use super::error;
use super::lookup::Lookup;
use super::machine::{Action, Event, Machine, WaitLimits, WaitTarget};
use super::questions::Question;
use super::servers::MAX_SERVERS;
use super::sighting::Observation;

/// No question of a diagnosis takes longer than this.
const DIAGNOSTIC_QUESTION: Duration = Duration::from_secs(1);
/// A serial number that would be older is not a time.
const YEAR: Duration = Duration::from_secs(365 * 86_400);

pub(super) fn runtime() -> Result<Runtime, Error> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build();
    runtime.map_err(|error| error::refused_by_system(&error))
}

/// A machine that has run since `start`.
pub(super) struct Driver {
    pub(super) awaited: Awaited,
    pub(super) machine: Machine,
    lookup: Lookup,
    start: Instant,
}

impl Driver {
    /// # Errors
    /// There is nothing to ask or nothing to look for.
    pub(super) fn start(awaited: &Awaited, limits: WaitLimits) -> Result<Self, Error> {
        if awaited.servers.is_empty() {
            return Err(error::no_server(awaited.resolv_conf_error.as_deref()));
        }
        if awaited.own.is_empty() {
            return Err(error::no_own_address());
        }
        let servers: Vec<SocketAddr> = awaited.servers.iter().take(MAX_SERVERS).copied().collect();
        let authority = Authority::over(&awaited.name, awaited.cluster_domain.as_ref());
        let target = WaitTarget { own: awaited.own.clone(), authority, servers: servers.len() };
        Ok(Self {
            machine: Machine::new(target, limits, wall_clock(), fastrand::Rng::new()),
            lookup: Lookup::of(&awaited.name),
            awaited: Awaited { servers, ..awaited.clone() },
            start: Instant::now(),
        })
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Asks or sleeps. A pause ends at `wake_at` at the latest; the machine then continues it.
    pub(super) async fn carry_out(&self, action: Action, wake_at: Duration) -> Event {
        match action {
            Action::Ask { server, question, timeout } => {
                Event::Answered(self.lookup.ask(self.awaited.servers[server], question, timeout).await)
            }
            Action::Sleep(until) => {
                tokio::time::sleep(until.min(wake_at).saturating_sub(self.elapsed())).await;
                Event::Due
            }
            Action::Published(_) | Action::GiveUp | Action::Nothing => Event::Due,
        }
    }

    /// Asks why the record does not come, for at most this long.
    pub(super) async fn diagnose(&self, limit: Duration) -> Cause {
        let dns = &DiagnosticDns { driver: self, until: Instant::now() + limit };
        let order = self.machine.servers.best_first(self.elapsed());
        let servers: Vec<SocketAddr> = order.iter().map(|index| self.awaited.servers[*index]).collect();
        let observation = &self.machine.observation;
        let cause = Diagnosis { awaited: &self.awaited, observation, dns }.find_cause(&servers).await;
        if *observation == Observation::Absent {
            dns.log_last_change(servers[0]).await;
        }
        cause
    }
}

/// The cluster's DNS as a diagnosis asks it, which has to end then.
struct DiagnosticDns<'a> {
    driver: &'a Driver,
    until: Instant,
}

impl DiagnosticQuestions for DiagnosticDns<'_> {
    async fn text(&self, server: SocketAddr, name: &Fqdn) -> Outcome {
        let outcome = Lookup::of(name).ask_for_text(server, self.left()).await;
        debug!(target: "wait", "a text of {name}: {outcome:?}");
        outcome
    }

    async fn names(&self, server: SocketAddr, address: IpAddr) -> Vec<Fqdn> {
        let names = Lookup::of_address(address).ask_for_names(server, self.left()).await;
        debug!(target: "wait", "the names of {address}: {names:?}");
        names.unwrap_or_default()
    }

    /// With DO, since other clients ask for these addresses as well: then a cached denial of theirs does not mislead this
    /// pod, nor its own them. DO needs EDNS, which some servers refuse.
    async fn addresses(&self, server: SocketAddr, name: &Fqdn) -> Outcome {
        let family = self.driver.awaited.family();
        let question = Question { dnssec_ok: self.lets_edns_pass(server), ..Question::ordinary(family) };
        let outcome = Lookup::of(name).ask(server, question, self.left()).await;
        debug!(target: "wait", "the addresses of {name}: {outcome:?}");
        outcome
    }
}

impl DiagnosticDns<'_> {
    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now()).min(DIAGNOSTIC_QUESTION)
    }

    fn lets_edns_pass(&self, server: SocketAddr) -> bool {
        let index = self.driver.awaited.servers.iter().position(|other| *other == server);
        index.is_none_or(|index| self.driver.machine.servers.get(index).lets_edns_pass())
    }

    /// CoreDNS makes the zone's serial number from the time of the last change that it received. If that is long ago, CoreDNS
    /// may not know of this pod. Serial numbers of other servers are not times, and nothing is logged.
    async fn log_last_change(&self, server: SocketAddr) {
        let Some(lookup) = self.driver.awaited.cluster_domain.as_ref().map(Lookup::of) else { return };
        let Some(serial) = lookup.ask_for_serial(server, self.left()).await else { return };
        let ago = wall_clock().checked_sub(Duration::from_secs(serial.into())).filter(|ago| *ago < YEAR);
        let Some(ago) = ago.map(|ago| Duration::from_secs(ago.as_secs())) else { return };
        let is_old = ago > self.driver.elapsed();
        let before = if is_old { ", before this wait began: does it hear from the API server?" } else { "" };
        info!(target: "wait", ago_s = ago.as_secs(), "the cluster's DNS last heard of a change {} ago{before}",
            humantime::format_duration(ago));
    }
}

/// No deadline depends on it: it only makes this wait's questions differ from those of the container before.
#[expect(clippy::disallowed_methods, reason = "a jump makes some questions meet a cached denial, no more")]
fn wall_clock() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
