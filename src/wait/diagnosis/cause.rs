//! The causes of a missing record, each with its sentence and its cure. A new cause is a function here.
//!
//! Pure: no I/O, no clock.

use std::net::{IpAddr, SocketAddr};

use crate::identity::name::Fqdn;
use crate::wait::questions::Family;
use crate::wait::sighting::Observation;
use crate::wait::text::{host, hosts, list};

/// What is reported of a cause. The sentence has no capital letter and no full stop; the cure is written as one would type it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) sentence: String,
    pub(crate) cure: String,
}

/// No server answers: nothing comes back, nothing listens there (ICMP), or what comes cannot be read. `of_cluster`:
/// resolv.conf has a cluster's search list.
pub(in crate::wait) fn no_reply(
    silent: &[SocketAddr],
    closed: &[SocketAddr],
    garbled: &[SocketAddr],
    of_cluster: bool,
) -> Cause {
    const ENDPOINTS: &str = "kubectl -n kube-system get endpointslices -l kubernetes.io/service-name=kube-dns";
    let parts = [
        (silent, "no reply from the name server "),
        (closed, "nothing listens at the name server "),
        (garbled, "nothing that can be read comes from the name server "),
    ];
    let said = parts.iter().filter(|(servers, _)| !servers.is_empty());
    let sentence = said.map(|(servers, what)| format!("{what}{}", hosts(servers))).collect::<Vec<_>>().join("; ");
    let cure = if !silent.is_empty() {
        format!(
            "allow egress to {} on port 53, UDP and TCP, in this namespace's NetworkPolicy; see whether the cluster's DNS \
             has endpoints: {ENDPOINTS}",
            hosts(silent)
        )
    } else if !closed.is_empty() {
        format!("the cluster's DNS has no ready endpoint: {ENDPOINTS}")
    } else {
        format!(
            "allow TCP on port 53 of {} as well as UDP, since truncated answers are asked for again over TCP; if that does \
             not help, it is not a DNS server, or a broken one",
            hosts(garbled)
        )
    };
    if of_cluster {
        return Cause { sentence, cure };
    }
    // Without the search list that a kubelet writes for a cluster's DNS, the server is more likely the machine's own.
    let cure = format!(
        "set dnsPolicy: ClusterFirst (dnsPolicy: ClusterFirstWithHostNet with hostNetwork: true), since /etc/resolv.conf is \
         not the cluster's; if its server is the cluster's all the same, {cure}"
    );
    Cause { sentence, cure }
}

/// The server does not serve the cluster's domain.
pub(in crate::wait) fn foreign_server(server: &SocketAddr, domain: &Fqdn, said: &str) -> Cause {
    Cause {
        sentence: format!(
            "the name server {} does not serve the cluster domain {domain}: it says {said}",
            host(server)
        ),
        cure: format!(
            "set dnsPolicy: ClusterFirst (dnsPolicy: ClusterFirstWithHostNet with hostNetwork: true); \
             set CLUSTER_DOMAIN if the cluster's domain is not {domain}"
        ),
    }
}

/// The server answers with an error (SERVFAIL, REFUSED).
pub(in crate::wait) fn failing_server(server: &SocketAddr, domain: &Fqdn, said: &str) -> Cause {
    Cause {
        sentence: format!("the name server {} answers {said} when asked about {domain}", host(server)),
        cure: format!(
            "see kubectl -n kube-system logs -l k8s-app=kube-dns; set dnsPolicy: ClusterFirst if that server is not the \
             cluster's, CLUSTER_DOMAIN if the cluster's domain is not {domain}"
        ),
    }
}

/// The cluster's domain is `right`; `name` is the awaited name in it.
pub(in crate::wait) fn other_domain(domain: &Fqdn, right: &Fqdn, name: &Fqdn) -> Cause {
    Cause {
        sentence: format!("this cluster's domain is {right}, not {domain}"),
        cure: format!("set CLUSTER_DOMAIN={right} or MY_POD_FQDN={name}, whichever the node's name is made of"),
    }
}

