//! The pod's identity: name, namespace, headless service, cluster domain, addresses, and so its name in DNS.
//!
//! `candidates` lists where each fact may be found; `Sources::read` reads files and asks the kernel, the rest is pure.

mod candidates;
pub mod hosts;
pub mod name;
mod own_lines;
pub mod resolv_conf;
mod sources;

pub use sources::Sources;

use crate::error::Problem;
use crate::variables::{DERIVED, RawEnv};
use candidates::{Clues, composed_base};
use name::{DnsLabel, Fqdn};
use own_lines::OwnLines;
use std::fmt;
use std::net::IpAddr;

/// What is known of this pod. A missing fact is an error only if something needs it.
#[derive(Debug, Default)]
pub struct Identity {
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
    pub(crate) warnings: Vec<Problem>,
    /// Variables with an invalid value for which nothing else gave one, and the reason.
    pub(crate) refused: Vec<(&'static str, String)>,
    /// Whether the kubelet wrote the pod's own hosts line without a domain: then the pod has no host name under a
    /// headless service.
    pub(crate) without_subdomain: bool,
}

/// A value and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact<T> {
    pub(crate) value: T,
    pub(crate) source: Source,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Source {
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
    /// Finds each fact, in the order in which later ones are composed of earlier ones.
    #[must_use]
    pub fn find(raw: &RawEnv, sources: &Sources) -> Self {
        let mut clues = Clues { raw, sources, own: OwnLines::default(), identity: Self::default() };
        let given_addresses = clues.given_addresses();
        clues.own = OwnLines::find(sources, given_addresses.as_ref().map(|fact| fact.value.as_slice()));
        clues.identity.without_subdomain = clues.own.without_subdomain;

        clues.identity.pod_name = clues.find("MY_POD_NAME", candidates::POD_NAME);
        clues.identity.namespace = clues.find("MY_POD_NAMESPACE", candidates::NAMESPACE);
        clues.identity.addresses = given_addresses.or_else(|| clues.find("MY_POD_IP", candidates::ADDRESSES));
        clues.identity.cluster_domain = clues.find("CLUSTER_DOMAIN", candidates::CLUSTER_DOMAIN);
        clues.identity.base_dns = clues.find("MY_POD_BASE_DNS", candidates::BASE_DNS);
        clues.identity.service = clues.find("MY_POD_SERVICE", candidates::SERVICE);
        clues.identity.fqdn = clues.find("MY_POD_FQDN", candidates::FQDN);

        clues.warn_of_default_domain();
        clues.compare_with_hosts();
        clues.identity.drop_resolved();
        clues.identity
    }

    /// The variables that templates and the release see, those that are known.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String, Source)> {
        let known = |name| self.variable(name).map(|(value, source)| (name, value, source));
        DERIVED.into_iter().filter_map(known).collect()
    }

    fn variable(&self, name: &str) -> Option<(String, Source)> {
        match name {
            "MY_POD_NAME" => self.pod_name.as_ref().map(Fact::text),
            "MY_POD_NAMESPACE" => self.namespace.as_ref().map(Fact::text),
            "MY_POD_IP" => {
                self.addresses.as_ref().and_then(|list| Some((list.value.first()?.to_string(), list.source)))
            }
            "MY_POD_IPS" => self.addresses.as_ref().map(|list| (comma_separated(&list.value), list.source)),
            "MY_POD_BASE_DNS" => self.base_dns.as_ref().map(Fact::text),
            "MY_POD_SERVICE" => self.service.as_ref().map(Fact::text),
            "CLUSTER_DOMAIN" => self.cluster_domain.as_ref().map(Fact::text),
            "MY_POD_FQDN" => self.fqdn.as_ref().map(Fact::text),
            _ => None,
        }
    }

    /// The pod's addresses, none if they are not known.
    #[must_use]
    pub fn own_addresses(&self) -> &[IpAddr] {
        self.addresses.as_ref().map_or(&[], |fact| fact.value.as_slice())
    }

