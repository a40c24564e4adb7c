//! Why the record does not come: which question tells it next, and what the answers amount to.
//!
//! The decision reads from top to bottom: it takes the answers that it has, and where one is missing it ends with the
//! question. Whoever drives it puts that question, hands in the reply and decides anew, until there is a cause.
//!
//! Pure: no I/O, no clock.

mod cause;
mod cure;

use std::net::{IpAddr, SocketAddr};

use crate::identity::name::{DnsLabel, Fqdn};

use super::Awaited;
use super::answers::{Failure, Outcome};
use super::questions::Family;
use super::sighting::Observation;
use super::tally;

pub use self::cause::Cause;

/// A question of the diagnosis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inquiry {
    /// Does this server know the cluster's domain? Each one that serves it has a `TXT` record `dns-version` there.
    Version(SocketAddr),
    /// Which names has this address? One for each service that publishes it.
    Names(IpAddr),
    /// Does the namespace exist?
    Namespace,
    /// Which addresses has the service?
    Service,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// The names of an address.
    Names(Vec<Fqdn>),
    /// How another question ended, or this one without names.
    Outcome(Outcome),
}

/// The search for the cause.
#[derive(Debug)]
pub(super) struct Diagnosis<'a> {
    awaited: &'a Awaited,
    /// The one that answered last first.
    servers: Vec<SocketAddr>,
    observation: &'a Observation,
    replies: Vec<(Inquiry, Reply)>,
}

/// The names above a pod's: `POD.SERVICE.NAMESPACE.svc.DOMAIN`.
#[derive(Clone, Debug)]
struct Place {
    service: Fqdn,
    namespace: Fqdn,
    domain: Fqdn,
}

impl Place {
    /// The place of `name`, if it has the form of a pod's name.
    fn of(name: &Fqdn) -> Option<Self> {
        let service = name.parent()?;
        let namespace = service.parent()?;
        let svc = namespace.parent()?;
        let domain = svc.parent()?;
        (svc.first_label().as_str() == "svc").then_some(Self { service, namespace, domain })
    }
}

impl<'a> Diagnosis<'a> {
    /// The search for the cause why `awaited` is only seen as `observation` says.
    pub(super) fn new(awaited: &'a Awaited, servers: Vec<SocketAddr>, observation: &'a Observation) -> Self {
        Self { awaited, servers, observation, replies: Vec::new() }
    }

    /// Keeps a reply.
    pub(super) fn answered(&mut self, inquiry: Inquiry, reply: Reply) {
        self.replies.push((inquiry, reply));
    }

    /// The domain whose servers should be the ones that were asked.
    fn domain(&self) -> Fqdn {
        let place = Place::of(&self.awaited.name).map(|place| place.domain);
        place.or_else(|| self.awaited.cluster_domain.clone()).unwrap_or_else(|| self.awaited.name.clone())
    }

    /// The name that this question is about; none for an address.
    pub(super) fn name(&self, inquiry: &Inquiry) -> Option<Fqdn> {
        match inquiry {
            Inquiry::Version(_) => {
                let (label, domain) = (DnsLabel::parse("dns-version").ok()?, self.domain());
                Fqdn::below(&label, &domain).ok().or(Some(domain))
            }
            Inquiry::Namespace => Place::of(&self.awaited.name).map(|place| place.namespace),
            Inquiry::Service => Place::of(&self.awaited.name).map(|place| place.service),
            Inquiry::Names(_) => None,
        }
    }

    /// The server that gets this question.
    pub(super) fn server(&self, inquiry: &Inquiry) -> Option<SocketAddr> {
        match inquiry {
            Inquiry::Version(server) => Some(*server),
            _ => self.talking_server().ok().flatten().map(|(server, _)| server),
        }
    }

    /// The cause; where it cannot be told yet, the question whose reply is missing. Each question comes up once.
    pub(super) fn cause(&self) -> Result<Cause, Inquiry> {
        let Some((server, said)) = self.talking_server()? else {
            return Ok(self.silence());
        };
        let Some(place) = Place::of(&self.awaited.name) else {
            return Ok(self.cause_in_sight().unwrap_or_else(|| Cause::Unexplained(self.observation.clone())));
        };
        if !serves(&place.domain, said) {
            return self.other_domain(&place, server, said);
        }
        if let Some(cause) = self.cause_in_sight() {
            return Ok(cause);
        }
        if let Some(cause) = self.other_name(&place)? {
            return Ok(cause);
        }
        if self.awaited.without_subdomain {
            return Ok(Cause::NoSubdomain { service: place.service });
        }
        if let Outcome::Absent { .. } = self.outcome(Inquiry::Namespace)? {
            return Ok(Cause::NoNamespace { namespace: place.namespace });
        }
        self.cause_in_service(&place)
    }

    /// The first server that says anything at all, and what it says; one that only fails is passed over.
    fn talking_server(&self) -> Result<Option<(SocketAddr, &Outcome)>, Inquiry> {
        for server in &self.servers {
            let said = self.outcome(Inquiry::Version(*server))?;
            if !matches!(said, Outcome::Failed(_) | Outcome::Unable(_)) {
                return Ok(Some((*server, said)));
            }
        }
        Ok(None)
    }

