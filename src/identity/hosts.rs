//! `/etc/hosts` as the kubelet writes it.
//!
//! Pure: no I/O, no clock.

use super::name::Fqdn;
use std::net::IpAddr;

/// One line: an address and its names.
#[derive(Debug, PartialEq, Eq)]
pub struct HostsLine {
    /// The address.
    pub address: IpAddr,
    /// Its names, in the line's order.
    pub names: Vec<String>,
}

/// The lines that may be about this pod.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    lines: Vec<HostsLine>,
    /// Whether the kubelet wrote it for a pod with its own network. Docker writes such a file too, but there a missing
    /// domain means nothing.
    pub is_kubelets: bool,
    /// Whether the kubelet wrote it for a pod on the machine's network (`hostNetwork: true`).
    pub on_host_network: bool,
}

impl Hosts {
    /// Reads a hosts file. Invalid lines are ignored, as in libc.
    ///
    /// A pod on the machine's network has the machine's file, whose lines are not this pod's; and the lines that the
    /// kubelet adds for `hostAliases` are whatever the manifest says. Both are ignored.
    pub fn parse(text: &str) -> Self {
        let header = text.lines().next().filter(|line| line.starts_with('#')).unwrap_or_default();
        if header.contains("(host network)") {
            return Self { on_host_network: true, ..Self::default() };
        }
        let own = text.lines().take_while(|line| !line.starts_with("# Entries added by HostAliases"));
        let is_kubelets = header.contains("Kubernetes-managed");
        Self { lines: own.filter_map(HostsLine::parse).collect(), is_kubelets, on_host_network: false }
    }

    /// The lines that are this pod's: not a loopback or link-local address, and either one of the pod's addresses or
    /// the host name of the pod.
    #[must_use]
    pub fn own_lines(&self, addresses: &[IpAddr], host_name: Option<&str>) -> Vec<&HostsLine> {
        let is_own = |line: &&HostsLine| {
            addresses.contains(&line.address)
                || host_name.is_some_and(|host| line.names.iter().any(|name| name.eq_ignore_ascii_case(host)))
        };
        self.lines.iter().filter(|line| is_pod_address(line.address)).filter(is_own).collect()
    }
}

impl HostsLine {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split('#').next()?.split_ascii_whitespace();
        let address = words.next()?.split('%').next()?.parse().ok()?;
        let names: Vec<_> = words.map(str::to_owned).collect();
        (!names.is_empty()).then_some(Self { address, names })
    }

    /// The first name with a dot: the pod's full name.
    pub fn fqdn(&self) -> Option<Fqdn> {
        self.names.iter().filter_map(|name| Fqdn::parse(name).ok()).find(Fqdn::is_dotted)
    }
}

/// The full names that a hosts file gives these addresses or this machine itself, in whatever line.
pub(crate) fn names_of(text: &str, addresses: &[IpAddr]) -> Vec<Fqdn> {
    let lines = text.lines().filter_map(HostsLine::parse);
    let own = lines.filter(|line| addresses.contains(&line.address) || line.address.is_loopback());
    own.flat_map(|line| line.names).filter_map(|name| Fqdn::parse(&name).ok()).filter(Fqdn::is_dotted).collect()
}

/// Whether peers could reach a pod at this address: it is neither loopback, link-local, multicast nor unspecified.
#[must_use]
pub fn is_pod_address(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    !(link_local || address.is_loopback() || address.is_multicast() || address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBELET: &str = "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n\
        10.0.0.42\tweb-0.web.ns1.svc.cluster.local\tweb-0\nfd00::42\tweb-0.web.ns1.svc.cluster.local\tweb-0\n\
        \n# Entries added by HostAliases.\n10.0.0.42\tother.example.com\n";

    #[test]
    fn finds_the_pods_own_lines() {
        let hosts = Hosts::parse(KUBELET);
        let own = hosts.own_lines(&[], Some("web-0"));
        assert_eq!((own.len(), hosts.is_kubelets), (2, true));
        assert_eq!(own[0].fqdn(), Fqdn::parse("web-0.web.ns1.svc.cluster.local").ok());
        assert_eq!(hosts.own_lines(&["10.0.0.42".parse().unwrap()], Some("elsewhere")).len(), 1);
    }

    #[test]
    fn a_pod_without_subdomain_has_a_line_without_domain() {
        let hosts = Hosts::parse("10.0.0.42\tweb-7d9f\n");
        assert_eq!(hosts.own_lines(&[], Some("web-7d9f"))[0].fqdn(), None);
    }

    #[test]
    fn the_machines_file_is_not_the_pods() {
        let file = "# Kubernetes-managed hosts file (host network).\n192.168.1.5 node1.example.com node1\n";
        let hosts = Hosts::parse(file);
        assert!(hosts.own_lines(&[], Some("node1")).is_empty() && hosts.on_host_network);
    }

    #[test]
    fn invalid_lines_are_ignored() {
        let hosts = Hosts::parse(
            "\0\u{fffd}\n10.0.0.1\n10.0.0.300 a\n# x\n   \n%%% web-0\nfe80::1%eth0 web-0\n127.0.1.1 web-0\n",
        );
        assert!(hosts.own_lines(&[], Some("web-0")).is_empty());
    }
}
