//! Why the record does not come: which questions show it, and what the answers mean.
//!
//! Pure: no I/O, no clock. The function `ask` sends the questions.

mod cause;
mod pod_name;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

use crate::identity::name::{DnsLabel, Fqdn};

use super::answers::{Failure, Outcome};
use super::awaited::Awaited;
use super::questions::Family;
use super::sighting::Observation;
use super::tally;

pub(crate) use self::cause::Cause;
use self::pod_name::PodNameParts;

/// A question of the diagnosis. None of them can plant a denial that blinds a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inquiry {
    /// Whether this name has a `TXT` record. Each server of a cluster has one for `dns-version` in its domain.
    Text(Fqdn),
    /// The names that this address has: one for each service that publishes it.
    Names(IpAddr),
    /// The addresses of this name.
    Addresses(Fqdn),
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// The names of an address.
    Names(Vec<Fqdn>),
    /// How another question ended, or this one without names.
    Outcome(Outcome),
}

/// The search for the cause why `awaited` is only seen as `observation` says.
pub(super) struct Diagnosis<'a, A> {
    pub(super) awaited: &'a Awaited,
    pub(super) observation: &'a Observation,
    /// Sends a question to a server, never the same one twice.
    pub(super) ask: A,
}

impl<A: AsyncFnMut(SocketAddr, Inquiry) -> Reply> Diagnosis<'_, A> {
    /// Asks `servers`, the best first, until there is a cause.
    pub(super) async fn find_cause(&mut self, servers: &[SocketAddr]) -> Cause {
        let mut failed = Vec::new();
        for server in servers {
            match self.ask_version(*server).await {
                said @ (Outcome::Failed(_) | Outcome::Unable(_)) => failed.push((*server, said)),
                said => return self.cause_at(*server, &said).await,
            }
        }
        self.cause_of_silence(&failed)
    }

    /// This server answers; `said` is what it knows of the cluster's domain.
    async fn cause_at(&mut self, server: SocketAddr, said: &Outcome) -> Cause {
        let Some(pod) = PodNameParts::of(&self.awaited.name) else {
            return self.cause_in_sight().unwrap_or_else(|| Cause::Unexplained(self.observation.clone()));
        };
        if !serves(&pod.domain, said) {
            return self.cause_of_other_domain(&pod, server, said).await;
        }
        if let Some(cause) = self.cause_in_sight() {
            return cause;
        }
        let names = self.own_names(server).await;
        if let Some(cause) = self.cause_in_names(names, &pod) {
            return cause;
        }
        if self.awaited.without_subdomain {
            return Cause::NoSubdomain { service: pod.service };
        }
        if let Outcome::Absent { .. } = self.ask_addresses(server, &pod.namespace).await {
            return Cause::NoNamespace { namespace: pod.namespace };
        }
        self.cause_in_service(server, pod.service).await
    }

    /// No server answered: the network drops packets, or the servers refuse this client.
    fn cause_of_silence(&self, failed: &[(SocketAddr, Outcome)]) -> Cause {
        let (mut silent, mut closed, mut garbled) = (Vec::new(), Vec::new(), Vec::new());
        for (server, said) in failed {
            match said {
                Outcome::Failed(Failure::Timeout) => silent.push(*server),
                Outcome::Failed(Failure::Unreachable) => closed.push(*server),
                Outcome::Failed(Failure::Garbage | Failure::Truncated) => garbled.push(*server),
                said => return self.in_searched_domain().unwrap_or_else(|| self.cause_of_failure(*server, said)),
            }
        }
        let of_cluster = self.awaited.search_domain.is_some();
        Cause::NoReply { silent, closed, garbled, of_cluster }
    }

    fn cause_of_failure(&self, server: SocketAddr, said: &Outcome) -> Cause {
        Cause::FailingServer { server, domain: self.domain(), said: tally::word(said) }
    }

    /// The server knows nothing of the domain: it is another one's, or the domain is misspelt.
    async fn cause_of_other_domain(&mut self, pod: &PodNameParts, server: SocketAddr, said: &Outcome) -> Cause {
        if let Some(cause) = self.in_searched_domain() {
            return cause;
        }
        for name in self.own_names(server).await {
            let domain = PodNameParts::of(&name).map(|parts| parts.domain);
            if let Some(domain) = domain.filter(|domain| *domain != pod.domain)
                && let Some(cause) = self.in_domain(domain)
            {
                return cause;
            }
        }
        Cause::ForeignServer { server, domain: pod.domain.clone(), said: tally::word(said) }
    }

    /// The domain that kubelet gave this pod to search may be another one than the awaited name's.
    fn in_searched_domain(&self) -> Option<Cause> {
        self.in_domain(self.awaited.search_domain.clone().filter(|searched| *searched != self.domain())?)
    }

    fn in_domain(&self, right: Fqdn) -> Option<Cause> {
        let domain = PodNameParts::of(&self.awaited.name)?.domain;
        let labels: Vec<_> = self.awaited.name.labels().take(4).collect();
        let name = Fqdn::parse(&format!("{}.{right}", labels.join("."))).ok()?;
        Some(Cause::OtherDomain { domain, right, name })
    }

    /// What the wait itself has seen may be the cause.
    fn cause_in_sight(&self) -> Option<Cause> {
        let name = self.awaited.name.clone();
        let is_ours = |seen: &IpAddr| self.awaited.own.iter().any(|own| Family::of(own) == Family::of(seen));
        match self.observation {
            Observation::Others { addresses, ttl } if addresses.iter().any(is_ours) => {
                Some(Cause::OtherAddress { addresses: addresses.clone(), ttl: *ttl })
            }
            Observation::Others { addresses, .. } => {
                Some(Cause::OtherFamily { addresses: addresses.clone(), own: self.family() })
            }
            Observation::CachedDenial => Some(Cause::CachedDenial),
            Observation::NoAddress => Some(Cause::NoFamily { name, family: self.family() }),
            Observation::Silence | Observation::Absent | Observation::AbsentElsewhere => None,
        }
    }

    /// Services that publish this pod know it by name.
    fn cause_in_names(&self, names: Vec<Fqdn>, pod: &PodNameParts) -> Option<Cause> {
        let awaited = self.awaited.name.clone();
        if names.contains(&awaited) {
            return Some(Cause::CachedDenial);
        }
        if let Some(found) = names.iter().find(|name| name.parent().as_ref() == Some(&pod.service)) {
            return Some(Cause::OtherHostName { found: found.clone(), awaited });
        }
        (!names.is_empty()).then_some(Cause::OtherService { names, awaited })
    }

    /// No service is known to publish this pod: looks at the one that should.
    async fn cause_in_service(&mut self, server: SocketAddr, service: Fqdn) -> Cause {
        let addresses = match self.ask_addresses(server, &service).await {
            Outcome::Absent { .. } => return Cause::NoService { service },
            Outcome::Exists { .. } => return Cause::NoFamily { name: service, family: self.family() },
            Outcome::Addresses { addresses, .. } => addresses,
            Outcome::Unable(_) | Outcome::Failed(_) => return Cause::Unexplained(self.observation.clone()),
        };
        if addresses.iter().any(|address| self.awaited.own.contains(&address.to_canonical())) {
            return Cause::NoHostName { service };
        }
        let peers = addresses.len();
        let is_its_own = match addresses.as_slice() {
            [] => true,
            // A peer's address has a name below the service, a service's own address has the service's.
            [address] => {
                let names = self.ask_names(server, *address).await;
                names.is_empty() || names.contains(&service)
            }
            _ => false,
        };
        if is_its_own { Cause::NotHeadless { service, addresses } } else { Cause::NotPublished { service, peers } }
    }

    /// The family of the addresses that were asked for.
    fn family(&self) -> Family {
        self.awaited.family()
    }

    /// The domain whose servers should be the ones that were asked.
    fn domain(&self) -> Fqdn {
        let of_pod = PodNameParts::of(&self.awaited.name).map(|parts| parts.domain);
        of_pod.or_else(|| self.awaited.cluster_domain.clone()).unwrap_or_else(|| self.awaited.name.clone())
    }

    async fn ask_version(&mut self, server: SocketAddr) -> Outcome {
        let domain = self.domain();
        let name = DnsLabel::parse("dns-version").ok().and_then(|label| Fqdn::below(&label, &domain).ok());
        self.ask_outcome(server, Inquiry::Text(name.unwrap_or(domain))).await
    }

    async fn ask_addresses(&mut self, server: SocketAddr, name: &Fqdn) -> Outcome {
        self.ask_outcome(server, Inquiry::Addresses(name.clone())).await
    }

    /// This pod's names under services. Its address may have other names, from outside the cluster.
    async fn own_names(&mut self, server: SocketAddr) -> Vec<Fqdn> {
        let Some(own) = self.awaited.own.first() else { return Vec::new() };
        let mut names = self.ask_names(server, own.to_canonical()).await;
        names.retain(|name| PodNameParts::of(name).is_some());
        names
    }

    async fn ask_names(&mut self, server: SocketAddr, address: IpAddr) -> Vec<Fqdn> {
        match (self.ask)(server, Inquiry::Names(address)).await {
            Reply::Names(names) => names,
            Reply::Outcome(_) => Vec::new(),
        }
    }

    async fn ask_outcome(&mut self, server: SocketAddr, inquiry: Inquiry) -> Outcome {
        match (self.ask)(server, inquiry).await {
            Reply::Outcome(outcome) => outcome,
            Reply::Names(_) => Outcome::Failed(Failure::Garbage),
        }
    }
}

/// Whether this answer to the question for `dns-version` comes from the domain's own server.
fn serves(domain: &Fqdn, said: &Outcome) -> bool {
    match said {
        Outcome::Addresses { .. } => true,
        Outcome::Exists { zone, .. } | Outcome::Absent { zone, .. } => {
            zone.as_ref().is_some_and(|zone| zone.is_within(domain))
        }
        Outcome::Unable(_) | Outcome::Failed(_) => false,
    }
}
