//! What the answers mean: the record as beaminit sees it, and as others may still see it.
//!
//! Pure: no I/O, no clock.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::answers::{Authority, Outcome};
use super::questions::Family;
use super::text::list;

/// What is known of a record that is not there yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Observation {
    /// No server has given a useful answer.
    Silence,
    /// The name does not exist, says its own zone.
    Absent,
    /// The name does not exist, says another zone's server: probably not one of the cluster.
    AbsentElsewhere,
    /// The name exists, but caches still deny its address.
    CachedDenial,
    /// The name exists and has no address of the pod's families.
    NoAddress,
    /// The name has other addresses than the pod's: a predecessor's, or another pod's of the same name.
    Others {
        addresses: Vec<IpAddr>,
        /// For how many more seconds a cache may give them.
        ttl: u32,
    },
}

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silence => f.write_str("no name server has given an answer"),
            Self::Absent => f.write_str("the name does not exist"),
            Self::AbsentElsewhere => f.write_str("the name servers asked are not those of its zone and do not know it"),
            Self::CachedDenial => f.write_str("the name exists, but a cache still denies its address"),
            Self::NoAddress => f.write_str("the name exists, but has no address of this pod's families"),
            Self::Others { addresses, .. } => {
                write!(f, "the name has another address, a predecessor's perhaps: {}", list(addresses, ", "))
            }
        }
    }
}

/// The pod's record, as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Which of the pod's addresses it has.
    pub addresses: Vec<IpAddr>,
    /// The families of which the pod has addresses and the record has none.
    pub missing: Vec<Family>,
    /// When it was seen, from the start of the wait.
    pub after: Duration,
    pub confirmation: Confirmation,
}

/// The answer to the question that every other client asks, once the record was seen. The later ones matter more to peers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confirmation {
    /// It was not answered.
    Unknown,
    /// One of the pod's addresses as well.
    Agrees,
    /// A denial from a cache.
    Denied {
        /// For how many more seconds others may see it.
        ttl: u32,
    },
    /// Only other addresses, from a cache.
    Others {
        addresses: Vec<IpAddr>,
        /// For how many more seconds others may see them.
        ttl: u32,
    },
}

impl Observation {
    /// What is learned from an answer without any of the pod's addresses, if anything.
    pub(super) fn of(outcome: &Outcome, authority: &Authority) -> Option<Self> {
        match outcome {
            Outcome::Addresses { addresses, ttl } if !addresses.is_empty() => {
                Some(Self::Others { addresses: addresses.clone(), ttl: *ttl })
            }
            Outcome::Absent { .. } if authority.includes(outcome.zone()) => Some(Self::Absent),
            Outcome::Absent { .. } => Some(Self::AbsentElsewhere),
            Outcome::Exists { .. } => Some(Self::NoAddress),
            Outcome::Addresses { .. } | Outcome::Unable(_) | Outcome::Failed(_) => None,
        }
    }
}

impl Sighting {
    /// `seen` of the addresses `own`, at `after`.
    pub(super) fn new(seen: Vec<IpAddr>, own: &[IpAddr], after: Duration) -> Self {
        let (missing, confirmation) = (families(own), Confirmation::Unknown);
        let mut sighting = Self { addresses: Vec::new(), missing, after, confirmation };
        sighting.add(seen);
        sighting
    }

    /// Adds more of the pod's addresses.
    pub(super) fn add(&mut self, seen: Vec<IpAddr>) {
        self.addresses.extend(seen);
        self.addresses.sort();
        self.addresses.dedup();
        let seen = self.families();
        self.missing.retain(|family| !seen.contains(family));
    }

    /// The families that other clients ask for with success.
    pub(super) fn families(&self) -> Vec<Family> {
        families(&self.addresses)
    }
}

fn families(addresses: &[IpAddr]) -> Vec<Family> {
    let families: BTreeSet<_> = addresses.iter().map(Family::of).collect();
    families.into_iter().collect()
}

impl Confirmation {
    /// What an answer means, which has one of the pod's `own` addresses or not.
    pub(super) fn of(outcome: &Outcome, own: bool) -> Self {
        match outcome {
            _ if own => Self::Agrees,
            Outcome::Addresses { addresses, ttl } => Self::Others { addresses: addresses.clone(), ttl: *ttl },
            Outcome::Absent { ttl, .. } | Outcome::Exists { ttl, .. } => Self::Denied { ttl: *ttl },
            Outcome::Unable(_) | Outcome::Failed(_) => Self::Unknown,
        }
    }

    /// Of two answers the one that matters more to peers, for as long as either may last: another address before a denial,
    /// a denial before our own.
    pub(super) fn or_worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::Others { addresses, ttl }, Self::Others { addresses: more, ttl: longer }) => {
                let mut addresses = [addresses, more].concat();
                addresses.sort();
                addresses.dedup();
                Self::Others { addresses, ttl: ttl.max(longer) }
            }
            (first, second) => first.max(second),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_families_are_those_that_the_pod_has_and_the_record_has_not() {
        let (v4, v6): (IpAddr, IpAddr) = ("10.0.0.5".parse().unwrap(), "fd00::5".parse().unwrap());
        let rows: [(&[IpAddr], &[IpAddr], &[Family]); 4] = [
            (&[v4], &[v4], &[]),
            (&[v4, v6], &[v4], &[Family::V6]),
            (&[v4, v6], &[v6], &[Family::V4]),
            (&[v4, v6], &[v4, v6], &[]),
        ];
        for (own, seen, missing) in rows {
            assert_eq!(Sighting::new(seen.to_vec(), own, Duration::ZERO).missing, missing);
        }
        let mut sighting = Sighting::new(vec![v4], &[v4, v6], Duration::ZERO);
        sighting.add(vec![v6, v6]);
        assert_eq!((sighting.addresses, sighting.missing), (vec![v4, v6], vec![]));
    }

    #[test]
    fn other_clients_may_see_a_denial_or_an_old_address() {
        let old = vec!["10.0.0.9".parse().unwrap()];
        let answer = Outcome::Addresses { addresses: old.clone(), ttl: 7 };
        let rows = [
            (&answer, true, Confirmation::Agrees),
            (&answer, false, Confirmation::Others { addresses: old, ttl: 7 }),
            (&Outcome::Absent { zone: None, ttl: 21 }, false, Confirmation::Denied { ttl: 21 }),
            (&Outcome::Failed(crate::wait::answers::Failure::Timeout), false, Confirmation::Unknown),
        ];
        for (outcome, own, confirmation) in rows {
            assert_eq!(Confirmation::of(outcome, own), confirmation);
        }
    }
}
