//! What is asked, in which order, and what it amounts to.

use super::*;
use crate::wait::answers::Refusal;
use std::cell::RefCell;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

const POD: &str = "web-0.web.ns1.svc.cluster.local";
const SERVICE: &str = "web.ns1.svc.cluster.local";
const OWN: &str = "10.0.0.5";

/// A cluster's DNS as the diagnosis sees it. Unless a test says otherwise it knows the namespace and nothing else.
struct Dns {
    version: Vec<Outcome>,
    names: Vec<(&'static str, Vec<&'static str>)>,
    namespace: Outcome,
    service: Outcome,
}

impl Default for Dns {
    fn default() -> Self {
        Self { version: vec![addresses(&[])], names: vec![], namespace: exists(), service: absent() }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Inquiry {
    Text(Fqdn),
    Names(IpAddr),
    Addresses(Fqdn),
}

/// Notes what is asked.
struct Noted<'a> {
    dns: &'a Dns,
    asked: RefCell<Vec<Inquiry>>,
}

impl DiagnosticQuestions for Noted<'_> {
    async fn text(&self, server: SocketAddr, name: &Fqdn) -> Outcome {
        self.asked.borrow_mut().push(Inquiry::Text(name.clone()));
        self.dns.version[usize::from(server.port()) - 1].clone()
    }

    async fn names(&self, _: SocketAddr, address: IpAddr) -> Vec<Fqdn> {
        self.asked.borrow_mut().push(Inquiry::Names(address));
        let found = self.dns.names.iter().find(|(ip, _)| ip.parse() == Ok(address));
        found.map(|(_, names)| names.iter().map(|name| fqdn(name)).collect()).unwrap_or_default()
    }

    async fn addresses(&self, _: SocketAddr, name: &Fqdn) -> Outcome {
        self.asked.borrow_mut().push(Inquiry::Addresses(name.clone()));
        if name.to_string().starts_with("web.") { self.dns.service.clone() } else { self.dns.namespace.clone() }
    }
}

fn fqdn(text: &str) -> Fqdn {
    Fqdn::parse(text).unwrap()
}

fn zone() -> Option<Fqdn> {
    Fqdn::parse("cluster.local").ok()
}

fn absent() -> Outcome {
    Outcome::Absent { zone: zone(), ttl: 30 }
}

fn exists() -> Outcome {
    Outcome::Exists { zone: zone(), ttl: 30 }
}

fn from_outside() -> Outcome {
    Outcome::Absent { zone: None, ttl: 30 }
}

fn ips(list: &[&str]) -> Vec<IpAddr> {
    list.iter().map(|address| address.parse().unwrap()).collect()
}

fn addresses(list: &[&str]) -> Outcome {
    Outcome::Addresses { addresses: ips(list), ttl: 30 }
}

fn server(number: u16) -> SocketAddr {
    SocketAddr::new(ips(&["10.96.0.10"])[0], number)
}

fn awaited() -> Awaited {
    Awaited {
        name: fqdn(POD),
        cluster_domain: zone(),
        own: ips(&[OWN]),
        servers: vec![server(1)],
        resolv_conf_error: None,
        search_domain: zone(),
        without_subdomain: false,
    }
}

/// The cause, and the questions that led to it, each by its first letter: version, names, space, endpoints.
fn diagnose(awaited: &Awaited, observation: &Observation, dns: &Dns) -> (Cause, String) {
    let (cause, asked) = questions(awaited, observation, dns);
    let letter = |inquiry: &Inquiry| match inquiry {
        Inquiry::Text(_) => 'v',
        Inquiry::Names(_) => 'n',
        Inquiry::Addresses(name) if name.to_string().starts_with("web.") => 'e',
        Inquiry::Addresses(_) => 's',
    };
    (cause, asked.iter().map(letter).collect())
}

/// The replies are there at once, so nothing is ever waited for.
fn questions(awaited: &Awaited, observation: &Observation, dns: &Dns) -> (Cause, Vec<Inquiry>) {
    let noted = Noted { dns, asked: RefCell::default() };
    let diagnosis = Diagnosis { awaited, observation, dns: &noted };
    let cause = match pin!(diagnosis.find_cause(&awaited.servers)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(cause) => cause,
        Poll::Pending => panic!("it waits for something else than a reply"),
    };
    (cause, noted.asked.take())
}

