//! Real name servers, run by path with their own configurations on addresses of a cluster's node: an authority whose
//! zone is changed by dynamic updates, and the caches that people put before one.

use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use tempfile::TempDir;

use super::cluster::Daemon;
use super::{Cluster, scratch_dir, wait_until};

/// `BIND` as primary of the cluster's domain.
pub const AUTHORITY: Ipv4Addr = Ipv4Addr::new(10, 96, 1, 2);
/// The cache before it.
pub const CACHE: Ipv4Addr = Ipv4Addr::new(10, 96, 1, 1);

/// For how long the zone lets its denials be kept.
pub const DENIAL: Duration = Duration::from_secs(30);

/// A server on two busy cores.
const START: Duration = Duration::from_secs(20);
const ANSWER: Duration = Duration::from_secs(1);

const ZONE: &str = "\
$TTL 30
@ SOA ns.dns hostmaster 1 7200 1800 86400 30
@ NS ns.dns
ns.dns A 10.96.1.2
";

/// What is between the pods and the authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarder {
    Dnsmasq,
    Unbound,
    Bind,
}

/// An authority, and a forwarder before it or none. They end when the value is dropped.
pub struct Chain {
    pub cluster: Cluster,
    /// Whom the pods ask.
    pub server: Ipv4Addr,
    _daemons: Vec<Daemon>,
    _dir: TempDir,
}

impl Chain {
    /// Starts the servers in `cluster` and waits until they answer.
    pub fn start(cluster: Cluster, forwarder: Option<Forwarder>) -> Self {
        let dir = scratch_dir();
        cluster.add_address(AUTHORITY);
        cluster.add_address(CACHE);
        let mut daemons = vec![cluster.daemon(authority(dir.path()))];
        daemons.extend(forwarder.map(|forwarder| cluster.daemon(forwarder.command(dir.path()))));
        let server = if forwarder.is_some() { CACHE } else { AUTHORITY };
        let chain = Self { cluster, server, _daemons: daemons, _dir: dir };
        // A forwarder that is asked too early keeps the failure.
        for server in [AUTHORITY, server] {
            wait_until(START, "a name server answers", || {
                chain.ask(server, "ns.dns.cluster.local").is_some_and(|reply| !reply.answers.is_empty())
            });
        }
        chain
    }

    /// One ordinary A question from the node.
    fn ask(&self, server: Ipv4Addr, name: &str) -> Option<Message> {
        let mut query = Message::query();
        query.metadata.recursion_desired = true;
        query.add_query(Query::query(Name::from_ascii(format!("{name}.")).unwrap(), RecordType::A));
        let socket = self.cluster.on_the_node(|| UdpSocket::bind("0.0.0.0:0").unwrap());
        socket.set_read_timeout(Some(ANSWER)).unwrap();
        socket.connect((server, 53)).unwrap();
        socket.send(&query.to_vec().unwrap()).unwrap();
        let mut reply = [0; 4096];
        let length = socket.recv(&mut reply).ok()?; // nobody listens there yet
        Message::from_vec(&reply[..length]).ok()
    }

    /// A peer asks for the address, too early: a cache that keeps denials has one from now on.
    pub fn plant_denial(&self, name: &str) {
        assert_eq!(self.response_code(name), ResponseCode::NXDomain);
    }

    /// What an ordinary question for the addresses of `name` is answered with.
    pub fn response_code(&self, name: &str) -> ResponseCode {
        self.ask(self.server, name).expect("an answer").metadata.response_code
    }

    /// Adds these addresses to the zone.
    pub fn publish(&self, records: &[(&str, IpAddr)]) {
        let add = |(name, address): &(&str, IpAddr)| format!("update add {name}. 30 A {address}");
        self.update(&records.iter().map(add).collect::<Vec<_>>());
    }

    /// Adds a pod of a headless service: its address, and the service's record for it.
    pub fn publish_member(&self, fqdn: &str, address: IpAddr) {
        let service = fqdn.split_once('.').expect("a service").1;
        self.update(&[
            format!("update add {fqdn}. 30 A {address}"),
            format!("update add {service}. 30 SRV 0 100 4369 {fqdn}."),
        ]);
    }

