//! A pod that waits for its record while something goes wrong, and how soon after publication it sees it.

use std::net::{IpAddr, Ipv4Addr};
use std::thread;
use std::time::{Duration, Instant};

use hickory_resolver::proto::op::ResponseCode;

use super::cluster::CLUSTER_DNS;
use super::dns::DnsServer;
use super::vm::BOOT;
use super::{Cluster, DnsSettings, Ended, Fault, PodFile, RunningPod, To};

/// How soon a record must be seen, whatever goes wrong.
pub const SOON: Duration = Duration::from_secs(3);
/// No wait of these tests is longer.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// From the pod's first question to the publication: long enough for several questions without the record.
const PUBLISHED_AFTER: Duration = Duration::from_secs(1);
const DEAD: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 96, 0, 11), Ipv4Addr::new(10, 96, 0, 12)];

/// What the pod's resolv.conf names before the cluster's DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    Nothing,
    /// A server that never answers.
    Silent,
    /// An address where nobody listens, as the node says by ICMP.
    Closed,
    /// A server that answers everything with this code.
    Lame(ResponseCode),
    /// Two that never answer, at two addresses.
    TwoSilent,
}

impl Front {
    /// Starts them; also their lines in resolv.conf.
    fn servers(self, cluster: &Cluster) -> (Vec<DnsServer>, String) {
        let (addresses, fault) = match self {
            Self::Nothing => (&[][..], None),
            Self::Closed => (&DEAD[..1], None),
            Self::Silent => (&DEAD[..1], Some(Fault::Drop(To::All))),
            Self::Lame(code) => (&DEAD[..1], Some(Fault::Code(code, To::All))),
            Self::TwoSilent => (&DEAD[..], Some(Fault::Drop(To::All))),
        };
        if self == Self::Closed {
            cluster.add_address(DEAD[0]);
        }
        let server = |fault| {
            move |address: &Ipv4Addr| {
                let server = cluster.another_dns(*address, DnsSettings::default());
                server.fault(fault);
                server
            }
        };
        let servers = fault.map_or_else(Vec::new, |fault| addresses.iter().map(server(fault)).collect());
        let lines: Vec<String> = addresses.iter().map(|address| format!("nameserver {address}\n")).collect();
        (servers, lines.concat())
    }
}

/// One pod in a separate cluster.
pub struct Scene {
    pub cluster: Cluster,
    pub pod: RunningPod,
    pub fqdn: String,
    pub address: IpAddr,
    _front: Vec<DnsServer>,
}

impl Scene {
    /// Starts the pod. `faults` are those of the cluster's DNS, for a pod with this address. `env` is added to the pod's.
    pub fn start(front: Front, faults: impl FnOnce(IpAddr) -> Vec<Fault>, env: &[(&str, &str)]) -> Self {
        Self::start_with(DnsSettings::default(), front, faults, env, &["echo", "started"])
    }

    /// The same with this command of the pod's.
    pub fn start_command(front: Front, faults: impl FnOnce(IpAddr) -> Vec<Fault>, command: &[&str]) -> Self {
        Self::start_with(DnsSettings::default(), front, faults, &[], command)
    }

    fn start_with(
        settings: DnsSettings,
        front: Front,
        faults: impl FnOnce(IpAddr) -> Vec<Fault>,
        env: &[(&str, &str)],
        command: &[&str],
    ) -> Self {
        let cluster = Cluster::start(settings);
        let pod = cluster.pod("web-0").command(command);
        let (fqdn, address) = (pod.fqdn(), pod.address());
        for fault in faults(address) {
            cluster.dns().fault(fault);
        }
        let (dead, before) = front.servers(&cluster);
        let resolv_conf = format!("search default.svc.cluster.local\n{before}nameserver {CLUSTER_DNS}\n");
        let pod = pod.resolv_conf(PodFile::Custom(resolv_conf));
        let pod = env.iter().fold(pod, |pod, (name, value)| pod.env(name, value)).start();
        Self { cluster, pod, fqdn, address, _front: dead }
    }

    /// Waits for a question that reaches the cluster's DNS this long after the first one.
    pub fn wait_since_first_question(&self, passed: Duration) {
        let first = self.cluster.dns().wait_for_question(PATIENCE).at;
        self.cluster.dns().wait_for_question_that(PATIENCE, "later", |asked| asked.at >= first + passed);
    }

    /// Publishes the pod's record. That the server keeps what it denied before is the point of most of these tests.
    pub fn publish(&self) -> Instant {
        self.cluster.dns().publish(&self.fqdn, &[self.address]);
        Instant::now()
    }

    /// From `since` to the sight of the record, which must not have come before. The pod's command starts after it, once no
    /// cache has another address.
    #[track_caller]
    pub fn seen_after(&self, since: Instant) -> Duration {
        let seen = self.pod.expect_line(&format!("wait: {} answers with ", self.fqdn), PATIENCE);
        self.pod.expect_line("started", PATIENCE);
        assert_eq!(self.pod.wait(BOOT), Ended::Code(0));
        let log = self.pod.log();
        seen.at.checked_duration_since(since).unwrap_or_else(|| panic!("seen too early: {log:#?}"))
    }
}

/// Under these faults a record that is published a second after the pod's first question is seen within `bound`, by a pod
/// that asks this server alone and by those that have a dead one first.
#[track_caller]
pub fn seen_despite(what: &str, bound: Duration, faults: impl Fn(IpAddr) -> Vec<Fault> + Sync) {
    seen_despite_with(DnsSettings::default(), what, bound, faults);
}

/// The same with these settings of the cluster's DNS.
#[track_caller]
pub fn seen_despite_with(
    settings: DnsSettings,
    what: &str,
    bound: Duration,
    faults: impl Fn(IpAddr) -> Vec<Fault> + Sync,
) {
    seen_within(what, bound, |front| {
        let scene = Scene::start_with(settings, front, &faults, &[], &["echo", "started"]);
        scene.wait_since_first_question(PUBLISHED_AFTER);
        let published = scene.publish();
        scene.seen_after(published)
    });
}

/// Runs `play`, which says how long it took to see the record, behind each kind of front.
#[track_caller]
pub fn seen_within(what: &str, bound: Duration, play: impl Fn(Front) -> Duration + Sync) {
    let took = behind_each_front(play);
    let [nothing, silent, closed] = took.map(|took| took.as_secs_f64());
    println!(
        "fault: {what}: seen after {nothing:.2} s, behind a silent server {silent:.2} s, behind a closed port {closed:.2} s"
    );
    assert!(took.iter().all(|took| *took <= bound), "{what}: {took:?}");
}

fn behind_each_front<T: Send>(play: impl Fn(Front) -> T + Sync) -> [T; 3] {
    let play = &play;
    thread::scope(|scope| {
        let fronts = [Front::Nothing, Front::Silent, Front::Closed];
        fronts.map(|front| scope.spawn(move || play(front))).map(|thread| thread.join().expect("the scene above"))
    })
}

/// Under faults that never end, the wait ends with all of `parts` in its error.
#[track_caller]
pub fn the_error_says(faults: &[Fault], parts: &[&str]) -> Scene {
    let timeout = [("BEAMINIT_WAIT_TIMEOUT", "3s")];
    let scene = Scene::start(Front::Nothing, |_| faults.to_vec(), &timeout);
    scene.publish();
    assert_eq!(scene.pod.wait(PATIENCE), Ended::Code(69));
    let said = scene.pod.termination_log();
    println!("fault: {faults:?}: {}", said.trim());
    for part in parts {
        assert!(said.contains(part), "{part:?} in {said}");
    }
    scene
}
