//! What the wait promises about the record, each promise against a model of CoreDNS and on a virtual clock.

mod peers;
mod servers;
// The model of the simulator.
#[allow(dead_code, reason = "the simulator uses the rest")]
#[path = "../../../../tests/sim/coredns.rs"]
mod coredns;

use std::time::Duration;

use self::coredns::{CoreDns, OLD, OWN, ROUND_TRIP, Run, ips, is_existence, machine, run, secs};
use super::{Action, Event};
use crate::wait::answers::Outcome;
use crate::wait::questions::{Family, Question, Record};
use crate::wait::sighting::{Confirmation, Observation};

/// Caches of the usual clusters, in seconds: kubeadm before 1.32; k3s and others; kubeadm since 1.32.
const CACHES: [u32; 3] = [30, 5, 0];

fn wait_for(own: &[&str], mut dns: CoreDns, seed: u64) -> Run {
    run(machine(own, 1, None, seed), |_, question, now| dns.answer(question, now))
}

/// Seconds from publication to sight over 300 pods, published at a random time within `range`.
fn lateness(range: (f64, f64), cache: u32, glue: bool) -> Vec<f64> {
    let pod = |seed| {
        let at = range.0 + (range.1 - range.0) * fastrand::Rng::with_seed(seed).f64();
        wait_for(&[OWN], CoreDns::new(&[(at, &[OWN])], cache, glue), seed).seen() - at
    };
    let mut late: Vec<f64> = (0..300).map(pod).collect();
    late.sort_by(f64::total_cmp);
    late
}

#[test]
fn a_record_is_seen_within_the_pace_of_the_questions_whatever_the_cache_keeps() {
    for cache in CACHES {
        for glue in [true, false] {
            let early = lateness((0.3, 3.0), cache, glue);
            let late = lateness((12.0, 45.0), cache, glue);
            assert!(early[299] < 0.61, "cache {cache}: {}", early[299]);
            assert!(late[299] < 1.21, "cache {cache}: {}", late[299]);
        }
    }
}

#[test]
fn a_loop_on_the_ordinary_question_is_blinded_by_its_own_denial() {
    let mut dns = CoreDns::new(&[(0.8, &[OWN])], 30, true);
    let is_there = |second: &u64| {
        let answer = dns.answer(Question::ordinary(Family::V4), Duration::from_secs(*second));
        matches!(answer, Outcome::Addresses { .. })
    };
    let seen = (0..100).find(is_there).unwrap();
    assert!(seen > 20, "{seen}");
}

#[test]
fn a_record_that_is_there_already_takes_two_questions_and_a_round_trip_for_each_of_the_peers() {
    let run = wait_for(&[OWN], CoreDns::new(&[(0.0, &[OWN])], 30, true), 1);
    assert!(run.seen() <= 2.0 * ROUND_TRIP.as_secs_f64() + 1e-9);
    assert!(is_existence(run.asked[0].2));
    assert!(
        run.asked[2..].iter().all(|(_, server, question)| (*server, *question) == (0, Question::ordinary(Family::V4)))
    );
    assert_eq!(run.asked.len(), 2 + 12);
    assert_eq!(run.at, 14 * ROUND_TRIP, "and the release starts");
    assert_eq!(run.sighting().confirmation, Confirmation::Agrees);
}

#[test]
fn an_address_of_ours_among_others_is_enough() {
    let run = wait_for(&[OWN], CoreDns::new(&[(0.0, &[OLD, OWN])], 30, true), 1);
    assert_eq!(run.sighting().addresses, ips(&[OWN]));
}

#[test]
fn a_predecessors_address_does_not_count() {
    let mut worst = 0.0_f64;
    for seed in 0..300 {
        let swap = 0.1 + 1.4 * fastrand::Rng::with_seed(seed).f64();
        for cache in CACHES {
            let run = wait_for(&[OWN], CoreDns::new(&[(0.0, &[OLD]), (swap, &[OWN])], cache, seed % 2 == 0), seed);
            assert!(run.seen() >= swap);
            worst = worst.max(run.seen() - swap);
        }
    }
    assert!(worst < 2.0, "{worst}");
}

#[test]
fn a_predecessor_is_named_as_long_as_it_is_there() {
    let mut dns = CoreDns::new(&[(0.0, &[OLD])], 30, true);
    let mut machine = machine(&[OWN], 1, Some(20), 1);
    let mut event = Event::Due;
    let mut now = Duration::ZERO;
    while let action @ (Action::Ask { .. } | Action::Sleep(_)) = machine.on(event, now) {
        event = match action {
            Action::Ask { question, .. } => Event::Answered(dns.answer(question, now)),
            _ => Event::Due,
        };
        now += ROUND_TRIP;
    }
    assert!(matches!(&machine.observation, Observation::Others { addresses, .. } if *addresses == ips(&[OLD])));
}

