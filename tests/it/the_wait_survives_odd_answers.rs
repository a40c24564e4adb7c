//! Answers that are right and unusual, or wrong in the way of some servers: the record is seen soon all the same, and
//! nothing else is taken for it.
//!
//! Bounds are three seconds, or twice what the pace of the questions makes the longest, where that is more.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use crate::support::scene::{Front, PATIENCE, SOON, Scene, seen_despite, seen_within, the_error_says};
use crate::support::{Denier, Ended, Fault, To, Transport};

const FOREIGN: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));

#[test]
fn an_answer_with_64_records() {
    seen_within("64 records", SOON, |front| {
        let scene = Scene::start(front, |_| Vec::new(), &[]);
        let published = publish_64(&scene);
        scene.seen_after(published)
    });
}

#[test]
fn an_answer_with_64_records_where_no_datagram_is_longer_than_512_bytes() {
    seen_within("64 records, no datagram above 512 bytes", SOON, |front| {
        let scene = Scene::start(front, |_| vec![Fault::SmallPackets], &[]);
        let published = publish_64(&scene);
        let took = scene.seen_after(published);
        assert!(scene.cluster.dns().questions().iter().any(|asked| asked.transport == Transport::Tcp));
        took
    });
}

#[test]
fn an_alias() {
    seen_despite("the name is an alias", SOON, |_| vec![Fault::Alias]);
}

#[test]
fn no_time_to_live() {
    seen_despite("TTL 0", SOON, |_| vec![Fault::NoTimeToLive]);
}

#[test]
fn a_name_in_capitals() {
    seen_despite("the name comes back in capitals", SOON, |_| vec![Fault::Capitals]);
}

#[test]
fn a_server_like_dockers() {
    seen_despite("as Docker's server", SOON, |_| vec![Fault::LikeDocker]);
}

#[test]
fn a_wildcard_until_the_record_is_there() {
    seen_despite("a wildcard with a foreign address", SOON, |_| vec![Fault::Wildcard(FOREIGN)]);
}

#[test]
fn a_foreign_address_without_end_is_reported() {
    let scene = Scene::start(Front::Nothing, |_| vec![Fault::Wildcard(FOREIGN)], &[("BEAMINIT_WAIT_TIMEOUT", "3s")]);
    assert_eq!(scene.pod.wait(PATIENCE), Ended::Code(69));
    assert!(scene.pod.termination_log().contains("203.0.113.1"));
    assert_eq!(scene.pod.stdout(), "");
}

#[test]
fn a_record_that_comes_and_goes() {
    seen_despite("every other question finds the name gone", SOON, |_| vec![Fault::Flapping]);
}

#[test]
fn a_denial_without_end_is_reported() {
    the_error_says(&[Fault::Denied(To::All, Denier::Cluster)], &["there is no namespace", "NXDOMAIN"]);
    the_error_says(&[Fault::Denied(To::All, Denier::Root)], &["NXDOMAIN", "CLUSTER_DOMAIN"]);
}

/// The pod's own address is the last of 64.
fn publish_64(scene: &Scene) -> Instant {
    scene.wait_since_first_question(Duration::from_secs(1));
    let others = (1..64).map(|host| Ipv4Addr::new(10, 99, 0, host).into());
    let addresses: Vec<IpAddr> = others.chain([scene.address]).collect();
    scene.cluster.dns().publish(&scene.fqdn, &addresses);
    Instant::now()
}
