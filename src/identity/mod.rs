//! The pod's identity: name, namespace, headless service, cluster domain, addresses, and so its name in DNS.
//!
//! `candidates` lists where each fact may be found; `Sources::read` reads files and asks the kernel, the rest is pure.

mod candidates;
mod cure;
mod facts;
pub(crate) mod hosts;
pub(crate) mod name;
mod own_lines;
pub(crate) mod resolv_conf;
mod sources;

pub(crate) use cure::{cure, missing_part};
pub(crate) use facts::{Fact, Identity, Source};
pub(crate) use sources::Sources;

use crate::error::Problem;
use crate::variables::RawEnv;
use candidates::{Clues, composed_base};
use name::Fqdn;
use own_lines::OwnLines;

impl Identity {
    /// Finds each fact, in the order in which later ones are composed of earlier ones.
    pub(crate) fn find(raw: &RawEnv, sources: &Sources) -> Self {
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

        clues.identity.names_in_hosts = hosts::names_of(&sources.hosts, clues.identity.own_addresses());
        clues.warn_of_default_domain();
        clues.compare_with_hosts();
        clues.identity.drop_resolved();
        clues.identity
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

#[cfg(test)]
mod tests;
