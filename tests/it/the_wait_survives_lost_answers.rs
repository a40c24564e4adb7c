//! Packets that are lost, late, forged or cut short, and servers that are dead: the record is seen soon all the same.
//!
//! Bounds are three seconds, or twice what the pace of the questions makes the longest, where that is more.

use std::time::{Duration, Instant};

use crate::support::scene::{Front, SOON, Scene, seen_despite, seen_within, the_error_says};
use crate::support::{Fault, Forgery, To, Transport};

/// How long the wait lets an answer take.
const ANSWER: Duration = Duration::from_millis(1500);

#[test]
fn the_first_two_packets_are_lost() {
    seen_despite("the first two packets are lost", SOON, |_| vec![Fault::DropFirst(2)]);
}

#[test]
fn the_first_two_questions_are_lost() {
    // Each question is three packets, and takes 1.5 s at this server and at a silent one before it.
    let bound = 2 * 2 * ANSWER;
    seen_despite("the first six packets are lost", bound, |_| vec![Fault::DropFirst(6)]);
}

#[test]
fn replies_are_late() {
    // The denial that is on its way, a question, an address question, and one for information.
    seen_despite("replies are half a second late", SOON, |_| vec![Fault::Delay(Duration::from_millis(500))]);
}

#[test]
fn replies_that_come_after_the_time_for_an_answer_are_reported_as_such() {
    the_error_says(&[Fault::Delay(Duration::from_secs(2))], &["no reply from", "timeouts"]);
}

#[test]
fn a_reply_with_a_wrong_id_is_not_believed() {
    seen_despite("a forged reply with a wrong id comes first", SOON, |own| vec![Fault::Forged(Forgery::Id, own)]);
}

#[test]
fn a_reply_to_another_question_is_not_believed() {
    seen_despite("a forged reply to another question comes first", SOON, |own| {
        vec![Fault::Forged(Forgery::Question, own)]
    });
}

#[test]
fn a_reply_from_another_source_is_not_believed() {
    seen_despite("a forged reply from another source comes first", SOON, |own| {
        vec![Fault::Forged(Forgery::Source, own)]
    });
}

#[test]
fn garbage_ends_some_time() {
    recovers_from("garbage for two seconds", Fault::Garbage);
}

#[test]
fn garbage_without_end_is_reported() {
    the_error_says(&[Fault::Garbage], &["nothing that can be read", "unreadable"]);
}

#[test]
fn a_truncated_answer_comes_over_tcp() {
    seen_within("every datagram is truncated, TCP works", SOON, |front| {
        let scene = Scene::start(front, |_| vec![Fault::Truncated { tcp: true }], &[]);
        scene.wait_since_first_question(Duration::from_secs(1));
        let published = scene.publish();
        let took = scene.seen_after(published);
        assert!(scene.cluster.dns().questions().iter().any(|asked| asked.transport == Transport::Tcp));
        took
    });
}

#[test]
fn a_truncated_answer_without_tcp_is_reported() {
    the_error_says(&[Fault::Truncated { tcp: false }], &["nothing that can be read", "truncated"]);
}

#[test]
fn a_server_that_is_silent_for_a_while() {
    recovers_from("no answer for two seconds", Fault::Drop(To::All));
}

#[test]
fn dead_servers_first() {
    seen_despite("nothing", SOON, |_| Vec::new());
}

#[test]
fn two_dead_servers_first() {
    let scene = Scene::start(Front::TwoSilent, |_| Vec::new(), &[]);
    scene.wait_since_first_question(Duration::from_secs(1));
    let took = scene.seen_after(scene.publish());
    println!("fault: two silent servers first: seen after {:.2} s", took.as_secs_f64());
    assert!(took <= SOON, "{took:?}");
}

#[test]
fn a_dead_server_alone_is_reported() {
    the_error_says(&[Fault::Drop(To::All)], &["no reply from", "timeouts", "NetworkPolicy"]);
}

#[test]
fn a_closed_port_alone_is_reported() {
    let timeout = [("BEAMINIT_WAIT_TIMEOUT", "3s")];
    let scene = Scene::start(Front::Closed, |_| vec![Fault::Drop(To::All)], &timeout);
    scene.pod.expect_line("unreachable", SOON * 3);
    let asked = scene.cluster.dns().questions().len();
    assert!(asked <= 9, "three packets each 1.5 s, not {asked}");
}

/// The record is there from the start; what goes wrong ends two seconds after the first question.
#[track_caller]
fn recovers_from(what: &str, fault: Fault) {
    seen_within(what, SOON, |front| {
        let scene = Scene::start(front, |_| vec![fault], &[]);
        scene.publish();
        scene.wait_since_first_question(Duration::from_secs(2));
        let recovered = Instant::now();
        scene.cluster.dns().recover();
        scene.seen_after(recovered)
    });
}
