//! Why the record does not come: which questions show it, and what the answers mean.
//!
//! Pure: no I/O, no clock. A [`DiagnosticQuestions`] sends the questions.

pub(super) mod cause;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

use crate::identity::name::{Fqdn, PodNameParts};

use super::answers::{Failure, Outcome};
use super::awaited::Awaited;
use super::questions::Family;
use super::sighting::Observation;
use super::tally;

pub(crate) use self::cause::Cause;

/// The questions of the diagnosis, of which none is asked twice and none can plant a denial that blinds a peer.
pub(super) trait DiagnosticQuestions {
    /// Whether this name has a `TXT` record. Each server of a cluster has one for `dns-version` in its domain.
    async fn text(&self, server: SocketAddr, name: &Fqdn) -> Outcome;
    /// The names that this address has, as far as they are known: one for each service that publishes it.
    async fn names(&self, server: SocketAddr, address: IpAddr) -> Vec<Fqdn>;
    /// The addresses of this name.
    async fn addresses(&self, server: SocketAddr, name: &Fqdn) -> Outcome;
}

/// The search for the cause why `awaited` is only seen as `observation` says.
pub(super) struct Diagnosis<'a, D> {
    pub(super) awaited: &'a Awaited,
    pub(super) observation: &'a Observation,
    pub(super) dns: &'a D,
}

