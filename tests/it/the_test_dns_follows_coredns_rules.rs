//! The DNS server that the other tests rely on: CoreDNS's answers, and the rules of its cache.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use hickory_resolver::proto::op::{Edns, Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use crate::support::{Answer, Cache, Cluster, DnsSettings, Key, PodFile, Transport, Zone, wait_until};

const SOON: Duration = Duration::from_secs(10);
const WEB_0: &str = "web-0.web.ns1.svc.cluster.local";
const WEB_1: &str = "web-1.web.ns1.svc.cluster.local";
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 88, 0, 7));
const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 88, 0, 8));
const FRESH: RecordType = RecordType::Unknown(65_280);

fn name(text: &str) -> Name {
    Name::from_ascii(format!("{text}.")).unwrap()
}

fn query(text: &str, record_type: RecordType) -> Message {
    let mut query = Message::query();
    query.add_query(Query::query(name(text), record_type));
    query
}

/// The reply to a message that is sent from the cluster's node, none after `timeout`.
fn exchange(cluster: &Cluster, query: &Message, timeout: Duration) -> Option<Message> {
    let bytes = query.to_vec().unwrap();
    let socket = cluster.on_the_node(|| {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        socket.connect("10.96.0.10:53").unwrap();
        socket
    });
    socket.send(&bytes).unwrap();
    socket.set_read_timeout(Some(timeout)).unwrap();
    let mut reply = [0; 4096];
    let length = socket.recv(&mut reply).ok()?;
    Some(Message::from_vec(&reply[..length]).unwrap())
}

fn ask(cluster: &Cluster, text: &str, record_type: RecordType) -> Message {
    exchange(cluster, &query(text, record_type), SOON).expect("a reply")
}

fn rcode(reply: &Message) -> ResponseCode {
    reply.metadata.response_code
}

#[test]
fn a_denial_is_kept_under_its_own_type_alone() {
    let cluster = Cluster::start(DnsSettings::default());
    assert_eq!(rcode(&ask(&cluster, WEB_0, RecordType::A)), ResponseCode::NXDomain);
    cluster.dns().publish(WEB_0, &[ADDRESS]);

    let denied = ask(&cluster, WEB_0, RecordType::A);
    assert_eq!(rcode(&denied), ResponseCode::NXDomain);
    assert!((1..=30).contains(&denied.authorities[0].ttl), "{denied}");

    let there = ask(&cluster, WEB_0, FRESH);
    assert_eq!(rcode(&there), ResponseCode::NoError);
    assert!(there.answers.is_empty());
    assert_eq!(there.authorities[0].name, name("cluster.local"));
}

#[test]
fn a_denial_ends_after_the_time_that_it_shows() {
    let cluster = Cluster::start(DnsSettings { ttl: 5, cache: Some(Duration::from_secs(30)) });
    let since = Instant::now();
    assert_eq!(ask(&cluster, WEB_0, RecordType::A).authorities[0].ttl, 5);
    cluster.dns().publish(WEB_0, &[ADDRESS]);
    wait_until(Duration::from_secs(10), "the denial ends", || {
        rcode(&ask(&cluster, WEB_0, RecordType::A)) == ResponseCode::NoError
    });
    assert!(since.elapsed() >= Duration::from_secs(5));
}

#[test]
fn without_a_cache_a_name_is_seen_at_once() {
    let cluster = Cluster::start(DnsSettings { ttl: 30, cache: None });
    assert_eq!(rcode(&ask(&cluster, WEB_0, RecordType::A)), ResponseCode::NXDomain);
    cluster.dns().publish(WEB_0, &[ADDRESS]);
    assert_eq!(rcode(&ask(&cluster, WEB_0, RecordType::A)), ResponseCode::NoError);
    assert_eq!(cluster.dns().swap(WEB_0, &[OTHER]), [ADDRESS]);
    assert_eq!(ask(&cluster, WEB_0, RecordType::A).answers[0].data, RData::A("10.88.0.8".parse().unwrap()));
    assert_eq!(cluster.dns().withdraw(WEB_0), [OTHER]);
    assert_eq!(rcode(&ask(&cluster, WEB_0, RecordType::A)), ResponseCode::NXDomain);
}

