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

impl Dns {
    fn reply(&self, server: SocketAddr, inquiry: &Inquiry) -> Reply {
        Reply::Outcome(match inquiry {
            Inquiry::Text(_) => self.version[usize::from(server.port()) - 1].clone(),
            Inquiry::Names(address) => {
                let found = self.names.iter().find(|(ip, _)| ip.parse() == Ok(*address));
                match found {
                    Some((_, names)) => return Reply::Names(names.iter().map(|name| fqdn(name)).collect()),
                    None => Outcome::Absent { zone: None, ttl: 30 },
                }
            }
            Inquiry::Addresses(name) if name.to_string().starts_with("web.") => self.service.clone(),
            Inquiry::Addresses(_) => self.namespace.clone(),
        })
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
    let asked = RefCell::new(Vec::new());
    let ask = async |server, inquiry: Inquiry| {
        let reply = dns.reply(server, &inquiry);
        asked.borrow_mut().push(inquiry);
        reply
    };
    let mut diagnosis = Diagnosis { awaited, observation, ask };
    let cause = match pin!(diagnosis.find_cause(&awaited.servers)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(cause) => cause,
        Poll::Pending => panic!("it waits for something else than a reply"),
    };
    (cause, asked.take())
}

fn of_absent(dns: &Dns) -> (Cause, String) {
    diagnose(&awaited(), &Observation::Absent, dns)
}

#[test]
fn a_service_that_does_not_publish_this_pod() {
    let service = || fqdn(SERVICE);
    let peer = |name| vec![("10.0.0.6", vec![name])];
    let rows = [
        (Dns::default(), Cause::NoService { service: service() }, "vnse"),
        (
            Dns { namespace: absent(), ..Dns::default() },
            Cause::NoNamespace { namespace: fqdn("ns1.svc.cluster.local") },
            "vns",
        ),
        (
            Dns { service: addresses(&["10.0.0.6"]), names: peer(SERVICE), ..Dns::default() },
            Cause::NotHeadless { service: service(), addresses: ips(&["10.0.0.6"]) },
            "vnsen",
        ),
        (
            Dns { service: addresses(&["10.0.0.6"]), ..Dns::default() },
            Cause::NotHeadless { service: service(), addresses: ips(&["10.0.0.6"]) },
            "vnsen",
        ),
        (
            Dns { service: addresses(&[]), ..Dns::default() },
            Cause::NotHeadless { service: service(), addresses: vec![] },
            "vnse",
        ),
        (
            Dns { service: addresses(&["10.0.0.6"]), names: peer("web-1.web.ns1.svc.cluster.local"), ..Dns::default() },
            Cause::NotPublished { service: service(), peers: 1 },
            "vnsen",
        ),
        (
            Dns { service: addresses(&["10.0.0.6", "10.0.0.7"]), ..Dns::default() },
            Cause::NotPublished { service: service(), peers: 2 },
            "vnse",
        ),
        (
            Dns { service: addresses(&["10.0.0.6", OWN]), ..Dns::default() },
            Cause::NoHostName { service: service() },
            "vnse",
        ),
        (Dns { service: exists(), ..Dns::default() }, Cause::NoFamily { name: service(), family: Family::V4 }, "vnse"),
        (
            Dns { service: Outcome::Failed(Failure::Timeout), ..Dns::default() },
            Cause::Unexplained(Observation::Absent),
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
            Cause::OtherService { names: vec![fqdn("10-0-0-5.alias.ns1.svc.cluster.local")], awaited: fqdn(POD) },
        ),
        (
            &["web-0.api.ns2.svc.cluster.local", "10-0-0-5.web.ns1.svc.cluster.local"],
            Cause::OtherHostName { found: fqdn("10-0-0-5.web.ns1.svc.cluster.local"), awaited: fqdn(POD) },
        ),
        (&["10-0-0-5.x.ns1.svc.cluster.local", POD], Cause::CachedDenial),
        // The node's own zone knows addresses as well, and an empty answer names nobody.
        (&["ip-10-0-0-5.eu-west-1.compute.internal"], Cause::NoService { service: fqdn(SERVICE) }),
        (&[], Cause::NoService { service: fqdn(SERVICE) }),
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
        (others(&["10.0.0.9"]), Cause::OtherAddress { addresses: ips(&["10.0.0.9"]), ttl: 12 }),
        (others(&["fd00::9"]), Cause::OtherFamily { addresses: ips(&["fd00::9"]), own: Family::V4 }),
        (others(&["fd00::9", "10.0.0.9"]), Cause::OtherAddress { addresses: ips(&["fd00::9", "10.0.0.9"]), ttl: 12 }),
        (Observation::CachedDenial, Cause::CachedDenial),
        (Observation::NoAddress, Cause::NoFamily { name: fqdn(POD), family: Family::V4 }),
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
        (
            Cause::NoReply {
                silent: vec![server(1)],
                closed: vec![server(2)],
                garbled: vec![server(3)],
                of_cluster: true
            },
            "vvv".to_owned()
        )
    );
    assert_eq!(three([timeout(), addresses(&[]), garbage()]).0, Cause::NoService { service: fqdn(SERVICE) });
    let failing_server = |said| Cause::FailingServer { server: server(2), domain: fqdn("cluster.local"), said };
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
    let other = Cause::OtherDomain { domain: fqdn("cluster.local"), right: fqdn("k8s.test"), name };
    let names = vec![(OWN, vec!["web-0.web.ns1.svc.k8s.test"])];
    let none = Cause::ForeignServer { server: server(1), domain: fqdn("cluster.local"), said: "NXDOMAIN" };
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
            Cause::ForeignServer { server: server(1), domain: fqdn("cluster.local"), said: "NODATA" },
            "vn",
        ),
    ];
    for (awaited, dns, cause, asked) in rows {
        assert_eq!(diagnose(&awaited, &Observation::AbsentElsewhere, &dns), (cause, asked.to_owned()));
    }
    // A denial of `dns-version` itself, in the domain's own name: some servers have none.
    let dns = Dns { version: vec![absent()], ..Dns::default() };
    assert_eq!(of_absent(&dns).0, Cause::NoService { service: fqdn(SERVICE) });
}

