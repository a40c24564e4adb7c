use super::*;
use crate::wait::answers::Refusal;
use crate::wait::questions::Family;

const ABSENT: Outcome = Outcome::Absent { zone: None, ttl: 30 };
const TIMEOUT: Outcome = Outcome::Failed(Failure::Timeout);

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn the_one_that_last_answered_is_first_and_one_that_failed_is_last_for_ten_seconds() {
    let question = Question::existence(65_280);
    let mut servers = Servers::new(5);
    assert_eq!(servers.best(&[], at(0)), Some(0));
    servers.get_mut(1).note(question, false, &ABSENT, at(1));
    assert_eq!(servers.best(&[], at(1)), Some(1));
    servers.get_mut(1).note(question, false, &TIMEOUT, at(2));
    assert_eq!(servers.best(&[], at(3)), Some(0));
    assert_eq!(servers.best(&[0, 2], at(3)), Some(1));
    assert_eq!(servers.best_first(at(3)), [0, 2, 1]);
    assert_eq!(servers.best(&[0, 1, 2], at(3)), None, "a fourth server is never asked");
    assert_eq!(servers.best(&[], at(12)), Some(1));
    servers.get_mut(1).note(question, false, &TIMEOUT, at(13));
    servers.get_mut(1).note(question, false, &ABSENT, at(14));
    assert_eq!(servers.best(&[], at(15)), Some(1), "an answer makes up for a failure");
}

#[test]
fn two_silent_existence_questions_lead_to_a_probe_and_a_third_to_addresses_only() {
    use Opening::{Address, Existence, ExistenceWithoutEdns, Probe};
    let mut server = Server::default();
    let mut openings = Vec::new();
    for _ in 0..2 {
        openings.push(server.opening());
        server.existence_failed(Failure::Timeout, at(1));
    }
    openings.push(server.opening());
    server.probe_answered();
    openings.push(server.opening());
    server.existence_failed(Failure::ServFail, at(2));
    openings.push(server.opening());
    assert_eq!(openings, [Existence, Existence, Probe, ExistenceWithoutEdns, Address]);
}

#[test]
fn a_dead_server_stays_in_fresh_mode() {
    let mut server = Server::default();
    for _ in 0..10 {
        match server.opening() {
            Opening::Probe => server.probe_failed(),
            _ => server.existence_failed(Failure::Timeout, at(1)),
        }
        assert!(!server.is_addresses_only());
    }
    for _ in 0..10 {
        server.existence_failed(Failure::Unreachable, at(1));
    }
    assert_eq!(server.opening(), Opening::Existence);
}

#[test]
fn a_server_asked_for_addresses_only_that_speaks_with_authority_gets_one_chance_at_once_then_one_every_thirty_seconds()
{
    let mut server = Server::default();
    server.note(Question::private(Family::V4), false, &ABSENT, at(0));
    server.cannot_tell(at(0));
    server.confirm_authority(at(1));
    assert_eq!(server.opening(), Opening::Existence);
    server.cannot_tell(at(2));
    server.confirm_authority(at(31));
    assert_eq!(server.opening(), Opening::Address);
    server.confirm_authority(at(32));
    assert_eq!(server.opening(), Opening::Existence);
    server.existence_failed(Failure::Timeout, at(33));
    assert_eq!(server.opening(), Opening::Address);
}

#[test]
fn edns_is_given_up_only_where_a_question_without_it_was_answered() {
    let question = Question::private(Family::V4);
    let refused = Outcome::Unable(Refusal::FormErr);
    let mut server = Server::default();
    assert!(server.may_dislike_edns(question));
    server.note(question.without_edns(), true, &refused, at(0));
    assert!(server.lets_edns_pass(), "it refuses both, so EDNS is not the reason");
    server.note(question.without_edns(), true, &ABSENT, at(0));
    assert!(!server.lets_edns_pass());

    let mut server = Server::default();
    server.note(question, false, &ABSENT, at(0));
    assert!(!server.may_dislike_edns(question), "EDNS has passed before");
}