fn of_absent(dns: &Dns) -> (Cause, String) {
    diagnose(&awaited(), &Observation::Absent, dns)
}

#[test]
fn a_service_that_does_not_publish_this_pod() {
    let service = || fqdn(SERVICE);
    let peer = |name| vec![("10.0.0.6", vec![name])];
    let rows = [
        (Dns::default(), cause::no_service(&service()), "vnse"),
        (Dns { namespace: absent(), ..Dns::default() }, cause::no_namespace(&fqdn("ns1.svc.cluster.local")), "vns"),
        (
            Dns { service: addresses(&["10.0.0.6"]), names: peer(SERVICE), ..Dns::default() },
            cause::not_headless(&service(), &ips(&["10.0.0.6"])),
            "vnsen",
        ),
        (
            Dns { service: addresses(&["10.0.0.6"]), ..Dns::default() },
            cause::not_headless(&service(), &ips(&["10.0.0.6"])),
            "vnsen",
        ),
        (Dns { service: addresses(&[]), ..Dns::default() }, cause::not_headless(&service(), &[]), "vnse"),
        (
            Dns { service: addresses(&["10.0.0.6"]), names: peer("web-1.web.ns1.svc.cluster.local"), ..Dns::default() },
            cause::not_published(&service(), 1),
            "vnsen",
        ),
        (
            Dns { service: addresses(&["10.0.0.6", "10.0.0.7"]), ..Dns::default() },
            cause::not_published(&service(), 2),
            "vnse",
        ),
        (Dns { service: addresses(&["10.0.0.6", OWN]), ..Dns::default() }, cause::no_host_name(&service()), "vnse"),
        (Dns { service: exists(), ..Dns::default() }, cause::no_address(&service(), Family::V4), "vnse"),
        (
            Dns { service: Outcome::Failed(Failure::Timeout), ..Dns::default() },
            cause::unexplained(&Observation::Absent),
            "vnse",
        ),
    ];
    for (dns, cause, asked) in rows {
        assert_eq!(of_absent(&dns), (cause, asked.to_owned()));
    }
}

#[test]
fn services_that_know_this_pod_by_another_name() {
    let rows: [(&[&str], Cause); 5] = [
        (
            &["10-0-0-5.alias.ns1.svc.cluster.local"],
            cause::other_service(&[fqdn("10-0-0-5.alias.ns1.svc.cluster.local")], &fqdn(POD)),
        ),
        (
            &["web-0.api.ns2.svc.cluster.local", "10-0-0-5.web.ns1.svc.cluster.local"],
            cause::other_host_name(&fqdn("10-0-0-5.web.ns1.svc.cluster.local"), &fqdn(POD)),
        ),
        (&["10-0-0-5.x.ns1.svc.cluster.local", POD], cause::cached_denial()),
        // The node's own zone knows addresses as well, and an empty answer names nobody.
        (&["ip-10-0-0-5.eu-west-1.compute.internal"], cause::no_service(&fqdn(SERVICE))),
        (&[], cause::no_service(&fqdn(SERVICE))),
    ];
    for (names, cause) in rows {
        let dns = Dns { names: vec![(OWN, names.to_vec())], ..Dns::default() };
        assert_eq!(of_absent(&dns).0, cause, "{names:?}");
    }
}

#[test]
fn what_the_wait_has_seen_is_cause_enough() {
    let others = |list: &[&str]| Observation::Others { addresses: ips(list), ttl: 12 };
    let rows = [
        (others(&["10.0.0.9"]), cause::other_address(&ips(&["10.0.0.9"]), 12)),
        (others(&["fd00::9"]), cause::other_family(&ips(&["fd00::9"]), Family::V4)),
        (others(&["fd00::9", "10.0.0.9"]), cause::other_address(&ips(&["fd00::9", "10.0.0.9"]), 12)),
        (Observation::CachedDenial, cause::cached_denial()),
        (Observation::NoAddress, cause::no_family(&fqdn(POD), Family::V4)),
    ];
    for (observation, cause) in rows {
        assert_eq!(diagnose(&awaited(), &observation, &Dns::default()), (cause, "v".to_owned()));
    }
}

