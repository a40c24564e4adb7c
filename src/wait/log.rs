//! What the wait logs: its start, what it waits for and how much longer, and what it has seen.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tracing::{debug, info, warn};

use super::awaited::Awaited;
use super::machine::{Action, Machine, WaitLimits};
use super::pace::Progress;
use super::peers::PeerCheck;
use super::sighting::{Confirmation, Sighting};
use super::tally::Tally;
use super::text::{Seconds, hosts, list, millis};

/// The lines of one wait.
pub(super) struct WaitLog<'a> {
    awaited: &'a Awaited,
    pub(super) progress: Progress,
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

    /// The machine has decided on `action`. If the wait for peers begins with it: for how long at most.
    pub(super) fn decided(&mut self, machine: &Machine, action: &Action, now: Duration) -> Option<Duration> {
        let peers = machine.peers()?;
        if !self.seen {
            self.seen = true;
            self.log_sighting(&peers.sighting, &machine.tally_at_sight);
        }
        if matches!(action, Action::Published(_)) {
            self.log_end(peers, now);
        }
        if !matches!(action, Action::Sleep(_)) || self.waits_for_peers {
            return None;
        }
        self.waits_for_peers = true;
        Some(peers.limit.saturating_sub(now))
    }

    /// The first line of the wait for peers.
    pub(super) fn begin_with_peers(&self, machine: &Machine, now: Duration) {
        if let Some(peers) = machine.peers() {
            info!(target: "wait", "{}", self.reason_and_start(peers, now));
        }
    }

    /// Time has passed: logs the progress, if a line is due.
    pub(super) fn passed(&mut self, machine: &Machine, now: Duration) {
        if !self.progress.is_due(now) {
            return;
        }
        let (name, tally) = (&self.awaited.name, machine.tally());
        let (whom, what) = match machine.peers() {
            Some(peers) => (format!("peers of {name}"), self.reason_and_start(peers, now)),
            None => (name.to_string(), machine.observation.to_string()),
        };
        info!(target: "wait", questions = tally.questions(), elapsed_ms = millis(now),
            "still waiting for {whom} after {}: {what} ({tally})", Seconds(now));
    }

    fn log_sighting(&self, sighting: &Sighting, tally: &Tally) {
        let (name, after) = (&self.awaited.name, sighting.after);
        info!(target: "wait", questions = tally.questions(), elapsed_ms = millis(after),
            "{name} answers with {} after {}, {tally}", list(&sighting.addresses, ", "), Seconds(after));
        for family in &sighting.missing {
            info!(target: "wait", "{name} has no {family} address of this pod (yet)");
        }
    }

    fn log_end(&self, peers: &PeerCheck, now: Duration) {
        let (name, elapsed_ms, after) = (&self.awaited.name, millis(now), Seconds(now));
        if peers.is_cut_short {
            let reason = self.reason(peers, now);
            warn!(target: "wait", elapsed_ms, "starting after {after}, although {reason}: the wait for peers is over");
            return;
        }
        if self.waits_for_peers {
            info!(target: "wait", elapsed_ms,
                "no name server gives peers another address of {name} any more: starting after {after}");
        }
        match &peers.sighting.confirmation {
            Confirmation::Agrees => debug!(target: "wait", "other clients of the name server see {name} as well"),
            Confirmation::Unknown => debug!(target: "wait", "whether other clients see {name} as well is not known"),
            Confirmation::Denied { ttl } => {
                info!(target: "wait", "other clients of the name server may not see {name} for up to {ttl}s: it keeps a denial");
            }
            Confirmation::Others { addresses, ttl } => {
                info!(target: "wait", "{}", self.old_answer(addresses, &format!("{ttl}s")));
            }
        }
    }

    fn reason_and_start(&self, peers: &PeerCheck, now: Duration) -> String {
        let start_in = Seconds(peers.earliest_start().saturating_sub(now));
        format!("{}; starting in {start_in} at the earliest", self.reason(peers, now))
    }

    /// Why the release does not start yet.
    fn reason(&self, peers: &PeerCheck, now: Duration) -> String {
        let left = |until: Duration| Seconds(until.saturating_sub(now)).to_string();
        match &peers.stale {
            Some(stale) if matches!(peers.sighting.confirmation, Confirmation::Others { .. }) => {
                self.old_answer(&stale.addresses, &left(stale.until))
            }
            Some(stale) if now < peers.dials_over() => {
                let addresses = list(&stale.addresses, ", ");
                format!("peers may be busy dialling {addresses} for up to {}", left(peers.dials_over()))
            }
            _ => "BEAMINIT_WAIT_PEERS asks for more time".to_owned(),
        }
    }

    fn old_answer(&self, addresses: &[IpAddr], left: &str) -> String {
        let (name, addresses) = (&self.awaited.name, list(addresses, ", "));
        format!(
            "other clients of the name server may see {name} as {addresses} for up to {left}: it keeps an old answer"
        )
    }
}
