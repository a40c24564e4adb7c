//! Where a pod can learn who it is, read once.

use super::hosts::is_pod_address;
use super::name::DnsLabel;
use super::resolv_conf::ResolvConf;
use crate::sys;
use std::fs;
use std::net::IpAddr;

/// What files and the kernel say. A file that is missing or unreadable says nothing.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `/etc/hosts`.
    pub hosts: String,
    /// `/etc/resolv.conf`.
    pub resolv_conf: ResolvConf,
    /// The service account's namespace file; absent with `automountServiceAccountToken: false`.
    pub namespace: Option<String>,
    /// The host name, the whole name with `setHostnameAsFQDN: true`.
    pub host_name: Option<String>,
    /// The addresses of the network interfaces that peers could reach.
    pub interfaces: Vec<IpAddr>,
}

impl Sources {
    /// Reads what this machine has.
    #[must_use]
    pub fn read() -> Self {
        Self {
            hosts: read("/etc/hosts").unwrap_or_default(),
            resolv_conf: ResolvConf::parse(&read("/etc/resolv.conf").unwrap_or_default()),
            namespace: read("/var/run/secrets/kubernetes.io/serviceaccount/namespace"),
            host_name: sys::host_name(),
            interfaces: sys::interface_addresses().into_iter().filter(|address| is_pod_address(*address)).collect(),
        }
    }

    /// The first label of the host name.
    pub(super) fn host_label(&self) -> Option<DnsLabel> {
        DnsLabel::parse(self.host_name.as_deref()?.split('.').next()?).ok()
    }
}

/// Bytes that are no UTF-8 stand in comments at most, and cost no more than their line.
fn read(path: &str) -> Option<String> {
    Some(String::from_utf8_lossy(&fs::read(path).ok()?).into_owned())
}
