//! PID 1 for as long as a pod lives: probes, orphans and signals leave nothing behind.

use std::fs;
use std::io::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use super::support::talk::{self, config_map};
use super::support::vm::{BOOT, wait_for_node};
use super::support::{Cluster, DnsSettings, Ended, RunningPod, wait_until};

/// WINCH, URG, CONT reach the VM and do nothing; USR2 and ALRM are dropped.
const SIGNALS: [i32; 5] = [28, 23, 18, 12, 14];

#[test]
fn a_long_life_leaves_nothing_behind() {
    let seconds = std::env::var("LIFE_SECONDS").map_or(15, |text| text.parse().expect("LIFE_SECONDS"));
    let cluster = Cluster::start(DnsSettings::default());
    let config = config_map(talk::VM_ARGS);
    let pod = talk::pod(&cluster, "pairing-0", config.path());
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let pod = pod.start();
    wait_for_node(&pod, "astarte_pairing");
    // What the first of a kind needs, such as a page of a buffer, it needs once.
    let lived = |pod: &RunningPod, second: u64| {
        probe(pod);
        orphans(pod, 6);
        pod.signal(SIGNALS[usize::try_from(second).unwrap() % SIGNALS.len()]);
    };
    (0..5).for_each(|second| lived(&pod, second));
    wait_until(BOOT, "no orphan is left", || orphans_left(&pod) == 0);
    let before = Cost::of(&pod);
    let start = Instant::now();
    for second in 0..seconds {
        lived(&pod, second);
        thread::sleep((start + Duration::from_secs(second + 1)).saturating_duration_since(Instant::now()));
    }
    wait_until(BOOT, "no orphan is left", || orphans_left(&pod) == 0);
    let after = Cost::of(&pod);
    writeln!(std::io::stdout().lock(), "a life of {seconds} s: {before:?}, then {after:?}").unwrap();
    assert_eq!(after.descriptors, before.descriptors);
    assert!(after.anonymous_kib <= before.anonymous_kib + 16, "{before:?}, then {after:?}");
    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
}

/// As a `livenessProbe` with `exec` does each second.
fn probe(pod: &RunningPod) {
    let output = pod.exec(["beaminit", "exec", "true"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn orphans(pod: &RunningPod, number: u32) {
    let script = format!("i=0; while [ $i -lt {number} ]; do (sleep 0.01 &); i=$((i+1)); done");
    assert!(pod.exec(["sh", "-c", &script]).status.success());
}

fn orphans_left(pod: &RunningPod) -> usize {
    pod.processes().iter().filter(|process| process.ppid == pod.pid() && process.comm == "sleep").count()
}

/// What PID 1 holds.
#[derive(Debug)]
struct Cost {
    descriptors: usize,
    /// Memory that belongs to no file: pages of a program that was just linked count as its own and dirty until they are on disk.
    anonymous_kib: u64,
}

impl Cost {
    fn of(pod: &RunningPod) -> Self {
        let descriptors = fs::read_dir(format!("/proc/{}/fd", pod.pid())).unwrap().count();
        let memory = fs::read_to_string(format!("/proc/{}/smaps_rollup", pod.pid())).unwrap();
        let line = memory.lines().find_map(|line| line.strip_prefix("Anonymous:")).unwrap();
        Self { descriptors, anonymous_kib: line.trim().trim_end_matches(" kB").parse().unwrap() }
    }
}
