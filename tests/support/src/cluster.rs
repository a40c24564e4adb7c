//! A cluster: one network with a bridge for the pods and a DNS server at the usual cluster address.

use std::fs;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use super::dns::{DnsServer, DnsSettings};
use super::net_namespace::NetNamespace;
use super::pod::Pod;

/// Where every kubelet sends its pods' questions.
pub const CLUSTER_DNS: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);

const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 1);

/// A network with a DNS server, into which pods are started.
pub struct Cluster {
    network: Arc<Network>,
    dns: DnsServer,
}

impl Cluster {
    pub fn start(settings: DnsSettings) -> Self {
        let network = Arc::new(Network::new());
        let dns = network.dns_server(CLUSTER_DNS, settings);
        Self { network, dns }
    }

    /// The DNS server that the pods' resolv.conf names.
    pub fn dns(&self) -> &DnsServer {
        &self.dns
    }

    /// A further DNS server with its own zone and cache, for pods whose resolv.conf names it.
    pub fn another_dns(&self, address: Ipv4Addr, settings: DnsSettings) -> DnsServer {
        self.network.dns_server(address, settings)
    }

    /// An address of the node where nobody listens.
    pub fn add_address(&self, address: Ipv4Addr) {
        self.network.add_address(address);
    }

    /// Runs `work` in the cluster's network, as on its node: sockets made there reach the pods and the DNS.
    pub fn on_the_node<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.network.namespace.run(work)
    }

    /// Runs a program on the cluster's node until the value is dropped.
    pub fn daemon(&self, command: Command) -> Daemon {
        Daemon::start(Arc::clone(&self.network), command)
    }

    /// A pod of a `StatefulSet`, to be described further and started. It has its address already.
    pub fn pod(&self, name: &str) -> Pod {
        Pod::new(Arc::clone(&self.network), name)
    }
}

/// The bridge, and what is plugged into it.
#[derive(Debug)]
pub struct Network {
    namespace: NetNamespace,
    last_host: AtomicU8,
    last_link: AtomicU32,
}

impl Network {
    fn new() -> Self {
        let namespace = NetNamespace::new();
        namespace.ip(&[
            "link set lo up".to_owned(),
            // Without its own address a bridge takes the lowest of its ports', which changes as pods come: earlier
            // ones would send to the old one until their ARP entries end.
            "link add br0 address 0a:58:0a:58:00:01 type bridge".to_owned(),
            format!("address add {GATEWAY}/24 dev br0"),
            "link set br0 up".to_owned(),
        ]);
        Self { namespace, last_host: AtomicU8::new(1), last_link: AtomicU32::new(0) }
    }

    fn dns_server(&self, address: Ipv4Addr, settings: DnsSettings) -> DnsServer {
        self.add_address(address);
        self.namespace.run(|| DnsServer::start(address, settings))
    }

    fn add_address(&self, address: Ipv4Addr) {
        self.namespace.ip(&[format!("address add {address}/32 dev lo")]);
    }

    /// An address that no pod of this cluster had before.
    pub fn new_address(&self) -> Ipv4Addr {
        let host = self.last_host.fetch_add(1, Ordering::Relaxed) + 1;
        assert_ne!(host, u8::MAX, "the pod network is full");
        Ipv4Addr::new(10, 88, 0, host)
    }

    /// A network for one pod, with `eth0` at `address` plugged into the bridge.
    pub fn plug(self: Arc<Self>, address: Ipv4Addr) -> (NetNamespace, Link) {
        let pod = NetNamespace::new();
        let link = format!("veth{}", self.last_link.fetch_add(1, Ordering::Relaxed));
        // The hardware address follows the address, as CNI's bridge has it: a pod that gets an address that was in use
        // before is not shut out by its neighbours' ARP caches.
        let [a, b, c, d] = address.octets();
        let hardware = format!("0a:58:{a:02x}:{b:02x}:{c:02x}:{d:02x}");
        self.namespace.ip(&[
            format!("link add {link} type veth peer name eth0 address {hardware} netns {}", pod.path()),
            format!("link set {link} master br0 up"),
        ]);
        pod.ip(&[
            "link set lo up".to_owned(),
            format!("address add {address}/24 dev eth0"),
            "link set eth0 up".to_owned(),
            format!("route add default via {GATEWAY}"),
        ]);
        (pod, Link { name: link, network: self })
    }
}

/// The bridge's end of a pod's link. It is taken away with this value, and not some time after the pod's network: until
/// then the bridge would send to the old pod what is meant for a new one with its address.
#[derive(Debug)]
pub struct Link {
    name: String,
    network: Arc<Network>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.network.namespace.try_ip(&[format!("link delete {}", self.name)]); // fails if the kernel was faster
    }
}

/// The address of a pod that is gone. It swallows packets until this value is dropped.
pub struct SilentAddress {
    _network: NetNamespace,
    _link: Link,
}

impl SilentAddress {
    /// The kernel still answers for the address, with ARP and with resets; the latter now find no way out.
    pub(super) fn new(network: NetNamespace, link: Link) -> Self {
        network.run(|| {
            for interface in ["all", "eth0"] {
                fs::write(format!("/proc/sys/net/ipv4/conf/{interface}/rp_filter"), "0").unwrap();
            }
        });
        network.ip(&["route flush table main".to_owned(), "route add blackhole default".to_owned()]);
        Self { _network: network, _link: link }
    }
}

/// A program on a cluster's node. Dropped, it is killed.
pub struct Daemon {
    /// Closed, it lets the keeper kill the program and end.
    release: Option<Sender<()>>,
    /// The thread that the program is a child of.
    keeper: Option<JoinHandle<()>>,
}

impl Daemon {
    fn start(network: Arc<Network>, mut command: Command) -> Self {
        let (release, released) = mpsc::channel();
        let (report, reported) = mpsc::channel();
        let keeper = thread::spawn(move || {
            network.namespace.enter();
            let child = command.spawn();
            report.send(child.as_ref().map(drop).map_err(ToString::to_string)).ok();
            let Ok(mut child) = child else { return };
            released.recv().ok();
            child.kill().ok();
            child.wait().ok();
        });
        reported.recv().unwrap().expect("a server's program");
        Self { release: Some(release), keeper: Some(keeper) }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.release.take();
        if let Some(keeper) = self.keeper.take() {
            keeper.join().ok();
        }
    }
}
