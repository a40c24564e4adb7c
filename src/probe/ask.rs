//! One request to the node, from finding its port to reading its answer.

use super::deadline::{Deadline, TimedStream};
use super::failure::ProbeFailure;
use super::place::{self, PortSource};
use super::session::{Argument, Call, Credentials, Refused, Session};
use super::terms::Term;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read, Write};
use std::net::SocketAddr;

/// The node that is asked.
pub(super) struct Peer {
    /// Its name, or the part before the `@` where its host is not known.
    pub(super) node: String,
    pub(super) cookie: String,
    pub(super) port: PortSource,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// How far it has started, as `init:get_status` says: `started`, `starting` or `stopping`.
    pub status: String,
    /// The inode of its mount namespace, if it could tell.
    pub mount_namespace: Option<u64>,
    /// The applications that run, if they were asked for.
    pub running: Option<Vec<String>>,
    /// How many applications are loaded, if that was asked for.
    pub loaded: Option<usize>,
}

const STATUS: (u32, Call) = (0, Call { module: "init", function: "get_status", argument: None });
/// Not through the file server, which serves the whole release.
const NAMESPACE: (u32, Call) =
    (1, Call { module: "prim_file", function: "read_link", argument: Some(Argument::Text("/proc/self/ns/mnt")) });
const LOADED: (u32, Call) = (2, Call { module: "application", function: "loaded_applications", argument: None });
const RUNNING: (u32, Call) =
    (3, Call { module: "application", function: "which_applications", argument: Some(Argument::Integer(60_000)) });
const LIVE: [(u32, Call); 2] = [STATUS, NAMESPACE];
const READY: [(u32, Call); 4] = [STATUS, NAMESPACE, LOADED, RUNNING];

/// Each name is an atom that the VM keeps for ever, so there are few. They sort before the name of every node: of two
/// connections from a lower name the node keeps the first, so that no probe ends another one.
const NAMES: u32 = 8;
const ATTEMPTS: u32 = 3 * NAMES;
/// Some versions close a third connection under one name without a message. Where the reason is another one, the node may
/// log each attempt.
const MAX_CLOSED: u32 = 2;

fn name(number: u32) -> String {
    format!("-probe-{}@beaminit", number % NAMES)
}

/// Asks the node how far it has started, and `with_applications` which of them run.
///
/// # Errors
/// Why it did not answer.
pub(super) fn ask(peer: &Peer, with_applications: bool, deadline: Deadline) -> Result<Answers, ProbeFailure> {
    let short = peer.node.split('@').next().unwrap_or_default();
    let port = place::find_port(&peer.port, short, deadline)?;
    let mut failed = None;
    for address in place::addresses() {
        let connect = || TimedStream::connect(SocketAddr::new(address, port), deadline);
        match open(peer, port, connect) {
            Ok(session) => return converse(session, with_applications),
            // Another program may have the same port at another address.
            Err(failure @ (ProbeFailure::NotANode | ProbeFailure::OtherNode(_))) => failed = Some(failure),
            Err(failure @ ProbeFailure::NotListening { .. }) => failed = failed.or(Some(failure)),
            Err(failure) => return Err(failure),
        }
    }
    Err(failed.unwrap_or(ProbeFailure::NoHandshake))
}

/// Connects under the first name that is free.
fn open<S: Read + Write>(
    peer: &Peer,
    port: u16,
    connect: impl Fn() -> io::Result<S>,
) -> Result<Session<S>, ProbeFailure> {
    let first = std::process::id();
    let mut closed = 0;
    for attempt in 0..ATTEMPTS {
        let stream = connect().map_err(|error| ProbeFailure::of_connecting(port, &error))?;
        let ours = name(first.wrapping_add(attempt));
        let who = Credentials { node: &peer.node, cookie: &peer.cookie, ours: &ours, random: random() };
        match Session::open(stream, &who) {
            Ok(session) => return Ok(session),
            Err(Refused::NameInUse) => {}
            Err(Refused::Closed) if closed < MAX_CLOSED => closed += 1,
            Err(Refused::Closed) => return Err(ProbeFailure::NotANode),
            Err(Refused::Failure(failure)) => return Err(failure),
        }
    }
    Err(ProbeFailure::NamesInUse)
}

/// Makes the calls over a connection, and collects the answers.
///
/// # Errors
/// The answer that is needed did not come.
pub fn converse<S: Read + Write>(mut session: Session<S>, with_applications: bool) -> Result<Answers, ProbeFailure> {
    let calls: &[(u32, Call)] = if with_applications { &READY } else { &LIVE };
    for (number, call) in calls {
        session.call(*number, *call)?;
    }
    let mut answers = Answers::default();
    let mut missing: Vec<u32> = calls.iter().map(|(number, _)| *number).collect();
    while !missing.is_empty() {
        let (number, term) = match session.answer() {
            // A node whose disk hangs is alive nevertheless.
            Err(ProbeFailure::NoAnswer) if missing == [NAMESPACE.0] => break,
            answer => answer?,
        };
        missing.retain(|waited_for| *waited_for != number);
        answers.note(number, term)?;
    }
    Ok(answers)
}

impl Answers {
    fn note(&mut self, number: u32, term: Term) -> Result<(), ProbeFailure> {
        if number == NAMESPACE.0 {
            self.mount_namespace = namespace(&term);
            return Ok(());
        }
        match (number, term) {
            (number, Term::Tuple(items)) if number == STATUS.0 => match items.first() {
                Some(Term::Atom(status)) if status != "badrpc" => self.status.clone_from(status),
                _ => return Err(failed(&items)),
            },
            (number, Term::List(items)) if number == LOADED.0 => self.loaded = Some(items.len()),
            (number, Term::List(items)) if number == RUNNING.0 => {
                self.running = Some(items.iter().filter_map(application).collect());
            }
            (_, Term::Tuple(items)) => return Err(failed(&items)),
            _ => return Err(ProbeFailure::NotANode),
        }
        Ok(())
    }
}

/// `{ok, "mnt:[4026531840]"}`.
fn namespace(term: &Term) -> Option<u64> {
    let Term::Tuple(items) = term else { return None };
    let [Term::Atom(ok), Term::Text(link)] = items.as_slice() else { return None };
    let link = std::str::from_utf8(link).ok().filter(|_| ok == "ok")?;
    link.strip_prefix("mnt:[")?.strip_suffix(']')?.parse().ok()
}

/// `{stdlib, "ERTS  CXC 138 10", "4.2"}`.
fn application(term: &Term) -> Option<String> {
    let Term::Tuple(items) = term else { return None };
    match items.first() {
        Some(Term::Atom(name)) => Some(name.clone()),
        _ => None,
    }
}

/// `{badrpc, Reason}`: the first atom of the reason is enough, and is not a secret.
fn failed(items: &[Term]) -> ProbeFailure {
    fn first_atom(term: &Term) -> Option<&str> {
        match term {
            Term::Atom(name) => Some(name),
            Term::Tuple(items) => {
                items.iter().filter(|item| !matches!(item, Term::Atom(name) if name == "EXIT")).find_map(first_atom)
            }
            _ => None,
        }
    }
    let reason = items.get(1).and_then(first_atom).unwrap_or("unknown");
    ProbeFailure::CallFailed(reason.chars().filter(char::is_ascii_graphic).take(60).collect())
}

/// The keys of the hasher are random numbers from the kernel.
fn random() -> [u32; 3] {
    let number = |salt: u32| {
        let [a, b, c, d, ..] = RandomState::new().hash_one(salt).to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    };
    [number(0), number(1), number(2)]
}
