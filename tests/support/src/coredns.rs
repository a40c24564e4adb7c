//! What CoreDNS answers for a cluster domain.
//!
//! Pure: no I/O, no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::rdata::{A, AAAA, PTR, SOA, SRV, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

use super::dns_cache::CachedAnswer;

/// By default.
const DOMAIN: &str = "cluster.local";

/// What each cluster has before anything is made in it.
const NAMESPACES: [&str; 2] = ["default", "kube-system"];

/// The root's SOA, which a real upstream server sends with a denial.
const ROOT_TTL: u32 = 86_400;

/// An answer without its question: equal for each spelling of the name.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub rcode: ResponseCode,
    pub records: Vec<RData>,
    /// Who denies, if nothing was found.
    pub authority: Option<(Name, SOA)>,
    /// For all records alike, in seconds.
    pub ttl: u32,
    /// From the cluster's own zone.
    pub authoritative: bool,
}

impl Answer {
    /// The records of the answer section.
    pub fn answers(&self, owner: &Name) -> impl Iterator<Item = Record> {
        self.records.iter().map(|data| Record::from_rdata(owner.clone(), self.ttl, data.clone()))
    }

    /// The SOA record of a denial.
    pub fn authorities(&self) -> impl Iterator<Item = Record> {
        self.authority.iter().map(|(zone, soa)| Record::from_rdata(zone.clone(), self.ttl, RData::SOA(soa.clone())))
    }
}

/// The names that are published now.
#[derive(Debug)]
pub struct Zone {
    ttl: u32,
    /// Unix time of the last change, which CoreDNS shows as the SOA's serial.
    pub serial: u32,
    domain: String,
    namespaces: BTreeSet<String>,
    /// Pods below headless services, and services with their own address.
    published: BTreeMap<String, Vec<IpAddr>>,
}

impl Zone {
    pub fn new(ttl: u32) -> Self {
        let namespaces = NAMESPACES.map(str::to_owned).into();
        Self { ttl, serial: 0, domain: DOMAIN.to_owned(), namespaces, published: BTreeMap::new() }
    }

    /// The cluster has this domain.
    pub fn set_domain(&mut self, domain: &str) {
        domain.clone_into(&mut self.domain);
    }

    /// The namespace exists, even without services.
    pub fn add_namespace(&mut self, namespace: &str) {
        self.namespaces.insert(namespace.to_owned());
    }

    /// The addresses of `name`, as they can be changed; the name exists from now on.
    pub fn entry(&mut self, name: &str) -> &mut Vec<IpAddr> {
        self.published.entry(plain(name)).or_default()
    }

    /// Takes the name away; its former addresses.
    pub fn remove(&mut self, name: &str) -> Vec<IpAddr> {
        self.published.remove(&plain(name)).unwrap_or_default()
    }

    /// The truth, as the `kubernetes` plugin answers.
    pub fn answer(&self, name: &Name, record_type: RecordType) -> Answer {
        let plain_name = plain(&name.to_ascii());
        if plain_name != self.domain && !plain_name.ends_with(&format!(".{}", self.domain)) {
            return self.reverse(name, record_type);
        }
        let records = self.records(&plain_name, record_type);
        if !records.is_empty() {
            return self.found(records);
        }
        let rcode = if self.exists(&plain_name) { ResponseCode::NoError } else { ResponseCode::NXDomain };
        Answer { rcode, ..self.denial() }
    }

    /// The name does not exist.
    pub fn denial(&self) -> Answer {
        Answer {
            rcode: ResponseCode::NXDomain,
            records: Vec::new(),
            authority: Some(self.own_soa()),
            ttl: self.ttl.min(300),
            authoritative: true,
        }
    }

    fn found(&self, records: Vec<RData>) -> Answer {
        Answer { rcode: ResponseCode::NoError, records, authority: None, ttl: self.ttl, authoritative: true }
    }

    fn records(&self, name: &str, record_type: RecordType) -> Vec<RData> {
        let addresses = self.addresses(name);
        let v4 = addresses.iter().filter_map(|ip| if let IpAddr::V4(ip) = ip { Some(RData::A(A(*ip))) } else { None });
        let v6 =
            addresses.iter().filter_map(|ip| if let IpAddr::V6(ip) = ip { Some(RData::AAAA(AAAA(*ip))) } else { None });
        match record_type {
            RecordType::A => v4.collect(),
            RecordType::AAAA => v6.collect(),
            RecordType::SRV if self.is_service(name) => self.below(name).map(|(pod, _)| port_of(pod)).collect(),
            RecordType::TXT if self.below_domain(name) == Some("dns-version") => {
                vec![RData::TXT(TXT::new(vec!["1.1.0".to_owned()]))]
            }
            RecordType::SOA if name == self.domain => vec![RData::SOA(self.own_soa().1)],
            _ => Vec::new(),
        }
    }

