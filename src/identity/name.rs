//! Names: of hosts, as DNS takes them, and of nodes, as the BEAM takes them. Why a text is not a name reads as the end of a
//! sentence that begins with the text.
//!
//! Pure: no I/O, no clock.

use std::fmt;
use std::net::IpAddr;

/// One label of a DNS name: 1 to 63 letters, digits and hyphens, no hyphen at either end (RFC 1123, 2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DnsLabel(String);

/// A full host name: at least one label, at most 253 characters, kept without its final dot.
///
/// Its labels may have underscores too: Docker's networks have such names, and DNS itself does not mind.
#[derive(Clone, Debug)]
pub struct Fqdn(String);

/// The parts of a name `POD.SERVICE.NAMESPACE.svc.DOMAIN`, each as a whole name.
#[derive(Clone, Debug)]
pub(crate) struct PodNameParts {
    pub(crate) service: Fqdn,
    pub(crate) namespace: Fqdn,
    pub(crate) domain: Fqdn,
}

/// The name of a node, `NAME@HOST`, in a form that the VM accepts (OTP's `net_kernel`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeName {
    name: String,
    host: NodeHost,
}

/// The part of a node name after the `@`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NodeHost {
    /// The VM derives one from the host name and `resolv.conf`.
    Absent,
    Name(Fqdn),
    Address(IpAddr),
}

/// How a node takes part in distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// `-name`: hosts are full names or addresses.
    Long,
    /// `-sname`: hosts are names without a dot.
    Short,
}

impl Distribution {
    /// The VM's flag for it.
    pub fn flag(self) -> &'static str {
        if self == Self::Long { "-name" } else { "-sname" }
    }
}

impl DnsLabel {
    /// # Errors
    /// The text is empty, longer than 63 characters, or has an invalid character.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        check_label(text, "-")?;
        Ok(Self(text.to_owned()))
    }

    /// `CoreDNS`'s name for a pod without a host name: its address with dashes. Not every IPv6 address makes a label.
    pub(crate) fn of_address(address: IpAddr) -> Option<Self> {
        Self::parse(&address.to_string().replace(['.', ':'], "-")).ok()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Fqdn {
    /// Longest name in characters, the final dot not counted (RFC 1035, 2.3.4).
    pub const MAX: usize = 253;

    /// Reads a name, with or without its final dot.
    ///
    /// # Errors
    /// One of its labels is invalid, or the name is longer than [`Fqdn::MAX`].
    pub fn parse(text: &str) -> Result<Self, String> {
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.len() > Self::MAX {
            return Err(format!("has {} characters, a DNS name at most {}", name.len(), Self::MAX));
        }
        name.split('.').try_for_each(|label| check_label(label, "-_"))?;
        Ok(Self(name.to_owned()))
    }

    /// Without its final dot.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }

    pub(crate) fn first_label(&self) -> DnsLabel {
        DnsLabel(self.labels().next().unwrap_or_default().to_owned())
    }

    /// The name less its first label, if there is more than one.
    pub(crate) fn parent(&self) -> Option<Fqdn> {
        self.0.split_once('.').map(|(_, parent)| Self(parent.to_owned()))
    }

    /// Whether the name has more than one label.
    #[must_use]
    pub fn is_dotted(&self) -> bool {
        self.0.contains('.')
    }

    /// Whether this name is `ancestor` or below it.
    pub(crate) fn is_within(&self, ancestor: &Fqdn) -> bool {
        let (own, of) = (self.0.to_ascii_lowercase(), ancestor.0.to_ascii_lowercase());
        own.strip_suffix(&of).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

impl PodNameParts {
    /// None if `name` does not have the form of a pod's name.
    pub(crate) fn of(name: &Fqdn) -> Option<Self> {
        let service = name.parent()?;
        let namespace = service.parent()?;
        let svc = namespace.parent()?;
        let domain = svc.parent()?;
        (svc.first_label().as_str() == "svc").then_some(Self { service, namespace, domain })
    }
}

/// DNS compares names without regard to case (RFC 4343).
impl PartialEq for Fqdn {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Fqdn {}

impl NodeName {
    /// Longest node name in characters; a longer one ends the VM with `system_limit`.
    pub const MAX: usize = 255;

    /// Reads `NAME@HOST` or `NAME` as OTP's `net_kernel` does, hosts more strictly: names as DNS takes them, or addresses.
    ///
    /// # Errors
    /// The VM would refuse the name, or its host could not be looked up.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.chars().count() > Self::MAX {
            return Err(format!("has more than {} characters", Self::MAX));
        }
        let (name, host) = match text.split_once('@') {
            Some((name, host)) => (name, Some(host)),
            None => (text, None),
        };
        if name.is_empty() {
            return Err("has nothing before the @".into());
        }
        if let Some(bad) = name.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))) {
            return Err(format!("has {bad:?} before the host; the VM takes letters, digits, - and _ there"));
        }
        let host = match host {
            None => NodeHost::Absent,
            Some(host) => parse_host(host)?,
        };
        Ok(Self { name: name.to_owned(), host })
    }

    /// The node `name` on the host `fqdn`.
    ///
    /// # Errors
    /// `name` has a character that the VM refuses, or the whole is too long.
    pub fn on_host(name: &str, fqdn: &Fqdn) -> Result<Self, String> {
        Self::parse(&format!("{name}@{fqdn}"))
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn host(&self) -> &NodeHost {
        &self.host
    }
}

