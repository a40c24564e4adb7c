//! `/etc/resolv.conf`, by glibc's rules, as far as we use it.
//!
//! A reader of our own: the DNS library's rejects the whole file for one bad search entry and drops zone ids.
//!
//! Pure: no I/O, no clock.

use super::name::Fqdn;
use std::net::IpAddr;

/// What the file says. Options are read by nobody: each question here has its own time-out, and names are absolute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvConf {
    /// The servers in their order, at most [`ResolvConf::MAX_SERVERS`].
    pub servers: Vec<NameServer>,
    /// The search list of the last `search` or `domain` line; what is no name is left out.
    pub search: Vec<Fqdn>,
}

/// One `nameserver` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameServer {
    /// Its address.
    pub address: IpAddr,
    /// The interface behind the `%` of a link-local address.
    pub zone: Option<String>,
}

impl ResolvConf {
    /// As many servers as glibc asks (`MAXNS`).
    pub const MAX_SERVERS: usize = 3;

    /// Reads the file. Lines that it does not know it passes over.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut conf = Self::default();
        for line in text.lines().filter(|line| !line.starts_with(['#', ';'])) {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") if conf.servers.len() < Self::MAX_SERVERS => {
                    conf.servers.extend(words.next().and_then(NameServer::parse));
                }
                Some("search" | "domain") => {
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
        let (address, zone) = match word.split_once('%') {
            Some((address, zone)) => (address, Some(zone.to_owned())),
            None => (word, None),
        };
        Some(Self { address: address.parse().ok()?, zone })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(text: &str) -> Vec<String> {
        ResolvConf::parse(text).servers.iter().map(|server| server.address.to_string()).collect()
    }

    #[test]
    fn reads_what_kubelet_writes() {
        let conf = ResolvConf::parse(
            "search ns1.svc.cluster.local svc.cluster.local cluster.local example.com\nnameserver 10.96.0.10\noptions ndots:5\n",
        );
        assert_eq!(conf.servers, [NameServer { address: "10.96.0.10".parse().unwrap(), zone: None }]);
        assert_eq!(conf.cluster(), (Some("ns1".into()), Fqdn::parse("cluster.local").ok()));
    }

    #[test]
    fn the_first_three_servers_count() {
        let text = "nameserver 10.0.0.1\r\nnameserver nonsense\nnameserver ::1\n nameserver 10.0.0.3 # three\nnameserver 10.0.0.4\n";
        assert_eq!(addresses(text), ["10.0.0.1", "::1", "10.0.0.3"]);
    }

    #[test]
    fn a_zone_is_kept_and_comments_are_none() {
        let conf = ResolvConf::parse("# nameserver 1.1.1.1\n;nameserver 1.1.1.1\nnameserver fe80::1%eth0\n");
        assert_eq!(conf.servers, [NameServer { address: "fe80::1".parse().unwrap(), zone: Some("eth0".into()) }]);
    }

    #[test]
    fn a_search_entry_that_is_no_name_does_not_spoil_the_rest() {
        let conf = ResolvConf::parse(&format!(
            "search {}.x svc.k8s.test\noptions timeout:0 attempts:0 nonsense\n",
            "y".repeat(70)
        ));
        assert_eq!(conf.cluster(), (None, Fqdn::parse("k8s.test").ok()));
    }

    #[test]
    fn other_search_lists_name_no_cluster() {
        assert_eq!(ResolvConf::parse("search corp.example.com example.com\n").cluster(), (None, None));
        assert_eq!(ResolvConf::parse("").cluster(), (None, None));
    }
}
