//! A resolv.conf that resolvers stumble over is as good as any other, as long as it names the server.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::scene::{PATIENCE, SOON};
use crate::support::vm::BOOT;
use crate::support::{Cluster, DnsSettings, Ended, PodFile};

#[test]
fn the_record_is_seen_all_the_same() {
    let long_label = format!("search {}.example.com\nnameserver 10.96.0.10\n", "a".repeat(70));
    let rows = [
        ("no time for an answer", "nameserver 10.96.0.10\noptions timeout:0 attempts:0\n"),
        ("a label of 70 characters", &long_label),
        ("lines end as on Windows", "search x.y\r\nnameserver 10.96.0.10\r\noptions ndots:5\r\n"),
        ("comments and tabs", "# one\n; two\nnameserver\t10.96.0.10 # three\n\n"),
        ("bad options", "nameserver 10.96.0.10\noptions ndots:x rotate what:ever\nsortlist 1\n"),
        ("bad server", "nameserver ten\nnameserver 10.96.0.10\n"),
        ("a zone that is not there", "nameserver fe80::1%nothing0\nnameserver 10.96.0.10\n"),
    ];
    thread::scope(|scope| {
        for (what, text) in rows {
            scope.spawn(move || seen_with(what, text));
        }
    });
}

fn seen_with(what: &str, resolv_conf: &str) {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").resolv_conf(PodFile::Custom(resolv_conf.to_owned())).command(["echo", "started"]);
    let (fqdn, address) = (pod.fqdn(), pod.address());
    let pod = pod.start();
    let first = cluster.dns().wait_for_question(BOOT).at;
    let later = first + Duration::from_millis(300);
    cluster.dns().wait_for_question_that(BOOT, "the second", |asked| asked.at > later);
    let published = Instant::now();
    cluster.dns().publish(&fqdn, &[address]);
    assert_eq!(pod.wait(PATIENCE), Ended::Code(0), "{what}");
    let took = pod.expect_line("started", BOOT).at - published;
    assert!(took <= SOON, "{what}: {took:?}");
}
