//! A connection to a node: handshake, calls, answers. Over any stream, so that tests can make hostile ones.
//!
//! Pure: no I/O, no clock.

use super::failure::ProbeFailure;
use super::handshake::{self, Status};
use super::terms::{self, Encoder, Term};
use std::io::{self, ErrorKind, Read, Write};

/// The node to connect to, and the name to connect under.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The node's name, or the part before the `@` where its host is not known.
    pub node: &'a str,
    pub cookie: &'a str,
    pub ours: &'a str,
    /// Numbers that nobody can foresee: the challenge, and two by which the answers to this probe's calls are known.
    pub random: [u32; 3],
}

/// Why a handshake failed.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// Another name may be free.
    NameInUse,
    Closed,
    /// No other name would help.
    Failure(ProbeFailure),
}

impl From<ProbeFailure> for Refused {
    fn from(failure: ProbeFailure) -> Self {
        Self::Failure(failure)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub module: &'static str,
    pub function: &'static str,
    pub argument: Option<Argument>,
}

#[derive(Clone, Copy, Debug)]
pub enum Argument {
    Integer(u32),
    Text(&'static str),
}

/// An authenticated connection.
#[derive(Debug)]
pub struct Session<S> {
    stream: S,
    ours: String,
    random: [u32; 2],
}

/// The longest message that is read, in bytes: a list of all applications takes a tenth of it.
const MAX_MESSAGE: u32 = 1 << 17;
/// The longest message of a handshake: the node's name and a few numbers.
const MAX_HANDSHAKE: u16 = 1 << 10;
/// Before every message without an atom cache.
const PASS_THROUGH: u8 = 112;
const REG_SEND: u32 = 6;
/// `SEND` and `SEND_TT`.
const SENDS: [i32; 2] = [2, 12];

impl<S: Read + Write> Session<S> {
    /// Shakes hands with the node.
    ///
    /// # Errors
    /// The node refuses, or it is another program.
    pub fn open(mut stream: S, who: &Credentials<'_>) -> Result<Self, Refused> {
        send_handshake(&mut stream, &handshake::send_name(who.ours))?;
        let status = match receive_handshake(&mut stream) {
            Err(error) if is_closed(&error) => return Err(Refused::Closed),
            Err(error) => return Err(unanswered(&error).into()),
            Ok(message) => handshake::status(&message).ok_or(ProbeFailure::NotANode)?,
        };
        match status {
            Status::Go => {}
            Status::NameInUse => return Err(Refused::NameInUse),
            Status::NotAllowed => return Err(ProbeFailure::NotAllowed.into()),
        }
        let message = receive_handshake(&mut stream).map_err(|error| half_answered(&error))?;
        let theirs = handshake::challenge(&message).ok_or(ProbeFailure::NotANode)?;
        if !is_named(&theirs.node, who.node) {
            return Err(ProbeFailure::OtherNode(theirs.node.chars().filter(char::is_ascii_graphic).collect()).into());
        }
        let [challenge, random @ ..] = who.random;
        send_handshake(&mut stream, &handshake::challenge_reply(who.cookie, theirs.number, challenge))?;
        match receive_handshake(&mut stream) {
            Ok(message) if handshake::is_acknowledged(&message, who.cookie, challenge) => {
                Ok(Self { stream, ours: who.ours.to_owned(), random })
            }
            Err(error) if !is_closed(&error) => Err(half_answered(&error).into()),
            // A node closes a connection from one with another cookie. A wrong digest means that it has another cookie itself.
            _ => Err(ProbeFailure::CookieRefused.into()),
        }
    }

