//! What is known of a pod, and where each fact was found.
//!
//! Pure: no I/O, no clock.

use super::cure::{cure, missing_part};
use super::name::{DnsLabel, Fqdn};
use crate::error::Problem;
use std::fmt;
use std::net::IpAddr;

/// What is known of this pod. A missing fact is an error only if something needs it.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    /// `MY_POD_NAME`.
    pub(crate) pod_name: Option<Fact<DnsLabel>>,
    /// `MY_POD_NAMESPACE`.
    pub(crate) namespace: Option<Fact<DnsLabel>>,
    /// `MY_POD_IP`, `MY_POD_IPS`.
    pub(crate) addresses: Option<Fact<Vec<IpAddr>>>,
    /// `MY_POD_BASE_DNS`: the headless service's full name.
    pub(crate) base_dns: Option<Fact<Fqdn>>,
    /// `MY_POD_SERVICE`.
    pub(crate) service: Option<Fact<DnsLabel>>,
    /// `CLUSTER_DOMAIN`.
    pub(crate) cluster_domain: Option<Fact<Fqdn>>,
    /// `MY_POD_FQDN`: the pod's full name, which its peers look up.
    pub(crate) fqdn: Option<Fact<Fqdn>>,
    /// The names that `/etc/hosts` has for the pod's own addresses.
    pub(crate) names_in_hosts: Vec<Fqdn>,
    pub(crate) warnings: Vec<Problem>,
    /// Variables with an invalid value for which nothing else gave one, and the reason.
    pub(crate) refused: Vec<(&'static str, String)>,
    /// Whether the kubelet wrote the pod's own hosts line without a domain: then the pod has no host name under a
    /// headless service.
    pub(crate) without_subdomain: bool,
}

/// A value and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact<T> {
    pub(crate) value: T,
    pub(crate) source: Source,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Variable(&'static str),
    /// The pod's own line of `/etc/hosts`.
    HostsFile,
    /// What `gethostname` returns.
    HostName,
    /// The service account's namespace file.
    NamespaceFile,
    /// The `search` line of `/etc/resolv.conf`.
    SearchList,
    Interfaces,
    /// Other values of the identity.
    Derived,
    Default,
}

impl Identity {
    /// The variables that templates and the release see, those that are known.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String, Source)> {
        let facts = [
            ("MY_POD_NAME", self.pod_name.as_ref().map(Fact::text)),
            ("MY_POD_NAMESPACE", self.namespace.as_ref().map(Fact::text)),
            ("MY_POD_IP", self.list_addresses(1)),
            ("MY_POD_IPS", self.list_addresses(usize::MAX)),
            ("MY_POD_BASE_DNS", self.base_dns.as_ref().map(Fact::text)),
            ("MY_POD_SERVICE", self.service.as_ref().map(Fact::text)),
            ("CLUSTER_DOMAIN", self.cluster_domain.as_ref().map(Fact::text)),
            ("MY_POD_FQDN", self.fqdn.as_ref().map(Fact::text)),
        ];
        facts.into_iter().filter_map(|(name, fact)| fact.map(|(value, source)| (name, value, source))).collect()
    }

    fn list_addresses(&self, most: usize) -> Option<(String, Source)> {
        let Fact { value, source } = self.addresses.as_ref()?;
        let texts: Vec<_> = value.iter().take(most).map(ToString::to_string).collect();
        Some((texts.join(","), *source))
    }

    /// The pod's addresses, none if they are not known.
    pub(crate) fn own_addresses(&self) -> &[IpAddr] {
        self.addresses.as_ref().map_or(&[], |fact| fact.value.as_slice())
    }

    /// True if `name` is a pod's host name under a service, but the kubelet gave this pod no subdomain. The name that DNS
    /// makes of the pod's address is not such a host name.
    pub(crate) fn has_no_host_name(&self, name: &Fqdn) -> bool {
        let label = Some(name.first_label());
        let of_an_address = self.own_addresses().iter().any(|own| DnsLabel::of_address(*own) == label);
        self.without_subdomain && !of_an_address && name.labels().nth(3) == Some("svc")
    }

    /// Whether the cluster's DNS should know this name.
    pub(crate) fn is_of_cluster(&self, name: &Fqdn) -> bool {
        let domain = self.cluster_domain.as_ref().map(|domain| format!(".{}", domain.value));
        // One that only the hosts file has may be any container's.
        let is_given = |fqdn: &Fact<Fqdn>| fqdn.value == *name && fqdn.source != Source::HostsFile;
        self.fqdn.as_ref().is_some_and(is_given)
            || domain.is_some_and(|domain| name.as_str().ends_with(&domain))
            || name.labels().skip(1).any(|label| label == "svc")
    }

    /// What to set so that the pod's full name is known.
    pub(crate) fn cure_for_fqdn(&self) -> &'static str {
        cure(self.missing_for_fqdn().unwrap_or("MY_POD_FQDN"))
    }

    /// The variable without which the pod's full name is not known, although its service is.
    pub(crate) fn missing_for_fqdn(&self) -> Option<&'static str> {
        let known = self.variables();
        missing_part("MY_POD_FQDN", |part| known.iter().any(|(name, ..)| *name == part))
    }

    /// An invalid value that another source made up for stays a warning; nothing is missing.
    pub(super) fn drop_resolved(&mut self) {
        let known: Vec<_> = self.variables().into_iter().map(|(name, ..)| name).collect();
        self.refused.retain(|(name, _)| !known.contains(name));
    }
}

impl<T: fmt::Display> Fact<T> {
    fn text(&self) -> (String, Source) {
        (self.value.to_string(), self.source)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::HostsFile => f.write_str("/etc/hosts"),
            Self::HostName => f.write_str("the host name"),
            Self::NamespaceFile => f.write_str("the service account's namespace file"),
            Self::SearchList => f.write_str("the search list of /etc/resolv.conf"),
            Self::Interfaces => f.write_str("the network interfaces"),
            Self::Derived => f.write_str("the other values"),
            Self::Default => f.write_str("the default"),
        }
    }
}
