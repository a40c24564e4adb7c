//! What the wait promises about servers and networks that fail, refuse or mislead, and about its own end.

use std::time::Duration;

use super::coredns::{CoreDns, OLD, OWN, ROUND_TRIP, ips, is_existence, machine, run, secs};
use crate::identity::name::Fqdn;
use crate::wait::answers::{Failure, Outcome, Refusal};
use crate::wait::machine::{Action, Event};
use crate::wait::questions::{Family, Question, Record};

const TIMEOUT: Outcome = Outcome::Failed(Failure::Timeout);
const SERVFAIL: Outcome = Outcome::Failed(Failure::ServFail);
const REFUSED: Outcome = Outcome::Unable(Refusal::Refused);
/// What Docker's built-in DNS forwards for a type that it does not know itself.
const FROM_OUTSIDE: Outcome = Outcome::Absent { zone: None, ttl: 900 };

type Answer<'a> = &'a dyn Fn(Question, Duration) -> Outcome;

#[test]
fn the_deadline_is_kept_whatever_the_servers_do() {
    let absent = |question, now| CoreDns::new(&[], 30, true).answer(question, now);
    let rows: [(&str, Answer); 5] = [
        ("absent", &absent),
        ("silent", &|_, _| TIMEOUT),
        ("failing", &|_, _| SERVFAIL),
        ("refusing", &|_, _| REFUSED),
        ("outside", &|_, _| FROM_OUTSIDE),
    ];
    for (what, answer) in rows {
        for seed in 0..50 {
            let run = run(machine(&[OWN], 3, Some(12), seed), |_, question, now| answer(question, now));
            assert_eq!(run.end, Action::GiveUp, "{what}");
            assert!((12.0..12.01).contains(&run.at.as_secs_f64()), "{what}: {:?}", run.at);
            assert!(run.asked.iter().all(|(at, ..)| *at < secs(12.0)), "{what}");
        }
    }
}

#[test]
fn a_server_that_cannot_report_existence_gets_address_questions() {
    let none = Outcome::Exists { zone: None, ttl: 0 };
    let old = Outcome::Addresses { addresses: ips(&[OLD]), ttl: 600 };
    let rows = [
        (FROM_OUTSIDE, FROM_OUTSIDE, FROM_OUTSIDE),
        (REFUSED, REFUSED, FROM_OUTSIDE),
        (none.clone(), none, FROM_OUTSIDE),
        (FROM_OUTSIDE, SERVFAIL, FROM_OUTSIDE),
        (FROM_OUTSIDE, FROM_OUTSIDE, old),
    ];
    for (seed, (existence, srv, address)) in (0..).zip(rows) {
        let run = run(machine(&[OWN], 1, None, seed), |_, question, now| match question.record {
            Record::A if now >= secs(2.0) => Outcome::Addresses { addresses: ips(&[OWN]), ttl: 600 },
            Record::A => address.clone(),
            Record::Srv => srv.clone(),
            _ => existence.clone(),
        });
        assert!(run.seen() < 2.0 + 2.1, "{existence:?} {srv:?}: {}", run.seen());
        assert!(run.asked[1].0 < secs(0.01), "the address question follows at once");
        assert_eq!(run.asked.iter().filter(|(_, _, question)| is_existence(*question)).count(), 1);
        assert!(run.records().iter().filter(|record| **record == Record::Srv).count() <= 1);
        let unseen = |(at, _, question): &(Duration, usize, Question)| *at < secs(2.0) && question.is_ordinary();
        assert!(!run.asked.iter().any(unseen), "EDNS passes, so private questions do");
    }
}

#[test]
fn now_and_then_a_lost_answer_changes_nothing() {
    let (mut dns, mut asked) = (CoreDns::new(&[(30.0, &[OWN])], 30, true), 0);
    let run = run(machine(&[OWN], 1, None, 1), |_, question, now| {
        asked += 1;
        if asked % 3 == 0 { TIMEOUT } else { dns.answer(question, now) }
    });
    let addresses = |(at, _, question): &&(Duration, usize, Question)| *at < secs(30.0) && !is_existence(*question);
    assert_eq!(run.asked.iter().filter(addresses).count(), 1, "the safety question");
    assert!(run.seen() < 30.0 + 1.2 + 1.5 + 1.5, "{}", run.seen());
}

#[test]
fn a_server_that_serves_the_zone_later_is_asked_for_existence_again() {
    let mut dns = CoreDns::new(&[(9.0, &[OWN])], 30, true);
    let run = run(
        machine(&[OWN], 1, None, 1),
        |_, question, now| {
            if now < secs(1.0) { FROM_OUTSIDE } else { dns.answer(question, now) }
        },
    );
    assert!(run.seen() < 9.0 + 0.7, "{}", run.seen());
}

