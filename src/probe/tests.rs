//! Probes of a node that sends what a test says, byte by byte.

use super::ask::{Answers, converse};
use super::failure::ProbeFailure;
use super::handshake::digest;
use super::session::{Credentials, Refused, Session};
use super::terms::Encoder;
use std::io::{self, ErrorKind, Read, Write};

const COOKIE: &str = "sesame";
const OURS: &str = "-probe-0@beaminit";
const RANDOM: [u32; 3] = [7, 8, 9];

/// A port that sends these bytes, and then ends or stays silent until the deadline.
#[derive(Default)]
struct Port {
    sends: Vec<u8>,
    at: usize,
    then: Option<ErrorKind>,
    got: Vec<u8>,
}

impl Read for Port {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (&self.sends[self.at..], self.then) {
            ([], Some(kind)) => Err(kind.into()),
            (mut rest, _) => {
                let read = rest.read(buffer)?;
                self.at += read;
                Ok(read)
            }
        }
    }
}

impl Write for Port {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.got.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&u16::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
}

fn challenge(node: &str) -> Vec<u8> {
    let length = u16::try_from(node.len()).unwrap().to_be_bytes();
    framed(&[b"N\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0\x01" as &[u8], &length, node.as_bytes()].concat())
}

fn acknowledgement(cookie: &str) -> Vec<u8> {
    framed(&[b"a" as &[u8], &digest(cookie, RANDOM[0])].concat())
}

fn handshake(node: &str) -> Vec<u8> {
    [framed(b"sok"), challenge(node), acknowledgement(COOKIE)].concat()
}

fn open(node: &str, sends: Vec<u8>, then: Option<ErrorKind>) -> Result<(), Refused> {
    let port = Port { sends, then, ..Port::default() };
    Session::open(port, &Credentials { node, cookie: COOKIE, ours: OURS, random: RANDOM }).map(drop)
}

/// A packet to us with the answer to the call of this number.
fn answer(number: u32, result: impl Fn(&mut Encoder)) -> Vec<u8> {
    let mut packet = Encoder::default();
    packet.start().tuple(3).integer(2).atom("").pid(OURS);
    packet.start().tuple(2).reference(OURS, [number, RANDOM[1], RANDOM[2]]);
    result(&mut packet);
    let length = u32::try_from(packet.bytes.len() + 1).unwrap().to_be_bytes();
    [length.as_slice(), b"p", &packet.bytes].concat()
}

fn status(name: &'static str) -> impl Fn(&mut Encoder) {
    move |encoder| _ = encoder.tuple(2).atom(name).atom(name)
}

fn namespace(encoder: &mut Encoder) {
    encoder.tuple(2).atom("ok").binary("mnt:[4026531840]");
}

/// The result when the node sends these packets.
fn ask(packets: &[Vec<u8>], with_applications: bool, then: Option<ErrorKind>) -> Result<Answers, ProbeFailure> {
    let port = Port { sends: [handshake("a@b"), packets.concat()].concat(), then, ..Port::default() };
    let who = Credentials { node: "a@b", cookie: COOKIE, ours: OURS, random: RANDOM };
    converse(Session::open(port, &who).unwrap(), with_applications)
}

#[test]
fn only_the_node_of_that_name_is_taken() {
    assert_eq!(open("a@b", handshake("a@b"), None), Ok(()));
    assert_eq!(open("a", handshake("a@b"), None), Ok(()));
    for other in ["a@c", "b@b", "a@b.c", "aa@b"] {
        assert_eq!(open("a@b", handshake(other), None), Err(ProbeFailure::OtherNode(other.into()).into()));
    }
    assert_eq!(open("a", handshake("aa@b"), None), Err(ProbeFailure::OtherNode("aa@b".into()).into()));
}

