//! Who this pod is: name, namespace, headless service, cluster domain, addresses, and so its name in DNS.
//!
//! Each value is found by the first of several sources that has it; [`Sources::read`] reads them, the rest is pure.

pub mod hosts;
pub mod name;
mod own_lines;
pub mod resolv_conf;
mod sources;

pub use sources::Sources;

use crate::error::Problem;
use crate::variables::RawEnv;
use name::{DnsLabel, Fqdn, NameError};
use own_lines::OwnLines;
use std::fmt;
use std::net::IpAddr;

/// What is known of this pod. What is not known is absent: that is an error only where something needs it.
#[derive(Debug, Default)]
pub struct Identity {
    /// `MY_POD_NAME`.
    pub pod_name: Option<Fact<DnsLabel>>,
    /// `MY_POD_NAMESPACE`.
    pub namespace: Option<Fact<DnsLabel>>,
    /// `MY_POD_IP`, `MY_POD_IPS`: the pod's own addresses, the first one first.
    pub addresses: Option<Fact<Vec<IpAddr>>>,
    /// `MY_POD_BASE_DNS`: the headless service's name in full.
    pub base_dns: Option<Fact<Fqdn>>,
    /// `MY_POD_SERVICE`.
    pub service: Option<Fact<DnsLabel>>,
    /// `CLUSTER_DOMAIN`.
    pub cluster_domain: Option<Fact<Fqdn>>,
    /// `MY_POD_FQDN`: the pod's own name in full, which its peers look up.
    pub fqdn: Option<Fact<Fqdn>>,
    /// What looks wrong, by the variable's name.
    pub warnings: Vec<Problem>,
    /// Variables that are set, but to nothing that can be used, and nothing else gave a value; with the reason.
    pub refused: Vec<(&'static str, String)>,
    /// Whether kubelet wrote the pod's own hosts line without a domain: then no headless service gives it a name of its
    /// own.
    pub without_subdomain: bool,
}

/// A value and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub source: Source,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A variable of the environment.
    Variable(&'static str),
    /// The pod's own line of `/etc/hosts`.
    HostsFile,
    /// The host name of the machine.
    HostName,
    /// The service account's namespace file.
    NamespaceFile,
    /// The `search` line of `/etc/resolv.conf`.
    SearchList,
    /// The network interfaces.
    Interfaces,
    /// Other values of the identity.
    Derived,
    /// Nothing said otherwise.
    Default,
}

impl Identity {
    /// Finds out what can be known.
    #[must_use]
    pub fn find(raw: &RawEnv, sources: &Sources) -> Self {
        let mut given = Given { raw, identity: Self::default() };
        let given_addresses = given.addresses();
        let own = OwnLines::find(sources, given_addresses.as_ref().map(|fact| fact.value.as_slice()));
        let (search_namespace, search_domain) = sources.resolv_conf.cluster();

        let pod_name = given
            .label("MY_POD_NAME", &[("MY_POD_NAME", raw.my_pod_name.as_deref()), ("POD_NAME", raw.pod_name.as_deref())])
            .or_else(|| fact(own.host_name.clone(), Source::HostsFile))
            .or_else(|| fact(sources.host_label(), Source::HostName));
        let namespace = given
            .label(
                "MY_POD_NAMESPACE",
                &[
                    ("MY_POD_NAMESPACE", raw.my_pod_namespace.as_deref()),
                    ("POD_NAMESPACE", raw.pod_namespace.as_deref()),
                ],
            )
            .or_else(|| fact(label(sources.namespace.as_deref()), Source::NamespaceFile))
            .or_else(|| fact(label(own.place().map(|place| place.namespace)), Source::HostsFile))
            .or_else(|| fact(label(search_namespace.as_deref()), Source::SearchList));
        let addresses = given_addresses
            .or_else(|| fact(some(&own.addresses), Source::HostsFile))
            .or_else(|| fact(some(&sources.interfaces), Source::Interfaces));
        let cluster_domain = given
            .fqdn("CLUSTER_DOMAIN", raw.cluster_domain.as_deref())
            .or_else(|| fact(own.place().and_then(|place| Fqdn::parse(place.domain).ok()), Source::HostsFile))
            .or_else(|| fact(search_domain, Source::SearchList))
            .or_else(|| fact(Fqdn::parse("cluster.local").ok(), Source::Default));

        let service = given.label("MY_POD_SERVICE", &[("MY_POD_SERVICE", raw.my_pod_service.as_deref())]);
        let composed = compose_base(service.as_ref(), namespace.as_ref(), cluster_domain.as_ref());
        let base_dns = given
            .fqdn("MY_POD_BASE_DNS", raw.my_pod_base_dns.as_deref())
            .or_else(|| fact(own.fqdn.as_ref().and_then(Fqdn::parent), Source::HostsFile))
            .or_else(|| fact(composed.clone(), Source::Derived));
        if composed.is_some() && cluster_domain.as_ref().is_some_and(|domain| domain.source == Source::Default) {
            let taken = "CLUSTER_DOMAIN is not set and /etc/resolv.conf does not tell it: taken to be cluster.local";
            given.warn(Problem::new(taken).hint("set CLUSTER_DOMAIN=cluster.local, or what the cluster has"));
        }
        let service = service.or_else(|| fact(base_dns.as_ref().map(|base| base.value.first_label()), Source::Derived));
        let fqdn = given
            .fqdn("MY_POD_FQDN", raw.my_pod_fqdn.as_deref())
            .or_else(|| fact(own.fqdn.clone(), Source::HostsFile))
            .or_else(|| {
                let base = &base_dns.as_ref()?.value;
                fact(own.endpoint_name(pod_name.as_ref(), addresses.as_ref(), base), Source::Derived)
            });
        given.compare_with_hosts(&own, base_dns.as_ref(), fqdn.as_ref());

        let found = given.identity;
        let without_subdomain = own.without_subdomain;
        let identity = Self {
            pod_name,
            namespace,
            addresses,
            base_dns,
            service,
            cluster_domain,
            fqdn,
            without_subdomain,
            ..found
        };
        identity.forgive_what_was_found()
    }