#[test]
fn a_network_that_drops_unknown_types_is_found_out_with_one_probe() {
    let mut dns = CoreDns::new(&[(8.0, &[OWN])], 30, true);
    let run =
        run(
            machine(&[OWN], 1, None, 1),
            |_, question, now| {
                if is_existence(question) { TIMEOUT } else { dns.answer(question, now) }
            },
        );
    let before = |(at, _, question): &&(Duration, usize, Question)| *at < secs(8.0) && question.is_ordinary();
    let probes: Vec<_> = run.asked.iter().filter(before).collect();
    assert!(matches!(probes[..], [(.., probe)] if probe.checking_disabled), "its denial is kept apart: {probes:?}");
    assert!(run.seen() < 8.0 + 6.1, "{}", run.seen());
}

#[test]
fn a_network_that_drops_edns_gets_questions_without_it_and_stays_fresh() {
    for published in [2.0, 3.1, 20.0] {
        let mut dns = CoreDns::new(&[(published, &[OWN])], 30, true);
        let run =
            run(
                machine(&[OWN], 1, None, 1),
                |_, question, now| {
                    if question.dnssec_ok { TIMEOUT } else { dns.answer(question, now) }
                },
            );
        assert!(run.seen() < published + 1.21, "{published}: {}", run.seen());
        let with_edns = run.asked.iter().filter(|(.., question)| question.dnssec_ok);
        assert_eq!(with_edns.count(), 2, "the first two");
        let early = |(at, _, question): &&(Duration, usize, Question)| *at < secs(published) && question.is_ordinary();
        assert!(run.asked.iter().filter(early).count() <= 1 + usize::from(published > 10.0), "probe, safety question");
    }
}

#[test]
fn a_network_that_drops_edns_and_unknown_types_gets_neither() {
    let mut dns = CoreDns::new(&[(20.0, &[OWN])], 0, true);
    let run = run(machine(&[OWN], 1, None, 1), |_, question, now| {
        if question.dnssec_ok || is_existence(question) { TIMEOUT } else { dns.answer(question, now) }
    });
    assert!(run.seen() < 20.0 + 6.1, "{}", run.seen());
    let with_edns = |(at, _, question): &&(Duration, usize, Question)| question.dnssec_ok && *at > secs(10.0);
    assert_eq!(run.asked.iter().filter(with_edns).count(), 0);
}

#[test]
fn where_only_the_ordinary_question_gets_through_it_has_to_do() {
    let mut dns = CoreDns::new(&[(20.0, &[OWN])], 0, true);
    let run =
        run(
            machine(&[OWN], 1, Some(120), 1),
            |_, question, now| {
                if question.is_ordinary() { dns.answer(question, now) } else { TIMEOUT }
            },
        );
    assert!(run.seen() < 20.0 + 10.0, "{}", run.seen());
}

#[test]
fn what_peers_saw_until_just_now_is_waited_out() {
    let mut dns = CoreDns::new(&[(0.0, &[OLD])], 0, true);
    let run = run(machine(&[OWN], 1, Some(60), 1), |_, question, now| {
        let is_there = question == Question::ordinary(Family::V4) && now > secs(3.0);
        if is_there { Outcome::Addresses { addresses: ips(&[OWN]), ttl: 30 } } else { dns.answer(question, now) }
    });
    assert!((7.0..7.1).contains(&(run.at.as_secs_f64() - run.seen())), "{:?}", run.at);
}

#[test]
fn without_a_server_the_wait_does_not_turn_in_circles() {
    let action = machine(&[OWN], 0, None, 1).on(Event::Due, secs(10.0));
    assert!(matches!(action, Action::Sleep(until) if until > secs(10.5)), "{action:?}");
}

#[test]
fn a_server_that_is_found_out_is_asked_for_the_address_at_once() {
    // The second one drops unknown types, the first one everything.
    let mut dns = CoreDns::new(&[(7.6, &[OWN])], 30, true);
    let run = run(machine(&[OWN], 2, None, 1), |server, question, now| {
        if server == 0 || is_existence(question) { TIMEOUT } else { dns.answer(question, now) }
    });
    assert!(run.seen() < 7.6 + 2.2, "half a second's pause and the last time-out: {}", run.seen());
}

