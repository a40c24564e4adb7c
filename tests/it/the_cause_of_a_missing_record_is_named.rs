//! A wait that ends without the record says why, and what to do about it: one test a cause.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use hickory_resolver::proto::op::{Edns, Message, Query};
use hickory_resolver::proto::rr::{Name, RecordType};

use crate::support::vm::BOOT;
use crate::support::{Cluster, DnsServer, DnsSettings, Ended, Pod, PodFile, Stream, wait_until};

/// The shortest wait in which everything that these tests plant is seen.
const TIMEOUT: Duration = Duration::from_secs(1);
/// What a diagnosis takes at most.
const DIAGNOSIS: Duration = Duration::from_secs(3);

const WEB_0: &str = "web-0.web.default.svc.cluster.local";
const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 88, 0, 250));
const SERVICE_IP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 96, 5, 5));

/// What is said of a start that fails in its wait.
struct Said {
    error: String,
    hint: String,
}

/// Starts the pod, which waits in vain, and gives its last words.
#[track_caller]
fn said(pod: Pod) -> Said {
    let started = Instant::now();
    let pod = pod.env("BEAMINIT_WAIT_TIMEOUT", "1s").command(["echo", "started"]).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(69), "{:#?}", pod.log());
    assert!(started.elapsed() < 2 * (TIMEOUT + DIAGNOSIS), "{:?}: {:#?}", started.elapsed(), pod.log());
    assert_eq!(pod.stdout(), "");
    let lines: Vec<String> =
        pod.log().into_iter().filter(|line| line.stream == Stream::Stderr).map(|line| line.text).collect();
    assert!(lines.len() <= 12, "{lines:#?}");
    let at = lines.iter().position(|line| line.contains(" did not answer with ")).expect("an error");
    assert_eq!(lines.len(), at + 2, "the error and its hint end the log: {lines:#?}");
    assert_eq!(pod.termination_log(), lines[at..].join("\n"));
    println!("{}\n{}\n", lines[at], lines[at + 1]);
    Said { error: lines[at].clone(), hint: lines[at + 1].clone() }
}

impl Said {
    /// The cause is between the time and the summary, the cure behind `hint: `.
    #[track_caller]
    fn has(&self, cause: &str, cure: &str) {
        let (_, rest) = self.error.split_once(" within 1s: ").unwrap_or_else(|| panic!("{}", self.error));
        let (said, summary) = rest.rsplit_once(" (").unwrap_or_else(|| panic!("{}", self.error));
        assert!(said.contains(cause), "{cause:?} in {said:?}");
        assert!(summary.contains(" question"), "{summary}");
        assert!(self.hint.strip_prefix("hint: ").is_some_and(|hint| hint.contains(cure)), "{cure:?} in {}", self.hint);
    }
}

fn resolv_conf(text: &str) -> PodFile {
    PodFile::Custom(text.to_owned())
}

#[test]
fn the_servers_are_silent() {
    let cluster = Cluster::start(DnsSettings::default());
    cluster.dns().silence(true);
    said(cluster.pod("web-0")).has("no reply from the name server 10.96.0.10", "egress to 10.96.0.10 on port 53");
}

#[test]
fn nobody_listens_at_the_servers() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").resolv_conf(resolv_conf("nameserver 10.88.0.1\n"));
    said(pod).has("nothing listens at the name server 10.88.0.1", "no ready endpoint: kubectl -n kube-system get");
}

#[test]
fn one_server_is_silent_and_the_other_one_answers() {
    let cluster = Cluster::start(DnsSettings::default());
    let dead = cluster.another_dns(Ipv4Addr::new(10, 96, 0, 11), DnsSettings::default());
    dead.silence(true);
    let pod = cluster.pod("web-0").resolv_conf(resolv_conf("nameserver 10.96.0.11\nnameserver 10.96.0.10\n"));
    said(pod).has("service web in namespace default does not exist", "publishNotReadyAddresses: true");
}

#[test]
fn the_server_is_not_the_clusters() {
    let cluster = Cluster::start(DnsSettings::default());
    let foreign = cluster.another_dns(Ipv4Addr::new(10, 96, 0, 11), DnsSettings::default());
    foreign.serve_domain("corp.example");
    let conf = resolv_conf("search corp.example\nnameserver 10.96.0.11\n");
    let said = said(cluster.pod("web-0").resolv_conf(conf));
    said.has(
        "10.96.0.11 does not serve the cluster domain cluster.local: it says NXDOMAIN",
        "dnsPolicy: ClusterFirst ",
    );
    assert!(said.hint.contains("ClusterFirstWithHostNet"), "{}", said.hint);
}