/// Other services publish this pod, under these names.
/// If the host name is right, the settings name another service than the manifest, otherwise the manifest is wrong.
pub(in crate::wait) fn other_service(names: &[Fqdn], awaited: &Fqdn) -> Cause {
    let (_, wanted_service, wanted_namespace) = first_labels(awaited);
    let same_host = names.iter().find(|name| name.first_label() == awaited.first_label());
    let cure = if let Some(name) = same_host {
        let (_, service, namespace) = first_labels(name);
        let namespace =
            if namespace == wanted_namespace { String::new() } else { format!(" MY_POD_NAMESPACE={namespace}") };
        format!("set MY_POD_SERVICE={service}{namespace} or MY_POD_FQDN={name}, whichever the node's name is made of")
    } else {
        let found = names.first().map(|name| first_labels(name).1).unwrap_or_default();
        format!(
            "serviceName must be the headless Service's name: set serviceName: {found} in the StatefulSet, delete it with \
             its pods (kubectl delete statefulset NAME) and create it again, or name the Service {wanted_service}"
        )
    };
    Cause { sentence: format!("services know this pod under another name: {}", list(names, ", ")), cure }
}

/// The service publishes this pod, under another host name.
/// A host name that is the pod's address is what DNS makes up for a pod without one.
pub(in crate::wait) fn other_host_name(found: &Fqdn, awaited: &Fqdn) -> Cause {
    let label = found.first_label();
    let is_address = label.as_str().bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        && label.as_str().bytes().filter(|byte| *byte == b'-').count() >= 2;
    Cause {
        sentence: format!("its service publishes this pod under another host name: {found}"),
        cure: match awaited.parent() {
            Some(service) if is_address => host_name_from(&service),
            _ => format!("set MY_POD_NAME={label} or MY_POD_FQDN={found}, whichever the node's name is made of"),
        },
    }
}

/// The service publishes this pod's address, without a host name.
pub(in crate::wait) fn no_host_name(service: &Fqdn) -> Cause {
    let sentence = format!("{service} has this pod's address, but under no host name");
    Cause { sentence, cure: host_name_from(service) }
}

/// The pod has no subdomain, so it has no host name under any service.
pub(in crate::wait) fn no_subdomain(service: &Fqdn) -> Cause {
    Cause {
        sentence: "this pod has no subdomain, so no service gives it a host name".into(),
        cure: format!(
            "{}; without a host name, set MY_POD_SERVICE={} and write @${{MY_POD_FQDN}} in the node's name",
            host_name_from(service),
            service.first_label()
        ),
    }
}

pub(in crate::wait) fn no_namespace(namespace: &Fqdn) -> Cause {
    Cause {
        sentence: format!("there is no namespace {}", namespace.first_label()),
        cure: "set MY_POD_NAMESPACE from fieldRef: {fieldPath: metadata.namespace}, or leave it unset".into(),
    }
}

/// The service does not exist, or has no ready endpoint: DNS says the same of both.
/// A service without `publishNotReadyAddresses` and a pod with a readiness probe wait for each other.
pub(in crate::wait) fn no_service(service: &Fqdn) -> Cause {
    let (label, namespace, _) = first_labels(service);
    Cause {
        sentence: format!("{} does not exist or has no ready endpoint", described(service)),
        cure: format!(
            "set publishNotReadyAddresses: true in the spec of the headless Service {label} (without it this pod becomes \
             ready only after its record is there, and the other way round); if it is set, let its selector match this \
             pod's labels: compare kubectl -n {namespace} get service {label} -o wide with kubectl -n {namespace} get pods \
             --show-labels; if there is no such Service, create it, with clusterIP: None"
        ),
    }
}

/// The service has a cluster address, or is an alias of another name (`ExternalName`) and has none.
pub(in crate::wait) fn not_headless(service: &Fqdn, addresses: &[IpAddr]) -> Cause {
    let sentence = if addresses.is_empty() {
        format!("{} is not headless: it is an alias of a name elsewhere (ExternalName)", described(service))
    } else {
        format!("{} is not headless: it has the address {}", described(service), list(addresses, ", "))
    };
    Cause {
        sentence,
        cure: format!(
            "delete the Service {} and create it again with clusterIP: None and publishNotReadyAddresses: true",
            service.first_label()
        ),
    }
}

