//! One question at a time, over loopback sockets.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket as StdUdpSocket};
use std::time::Instant;

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::rdata::{CNAME, SOA};

use super::*;
use crate::wait::questions::Family;
use test_support::scripted_server::{ScriptedServer, addresses, denial, names, reply, srv, text};

const POD: &str = "web-0.web.ns1.svc.cluster.local";
const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 5);
const TIMEOUT: Duration = Duration::from_millis(1500);

fn ask(server: SocketAddr, question: Question) -> Outcome {
    let lookup = Lookup::of(&Fqdn::parse(POD).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(lookup.ask(server, question, TIMEOUT))
}

/// The outcome of one question, and how many packets it took.
fn ask_one(question: Question, answer: impl FnMut(&Message) -> Option<Vec<u8>> + Send + 'static) -> (Outcome, usize) {
    let server = ScriptedServer::start(answer);
    let outcome = ask(server.address, question);
    (outcome, server.finish().len())
}

fn cluster() -> Option<Fqdn> {
    Fqdn::parse("cluster.local").ok()
}

#[test]
fn denials_have_their_zone_and_their_lifetime() {
    let question = Question::existence(65_300);
    let answer = |code, zone| ask_one(question, move |request| denial(request, code, zone));
    assert_eq!(answer(ResponseCode::NXDomain, "cluster.local."), (Outcome::Absent { zone: cluster(), ttl: 21 }, 1));
    assert_eq!(answer(ResponseCode::NoError, "cluster.local."), (Outcome::Exists { zone: cluster(), ttl: 21 }, 1));
    assert_eq!(answer(ResponseCode::NXDomain, "."), (Outcome::Absent { zone: None, ttl: 21 }, 1));
    let bare = ask_one(question, |request| reply(request, ResponseCode::NXDomain).to_vec().ok());
    assert_eq!(bare, (Outcome::Absent { zone: None, ttl: 0 }, 1));
}

#[test]
fn addresses_come_from_the_answer_and_from_what_is_added_to_it() {
    let expected = Outcome::Addresses { addresses: vec![OWN.into()], ttl: 13 };
    assert_eq!(ask_one(Question::ordinary(Family::V4), |request| addresses(request, &[OWN])), (expected.clone(), 1));
    let question = Question { record: Record::Srv, dnssec_ok: true, checking_disabled: true };
    assert_eq!(ask_one(question, |request| srv(request, OWN)), (expected, 1));
}

/// An answer that goes on to another name, as of an `ExternalName` or of a zone without classes (RFC 2317).
fn alias(request: &Message, code: ResponseCode) -> Message {
    let mut message = reply(request, code);
    let (name, target) = (request.queries[0].name().clone(), Name::from_ascii("elsewhere.example.").unwrap());
    message.add_answer(DnsRecord::from_rdata(name, 13, RData::CNAME(CNAME(target))));
    message
}

#[test]
fn an_alias_is_not_an_address() {
    let ask = |code| ask_one(Question::ordinary(Family::V4), move |request| alias(request, code).to_vec().ok());
    assert_eq!(ask(ResponseCode::NoError), (Outcome::Addresses { addresses: vec![], ttl: 0 }, 1));
    assert_eq!(ask(ResponseCode::NXDomain), (Outcome::Absent { zone: None, ttl: 0 }, 1));
    assert_eq!(ask(ResponseCode::Refused).0, Outcome::Unable(Refusal::Refused));
}

#[test]
fn every_kind_of_refusal_and_failure_takes_one_packet() {
    let rows = [
        (ResponseCode::ServFail, Outcome::Failed(Failure::ServFail)),
        (ResponseCode::Refused, Outcome::Unable(Refusal::Refused)),
        (ResponseCode::FormErr, Outcome::Unable(Refusal::FormErr)),
        (ResponseCode::NotImp, Outcome::Unable(Refusal::NotImp)),
        (ResponseCode::NotAuth, Outcome::Unable(Refusal::Other)),
    ];
    for (code, outcome) in rows {
        let answer = move |request: &Message| reply(request, code).to_vec().ok();
        assert_eq!(ask_one(Question::existence(65_280), answer), (outcome, 1), "{code}");
    }
    let garbage = |request: &Message| Some([&request.id.to_be_bytes()[..], &[0xff; 20]].concat());
    assert_eq!(ask_one(Question::ordinary(Family::V4), garbage), (Outcome::Failed(Failure::Garbage), 1));
}

#[test]
fn the_question_is_sent_as_it_was_asked() {
    let rows = [
        (Question::existence(65_333), 65_333),
        (Question { checking_disabled: true, ..Question::private(Family::V4) }, 1),
        (Question::private(Family::V6), 28),
        (Question { record: Record::Srv, dnssec_ok: false, checking_disabled: true }, 33),
        (Question::ordinary(Family::V4), 1),
    ];
    for (question, number) in rows {
        let server = ScriptedServer::start(|request| denial(request, ResponseCode::NXDomain, "cluster.local."));
        ask(server.address, question);
        let (request, _) = server.next();
        let query = &request.queries[0];
        assert_eq!((u16::from(query.query_type()), query.name().to_ascii()), (number, format!("{POD}.")));
        assert_eq!(request.checking_disabled, question.checking_disabled);
        assert_eq!(request.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok), question.dnssec_ok);
        assert!(request.recursion_desired);
    }
}

