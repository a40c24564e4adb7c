//! The order of the sources, row by row.

use super::*;
use std::cell::LazyCell;

const KUBELET: &str =
    "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n10.0.0.42\tweb-0.web.ns1.svc.k8s.test\tweb-0\n";

fn pod() -> Sources {
    Sources {
        hosts: KUBELET.into(),
        resolv_conf: resolv_conf::ResolvConf::parse(
            "search ns1.svc.k8s.test svc.k8s.test k8s.test\nnameserver 10.96.0.10\n",
        ),
        host_name: Some("web-0".into()),
        interfaces: LazyCell::new(|| vec!["10.0.0.42".parse().unwrap()]),
        ..Sources::default()
    }
}

fn text(identity: &Identity) -> Vec<(&'static str, String)> {
    identity.variables().into_iter().map(|(name, value, _)| (name, value)).collect()
}

fn value(identity: &Identity, name: &str) -> Option<String> {
    text(identity).into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[test]
fn a_statefulset_pod_needs_no_configuration() {
    let identity = Identity::find(&RawEnv::default(), &pod());
    let expected = [
        ("MY_POD_NAME", "web-0"),
        ("MY_POD_NAMESPACE", "ns1"),
        ("MY_POD_IP", "10.0.0.42"),
        ("MY_POD_IPS", "10.0.0.42"),
        ("MY_POD_BASE_DNS", "web.ns1.svc.k8s.test"),
        ("MY_POD_SERVICE", "web"),
        ("CLUSTER_DOMAIN", "k8s.test"),
        ("MY_POD_FQDN", "web-0.web.ns1.svc.k8s.test"),
    ];
    assert_eq!(text(&identity), expected.map(|(name, value)| (name, value.to_owned())));
    assert_eq!((identity.warnings.len(), identity.refused.len()), (0, 0));
}

#[test]
fn the_environment_wins_and_a_difference_from_the_hosts_file_is_a_warning() {
    let raw = RawEnv {
        my_pod_name: Some("other-1".into()),
        my_pod_ip: Some("10.0.0.42".into()),
        my_pod_ips: Some("10.0.0.42, fd00::42".into()),
        my_pod_base_dns: Some("elsewhere.ns2.svc.k8s.test".into()),
        ..RawEnv::default()
    };
    let identity = Identity::find(&raw, &pod());
    assert_eq!(value(&identity, "MY_POD_NAME").unwrap(), "other-1");
    assert_eq!(value(&identity, "MY_POD_IPS").unwrap(), "10.0.0.42,fd00::42");
    assert_eq!(value(&identity, "MY_POD_BASE_DNS").unwrap(), "elsewhere.ns2.svc.k8s.test");
    assert_eq!(value(&identity, "MY_POD_FQDN").unwrap(), "web-0.web.ns1.svc.k8s.test");
    assert_eq!(
        identity.warnings.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>(),
        ["MY_POD_BASE_DNS is elsewhere.ns2.svc.k8s.test, but /etc/hosts calls this pod web.ns1.svc.k8s.test"]
    );
}

#[test]
fn a_deployment_pod_is_named_by_its_address_under_its_service() {
    let sources = Sources {
        hosts: "# Kubernetes-managed hosts file.\n10.0.0.42\tweb-7d9f\n".into(),
        host_name: Some("web-7d9f".into()),
        ..pod()
    };
    let raw = RawEnv { my_pod_service: Some("web".into()), ..RawEnv::default() };
    let identity = Identity::find(&raw, &sources);
    assert_eq!(value(&identity, "MY_POD_FQDN").unwrap(), "10-0-0-42.web.ns1.svc.k8s.test");
    assert!(identity.without_subdomain);
    let rows = [
        ("10-0-0-42.web.ns1.svc.k8s.test", false),
        ("web-7d9f.web.ns1.svc.k8s.test", true),
        ("node1.example.com", false),
    ];
    for (name, has_none) in rows {
        let name = Fqdn::parse(name).unwrap();
        assert_eq!(identity.has_no_host_name(&name), has_none, "{name}");
        assert!(!Identity::find(&RawEnv::default(), &pod()).has_no_host_name(&name));
    }
}

#[test]
fn a_hosts_line_without_a_domain_means_nothing_in_docker() {
    let sources = Sources { hosts: "172.18.0.2\tweb-0\n".into(), ..pod() };
    let raw = RawEnv { my_pod_service: Some("web".into()), ..RawEnv::default() };
    let identity = Identity::find(&raw, &sources);
    assert_eq!(value(&identity, "MY_POD_FQDN").unwrap(), "web-0.web.ns1.svc.k8s.test");
    assert!(!identity.without_subdomain);
}

#[test]
fn without_a_hosts_line_the_name_is_pod_and_service() {
    let sources = Sources { hosts: String::new(), namespace: Some("ns2\n".into()), ..pod() };
    let raw = RawEnv { my_pod_service: Some("web".into()), ..RawEnv::default() };
    let identity = Identity::find(&raw, &sources);
    assert_eq!(value(&identity, "MY_POD_FQDN").unwrap(), "web-0.web.ns2.svc.k8s.test");
}

#[test]
fn a_laptop_has_addresses_and_no_warning() {
    let sources = Sources {
        hosts: "127.0.0.1 localhost\n127.0.1.1 My_Laptop\n".into(),
        resolv_conf: resolv_conf::ResolvConf::parse("search example.com\nnameserver 192.168.1.1\n"),
        host_name: Some("My_Laptop".into()),
        interfaces: LazyCell::new(|| vec!["192.168.1.7".parse().unwrap()]),
        ..Sources::default()
    };
    let identity = Identity::find(&RawEnv::default(), &sources);
    assert_eq!(value(&identity, "MY_POD_FQDN"), None);
    assert_eq!(value(&identity, "MY_POD_NAME"), None);
    assert_eq!((identity.warnings.len(), identity.refused.len()), (0, 0));
}

#[test]
fn every_invalid_variable_is_reported_at_once_and_missing_only_if_nothing_else_gives_it() {
    let raw = RawEnv {
        my_pod_name: Some("Bad_Name".into()),
        my_pod_ip: Some("10.0.0".into()),
        my_pod_service: Some("-".into()),
        not_utf8: vec!["CLUSTER_DOMAIN"],
        ..RawEnv::default()
    };
    let identity = Identity::find(&raw, &Sources::default());
    let named: Vec<_> = identity.refused.iter().map(|(name, _)| *name).collect();
    assert_eq!(named, ["MY_POD_IP", "MY_POD_NAME", "MY_POD_SERVICE"]);
    assert_eq!(identity.warnings.len(), 4, "{:?}", identity.warnings);
    assert!(Identity::find(&raw, &pod()).refused.is_empty(), "the hosts file has the values");
}

#[test]
fn the_cure_names_the_variable_and_its_field() {
    for (name, field) in [
        ("MY_POD_NAME", "{fieldPath: metadata.name}"),
        ("MY_POD_NAMESPACE", "{fieldPath: metadata.namespace}"),
        ("MY_POD_IP", "{fieldPath: status.podIP}"),
        ("MY_POD_IPS", "{fieldPath: status.podIPs}"),
        ("CLUSTER_DOMAIN", "CLUSTER_DOMAIN=cluster.local"),
    ] {
        assert!(cure(name).starts_with(&format!("set {name}")) && cure(name).contains(field), "{}", cure(name));
    }
    assert!(["MY_POD_BASE_DNS", "MY_POD_FQDN"].iter().all(|name| cure(name).contains("serviceName")));
}

#[test]
fn the_cure_for_the_full_name_is_the_first_part_that_is_missing() {
    let machine = || Sources { hosts: "# Kubernetes-managed hosts file (host network).\n".into(), ..pod() };
    let service = RawEnv { my_pod_service: Some("web".into()), ..RawEnv::default() };
    let with_namespace = RawEnv { my_pod_namespace: Some("ns1".into()), ..service.clone() };
    let without_search = |sources: Sources| Sources { resolv_conf: resolv_conf::ResolvConf::default(), ..sources };
    let cure_of = |raw: &RawEnv, sources: Sources| Identity::find(raw, &sources).cure_for_fqdn();
    assert_eq!(cure_of(&RawEnv::default(), without_search(machine())), cure("MY_POD_SERVICE"));
    assert_eq!(cure_of(&service, without_search(machine())), cure("MY_POD_NAMESPACE"));
    assert_eq!(cure_of(&with_namespace, without_search(machine())), cure("MY_POD_NAME"));
}

#[test]
fn on_the_machines_network_the_host_name_is_not_the_pods() {
    let hosts = "# Kubernetes-managed hosts file (host network).\n10.0.0.7\tnode-7.corp.example node-7\n";
    let sources = Sources { hosts: hosts.into(), host_name: Some("node-7".into()), ..pod() };
    let raw = RawEnv { my_pod_service: Some("web".into()), ..RawEnv::default() };
    let identity = Identity::find(&raw, &sources);
    assert_eq!((value(&identity, "MY_POD_NAME"), value(&identity, "MY_POD_FQDN")), (None, None));
    let raw = RawEnv { my_pod_name: Some("web-0".into()), ..raw };
    assert_eq!(value(&Identity::find(&raw, &sources), "MY_POD_FQDN").unwrap(), "web-0.web.ns1.svc.k8s.test");
}

#[test]
fn the_namespace_of_the_service_account_has_its_source() {
    let sources = Sources { hosts: String::new(), namespace: Some("ns2\n".into()), ..Sources::default() };
    let identity = Identity::find(&RawEnv::default(), &sources);
    let fact = identity.namespace.unwrap();
    assert_eq!(
        (fact.value.to_string(), fact.source.to_string()),
        ("ns2".into(), "the service account's namespace file".into())
    );
}

#[test]
fn the_default_cluster_domain_is_a_warning_where_it_is_used() {
    let sources = Sources { host_name: Some("web-0".into()), ..Sources::default() };
    let raw = RawEnv { my_pod_service: Some("web".into()), my_pod_namespace: Some("ns1".into()), ..RawEnv::default() };
    let identity = Identity::find(&raw, &sources);
    assert_eq!(value(&identity, "MY_POD_FQDN").unwrap(), "web-0.web.ns1.svc.cluster.local");
    assert_eq!(identity.warnings.len(), 1);
}