fn parse_host(host: &str) -> Result<NodeHost, String> {
    if host.is_empty() {
        return Err("has nothing after the @".into());
    }
    if host.contains('@') {
        return Err("has two @".into());
    }
    // With a final dot too, else an address would be looked up.
    if let Ok(address) = host.strip_suffix('.').unwrap_or(host).parse() {
        return Ok(NodeHost::Address(address));
    }
    Fqdn::parse(host).map(NodeHost::Name)
}

fn check_label(label: &str, marks: &str) -> Result<(), String> {
    let fault = match label.chars().find(|c| !(c.is_ascii_alphanumeric() || marks.contains(*c))) {
        _ if label.is_empty() => "has an empty label".to_owned(),
        Some(bad) => format!("has {bad:?}, a DNS label has letters, digits and - only"),
        None if label.len() > 63 => format!("has a label of {} characters, DNS allows 63", label.len()),
        None if label.starts_with('-') || label.ends_with('-') => "has a label with - at its end".to_owned(),
        None => return Ok(()),
    };
    Err(fault)
}

impl fmt::Display for DnsLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Fqdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            NodeHost::Absent => f.write_str(&self.name),
            NodeHost::Name(host) => write!(f, "{}@{host}", self.name),
            NodeHost::Address(host) => write!(f, "{}@{host}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_rfc_1123() {
        for good in ["a", "web-0", "0", "A1", &"x".repeat(63)] {
            assert!(DnsLabel::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "a.b", "a_b", "é", "a b", &"x".repeat(64)] {
            assert!(DnsLabel::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_equal_regardless_of_case_and_final_dot() {
        let name = Fqdn::parse("Web-0.web.ns1.svc.cluster.local.").unwrap();
        assert_eq!(name, Fqdn::parse("web-0.WEB.ns1.svc.cluster.local").unwrap());
        assert_eq!(name.to_string(), "Web-0.web.ns1.svc.cluster.local");
        assert_eq!(name.parent(), Some(Fqdn::parse("web.ns1.svc.cluster.local").unwrap()));
        assert!(name.is_within(&Fqdn::parse("cluster.local").unwrap()));
        assert!(!name.is_within(&Fqdn::parse("luster.local").unwrap()));
    }

    #[test]
    fn names_have_at_most_253_characters() {
        let long = vec!["x".repeat(60); 4].join(".");
        assert!(Fqdn::parse(&long).is_ok());
        assert!(Fqdn::parse(&format!("{long}.{}", "y".repeat(10))).is_err());
        for bad in ["", ".", "a..b", "a.-b", ".a"] {
            assert!(Fqdn::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn node_names_are_those_that_the_vm_accepts() {
        for good in ["a@b.c", "a@10.1.2.3", "a@::1", "a@b", "a", "A_b-9@x.y", "a@b_c.d"] {
            assert_eq!(NodeName::parse(good).unwrap().to_string(), good);
        }
        assert_eq!(NodeName::parse("a@b.c.").unwrap().to_string(), "a@b.c");
        assert_eq!(NodeName::parse("a@10.1.2.3."), NodeName::parse("a@10.1.2.3"));
        for bad in ["a.b@c", "a b@c", "é@b", "${X}@y", "@b.c", "a@", "a@b@c", "a@b c"] {
            assert!(NodeName::parse(bad).is_err(), "{bad}");
        }
        assert!(NodeName::parse(&format!("{}@b", "x".repeat(254))).is_err());
    }
}