#[test]
fn each_question_has_a_new_socket() {
    let server = ScriptedServer::start(|request| denial(request, ResponseCode::NXDomain, "cluster.local."));
    let mut ports: Vec<u16> = (0..5)
        .map(|_| {
            ask(server.address, Question::ordinary(Family::V4));
            server.next().1.port()
        })
        .collect();
    ports.sort_unstable();
    ports.dedup();
    assert!(ports.len() >= 4, "{ports:?}");
}

#[test]
fn a_port_where_nobody_listens_is_seen_at_once() {
    let address = StdUdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let start = Instant::now();
    assert_eq!(ask(address, Question::ordinary(Family::V4)), Outcome::Failed(Failure::Unreachable));
    assert!(start.elapsed() < TIMEOUT / 2, "{:?}", start.elapsed());
}

#[test]
fn a_silent_server_takes_the_whole_time_and_three_packets() {
    let start = Instant::now();
    let (outcome, packets) = ask_one(Question::ordinary(Family::V4), |_| None);
    assert_eq!(outcome, Outcome::Failed(Failure::Timeout));
    assert!((TIMEOUT..2 * TIMEOUT).contains(&start.elapsed()), "{:?}", start.elapsed());
    assert_eq!(packets, 3);
}

#[test]
fn an_answer_to_another_question_is_ignored() {
    let (outcome, _) = ask_one(Question::ordinary(Family::V4), |request| {
        let mut other = request.clone();
        other.queries[0].set_name(Name::from_ascii("other.cluster.local.").unwrap());
        addresses(&other, &[OWN])
    });
    assert_eq!(outcome, Outcome::Failed(Failure::Timeout));
}

fn truncated(request: &Message) -> Option<Vec<u8>> {
    let mut message = reply(request, ResponseCode::NoError);
    message.metadata.truncation = true;
    message.to_vec().ok()
}

#[test]
fn an_answer_that_is_cut_short_comes_over_tcp() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let server = ScriptedServer::on(StdUdpSocket::bind(listener.local_addr().unwrap()).unwrap(), truncated);
    let tcp = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut length = [0; 2];
        stream.read_exact(&mut length).unwrap();
        let mut request = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut request).unwrap();
        let reply = addresses(&Message::from_vec(&request).unwrap(), &[OWN]).unwrap();
        stream.write_all(&u16::try_from(reply.len()).unwrap().to_be_bytes()).unwrap();
        stream.write_all(&reply).unwrap();
    });
    let outcome = ask(server.address, Question::ordinary(Family::V4));
    assert_eq!(outcome, Outcome::Addresses { addresses: vec![OWN.into()], ttl: 13 });
    tcp.join().unwrap();
}

#[test]
fn an_answer_that_is_cut_short_and_cannot_be_had_over_tcp_is_a_failure() {
    let outcome = ask_one(Question::ordinary(Family::V4), truncated);
    assert_eq!(outcome, (Outcome::Failed(Failure::Truncated), 1));
}