/// The service publishes `peers` addresses, but not this pod's.
pub(in crate::wait) fn not_published(service: &Fqdn, peers: usize) -> Cause {
    let pods = if peers == 1 { "another pod" } else { "other pods" };
    Cause {
        sentence: format!("{} publishes {pods}, but not this one", described(service)),
        cure: selecting_this_pod(service),
    }
}

fn selecting_this_pod(service: &Fqdn) -> String {
    let (label, namespace, _) = first_labels(service);
    format!(
        "let the selector of the Service {label} match this pod's labels (kubectl -n {namespace} get service {label} -o \
         wide; kubectl -n {namespace} get pods --show-labels), and set publishNotReadyAddresses: true"
    )
}

/// The service has no address of the pod's family: it has another one, or no endpoint at all. Some servers deny the name of
/// a service without endpoints, others say this.
pub(in crate::wait) fn no_address(service: &Fqdn, family: Family) -> Cause {
    Cause {
        sentence: format!("{} has no {family} address", described(service)),
        cure: format!("{}; if both are so, set the Service's ipFamilies: [{family}]", selecting_this_pod(service)),
    }
}

/// The awaited name has no address of the pod's family.
pub(in crate::wait) fn no_family(name: &Fqdn, family: Family) -> Cause {
    Cause {
        sentence: format!("{name} exists, but has no {family} address"),
        cure: format!("set the Service's ipFamilies: [{family}], or ipFamilyPolicy: PreferDualStack"),
    }
}

/// The name has addresses of a family of which no address of this pod is known.
pub(in crate::wait) fn other_family(addresses: &[IpAddr], own: Family) -> Cause {
    Cause {
        sentence: format!("it has {}, but only an {own} address of this pod is known", list(addresses, ", ")),
        cure: format!(
            "set the Service's ipFamilies: [{own}], or MY_POD_IPS from fieldRef: {{fieldPath: status.podIPs}}"
        ),
    }
}

/// The name has another pod's address. A cache may give it for `ttl` more seconds.
pub(in crate::wait) fn other_address(addresses: &[IpAddr], ttl: u32) -> Cause {
    Cause {
        sentence: format!(
            "it has {}, of an earlier pod or another one with this host name, for up to {ttl}s more",
            list(addresses, ", ")
        ),
        cure: format!(
            "end the other pod with this host name; for an earlier one's record, which caches keep, set \
             BEAMINIT_WAIT_TIMEOUT to more than {ttl}s"
        ),
    }
}

/// The record is there; a cache does not know it yet.
pub(in crate::wait) fn cached_denial() -> Cause {
    Cause {
        sentence: "the record is there, but a cache still denies it".into(),
        cure: "set BEAMINIT_WAIT_TIMEOUT to more than the cluster's DNS keeps denials (30s in most clusters: `cache` in the \
               Corefile)"
            .into(),
    }
}

/// The questions showed nothing more than the wait.
pub(in crate::wait) fn unexplained(observation: &Observation) -> Cause {
    let cure = match observation {
        Observation::Silence | Observation::AbsentElsewhere => {
            "see whether the pod's name servers know the name: dnsPolicy, CLUSTER_DOMAIN, MY_POD_FQDN"
        }
        Observation::Absent => "see whether the node's host name is right, and who should publish it",
        Observation::CachedDenial | Observation::NoAddress | Observation::Others { .. } => {
            "see whether the name servers are healthy"
        }
    };
    Cause { sentence: observation.to_string(), cure: cure.into() }
}

/// `service web in namespace ns1`.
fn described(service: &Fqdn) -> String {
    let (label, namespace, _) = first_labels(service);
    format!("service {label} in namespace {namespace}")
}

/// Pod, service and namespace, or service, namespace and `svc`.
fn first_labels(name: &Fqdn) -> (&str, &str, &str) {
    let mut labels = name.labels();
    let mut next = || labels.next().unwrap_or_default();
    (next(), next(), next())
}

fn host_name_from(service: &Fqdn) -> String {
    let service = service.first_label();
    format!("set serviceName: {service} in the StatefulSet, or hostname and subdomain: {service} in the pod's spec")
}
