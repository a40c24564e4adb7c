//! The record that is awaited.
//!
//! Pure: no I/O, no clock.

use std::net::{IpAddr, SocketAddr};

use crate::identity::name::Fqdn;

use super::questions::Family;

#[derive(Clone, Debug)]
pub struct Awaited {
    /// Taken as absolute.
    pub name: Fqdn,
    /// The zone whose denial of the name counts.
    pub cluster_domain: Option<Fqdn>,
    /// This pod's addresses. One of them in the answer is what is waited for.
    pub own: Vec<IpAddr>,
    /// The name servers, best first. At most the first three are asked.
    pub servers: Vec<SocketAddr>,
    /// Why `/etc/resolv.conf` could not be read.
    pub resolv_conf_error: Option<String>,
    /// The cluster's domain by the search list of resolv.conf, for the diagnosis.
    pub search_domain: Option<Fqdn>,
    /// By its own line in the hosts file the pod has no subdomain, and so no host name under any service.
    pub without_subdomain: bool,
}

impl Awaited {
    /// The family of the addresses that are asked for first.
    pub(super) fn family(&self) -> Family {
        self.own.iter().map(Family::of).min().unwrap_or(Family::V4)
    }
}
