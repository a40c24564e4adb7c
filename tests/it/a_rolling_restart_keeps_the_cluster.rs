//! Three nodes of a cluster are restarted one after the other, as a `StatefulSet` does, and each comes back with another
//! address while the cluster's DNS keeps the old one: no peer is busy with the old address when a node starts, so none
//! turns it down, and the cluster is never taken apart.
//!
//! `ROLLING_RESTARTS` says how often all three are restarted: once by default, ten times by `make rolling`.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::brokers::{
    BROKER_BOOT, BrokerFiles, all_members, members, poll_peers, publish, rabbitmqctl, running_members, take,
};
use crate::support::real_dns::Forwarder;
use crate::support::stateful_set::{MEMBERS, Member, MemberPod, Names, StatefulSet};
use crate::support::{Built, Cluster, Line, Pod, wait_until};

const OFF: &[(&str, &str)] = &[("BEAMINIT_WAIT_PEERS", "off")];
/// For how long a connection to a pod of the node may take.
const CONNECT: Duration = Duration::from_secs(1);
/// No dial of a peer to a dead address may keep it longer from a node that is ready.
const SEEN: Duration = Duration::from_secs(6);
/// A node that was turned down tries again when its peer's dial is over.
const JOINED: Duration = Duration::from_secs(20);

fn rounds() -> usize {
    std::env::var("ROLLING_RESTARTS").map_or(1, |rounds| rounds.parse().expect("a number of restarts"))
}

/// RabbitMQ: ready when its node and its plugins have started.
struct Broker(BrokerFiles);

impl Member for Broker {
    fn pod(&self, cluster: &Cluster, member: usize) -> Pod {
        self.0.pod(cluster, member).env("BEAMINIT_LOG", "info")
    }

    fn is_ready(&self, _: &Cluster, pod: &MemberPod) -> bool {
        pod.running.log().iter().any(|line| line.text.contains("Server startup complete"))
    }

    fn when_ready(&self, pod: &MemberPod) {
        poll_peers(&pod.running);
    }

    fn boot(&self) -> Duration {
        BROKER_BOOT
    }
}

/// The demo's release: ready when its page is there.
struct Pairing;

impl Member for Pairing {
    fn pod(&self, cluster: &Cluster, member: usize) -> Pod {
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/demo/beamconfig");
        cluster
            .pod(&format!("pairing-{member}"))
            .uid(10001)
            .read_only_root(true)
            .release(Built::Pairing.dir())
            .mount_config(&demo)
            .env("LANG", "C.UTF-8")
            .env("RELEASE_NAME", "pairing")
            .env("RELEASE_CONFIG_DIR", "/beamconfig")
            .env("ERLANG_COOKIE", "sesame-4711")
            .command(Built::Pairing.start_command())
    }

    fn is_ready(&self, cluster: &Cluster, pod: &MemberPod) -> bool {
        let page = SocketAddr::new(pod.address, 4000);
        cluster.on_the_node(|| TcpStream::connect_timeout(&page, CONNECT)).is_ok()
    }

    fn boot(&self) -> Duration {
        Duration::from_secs(60)
    }
}

