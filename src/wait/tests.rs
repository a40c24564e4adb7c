//! The wait as a whole, over loopback sockets.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::{Duration, Instant};

use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::RecordType;

use super::diagnosis::cause;
use super::sighting::{Confirmation, Observation, Sighting};
use super::{Awaited, DIAGNOSIS, Glance, StopRequests, WaitLimits, Waited, for_own_record, glance};
use crate::error::Error;
use crate::exit;
use crate::identity::name::Fqdn;
use crate::variables::WaitPeers;
use test_support::scripted_server::{ScriptedServer, addresses, denial, reply, text};

const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 5);
const OLD: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
const SIGTERM: u8 = 15;
const SIGHUP: u8 = 1;

/// Signals as bytes in a socket, of which TERM asks for the end.
struct Signals {
    socket: UnixStream,
    taken: u32,
}

impl StopRequests for Signals {
    fn readable(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn take(&mut self) -> Option<i32> {
        self.taken += 1;
        let mut came = [0; 64];
        let count = self.socket.read(&mut came).unwrap_or(0);
        came[..count].contains(&SIGTERM).then_some(i32::from(SIGTERM))
    }
}

fn signals() -> (UnixStream, Signals) {
    let (sender, socket) = UnixStream::pair().unwrap();
    (sender, Signals { socket, taken: 0 })
}

fn awaited(servers: &[&ScriptedServer]) -> Awaited {
    Awaited {
        name: Fqdn::parse("web-0.web.ns1.svc.cluster.local").unwrap(),
        cluster_domain: Fqdn::parse("cluster.local").ok(),
        own: vec![OWN.into()],
        servers: servers.iter().map(|server| server.address).collect(),
        resolv_conf_error: None,
        search_domain: None,
        without_subdomain: false,
    }
}

fn limits(timeout: Option<Duration>) -> WaitLimits {
    WaitLimits { timeout, peers: WaitPeers::Auto }
}

fn published(servers: &[&ScriptedServer], timeout: Duration) -> Sighting {
    let (_sender, mut signals) = signals();
    match for_own_record(&awaited(servers), limits(Some(timeout)), &mut signals, &mut |_| {}) {
        Ok(Waited::Published(published)) => published,
        other => panic!("{other:?}"),
    }
}

/// A server that denies the name to the first `denials` questions, then has this address.
fn server(denials: u32, address: Ipv4Addr) -> ScriptedServer {
    let mut asked = 0;
    ScriptedServer::start(move |request: &Message| {
        asked += 1;
        match request.queries[0].query_type() {
            _ if asked <= denials => denial(request, ResponseCode::NXDomain, "cluster.local."),
            RecordType::A => addresses(request, &[address]),
            _ => denial(request, ResponseCode::NoError, "cluster.local."),
        }
    })
}

#[test]
fn the_wait_ends_when_our_own_address_is_published() {
    let server = server(2, OWN);
    let published = published(&[&server], Duration::from_secs(30));
    assert_eq!(published.addresses, [OWN]);
    assert_eq!(published.confirmation, Confirmation::Agrees);
    assert!((Duration::from_millis(800)..Duration::from_secs(3)).contains(&published.after), "{:?}", published.after);
    let packets = server.finish();
    assert_eq!(packets.len(), 4 + 12, "a packet a question");
    let mut ports: Vec<u16> = packets[4..].iter().map(|(_, from)| from.port()).collect();
    ports.sort_unstable();
    ports.dedup();
    assert!(ports.len() > 8, "a socket for each question: {ports:?}");
}

#[test]
fn a_silent_server_gives_way_to_the_next() {
    let (silent, good) = (ScriptedServer::start(|_| None), server(0, OWN));
    let published = published(&[&silent, &good], Duration::from_secs(30));
    assert_eq!(good.finish().len(), 2 + 12, "a packet a question");
    let packets = silent.finish();
    let (peers, before): (Vec<_>, _) =
        packets.iter().map(|(request, _)| &request.queries[0]).partition(|query| query.query_type() == RecordType::A);
    assert!(
        (1..=2).contains(&peers.len()),
        "once for the sake of peers; half a second is time for two packets: {peers:?}"
    );
    let before: HashSet<_> = before.into_iter().map(Query::query_type).collect();
    assert_eq!(before.len(), 1, "one question, however often it is sent");
    assert!((Duration::from_millis(1500)..Duration::from_secs(3)).contains(&published.after), "{:?}", published.after);
}

#[test]
fn the_deadline_ends_the_wait_with_what_was_seen() {
    let server = server(0, OLD);
    let (_sender, mut signals) = signals();
    let start = Instant::now();
    let error = for_own_record(&awaited(&[&server]), limits(Some(Duration::from_secs(1))), &mut signals, &mut |_| {})
        .unwrap_err();
    assert!((1.0..3.0).contains(&start.elapsed().as_secs_f64()));
    assert_eq!(error.code, exit::UNAVAILABLE);
    let cause = cause::other_address(&[OLD.into()], 13);
    assert!(
        error.problems[0].message.contains(&cause.sentence) && error.problems[0].hint == Some(cause.cure),
        "{error}"
    );
    assert!(error.to_string().contains("10.0.0.9"), "{error}");
    assert!(server.finish().len() >= 4);
}

/// The error of a wait of a second at these servers, whose diagnosis has to end in time.
fn error_of(servers: &[&ScriptedServer]) -> Error {
    let (_sender, mut signals) = signals();
    let start = Instant::now();
    let error =
        for_own_record(&awaited(servers), limits(Some(Duration::from_secs(1))), &mut signals, &mut |_| {}).unwrap_err();
    assert!(start.elapsed() < 2 * (Duration::from_secs(1) + DIAGNOSIS), "{:?}", start.elapsed());
    error
}

#[test]
fn the_diagnosis_names_the_servers_fault() {
    type Answer = fn(&Message) -> Option<Vec<u8>>;
    let rows: [(Answer, &str); 4] = [
        (
            |request| reply(request, ResponseCode::ServFail).to_vec().ok(),
            "answers SERVFAIL when asked about cluster.local",
        ),
        (
            |request| reply(request, ResponseCode::Refused).to_vec().ok(),
            "answers REFUSED when asked about cluster.local",
        ),
        (|request| Some([&request.id.to_be_bytes()[..], &[0xff; 20]].concat()), "nothing that can be read comes from"),
        (|request| denial(request, ResponseCode::NXDomain, "."), "does not serve the cluster domain cluster.local"),
    ];
    for (answer, cause) in rows {
        let server = ScriptedServer::start(answer);
        let error = error_of(&[&server]).to_string();
        assert!(error.contains(cause) && error.contains(&server.address.to_string()), "{cause}: {error}");
    }
}

#[test]
fn the_diagnosis_ends_in_time_where_no_server_answers() {
    let silent = [(); 3].map(|()| ScriptedServer::start(|_| None));
    let error = error_of(&silent.each_ref()).to_string();
    assert!(error.contains("no reply from the name server"), "{error}");
    for server in &silent {
        assert!(error.contains(&server.address.to_string()), "{error}");
    }
}

#[test]
fn the_diagnosis_asks_without_edns_where_that_is_refused() {
    let server = ScriptedServer::start(|request| match request.queries[0].query_type() {
        _ if request.edns.is_some() => reply(request, ResponseCode::FormErr).to_vec().ok(),
        RecordType::TXT => text(request, "1.1.0"),
        _ => denial(request, ResponseCode::NXDomain, "cluster.local."),
    });
    let error = error_of(&[&server]).to_string();
    assert!(error.contains("there is no namespace ns1"), "{error}");
    let about_the_namespace =
        |(request, _): &(Message, _)| request.queries[0].name().to_ascii() == "ns1.svc.cluster.local.";
    assert!(
        server.finish().iter().filter(|packet| about_the_namespace(packet)).all(|(request, _)| request.edns.is_none())
    );
}

#[test]
fn a_stop_request_ends_the_wait_in_the_middle_of_a_question() {
    let server = ScriptedServer::start(|_| None);
    let (mut sender, mut signals) = signals();
    let awaited = awaited(&[&server]);
    let waiting = std::thread::spawn(move || for_own_record(&awaited, limits(None), &mut signals, &mut |_| {}));
    server.next();
    let start = Instant::now();
    sender.write_all(&[SIGTERM]).unwrap();
    let waited = waiting.join().unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert!(matches!(waited, Waited::Stopped { signal: 15, .. }), "{waited:?}");
}

#[test]
fn a_stop_request_that_came_before_ends_the_wait_as_well() {
    let server = ScriptedServer::start(|_| None);
    let (mut sender, mut signals) = signals();
    sender.write_all(&[SIGHUP, SIGTERM]).unwrap();
    let waited = for_own_record(&awaited(&[&server]), limits(None), &mut signals, &mut |_| {}).unwrap();
    assert!(matches!(waited, Waited::Stopped { signal: 15, .. }), "{waited:?}");
}

#[test]
fn other_signals_do_not_end_the_wait() {
    let server = server(3, OWN);
    let (mut sender, mut signals) = signals();
    let awaited = awaited(&[&server]);
    sender.write_all(&[SIGHUP]).unwrap();
    let waiting = std::thread::spawn(move || {
        let waited = for_own_record(&awaited, limits(Some(Duration::from_secs(30))), &mut signals, &mut |_| {});
        (waited, signals.taken)
    });
    server.next();
    server.next();
    sender.write_all(&[SIGHUP]).unwrap();
    let (waited, taken) = waiting.join().unwrap();
    assert!(matches!(waited.unwrap(), Waited::Published(_)));
    assert_eq!(taken, 2);
}

#[test]
fn a_source_of_requests_that_is_gone_is_left_alone() {
    let server = server(1, OWN);
    let (sender, mut signals) = signals();
    drop(sender);
    let waited =
        for_own_record(&awaited(&[&server]), limits(Some(Duration::from_secs(30))), &mut signals, &mut |_| {}).unwrap();
    assert!(matches!(waited, Waited::Published(_)));
    assert_eq!(signals.taken, 1);
}

#[test]
fn without_a_server_or_an_own_address_there_is_nothing_to_wait_for() {
    let (_sender, mut signals) = signals();
    let mut nothing = awaited(&[]);
    let error = for_own_record(&nothing, limits(None), &mut signals, &mut |_| {}).unwrap_err();
    assert!(error.code == exit::CONFIG && error.to_string().contains("no name server to ask"), "{error}");
    nothing.servers.push("127.0.0.1:9".parse().unwrap());
    nothing.own.clear();
    let error = for_own_record(&nothing, limits(None), &mut signals, &mut |_| {}).unwrap_err();
    assert!(error.code == exit::CONFIG && error.to_string().contains("own address is not known"), "{error}");
}

fn entries(directory: &str) -> usize {
    std::fs::read_dir(directory).unwrap().count()
}

/// What a process has open can be counted only without other tests in it: this program again, with a variable set.
#[test]
fn the_wait_leaves_no_thread_and_no_descriptor_behind() {
    const ALONE: &str = "WAIT_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let test = "wait::tests::the_wait_leaves_no_thread_and_no_descriptor_behind";
        let mut alone = Command::new(std::env::current_exe().unwrap());
        let output = alone.args(["--exact", test]).env(ALONE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let (server, dead) = (server(1, OWN), ScriptedServer::start(|_| None));
    let (_sender, mut signals) = signals();
    let before = (entries("/proc/self/fd"), entries("/proc/self/task"));
    let waited =
        for_own_record(&awaited(&[&dead, &server]), limits(Some(Duration::from_secs(30))), &mut signals, &mut |_| {});
    assert!(matches!(waited.unwrap(), Waited::Published(_)));
    assert_eq!((entries("/proc/self/fd"), entries("/proc/self/task")), before);
}

#[test]
fn a_glance_sees_the_record_or_what_is_there_in_its_place() {
    let see = |server: &ScriptedServer| glance(&awaited(&[server])).unwrap();
    match see(&server(0, OWN)) {
        Glance::Published(sighting) => assert_eq!(sighting.addresses, [OWN]),
        other @ Glance::Missing { .. } => panic!("{other:?}"),
    }
    match see(&server(0, OLD)) {
        Glance::Missing { observation: Observation::Others { addresses, .. }, .. } => assert_eq!(addresses, [OLD]),
        other => panic!("{other:?}"),
    }
    let start = Instant::now();
    match see(&server(u32::MAX, OWN)) {
        Glance::Missing { observation, cause } => {
            assert_eq!(observation, Observation::Absent);
            assert!(cause.sentence.contains("there is no namespace ns1"), "{cause:?}");
        }
        other @ Glance::Published(_) => panic!("{other:?}"),
    }
    assert!(start.elapsed() < Duration::from_secs(6), "twice what it may take");
}
