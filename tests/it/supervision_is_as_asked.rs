//! What `BEAMINIT_SIGNALS`, `_SIGNAL_TARGET`, `_SUCCESS_CODES` and `_STOP_TIMEOUT` change, and what stays behind.

use std::time::{Duration, Instant};

use crate::support::{Cluster, DnsSettings, Ended, Pod, wait_until};

const SOON: Duration = Duration::from_secs(10);

fn shell(pod: Pod, script: &str) -> Pod {
    pod.without_subdomain().command(["bash", "-c", script])
}

#[test]
fn signals_are_rewritten_and_dropped() {
    let cluster = Cluster::start(DnsSettings::default());
    let script = "trap 'echo got TERM' TERM; trap 'echo got INT' INT; trap 'echo got USR2' USR2; echo ready; \
                  while :; do sleep 1000 & wait $!; done";
    let pod = shell(cluster.pod("web-0").env("BEAMINIT_SIGNALS", "USR1=TERM,INT=,RTMIN+6=USR2"), script).start();
    pod.expect_line("ready", SOON);
    for signal in [2, 10] {
        pod.signal(signal);
    }
    pod.expect_line("got TERM", SOON);
    pod.signal(40);
    pod.expect_line("got USR2", SOON);
    assert!(!pod.stdout().contains("got INT"), "{}", pod.stdout());
}

#[test]
fn what_becomes_term_ends_the_wait() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").env("BEAMINIT_SIGNALS", "PWR=TERM").command(["echo", "started"]).start();
    cluster.dns().wait_for_question(SOON);
    pod.signal(30);
    assert_eq!(pod.wait(SOON), Ended::Code(128 + 30));
    assert_eq!(pod.stdout(), "");
}

#[test]
fn the_whole_group_gets_them_if_that_is_asked() {
    let cluster = Cluster::start(DnsSettings::default());
    let script = "trap 'echo parent got it' USR1; (trap 'echo child got it' USR1; echo ready; sleep 1000 & wait) & \
                  while :; do wait; done";
    for (target, both) in [("group", true), ("main", false)] {
        let pod = shell(cluster.pod("web-0").env("BEAMINIT_SIGNAL_TARGET", target), script).start();
        pod.expect_line("ready", SOON);
        pod.signal(10);
        pod.expect_line("parent got it", SOON);
        if both {
            pod.expect_line("child got it", SOON);
        }
        // A second signal, seen by the parent again, shows that the first has had its time.
        pod.signal(10);
        wait_until(SOON, "the second", || pod.stdout().matches("parent got it").count() == 2);
        assert_eq!(pod.stdout().contains("child got it"), both, "{target}: {}", pod.stdout());
    }
}

#[test]
fn a_code_may_count_as_success() {
    let cluster = Cluster::start(DnsSettings::default());
    for (script, ended) in [("exit 143", 0), ("kill -TERM $$", 0), ("exit 3", 0), ("exit 4", 4)] {
        let pod = shell(cluster.pod("web-0").env("BEAMINIT_SUCCESS_CODES", "143,3"), script).start();
        assert_eq!(pod.wait(SOON), Ended::Code(ended), "{script}");
    }
}

#[test]
fn a_release_that_does_not_stop_is_killed_in_time() {
    let cluster = Cluster::start(DnsSettings::default());
    let script = "trap '' TERM; echo ready; while :; do sleep 1000; done";
    let pod = shell(cluster.pod("web-0").env("BEAMINIT_STOP_TIMEOUT", "1s"), script).start();
    pod.expect_line("ready", SOON);
    let sent = Instant::now();
    pod.signal(15);
    assert_eq!(pod.wait(SOON), Ended::Code(137));
    assert!((Duration::from_secs(1)..Duration::from_secs(3)).contains(&sent.elapsed()), "{:?}", sent.elapsed());
    pod.expect_line("did not stop within BEAMINIT_STOP_TIMEOUT", SOON);
}

#[test]
fn nothing_stays_behind_where_it_is_not_pid_1() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").without_subdomain().entrypoint([
        "sh",
        "-c",
        "beaminit \"$@\"; echo over; exec sleep 1000",
        "sh",
    ]);
    // One that ends on TERM, one that does not as soon as it says so, each in a separate session, and a grandchild.
    let script = "setsid sleep 2001 & setsid sh -c \"trap '' TERM; echo >/tmp/deaf; while :; do sleep 2002; done\" & \
                  until [ -e /tmp/deaf ]; do sleep 0.01; done; exit 5";
    let pod = pod.env("BEAMINIT_LOG", "debug").command(["sh", "-c", script]).start();
    pod.expect_line("ended with code 5", SOON);
    for signal in ["TERM", "KILL"] {
        wait_until(SOON, signal, || {
            let is_it = |line: &str| line.contains("ending leftover process ") && line.ends_with(signal);
            pod.log().iter().any(|line| is_it(&line.text))
        });
    }
    pod.expect_line("over", SOON);
    wait_until(SOON, "nobody but the shell, which sleeps", || {
        pod.processes().iter().all(|process| process.cmdline == ["sleep", "1000"])
    });
}

#[test]
fn the_working_directory_is_the_releases_and_not_ours() {
    let cluster = Cluster::start(DnsSettings::default());
    let dir = crate::support::scratch_dir();
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let pod = shell(cluster.pod("web-0").release(dir.path()), "pwd; echo ready; exec sleep 1000").start();
    pod.expect_line("ready", SOON);
    assert!(pod.stdout().starts_with("/app\n"), "{}", pod.stdout());
    let ours = pod.exec(["readlink", "/proc/1/cwd"]);
    assert_eq!(String::from_utf8_lossy(&ours.stdout), "/\n");
}
