//! The release gets what we were given, and nothing of ours: no blocked or ignored signal, no descriptor, its own group.

use std::time::Duration;

use crate::support::vm::{BOOT, wait_for_node};
use crate::support::{Cluster, DnsSettings, Ended, Pod, demo_release};

const SOON: Duration = Duration::from_secs(10);

fn output(pod: Pod, script: &str) -> String {
    let pod = pod.without_subdomain().command(["sh", "-c", script]).start();
    assert_eq!(pod.wait(SOON), Ended::Code(0));
    pod.stdout()
}

#[test]
fn no_signal_is_blocked_and_sigpipe_is_not_ignored() {
    let cluster = Cluster::start(DnsSettings::default());
    let masks = output(cluster.pod("web-0"), "grep -E '^(SigBlk|SigIgn):' /proc/self/status");
    let mask = |name: &str| {
        let line = masks.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    assert_eq!(mask("SigBlk:"), 0, "{masks}");
    // glibc's posix_spawn ignores its own signals 32 and 33 in the child; nobody else uses them.
    assert_eq!(mask("SigIgn:") & !(0b11 << 31), 0, "{masks}");
}

#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    let cluster = Cluster::start(DnsSettings::default());
    let nohup = ["sh", "-c", "trap '' HUP USR2; exec beaminit \"$@\"", "nohup"];
    let masks = output(cluster.pod("web-0").entrypoint(nohup), "grep ^SigIgn: /proc/self/status");
    let ignored = u64::from_str_radix(masks.trim_start_matches("SigIgn:").trim(), 16).unwrap();
    assert_eq!(ignored & (1 | 1 << 11), 1 | 1 << 11, "{masks}");
}

#[test]
fn exit_codes_and_stops_work_though_their_signals_were_ignored() {
    let cluster = Cluster::start(DnsSettings::default());
    let nohup = ["sh", "-c", "trap '' CHLD TERM INT QUIT; exec beaminit \"$@\"", "nohup"];
    let pod = || cluster.pod("web-0").without_subdomain().entrypoint(nohup);
    assert_eq!(pod().command(["sh", "-c", "exit 7"]).start().wait(SOON), Ended::Code(7));
    let pod = pod().command(["sh", "-c", "echo ready; exec sleep 1000"]).start();
    pod.expect_line("ready", SOON);
    pod.signal(15);
    assert_eq!(pod.wait(SOON), Ended::Code(143));
}

#[test]
fn no_descriptor_of_ours_is_open() {
    let cluster = Cluster::start(DnsSettings::default());
    // 0, 1, 2, and the one through which ls itself reads.
    assert_eq!(output(cluster.pod("web-0"), "exec ls /proc/self/fd").split_whitespace().count(), 4);
}

#[test]
fn it_leads_its_own_process_group() {
    let cluster = Cluster::start(DnsSettings::default());
    let groups = output(cluster.pod("web-0"), "echo $$ $(cut -d' ' -f5 /proc/$$/stat)");
    let (pid, group) = groups.trim().split_once(' ').unwrap();
    assert_eq!(pid, group);
}

#[test]
fn a_vm_can_be_stopped_though_its_signals_were_blocked() {
    let cluster = Cluster::start(DnsSettings::default());
    let block = "use POSIX; sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM, SIGUSR1, SIGCHLD)); exec @ARGV";
    let pod = cluster.pod("demo-0").release(demo_release()).entrypoint(["perl", "-e", block, "beaminit"]);
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let pod = pod.command(["bin/demo", "start"]).start();
    wait_for_node(&pod, "demo");
    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(0), "{:#?}", pod.log());
}