/// Runs one of the diagnosis' questions.
fn run<T>(question: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(question)
}

#[test]
fn an_address_has_names() {
    let ask = |address: &str, answer: fn(&Message) -> Option<Vec<u8>>| {
        let server = ScriptedServer::start(answer);
        let lookup = Lookup::of_address(address.parse().unwrap());
        let names = run(lookup.ask_for_names(server.address, TIMEOUT));
        let (request, _) = server.next();
        assert_eq!(request.queries[0].query_type(), RecordType::PTR);
        assert!(request.edns.is_none() && request.recursion_desired);
        (request.queries[0].name().to_ascii(), names)
    };
    let two = |request: &Message| names(request, &[POD, "10-0-0-5.alias.ns1.svc.cluster.local"]);
    let found = vec![Fqdn::parse(POD).unwrap(), Fqdn::parse("10-0-0-5.alias.ns1.svc.cluster.local").unwrap()];
    assert_eq!(ask("10.0.0.5", two), ("5.0.0.10.in-addr.arpa.".to_owned(), Ok(found)));
    let by_alias = |request: &Message| {
        let mut message = alias(request, ResponseCode::NoError);
        message.add_answers(Message::from_vec(&names(request, &[POD]).unwrap()).unwrap().answers);
        message.to_vec().ok()
    };
    assert_eq!(ask("10.0.0.5", by_alias).1, Ok(vec![Fqdn::parse(POD).unwrap()]));
    let (name, names) = ask("fd00::5", |request| denial(request, ResponseCode::NXDomain, "."));
    assert!(name.starts_with("5.0.0.") && name.ends_with(".0.0.d.f.ip6.arpa."), "{name}");
    assert_eq!(names, Err(Outcome::Absent { zone: None, ttl: 21 }));
}

#[test]
fn a_text_is_there_or_not() {
    let ask = |answer: fn(&Message) -> Option<Vec<u8>>| {
        let server = ScriptedServer::start(answer);
        let outcome = run(Lookup::of(&Fqdn::parse(POD).unwrap()).ask_for_text(server.address, TIMEOUT));
        assert_eq!(server.next().0.queries[0].query_type(), RecordType::TXT);
        outcome
    };
    assert_eq!(ask(|request| text(request, "1.1.0")), Outcome::Addresses { addresses: vec![], ttl: 0 });
    let denied = ask(|request| denial(request, ResponseCode::NXDomain, "cluster.local."));
    assert_eq!(denied, Outcome::Absent { zone: cluster(), ttl: 21 });
    assert_eq!(ask(|_| None), Outcome::Failed(Failure::Timeout));
}

#[test]
fn a_serial_is_a_zones_own() {
    let ask = |answer: fn(&Message) -> Option<Vec<u8>>| {
        let server = ScriptedServer::start(answer);
        run(Lookup::of(&Fqdn::parse(POD).unwrap()).ask_for_serial(server.address, TIMEOUT))
    };
    let soa = |request: &Message| {
        let mut message = alias(request, ResponseCode::NoError);
        let name = request.queries[0].name().clone();
        let soa = SOA::new(name.clone(), name.clone(), 1_780_000_000, 7200, 1800, 86400, 30);
        message.add_answer(DnsRecord::from_rdata(name, 5, RData::SOA(soa)));
        message.to_vec().ok()
    };
    assert_eq!(ask(soa), Some(1_780_000_000));
    assert_eq!(ask(|request| alias(request, ResponseCode::NoError).to_vec().ok()), None);
    assert_eq!(ask(|request| denial(request, ResponseCode::NoError, "cluster.local.")), None);
}

#[test]
fn a_tcp_connection_that_leads_nowhere_is_a_truncation_too() {
    // One listener hangs up, the other never answers.
    for hang_up in [true, false] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = ScriptedServer::on(StdUdpSocket::bind(listener.local_addr().unwrap()).unwrap(), truncated);
        let tcp = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            if !hang_up {
                stream.read_to_end(&mut Vec::new()).ok();
            }
        });
        let outcome = ask(server.address, Question::ordinary(Family::V4));
        assert_eq!(outcome, Outcome::Failed(Failure::Truncated), "{hang_up}");
        tcp.join().unwrap();
    }
}
