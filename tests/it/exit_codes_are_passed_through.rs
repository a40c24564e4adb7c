//! We end as the release ends, and say by the shells' codes if it could not start.

use std::time::Duration;

use crate::support::{AsPid, Cluster, DnsSettings, Ended, Pod, scratch_dir};

const SOON: Duration = Duration::from_secs(10);

fn ends(pod: Pod, command: &[&str]) -> Ended {
    // No name in DNS: nothing to wait for.
    pod.without_subdomain().command(command).start().wait(SOON)
}

#[test]
fn codes_come_out_as_they_are() {
    let cluster = Cluster::start(DnsSettings::default());
    for as_pid in [AsPid::One, AsPid::NotOne] {
        for code in [0, 1, 7, 255] {
            let ended = ends(cluster.pod("web-0").runs_as(as_pid), &["sh", "-c", &format!("exit {code}")]);
            assert_eq!(ended, Ended::Code(code), "{as_pid:?}");
        }
    }
}

#[test]
fn death_by_a_signal_is_128_and_its_number() {
    let cluster = Cluster::start(DnsSettings::default());
    for as_pid in [AsPid::One, AsPid::NotOne] {
        for signal in [9, 15, 11, 40] {
            let ended = ends(cluster.pod("web-0").runs_as(as_pid), &["sh", "-c", &format!("kill -{signal} $$")]);
            assert_eq!(ended, Ended::Code(128 + signal), "{as_pid:?}");
        }
    }
}

#[test]
fn a_program_that_is_not_there_is_127() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").without_subdomain().command(["bin/nothing"]).start();
    assert_eq!(pod.wait(SOON), Ended::Code(127));
    pod.expect_line("beaminit: supervise: cannot start bin/nothing: no such file or directory", SOON);
    pod.expect_line("hint: ", SOON);
    assert!(pod.termination_log().contains("cannot start bin/nothing"), "for kubectl describe pod");
}

#[test]
fn a_program_that_cannot_be_executed_is_126() {
    let cluster = Cluster::start(DnsSettings::default());
    for command in ["/etc/hosts", "/etc"] {
        assert_eq!(ends(cluster.pod("web-0"), &[command]), Ended::Code(126), "{command}");
    }
}

#[test]
fn a_script_without_its_first_line_runs_as_under_a_shell() {
    let cluster = Cluster::start(DnsSettings::default());
    let dir = scratch_dir();
    std::fs::write(dir.path().join("script"), "exit 9\n").unwrap();
    for path in [dir.path().to_owned(), dir.path().join("script")] {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    assert_eq!(ends(cluster.pod("web-0").mount(dir.path(), "/scripts"), &["/scripts/script"]), Ended::Code(9));
}

#[test]
fn wrong_usage_is_64() {
    let cluster = Cluster::start(DnsSettings::default());
    assert_eq!(ends(cluster.pod("web-0"), &[]), Ended::Code(64));
    assert_eq!(ends(cluster.pod("web-0"), &["--frobnicate"]), Ended::Code(64));
    assert_eq!(ends(cluster.pod("web-0"), &["--version"]), Ended::Code(0));
}