#[test]
fn a_server_that_refuses_edns_is_asked_once_more_without() {
    for refusal in [Refusal::FormErr, Refusal::NotImp] {
        let mut dns = CoreDns::new(&[(3.0, &[OWN])], 30, true);
        let run = run(machine(&[OWN], 1, None, 1), |_, question, now| {
            if question.dnssec_ok { Outcome::Unable(refusal) } else { dns.answer(question, now) }
        });
        assert!(run.seen() < 3.0 + 0.7, "{}", run.seen());
        assert_eq!(run.asked.iter().filter(|(_, _, question)| question.dnssec_ok).count(), 1);
        let early = |(at, _, question): &(Duration, usize, Question)| *at < secs(3.0) && question.is_ordinary();
        assert!(!run.asked.iter().any(early));
    }
}

#[test]
fn the_next_server_is_asked_at_once_and_stays_first() {
    for failure in [SERVFAIL, TIMEOUT, Outcome::Failed(Failure::Unreachable)] {
        let mut dns = CoreDns::new(&[(5.0, &[OWN])], 30, true);
        let run =
            run(
                machine(&[OWN], 2, None, 1),
                |server, question, now| {
                    if server == 0 { failure.clone() } else { dns.answer(question, now) }
                },
            );
        assert!(run.seen() < 5.0 + 0.61, "{failure:?}: {}", run.seen());
        assert_eq!(run.asked[0].1, 0);
        let taken = if failure == TIMEOUT { secs(1.5) } else { ROUND_TRIP };
        assert_eq!(run.asked[1].0, taken, "{failure:?}");
        assert!(run.asked_unseen()[1..].iter().all(|(_, server, _)| *server == 1), "{failure:?}");
        let again = run.asked.iter().skip(1).filter(|(_, server, _)| *server == 0).count();
        assert_eq!(again, 1, "for the sake of peers, who may ask it as well: {failure:?}");
    }
}

#[test]
fn a_server_that_fails_at_the_address_question_gives_way_as_well() {
    let run = run(machine(&[OWN], 2, None, 1), |server, question, _| match question.record {
        _ if server == 1 => CoreDns::new(&[(0.0, &[OWN])], 30, true).answer(question, secs(1.0)),
        Record::Private(_) => FROM_OUTSIDE,
        _ => SERVFAIL,
    });
    assert!(run.seen() < 0.1, "{}", run.seen());
}

#[test]
fn a_server_that_answers_in_the_place_of_a_silent_one_gets_its_pause() {
    let mut dns = CoreDns::new(&[], 30, true);
    let silent_first = |server, question, now| if server == 0 { TIMEOUT } else { dns.answer(question, now) };
    let run = run(machine(&[OWN], 2, Some(20), 1), silent_first);
    let of_second = |(_, server, question): &&(Duration, usize, Question)| *server == 1 && is_existence(*question);
    let second: Vec<Duration> = run.asked.iter().filter(of_second).map(|(at, ..)| *at).collect();
    assert!(second.windows(2).all(|pair| pair[1].saturating_sub(pair[0]) >= secs(0.4)), "{second:?}");
}

#[test]
fn contradictory_answers_make_no_flood() {
    let zone = Fqdn::parse("cluster.local").ok();
    let run = run(machine(&[OWN], 1, Some(20), 1), |_, question, _| match question.record {
        Record::Private(_) | Record::A => Outcome::Exists { zone: zone.clone(), ttl: 30 },
        Record::Aaaa | Record::Srv => Outcome::Absent { zone: zone.clone(), ttl: 30 },
    });
    assert!(run.asked.len() > 20);
    assert!(run.most_within(1.0, 0.0) <= 6, "{}", run.most_within(1.0, 0.0));
}

#[test]
fn a_name_without_an_address_is_asked_for_one_of_each_family_in_a_round() {
    let zone = Fqdn::parse("cluster.local").ok();
    let answer = |_, _, _| Outcome::Exists { zone: zone.clone(), ttl: 30 };
    let run = run(machine(&[OWN], 1, Some(20), 1), answer);
    let twice = run.records().windows(2).any(|pair| pair == [Record::Aaaa, Record::Aaaa]);
    assert!(run.records().contains(&Record::Aaaa) && !twice, "{:?}", run.records());
}

#[test]
fn an_address_that_is_denied_of_a_name_that_is_there_is_asked_for_three_times_and_then_once_a_round() {
    let zone = Fqdn::parse("cluster.local").ok();
    let run = run(machine(&[OWN], 1, Some(20), 1), |_, question, _| match question {
        _ if is_existence(question) => Outcome::Exists { zone: zone.clone(), ttl: 30 },
        _ => Outcome::Absent { zone: zone.clone(), ttl: 30 },
    });
    let rounds: Vec<usize> = run.asked.chunk_by(|_, (_, _, next)| !is_existence(*next)).map(<[_]>::len).collect();
    assert_eq!(rounds[0], 1 + 3, "{rounds:?}");
    assert!(rounds.len() > 10 && rounds[1..].iter().all(|questions| *questions == 1 + 1), "{rounds:?}");
}