#[test]
fn flags_come_back_and_questions_are_recorded() {
    let cluster = Cluster::start(DnsSettings::default());
    let mut query = query("WEB-0.web.ns1.svc.cluster.local", RecordType::AAAA);
    query.metadata.checking_disabled = true;
    query.edns.get_or_insert_with(Edns::new).set_dnssec_ok(true);
    let before = Instant::now();
    let reply = exchange(&cluster, &query, SOON).expect("a reply");
    assert!(reply.metadata.authoritative && reply.metadata.checking_disabled);
    assert!(reply.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok));
    assert_eq!(reply.queries, query.queries);

    let asked = cluster.dns().wait_for_question(SOON);
    assert_eq!(asked.name, "WEB-0.web.ns1.svc.cluster.local.");
    assert_eq!((asked.record_type, asked.rcode), (RecordType::AAAA, Some(ResponseCode::NXDomain)));
    assert!(asked.dnssec_ok && asked.checking_disabled && asked.at >= before);
    assert_eq!((asked.from, asked.transport), (IpAddr::V4(Ipv4Addr::new(10, 96, 0, 10)), Transport::Udp));
}

#[test]
fn a_silent_server_drops_and_records() {
    let cluster = Cluster::start(DnsSettings::default());
    cluster.dns().silence(true);
    assert!(exchange(&cluster, &query(WEB_0, RecordType::A), Duration::from_millis(200)).is_none());
    assert_eq!(cluster.dns().wait_for_question(SOON).rcode, None);
    cluster.dns().silence(false);
    assert_eq!(rcode(&ask(&cluster, WEB_0, RecordType::A)), ResponseCode::NXDomain);
    assert_eq!(cluster.dns().questions().len(), 2);
}

#[test]
fn a_further_server_knows_nothing_of_the_first_ones_names() {
    let cluster = Cluster::start(DnsSettings::default());
    let second = cluster.another_dns(Ipv4Addr::new(10, 96, 0, 11), DnsSettings::default());
    second.publish(WEB_0, &[ADDRESS]);
    let resolv_conf = PodFile::Custom("nameserver 10.96.0.11\n".to_owned());
    let pod = cluster.pod("web-1").resolv_conf(resolv_conf).no_entrypoint().command(["getent", "ahosts", WEB_0]);
    let from = pod.address();
    let pod = pod.start();
    pod.expect_line("10.88.0.7", SOON);
    second.wait_for_question_that(SOON, "A from the pod", |asked| {
        asked.from == from && asked.record_type == RecordType::A && asked.name == format!("{WEB_0}.")
    });
    assert_eq!(rcode(&ask(&cluster, WEB_0, RecordType::A)), ResponseCode::NXDomain);
    assert!(cluster.dns().questions().iter().all(|asked| asked.from != from));
}

#[test]
fn tcp_answers_as_udp_does() {
    let cluster = Cluster::start(DnsSettings::default());
    cluster.dns().publish(WEB_0, &[ADDRESS]);
    let resolv_conf = PodFile::Custom("nameserver 10.96.0.10\noptions use-vc\n".to_owned());
    let pod = cluster.pod("web-1").resolv_conf(resolv_conf).no_entrypoint().command(["getent", "ahosts", WEB_0]);
    pod.start().expect_line("10.88.0.7", SOON);
    assert!(cluster.dns().questions().iter().all(|asked| asked.transport == Transport::Tcp));
}

#[test]
fn too_many_addresses_for_a_datagram_are_truncated() {
    let cluster = Cluster::start(DnsSettings::default());
    cluster.dns().publish(WEB_0, &[ADDRESS; 40]);
    let cut = ask(&cluster, WEB_0, RecordType::A);
    assert!(cut.metadata.truncation && cut.answers.is_empty());
    let mut large = query(WEB_0, RecordType::A);
    large.edns.get_or_insert_with(Edns::new).set_max_payload(4096);
    assert_eq!(exchange(&cluster, &large, SOON).expect("a reply").answers.len(), 40);
}

/// What a zone with two pods of one service says.
fn of_two_pods(text: &str, record_type: RecordType) -> Answer {
    let mut zone = Zone::new(30);
    zone.entry(WEB_0).push(ADDRESS);
    zone.entry(WEB_1).push(OTHER);
    zone.answer(&name(text), record_type)
}

#[test]
fn parents_exist_and_a_headless_service_has_its_pods_addresses() {
    for parent in ["ns1.svc.cluster.local", "svc.cluster.local", "cluster.local"] {
        let answer = of_two_pods(parent, RecordType::A);
        assert_eq!((answer.rcode, answer.records.len()), (ResponseCode::NoError, 0), "{parent}");
    }
    assert_eq!(of_two_pods("web.ns1.svc.cluster.local", RecordType::A).records.len(), 2);
    for absent in ["ns2.svc.cluster.local", "api.ns1.svc.cluster.local", "eb.ns1.svc.cluster.local"] {
        assert_eq!(of_two_pods(absent, RecordType::A).rcode, ResponseCode::NXDomain, "{absent}");
    }
    let version = of_two_pods("dns-version.cluster.local", RecordType::TXT);
    assert_eq!(version.records[0].to_string(), "1.1.0");
}