#[test]
fn each_end_of_a_handshake_has_its_reason() {
    let silent = Some(ErrorKind::TimedOut);
    let begun = || [framed(b"sok"), challenge("a@b")].concat();
    for (sends, then, expected) in [
        (Vec::new(), silent, ProbeFailure::NoHandshake.into()),
        (framed(b"sok"), silent, ProbeFailure::UnfinishedHandshake.into()),
        (begun(), silent, ProbeFailure::UnfinishedHandshake.into()),
        (Vec::new(), None, Refused::Closed),
        (Vec::new(), Some(ErrorKind::ConnectionReset), Refused::Closed),
        (framed(b"snok"), None, Refused::NameInUse),
        (framed(b"salive"), None, Refused::NameInUse),
        (framed(b"snot_allowed"), None, ProbeFailure::NotAllowed.into()),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".into(), None, ProbeFailure::NotANode.into()),
        (framed(b"sok"), None, ProbeFailure::NotANode.into()),
        (begun(), None, ProbeFailure::CookieRefused.into()),
        ([begun(), acknowledgement("other")].concat(), None, ProbeFailure::CookieRefused.into()),
    ] {
        assert_eq!(open("a@b", sends.clone(), then), Err(expected), "{:?}", String::from_utf8_lossy(&sends));
    }
}

#[test]
fn answers_are_taken_in_any_order_and_among_other_things() {
    let tick = vec![0; 4];
    let from_an_earlier_probe = {
        let mut packet = answer(0, status("stopping"));
        let at = packet.windows(4).position(|word| word == RANDOM[2].to_be_bytes()).unwrap();
        packet[at] ^= 1;
        packet
    };
    let applications = |encoder: &mut Encoder| {
        encoder.list(1).tuple(3).atom("kernel").binary("ERTS  CXC 138 10").binary("8.5").nil();
    };
    let packets = [
        answer(3, applications),
        tick,
        answer(1, namespace),
        from_an_earlier_probe,
        answer(2, applications),
        answer(0, status("started")),
    ];
    let expected = Answers {
        status: "started".into(),
        mount_namespace: Some(4_026_531_840),
        running: Some(vec!["kernel".into()]),
        loaded: Some(1),
    };
    assert_eq!(ask(&packets, true, None), Ok(expected));
}

#[test]
fn a_node_whose_disk_hangs_lives() {
    let alive = Answers { status: "started".into(), ..Answers::default() };
    assert_eq!(ask(&[answer(0, status("started"))], false, Some(ErrorKind::TimedOut)), Ok(alive));
    assert_eq!(ask(&[answer(1, namespace)], false, Some(ErrorKind::TimedOut)), Err(ProbeFailure::NoAnswer));
}

#[test]
fn each_end_of_a_call_has_its_reason() {
    assert_eq!(ask(&[], false, None), Err(ProbeFailure::ConnectionLost));
    assert_eq!(ask(&[], false, Some(ErrorKind::TimedOut)), Err(ProbeFailure::NoAnswer));
    let bad = |encoder: &mut Encoder| _ = encoder.tuple(2).atom("badrpc").tuple(2).atom("EXIT").atom("undef");
    assert_eq!(ask(&[answer(0, bad)], false, None), Err(ProbeFailure::CallFailed("undef".into())));
    let endless = vec![255; 8];
    assert_eq!(ask(&[endless], false, None), Err(ProbeFailure::NotANode));
}

#[test]
fn a_tick_is_answered() {
    let mut port = Port { sends: [handshake("a@b"), vec![0; 4]].concat(), ..Port::default() };
    let who = Credentials { node: "a@b", cookie: COOKIE, ours: OURS, random: RANDOM };
    let mut session = Session::open(&mut port, &who).unwrap();
    session.answer().unwrap_err();
    assert!(port.got.ends_with(&[0; 4]));
}

#[test]
fn the_cookie_is_not_sent() {
    let mut port = Port { sends: handshake("a@b"), ..Port::default() };
    let who = Credentials { node: "a@b", cookie: COOKIE, ours: OURS, random: RANDOM };
    converse(Session::open(&mut port, &who).unwrap(), true).unwrap_err();
    assert!(port.got.len() > 100);
    assert!(!port.got.windows(COOKIE.len()).any(|bytes| bytes == COOKIE.as_bytes()));
}