#[test]
fn the_ordinary_question_is_never_put_while_the_name_does_not_exist() {
    for seed in 0..300 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (withdrawn, published) = (6.0 * rng.f64(), 6.0 + 40.0 * rng.f64());
        let history: [(f64, &[&str]); 3] = [(0.0, &[OLD]), (withdrawn, &[]), (published, &[OWN])];
        for cache in CACHES {
            let run = wait_for(&[OWN], CoreDns::new(&history, cache, seed % 2 == 0), seed);
            let truth = CoreDns::new(&history, 0, true);
            for (at, _, question) in &run.asked {
                let just_now = at.saturating_sub(2 * ROUND_TRIP);
                assert!(
                    !question.is_ordinary() || !truth.addresses(just_now).is_empty(),
                    "{question:?} at {at:?}, withdrawn at {withdrawn}, published at {published}"
                );
            }
        }
    }
}

#[test]
fn a_denial_that_a_cache_still_keeps_is_passed_by() {
    for seed in 0..100 {
        let mut dns = CoreDns::new(&[(1.0, &[OWN])], 30, false);
        for checking_disabled in [true, false] {
            dns.answer(Question { checking_disabled, ..Question::ordinary(Family::V4) }, Duration::ZERO);
        }
        dns.answer(Question { checking_disabled: true, ..Question::private(Family::V4) }, Duration::ZERO);
        let run = wait_for(&[OWN], dns, seed);
        assert!(run.seen() < 1.0 + 0.6 + 0.05, "{}", run.seen());
        assert_eq!(run.sighting().confirmation, Confirmation::Denied { ttl: 29 });
    }
}

#[test]
fn where_every_address_question_is_denied_by_a_cache_the_wait_outlasts_it_politely() {
    let mut dns = CoreDns::new(&[(0.5, &[OWN])], 30, true);
    let run = run(machine(&[OWN], 1, None, 1), |_, question, now| match question.record {
        Record::A if now < secs(30.0) => CoreDns::new(&[], 0, true).answer(question, now),
        Record::Srv => CoreDns::new(&[], 0, true).answer(question, now),
        _ => dns.answer(question, now),
    });
    // Four of the six private questions are SRV's, one of them comes each round, and rounds are 2.4 s apart at most.
    assert!(run.seen() < 30.0 + 5.0 * 2.4 + 0.1, "{}", run.seen());
    assert!(run.most_within(10.0, 0.0) <= 24, "{}", run.most_within(10.0, 0.0));
    assert!(run.asked.iter().all(|(at, _, question)| !question.is_ordinary() || *at > secs(30.0)));
}

/// As unbound has it: a denial of A is one of A whatever DO and CD.
#[test]
fn a_denial_that_no_question_passes_by_is_outlasted_by_two_seconds_at_most() {
    for seed in 0..100 {
        let mut dns = CoreDns::new(&[(3.0, &[OWN])], 30, true);
        dns.answer(Question::ordinary(Family::V4), Duration::ZERO);
        let run = run(machine(&[OWN], 1, None, seed), |_, question, now| match question.record {
            Record::A => dns.answer(Question::ordinary(Family::V4), now),
            Record::Srv => Outcome::Addresses { addresses: Vec::new(), ttl: 30 },
            _ => dns.answer(question, now),
        });
        assert!(run.seen() < 30.0 + 2.41, "{}", run.seen());
        assert!(run.most_within(10.0, 10.0) <= 14, "{}", run.most_within(10.0, 10.0));
    }
}

#[test]
fn what_comes_before_its_time_changes_nothing() {
    let absent = || CoreDns::new(&[], 0, true).answer(Question::ordinary(Family::V4), Duration::ZERO);
    let mut machine = machine(&[OWN], 1, None, 1);
    let moment = Duration::from_millis(1);
    let Action::Ask { timeout, .. } = machine.on(Event::Due, Duration::ZERO) else { panic!("no question") };
    assert_eq!(machine.on(Event::Due, moment), Action::Sleep(timeout));
    let Action::Sleep(until) = machine.on(Event::Answered(absent()), 2 * moment) else { panic!("no pause") };
    for event in [Event::Due, Event::Answered(absent())] {
        assert_eq!(machine.on(event, until.saturating_sub(moment)), Action::Sleep(until));
    }
    assert!(matches!(machine.on(Event::Due, until), Action::Ask { .. }));
    assert_eq!(machine.tally().questions(), 2);
}