    /// Takes both away.
    pub fn withdraw_member(&self, fqdn: &str) {
        let service = fqdn.split_once('.').expect("a service").1;
        self.update(&[format!("update delete {fqdn}. A"), format!("update delete {service}. SRV 0 100 4369 {fqdn}.")]);
    }

    fn update(&self, lines: &[String]) {
        self.cluster.on_the_node(|| {
            let mut nsupdate =
                Command::new("nsupdate").stdin(Stdio::piped()).spawn().expect("nsupdate of bind9-dnsutils");
            let batch = format!("server {AUTHORITY}\nzone cluster.local\n{}\nsend\n", lines.join("\n"));
            nsupdate.stdin.take().unwrap().write_all(batch.as_bytes()).unwrap();
            assert!(nsupdate.wait().unwrap().success());
        });
    }
}

fn authority(dir: &Path) -> Command {
    fs::write(dir.join("zone"), ZONE).unwrap();
    let zone = format!(
        "zone \"cluster.local\" {{ type primary; file \"{}\"; allow-update {{ any; }}; notify no; }};\n",
        dir.join("zone").display()
    );
    named(&dir.join("authority"), AUTHORITY, "recursion no;", &zone)
}

/// `BIND` in the foreground, as the test's user, with all its files in `dir`.
fn named(dir: &Path, address: Ipv4Addr, options: &str, zones: &str) -> Command {
    fs::create_dir(dir).unwrap();
    let config = dir.join("named.conf");
    let (at, key) = (dir.display(), dir.join("session.key"));
    let text = format!(
        "options {{ directory \"{at}\"; session-keyfile \"{}\"; pid-file none; lock-file none;\n\
         listen-on {{ {address}; }}; listen-on-v6 {{ none; }}; dnssec-validation no; empty-zones-enable no;\n\
         {options} }};\n\
         controls {{}};\n\
         {zones}",
        key.display()
    );
    fs::write(&config, text).unwrap();
    foreground(dir, "/usr/sbin/named", &["-g", "-4", "-n", "1", "-c", config.to_str().unwrap()])
}

impl Forwarder {
    fn command(self, dir: &Path) -> Command {
        match self {
            Self::Dnsmasq => foreground(
                dir,
                "/usr/sbin/dnsmasq",
                &[
                    "--keep-in-foreground",
                    "--conf-file=/dev/null",
                    "--no-resolv",
                    "--no-hosts",
                    "--bind-interfaces",
                    "--user=root",
                    "--pid-file=",
                    "--log-facility=-",
                    "--neg-ttl=30",
                    &format!("--listen-address={CACHE}"),
                    &format!("--server={AUTHORITY}"),
                ],
            ),
            Self::Unbound => unbound(dir),
            Self::Bind => {
                let options = format!(
                    "recursion yes; allow-recursion {{ any; }}; forward only; forwarders {{ {AUTHORITY}; }}; \
                     max-ncache-ttl 30;"
                );
                named(&dir.join("forwarder"), CACHE, &options, "")
            }
        }
    }
}

fn unbound(dir: &Path) -> Command {
    let config = dir.join("unbound.conf");
    let text = format!(
        "server:\n\
         \x20 directory: \"{}\"\n\
         \x20 chroot: \"\"\n\
         \x20 username: \"\"\n\
         \x20 pidfile: \"\"\n\
         \x20 use-syslog: no\n\
         \x20 interface: {CACHE}\n\
         \x20 access-control: 0.0.0.0/0 allow\n\
         \x20 do-ip6: no\n\
         \x20 do-not-query-localhost: no\n\
         \x20 module-config: \"iterator\"\n\
         \x20 local-zone: \"local.\" nodefault\n\
         forward-zone:\n\
         \x20 name: \".\"\n\
         \x20 forward-addr: {AUTHORITY}\n",
        dir.display()
    );
    fs::write(&config, text).unwrap();
    foreground(dir, "/usr/sbin/unbound", &["-d", "-p", "-c", config.to_str().unwrap()])
}

/// The server ends with the thread that starts it, also when the test is killed. What it says is in `dir`.
fn foreground(dir: &Path, program: &str, arguments: &[&str]) -> Command {
    let log = fs::File::options().create(true).append(true).open(dir.join("log")).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", program]).args(arguments);
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    command
}