    /// The variables that templates and the release see, those that are known.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String, Source)> {
        fn text<T: ToString>(name: &'static str, fact: Option<&Fact<T>>) -> Option<(&'static str, String, Source)> {
            fact.map(|fact| (name, fact.value.to_string(), fact.source))
        }
        let addresses = self.addresses.as_ref();
        let list = |list: &[IpAddr]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        [
            text("MY_POD_NAME", self.pod_name.as_ref()),
            text("MY_POD_NAMESPACE", self.namespace.as_ref()),
            addresses.and_then(|fact| Some(("MY_POD_IP", fact.value.first()?.to_string(), fact.source))),
            addresses.map(|fact| ("MY_POD_IPS", list(&fact.value), fact.source)),
            text("MY_POD_BASE_DNS", self.base_dns.as_ref()),
            text("MY_POD_SERVICE", self.service.as_ref()),
            text("CLUSTER_DOMAIN", self.cluster_domain.as_ref()),
            text("MY_POD_FQDN", self.fqdn.as_ref()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The pod's addresses, none if they are not known.
    #[must_use]
    pub fn own_addresses(&self) -> &[IpAddr] {
        self.addresses.as_ref().map_or(&[], |fact| fact.value.as_slice())
    }

    /// Whether `name` is a pod's host name under a service, as far as this pod's own hosts line tells not its: it has no
    /// subdomain. The name that DNS makes of the pod's address it may have all the same.
    #[must_use]
    pub fn has_no_host_name(&self, name: &Fqdn) -> bool {
        let label = Some(name.first_label());
        let of_an_address = self.own_addresses().iter().any(|own| DnsLabel::of_address(*own) == label);
        self.without_subdomain && !of_an_address && name.labels().nth(3) == Some("svc")
    }

    /// A bad value that another source made good stays a warning; nothing is missing.
    fn forgive_what_was_found(mut self) -> Self {
        let found: Vec<_> = self.variables().into_iter().map(|(name, ..)| name).collect();
        self.refused.retain(|(name, _)| !found.contains(name));
        self
    }
}

/// What the environment gives, checked; what is wrong with it is noted, once for each variable.
struct Given<'a> {
    raw: &'a RawEnv,
    identity: Identity,
}

impl Given<'_> {
    fn label(&mut self, name: &'static str, candidates: &[(&'static str, Option<&str>)]) -> Option<Fact<DnsLabel>> {
        candidates.iter().find_map(|(variable, value)| self.parse(name, variable, *value, DnsLabel::parse))
    }

    fn fqdn(&mut self, name: &'static str, value: Option<&str>) -> Option<Fact<Fqdn>> {
        self.parse(name, name, value, Fqdn::parse)
    }

    /// All addresses of the first pair of variables that has any; `MY_POD_IP` is the first one.
    fn addresses(&mut self) -> Option<Fact<Vec<IpAddr>>> {
        let raw = self.raw;
        let pairs = [
            [("MY_POD_IP", raw.my_pod_ip.as_deref()), ("MY_POD_IPS", raw.my_pod_ips.as_deref())],
            [("POD_IP", raw.pod_ip.as_deref()), ("POD_IPS", raw.pod_ips.as_deref())],
        ];
        pairs.into_iter().find_map(|pair| {
            let lists = pair.map(|(variable, value)| self.parse("MY_POD_IP", variable, value, parse_addresses));
            let source = lists.iter().flatten().next()?.source;
            let mut all = Vec::new();
            for address in lists.into_iter().flatten().flat_map(|fact| fact.value) {
                if !all.contains(&address) {
                    all.push(address);
                }
            }
            (!all.is_empty()).then_some(Fact { value: all, source })
        })
    }

    fn parse<T>(
        &mut self,
        name: &'static str,
        variable: &'static str,
        value: Option<&str>,
        parse: impl Fn(&str) -> Result<T, NameError>,
    ) -> Option<Fact<T>> {
        let reason = match value.map(&parse) {
            Some(Ok(value)) => return Some(Fact { value, source: Source::Variable(variable) }),
            Some(Err(reason)) => format!("{variable}={:?} {reason}", value.unwrap_or_default()),
            None if self.raw.not_utf8.contains(&variable) => format!("{variable} is not UTF-8"),
            None => return None,
        };
        self.warn(Problem::new(format!("{reason}: not used")).hint(cure(name)));
        self.identity.refused.push((name, reason));
        None
    }

    fn compare_with_hosts(&mut self, own: &OwnLines, base: Option<&Fact<Fqdn>>, fqdn: Option<&Fact<Fqdn>>) {
        let parent = own.fqdn.as_ref().and_then(Fqdn::parent);
        for (given, found) in [(base, parent), (fqdn, own.fqdn.clone())] {
            if let (Some(Fact { value, source: Source::Variable(name) }), Some(found)) = (given, found)
                && *value != found
            {
                let message = format!("{name} is {value}, but /etc/hosts calls this pod {found}");
                self.warn(Problem::new(message).hint(format!("unset {name}: what /etc/hosts says serves without it")));
            }
        }
    }

    fn warn(&mut self, warning: Problem) {
        self.identity.warnings.push(warning);
    }
}

fn compose_base(
    service: Option<&Fact<DnsLabel>>,
    namespace: Option<&Fact<DnsLabel>>,
    domain: Option<&Fact<Fqdn>>,
) -> Option<Fqdn> {
    Fqdn::parse(&format!("{}.{}.svc.{}", service?.value, namespace?.value, domain?.value)).ok()
}

fn parse_addresses(text: &str) -> Result<Vec<IpAddr>, NameError> {
    let parse = |word: &str| word.parse().map_err(|_| NameError::new(format!("has {word:?}, which is no address")));
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(parse).collect()
}

fn label(text: Option<&str>) -> Option<DnsLabel> {
    DnsLabel::parse(text?.trim()).ok()
}

fn some(list: &[IpAddr]) -> Option<Vec<IpAddr>> {
    (!list.is_empty()).then(|| list.to_vec())
}

fn fact<T>(value: Option<T>, source: Source) -> Option<Fact<T>> {
    value.map(|value| Fact { value, source })
}

/// How a pod is told the value of this variable, as one would type it.
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
