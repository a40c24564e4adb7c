//! Servers that fail, refuse, or do not know what the wait asks first: the record is seen soon all the same.
//!
//! Bounds are three seconds, or twice what the pace of the questions makes the longest, where that is more.

use std::time::{Duration, Instant};

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType;

use crate::support::scene::{
    Front, PATIENCE, SOON, Scene, seen_despite, seen_despite_with, seen_within, the_error_says,
};
use crate::support::{Denier, DnsSettings, Fault, To};

#[test]
fn servfail_for_a_while() {
    recovers_from("SERVFAIL for two seconds", Fault::Code(ResponseCode::ServFail, To::All));
}

#[test]
fn servfail_without_end_is_reported_and_does_not_double_the_questions() {
    let scene = the_error_says(&[Fault::Code(ResponseCode::ServFail, To::All)], &["SERVFAIL"]);
    let asked = scene.cluster.dns().questions().len();
    assert!(asked <= 6, "one each second, not {asked}");
}

#[test]
fn servfail_for_unknown_types() {
    // Two failures, the probe, one more failure, then address questions.
    seen_despite("SERVFAIL for unknown types", SOON, |_| vec![Fault::Code(ResponseCode::ServFail, To::UnknownTypes)]);
}

#[test]
fn refused_for_a_while() {
    recovers_from("REFUSED for two seconds", Fault::Code(ResponseCode::Refused, To::All));
}

#[test]
fn refused_without_end_is_reported() {
    the_error_says(&[Fault::Code(ResponseCode::Refused, To::All)], &["REFUSED"]);
}

#[test]
fn refused_for_unknown_types() {
    unknown_types("REFUSED for unknown types", Fault::Code(ResponseCode::Refused, To::UnknownTypes));
}

#[test]
fn notimp_for_unknown_types() {
    unknown_types("NOTIMP for unknown types", Fault::Code(ResponseCode::NotImp, To::UnknownTypes));
}

#[test]
fn formerr_for_unknown_types() {
    unknown_types("FORMERR for unknown types", Fault::Code(ResponseCode::FormErr, To::UnknownTypes));
}

#[test]
fn notimp_for_edns() {
    seen_despite("NOTIMP for EDNS", SOON, |_| vec![Fault::Code(ResponseCode::NotImp, To::Edns)]);
}

#[test]
fn formerr_for_edns() {
    seen_despite("FORMERR for EDNS", SOON, |_| vec![Fault::Code(ResponseCode::FormErr, To::Edns)]);
}

#[test]
fn formerr_for_edns_in_a_bare_header() {
    // It has no question, so it cannot be distinguished from a forged one: the question times out, as where EDNS is dropped.
    let faults = |_| vec![Fault::BareCode(ResponseCode::FormErr, To::Edns)];
    seen_despite("FORMERR without a question for EDNS", DROPPED, faults);
}

/// Where existence questions are lost, twice what may pass from a publication to the next question that gets through:
/// an existence question's time-out at this server, a question's and the probe's at a silent one before it.
const DROPPED: Duration = Duration::from_secs(2 * 3 * 3 / 2);

#[test]
fn unknown_types_are_dropped() {
    seen_despite("unknown types are dropped", DROPPED, |_| vec![Fault::Drop(To::UnknownTypes)]);
}

#[test]
fn edns_is_dropped() {
    seen_despite("EDNS is dropped", DROPPED, |_| vec![Fault::Drop(To::Edns)]);
}

#[test]
fn unknown_types_are_dropped_and_the_probe_was_too_early() {
    published_after_the_probe("unknown types are dropped, published after the probe", Fault::Drop(To::UnknownTypes));
}

#[test]
fn edns_is_dropped_and_the_probe_was_too_early() {
    published_after_the_probe("EDNS is dropped, published after the probe", Fault::Drop(To::Edns));
}

#[test]
fn unknown_types_are_denied_by_the_root() {
    unknown_types("unknown types are denied by the root", Fault::Denied(To::UnknownTypes, Denier::Root));
}

#[test]
fn unknown_types_are_refused_before_a_cache() {
    // Every question that gets through plants another denial, for as long as the cache keeps it. The last one ends
    // that long after the publication at most; address questions are then 6 s apart at most.
    let settings = DnsSettings { ttl: 5, ..DnsSettings::default() };
    let bound = Duration::from_secs(5 + 2 * 6);
    seen_despite_with(settings, "unknown types are refused, addresses are cached for 5 s", bound, |_| {
        vec![Fault::Code(ResponseCode::Refused, To::UnknownTypes)]
    });
}

#[test]
fn unknown_types_are_denied_by_the_cluster_itself() {
    // Found by the safety question, which comes with the first round after ten seconds.
    let bound = Duration::from_millis(2 * (10_000 + 600 + 1500));
    seen_within("unknown types are denied by the cluster itself", bound, |front| {
        let scene = Scene::start(front, |_| vec![Fault::Denied(To::UnknownTypes, Denier::Cluster)], &[]);
        let published = scene.publish();
        scene.seen_after(published)
    });
}

#[test]
fn a_lame_server_first() {
    for code in [ResponseCode::Refused, ResponseCode::ServFail, ResponseCode::NotImp, ResponseCode::NotAuth] {
        // The first error of several servers is not the answer: the good one takes longer.
        let faults = |_| vec![Fault::Delay(Duration::from_millis(200))];
        let scene = Scene::start(Front::Lame(code), faults, &[]);
        scene.wait_since_first_question(Duration::from_secs(1));
        let took = scene.seen_after(scene.publish());
        println!("fault: a lame server ({code}) first: seen after {:.2} s", took.as_secs_f64());
        assert!(took <= SOON, "{took:?}");
    }
}

/// Without a cache: what keeps denials of addresses as well leaves no question that gets through and is fresh.
#[track_caller]
fn unknown_types(what: &str, fault: Fault) {
    seen_despite_with(DnsSettings { cache: None, ..DnsSettings::default() }, what, SOON, |_| vec![fault]);
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

/// The worst moment: the question that gets through has just been answered.
#[track_caller]
fn published_after_the_probe(what: &str, fault: Fault) {
    seen_within(what, DROPPED, |front| {
        let scene = Scene::start(front, |_| vec![fault], &[]);
        scene.cluster.dns().wait_for_question_that(PATIENCE, "the probe", |asked| {
            asked.record_type == RecordType::A && !asked.dnssec_ok
        });
        let published = scene.publish();
        scene.seen_after(published)
    });
}
