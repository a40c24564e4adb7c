//! The files and kernel data that the identity is found in, read once.

use super::hosts::is_pod_address;
use super::name::DnsLabel;
use super::resolv_conf::{NameServer, ResolvConf};
use crate::error::cause;
use crate::file;
use crate::sys;
use std::cell::LazyCell;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::path::Path;

/// A file that is missing or unreadable counts as empty.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// `/etc/hosts`.
    pub hosts: String,
    /// `/etc/resolv.conf`.
    pub resolv_conf: ResolvConf,
    /// Why `/etc/resolv.conf` could not be read.
    pub resolv_conf_error: Option<String>,
    /// The service account's namespace file; absent with `automountServiceAccountToken: false`.
    pub namespace: Option<String>,
    /// The host name, the whole name with `setHostnameAsFQDN: true`.
    pub host_name: Option<String>,
    /// The addresses of the network interfaces that peers could reach. The kernel is asked only if nothing else gives the
    /// pod's own: its answer takes a tenth of a start.
    pub interfaces: LazyCell<Vec<IpAddr>>,
}

impl Sources {
    pub(crate) fn read() -> Self {
        let read = |path| file::read_text(Path::new(path));
        let resolv_conf = read("/etc/resolv.conf");
        Self {
            hosts: read("/etc/hosts").unwrap_or_default(),
            resolv_conf: resolv_conf.as_deref().map(ResolvConf::parse).unwrap_or_default(),
            resolv_conf_error: resolv_conf.err().map(|error| cause(&error)),
            namespace: read("/var/run/secrets/kubernetes.io/serviceaccount/namespace").ok(),
            host_name: sys::host_name(),
            interfaces: LazyCell::new(interfaces),
        }
    }

    /// The DNS servers, in their order.
    pub(crate) fn name_servers(&self) -> Vec<SocketAddr> {
        self.resolv_conf.servers.iter().filter_map(socket_address).collect()
    }

    /// Whether a kubelet made any of these files.
    pub(crate) fn are_a_pods(&self) -> bool {
        self.namespace.is_some()
            || self.hosts.starts_with("# Kubernetes-managed hosts file")
            || self.resolv_conf.cluster().1.is_some()
    }

    /// The first label of the host name.
    pub(super) fn host_label(&self) -> Option<DnsLabel> {
        DnsLabel::parse(self.host_name.as_deref()?.split('.').next()?).ok()
    }
}

fn interfaces() -> Vec<IpAddr> {
    sys::interface_addresses().into_iter().filter(|address| is_pod_address(*address)).collect()
}

const DNS_PORT: u16 = 53;

/// `None` for a link-local server on a missing interface. Other addresses need no zone.
fn socket_address(server: &NameServer) -> Option<SocketAddr> {
    let zone = server.zone.as_deref().and_then(sys::interface_index);
    match server.address {
        IpAddr::V6(address) if server.zone.is_some() && address.is_unicast_link_local() => {
            Some(SocketAddrV6::new(address, DNS_PORT, 0, zone?).into())
        }
        address => Some(SocketAddr::new(address, DNS_PORT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_local_server_is_asked_through_its_interface() {
        let servers = |text: &str| {
            let resolv_conf = ResolvConf::parse(text);
            Sources { resolv_conf, ..Sources::default() }.name_servers()
        };
        let on_loopback = SocketAddrV6::new("fe80::1".parse().unwrap(), 53, 0, sys::interface_index("lo").unwrap());
        assert_eq!(servers("nameserver fe80::1%lo\nnameserver fe80::1%none\n"), [on_loopback.into()]);
        assert_eq!(servers("nameserver fd00::a%lo\n"), ["[fd00::a]:53".parse().unwrap()]);
    }
}
