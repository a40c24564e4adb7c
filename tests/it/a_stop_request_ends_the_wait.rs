//! TERM, INT and QUIT end the wait at once, with 128 and their number, and nothing is started.

use std::time::{Duration, Instant};

use crate::support::vm::BOOT;
use crate::support::{Cluster, DnsSettings, Ended};

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
    let cluster = Cluster::start(DnsSettings::default());
    cluster.dns().silence(true);
    let pod = cluster.pod("web-0").command(["echo", "started"]).start();
    cluster.dns().wait_for_question(BOOT);
    let sent = Instant::now();
    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(143));
    assert!(sent.elapsed() < Duration::from_secs(1), "{:?}", sent.elapsed());
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