#[test]
fn a_pod_without_subdomain() {
    let awaited = Awaited { without_subdomain: true, ..awaited() };
    let service = fqdn(SERVICE);
    let none = diagnose(&awaited, &Observation::Absent, &Dns::default());
    assert_eq!(none, (Cause::NoSubdomain { service }, "vn".to_owned()));
    let found = "10-0-0-5.web.ns1.svc.cluster.local";
    let dns = Dns { names: vec![(OWN, vec![found])], ..Dns::default() };
    let (cause, _) = diagnose(&awaited, &Observation::Absent, &dns);
    assert_eq!(cause, Cause::OtherHostName { found: fqdn(found), awaited: fqdn(POD) });
}

#[test]
fn a_name_of_no_cluster_is_left_with_what_was_seen() {
    let awaited = Awaited { name: fqdn("node1.net"), search_domain: Some(fqdn("k8s.test")), ..awaited() };
    let failing = Dns { version: vec![Outcome::Failed(Failure::ServFail)], ..Dns::default() };
    let cause = Cause::FailingServer { server: server(1), domain: fqdn("cluster.local"), said: "SERVFAIL" };
    assert_eq!(diagnose(&awaited, &Observation::Silence, &failing), (cause, "v".to_owned()));
    let unknown = Awaited { cluster_domain: None, ..awaited.clone() };
    let cause = Cause::FailingServer { server: server(1), domain: fqdn("node1.net"), said: "SERVFAIL" };
    assert_eq!(diagnose(&unknown, &Observation::Silence, &failing), (cause, "v".to_owned()));
    let rows = [
        (Observation::Absent, Cause::Unexplained(Observation::Absent)),
        (Observation::CachedDenial, Cause::CachedDenial),
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
    let other_service = |name: &str| Cause::OtherService { names: vec![fqdn(name)], awaited: fqdn(POD) };
    let other_host = |name: &str| Cause::OtherHostName { found: fqdn(name), awaited: fqdn(POD) };
    let no_reply = |silent: &[u16], closed: &[u16]| Cause::NoReply {
        silent: silent.iter().map(|port| server(*port)).collect(),
        closed: closed.iter().map(|port| server(*port)).collect(),
        garbled: vec![],
        of_cluster: true,
    };
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
        (Cause::NoService { service: fqdn(SERVICE) }, "service web in namespace ns1", "publishNotReadyAddresses: true"),
        (Cause::NoService { service: fqdn(SERVICE) }, "no ready endpoint", "kubectl -n ns1 get service web -o wide"),
        (
            Cause::NoReply { silent: vec![server(53)], closed: vec![], garbled: vec![], of_cluster: false },
            "no reply from the name server 10.96.0.10",
            "set dnsPolicy: ClusterFirst (",
        ),
        (Cause::NotPublished { service: fqdn(SERVICE), peers: 2 }, "other pods", "selector"),
        (Cause::NoFamily { name: fqdn(SERVICE), family: Family::V6 }, "no IPv6 address", "ipFamilies: [IPv6]"),
        (Cause::NoHostName { service: fqdn(SERVICE) }, "under no host name", "subdomain: web in the pod's spec"),
        (
            Cause::NotHeadless { service: fqdn(SERVICE), addresses: vec![] },
            "is an alias of a name elsewhere (ExternalName)",
            "the Service web and create it again with clusterIP: None",
        ),
        (
            Cause::NotHeadless { service: fqdn(SERVICE), addresses: ips(&["10.96.0.7"]) },
            "it has the address 10.96.0.7",
            "the Service web and create it again with clusterIP: None",
        ),
    ];
    for (cause, sentence, cure) in rows {
        assert!(cause.to_string().contains(sentence), "{cause}");
        assert!(cause.cure().contains(cure), "{}", cause.cure());
        assert!(!format!("{cause}{}", cause.cure()).contains('\n'));
    }
}