#[test]
fn of_brokers_behind_coredns() {
    let complaints = roll_brokers("RabbitMQ, CoreDNS", &Names::in_coredns(), &[], rounds());
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn of_the_demos_nodes_behind_coredns() {
    let complaints = roll_the_demo("demo, CoreDNS", &Names::in_coredns(), &[], rounds());
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn of_the_demos_nodes_behind_unbound() {
    let complaints = roll_the_demo("demo, unbound", &Names::behind(Forwarder::Unbound), &[], 1);
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn of_the_demos_nodes_behind_dnsmasq() {
    let complaints = roll_the_demo("demo, dnsmasq", &Names::behind(Forwarder::Dnsmasq), &[], 1);
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// Otherwise the tests above would prove nothing.
#[test]
fn without_the_wait_for_peers_the_demos_cluster_is_split() {
    let complaints = roll_the_demo("demo, CoreDNS, off", &Names::in_coredns(), OFF, 3);
    assert!(!complaints.is_empty(), "no complaint at all");
}

#[test]
#[ignore = "minutes more: `make rolling`"]
fn of_brokers_behind_unbound() {
    let complaints = roll_brokers("RabbitMQ, unbound", &Names::behind(Forwarder::Unbound), &[], 1);
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
#[ignore = "minutes more: `make rolling`"]
fn of_brokers_behind_dnsmasq() {
    let complaints = roll_brokers("RabbitMQ, dnsmasq", &Names::behind(Forwarder::Dnsmasq), &[], 1);
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
#[ignore = "minutes more: `make rolling`"]
fn without_the_wait_for_peers_the_brokers_complain() {
    let complaints = roll_brokers("RabbitMQ, CoreDNS, off", &Names::in_coredns(), OFF, 3);
    assert!(!complaints.is_empty(), "no complaint at all");
}

/// What is wrong after so many rolling restarts; the first round with something wrong is the last.
fn roll_brokers(what: &str, names: &Names, variables: &[(&str, &str)], rounds: usize) -> Vec<String> {
    let program = Broker(BrokerFiles::new());
    let mut set = StatefulSet::start(names, &program, variables);
    for member in &set.members {
        wait_until(BROKER_BOOT, "three members run", || running_members(&member.running) == all_members());
    }
    let mut complaints = Vec::new();
    for round in 0..rounds {
        let queue = format!("orders-{round}");
        for (member, pod) in set.members.iter().enumerate() {
            publish(&pod.running, &format!("{queue}-{member}"), &["one", "two"]);
        }
        complaints.extend(set.roll(|_| Ok(())).err());
        if complaints.is_empty() {
            complaints.extend(faults_of_brokers(&set, &queue));
        }
        complaints.extend(complaints_of_global(&set));
        if !complaints.is_empty() {
            break;
        }
    }
    set.print(what);
    complaints
}

fn faults_of_brokers(set: &StatefulSet<Broker>, queue: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (member, MemberPod { running, fqdn, .. }) in set.members.iter().enumerate() {
        let running_now = running_members(running);
        if running_now != all_members() {
            faults.push(format!("{fqdn} sees {running_now}"));
        }
        let known = members(running);
        if known != all_members() {
            faults.push(format!("{fqdn} knows {known}"));
        }
        let partitions = rabbitmqctl(running, &["eval", "rabbit_node_monitor:partitions()."]);
        if partitions != "[]" {
            faults.push(format!("{fqdn}: partitions {partitions}"));
        }
        if faults.is_empty() {
            let messages = take(running, &format!("{queue}-{member}"), 2);
            if messages != "[<<\"one\">>,<<\"two\">>]" {
                faults.push(format!("{fqdn} has kept {messages}"));
            }
        }
    }
    faults
}

/// The same for the demo's nodes. Its cluster is split if a member sees another one leave that was not asked to end.
fn roll_the_demo(what: &str, names: &Names, variables: &[(&str, &str)], rounds: usize) -> Vec<String> {
    let mut set = StatefulSet::start(names, &Pairing, variables);
    wait_until(JOINED, "a cluster of three", || (0..MEMBERS).all(|member| sees_all(&set, member)));
    let mut complaints = Vec::new();
    for _ in 0..rounds {
        complaints.extend(set.roll(is_whole).err());
        complaints.extend(splits(&set));
        complaints.extend(complaints_of_global(&set));
        if !complaints.is_empty() {
            break;
        }
    }
    set.print(what);
    complaints
}

/// A node that is ready is seen by the others at once, or as soon as a busy machine lets them.
fn is_whole(set: &StatefulSet<Pairing>) -> Result<(), String> {
    let deadline = Instant::now() + SEEN;
    loop {
        let apart: Vec<usize> = (0..MEMBERS).filter(|member| !sees_all(set, *member)).collect();
        if apart.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!("members {apart:?} do not see the whole cluster"));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Whether the last thing that the member says of its cluster is that it has three nodes.
fn sees_all(set: &StatefulSet<Pairing>, member: usize) -> bool {
    let log = set.members[member].running.log();
    log.iter().rev().find(|line| line.text.contains("cluster of")).is_some_and(|line| line.text.contains("of 3"))
}

/// Each restart is seen to begin and to end once by each of the others; whatever is more is a split.
fn splits(set: &StatefulSet<Pairing>) -> Vec<String> {
    let lines: Vec<_> = set.all_lines().collect();
    let left = lines.iter().filter(|(_, line)| line.text.contains(" left: cluster of"));
    let restarts = set.replaced.len();
    let expected = restarts * (MEMBERS - 1);
    if left.clone().count() <= expected {
        return Vec::new();
    }
    left.map(|(member, line)| format!("pairing-{member}: {}", line.text)).collect()
}

/// What `global` says when it takes a cluster apart, or waits for a node in vain. A member that was asked to end may be
/// disconnected by one before the other: that does not count.
fn complaints_of_global<M: Member>(set: &StatefulSet<M>) -> Vec<String> {
    let marks = ["'global' at node", "Global hang workaround", "prevent_overlapping_partitions", "global: "];
    let is_of_an_end = |line: &Line| {
        set.replaced.iter().any(|pod| {
            let disconnected = line.text.split("requested disconnect from node").nth(1);
            disconnected.is_some_and(|node| node.contains(&pod.fqdn)) && pod.ending.contains(&line.at)
        })
    };
    set.all_lines()
        .filter(|(_, line)| marks.iter().any(|mark| line.text.contains(mark)) && !is_of_an_end(line))
        .map(|(member, line)| format!("member {member}: {}", line.text))
        .collect()
}
