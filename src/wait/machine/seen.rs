//! What follows once the pod's record was seen: its other family, and what peers see of it.
//!
//! Pure: no I/O, no clock.

use std::net::IpAddr;
use std::time::Duration;

use crate::wait::answers::Outcome;
use crate::wait::peers::{AfterRound, PEER_QUESTION_TIMEOUT, PeerCheck};
use crate::wait::questions::Question;
use crate::wait::sighting::Sighting;

use super::{Action, Machine, NextStep, Pending, Purpose};

impl Machine {
    pub(super) fn on_own_record(&mut self, pending: Pending, seen: Vec<IpAddr>, now: Duration) -> Action {
        let sighting = Sighting::new(seen, &self.own, now);
        let missing = sighting.missing.first().copied();
        self.sighting = Some(sighting);
        match missing {
            Some(family) => {
                let question = Question::private(family);
                self.put(Pending { question, purpose: Purpose::Sibling, ..pending }, PEER_QUESTION_TIMEOUT, now)
            }
            None => self.begin_peer_check(now),
        }
    }

    /// What was asked after the record had been seen.
    pub(super) fn on_more(&mut self, pending: Pending, outcome: &Outcome, now: Duration) -> Action {
        let seen = self.own_among(outcome);
        if pending.purpose == Purpose::Sibling {
            if let Some(sighting) = &mut self.sighting {
                sighting.add(seen);
            }
            return self.begin_peer_check(now);
        }
        if let Some(peers) = &mut self.peers {
            peers.note(pending.server, outcome, !seen.is_empty(), now);
        }
        self.ask_for_peers(now)
    }

    fn begin_peer_check(&mut self, now: Duration) -> Action {
        self.tally_at_sight = self.tally.clone();
        let seen = self.sighting.as_ref().map_or(now, |sighting| sighting.after);
        self.peers = Some(PeerCheck::new(self.limits.peers, seen, self.limits.timeout, self.stale.take()));
        self.begin_peer_round(now)
    }

    pub(super) fn begin_peer_round(&mut self, now: Duration) -> Action {
        let families = self.sighting.as_ref().map(Sighting::families).unwrap_or_default();
        let servers = self.servers.best_first(now);
        if let Some(peers) = &mut self.peers {
            peers.begin_round(&servers, &families, now);
        }
        self.ask_for_peers(now)
    }

    fn ask_for_peers(&mut self, now: Duration) -> Action {
        match self.peers.as_mut().and_then(|peers| peers.next_question(now)) {
            Some((server, question, timeout)) => {
                self.put(Pending { server, question, purpose: Purpose::Peers, retried: false }, timeout, now)
            }
            None => self.end_peer_round(now),
        }
    }

    fn end_peer_round(&mut self, now: Duration) -> Action {
        let (Some(peers), Some(sighting)) = (&mut self.peers, &mut self.sighting) else { return self.finish() };
        sighting.confirmation = peers.found().clone();
        match peers.end_round(now) {
            AfterRound::Start => self.finish(),
            AfterRound::AskAgain(at) => self.sleep(at, NextStep::AskForPeers),
        }
    }
}