/// `hostNetwork: true` without `dnsPolicy: ClusterFirstWithHostNet`: hosts file and name servers are the node's, and only
/// the environment says of the pod.
#[test]
fn the_pod_is_on_the_hosts_network() {
    let cluster = Cluster::start(DnsSettings::default());
    let nodes = cluster.another_dns(Ipv4Addr::new(10, 96, 0, 11), DnsSettings::default());
    nodes.serve_domain("corp.example");
    let pod = cluster.pod("web-0");
    let address = pod.address().to_string();
    let pod = pod.hosts(PodFile::Custom("127.0.0.1\tlocalhost\n10.0.0.7\tnode-7.corp.example node-7\n".into()));
    let pod = pod.resolv_conf(resolv_conf("search corp.example\nnameserver 10.96.0.11\n"));
    let pod = pod.env("MY_POD_NAMESPACE", "default").env("MY_POD_SERVICE", "web").env("MY_POD_IP", &address);
    let pod = pod.env("MY_POD_FQDN", WEB_0);
    said(pod).has("does not serve the cluster domain cluster.local", "ClusterFirstWithHostNet with hostNetwork: true");
}

#[test]
fn the_cluster_has_another_domain() {
    let cluster = Cluster::start(DnsSettings::default());
    cluster.dns().serve_domain("k8s.test");
    let conf = "search default.svc.k8s.test svc.k8s.test k8s.test\nnameserver 10.96.0.10\n";
    let pod = cluster.pod("web-0").hosts(PodFile::Missing).resolv_conf(resolv_conf(conf));
    let pod = pod.env("CLUSTER_DOMAIN", "cluster.local").env("MY_POD_SERVICE", "web");
    said(pod).has(
        "this cluster's domain is k8s.test, not cluster.local",
        "set CLUSTER_DOMAIN=k8s.test or MY_POD_FQDN=web-0.web.default.svc.k8s.test,",
    );
}

#[test]
fn the_cluster_has_another_domain_by_the_name_that_it_gave_this_pod() {
    let cluster = Cluster::start(DnsSettings::default());
    cluster.dns().serve_domain("k8s.test");
    let pod = cluster.pod("web-0").resolv_conf(resolv_conf("nameserver 10.96.0.10\n"));
    cluster.dns().publish("web-0.web.default.svc.k8s.test", &[pod.address()]);
    said(pod).has(
        "this cluster's domain is k8s.test, not cluster.local",
        "set CLUSTER_DOMAIN=k8s.test or MY_POD_FQDN=web-0.web.default.svc.k8s.test,",
    );
}

#[test]
fn another_service_publishes_this_pod() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0");
    let label = pod.address().to_string().replace('.', "-");
    let name = format!("{label}.alias.default.svc.cluster.local");
    cluster.dns().publish(&name, &[pod.address()]);
    said(pod).has(&format!("services know this pod under another name: {name}"), "set serviceName: alias ");
}

#[test]
fn the_settings_name_another_service_than_the_manifest() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").env("MY_POD_FQDN", "web-0.api.default.svc.cluster.local");
    cluster.dns().publish(WEB_0, &[pod.address()]);
    said(pod).has(
        &format!("services know this pod under another name: {WEB_0}"),
        "set MY_POD_SERVICE=web or MY_POD_FQDN=web-0.web.default.svc.cluster.local,",
    );
}

#[test]
fn the_service_publishes_this_pod_without_its_host_name() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0");
    let label = pod.address().to_string().replace('.', "-");
    let name = format!("{label}.web.default.svc.cluster.local");
    cluster.dns().publish(&name, &[pod.address()]);
    said(pod).has(
        &format!("publishes this pod under another host name: {name}"),
        "set serviceName: web in the StatefulSet, or hostname and subdomain: web",
    );
}

#[test]
fn there_is_no_such_namespace() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").env("MY_POD_FQDN", "web-0.web.nowhere.svc.cluster.local");
    said(pod).has("there is no namespace nowhere", "MY_POD_NAMESPACE from fieldRef: {fieldPath: metadata.namespace}");
}