#[test]
fn a_question_that_nobody_answers_ends_with_its_time() {
    let mut machine = machine(&[OWN], 1, None, 1);
    let Action::Ask { timeout, .. } = machine.on(Event::Due, Duration::ZERO) else { panic!("no question") };
    assert!(machine.tally().to_string().starts_with("1 question"));
    assert!(matches!(machine.on(Event::Due, timeout), Action::Ask { .. } | Action::Sleep(_)));
    assert!(machine.tally().to_string().contains("1 timeout"), "{}", machine.tally());
}

#[test]
fn questions_are_no_more_than_two_a_second_for_ten_seconds_then_one() {
    for seed in 0..100 {
        let mut dns = CoreDns::new(&[], 30, true);
        let run = run(machine(&[OWN], 1, Some(100), seed), |_, question, now| dns.answer(question, now));
        assert!(run.most_within(1.0, 0.0) <= 3 + 1, "0.4 s is the shortest pause, and a safety question");
        assert!(run.most_within(10.0, 0.0) <= 25);
        assert!(run.most_within(10.0, 10.6) <= 10 + 3 + 1, "with a fifth of jitter and one safety question");
        assert!((95..=125).contains(&run.asked.len()), "{}", run.asked.len());
        let safety = run.asked.iter().filter(|(_, _, question)| !is_existence(*question)).count();
        assert_eq!(safety, 3, "at 10, 40, 70 s");
    }
}

#[test]
fn a_predecessors_record_is_asked_for_ever_more_rarely() {
    for seed in 0..100 {
        let run = wait_for(&[OWN], CoreDns::new(&[(0.0, &[OLD]), (100.0, &[OWN])], 30, true), seed);
        assert!(run.most_within(10.0, 0.0) <= 20, "{}", run.most_within(10.0, 0.0));
        assert!(run.most_within(10.0, 10.0) <= 8, "{}", run.most_within(10.0, 10.0));
    }
}

#[test]
fn no_private_type_comes_twice_within_two_minutes() {
    let run = wait_for(&[OWN], CoreDns::new(&[(110.0, &[OWN])], 30, true), 7);
    let mut types: Vec<Record> = run.records().into_iter().filter(|r| matches!(r, Record::Private(_))).collect();
    let count = types.len();
    types.sort_by_key(|record| format!("{record:?}"));
    types.dedup();
    assert_eq!(types.len(), count);
}

#[test]
fn a_name_that_seems_absent_is_looked_up_all_the_same_after_ten_seconds() {
    let mut dns = CoreDns::new(&[(1.0, &[OWN])], 0, true);
    let run = run(machine(&[OWN], 1, None, 3), |_, question, now| match question.record {
        Record::Private(_) => CoreDns::new(&[], 0, true).answer(question, now),
        _ => dns.answer(question, now),
    });
    assert!((10.0..11.5).contains(&run.seen()), "{}", run.seen());
}

#[test]
fn a_service_of_the_other_family_only_is_seen_as_well() {
    let run = wait_for(&[OWN, "fd00::5"], CoreDns::new(&[(0.0, &["fd00::5"])], 30, true), 1);
    assert_eq!(run.sighting().addresses, ips(&["fd00::5"]));
    assert_eq!(run.sighting().missing, [Family::V4]);
    assert!(run.seen() < 0.1);

    let run = wait_for(&["fd00::5"], CoreDns::new(&[(0.0, &["fd00::5"])], 30, true), 1);
    assert!(run.records()[1..].iter().all(|record| *record == Record::Aaaa), "{:?}", run.records());
}

#[test]
fn both_families_are_looked_for_where_we_own_both() {
    let run = wait_for(&["fd00::5", OWN], CoreDns::new(&[(0.0, &[OWN, "fd00::5"])], 30, true), 1);
    assert_eq!(run.sighting().addresses, ips(&[OWN, "fd00::5"]));
    assert!(run.sighting().missing.is_empty());
}

#[test]
fn a_name_with_addresses_of_a_family_that_the_pod_lacks_is_not_enough() {
    let mut dns = CoreDns::new(&[(0.0, &["fd00::9"])], 30, false);
    let run = run(machine(&[OWN], 1, Some(20), 1), |_, question, now| dns.answer(question, now));
    assert_eq!(run.end, Action::GiveUp);
    assert!(run.most_within(10.0, 0.0) <= 25, "{}", run.most_within(10.0, 0.0));
}