    /// True if `name` is a pod's host name under a service, but the kubelet gave this pod no subdomain. The name that DNS
    /// makes of the pod's address is not such a host name.
    #[must_use]
    pub fn has_no_host_name(&self, name: &Fqdn) -> bool {
        let label = Some(name.first_label());
        let of_an_address = self.own_addresses().iter().any(|own| DnsLabel::of_address(*own) == label);
        self.without_subdomain && !of_an_address && name.labels().nth(3) == Some("svc")
    }

    /// What to set so that the pod's full name is known.
    #[must_use]
    pub fn cure_for_fqdn(&self) -> &'static str {
        let missing = missing_part("MY_POD_FQDN", |name| self.variable(name).is_some());
        cure(missing.unwrap_or("MY_POD_FQDN"))
    }

    /// An invalid value that another source made up for stays a warning; nothing is missing.
    fn drop_resolved(&mut self) {
        let known: Vec<_> = self.variables().into_iter().map(|(name, ..)| name).collect();
        self.refused.retain(|(name, _)| !known.contains(name));
    }
}

impl<T: fmt::Display> Fact<T> {
    fn text(&self) -> (String, Source) {
        (self.value.to_string(), self.source)
    }
}

impl Clues<'_> {
    fn warn_of_default_domain(&mut self) {
        let is_default = self.identity.cluster_domain.as_ref().is_some_and(|domain| domain.source == Source::Default);
        if is_default && composed_base(self).is_some() {
            let message = "CLUSTER_DOMAIN is not set and not in /etc/resolv.conf: taken to be cluster.local";
            self.warn(Problem::new(message).hint("set CLUSTER_DOMAIN=cluster.local, or what the cluster has"));
        }
    }

    fn compare_with_hosts(&mut self) {
        let own = self.own.fqdn.clone();
        let base = own.as_ref().and_then(Fqdn::parent);
        for (given, own) in [(self.identity.base_dns.clone(), base), (self.identity.fqdn.clone(), own)] {
            if let (Some(Fact { value, source: Source::Variable(name) }), Some(own)) = (given, own)
                && value != own
            {
                let message = format!("{name} is {value}, but /etc/hosts calls this pod {own}");
                self.warn(Problem::new(message).hint(format!("unset {name}: /etc/hosts is enough without it")));
            }
        }
    }
}

fn comma_separated(list: &[IpAddr]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// The first variable that is missing for the composed name `name`, if the service is known, which somebody has to name.
#[must_use]
pub fn missing_part(name: &str, is_known: impl Fn(&str) -> bool) -> Option<&'static str> {
    let parts: &[&str] = match name {
        "MY_POD_BASE_DNS" => &["MY_POD_NAMESPACE"],
        "MY_POD_FQDN" => &["MY_POD_NAMESPACE", "MY_POD_NAME", "MY_POD_IP"],
        _ => &[],
    };
    if !is_known("MY_POD_SERVICE") {
        return None;
    }
    parts.iter().copied().find(|part| !is_known(part))
}

/// How to set a variable, as one would type it.
#[must_use]
pub fn cure(variable: &str) -> &'static str {
    match variable {
        "MY_POD_NAME" => "set MY_POD_NAME from the downward API: fieldRef: {fieldPath: metadata.name}",
        "MY_POD_NAMESPACE" => "set MY_POD_NAMESPACE from the downward API: fieldRef: {fieldPath: metadata.namespace}",
        "MY_POD_IP" => "set MY_POD_IP from the downward API: fieldRef: {fieldPath: status.podIP}",
        "MY_POD_IPS" => "set MY_POD_IPS from the downward API: fieldRef: {fieldPath: status.podIPs}",
        "CLUSTER_DOMAIN" => "set CLUSTER_DOMAIN=cluster.local, or what the cluster has",
        _ => "name the headless Service in the StatefulSet's serviceName, or in MY_POD_SERVICE",
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

#[cfg(test)]
mod tests;
