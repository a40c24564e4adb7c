//! TERM, INT and QUIT end the wait at once, with 128 and their number, and nothing is started.

use std::time::{Duration, Instant};

use hickory_resolver::proto::rr::RecordType;

use crate::support::scene::{Front, Scene};
use crate::support::vm::BOOT;
use crate::support::{Asked, Cluster, Denier, DnsSettings, Ended, Fault, RunningPod, To, Transport, wait_until};

#[test]
fn with_128_and_the_signals_number() {
    let cluster = Cluster::start(DnsSettings::default());
    for signal in [15, 2, 3] {
        let pod = cluster.pod("web-0").command(["echo", "started"]);
        let address = pod.address();
        let pod = pod.start();
        cluster.dns().wait_for_question_that(BOOT, "the pod's", |asked| asked.from == address);
        let sent = Instant::now();
        pod.signal(signal);
        assert_eq!(pod.wait(BOOT), Ended::Code(128 + signal));
        assert!(sent.elapsed() < Duration::from_secs(1), "{:?}", sent.elapsed());
        assert_eq!(pod.stdout(), "");
        pod.expect_line("before the release was started: ending", BOOT);
    }
}

#[test]
fn also_while_no_server_answers() {
    ends_at_once("asking a silent server", vec![Fault::Drop(To::All)], |scene| {
        scene.wait_since_first_question(Duration::ZERO);
    });
}

#[test]
fn also_between_two_questions() {
    ends_at_once("between two questions", Vec::new(), |scene| {
        scene.wait_since_first_question(Duration::ZERO);
        let answered = Instant::now();
        wait_until(BOOT, "the answer has long come", || answered.elapsed() > Duration::from_millis(100));
        assert_eq!(scene.cluster.dns().questions().len(), 1, "the next one comes after 400 ms");
    });
}

#[test]
fn also_while_another_address_is_seen() {
    ends_at_once("at a predecessor's address", Vec::new(), |scene| {
        scene.cluster.dns().publish(&scene.fqdn, &["10.88.0.250".parse().unwrap()]);
        scene
            .cluster
            .dns()
            .wait_for_question_that(BOOT, "ordinary", |asked| asked.record_type == RecordType::A && !asked.dnssec_ok);
    });
}

#[test]
fn also_at_a_server_that_gets_address_questions_only() {
    ends_at_once("in plain mode", vec![Fault::Denied(To::All, Denier::Root)], |scene| {
        let (dns, is_address) = (scene.cluster.dns(), |asked: &Asked| asked.record_type == RecordType::A);
        let first = dns.wait_for_question_that(BOOT, "for the address", is_address).at;
        dns.wait_for_question_that(BOOT, "once more", |asked| is_address(asked) && asked.at > first);
    });
}

#[test]
fn also_while_the_cut_short_answer_is_fetched() {
    ends_at_once("waiting for TCP", vec![Fault::Truncated { tcp: true }, Fault::SilentTcp], |scene| {
        scene.cluster.dns().wait_for_question_that(BOOT, "over TCP", |asked| asked.transport == Transport::Tcp);
    });
}

#[test]
fn also_once_the_record_is_seen_and_others_sight_of_it_is_asked_for() {
    ends_at_once("confirming with a slow server", vec![Fault::Delay(Duration::from_millis(900))], |scene| {
        scene.publish();
        scene.cluster.dns().wait_for_question_that(BOOT, "for information", |asked| {
            asked.record_type == RecordType::A && !asked.dnssec_ok && !asked.checking_disabled
        });
    });
}

#[test]
fn also_while_the_cause_of_a_hopeless_wait_is_searched() {
    const NAME: &str = "web-0.web.default.svc.cluster.local";
    // No service gives a pod without subdomain a name, so the cause is searched after ten seconds already.
    let cluster = Cluster::start(DnsSettings::default());
    cluster.dns().fault(Fault::Drop(To::All));
    let pod = cluster.pod("web-0").without_subdomain().env("MY_POD_FQDN", NAME);
    let pod = pod.command(["echo", "started"]).start();
    let searches = |asked: &Asked| asked.record_type == RecordType::TXT;
    cluster.dns().wait_for_question_that(Duration::from_secs(20), "the search's first", searches);
    ended_at_once("in the search for the cause", &pod);
}

/// Brings the wait into a state and sends TERM then.
#[track_caller]
fn ends_at_once(state: &str, faults: Vec<Fault>, reach: impl FnOnce(&Scene)) {
    let scene = Scene::start(Front::Nothing, |_| faults, &[]);
    reach(&scene);
    ended_at_once(state, &scene.pod);
}

#[track_caller]
fn ended_at_once(state: &str, pod: &RunningPod) {
    assert!(pod.ended().is_none());
    let sent = Instant::now();
    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(143));
    println!("TERM {state}: ended after {:.0} ms", sent.elapsed().as_secs_f64() * 1000.0);
    assert!(sent.elapsed() < Duration::from_secs(1), "{:?}", sent.elapsed());
    assert_eq!(pod.stdout(), "");
}

#[test]
fn other_signals_do_not() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").command(["echo", "started"]);
    let (fqdn, address) = (pod.fqdn(), pod.address());
    let pod = pod.start();
    cluster.dns().wait_for_question(BOOT);
    for signal in [1, 10, 12, 14, 18, 28, 40] {
        pod.signal(signal);
    }
    cluster.dns().publish(&fqdn, &[address]);
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
    assert_eq!(pod.stdout().trim(), "started");
}