#[test]
fn servers_that_say_nothing() {
    let three = |version: [Outcome; 3]| {
        let awaited = Awaited { servers: vec![server(1), server(2), server(3)], ..awaited() };
        diagnose(&awaited, &Observation::Silence, &Dns { version: version.into(), ..Dns::default() })
    };
    let timeout = || Outcome::Failed(Failure::Timeout);
    let closed = || Outcome::Failed(Failure::Unreachable);
    let garbage = || Outcome::Failed(Failure::Garbage);
    assert_eq!(
        three([timeout(), closed(), garbage()]),
        (cause::no_reply(&[server(1)], &[server(2)], &[server(3)], true), "vvv".to_owned())
    );
    assert_eq!(three([timeout(), addresses(&[]), garbage()]).0, cause::no_service(&fqdn(SERVICE)));
    let failing_server = |said| cause::failing_server(&server(2), &fqdn("cluster.local"), said);
    let failing = Outcome::Failed(Failure::ServFail);
    assert_eq!(three([timeout(), failing, closed()]), (failing_server("SERVFAIL"), "vvv".to_owned()));
    let refusing = Outcome::Unable(Refusal::Refused);
    assert_eq!(three([timeout(), refusing, closed()]).0, failing_server("REFUSED"));
}

#[test]
fn servers_of_another_domain() {
    let foreign = || Dns { version: vec![from_outside()], ..Dns::default() };
    let searching = |domain: Option<&str>| Awaited { search_domain: domain.map(fqdn), ..awaited() };
    let name = fqdn("web-0.web.ns1.svc.k8s.test");
    let other = cause::other_domain(&fqdn("cluster.local"), &fqdn("k8s.test"), &name);
    let names = vec![(OWN, vec!["web-0.web.ns1.svc.k8s.test"])];
    let none = cause::foreign_server(&server(1), &fqdn("cluster.local"), "NXDOMAIN");
    let rows = [
        (searching(Some("k8s.test")), foreign(), other.clone(), "v"),
        (
            searching(Some("k8s.test")),
            Dns { version: vec![Outcome::Failed(Failure::ServFail)], ..Dns::default() },
            other.clone(),
            "v",
        ),
        (searching(Some("cluster.local")), Dns { names: names.clone(), ..foreign() }, other.clone(), "vn"),
        (searching(None), Dns { names, ..foreign() }, other, "vn"),
        (searching(None), foreign(), none.clone(), "vn"),
        // A wildcard answers everything, but not in the cluster's name.
        (
            searching(None),
            Dns { version: vec![Outcome::Exists { zone: Some(fqdn("local")), ttl: 5 }], ..Dns::default() },
            cause::foreign_server(&server(1), &fqdn("cluster.local"), "NODATA"),
            "vn",
        ),
    ];
    for (awaited, dns, cause, asked) in rows {
        assert_eq!(diagnose(&awaited, &Observation::AbsentElsewhere, &dns), (cause, asked.to_owned()));
    }
    // A denial of `dns-version` itself, in the domain's own name: some servers have none.
    let dns = Dns { version: vec![absent()], ..Dns::default() };
    assert_eq!(of_absent(&dns).0, cause::no_service(&fqdn(SERVICE)));
}

#[test]
fn a_pod_without_subdomain() {
    let awaited = Awaited { without_subdomain: true, ..awaited() };
    let service = fqdn(SERVICE);
    let none = diagnose(&awaited, &Observation::Absent, &Dns::default());
    assert_eq!(none, (cause::no_subdomain(&service), "vn".to_owned()));
    let found = "10-0-0-5.web.ns1.svc.cluster.local";
    let dns = Dns { names: vec![(OWN, vec![found])], ..Dns::default() };
    let (cause, _) = diagnose(&awaited, &Observation::Absent, &dns);
    assert_eq!(cause, cause::other_host_name(&fqdn(found), &fqdn(POD)));
}

#[test]
fn a_name_of_no_cluster_is_left_with_what_was_seen() {
    let awaited = Awaited { name: fqdn("node1.net"), search_domain: Some(fqdn("k8s.test")), ..awaited() };
    let failing = Dns { version: vec![Outcome::Failed(Failure::ServFail)], ..Dns::default() };
    let cause = cause::failing_server(&server(1), &fqdn("cluster.local"), "SERVFAIL");
    assert_eq!(diagnose(&awaited, &Observation::Silence, &failing), (cause, "v".to_owned()));
    let unknown = Awaited { cluster_domain: None, ..awaited.clone() };
    let cause = cause::failing_server(&server(1), &fqdn("node1.net"), "SERVFAIL");
    assert_eq!(diagnose(&unknown, &Observation::Silence, &failing), (cause, "v".to_owned()));
    let rows = [
        (Observation::Absent, cause::unexplained(&Observation::Absent)),
        (Observation::CachedDenial, cause::cached_denial()),
    ];
    for (observation, cause) in rows {
        let dns = Dns { version: vec![from_outside()], ..Dns::default() };
        assert_eq!(diagnose(&awaited, &observation, &dns), (cause, "v".to_owned()));
    }
}