    /// A headless service (`web.ns1.svc.cluster.local`) has the addresses of all its pods.
    fn addresses(&self, name: &str) -> Vec<IpAddr> {
        if let Some(own) = self.published.get(name) {
            return own.clone();
        }
        let of_pods = self.below(name).filter(|_| self.is_service(name)).flat_map(|(_, addresses)| addresses);
        of_pods.copied().collect()
    }

    /// It has the form of a service's name.
    fn is_service(&self, name: &str) -> bool {
        let labels: Vec<_> = self.below_domain(name).unwrap_or_default().split('.').collect();
        matches!(labels[..], [_, _, "svc"])
    }

    fn below(&self, name: &str) -> impl Iterator<Item = (&String, &Vec<IpAddr>)> {
        let suffix = format!(".{name}");
        self.published.iter().filter(move |(published, _)| published.ends_with(&suffix))
    }

    /// A parent exists as long as a name below it does.
    pub fn exists(&self, name: &str) -> bool {
        let name = &plain(name)[..];
        let labels: Vec<_> = self.below_domain(name).unwrap_or_default().split('.').collect();
        let is_built_in = name == self.domain
            || match labels[..] {
                ["svc" | "dns-version"] => true,
                [namespace, "svc"] => self.namespaces.contains(namespace),
                _ => false,
            };
        is_built_in || self.published.contains_key(name) || self.below(name).next().is_some()
    }

    /// The name without the cluster's domain.
    fn below_domain<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_suffix(&self.domain)?.strip_suffix('.')
    }

    /// CoreDNS knows the names of the pods' addresses; whatever else is not the cluster's goes to the outside, which
    /// knows none of it.
    fn reverse(&self, name: &Name, record_type: RecordType) -> Answer {
        let asked = name.parse_arpa_name().ok().filter(|_| record_type == RecordType::PTR).map(|net| net.addr());
        let owners = self.published.iter().filter(|(_, own)| asked.is_some_and(|ip| own.contains(&ip)));
        let pointers: Vec<RData> =
            owners.map(|(name, _)| RData::PTR(PTR(Name::from_ascii(format!("{name}.")).unwrap()))).collect();
        if !pointers.is_empty() {
            return self.found(pointers);
        }
        outside_denial()
    }

    fn own_soa(&self) -> (Name, SOA) {
        let domain = &self.domain;
        let zone = Name::from_ascii(format!("{domain}.")).unwrap();
        (zone, soa(&format!("ns.dns.{domain}."), &format!("hostmaster.{domain}."), self.serial, self.ttl))
    }
}

/// What the root's servers say of a name that nobody has.
pub fn outside_denial() -> Answer {
    let soa = soa("a.root-servers.net.", "nstld.verisign-grs.com.", 2_026_010_100, ROOT_TTL);
    Answer {
        rcode: ResponseCode::NXDomain,
        records: Vec::new(),
        authority: Some((Name::root(), soa)),
        ttl: ROOT_TTL,
        authoritative: false,
    }
}

/// A headless service has an SRV record for each port of each pod; here the one port is epmd's.
fn port_of(pod: &str) -> RData {
    RData::SRV(SRV::new(0, 100, 4369, Name::from_ascii(format!("{pod}.")).unwrap()))
}

fn soa(server: &str, mailbox: &str, serial: u32, minimum: u32) -> SOA {
    let (server, mailbox) = (Name::from_ascii(server).unwrap(), Name::from_ascii(mailbox).unwrap());
    SOA::new(server, mailbox, serial, 7200, 1800, 86_400, minimum)
}

/// Lower case, without the final dot.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// What the cache distinguishes questions by. Neither the name's case nor the AD flag is in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    name: String,
    record_type: RecordType,
    dnssec_ok: bool,
    checking_disabled: bool,
}

impl Key {
    pub fn new(name: &Name, record_type: RecordType, dnssec_ok: bool, checking_disabled: bool) -> Self {
        Self { name: plain(&name.to_ascii()), record_type, dnssec_ok, checking_disabled }
    }
}

impl CachedAnswer for Answer {
    fn ttl(&self) -> Option<u32> {
        Some(self.ttl)
    }

    fn with_ttl(self, ttl: u32) -> Self {
        Self { ttl, ..self }
    }

    fn is_denial(&self) -> bool {
        self.authority.is_some()
    }
}
