//! `make demo`: a real release in one pod-like sandbox, told as it happens. Fails if it did not happen.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a demo tells its story on stdout and ends with a panic if it is not true"
)]

#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the demo needs less than the tests")]
mod support;

use std::time::{Duration, Instant};

use support::talk::{self, config_map};
use support::vm::{BOOT, rpc, wait_for_node};
use support::{Cluster, DnsSettings, Ended, wait_until};

/// The record comes this long after the pod, as it does when a control plane is busy.
const PUBLISHED_AFTER: Duration = Duration::from_secs(3);

fn main() {
    println!("building the release: mix release");
    support::demo_release();
    let config = config_map(talk::VM_ARGS);
    let cluster = Cluster::start(DnsSettings::default());
    let pod = talk::pod(&cluster, "pairing-0", config.path());
    let (fqdn, address) = (pod.fqdn(), pod.address());

    println!("a pod starts: PID 1, user 54321, read-only root; its DNS keeps denials for 30 s");
    let started = Instant::now();
    let pod = pod.start();
    let mut told = 0;
    let mut tell = || {
        let log = pod.log();
        for line in log.iter().skip(told).filter(|line| !line.text.is_empty()) {
            println!("{:7.2} s  {}", (line.at.saturating_duration_since(started)).as_secs_f64(), line.text);
        }
        told = log.len();
    };
    wait_until(BOOT, "the time of publication", || {
        tell();
        started.elapsed() >= PUBLISHED_AFTER
    });
    cluster.dns().publish(&fqdn, &[address]);
    println!("{:7.2} s  -- the record is published: {fqdn} is {address}", started.elapsed().as_secs_f64());

    wait_for_node(&pod, "astarte_pairing");
    let node = rpc(&pod, "IO.puts(node())");
    tell();
    println!("{:7.2} s  -- the VM says that it is {node}", started.elapsed().as_secs_f64());
    assert_eq!(node, format!("astarte_pairing@{fqdn}"));

    println!("{:7.2} s  -- TERM, as the kubelet sends it", started.elapsed().as_secs_f64());
    pod.signal(15);
    let ended = pod.wait(BOOT);
    tell();
    assert_eq!(ended, Ended::Code(0));
    println!("{:7.2} s  -- exit code 0", started.elapsed().as_secs_f64());
}