impl<D: DiagnosticQuestions> Diagnosis<'_, D> {
    /// Asks `servers`, the best first, until there is a cause.
    pub(super) async fn find_cause(&self, servers: &[SocketAddr]) -> Cause {
        let domain = self.domain();
        let version = Fqdn::parse(&format!("dns-version.{domain}")).unwrap_or(domain);
        let mut failed = Vec::new();
        for server in servers {
            match self.dns.text(*server, &version).await {
                said @ (Outcome::Failed(_) | Outcome::Unable(_)) => failed.push((*server, said)),
                said => return self.cause_at(*server, &said).await,
            }
        }
        self.cause_of_silence(&failed)
    }

    /// This server answers; `said` is what it knows of the cluster's domain.
    async fn cause_at(&self, server: SocketAddr, said: &Outcome) -> Cause {
        let Some(pod) = PodNameParts::of(&self.awaited.name) else {
            return self.cause_in_sight().unwrap_or_else(|| cause::unexplained(self.observation));
        };
        if !serves(&pod.domain, said) {
            return self.cause_of_other_domain(&pod, server, said).await;
        }
        if let Some(cause) = self.cause_in_sight() {
            return cause;
        }
        let names = self.own_names(server).await;
        if let Some(cause) = self.cause_in_names(&names, &pod) {
            return cause;
        }
        if self.awaited.without_subdomain {
            return cause::no_subdomain(&pod.service);
        }
        if let Outcome::Absent { .. } = self.dns.addresses(server, &pod.namespace).await {
            return cause::no_namespace(&pod.namespace);
        }
        self.cause_in_service(server, &pod.service).await
    }

    /// No server answered: the network drops packets, or the servers refuse this client.
    fn cause_of_silence(&self, failed: &[(SocketAddr, Outcome)]) -> Cause {
        let (mut silent, mut closed, mut garbled) = (Vec::new(), Vec::new(), Vec::new());
        for (server, said) in failed {
            match said {
                Outcome::Failed(Failure::Timeout) => silent.push(*server),
                Outcome::Failed(Failure::Unreachable) => closed.push(*server),
                Outcome::Failed(Failure::Garbage | Failure::Truncated) => garbled.push(*server),
                said => {
                    let failing = || cause::failing_server(server, &self.domain(), tally::word(said));
                    return self.in_searched_domain().unwrap_or_else(failing);
                }
            }
        }
        cause::no_reply(&silent, &closed, &garbled, self.awaited.search_domain.is_some())
    }

    /// The server knows nothing of the domain: it is another one's, or the domain is misspelt.
    async fn cause_of_other_domain(&self, pod: &PodNameParts, server: SocketAddr, said: &Outcome) -> Cause {
        if let Some(cause) = self.in_searched_domain() {
            return cause;
        }
        for name in self.own_names(server).await {
            let domain = PodNameParts::of(&name).map(|parts| parts.domain);
            if let Some(domain) = domain.filter(|domain| *domain != pod.domain)
                && let Some(cause) = self.in_domain(&domain)
            {
                return cause;
            }
        }
        cause::foreign_server(&server, &pod.domain, tally::word(said))
    }

    /// The domain that kubelet gave this pod to search may be another one than the awaited name's.
    fn in_searched_domain(&self) -> Option<Cause> {
        self.in_domain(self.awaited.search_domain.as_ref().filter(|searched| **searched != self.domain())?)
    }

    fn in_domain(&self, right: &Fqdn) -> Option<Cause> {
        let domain = PodNameParts::of(&self.awaited.name)?.domain;
        let labels: Vec<_> = self.awaited.name.labels().take(4).collect();
        let name = Fqdn::parse(&format!("{}.{right}", labels.join("."))).ok()?;
        Some(cause::other_domain(&domain, right, &name))
    }

    /// What the wait itself has seen may be the cause.
    fn cause_in_sight(&self) -> Option<Cause> {
        let Awaited { name, own, .. } = self.awaited;
        let is_ours = |seen: &IpAddr| own.iter().any(|own| Family::of(own) == Family::of(seen));
        match self.observation {
            Observation::Others { addresses, ttl } if addresses.iter().any(is_ours) => {
                Some(cause::other_address(addresses, *ttl))
            }
            Observation::Others { addresses, .. } => Some(cause::other_family(addresses, self.awaited.family())),
            Observation::CachedDenial => Some(cause::cached_denial()),
            Observation::NoAddress => Some(cause::no_family(name, self.awaited.family())),
            Observation::Silence | Observation::Absent | Observation::AbsentElsewhere => None,
        }
    }

    /// Services that publish this pod know it by name.
    fn cause_in_names(&self, names: &[Fqdn], pod: &PodNameParts) -> Option<Cause> {
        let awaited = &self.awaited.name;
        if names.contains(awaited) {
            return Some(cause::cached_denial());
        }
        if let Some(found) = names.iter().find(|name| name.parent().as_ref() == Some(&pod.service)) {
            return Some(cause::other_host_name(found, awaited));
        }
        (!names.is_empty()).then(|| cause::other_service(names, awaited))
    }

    /// No service is known to publish this pod: looks at the one that should.
    async fn cause_in_service(&self, server: SocketAddr, service: &Fqdn) -> Cause {
        let addresses = match self.dns.addresses(server, service).await {
            Outcome::Absent { .. } => return cause::no_service(service),
            Outcome::Exists { .. } => return cause::no_address(service, self.awaited.family()),
            Outcome::Addresses { addresses, .. } => addresses,
            Outcome::Unable(_) | Outcome::Failed(_) => return cause::unexplained(self.observation),
        };
        if addresses.iter().any(|address| self.awaited.own.contains(&address.to_canonical())) {
            return cause::no_host_name(service);
        }
        let is_its_own = match addresses.as_slice() {
            [] => true,
            // A peer's address has a name below the service, a service's own address has the service's.
            [address] => {
                let names = self.dns.names(server, *address).await;
                names.is_empty() || names.contains(service)
            }
            _ => false,
        };
        if is_its_own {
            cause::not_headless(service, &addresses)
        } else {
            cause::not_published(service, addresses.len())
        }
    }

    /// The domain whose servers should be the ones that were asked.
    fn domain(&self) -> Fqdn {
        let of_pod = PodNameParts::of(&self.awaited.name).map(|parts| parts.domain);
        of_pod.or_else(|| self.awaited.cluster_domain.clone()).unwrap_or_else(|| self.awaited.name.clone())
    }

    /// This pod's names under services. Its address may have other names, from outside the cluster.
    async fn own_names(&self, server: SocketAddr) -> Vec<Fqdn> {
        let Some(own) = self.awaited.own.first() else { return Vec::new() };
        let mut names = self.dns.names(server, own.to_canonical()).await;
        names.retain(|name| PodNameParts::of(name).is_some());
        names
    }
}

/// Whether this answer to the question for `dns-version` comes from the domain's own server.
fn serves(domain: &Fqdn, said: &Outcome) -> bool {
    matches!(said, Outcome::Addresses { .. }) || said.zone().is_some_and(|zone| zone.is_within(domain))
}
