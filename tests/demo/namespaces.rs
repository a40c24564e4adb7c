//! The stage without a Docker daemon: pods made of namespaces, and a DNS with CoreDNS's cache rules.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Instant, SystemTime};

use super::stage::{LOOP, Line, NODES, Outcome, Stage, Started, fqdn};
use super::support::{Built, Cluster, DnsSettings, Ended, Pod, PodFile, RunningPod};

/// Where a node serves its page.
const PAGE: u16 = 4000;

pub(crate) struct Namespaces {
    cluster: Arc<Cluster>,
    pods: BTreeMap<&'static str, Running>,
    /// Where each pod is now, for those who come to its page.
    addresses: Addresses,
    cookie: String,
}

type Addresses = Arc<Mutex<BTreeMap<&'static str, IpAddr>>>;

struct Running {
    pod: RunningPod,
    /// Lines reported so far.
    reported: usize,
}

impl Namespaces {
    pub(crate) fn new(cookie: &str) -> Self {
        println!("building the release");
        Built::Pairing.dir();
        let cluster = Arc::new(Cluster::start(DnsSettings::default()));
        Self { cluster, pods: BTreeMap::new(), addresses: Addresses::default(), cookie: cookie.to_owned() }
    }

    /// The machine's port leads to the pod's page, as Docker's published ports do.
    pub(crate) fn forward(&self, listeners: Vec<TcpListener>) {
        for (listener, node) in listeners.into_iter().zip(NODES) {
            let (cluster, addresses) = (Arc::downgrade(&self.cluster), Arc::clone(&self.addresses));
            thread::spawn(move || {
                for client in listener.incoming().map_while(Result::ok) {
                    let Some(cluster) = cluster.upgrade() else { return };
                    let address = addresses.lock().unwrap_or_else(PoisonError::into_inner).get(node).copied();
                    let Some(address) = address else { continue };
                    let Ok(server) = cluster.on_the_node(|| TcpStream::connect((address, PAGE))) else { continue };
                    thread::spawn(move || join(&client, &server));
                }
            });
        }
    }

    fn describe_pod(&self, name: &str) -> Pod {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/demo/beamconfig");
        let pod = self.cluster.pod(name).service("pairing").namespace("astarte").uid(10001).read_only_root(true);
        if name == LOOP {
            let ask = format!("until getent ahostsv4 {}.; do sleep 1; done; exec sleep 300", fqdn(LOOP));
            return pod.no_entrypoint().hosts(PodFile::Missing).command(["sh", "-c", &ask]);
        }
        pod.release(Built::Pairing.dir())
            .mount_config(&config)
            .env("RELEASE_NAME", "pairing")
            .env("RELEASE_CONFIG_DIR", "/beamconfig")
            .env("ERLANG_COOKIE", &self.cookie)
            .command(Built::Pairing.start_command())
    }

    fn pod(&self, name: &str) -> Outcome<&RunningPod> {
        self.pods.get(name).map(|running| &running.pod).ok_or_else(|| format!("{name} does not run"))
    }
}

impl Stage for Namespaces {
    fn describe(&self) -> String {
        "without Docker: pods made of namespaces, PID 1, user 10001, read-only root; a DNS that keeps denials for 30 s"
            .to_owned()
    }

    fn start(&mut self, pods: &[&'static str]) -> Outcome<Vec<Started>> {
        let start = |name: &&'static str| {
            let pod = self.describe_pod(name);
            let address = pod.address();
            self.addresses.lock().unwrap_or_else(PoisonError::into_inner).insert(name, address);
            let pod = pod.start();
            let started = Started { pod: name, address: address.to_string(), at: wall_clock(pod.started_at) };
            self.pods.insert(name, Running { pod, reported: 0 });
            started
        };
        Ok(pods.iter().map(start).collect())
    }

    fn publish(&mut self, pod: &str, address: &str) -> Outcome<SystemTime> {
        let address: IpAddr = address.parse().map_err(|cause| format!("{address}: {cause}"))?;
        let before = SystemTime::now();
        self.cluster.dns().publish(&fqdn(pod), &[address]);
        Ok(before)
    }

    fn withdraw(&mut self, pod: &str, _address: &str) -> Outcome<()> {
        self.cluster.dns().withdraw(&fqdn(pod));
        Ok(())
    }

    fn lines(&mut self) -> Vec<Line> {
        let mut lines = Vec::new();
        for (name, running) in &mut self.pods {
            let log = running.pod.log();
            let new = log.iter().skip(running.reported);
            lines.extend(new.map(|line| Line { pod: name, at: wall_clock(line.at), text: line.text.clone() }));
            running.reported = log.len();
        }
        lines
    }

    fn destroy(&mut self, pod: &str) -> Outcome<()> {
        self.pods.remove(pod).map(drop).ok_or_else(|| format!("{pod} does not run"))
    }

    fn terminate(&mut self, pod: &str) -> Outcome<()> {
        self.pod(pod)?.signal(15);
        Ok(())
    }

    fn exit_code(&mut self, pod: &str) -> Outcome<Option<i32>> {
        Ok(self.pod(pod)?.ended().map(|ended| match ended {
            Ended::Code(code) => code,
            Ended::Signal(signal) => 128 + signal,
        }))
    }
}

fn wall_clock(at: Instant) -> SystemTime {
    SystemTime::now() - at.elapsed()
}

/// Copies both ways until both ends are done.
fn join(client: &TcpStream, server: &TcpStream) {
    let copy = |mut from: &TcpStream, mut to: &TcpStream| {
        io::copy(&mut from, &mut to).ok();
        to.shutdown(Shutdown::Write).ok();
    };
    thread::scope(|scope| {
        scope.spawn(|| copy(client, server));
        copy(server, client);
        client.shutdown(Shutdown::Both).ok();
    });
}

/// Listens on the machine's loopback, so that nobody else takes the ports.
pub(crate) fn listen(first_port: u16) -> Vec<TcpListener> {
    let ports = (first_port..).take(NODES.len());
    ports.filter_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()).collect()
}
