//! A `StatefulSet` of three whose pods are restarted one after the other, each coming back with another address, while a
//! cache of the cluster's DNS keeps the old ones and the old addresses swallow packets.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hickory_resolver::proto::op::{Message, Query};
use hickory_resolver::proto::rr::{Name, RecordType};

use super::cluster::{CLUSTER_DNS, SilentAddress};
use super::log::Line;
use super::real_dns::{Chain, Forwarder};
use super::{Cluster, DnsSettings, Pod, PodFile, RunningPod};

pub const MEMBERS: usize = 3;
/// Peers look each other's names up this often.
const PEERS_EVERY: Duration = Duration::from_secs(1);
/// From a container's start to the record of its pod, as measured on Kubernetes.
const PUBLISHED_AFTER: Duration = Duration::from_millis(500);
/// How long a pod may take to end.
const GRACE: Duration = Duration::from_secs(60);

/// Where the pods' names are kept.
pub enum Names {
    /// `CoreDNS` with `cache 30`.
    CoreDns(Cluster),
    /// An authority behind a cache.
    Behind(Chain),
}

impl Names {
    pub fn in_coredns() -> Self {
        Self::CoreDns(Cluster::start(DnsSettings::default()))
    }

    pub fn behind(forwarder: Forwarder) -> Self {
        Self::Behind(Chain::start(Cluster::start(DnsSettings::default()), Some(forwarder)))
    }

    pub fn cluster(&self) -> &Cluster {
        match self {
            Self::CoreDns(cluster) => cluster,
            Self::Behind(chain) => &chain.cluster,
        }
    }

    fn server(&self) -> Ipv4Addr {
        match self {
            Self::CoreDns(_) => CLUSTER_DNS,
            Self::Behind(chain) => chain.server,
        }
    }

    fn publish(&self, pod: &MemberPod) {
        match self {
            Self::CoreDns(cluster) => cluster.dns().publish(&pod.fqdn, &[pod.address]),
            Self::Behind(chain) => chain.publish_member(&pod.fqdn, pod.address),
        }
    }

    fn withdraw(&self, fqdn: &str) {
        match self {
            Self::CoreDns(cluster) => drop(cluster.dns().withdraw(fqdn)),
            Self::Behind(chain) => chain.withdraw_member(fqdn),
        }
    }

    /// A pod of this network that asks the cache.
    fn configured(&self, pod: Pod) -> Pod {
        match self {
            Self::CoreDns(_) => pod,
            Self::Behind(chain) => pod.resolv_conf(PodFile::Custom(format!("nameserver {}\n", chain.server))),
        }
    }
}

/// What runs in the pods.
pub trait Member {
    /// A member's pod, with an address that no pod had before.
    fn pod(&self, cluster: &Cluster, member: usize) -> Pod;
    /// Whether the kubelet would call it ready.
    fn is_ready(&self, cluster: &Cluster, pod: &MemberPod) -> bool;
    /// What a ready pod is made to do, if anything.
    fn when_ready(&self, _pod: &MemberPod) {}
    /// For how long a start may take, without the wait for peers.
    fn boot(&self) -> Duration;
}

pub struct MemberPod {
    pub running: RunningPod,
    pub fqdn: String,
    pub address: IpAddr,
}

/// How one pod was replaced.
#[derive(Clone, Debug)]
pub struct Replaced {
    pub member: usize,
    pub fqdn: String,
    /// When the old pod was asked to end, and when it was gone.
    pub ending: RangeInclusive<Instant>,
    /// From the request to end to readiness.
    pub took: Duration,
    /// From the sight of the record to the start of the release.
    pub waited: Duration,
    /// Whether an old answer was met.
    pub met_old_answer: bool,
}

/// The pods, and what became of them.
pub struct StatefulSet<'a, M: Member> {
    pub names: &'a Names,
    pub members: Vec<MemberPod>,
    pub replaced: Vec<Replaced>,
    /// The logs of pods that are gone, with the pod's number.
    old_logs: Vec<(usize, Vec<Line>)>,
    program: &'a M,
    variables: &'a [(&'a str, &'a str)],
    silent: Vec<SilentAddress>,
    peers: Peers,
}

impl<'a, M: Member> StatefulSet<'a, M> {
    /// Starts all of them and waits until they are ready.
    pub fn start(names: &'a Names, program: &'a M, variables: &'a [(&'a str, &'a str)]) -> Self {
        let mut set = Self {
            names,
            members: Vec::new(),
            replaced: Vec::new(),
            old_logs: Vec::new(),
            program,
            variables,
            silent: Vec::new(),
            peers: Peers::start(names),
        };
        set.members = (0..MEMBERS).map(|member| set.new_pod(member)).collect();
        thread::sleep(PUBLISHED_AFTER);
        for pod in &set.members {
            names.publish(pod);
        }
        let deadline = Instant::now() + 2 * program.boot();
        for pod in &set.members {
            set.wait_until_ready(pod, deadline).expect("a first start");
            set.peers.watch(&pod.fqdn);
        }
        set
    }