#[test]
fn contradictory_answers_lead_to_no_more_than_eight_questions_a_second() {
    let zone = Fqdn::parse("cluster.local").ok();
    for seen_by in 1..8 {
        let mut asked = 0;
        let run = run(machine(&[OWN, "fd00::5"], 1, Some(20), 1), |_, question, _| {
            asked += u32::from(question.record == Record::Aaaa);
            match question.record {
                Record::Aaaa if asked == seen_by => Outcome::Addresses { addresses: ips(&["fd00::5"]), ttl: 30 },
                Record::Aaaa => Outcome::Absent { zone: zone.clone(), ttl: 30 },
                _ => Outcome::Exists { zone: zone.clone(), ttl: 30 },
            }
        });
        assert_eq!(run.sighting().missing, [Family::V4]);
        assert!(run.most_within(1.0, 0.0) <= 8, "{seen_by}: {}", run.most_within(1.0, 0.0));
    }
}

#[test]
fn a_silent_server_is_asked_again_without_a_pause() {
    let run = run(machine(&[OWN], 1, Some(5), 1), |_, _, _| TIMEOUT);
    let at: Vec<Duration> = run.asked.iter().map(|(at, ..)| *at).collect();
    assert_eq!(at, [0.0, 1.5, 3.0, 4.5].map(secs));
}

#[test]
fn when_all_servers_fail_they_are_asked_again_after_a_second() {
    let mut dns = CoreDns::new(&[(0.0, &[OWN])], 30, true);
    let run = run(machine(&[OWN], 3, None, 1), |_, question, now| {
        if now < secs(4.0) { Outcome::Failed(Failure::Unreachable) } else { dns.answer(question, now) }
    });
    assert!(run.seen() < 4.0 + 1.3, "{}", run.seen());
    assert!(run.most_within(1.0, 0.0) <= 6, "three servers, 0.8 s apart");
}

#[test]
fn once_seen_the_record_stays_seen_whatever_comes_after() {
    for after in [TIMEOUT, SERVFAIL, REFUSED, FROM_OUTSIDE] {
        let mut dns = CoreDns::new(&[(0.0, &[OWN])], 30, true);
        let run = run(machine(&[OWN, "fd00::5"], 1, Some(1), 1), |_, question, now| {
            if question.record == Record::A && question.dnssec_ok || is_existence(question) {
                dns.answer(question, now)
            } else {
                after.clone()
            }
        });
        assert_eq!(run.sighting().addresses, ips(&[OWN]));
        assert_eq!(run.sighting().missing, [Family::V6]);
        assert!(run.at.as_secs_f64() - run.seen() <= 1.001, "{after:?}: {:?}", run.at);
    }
}

fn any_outcome(rng: &mut fastrand::Rng) -> Outcome {
    let zone = rng.bool().then(|| Fqdn::parse(["cluster.local", "com", "a.b"][rng.usize(..3)]).unwrap());
    match rng.u8(..12) {
        0 => Outcome::Addresses { addresses: ips(&[OLD]), ttl: 5 },
        1 if rng.u8(..20) == 0 => Outcome::Addresses { addresses: ips(&[OLD, OWN]), ttl: 5 },
        2 => Outcome::Addresses { addresses: Vec::new(), ttl: 0 },
        3 | 4 => Outcome::Exists { zone, ttl: 30 },
        5 => Outcome::Unable(Refusal::FormErr),
        6 => REFUSED,
        7 => TIMEOUT,
        8 => SERVFAIL,
        _ => Outcome::Absent { zone, ttl: 30 },
    }
}

#[test]
fn there_is_no_action_after_the_end_nor_a_question_after_the_deadline() {
    for seed in 0..2000 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut machine = machine(&[OWN, "fd00::5"], rng.usize(0..4), Some(30), seed);
        let (mut now, mut over) = (Duration::ZERO, false);
        for _ in 0..400 {
            let event = if rng.bool() { Event::Due } else { Event::Answered(any_outcome(&mut rng)) };
            let action = machine.on(event, now);
            match &action {
                _ if over => assert_eq!(action, Action::Nothing),
                Action::Ask { timeout, .. } => assert!(now + *timeout <= secs(31.5), "{now:?} {timeout:?}"),
                Action::Sleep(until) => assert!(*until <= secs(31.5), "{until:?}"),
                Action::Published(_) | Action::GiveUp => over = true,
                Action::Nothing => panic!("nothing before the end"),
            }
            now += Duration::from_millis(rng.u64(..300));
        }
        assert!(over, "seed {seed}");
    }
}