#[test]
fn there_is_no_such_service_or_it_waits_for_this_pod() {
    let cluster = Cluster::start(DnsSettings::default());
    cluster.dns().add_namespace("astarte");
    said(cluster.pod("web-0").namespace("astarte")).has(
        "service web in namespace astarte does not exist or has no ready endpoint",
        "set publishNotReadyAddresses: true in the spec of the headless Service web",
    );
}

#[test]
fn the_service_is_not_headless() {
    let cluster = Cluster::start(DnsSettings::default());
    cluster.dns().publish("web.default.svc.cluster.local", &[SERVICE_IP]);
    said(cluster.pod("web-0"))
        .has("service web in namespace default is not headless: it has the address 10.96.5.5", "clusterIP: None");
}

#[test]
fn the_service_publishes_one_peer_and_not_this_pod() {
    let cluster = Cluster::start(DnsSettings::default());
    cluster.dns().publish("web-1.web.default.svc.cluster.local", &[OTHER]);
    said(cluster.pod("web-0"))
        .has("service web in namespace default publishes another pod, but not this one", "selector of the Service web");
}

#[test]
fn the_service_publishes_peers_and_not_this_pod() {
    let cluster = Cluster::start(DnsSettings::default());
    for (peer, address) in [("web-1", OTHER), ("web-2", SERVICE_IP)] {
        cluster.dns().publish(&format!("{peer}.web.default.svc.cluster.local"), &[address]);
    }
    said(cluster.pod("web-0")).has("publishes other pods, but not this one", "publishNotReadyAddresses: true");
}

#[test]
fn the_record_is_of_the_other_family() {
    let cluster = Cluster::start(DnsSettings::default());
    cluster.dns().publish(WEB_0, &["fd00::5".parse().unwrap()]);
    said(cluster.pod("web-0"))
        .has("it has fd00::5, but only an IPv4 address of this pod is known", "ipFamilies: [IPv4]");
}

#[test]
fn the_record_has_no_address_at_all() {
    let cluster = Cluster::start(DnsSettings::default());
    cluster.dns().publish(WEB_0, &[]);
    said(cluster.pod("web-0")).has(&format!("{WEB_0} exists, but has no IPv4 address"), "ipFamilies: [IPv4]");
}

#[test]
fn the_record_is_a_predecessors() {
    let cluster = Cluster::start(DnsSettings::default());
    cluster.dns().publish(WEB_0, &[OTHER]);
    let said = said(cluster.pod("web-0"));
    said.has("it has 10.88.0.250, of an earlier pod or another one", "BEAMINIT_WAIT_TIMEOUT to more than ");
    assert!(said.error.contains("s more (") && said.error.contains(" with records"), "{}", said.error);
}

#[test]
fn a_cache_denies_the_record() {
    let cluster = Cluster::start(DnsSettings::default());
    plant_denials(&cluster, WEB_0);
    let pod = cluster.pod("web-0");
    cluster.dns().publish(WEB_0, &[pod.address()]);
    said(pod).has("the record is there, but a cache still denies it", "BEAMINIT_WAIT_TIMEOUT to more than ");
}

/// Asks for the name in each way in which an address can be asked for, so that the cluster's DNS keeps its denials.
fn plant_denials(cluster: &Cluster, name: &str) {
    let socket = cluster.on_the_node(|| {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        socket.connect("10.96.0.10:53").unwrap();
        socket
    });
    socket.set_read_timeout(Some(BOOT)).unwrap();
    for record_type in [RecordType::A, RecordType::AAAA, RecordType::SRV] {
        for (dnssec_ok, checking_disabled) in [(false, false), (false, true), (true, false), (true, true)] {
            let mut query = Message::query();
            query.add_query(Query::query(Name::from_ascii(format!("{name}.")).unwrap(), record_type));
            query.metadata.checking_disabled = checking_disabled;
            query.edns.get_or_insert_with(Edns::new).set_dnssec_ok(dnssec_ok);
            socket.send(&query.to_vec().unwrap()).unwrap();
            socket.recv(&mut [0; 4096]).expect("an answer");
        }
    }
}

