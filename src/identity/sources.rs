//! Where a pod can learn who it is, read once.

use super::hosts::is_pod_address;
use super::name::DnsLabel;
use super::resolv_conf::ResolvConf;
use crate::error::cause;
use crate::sys;
use std::fs;
use std::io;
use std::net::IpAddr;

/// What files and the kernel say. A file that is missing or unreadable says nothing.
#[derive(Clone, Debug, Default)]
pub struct Sources {
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
    /// The addresses of the network interfaces that peers could reach.
    pub interfaces: Vec<IpAddr>,
}

impl Sources {
    /// Reads what this machine has.
    #[must_use]
    pub fn read() -> Self {
        let resolv_conf = read("/etc/resolv.conf");
        Self {
            hosts: read("/etc/hosts").unwrap_or_default(),
            resolv_conf: resolv_conf.as_deref().map(ResolvConf::parse).unwrap_or_default(),
            resolv_conf_error: resolv_conf.err().map(|error| cause(&error)),
            namespace: read("/var/run/secrets/kubernetes.io/serviceaccount/namespace").ok(),
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
fn read(path: &str) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&fs::read(path)?).into_owned())
}