#[test]
fn each_question_has_its_name() {
    let (_, asked) = questions(&awaited(), &Observation::Absent, &Dns::default());
    let expected = [
        Inquiry::Text(fqdn("dns-version.cluster.local")),
        Inquiry::Names(ips(&[OWN])[0]),
        Inquiry::Addresses(fqdn("ns1.svc.cluster.local")),
        Inquiry::Addresses(fqdn(SERVICE)),
    ];
    assert_eq!(asked, expected);
}

#[test]
fn every_cause_has_a_sentence_and_a_cure_of_one_line() {
    let other_service = |name: &str| cause::other_service(&[fqdn(name)], &fqdn(POD));
    let other_host = |name: &str| cause::other_host_name(&fqdn(name), &fqdn(POD));
    let servers = |ports: &[u16]| ports.iter().map(|port| server(*port)).collect::<Vec<_>>();
    let no_reply = |silent, closed| cause::no_reply(&servers(silent), &servers(closed), &[], true);
    let rows = [
        (no_reply(&[53], &[]), "no reply from the name server 10.96.0.10", "NetworkPolicy"),
        (no_reply(&[], &[53]), "nothing listens at the name server 10.96.0.10", "name=kube-dns"),
        (no_reply(&[53], &[54]), "10.96.0.10; nothing listens at the name server 10.96.0.10:54", "NetworkPolicy"),
        (other_service("10-0-0-5.alias.ns1.svc.cluster.local"), "10-0-0-5.alias.ns1.svc", "serviceName: alias "),
        (
            other_service("web-0.api.ns1.svc.cluster.local"),
            "web-0.api.ns1.svc",
            "MY_POD_SERVICE=api or MY_POD_FQDN=web-0.api.ns1.",
        ),
        (
            other_service("web-0.web.ns2.svc.cluster.local"),
            "web-0.web.ns2",
            "MY_POD_SERVICE=web MY_POD_NAMESPACE=ns2 or ",
        ),
        (other_host("10-0-0-5.web.ns1.svc.cluster.local"), "10-0-0-5.web", "serviceName: web in the StatefulSet"),
        (other_host("web-a.web.ns1.svc.cluster.local"), "web-a.web.ns1", "MY_POD_NAME=web-a or "),
        (cause::no_service(&fqdn(SERVICE)), "service web in namespace ns1", "publishNotReadyAddresses: true"),
        (cause::no_service(&fqdn(SERVICE)), "no ready endpoint", "kubectl -n ns1 get service web -o wide"),
        (
            cause::no_reply(&[server(53)], &[], &[], false),
            "no reply from the name server 10.96.0.10",
            "set dnsPolicy: ClusterFirst (",
        ),
        (cause::not_published(&fqdn(SERVICE), 2), "other pods", "selector"),
        (cause::no_family(&fqdn(SERVICE), Family::V6), "no IPv6 address", "ipFamilies: [IPv6]"),
        (cause::no_address(&fqdn(SERVICE), Family::V6), "no IPv6 address", "let the selector of the Service web"),
        (cause::no_host_name(&fqdn(SERVICE)), "under no host name", "subdomain: web in the pod's spec"),
        (
            cause::not_headless(&fqdn(SERVICE), &[]),
            "is an alias of a name elsewhere (ExternalName)",
            "the Service web and create it again with clusterIP: None",
        ),
        (
            cause::not_headless(&fqdn(SERVICE), &ips(&["10.96.0.7"])),
            "it has the address 10.96.0.7",
            "the Service web and create it again with clusterIP: None",
        ),
    ];
    for (cause, sentence, cure) in rows {
        assert!(cause.sentence.contains(sentence) && cause.cure.contains(cure), "{cause:?}");
        assert!(!cause.sentence.contains('\n') && !cause.cure.contains('\n'));
    }
}
