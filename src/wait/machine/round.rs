//! What follows from the answers of a round, until the pod's record is seen.
//!
//! Pure: no I/O, no clock.

use std::time::Duration;

use crate::wait::answers::Outcome;
use crate::wait::pace::RoundEnd;
use crate::wait::questions::{Question, Record};
use crate::wait::servers::Opening;
use crate::wait::sighting::Observation;

use super::{Action, Machine, NextStep, Pending, Purpose};

/// Between two address questions to a server that says that the name exists, but denies the address.
const NEXT_KEY_AFTER: Duration = Duration::from_millis(30);
/// Address questions in such a round.
const KEYS_IN_A_ROUND: u32 = 3;

impl Machine {
    pub(super) fn ask_next_server(&mut self, now: Duration) -> Action {
        let Some(server) = self.servers.best(&self.round.asked, now) else {
            return self.end_round(RoundEnd::AllFailed, now);
        };
        self.round.asked.push(server);
        self.round.opened = now;
        let opening = self.servers.get(server).opening();
        let (question, purpose) = match opening {
            Opening::Existence => (Question::existence(self.private_types.draw(now)), Purpose::Existence),
            Opening::ExistenceWithoutEdns => {
                (Question::existence(self.private_types.draw(now)).without_edns(), Purpose::Existence)
            }
            Opening::Probe => (Question { checking_disabled: true, ..Question::ordinary(self.family) }, Purpose::Probe),
            Opening::Address => return self.ask_address(server, false, now),
        };
        let retried = opening == Opening::ExistenceWithoutEdns;
        self.ask(Pending { server, question, purpose, retried }, now)
    }

    pub(super) fn on_round_answer(&mut self, pending: Pending, outcome: &Outcome, now: Duration) -> Action {
        match pending.purpose {
            Purpose::Existence => self.on_existence(pending.server, outcome, now),
            Purpose::Probe => self.on_probe(pending.server, outcome, now),
            Purpose::Safety => {
                self.note(outcome, now);
                self.end_round(RoundEnd::Absent, now)
            }
            _ => self.on_address(pending, outcome, now),
        }
    }

    fn on_existence(&mut self, server: usize, outcome: &Outcome, now: Duration) -> Action {
        let exists = match outcome {
            Outcome::Failed(failure) => {
                self.servers.get_mut(server).existence_failed(*failure, now);
                if self.servers.get(server).is_addresses_only() {
                    return self.ask_address(server, false, now);
                }
                return self.ask_next_server(now);
            }
            Outcome::Addresses { .. } => true,
            Outcome::Exists { zone, .. } if self.authority.includes(zone.as_ref()) => true,
            Outcome::Absent { zone, .. } if self.authority.includes(zone.as_ref()) => false,
            Outcome::Exists { .. } | Outcome::Absent { .. } | Outcome::Unable(_) => {
                self.servers.get_mut(server).cannot_tell(now);
                return self.ask_address(server, false, now);
            }
        };
        self.servers.get_mut(server).confirmed_existence();
        if exists {
            return self.ask_address(server, true, now);
        }
        self.observation = Observation::Absent;
        if !self.pace.safety_question_is_due(now) {
            return self.end_round(RoundEnd::Absent, now);
        }
        match self.draw_address(server, false) {
            Some(question) => {
                self.ask_in_turn(Pending { server, question, purpose: Purpose::Safety, retried: false }, now)
            }
            None => self.end_round(RoundEnd::Absent, now),
        }
    }

    fn on_probe(&mut self, server: usize, outcome: &Outcome, now: Duration) -> Action {
        if matches!(outcome, Outcome::Failed(_) | Outcome::Unable(_)) {
            self.servers.get_mut(server).probe_failed();
            return self.ask_next_server(now);
        }
        let server = self.servers.get_mut(server);
        if self.authority.includes(outcome.zone()) {
            server.probe_answered();
        } else {
            server.cannot_tell(now);
        }
        self.note(outcome, now);
        self.end_round(RoundEnd::Addresses, now)
    }

    fn on_address(&mut self, pending: Pending, outcome: &Outcome, now: Duration) -> Action {
        let srv = pending.question.record == Record::Srv;
        let is_addresses_only = self.servers.get(pending.server).is_addresses_only();
        match outcome {
            Outcome::Failed(_) | Outcome::Unable(_) => self.on_no_answer(pending, outcome, now),
            Outcome::Addresses { addresses, .. } if addresses.is_empty() => self.ask_without_srv(pending.server, now),
            Outcome::Exists { .. } if srv => self.ask_without_srv(pending.server, now),
            Outcome::Exists { .. } if pending.purpose == Purpose::Address => {
                let question = Question::private(self.family.other());
                self.ask_in_turn(Pending { question, purpose: Purpose::OtherFamily, ..pending }, now)
            }
            Outcome::Absent { .. } if !is_addresses_only => self.on_cached_denial(pending, now),
            Outcome::Absent { zone, .. } if srv && !self.authority.includes(zone.as_ref()) => {
                self.ask_without_srv(pending.server, now)
            }
            Outcome::Addresses { .. } | Outcome::Exists { .. } | Outcome::Absent { .. } => {
                if self.authority.includes(outcome.zone()) {
                    self.servers.get_mut(pending.server).confirm_authority(now);
                }
                self.note(outcome, now);
                self.end_round(RoundEnd::Addresses, now)
            }
        }
    }

    fn on_no_answer(&mut self, pending: Pending, outcome: &Outcome, now: Duration) -> Action {
        let server = self.servers.get_mut(pending.server);
        if pending.question.record == Record::Srv && server.is_addresses_only() {
            if matches!(outcome, Outcome::Unable(_)) {
                return self.ask_without_srv(pending.server, now);
            }
            self.address_keys.drop_srv();
        } else {
            server.address_failed(pending.question, outcome, now);
        }
        self.ask_next_server(now)
    }

    /// `SRV` brings no addresses here, so this question was useless.
    fn ask_without_srv(&mut self, server: usize, now: Duration) -> Action {
        self.address_keys.drop_srv();
        let exists = !self.servers.get(server).is_addresses_only();
        self.ask_address(server, exists, now)
    }

    /// The address is denied although the name is known to exist. That comes from a cache, and another question may
    /// meet no cached answer. After a whole round without success, one in each round is enough.
    fn on_cached_denial(&mut self, pending: Pending, now: Duration) -> Action {
        self.round.keys += 1;
        if self.round.keys < KEYS_IN_A_ROUND
            && self.observation != Observation::CachedDenial
            && let Some(question) = self.draw_address(pending.server, true)
        {
            let next = Pending { question, ..pending };
            let free = self.pace.too_many_until(now).unwrap_or_default();
            return self.sleep(free.max(now + NEXT_KEY_AFTER), NextStep::Ask(next));
        }
        if !matches!(self.observation, Observation::Others { .. }) {
            self.observation = Observation::CachedDenial;
        }
        self.end_round(RoundEnd::CachedDenial, now)
    }
}
