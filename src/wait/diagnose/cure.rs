//! What to do about each cause.
//!
//! Pure: no I/O, no clock.

use std::net::SocketAddr;

use crate::identity::name::Fqdn;
use crate::wait::sighting::Observation;

use super::Cause;
use super::cause::servers;

impl Cause {
    /// What to do about it, as it would be typed.
    #[must_use]
    pub fn cure(&self) -> String {
        match self {
            Self::NoReply { silent, closed, garbled } => cure_of_no_reply(silent, closed, garbled),
            Self::ForeignServer { domain, .. } => format!(
                "set dnsPolicy: ClusterFirst (dnsPolicy: ClusterFirstWithHostNet with hostNetwork: true); \
                set CLUSTER_DOMAIN if the cluster's domain is not {domain}"
            ),
            Self::FailingServer { domain, .. } => format!(
                "see kubectl -n kube-system logs -l k8s-app=kube-dns; set dnsPolicy: ClusterFirst if that server is not the \
                cluster's, CLUSTER_DOMAIN if the cluster's domain is not {domain}"
            ),
            Self::OtherDomain { right, name, .. } => {
                format!("set CLUSTER_DOMAIN={right} or MY_POD_FQDN={name}, whichever the node's name is made of")
            }
            Self::OtherService { names, awaited } => cure_of_other_service(names, awaited),
            Self::OtherHostName { found, awaited } => cure_of_other_host_name(found, awaited),
            Self::NoHostName { service } => host_name_from(service),
            Self::NoSubdomain { service } => format!(
                "{}; without a host name, set MY_POD_SERVICE={} and write @${{MY_POD_FQDN}} in the node's name",
                host_name_from(service),
                service.first_label()
            ),
            Self::NoNamespace { .. } => {
                "set MY_POD_NAMESPACE from fieldRef: {fieldPath: metadata.namespace}, or leave it unset".into()
            }
            Self::NoService { service } => cure_of_no_service(service),
            Self::NotHeadless { service, .. } => format!(
                "create the Service {} anew with clusterIP: None and publishNotReadyAddresses: true",
                service.first_label()
            ),
            Self::NotPublished { service, .. } => format!(
                "let the selector of the Service {} match this pod's labels, and set publishNotReadyAddresses: true",
                service.first_label()
            ),
            Self::NoFamily { family, .. } => {
                format!("set the Service's ipFamilies: [{family}], or ipFamilyPolicy: PreferDualStack")
            }
            Self::OtherFamily { own, .. } => format!(
                "set the Service's ipFamilies: [{own}], or MY_POD_IPS from fieldRef: {{fieldPath: status.podIPs}}"
            ),
            Self::OtherAddress { ttl, .. } => format!(
                "end the other pod with this host name; for an earlier one's record, which caches keep, set \
                BEAMINIT_WAIT_TIMEOUT to more than {ttl}s"
            ),
            Self::CachedDenial => {
                "set BEAMINIT_WAIT_TIMEOUT to more than the cluster's DNS keeps denials (30s in most \
                clusters: `cache` in the Corefile)"
                    .into()
            }
            Self::Unexplained(observation) => cure_of(observation).into(),
        }
    }
}

fn cure_of_no_reply(silent: &[SocketAddr], closed: &[SocketAddr], garbled: &[SocketAddr]) -> String {
    const ENDPOINTS: &str = "kubectl -n kube-system get endpointslices -l kubernetes.io/service-name=kube-dns";
    if !silent.is_empty() {
        return format!(
            "allow egress to {} on port 53, UDP and TCP, in this namespace's NetworkPolicy; see whether the cluster's \
            DNS has endpoints: {ENDPOINTS}",
            servers(silent)
        );
    }
    if !closed.is_empty() {
        return format!("the cluster's DNS has no ready endpoint: {ENDPOINTS}");
    }
    format!(
        "allow TCP on port 53 of {} as well as UDP, since answers that come truncated are asked for again over TCP; else \
        it is no DNS server, or a broken one",
        servers(garbled)
    )
}

/// A service without `publishNotReadyAddresses` and a pod with a readiness probe wait for each other.
fn cure_of_no_service(service: &Fqdn) -> String {
    let label = service.first_label();
    let namespace = service.parent().map(|namespace| namespace.first_label().to_string()).unwrap_or_default();
    format!(
        "set publishNotReadyAddresses: true in the spec of the headless Service {label} (without it this pod becomes \
        ready only after its record is there, and the other way round), or create it: kubectl -n {namespace} get service \
        {label}"
    )
}

/// Is the host name the right one, then the settings name another service than the manifest. Else the manifest does.
fn cure_of_other_service(names: &[Fqdn], awaited: &Fqdn) -> String {
    let labels = |name: &Fqdn| {
        let mut labels = name.labels().map(str::to_owned).skip(1);
        (labels.next().unwrap_or_default(), labels.next().unwrap_or_default())
    };
    let (wanted_service, wanted_namespace) = labels(awaited);
    if let Some(name) = names.iter().find(|name| name.first_label() == awaited.first_label()) {
        let (service, namespace) = labels(name);
        let namespace =
            if namespace == wanted_namespace { String::new() } else { format!(" MY_POD_NAMESPACE={namespace}") };
        return format!(
            "set MY_POD_SERVICE={service}{namespace} or MY_POD_FQDN={name}, whichever the node's name is made of"
        );
    }
    let found = names.first().map(|name| labels(name).0).unwrap_or_default();
    format!(
        "serviceName must be the headless Service's name: set serviceName: {found} in the StatefulSet (which must be \
        created anew for it), or name the Service {wanted_service}"
    )
}

/// A host name that is the pod's address is what DNS makes up for a pod without one.
fn cure_of_other_host_name(found: &Fqdn, awaited: &Fqdn) -> String {
    let label = found.first_label();
    let is_address = label.as_str().bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        && label.as_str().bytes().filter(|byte| *byte == b'-').count() >= 2;
    match awaited.parent() {
        Some(service) if is_address => host_name_from(&service),
        _ => format!("set MY_POD_NAME={label} or MY_POD_FQDN={found}, whichever the node's name is made of"),
    }
}

fn host_name_from(service: &Fqdn) -> String {
    let service = service.first_label();
    format!("set serviceName: {service} in the StatefulSet, or hostname and subdomain: {service} in the pod's spec")
}

fn cure_of(observation: &Observation) -> &'static str {
    match observation {
        Observation::Silence | Observation::AbsentElsewhere => {
            "see whether the pod's name servers know the name: dnsPolicy, CLUSTER_DOMAIN, MY_POD_FQDN"
        }
        Observation::Absent => "see whether the node's host name is right, and who should publish it",
        Observation::CachedDenial | Observation::NoAddress | Observation::Others { .. } => {
            "see whether the name servers are healthy"
        }
    }
}
