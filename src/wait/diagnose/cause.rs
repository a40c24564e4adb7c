//! The causes, each with its sentence.
//!
//! Pure: no I/O, no clock.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::identity::name::Fqdn;
use crate::wait::error::{host, list};
use crate::wait::questions::Family;
use crate::wait::sighting::Observation;

/// Why the record does not come. Reads as a cause: no capital letter, no full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No server says anything.
    NoReply {
        /// Those that nothing comes from.
        silent: Vec<SocketAddr>,
        /// Those where nobody listens (ICMP).
        closed: Vec<SocketAddr>,
        /// Those that send what cannot be read.
        garbled: Vec<SocketAddr>,
    },
    /// The server is not one of this cluster's.
    ForeignServer {
        /// The server.
        server: SocketAddr,
        /// The domain that it does not serve.
        domain: Fqdn,
        /// What it said when it was asked.
        said: &'static str,
    },
    /// The server answers, but only that it cannot or will not (SERVFAIL, REFUSED).
    FailingServer {
        /// The server.
        server: SocketAddr,
        /// The domain that it was asked about.
        domain: Fqdn,
        /// What it says.
        said: &'static str,
    },
    /// The cluster has another domain.
    OtherDomain {
        /// The domain of the awaited name.
        domain: Fqdn,
        /// The cluster's.
        right: Fqdn,
        /// The awaited name in it.
        name: Fqdn,
    },
    /// Other services publish this pod.
    OtherService {
        /// The pod's names under them.
        names: Vec<Fqdn>,
        /// The name that is awaited.
        awaited: Fqdn,
    },
    /// The service publishes this pod, under another host name.
    OtherHostName {
        /// The name that it has.
        found: Fqdn,
        /// The name that is awaited.
        awaited: Fqdn,
    },
    /// The service publishes this pod's address, without the awaited host name.
    NoHostName {
        /// The service.
        service: Fqdn,
    },
    /// The pod has no subdomain, so it has no host name under any service.
    NoSubdomain {
        /// The service that is awaited.
        service: Fqdn,
    },
    /// The namespace does not exist.
    NoNamespace {
        /// Its name in DNS.
        namespace: Fqdn,
    },
    /// The service does not exist, or has no ready endpoint: DNS says the same of both.
    NoService {
        /// The service.
        service: Fqdn,
    },
    /// The service has an address of its own.
    NotHeadless {
        /// The service.
        service: Fqdn,
        /// Its address; none for another name that it stands for (`ExternalName`).
        addresses: Vec<IpAddr>,
    },
    /// The service publishes other pods, but not this one.
    NotPublished {
        /// The service.
        service: Fqdn,
        /// How many addresses it has.
        peers: usize,
    },
    /// The name is there, without an address of the pod's family.
    NoFamily {
        /// The awaited name, or its service's.
        name: Fqdn,
        /// The pod's family.
        family: Family,
    },
    /// The name has addresses of a family that we know none of this pod's of.
    OtherFamily {
        /// Those addresses.
        addresses: Vec<IpAddr>,
        /// The pod's family.
        own: Family,
    },
    /// The name has another pod's address.
    OtherAddress {
        /// The addresses.
        addresses: Vec<IpAddr>,
        /// For how many more seconds a cache may give them.
        ttl: u32,
    },
    /// The record is there; a cache does not know it yet.
    CachedDenial,
    /// The questions told nothing more than the wait.
    Unexplained(Observation),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoReply { silent, closed, garbled } => f.write_str(&no_reply(silent, closed, garbled)),
            Self::ForeignServer { server, domain, said } => {
                write!(f, "the name server {} does not serve the cluster domain {domain}: it says {said}", host(server))
            }
            Self::FailingServer { server, domain, said } => {
                write!(f, "the name server {} answers {said} when asked about {domain}", host(server))
            }
            Self::OtherDomain { domain, right, .. } => write!(f, "this cluster's domain is {right}, not {domain}"),
            Self::OtherService { names, .. } => {
                write!(f, "services know this pod under another name: {}", list(names, ", "))
            }
            Self::OtherHostName { found, .. } => {
                write!(f, "its service publishes this pod under another host name: {found}")
            }
            Self::NoHostName { service } => write!(f, "{service} has this pod's address, but under no host name"),
            Self::NoSubdomain { .. } => f.write_str("this pod has no subdomain, so no service gives it a host name"),
            Self::NoNamespace { namespace } => write!(f, "there is no namespace {}", namespace.first_label()),
            Self::NoService { service } => write!(f, "{} does not exist or has no ready endpoint", described(service)),
            Self::NotHeadless { service, addresses } if addresses.is_empty() => {
                write!(f, "{} is not headless: it stands for a name elsewhere (ExternalName)", described(service))
            }
            Self::NotHeadless { service, addresses } => {
                write!(f, "{} is not headless: it has the address {}", described(service), list(addresses, ", "))
            }
            Self::NotPublished { service, peers } => {
                let pods = if *peers == 1 { "another pod" } else { "other pods" };
                write!(f, "{} publishes {pods}, but not this one", described(service))
            }
            Self::NoFamily { name, family } => write!(f, "{name} exists, but has no {family} address"),
            Self::OtherFamily { addresses, own } => {
                write!(f, "it has {}, but only an {own} address of this pod is known", list(addresses, ", "))
            }
            Self::OtherAddress { addresses, ttl } => write!(
                f,
                "it has {}, of an earlier pod or another one with this host name, for up to {ttl}s more",
                list(addresses, ", ")
            ),
            Self::CachedDenial => f.write_str("the record is there, but a cache still denies it"),
            Self::Unexplained(observation) => observation.fmt(f),
        }
    }
}

/// `service web in namespace ns1`.
fn described(service: &Fqdn) -> String {
    let namespace = service.parent().map(|namespace| namespace.first_label().to_string()).unwrap_or_default();
    format!("service {} in namespace {namespace}", service.first_label())
}

pub(super) fn servers(servers: &[SocketAddr]) -> String {
    list(&servers.iter().map(host).collect::<Vec<_>>(), ", ")
}

fn no_reply(silent: &[SocketAddr], closed: &[SocketAddr], garbled: &[SocketAddr]) -> String {
    let parts = [
        (silent, "no reply from the name server "),
        (closed, "nobody listens at the name server "),
        (garbled, "nothing that can be read comes from the name server "),
    ];
    let said = parts.iter().filter(|(which, _)| !which.is_empty());
    said.map(|(which, what)| format!("{what}{}", servers(which))).collect::<Vec<_>>().join("; ")
}
