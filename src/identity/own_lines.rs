//! The pod's own lines of `/etc/hosts`, and the names that follow from them.
//!
//! Pure: no I/O, no clock.

use super::hosts::Hosts;
use super::name::{DnsLabel, Fqdn, PodNameParts};
use super::sources::Sources;
use std::net::IpAddr;

/// What the pod's own lines of `/etc/hosts` say.
#[derive(Default)]
pub(super) struct OwnLines {
    /// The kubelet wrote them, without a domain.
    pub(super) without_subdomain: bool,
    /// The pod has no network namespace: it is on the node's network.
    pub(super) on_host_network: bool,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) fqdn: Option<Fqdn>,
    pub(super) host_name: Option<DnsLabel>,
}

impl OwnLines {
    pub(super) fn find(sources: &Sources, given: Option<&[IpAddr]>) -> Self {
        let hosts = Hosts::parse(&sources.hosts);
        let host_name = sources.host_name.as_deref();
        let mut lines = hosts.own_lines(given.unwrap_or_default(), host_name);
        if lines.is_empty() && given.is_none() {
            lines = hosts.own_lines(&sources.interfaces, host_name);
        }
        let fqdn = lines.iter().find_map(|line| line.fqdn());
        let host_name = match &fqdn {
            Some(fqdn) => Some(fqdn.first_label()),
            None => lines.iter().flat_map(|line| &line.names).find_map(|name| DnsLabel::parse(name).ok()),
        };
        let without_subdomain = hosts.is_kubelets && !lines.is_empty() && fqdn.is_none();
        Self {
            without_subdomain,
            on_host_network: hosts.on_host_network,
            addresses: lines.iter().map(|line| line.address).collect(),
            fqdn,
            host_name,
        }
    }

    pub(super) fn pod_name_parts(&self) -> Option<PodNameParts> {
        PodNameParts::of(self.fqdn.as_ref()?)
    }
}
