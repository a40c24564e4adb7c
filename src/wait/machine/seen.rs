//! What follows once the pod's record was seen: its other family, and what peers see of it.
//!
//! Pure: no I/O, no clock.

use std::net::IpAddr;
use std::time::Duration;

use crate::wait::answers::Outcome;
use crate::wait::peers::{AfterRound, PeerCheck};
use crate::wait::sighting::Sighting;

use super::{Action, Machine, NextStep, Pending, Purpose};

impl Machine {
    pub(super) fn on_own_record(&mut self, server: usize, seen: Vec<IpAddr>, now: Duration) -> Action {
        let sighting = Sighting::new(seen, &self.own, now);
        let mut peers = PeerCheck::new(self.limits.peers, sighting, self.limits.timeout, self.stale.take());
        peers.ask_for_other_family(server);
        self.peers = Some(peers);
        self.ask_for_peers(now)
    }

    /// What was asked after the record had been seen.
    pub(super) fn on_more(&mut self, server: usize, outcome: &Outcome, now: Duration) -> Action {
        let seen = self.own_among(outcome);
        if let Some(peers) = &mut self.peers {
            peers.note(server, outcome, seen, now);
        }
        self.ask_for_peers(now)
    }

    pub(super) fn begin_peer_round(&mut self, now: Duration) -> Action {
        let servers = self.servers.best_first(now);
        if let Some(peers) = &mut self.peers {
            peers.begin_round(&servers, now);
        }
        self.ask_for_peers(now)
    }

    fn ask_for_peers(&mut self, now: Duration) -> Action {
        let Some(peers) = &mut self.peers else { return self.finish() };
        if let Some((server, question, timeout)) = peers.next_question(now) {
            return self.put(Pending { server, question, purpose: Purpose::Peers, retried: false }, timeout, now);
        }
        if !peers.has_begun() {
            self.tally_at_sight = self.tally.clone();
            return self.begin_peer_round(now);
        }
        match peers.end_round(now) {
            AfterRound::Start => self.finish(),
            AfterRound::AskAgain(at) => self.sleep(at, NextStep::AskForPeers),
        }
    }
}