#[test]
fn a_namespace_exists_by_itself_and_a_service_with_an_address_has_a_name() {
    let mut zone = Zone::new(30);
    let rcode = |zone: &Zone, text: &str| zone.answer(&name(text), RecordType::A).rcode;
    assert_eq!(rcode(&zone, "default.svc.cluster.local"), ResponseCode::NoError);
    assert_eq!(rcode(&zone, "ns1.svc.cluster.local"), ResponseCode::NXDomain);
    zone.add_namespace("ns1");
    assert_eq!(rcode(&zone, "ns1.svc.cluster.local"), ResponseCode::NoError);
    assert_eq!(rcode(&zone, "ns1.cluster.local"), ResponseCode::NXDomain);
    zone.entry("web.ns1.svc.cluster.local").push(OTHER);
    let pointer = zone.answer(&name("8.0.88.10.in-addr.arpa"), RecordType::PTR);
    assert_eq!(pointer.records[0].to_string(), "web.ns1.svc.cluster.local.");
}

#[test]
fn a_cluster_may_have_another_domain() {
    let mut zone = Zone::new(30);
    zone.set_domain("k8s.test");
    let denied = zone.answer(&name("web-0.web.default.svc.k8s.test"), RecordType::A);
    assert_eq!((denied.rcode, denied.authority.unwrap().0), (ResponseCode::NXDomain, name("k8s.test")));
    assert_eq!(zone.answer(&name("dns-version.k8s.test"), RecordType::TXT).records.len(), 1);
    let outside = zone.answer(&name("dns-version.cluster.local"), RecordType::TXT);
    assert_eq!((outside.rcode, outside.authoritative), (ResponseCode::NXDomain, false));
}

#[test]
fn the_soa_says_who_denies() {
    let own = of_two_pods("web-9.web.ns1.svc.cluster.local", FRESH);
    assert_eq!(own.authorities().next().unwrap().to_string().split_once(' ').unwrap().0, "cluster.local.");
    assert_eq!((own.ttl, own.authority.as_ref().unwrap().1.minimum, own.authoritative), (30, 30, true));
    let outside = of_two_pods("example.org", FRESH);
    assert_eq!((outside.rcode, outside.authoritative), (ResponseCode::NXDomain, false));
    assert!(outside.authority.unwrap().0.is_root());
}

#[test]
fn an_address_points_to_its_names() {
    let answer = of_two_pods("7.0.88.10.in-addr.arpa", RecordType::PTR);
    assert_eq!(answer.records[0].to_string(), format!("{WEB_0}."));
    assert_eq!(of_two_pods("9.0.88.10.in-addr.arpa", RecordType::PTR).rcode, ResponseCode::NXDomain);
}

#[test]
fn the_cache_counts_whole_seconds_and_distinguishes_keys() {
    let (zone, start) = (Zone::new(30), Duration::ZERO);
    let mut cache = Cache::new(30, 30);
    let key = |text: &str, do_bit, cd_bit| Key::new(&name(text), RecordType::A, do_bit, cd_bit);
    let denial = zone.answer(&name(WEB_0), RecordType::A);
    cache.store(key(WEB_0, false, false), denial, start);

    let ttl = |key, millis| cache.get(&key, start + Duration::from_millis(millis)).map(|answer| answer.ttl);
    assert_eq!(ttl(key(&WEB_0.to_uppercase(), false, false), 999), Some(30));
    assert_eq!(ttl(key(WEB_0, false, false), 1000), Some(29));
    assert_eq!(ttl(key(WEB_0, false, false), 29_999), Some(1));
    assert_eq!(ttl(key(WEB_0, false, false), 30_000), None);
    assert_eq!(ttl(key(WEB_0, true, false), 0), None);
    assert_eq!(ttl(key(WEB_0, false, true), 0), None);
}

#[test]
fn the_cache_clamps_and_prefers_a_denial() {
    let (mut zone, start) = (Zone::new(300), Duration::ZERO);
    let mut cache = Cache::new(30, 30);
    let key = Key::new(&name(WEB_0), RecordType::A, false, false);
    let denial = zone.answer(&name(WEB_0), RecordType::A);
    assert_eq!(cache.store(key.clone(), denial, start).ttl, 30);
    zone.entry(WEB_0).push(ADDRESS);
    cache.store(key.clone(), zone.answer(&name(WEB_0), RecordType::A), start);
    assert_eq!(cache.get(&key, start).unwrap().rcode, ResponseCode::NXDomain);
    let short = Zone::new(1).answer(&name(WEB_1), RecordType::A);
    assert_eq!(cache.store(key, short, start).ttl, 5);
}
