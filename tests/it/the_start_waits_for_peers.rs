//! Once the pod's record is there, the release starts when no cache gives peers a predecessor's address, and says what it
//! waits for. `BEAMINIT_WAIT_PEERS` says otherwise, and whatever ends the wait ends this part of it too.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use hickory_resolver::proto::op::{Message, Query};
use hickory_resolver::proto::rr::{Name, RecordType};

use crate::support::vm::BOOT;
use crate::support::{Cluster, DnsSettings, Ended, Pod, RunningPod, wait_until};

const PREDECESSOR: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 88, 0, 250));
/// How long a peer's dial lasts (`net_setuptime`).
const DIAL: Duration = Duration::from_secs(7);
/// What the questions and the start itself take on a busy machine.
const BUSY: Duration = Duration::from_secs(5);
const WAITS: &str = "as 10.88.0.250 for up to ";

/// A pod that takes the place of another one, whose address a peer has just asked for: a cache keeps it for `kept`.
struct Replacement {
    cluster: Cluster,
    pod: Pod,
    planted: Instant,
}

impl Replacement {
    fn new(kept: u32) -> Self {
        let cluster = Cluster::start(DnsSettings { ttl: kept, cache: Some(Duration::from_secs(30)) });
        let pod = cluster.pod("web-0").command(["echo", "started"]);
        cluster.dns().publish(&pod.fqdn(), &[PREDECESSOR]);
        let planted = Instant::now();
        ask(&cluster, &pod.fqdn());
        cluster.dns().swap(&pod.fqdn(), &[pod.address()]);
        Self { cluster, pod, planted }
    }

    fn start_with(self, variables: &[(&str, &str)]) -> (Cluster, RunningPod, Instant) {
        let pod = variables.iter().fold(self.pod, |pod, (name, value)| pod.env(name, value));
        (self.cluster, pod.start(), self.planted)
    }
}

/// One ordinary question from the node.
fn ask(cluster: &Cluster, name: &str) {
    let mut query = Message::query();
    query.add_query(Query::query(Name::from_ascii(format!("{name}.")).unwrap(), RecordType::A));
    let socket = cluster.on_the_node(|| UdpSocket::bind("0.0.0.0:0").unwrap());
    socket.set_read_timeout(Some(BOOT)).unwrap();
    socket.connect("10.96.0.10:53").unwrap();
    socket.send(&query.to_vec().unwrap()).unwrap();
    socket.recv(&mut [0; 4096]).expect("an answer");
}

/// From the sight of the record to the start.
#[track_caller]
fn waited(pod: &RunningPod) -> Duration {
    let seen = pod.expect_line(" answers with 10.88.0.", BOOT).at;
    let started = pod.expect_line("started", Duration::from_secs(90)).at;
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
    started.checked_duration_since(seen).unwrap_or_default()
}

#[test]
fn until_the_old_answer_has_expired_and_the_dials_that_it_led_to_are_over() {
    const KEPT: Duration = Duration::from_secs(5);
    let (_cluster, pod, planted) = Replacement::new(5).start_with(&[]);
    pod.expect_line(WAITS, BOOT);
    let started = pod.expect_line("started", Duration::from_secs(60)).at;
    let after = started.duration_since(planted);
    assert!(after >= KEPT + DIAL && after < KEPT + DIAL + BUSY, "{after:?}");
    pod.expect_line("no name server gives peers another address of web-0.web.default.svc.cluster.local any more", BOOT);
    pod.expect_line("still waiting for peers of web-0.web.default.svc.cluster.local after ", BOOT);
}

#[test]
fn not_where_it_is_switched_off() {
    let (_cluster, pod, _) = Replacement::new(30).start_with(&[("BEAMINIT_WAIT_PEERS", "off")]);
    assert!(waited(&pod) < BUSY);
    pod.expect_line(WAITS, BOOT);
}

#[test]
fn not_where_no_cache_has_another_address() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").command(["echo", "started"]);
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let pod = pod.start();
    assert!(waited(&pod) < DIAL);
    assert!(!pod.log().iter().any(|line| line.text.contains("peers")), "{:#?}", pod.log());
}

#[test]
fn at_least_as_long_as_the_setting_says() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").env("BEAMINIT_WAIT_PEERS", "6s").command(["echo", "started"]);
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let pod = pod.start();
    let least = Duration::from_secs(6);
    let waited = waited(&pod);
    assert!(waited >= least && waited < least + BUSY, "{waited:?}");
    pod.expect_line("BEAMINIT_WAIT_PEERS asks for more time; starting in ", BOOT);
}