#[test]
fn no_question_of_the_diagnosis_can_blind_a_peer() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0");
    let address = pod.address();
    said(pod);
    let ordinary = |name: &str| name == format!("{WEB_0}.") || name == "web.default.svc.cluster.local.";
    let of_peers = cluster.dns().questions().into_iter().filter(|asked| {
        let is_address = [RecordType::A, RecordType::AAAA].contains(&asked.record_type);
        asked.from == address && is_address && !asked.dnssec_ok && ordinary(&asked.name)
    });
    assert_eq!(of_peers.count(), 0);
    assert!(cluster.dns().questions().iter().any(|asked| asked.name == "web.default.svc.cluster.local."));
}

#[test]
fn a_start_that_goes_on_all_the_same_says_it_too() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").env("BEAMINIT_WAIT_TIMEOUT", "1s").env("BEAMINIT_WAIT_FAILURE", "start");
    let pod = pod.command(["echo", "started"]).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
    let line = pod.expect_line(" did not answer with ", BOOT).text;
    assert!(line.contains("service web in namespace default does not exist"), "{line}");
    assert!(line.contains("publishNotReadyAddresses: true"), "{line}");
}

#[test]
fn a_stop_request_ends_the_diagnosis() {
    let cluster = Cluster::start(DnsSettings::default());
    let more = [11, 12].map(|host| cluster.another_dns(Ipv4Addr::new(10, 96, 0, host), DnsSettings::default()));
    cluster.dns().silence(true);
    for dns in &more {
        dns.silence(true);
    }
    let conf = resolv_conf("nameserver 10.96.0.10\nnameserver 10.96.0.11\nnameserver 10.96.0.12\n");
    let pod = cluster.pod("web-0").resolv_conf(conf).env("BEAMINIT_WAIT_TIMEOUT", "1s").command(["true"]).start();
    // Asked of the first server, with two seconds more to come at the others.
    let is_diagnosis = |dns: &DnsServer| dns.questions().iter().any(|asked| asked.name.starts_with("dns-version."));
    let all = || more.iter().chain([cluster.dns()]).any(is_diagnosis);
    wait_until(BOOT, "a question of the diagnosis", all);
    let sent = Instant::now();
    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(143));
    assert!(sent.elapsed() < Duration::from_secs(1), "{:?}", sent.elapsed());
}

/// The pod's hosts line has no domain, and yet its node is to be called by a host name: said at once, diagnosed after
/// ten seconds, and still waited for.
#[test]
fn what_looks_hopeless_is_said_and_diagnosed_and_goes_on() {
    let cluster = Cluster::start(DnsSettings::default());
    let name = "web-7d9f.web.default.svc.cluster.local";
    let pod = cluster.pod("web-7d9f").without_subdomain().env("MY_POD_FQDN", name).command(["echo", "started"]);
    let address = pod.address();
    let pod = pod.start();
    let warned = pod.expect_line("gives this pod no subdomain", BOOT);
    assert!(warned.text.contains("warning: ") && warned.at - pod.started_at < Duration::from_secs(5));
    let diagnosed = pod.expect_line("this pod has no subdomain, so no service gives it a host name; ", 2 * BOOT);
    assert!(diagnosed.text.contains("warning: ") && diagnosed.text.contains("set serviceName: web"), "{diagnosed:?}");
    assert!(diagnosed.at - pod.started_at >= Duration::from_secs(10));
    cluster.dns().publish(name, &[address]);
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
    assert_eq!(pod.stdout(), "started\n");
}

#[test]
fn a_family_that_is_not_published_is_named_and_not_waited_for() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0");
    let address = pod.address();
    cluster.dns().publish(WEB_0, &[address]);
    let pod = pod.env("MY_POD_IPS", &format!("{address},fd00::5")).command(["echo", "started"]).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
    pod.expect_line(&format!("{WEB_0} has no IPv6 address of this pod"), BOOT);
}

#[test]
fn when_the_clusters_dns_last_heard_of_a_change_is_reported() {
    let cluster = Cluster::start(DnsSettings::default());
    cluster.dns().publish("other-0.other.default.svc.cluster.local", &[OTHER]);
    let pod = cluster.pod("web-0").env("BEAMINIT_WAIT_TIMEOUT", "3s").command(["echo", "started"]).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(69));
    let line = pod.expect_line("the cluster's DNS last heard of a change ", BOOT).text;
    assert!(line.contains("s ago"), "{line}");
}
