//! `/etc/resolv.conf`, read by glibc's rules.
//!
//! The DNS library's parser rejects the whole file for one invalid search entry and drops zone ids.
//!
//! Pure: no I/O, no clock.

use super::name::Fqdn;
use std::net::{IpAddr, Ipv6Addr};

/// Options are not read: each query here has its own timeout, and names are absolute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvConf {
    /// The servers in their order, at most [`ResolvConf::MAX_SERVERS`].
    pub servers: Vec<NameServer>,
    /// The valid names of the last `search` or `domain` line.
    pub search: Vec<Fqdn>,
}

/// One `nameserver` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameServer {
    pub(crate) address: IpAddr,
    /// The interface after the `%` of a link-local address.
    pub zone: Option<String>,
}

impl ResolvConf {
    /// As many servers as glibc asks (`MAXNS`).
    pub const MAX_SERVERS: usize = 3;

    /// Reads the file and ignores unknown lines.
    ///
    /// As in glibc, a keyword or a comment's mark must be at the very beginning of a line, and words after a server's
    /// address or a `domain` are ignored. Unlike in glibc, a line may end with CR LF.
    pub fn parse(text: &str) -> Self {
        let mut conf = Self::default();
        for line in text.lines() {
            let Some((keyword, rest)) = line.split_once([' ', '\t']) else { continue };
            let mut words = rest.split_ascii_whitespace().peekable();
            match keyword {
                "nameserver" if conf.servers.len() < Self::MAX_SERVERS => {
                    conf.servers.extend(words.next().and_then(NameServer::parse));
                }
                "domain" => conf.search = words.take(1).filter_map(|word| Fqdn::parse(word).ok()).collect(),
                "search" if words.peek().is_some() => {
                    conf.search = words.filter_map(|word| Fqdn::parse(word).ok()).collect();
                }
                _ => {}
            }
        }
        conf
    }

    /// The pod's namespace and cluster domain, from search entries `NS.svc.X` and `svc.X`.
    #[must_use]
    pub fn cluster(&self) -> (Option<String>, Option<Fqdn>) {
        let domain = self.search.iter().find_map(|entry| {
            let (first, rest) = entry.as_str().split_once('.')?;
            (first == "svc").then(|| Fqdn::parse(rest).ok())?
        });
        let namespace = self.search.iter().find_map(|entry| {
            let (namespace, rest) = entry.as_str().split_once('.')?;
            rest.starts_with("svc.").then(|| namespace.to_owned())
        });
        (namespace, domain)
    }
}

impl NameServer {
    fn parse(word: &str) -> Option<Self> {
        let Some((address, zone)) = word.split_once('%') else {
            return Some(Self { address: word.parse().ok()?, zone: None });
        };
        let address: Ipv6Addr = address.parse().ok()?;
        Some(Self { address: address.into(), zone: (!zone.is_empty()).then(|| zone.to_owned()) })
    }
}

#[cfg(test)]
mod tests;
