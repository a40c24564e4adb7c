//! What a start waits for, and whom it asks.

use super::planner::Planner;
use crate::context::Context;
use crate::error::{Error, Stage};
use crate::exit;
use crate::hand_over::HandOver;
use crate::identity::name::{Fqdn, NodeHost, NodeName};
use crate::identity::{Identity, cure};
use crate::kind::{Release, published_name};
use crate::variables::WaitPolicy;
use crate::wait;

/// What is waited for before the release starts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PlannedWait {
    /// The name that peers look up, and that must answer with an address of ours.
    pub(crate) name: Option<Fqdn>,
    /// Whether the cluster's DNS should know it.
    pub(crate) is_of_cluster: bool,
    /// Why a start does not wait for it.
    pub(crate) nothing_because: Option<String>,
}

impl PlannedWait {
    /// The name for which a start waits.
    pub(crate) fn record(&self) -> Option<&Fqdn> {
        self.name.as_ref().filter(|_| self.nothing_because.is_none())
    }
}

impl Planner<'_> {
    pub(super) fn plan_wait(&mut self, hand_over: Option<&HandOver>) -> PlannedWait {
        let nothing = HandOver::default();
        let awaited = find_awaited(hand_over.unwrap_or(&nothing), &self.release, &self.context.identity);
        let policy = self.context.environment.config.wait;
        if let Some(hand_over) = hand_over
            && policy == WaitPolicy::Auto
            && !self.context.command.is_empty()
            && !self.speaks_of_a_node(hand_over)
        {
            let reason = "COMMAND shows no Erlang VM (BEAMINIT_WAIT=always waits anyway)";
            return PlannedWait { nothing_because: Some(reason.into()), ..PlannedWait::default() };
        }
        match awaited {
            // Without a plan it is the pod's own name that may be looked at.
            _ if hand_over.is_none() => PlannedWait { name: awaited.ok(), ..PlannedWait::default() },
            _ if policy == WaitPolicy::Off => {
                let nothing_because = Some("BEAMINIT_WAIT is off".into());
                PlannedWait { name: awaited.ok(), nothing_because, ..PlannedWait::default() }
            }
            Ok(name) => {
                let is_of_cluster = self.context.identity.is_of_cluster(&name);
                PlannedWait { name: Some(name), is_of_cluster, nothing_because: None }
            }
            Err(reason) if policy == WaitPolicy::Always => {
                let message = format!("BEAMINIT_WAIT=always, but {}", reason.split("; ").next().unwrap_or_default());
                let hint = self.context.identity.cure_for_fqdn();
                self.findings.errors.push(Error::new(Stage::Wait, exit::CONFIG, message).hint(hint));
                PlannedWait::default()
            }
            Err(reason) => PlannedWait { nothing_because: Some(reason), ..PlannedWait::default() },
        }
    }
}

impl Planner<'_> {
    /// Whether anything speaks of a node: COMMAND, a template or a name.
    fn speaks_of_a_node(&self, hand_over: &HandOver) -> bool {
        let is_named = hand_over.node.is_some() || self.context.environment.raw.release_node.is_some();
        self.release.kind.is_beam || self.release.followed.has_vm_in_sight || is_named || !hand_over.files.is_empty()
    }
}

/// What peers will look up: the host of the node's name, else the pod's own name.
///
/// # Errors
/// Why there is nothing, as a sentence.
pub(crate) fn find_awaited(hand_over: &HandOver, release: &Release, identity: &Identity) -> Result<Fqdn, String> {
    if !release.starts_node {
        return Err(match release.first_argument() {
            Some(tool) => format!("`{tool}` does not start a node"),
            None => "COMMAND without an argument does not start a node".into(),
        });
    }
    if let Some(reason) = hand_over.not_distributed {
        return Err(format!("no peer looks up the node's name: {reason}"));
    }
    match hand_over.node.as_ref().map(NodeName::host) {
        Some(NodeHost::Name(host)) if host.is_dotted() => {
            let name = complete_name(host, identity);
            // What is in the hosts file alone is not in a DNS, and not the cluster's to publish.
            if identity.names_in_hosts.contains(&name) && !identity.is_of_cluster(&name) {
                return Err(format!("/etc/hosts gives {name} this pod's own address"));
            }
            Ok(name)
        }
        Some(NodeHost::Name(host)) => Err(format!("the node's host {host} is not a full name")),
        Some(NodeHost::Address(address)) => Err(format!("the node is named by its address {address}")),
        Some(NodeHost::Absent) | None if hand_over.has_short_name => Err("the node has a short name".into()),
        Some(NodeHost::Absent) | None => {
            published_name(identity).cloned().ok_or_else(|| match identity.missing_for_fqdn() {
                Some(part) => format!("the pod's full name is not known without {part}; {}", cure(part)),
                None => "no headless service gives this pod a name".into(),
            })
        }
    }
}

/// What `web-0.web.ns` means to the resolvers of a pod and of its peers, whose search list completes it.
fn complete_name(host: &Fqdn, identity: &Identity) -> Fqdn {
    let is_whole = |fqdn: &&Fqdn| fqdn.as_str().strip_prefix(host.as_str()).is_some_and(|rest| rest.starts_with('.'));
    published_name(identity).filter(is_whole).unwrap_or(host).clone()
}

/// Whom to ask for `name`, and what for.
pub(crate) fn record_to_await(context: &Context, name: Fqdn) -> wait::Awaited {
    let Context { sources, identity, .. } = context;
    wait::Awaited {
        search_domain: sources.resolv_conf.cluster().1,
        without_subdomain: identity.has_no_host_name(&name),
        name,
        cluster_domain: identity.cluster_domain.as_ref().map(|domain| domain.value.clone()),
        own: identity.own_addresses().to_vec(),
        servers: sources.name_servers(),
        resolv_conf_error: sources.resolv_conf_error.clone(),
    }
}
