//! What is sent to us reaches the release: every signal to a command, to a VM only those that do not harm it.

use std::time::Duration;

use crate::support::vm::{BOOT, wait_for_node};
use crate::support::{Cluster, DnsSettings, Ended, RunningPod, demo_release};

const SOON: Duration = Duration::from_secs(10);

/// A shell that prints each signal as it comes, and ends on the line `end`.
fn listener(cluster: &Cluster, signals: &[&str]) -> RunningPod {
    let traps = signals.iter().map(|name| format!("trap 'echo got {name}' {name}")).collect::<Vec<_>>().join("; ");
    let script = format!("{traps}; echo ready; while :; do sleep 1000 & wait $!; done");
    let pod = cluster.pod("web-0").without_subdomain().command(["bash", "-c", &script]).start();
    pod.expect_line("ready", SOON);
    pod
}

#[test]
fn a_command_gets_each_signal() {
    let cluster = Cluster::start(DnsSettings::default());
    let names = [
        (1, "HUP"),
        (2, "INT"),
        (3, "QUIT"),
        (10, "USR1"),
        (12, "USR2"),
        (14, "ALRM"),
        (15, "TERM"),
        (28, "WINCH"),
        (40, "RTMIN+6"),
    ];
    let pod = listener(&cluster, &names.map(|(_, name)| name));
    for (number, name) in names {
        pod.signal(number);
        pod.expect_line(&format!("got {name}"), SOON);
    }
}

#[test]
fn a_stopped_command_is_continued_so_that_it_can_end() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod =
        cluster.pod("web-0").without_subdomain().command(["sh", "-c", "echo ready; kill -STOP $$; exit 7"]).start();
    pod.expect_line("ready", SOON);
    pod.signal(15);
    let ended = pod.wait(SOON);
    assert!(matches!(ended, Ended::Code(143 | 7)), "{ended:?}");
}

#[test]
fn a_vm_is_stopped_cleanly_by_int_and_hup_and_not_killed_by_usr2() {
    let cluster = Cluster::start(DnsSettings::default());
    for signal in [2, 1] {
        let pod = cluster.pod(&format!("demo-{signal}")).release(demo_release());
        cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
        let pod = pod.command(["bin/demo", "start"]).start();
        wait_for_node(&pod, "demo");
        pod.signal(12);
        pod.expect_line("signal USR2 dropped", SOON);
        pod.signal(signal);
        assert_eq!(pod.wait(BOOT), Ended::Code(0), "{:#?}", pod.log());
    }
}
