//! What the wait logs: its start, what it waits for and how much longer, and what it has seen.

use std::net::SocketAddr;
use std::time::Duration;

use tracing::{debug, info, warn};

use super::awaited::Awaited;
use super::machine::{Action, Machine, WaitLimits};
use super::pace::Progress;
use super::peers::{PeerCheck, StaleAnswer};
use super::sighting::{Confirmation, Sighting};
use super::text::{Seconds, hosts, list, millis};

/// The lines of one wait.
pub(super) struct WaitLog<'a> {
    awaited: &'a Awaited,
    progress: Progress,
    seen: bool,
    waits_for_peers: bool,
}

impl<'a> WaitLog<'a> {
    /// The first line.
    pub(super) fn begin(awaited: &'a Awaited, limits: WaitLimits, servers: &[SocketAddr]) -> Self {
        let limit = limits.timeout.map_or_else(String::new, |limit| format!(" for at most {}", Seconds(limit)));
        info!(target: "wait", name = %awaited.name, "waiting until {} answers with {}, asking {}{limit}", awaited.name,
            list(&awaited.own, " or "), hosts(servers));
        Self { awaited, progress: Progress::default(), seen: false, waits_for_peers: false }
    }

    /// When the next line is due, whatever happens.
    pub(super) fn next(&self) -> Duration {
        self.progress.next()
    }

    /// The machine has decided on `action`. If the wait for peers begins with it: for how long at most.
    pub(super) fn decided(&mut self, machine: &Machine, action: &Action, now: Duration) -> Option<Duration> {
        let peers = machine.peers()?;
        let published = if let Action::Published(sighting) = action { Some(sighting) } else { None };
        let sighting = published.or(machine.sighting())?;
        if !self.seen {
            self.seen = true;
            self.log_sighting(machine, sighting);
        }
        if published.is_some() {
            self.log_end(peers, sighting, now);
        }
        if !matches!(action, Action::Sleep(_)) || self.waits_for_peers {
            return None;
        }
        self.waits_for_peers = true;
        Some(peers.limit().saturating_sub(now))
    }

    /// The first line of the wait for peers.
    pub(super) fn begin_with_peers(&self, machine: &Machine, now: Duration) {
        if let Some((peers, sighting)) = machine.peers().zip(machine.sighting()) {
            info!(target: "wait", "{}; {}", self.reason(peers, sighting, now), start_in(peers, now));
        }
    }

    /// Time has passed: logs the progress, if a line is due.
    pub(super) fn passed(&mut self, machine: &Machine, now: Duration) {
        if !self.progress.is_due(now) {
            return;
        }
        let (name, tally) = (&self.awaited.name, machine.tally());
        let (questions, elapsed_ms, after) = (tally.questions(), millis(now), Seconds(now));
        if let Some((peers, sighting)) = machine.peers().zip(machine.sighting()) {
            info!(target: "wait", questions, elapsed_ms, "still waiting for peers of {name} after {after}: {}; {} ({tally})",
                self.reason(peers, sighting, now), start_in(peers, now));
        } else {
            info!(target: "wait", questions, elapsed_ms, "still waiting for {name} after {after}: {} ({tally})",
                machine.observation());
        }
    }

    fn log_sighting(&self, machine: &Machine, sighting: &Sighting) {
        let (name, tally) = (&self.awaited.name, machine.tally_at_sight());
        let (questions, elapsed_ms, after) = (tally.questions(), millis(sighting.after), Seconds(sighting.after));
        info!(target: "wait", questions, elapsed_ms, "{name} answers with {} after {after}, {tally}",
            list(&sighting.addresses, ", "));
        for family in &sighting.missing {
            info!(target: "wait", "{name} has no {family} address of this pod (yet)");
        }
    }

    fn log_end(&self, peers: &PeerCheck, sighting: &Sighting, now: Duration) {
        let name = &self.awaited.name;
        if peers.is_cut_short() {
            warn!(target: "wait", elapsed_ms = millis(now), "starting after {}, although {}: the wait for peers is over",
                Seconds(now), self.reason(peers, sighting, now));
            return;
        }
        if self.waits_for_peers {
            info!(target: "wait", elapsed_ms = millis(now),
                "no name server gives peers another address of {name} any more: starting after {}", Seconds(now));
        }
        match &sighting.confirmation {
            Confirmation::Agrees => debug!(target: "wait", "other clients of the name server see {name} as well"),
            Confirmation::Unknown => debug!(target: "wait", "whether other clients see {name} as well is not known"),
            Confirmation::Denied { ttl } => {
                info!(target: "wait", "other clients of the name server may not see {name} for up to {ttl}s: it keeps a denial");
            }
            Confirmation::Others { addresses, ttl } => {
                info!(target: "wait", "other clients of the name server may see {name} as {} for up to {ttl}s: it keeps an old answer",
                    list(addresses, ", "));
            }
        }
    }

    /// Why the release does not start yet.
    fn reason(&self, peers: &PeerCheck, sighting: &Sighting, now: Duration) -> String {
        let name = &self.awaited.name;
        match peers.stale() {
            Some(StaleAnswer { addresses, until }) if matches!(sighting.confirmation, Confirmation::Others { .. }) => {
                let (addresses, left) = (list(addresses, ", "), Seconds(until.saturating_sub(now)));
                format!(
                    "other clients of the name server may see {name} as {addresses} for up to {left}: it keeps an old answer"
                )
            }
            Some(stale) if now < peers.dials_over() => {
                let left = Seconds(peers.dials_over().saturating_sub(now));
                format!("peers may be busy dialling {} for up to {left}", list(&stale.addresses, ", "))
            }
            _ => "BEAMINIT_WAIT_PEERS asks for more time".to_owned(),
        }
    }
}

fn start_in(peers: &PeerCheck, now: Duration) -> String {
    format!("starting in {} at the earliest", Seconds(peers.earliest_start().saturating_sub(now)))
}
