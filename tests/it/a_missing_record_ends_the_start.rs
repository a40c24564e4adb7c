//! A record that does not come in time ends the start with 69, or lets it go on, as asked.

use std::time::{Duration, Instant};

use crate::support::vm::BOOT;
use crate::support::{Cluster, DnsSettings, Ended, PodFile};

#[test]
fn with_69_and_what_was_asked() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").env("BEAMINIT_WAIT_TIMEOUT", "2s").command(["echo", "started"]).start();
    let started = Instant::now();
    assert_eq!(pod.wait(BOOT), Ended::Code(69));
    assert!(
        started.elapsed() >= Duration::from_secs(2) && started.elapsed() < Duration::from_secs(4),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(pod.stdout(), "");
    pod.expect_line("beaminit: wait: web-0.web.default.svc.cluster.local", BOOT);
    pod.expect_line("NXDOMAIN", BOOT);
    pod.expect_line("hint: ", BOOT);
    assert!(pod.termination_log().contains("NXDOMAIN"));
}

#[test]
fn or_with_the_release_if_that_is_wanted() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").env("BEAMINIT_WAIT_TIMEOUT", "1s").env("BEAMINIT_WAIT_FAILURE", "start");
    let pod = pod.command(["echo", "started"]).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
    assert_eq!(pod.stdout().trim(), "started");
}

#[test]
fn without_a_limit_there_is_no_deadline() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").env("BEAMINIT_WAIT_TIMEOUT", "0").command(["echo", "started"]);
    let (fqdn, address) = (pod.fqdn(), pod.address());
    let pod = pod.start();
    cluster.dns().wait_for_question(BOOT);
    let line = pod.expect_line("beaminit: wait: waiting until ", BOOT).text;
    assert!(!line.contains("at most"), "{line}");
    cluster.dns().publish(&fqdn, &[address]);
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
}

#[test]
fn no_wait_at_all_where_it_is_off_or_there_is_nothing_to_wait_for() {
    let cluster = Cluster::start(DnsSettings::default());
    let off = cluster.pod("web-0").env("BEAMINIT_WAIT", "off");
    let unnamed = cluster.pod("web-7d9f").without_subdomain();
    for pod in [off, unnamed] {
        let pod = pod.command(["echo", "started"]).start();
        assert_eq!(pod.wait(BOOT), Ended::Code(0));
        pod.expect_line("not waiting: ", BOOT);
    }
    assert!(cluster.dns().questions().is_empty());
}

#[test]
fn a_wait_that_is_demanded_but_impossible_is_78() {
    let cluster = Cluster::start(DnsSettings::default());
    let unnamed = cluster.pod("web-7d9f").without_subdomain().env("BEAMINIT_WAIT", "always");
    let no_server = cluster.pod("web-0").resolv_conf(PodFile::Custom("search x\n".into()));
    for pod in [unnamed, no_server] {
        let pod = pod.command(["echo", "started"]).start();
        assert_eq!(pod.wait(BOOT), Ended::Code(78));
        assert_eq!(pod.stdout(), "");
    }
}