    /// No server said anything: the network is in the way, or they have nothing to say to us.
    fn silence(&self) -> Cause {
        let with = |wanted: &[Outcome]| -> Vec<SocketAddr> {
            let is_wanted = |server: &&SocketAddr| {
                self.outcome(Inquiry::Version(**server)).is_ok_and(|outcome| wanted.contains(outcome))
            };
            self.servers.iter().filter(is_wanted).copied().collect()
        };
        let silent = with(&[Outcome::Failed(Failure::Timeout)]);
        let closed = with(&[Outcome::Failed(Failure::Unreachable)]);
        let garbled = with(&[Outcome::Failed(Failure::Garbage), Outcome::Failed(Failure::Truncated)]);
        let known = |server: &&SocketAddr| ![&silent, &closed, &garbled].iter().any(|list| list.contains(server));
        if let Some(server) = self.servers.iter().find(known)
            && let Ok(said) = self.outcome(Inquiry::Version(*server))
        {
            return self.in_searched_domain().unwrap_or_else(|| Cause::FailingServer {
                server: *server,
                domain: self.domain(),
                said: tally::word(said),
            });
        }
        Cause::NoReply { silent, closed, garbled }
    }

    /// The server knows nothing of the domain: it is another one's, or the domain is misspelt.
    fn other_domain(&self, place: &Place, server: SocketAddr, said: &Outcome) -> Result<Cause, Inquiry> {
        if let Some(cause) = self.in_searched_domain() {
            return Ok(cause);
        }
        let domains = self.own_names()?.into_iter().filter_map(|name| Place::of(&name)).map(|place| place.domain);
        let right = domains.into_iter().find(|domain| *domain != place.domain);
        let foreign = || Cause::ForeignServer { server, domain: place.domain.clone(), said: tally::word(said) };
        Ok(right.and_then(|right| self.in_domain(right)).unwrap_or_else(foreign))
    }

    /// The domain that kubelet gave this pod to search may be another one than the awaited name's.
    fn in_searched_domain(&self) -> Option<Cause> {
        self.in_domain(self.awaited.search_domain.clone().filter(|searched| *searched != self.domain())?)
    }

    fn in_domain(&self, right: Fqdn) -> Option<Cause> {
        let domain = Place::of(&self.awaited.name)?.domain;
        let labels: Vec<_> = self.awaited.name.labels().take(4).collect();
        let name = Fqdn::parse(&format!("{}.{right}", labels.join("."))).ok()?;
        Some(Cause::OtherDomain { domain, right, name })
    }

    /// What the wait itself has seen may be cause enough.
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
    fn other_name(&self, place: &Place) -> Result<Option<Cause>, Inquiry> {
        let (names, awaited) = (self.own_names()?, self.awaited.name.clone());
        if names.contains(&awaited) {
            return Ok(Some(Cause::CachedDenial));
        }
        if let Some(found) = names.iter().find(|name| name.parent().as_ref() == Some(&place.service)) {
            return Ok(Some(Cause::OtherHostName { found: found.clone(), awaited }));
        }
        Ok((!names.is_empty()).then_some(Cause::OtherService { names, awaited }))
    }

    /// No service is known to publish this pod: what of the one that should?
    fn cause_in_service(&self, place: &Place) -> Result<Cause, Inquiry> {
        let service = place.service.clone();
        let addresses = match self.outcome(Inquiry::Service)? {
            Outcome::Absent { .. } => return Ok(Cause::NoService { service }),
            Outcome::Exists { .. } => return Ok(Cause::NoFamily { name: service, family: self.family() }),
            Outcome::Addresses { addresses, .. } => addresses,
            Outcome::Unable(_) | Outcome::Failed(_) => return Ok(Cause::Unexplained(self.observation.clone())),
        };
        if addresses.iter().any(|address| self.awaited.own.contains(&address.to_canonical())) {
            return Ok(Cause::NoHostName { service });
        }
        let is_its_own = match addresses.as_slice() {
            [] => true,
            // A peer's address has a name below the service, a service's own address has the service's.
            [address] => {
                let names = self.names(*address)?;
                names.is_empty() || names.contains(&service)
            }
            _ => false,
        };
        let peers = addresses.len();
        Ok(if is_its_own {
            Cause::NotHeadless { service, addresses: addresses.clone() }
        } else {
            Cause::NotPublished { service, peers }
        })
    }

    /// The family of the addresses that were asked for.
    pub(super) fn family(&self) -> Family {
        self.awaited.own.iter().map(Family::of).min().unwrap_or(Family::V4)
    }

    /// This pod's names under services. Its address may have other names, from outside the cluster.
    fn own_names(&self) -> Result<Vec<Fqdn>, Inquiry> {
        let Some(own) = self.awaited.own.first() else { return Ok(Vec::new()) };
        Ok(self.names(own.to_canonical())?.iter().filter(|name| Place::of(name).is_some()).cloned().collect())
    }

    fn names(&self, address: IpAddr) -> Result<&[Fqdn], Inquiry> {
        match self.reply(Inquiry::Names(address))? {
            Reply::Names(names) => Ok(names),
            Reply::Outcome(_) => Ok(&[]),
        }
    }

    fn outcome(&self, inquiry: Inquiry) -> Result<&Outcome, Inquiry> {
        match self.reply(inquiry)? {
            Reply::Outcome(outcome) => Ok(outcome),
            Reply::Names(_) => Ok(&Outcome::Failed(Failure::Garbage)),
        }
    }

    fn reply(&self, inquiry: Inquiry) -> Result<&Reply, Inquiry> {
        self.replies.iter().find(|(asked, _)| *asked == inquiry).map(|(_, reply)| reply).ok_or(inquiry)
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

#[cfg(test)]
mod tests;