#[test]
fn no_longer_than_the_wait_as_a_whole_may_take() {
    let (_cluster, pod, _) = Replacement::new(30).start_with(&[("BEAMINIT_WAIT_TIMEOUT", "3s")]);
    assert!(waited(&pod) < Duration::from_secs(3) + BUSY);
    let warning = pod.expect_line("the wait for peers is over", BOOT).text;
    assert!(warning.contains("warn") && warning.contains("10.88.0.250"), "{warning}");
}

#[test]
fn not_once_it_is_asked_to_end() {
    for signal in [15, 2, 3] {
        let (_cluster, pod, _) = Replacement::new(30).start_with(&[]);
        pod.expect_line(WAITS, BOOT);
        let sent = Instant::now();
        pod.signal(signal);
        assert_eq!(pod.wait(BUSY), Ended::Code(128 + signal));
        assert!(sent.elapsed() < Duration::from_secs(1), "{:?}", sent.elapsed());
        assert_eq!(pod.stdout(), "");
    }
}

/// A node that takes the place of another one, in the wait for peers, which lasts until `timeout`.
fn node_that_waits_for_peers(timeout: &str) -> (Cluster, RunningPod) {
    let mut replacement = Replacement::new(30);
    let name = format!("web@{}", replacement.pod.fqdn());
    replacement.pod = replacement.pod.command(["erl", "-noinput", "-name", &name, "-setcookie", "sesame"]);
    let (cluster, pod, _) = replacement.start_with(&[("BEAMINIT_WAIT_TIMEOUT", timeout)]);
    // Once this line is there, probes find the new phase.
    pod.expect_line(" at the earliest", BOOT);
    (cluster, pod)
}

/// The exit code and the line of a probe.
fn probe(pod: &RunningPod, words: &[&str]) -> (Option<i32>, String) {
    let output = pod.exec(["beaminit", "probe"].iter().chain(words));
    (output.status.code(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// How long the wait for peers lasts and may last, by the line of a probe, in seconds.
fn age_and_limit(line: &str) -> Option<(u64, u64)> {
    let seconds = line.strip_prefix("live: waiting for peers since ")?.strip_suffix(" s")?;
    let (age, limit) = seconds.split_once(" s, of at most ")?;
    Some((age.parse().ok()?, limit.parse().ok()?))
}

#[test]
fn and_probes_say_so_until_the_node_runs() {
    let (_cluster, pod) = node_that_waits_for_peers("12s");
    let (code, line) = probe(&pod, &["live"]);
    let (age, limit) = age_and_limit(&line).expect(&line);
    // The record was seen some moments after the wait had begun, so what is left of its twelve seconds is a little less.
    assert!(code == Some(0) && age < limit && (1..=12).contains(&limit), "{line}");
    let (code, line) = probe(&pod, &["ready"]);
    assert!(code == Some(1) && line.starts_with("ready: waiting for peers since "), "{line}");
    let (_, json) = probe(&pod, &["live", "--format", "json"]);
    assert!(json.contains(r#""phase":"peers""#), "{json}");
    let is_older =
        || age_and_limit(&probe(&pod, &["live"]).1).is_some_and(|(later, same)| later > age && same == limit);
    wait_until(BOOT, "a later probe", is_older);
    wait_until(BOOT, "a node that is ready", || probe(&pod, &["ready"]).0 == Some(0));
    pod.expect_line("the wait for peers is over", BOOT);
}

/// A start that hangs in this phase is not alive for ever.
#[test]
fn and_a_liveness_probe_fails_behind_its_limit() {
    let (_cluster, pod) = node_that_waits_for_peers("3s");
    pod.signal(19);
    assert_eq!(probe(&pod, &["live"]).0, Some(0));
    wait_until(BOOT, "a probe that fails", || probe(&pod, &["live"]).0 == Some(1));
    let (_, line) = probe(&pod, &["live"]);
    assert!(line.starts_with("live: still waiting for peers since "), "{line}");
}

#[test]
fn and_explain_says_what_a_cache_has() {
    let Replacement { cluster: _cluster, pod, .. } = Replacement::new(30);
    let pod = pod.command(["explain"]).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
    assert!(pod.stdout().contains("; a cache gives others 10.88.0.250 for up to "), "{}", pod.stdout());
}
