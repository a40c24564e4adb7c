//! A process whose parent is gone becomes our child, and does not stay behind as a zombie.

use std::time::Duration;

use crate::support::{AsPid, Cluster, DnsSettings, wait_until};

const ORPHANS: usize = 1000;
const SOON: Duration = Duration::from_secs(60);

#[test]
fn as_pid_1() {
    reaps_a_thousand(AsPid::One);
}

#[test]
fn as_a_subreaper() {
    reaps_a_thousand(AsPid::NotOne);
}

/// A probe that is run during the wait leaves its children to us, long before there is a release.
#[test]
fn in_the_wait_too() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").env("BEAMINIT_LOG", "debug").command(["sleep", "1000"]).start();
    cluster.dns().wait_for_question(SOON);
    let script = "i=0; while [ $i -lt 50 ]; do (sleep 0.01 &); i=$((i+1)); done";
    assert!(pod.exec(["sh", "-c", script]).status.success());
    wait_until(SOON, "every orphan reaped", || {
        pod.log().iter().filter(|line| line.text.contains("reaped orphan")).count() == 50
    });
    assert!(pod.processes().iter().all(|process| process.state != 'Z'), "{:?}", pod.processes());
}

/// As a stop by the terminal it would be undone, if it were the release's.
#[test]
fn one_that_is_stopped_or_continued_or_ends_says_nothing_of_the_release() {
    let cluster = Cluster::start(DnsSettings::default());
    let script = "trap 'echo release continued' CONT; trap 'echo release signalled' USR1; \
                  echo orphan $(sleep 1000 >/dev/null & echo $!); while :; do sleep 1000 & wait $!; done";
    let pod = cluster.pod("web-0").without_subdomain().env("BEAMINIT_LOG", "debug").command(["bash", "-c", script]);
    let pod = pod.start();
    let line = pod.expect_line("orphan ", SOON).text;
    let orphan = line.strip_prefix("orphan ").unwrap();
    let mut signalled = 0;
    for signal in ["TSTP", "CONT", "KILL"] {
        assert!(pod.exec(["bash", "-c", &format!("kill -{signal} {orphan}")]).status.success());
        // Twice: what had come when the first one was forwarded has been looked at when the second one is.
        for _ in 0..2 {
            pod.signal(10);
            signalled += 1;
            wait_until(SOON, "a signal", || pod.stdout().matches("release signalled").count() == signalled);
        }
    }
    pod.expect_line(&format!("reaped orphan {orphan}"), SOON);
    assert!(pod.ended().is_none() && !pod.stdout().contains("release continued"), "{}", pod.stdout());
}

fn reaps_a_thousand(as_pid: AsPid) {
    let cluster = Cluster::start(DnsSettings::default());
    // The inner shell ends before its child does, so the child's parent is gone when it ends.
    let script =
        format!("i=0; while [ $i -lt {ORPHANS} ]; do (sleep 0.01 &); i=$((i+1)); done; echo done; exec sleep 1000");
    let pod = cluster.pod("web-0").without_subdomain().runs_as(as_pid).env("BEAMINIT_LOG", "debug");
    let pod = pod.command(["sh", "-c", &script]).start();
    pod.expect_line("done", SOON);
    wait_until(SOON, "every orphan reaped", || {
        pod.log().iter().filter(|line| line.text.contains("reaped orphan")).count() == ORPHANS
    });
    let defunct: Vec<_> = pod.processes().into_iter().filter(|process| process.state == 'Z').collect();
    assert!(defunct.is_empty(), "{defunct:?}");
}
