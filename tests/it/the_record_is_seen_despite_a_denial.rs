//! A cluster whose DNS keeps denials for 30 s, and a peer that has planted one: the release runs within seconds of the
//! record's publication, where a loop on the ordinary question waits for the denial to end.

use std::time::{Duration, Instant};

use crate::support::talk::{self, config_map};
use crate::support::vm::{BOOT, wait_for_node};
use crate::support::{Cluster, DnsSettings, PodFile, RunningPod};

const RUNS: usize = 5;
/// The longest from publication to the release's start: twice the 0.6 s between two questions.
const SOON: Duration = Duration::from_millis(1200);

#[test]
fn the_release_runs_soon_after_publication_and_a_plain_loop_does_not() {
    let config = config_map(talk::VM_ARGS);
    let cluster = Cluster::start(DnsSettings::default());
    let (looping, loop_name, loop_published) = plain_loop(&cluster);

    for run in 0..RUNS {
        let pod = talk::pod(&cluster, &format!("pairing-{run}"), config.path());
        let (fqdn, address) = (pod.fqdn(), pod.address());
        // The peer's denial of A stands for 30 s from now on.
        looping.exec(["getent", "ahostsv4", &format!("{fqdn}.")]);
        let pod = pod.start();
        cluster.dns().wait_for_question_that(BOOT, "the pod's", |asked| asked.from == address);
        cluster.dns().publish(&fqdn, &[address]);
        let published = Instant::now();
        let started = pod.expect_line("started mix release", BOOT).at.saturating_duration_since(published);
        wait_for_node(&pod, "astarte_pairing");
        let (start, up) = (started.as_secs_f64(), published.elapsed().as_secs_f64());
        println!("run {run}: started {start:.2} s after publication, the node is up after {up:.2} s");
        assert!(started <= SOON, "{started:?}");
    }

    let seen = looping.expect_line("seen", Duration::from_secs(60));
    let took = seen.at - loop_published;
    println!("plain loop on {loop_name}: {:.2} s after publication", took.as_secs_f64());
    assert!(took > Duration::from_secs(20), "{took:?}");
}

/// A pod that asks for its own A record every second, as entrypoints in shell do, and whose record comes soon after its
/// first question.
fn plain_loop(cluster: &Cluster) -> (RunningPod, String, Instant) {
    // Its own line in the hosts file would answer for DNS.
    let pod = cluster.pod("loop-0").hosts(PodFile::Custom("127.0.0.1 localhost\n".into())).no_entrypoint();
    let (fqdn, address) = (pod.fqdn(), pod.address());
    let script = format!("until getent ahostsv4 {fqdn}. >/dev/null; do sleep 1; done; echo seen; sleep 1000");
    let pod = pod.command(["sh", "-c", &script]).start();
    cluster.dns().wait_for_question_that(BOOT, "the pod's", |asked| asked.from == address);
    cluster.dns().publish(&fqdn, &[address]);
    (pod, fqdn, Instant::now())
}
