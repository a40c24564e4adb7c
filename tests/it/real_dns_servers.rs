//! The wait against real name servers: `BIND` as the zone's authority, and dnsmasq, unbound, a `BIND` that forwards, or
//! nothing before it. Beside each pod that waits with beaminit is one that asks for its A record every second.

use std::thread;
use std::time::{Duration, Instant};

use hickory_resolver::proto::op::ResponseCode;

use crate::support::real_dns::{Chain, DENIAL, Forwarder};
use crate::support::vm::BOOT;
use crate::support::{Cluster, DnsSettings, Ended, Pod, PodFile, RunningPod, wait_until};

/// When the records come, in seconds after the pods' start: one run each.
const PUBLISHED: [f64; 5] = [0.4, 1.1, 2.3, 4.4, 7.7];
/// The longest from publication to sight where no denial is in the way: twice the 0.6 s between two questions.
const SOON: Duration = Duration::from_millis(1200);
/// Caches count whole seconds.
const WHOLE_SECOND: Duration = Duration::from_secs(1);
/// Twice the longest pause between two rounds of questions while a denial is waited out.
const PAUSE: Duration = Duration::from_millis(2 * 2400);
const PATIENCE: Duration = Duration::from_secs(90);

/// One pod, and the loop beside it. All times from their publication on.
struct Run {
    published_at: f64,
    planted: bool,
    seen: Duration,
    loop_seen: Duration,
    /// What a peer gets that asks for the first time as soon as the pod has seen its record.
    peers: ResponseCode,
    /// To the end of a denial that was planted before the pods' start, or by the pod's first question.
    denial_ends: Duration,
    log: String,
}

#[test]
fn a_record_is_seen_soon_behind_each_of_them() {
    let chains = [None, Some(Forwarder::Dnsmasq), Some(Forwarder::Unbound), Some(Forwarder::Bind)];
    let all: Vec<Vec<Run>> = thread::scope(|scope| {
        let threads = chains.map(|forwarder| scope.spawn(move || runs(forwarder)));
        threads.into_iter().map(|thread| thread.join().expect("the chain above")).collect()
    });
    for (forwarder, runs) in chains.into_iter().zip(&all) {
        print(forwarder, runs);
    }
    for (forwarder, runs) in chains.into_iter().zip(&all) {
        for run in runs {
            check(forwarder, run);
        }
    }
}

fn check(forwarder: Option<Forwarder>, run: &Run) {
    let outlasted = run.denial_ends + WHOLE_SECOND + PAUSE;
    let bound = match forwarder {
        None | Some(Forwarder::Dnsmasq) => SOON,
        Some(Forwarder::Unbound) if !run.planted => SOON,
        // Nothing passes by its denial of A; that it is waited for is said.
        Some(Forwarder::Unbound) => {
            assert!(run.log.contains("a cache still denies its address"), "{}", run.log);
            outlasted
        }
        // Its denial is of the whole name, so the first question of all is what must be outlasted.
        Some(Forwarder::Bind) => outlasted,
    };
    if !run.planted && !matches!(forwarder, Some(Forwarder::Bind)) {
        assert_eq!(run.peers, ResponseCode::NoError, "{forwarder:?}: our questions blind the peers");
    }
    assert!(run.seen <= bound, "{forwarder:?}: {:?} and not {bound:?}: {}", run.seen, run.log);
}

fn print(forwarder: Option<Forwarder>, runs: &[Run]) {
    for Run { published_at, planted, seen, loop_seen, .. } in runs {
        let name = forwarder.map_or("no cache".into(), |forwarder| format!("{forwarder:?}"));
        let planted = if *planted { ", denial planted" } else { "" };
        let (seen, loop_seen) = (seen.as_secs_f64(), loop_seen.as_secs_f64());
        println!(
            "real: {name}{planted}, published at {published_at:.1} s: \
             seen {seen:.2} s later, by the loop {loop_seen:.2} s later"
        );
    }
}

/// All runs at once, with and without a denial of A that a peer has planted.
fn runs(forwarder: Option<Forwarder>) -> Vec<Run> {
    let chain = Chain::start(Cluster::start(DnsSettings::default()), forwarder);
    let chain = &chain;
    thread::scope(|scope| {
        let each = |planted| (0..PUBLISHED.len()).map(move |number| (planted, number));
        let threads: Vec<_> = [false, true]
            .into_iter()
            .flat_map(each)
            .map(|(planted, number)| scope.spawn(move || run(chain, planted, number)))
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("the run above")).collect()
    })
}

fn run(chain: &Chain, planted: bool, number: usize) -> Run {
    let service = if planted { "planted" } else { "web" };
    let pod = pod(chain, &format!("{service}-{number}")).command(["echo", "started"]);
    let looping = pod_with_a_loop(chain, &format!("{service}loop-{number}"));
    let (name, address) = (pod.fqdn(), pod.address());
    let (loop_name, loop_address) = (looping.fqdn(), looping.address());
    let denied_at = Instant::now();
    if planted {
        chain.plant_denial(&name);
        chain.plant_denial(&loop_name);
    }
    let (pod, looping) = (pod.start(), looping.start());
    let asks = pod.expect_line("waiting until", BOOT).at;
    looping.expect_line("asking", BOOT);
    let due = asks + Duration::from_secs_f64(PUBLISHED[number]);
    wait_until(PATIENCE, "the time of publication", || Instant::now() >= due);
    chain.publish(&[(&name, address), (&loop_name, loop_address)]);
    let published = Instant::now();
    let denied_at = if planted { denied_at } else { asks };
    let seen_by_us = seen(&pod, "started", published);
    Run {
        published_at: PUBLISHED[number],
        planted,
        seen: seen_by_us,
        peers: chain.response_code(&name),
        loop_seen: seen(&looping, "seen", published),
        denial_ends: (denied_at + DENIAL).saturating_duration_since(published),
        log: format!("{:#?}", pod.log()),
    }
}

/// Its hosts file has no line for it: getaddrinfo would believe that.
fn pod_with_a_loop(chain: &Chain, name: &str) -> Pod {
    let pod = pod(chain, name).hosts(PodFile::Custom("127.0.0.1 localhost\n".into())).no_entrypoint();
    let script = format!("echo asking; until getent ahostsv4 {}. >/dev/null; do sleep 1; done; echo seen", pod.fqdn());
    pod.command(["sh", "-c", &script])
}

fn pod(chain: &Chain, name: &str) -> Pod {
    let server = chain.server;
    chain.cluster.pod(name).resolv_conf(PodFile::Custom(format!("nameserver {server}\n")))
}

/// From the publication to the line, which ends the pod.
#[track_caller]
fn seen(pod: &RunningPod, line: &str, published: Instant) -> Duration {
    let line = pod.expect_line(line, PATIENCE);
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
    line.at.checked_duration_since(published).unwrap_or_default()
}
