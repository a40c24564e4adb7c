//! A TERM ends the pod, whenever it comes: while we start, while we wait, while the VM boots and drops signals, after.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::talk::{self, config_map};
use crate::support::{Cluster, DnsSettings, Ended};

const MOMENTS: u32 = 50;
/// From the first moment that counts to well after the boot.
const FIRST: Duration = Duration::from_millis(5);
const LAST: Duration = Duration::from_millis(2500);

#[test]
fn at_fifty_moments_of_a_start() {
    let config = config_map(talk::VM_ARGS);
    let cluster = Cluster::start(DnsSettings::default());
    // Spread evenly, each somewhere in its own slice: a random moment, and none of the start is left out.
    let mut random = fastrand::Rng::new();
    let moments: Vec<_> = (0..MOMENTS)
        .map(|n| FIRST + LAST.saturating_sub(FIRST).mul_f64((f64::from(n) + random.f64()) / f64::from(MOMENTS)))
        .collect();
    let left = Mutex::new(moments.into_iter().enumerate());
    let next = || left.lock().unwrap().next();
    let (cluster, config) = (&cluster, config.path());
    let ends: Mutex<Vec<(Duration, Ended, Duration)>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some((number, moment)) = next() {
                    let (ended, took) = term_after(cluster, config, number, moment);
                    ends.lock().unwrap().push((moment, ended, took));
                }
            });
        }
    });
    let ends = ends.into_inner().unwrap();
    let count = |code| ends.iter().filter(|(_, ended, _)| *ended == Ended::Code(code)).count();
    println!(
        "{} times code 0, {} times 143 of {MOMENTS}; slowest {:?}",
        count(0),
        count(143),
        ends.iter().map(|end| end.2).max()
    );
    assert_eq!(count(0) + count(143), MOMENTS as usize, "{ends:?}");
    assert!(count(0) > 0 && count(143) > 0, "both before and after the boot: {ends:?}");
}

/// Starts a pod whose record comes after half a second, sends TERM `moment` after the exec, and returns how it ended.
fn term_after(cluster: &Cluster, config: &std::path::Path, number: usize, moment: Duration) -> (Ended, Duration) {
    let pod = talk::pod(cluster, &format!("pairing-{number}"), config);
    let (fqdn, address) = (pod.fqdn(), pod.address());
    let pod = pod.start();
    let started = Instant::now();
    let publish = started + Duration::from_millis(500);
    let term = started + moment;
    for (at, what) in
        if publish < term { [(publish, "publish"), (term, "term")] } else { [(term, "term"), (publish, "publish")] }
    {
        thread::sleep(at.saturating_duration_since(Instant::now()));
        if what == "publish" {
            cluster.dns().publish(&fqdn, &[address]);
        } else {
            pod.signal(15);
        }
    }
    // A lost TERM would leave the release running for ever; a late one is sent again each second.
    let ended = pod.wait(Duration::from_secs(30));
    assert!(pod.processes().iter().all(|process| process.state == 'Z'), "{:?}", pod.processes());
    (ended, started.elapsed().saturating_sub(moment))
}
