//! What the wait promises once our record has been seen: the release starts when no peer can be busy with another
//! address, and at once where no cache has one.

use std::time::Duration;

use super::coredns::{CoreDns, OLD, OWN, ROUND_TRIP, Run, ips, machine, run, secs};
use crate::wait::answers::{Failure, Outcome};
use crate::wait::questions::{Family, Question};
use crate::wait::sighting::Confirmation;

const PLAIN: Question = Question { record: Family::V4.record(), dnssec_ok: false, checking_disabled: false };

/// A name server that a peer asked two seconds before our record took the place of the old one.
fn with_old_answer() -> CoreDns {
    let mut dns = CoreDns::new(&[(0.0, &[OLD]), (2.0, &[OWN])], 30, true);
    dns.answer(PLAIN, Duration::ZERO);
    dns
}

/// A pod that starts three seconds later than that.
fn start(mut dns: CoreDns, deadline: Option<u64>) -> Run {
    run(machine(&[OWN], 1, deadline, 1), |_, question, now| dns.answer(question, now + secs(3.0)))
}

#[test]
fn a_predecessors_answer_is_waited_out_with_the_dials_that_it_led_to() {
    let run = start(with_old_answer(), None);
    assert!(run.seen() < 0.1);
    let start = run.at.as_secs_f64();
    assert!((27.0 + 7.0..27.0 + 7.2).contains(&start), "the TTL that was left, and a dial: {start}");
    assert_eq!(run.sighting().confirmation, Confirmation::Agrees);
    assert_eq!(run.asked.len(), 2 + 3 * 12, "when seen, when the answer has expired, and before the start");
}

#[test]
fn the_deadline_starts_the_release_whatever_a_cache_has() {
    let run = start(with_old_answer(), Some(10));
    assert!((10.0..10.1).contains(&run.at.as_secs_f64()), "{:?}", run.at);
    assert!(matches!(run.sighting().confirmation, Confirmation::Others { ttl: 17, .. }), "{:?}", run.sighting());
}

#[test]
fn a_denial_is_not_waited_for() {
    let mut dns = CoreDns::new(&[(2.0, &[OWN])], 30, true);
    dns.answer(PLAIN, Duration::ZERO);
    let run = start(dns, None);
    assert!(run.at < secs(0.1), "{:?}", run.at);
    assert!(matches!(run.sighting().confirmation, Confirmation::Denied { .. }));
}

/// Two replicas behind one address, each socket by chance to one of them: one keeps a denial, the other the old answer.
#[test]
fn a_denial_of_one_cache_hides_the_old_answer_of_another_once_in_four_thousand_starts() {
    let hidden = |seed: &u64| {
        let mut denied = CoreDns::new(&[(0.0, &[OLD]), (0.5, &[]), (2.0, &[OWN])], 30, true);
        denied.answer(PLAIN, secs(1.0));
        let (mut replicas, mut rng) = ([denied, with_old_answer()], fastrand::Rng::with_seed(*seed));
        let run = run(machine(&[OWN], 1, None, *seed), |_, question, now| {
            replicas[rng.usize(..2)].answer(question, now + secs(3.0))
        });
        run.at < secs(34.0)
    };
    let count = (0..2000).filter(hidden).count();
    assert!(count <= 3, "{count} of 2000");
}

#[test]
fn each_server_and_each_family_that_peers_may_ask_is_asked() {
    let own = [OWN, "fd00::5"];
    let other = |question: Question| match question.record {
        record if record == Family::V6.record() && !question.dnssec_ok => {
            Some(Outcome::Addresses { addresses: ips(&["fd00::9"]), ttl: 9 })
        }
        _ => None,
    };
    let mut dns = CoreDns::new(&[(0.0, &own)], 30, true);
    let run = run(machine(&own, 2, None, 1), |server, question, now| match other(question) {
        Some(old) if server == 1 && now < secs(9.0) => old,
        _ => dns.answer(question, now),
    });
    assert!((16.0..16.5).contains(&run.at.as_secs_f64()), "{:?}", run.at);
}

#[test]
fn a_silent_server_costs_half_a_second() {
    let mut dns = CoreDns::new(&[(0.0, &[OWN])], 30, true);
    let run = run(machine(&[OWN], 2, None, 1), |server, question, now| match server {
        0 => dns.answer(question, now),
        _ => Outcome::Failed(Failure::Timeout),
    });
    assert_eq!(run.at, 14 * ROUND_TRIP + secs(0.5));
}