    /// Sends a call to `rex`, the server of the node that runs calls of others. Its answer has the same `number`.
    ///
    /// # Errors
    /// The node closed the connection, or reads no more.
    pub fn call(&mut self, number: u32, call: Call) -> Result<(), ProbeFailure> {
        let mut message = Encoder::default();
        let [first, second] = self.random;
        message.start().tuple(4).integer(REG_SEND).pid(&self.ours).atom("").atom("rex");
        message.start().tuple(3).atom("$gen_call");
        message.tuple(2).pid(&self.ours).reference(&self.ours, [number, first, second]);
        message.tuple(5).atom("call").atom(call.module).atom(call.function);
        match call.argument {
            None => message.nil(),
            Some(Argument::Integer(value)) => message.list(1).integer(value).nil(),
            Some(Argument::Text(text)) => message.list(1).binary(text).nil(),
        };
        message.atom("user");
        let length = u32::try_from(message.bytes.len() + 1).unwrap_or(0).to_be_bytes();
        let packet = [&length as &[u8], &[PASS_THROUGH], &message.bytes].concat();
        self.stream.write_all(&packet).map_err(|error| unfinished(&error))
    }

    /// The next answer to one of the calls, with the call's number.
    ///
    /// # Errors
    /// None comes.
    pub fn answer(&mut self) -> Result<(u32, Term), ProbeFailure> {
        loop {
            let packet = self.receive().map_err(|error| unfinished(&error))?;
            if packet.is_empty() {
                // A tick: the node closes a connection on which nothing comes back.
                self.stream.write_all(&[0; 4]).map_err(|error| unfinished(&error))?;
            } else if let Some(answer) = self.read(&packet).map_err(|terms::Malformed| ProbeFailure::NotANode)? {
                return Ok(answer);
            }
        }
    }

    fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length);
        if length > MAX_MESSAGE {
            return Err(ErrorKind::InvalidData.into());
        }
        read_exactly(&mut self.stream, length as usize)
    }

    /// The answer in a packet: `{Reference, Result}` to our pid. Anything else is ignored.
    fn read(&self, packet: &[u8]) -> Result<Option<(u32, Term)>, terms::Malformed> {
        let Some(mut packet) = packet.strip_prefix(&[PASS_THROUGH]) else { return Err(terms::Malformed) };
        match terms::decode(&mut packet)? {
            Term::Tuple(control) if matches!(control.first(), Some(Term::Integer(op)) if SENDS.contains(op)) => {}
            _ => return Ok(None),
        }
        let Term::Tuple(pair) = terms::decode(&mut packet)? else { return Ok(None) };
        let Ok([Term::Reference(words), result]) = <[Term; 2]>::try_from(pair) else { return Ok(None) };
        Ok(match words.as_slice() {
            [number, random @ ..] if *random == self.random => Some((*number, result)),
            _ => None,
        })
    }
}

/// Whether `found` is the expected name, which may be without its host.
fn is_named(found: &str, expected: &str) -> bool {
    let short = || found.split_once('@').map(|(name, _)| name);
    found == expected || !expected.contains('@') && short() == Some(expected)
}

fn send_handshake(stream: &mut impl Write, message: &[u8]) -> Result<(), ProbeFailure> {
    let length = u16::try_from(message.len()).unwrap_or(0).to_be_bytes();
    stream.write_all(&[&length, message].concat()).map_err(|error| unanswered(&error))
}

fn receive_handshake(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let length = u16::from_be_bytes(length);
    if length > MAX_HANDSHAKE {
        return Err(ErrorKind::InvalidData.into());
    }
    read_exactly(stream, length.into())
}

/// Memory grows with what arrives, not with the announced length.
fn read_exactly(stream: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    stream.take(length as u64).read_to_end(&mut message)?;
    if message.len() < length { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(message) }
}

fn is_closed(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}

fn unanswered(error: &io::Error) -> ProbeFailure {
    if error.kind() == ErrorKind::TimedOut { ProbeFailure::NoHandshake } else { ProbeFailure::NotANode }
}

fn half_answered(error: &io::Error) -> ProbeFailure {
    if error.kind() == ErrorKind::TimedOut { ProbeFailure::UnfinishedHandshake } else { ProbeFailure::NotANode }
}

fn unfinished(error: &io::Error) -> ProbeFailure {
    match error.kind() {
        ErrorKind::TimedOut => ProbeFailure::NoAnswer,
        ErrorKind::InvalidData => ProbeFailure::NotANode,
        _ => ProbeFailure::ConnectionLost,
    }
}
