//! Where each fact about the pod may be found. The first candidate of a list that has a value wins.
//!
//! Pure: no I/O, no clock.

use super::cure::cure;
use super::facts::{Fact, Identity, Source};
use super::name::{DnsLabel, Fqdn};
use super::own_lines::OwnLines;
use super::sources::Sources;
use crate::error::Problem;
use crate::variables::RawEnv;
use Candidate::{Other, Variable};
use std::net::IpAddr;

pub(super) enum Candidate<T> {
    /// An invalid value is a warning, and counts as absent.
    Variable(&'static str, fn(&str) -> Result<T, String>),
    Other(Source, fn(&Clues<'_>) -> Option<T>),
}

pub(super) const POD_NAME: &[Candidate<DnsLabel>] = &[
    Variable("MY_POD_NAME", DnsLabel::parse),
    Variable("POD_NAME", DnsLabel::parse),
    Other(Source::HostsFile, |clues| clues.own.host_name.clone()),
    Other(Source::HostName, host_name),
];

pub(super) const NAMESPACE: &[Candidate<DnsLabel>] = &[
    Variable("MY_POD_NAMESPACE", DnsLabel::parse),
    Variable("POD_NAMESPACE", DnsLabel::parse),
    Other(Source::NamespaceFile, |clues| DnsLabel::parse(clues.sources.namespace.as_deref()?.trim()).ok()),
    Other(Source::HostsFile, |clues| {
        DnsLabel::parse(clues.own.pod_name_parts()?.namespace.first_label().as_str()).ok()
    }),
    Other(Source::SearchList, |clues| DnsLabel::parse(&clues.sources.resolv_conf.cluster().0?).ok()),
];

/// Each pair of variables counts as a whole: Kubernetes has one for the first address and one for all of them.
pub(super) const ADDRESS_VARIABLES: [[&str; 2]; 2] = [["MY_POD_IP", "MY_POD_IPS"], ["POD_IP", "POD_IPS"]];

/// Behind the variables.
pub(super) const ADDRESSES: &[Candidate<Vec<IpAddr>>] = &[
    Other(Source::HostsFile, |clues| non_empty(&clues.own.addresses)),
    Other(Source::Interfaces, |clues| non_empty(&clues.sources.interfaces)),
];

pub(super) const CLUSTER_DOMAIN: &[Candidate<Fqdn>] = &[
    Variable("CLUSTER_DOMAIN", Fqdn::parse),
    Other(Source::HostsFile, |clues| Some(clues.own.pod_name_parts()?.domain)),
    Other(Source::SearchList, |clues| clues.sources.resolv_conf.cluster().1),
    Other(Source::Default, |_| Fqdn::parse("cluster.local").ok()),
];

pub(super) const BASE_DNS: &[Candidate<Fqdn>] = &[
    Variable("MY_POD_BASE_DNS", Fqdn::parse),
    Other(Source::HostsFile, |clues| clues.own.fqdn.as_ref()?.parent()),
    Other(Source::Derived, composed_base),
];

pub(super) const SERVICE: &[Candidate<DnsLabel>] = &[
    Variable("MY_POD_SERVICE", DnsLabel::parse),
    Other(Source::Derived, |clues| Some(clues.identity.base_dns.as_ref()?.value.first_label())),
];

pub(super) const FQDN: &[Candidate<Fqdn>] = &[
    Variable("MY_POD_FQDN", Fqdn::parse),
    Other(Source::HostsFile, |clues| clues.own.fqdn.clone()),
    Other(Source::Derived, endpoint_name),
];

/// What the candidates look at.
pub(super) struct Clues<'a> {
    pub(super) raw: &'a RawEnv,
    pub(super) sources: &'a Sources,
    pub(super) own: OwnLines,
    /// The facts that are known already; others are composed of them.
    pub(super) identity: Identity,
}

impl Clues<'_> {
    /// The fact that templates know as `name`.
    pub(super) fn find<T>(&mut self, name: &'static str, candidates: &[Candidate<T>]) -> Option<Fact<T>> {
        for candidate in candidates {
            let found = match candidate {
                Variable(variable, parse) => self.read_variable(name, variable, *parse),
                Other(source, look) => look(self).map(|value| Fact { value, source: *source }),
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// All addresses of the first pair of variables that has any; `MY_POD_IP` is the first one.
    pub(super) fn given_addresses(&mut self) -> Option<Fact<Vec<IpAddr>>> {
        for pair in ADDRESS_VARIABLES {
            let lists = pair.map(|variable| self.read_variable("MY_POD_IP", variable, parse_addresses));
            let Some(source) = lists.iter().flatten().map(|list| list.source).next() else { continue };
            let mut all = Vec::new();
            for address in lists.into_iter().flatten().flat_map(|list| list.value) {
                if !all.contains(&address) {
                    all.push(address);
                }
            }
            if !all.is_empty() {
                return Some(Fact { value: all, source });
            }
        }
        None
    }

    fn read_variable<T>(
        &mut self,
        name: &'static str,
        variable: &'static str,
        parse: fn(&str) -> Result<T, String>,
    ) -> Option<Fact<T>> {
        let value = self.raw.get(variable);
        let reason = match value.map(parse) {
            Some(Ok(value)) => return Some(Fact { value, source: Source::Variable(variable) }),
            Some(Err(reason)) => format!("{variable}={:?} {reason}", value.unwrap_or_default()),
            None if self.raw.not_utf8.contains(&variable) => format!("{variable} is not UTF-8"),
            None => return None,
        };
        self.warn(Problem::new(format!("{reason}: not used")).hint(cure(name)));
        self.identity.refused.push((name, reason));
        None
    }

    pub(super) fn warn(&mut self, warning: Problem) {
        self.identity.warnings.push(warning);
    }
}

/// On the machine's network the host name is the machine's.
fn host_name(clues: &Clues<'_>) -> Option<DnsLabel> {
    if clues.own.on_host_network { None } else { clues.sources.host_label() }
}

/// The base DNS of the given service.
pub(super) fn composed_base(clues: &Clues<'_>) -> Option<Fqdn> {
    let service = DnsLabel::parse(clues.raw.my_pod_service.as_deref()?).ok()?;
    let Identity { namespace, cluster_domain, .. } = &clues.identity;
    Fqdn::parse(&format!("{service}.{}.svc.{}", namespace.as_ref()?.value, cluster_domain.as_ref()?.value)).ok()
}

/// The pod's name under its service. A pod whose own hosts line has no domain has no host name under any service,
/// and CoreDNS names it by its address.
fn endpoint_name(clues: &Clues<'_>) -> Option<Fqdn> {
    let Identity { base_dns, pod_name, .. } = &clues.identity;
    let label = if clues.own.without_subdomain {
        DnsLabel::of_address(*clues.identity.own_addresses().first()?)?
    } else {
        pod_name.as_ref()?.value.clone()
    };
    Fqdn::parse(&format!("{label}.{}", base_dns.as_ref()?.value)).ok()
}

fn parse_addresses(text: &str) -> Result<Vec<IpAddr>, String> {
    let parse = |word: &str| word.parse().map_err(|_| format!("has {word:?}, which is not an address"));
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(parse).collect()
}

fn non_empty(list: &[IpAddr]) -> Option<Vec<IpAddr>> {
    (!list.is_empty()).then(|| list.to_vec())
}