    fn new_pod(&self, member: usize) -> MemberPod {
        let pod = self.names.configured(self.program.pod(self.names.cluster(), member));
        let pod = self.variables.iter().fold(pod, |pod, (name, value)| pod.env(name, value));
        let (fqdn, address) = (pod.fqdn(), pod.address());
        MemberPod { fqdn, address, running: pod.start() }
    }

    fn wait_until_ready(&self, pod: &MemberPod, deadline: Instant) -> Result<(), String> {
        while Instant::now() < deadline {
            if pod.running.ended().is_some() {
                return Err(format!("{} has ended: {:?}", pod.fqdn, pod.running.ended()));
            }
            if self.program.is_ready(self.names.cluster(), pod) {
                self.program.when_ready(pod);
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        let log = lines(&pod.running);
        Err(format!("{} is not ready: {:#?}", pod.fqdn, &log[log.len().saturating_sub(25)..]))
    }

    /// Restarts all pods, the last one first, each as soon as the one before is ready and `is_well` has found nothing wrong
    /// with the cluster.
    ///
    /// # Errors
    /// A pod does not become ready, or something is wrong.
    pub fn roll(&mut self, is_well: impl Fn(&Self) -> Result<(), String>) -> Result<(), String> {
        for member in (0..MEMBERS).rev() {
            self.replace(member)?;
            is_well(self)?;
        }
        Ok(())
    }

    fn replace(&mut self, member: usize) -> Result<(), String> {
        let began = Instant::now();
        let old = &self.members[member];
        old.running.signal(15);
        let ended = old.running.try_wait(GRACE);
        self.names.withdraw(&old.fqdn);
        let new = self.new_pod(member);
        let old = std::mem::replace(&mut self.members[member], new);
        self.old_logs.push((member, old.running.log()));
        let ending = began..=Instant::now();
        self.silent.push(old.running.into_silence());
        if ended.is_none() {
            return Err(format!("{} does not end", old.fqdn));
        }
        thread::sleep(PUBLISHED_AFTER);
        let new = &self.members[member];
        self.names.publish(new);
        // The wait for peers takes a minute at most.
        let ready = self.wait_until_ready(new, Instant::now() + Duration::from_secs(60) + self.program.boot());
        let log = lines(&self.members[member].running);
        self.replaced.push(Replaced {
            member,
            fqdn: self.members[member].fqdn.clone(),
            ending,
            took: began.elapsed(),
            waited: waited(&log),
            met_old_answer: log.iter().any(|line| line.contains("it keeps an old answer")),
        });
        ready
    }

    /// All lines of all pods so far, of those that are gone too, each with its pod's number.
    pub fn all_lines(&self) -> impl Iterator<Item = (usize, Line)> {
        let running = self.members.iter().enumerate().map(|(member, pod)| (member, pod.running.log()));
        let all = self.old_logs.iter().cloned().chain(running);
        all.flat_map(|(member, lines)| lines.into_iter().map(move |line| (member, line)))
    }

    /// The figures of all restarts so far.
    pub fn print(&self, what: &str) {
        for Replaced { member, took, waited, met_old_answer, .. } in &self.replaced {
            let old = if *met_old_answer { "old answer met" } else { "no old answer" };
            println!(
                "rolling: {what}, member {member}: {:.1} s in all, {:.1} s from sight to start, {old}",
                took.as_secs_f64(),
                waited.as_secs_f64()
            );
        }
    }
}

fn lines(pod: &RunningPod) -> Vec<String> {
    pod.log().into_iter().map(|line| line.text).collect()
}

/// From the sight of the record to the start of the release, by the log: zero where nothing was waited for.
fn waited(log: &[String]) -> Duration {
    let after = |line: &str, mark: &str| -> Option<f64> {
        let rest = line.split(mark).nth(1)?;
        rest.split('s').next()?.parse().ok()
    };
    let seen = log.iter().find_map(|line| after(line.split(" answers with ").nth(1)?, " after "));
    let started = log.iter().find_map(|line| after(line, "starting after "));
    Duration::from_secs_f64(started.zip(seen).map_or(0.0, |(started, seen)| (started - seen).max(0.0)))
}

/// Clients on the node that look all members' names up all the time, so that the cache is never without an answer.
struct Peers {
    names: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Peers {
    fn start(names: &Names) -> Self {
        let (watched, stop) = (Arc::new(Mutex::new(Vec::<String>::new())), Arc::new(AtomicBool::new(false)));
        let server = names.server();
        let socket = names.cluster().on_the_node(|| UdpSocket::bind("0.0.0.0:0").unwrap());
        let thread = thread::spawn({
            let (watched, stop) = (Arc::clone(&watched), Arc::clone(&stop));
            move || {
                while !stop.load(Ordering::Relaxed) {
                    for name in watched.lock().unwrap().iter() {
                        socket.send_to(&question(name), (server, 53)).ok();
                    }
                    thread::sleep(PEERS_EVERY);
                }
            }
        });
        Self { names: watched, stop, thread: Some(thread) }
    }

    fn watch(&self, name: &str) {
        let mut names = self.names.lock().unwrap();
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn question(name: &str) -> Vec<u8> {
    let mut query = Message::query();
    query.metadata.recursion_desired = true;
    query.add_query(Query::query(Name::from_ascii(format!("{name}.")).unwrap(), RecordType::A));
    query.to_vec().unwrap()
}
