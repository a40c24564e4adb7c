//! What a server answered, and for which zone it speaks.
//!
//! Pure: no I/O, no clock.

use std::net::IpAddr;

use crate::identity::name::Fqdn;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There are records of the type asked for.
    Addresses {
        /// The addresses in the answer and in its additional section. An `SRV` answer may have none.
        addresses: Vec<IpAddr>,
        /// For how many more seconds a cache may give this answer.
        ttl: u32,
    },
    /// The name exists, without a record of this type (NODATA).
    Exists {
        /// The zone that says so: the owner of the SOA record, if it came with one other than the root's.
        zone: Option<Fqdn>,
        /// For how many more seconds a cache may give this answer.
        ttl: u32,
    },
    /// The name does not exist (NXDOMAIN).
    Absent {
        /// The zone that says so, as in [`Outcome::Exists`].
        zone: Option<Fqdn>,
        /// For how many more seconds a cache may give this answer.
        ttl: u32,
    },
    /// The server will not answer such a question, now or later.
    Unable(Refusal),
    /// No answer this time.
    Failed(Failure),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It does not understand the question (FORMERR, BADVERS). Perhaps it would without EDNS.
    FormErr,
    /// It does not know this kind of question (NOTIMP). Perhaps it would without EDNS.
    NotImp,
    /// It does not serve this client (REFUSED).
    Refused,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    Timeout,
    /// The server could not find out (SERVFAIL), as `CoreDNS` says while it starts.
    ServFail,
    /// Nothing listens there (ICMP), or there is no route.
    Unreachable,
    /// The answer was truncated, and could not be fetched over TCP.
    Truncated,
    /// It could not be read.
    Garbage,
}

impl Outcome {
    /// The zone in which there is no such record or no such name, by its SOA record.
    pub(super) fn zone(&self) -> Option<&Fqdn> {
        match self {
            Self::Exists { zone, .. } | Self::Absent { zone, .. } => zone.as_ref(),
            Self::Addresses { .. } | Self::Unable(_) | Self::Failed(_) => None,
        }
    }
}

impl Refusal {
    /// Whether the same question without EDNS may be answered.
    #[must_use]
    pub fn may_be_for_edns(self) -> bool {
        matches!(self, Self::FormErr | Self::NotImp)
    }
}

/// Which zones may say whether the awaited name exists.
#[derive(Clone, Debug)]
pub struct Authority {
    name: Fqdn,
    cluster_domain: Option<Fqdn>,
}

impl Authority {
    /// The rule for `name`. The cluster domain counts only if the name is in it.
    #[must_use]
    pub fn over(name: &Fqdn, cluster_domain: Option<&Fqdn>) -> Self {
        let cluster_domain = cluster_domain.filter(|domain| name.is_within(domain)).cloned();
        Self { name: name.clone(), cluster_domain }
    }

    /// Whether `zone` is the zone of the awaited name. The root and top-level domains are not: their denial comes
    /// from outside the cluster, as does the one that Docker's built-in DNS forwards.
    pub(crate) fn includes(&self, zone: Option<&Fqdn>) -> bool {
        let Some(zone) = zone else { return false };
        self.name.is_within(zone)
            && match &self.cluster_domain {
                Some(domain) => zone.is_within(domain),
                None => zone.is_dotted(),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fqdn(text: &str) -> Fqdn {
        Fqdn::parse(text).unwrap()
    }

    #[test]
    fn only_the_names_own_zone_counts() {
        let pod = "web-0.web.ns1.svc.cluster.local";
        let rows = [
            (pod, Some("cluster.local"), Some("cluster.local"), true),
            (pod, Some("cluster.local"), Some("CLUSTER.local"), true),
            (pod, Some("cluster.local"), Some("ns1.svc.cluster.local"), true),
            (pod, Some("cluster.local"), Some("local"), false),
            (pod, Some("cluster.local"), Some("example.com"), false),
            (pod, Some("cluster.local"), None, false),
            (pod, Some("k8s.example.com"), Some("cluster.local"), true),
            (pod, None, Some("cluster.local"), true),
            (pod, None, Some("local"), false),
            (pod, None, Some("other.web.ns1.svc.cluster.local"), false),
            ("node1.net", None, Some("net"), false),
            ("node1.net", Some("cluster.local"), Some("net"), false),
            ("a.k8s", Some("k8s"), Some("k8s"), true),
        ];
        for (name, domain, zone, counts) in rows {
            let authority = Authority::over(&fqdn(name), domain.map(fqdn).as_ref());
            assert_eq!(authority.includes(zone.map(fqdn).as_ref()), counts, "{name} {domain:?} {zone:?}");
        }
    }
}
