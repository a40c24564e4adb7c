//! Where the node listens.

use super::deadline::{Deadline, TimedStream};
use super::failure::ProbeFailure;
use crate::error::cause;
use crate::sys;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PortSource {
    /// `-erl_epmd_port`.
    Fixed(u16),
    Epmd(u16),
}

pub(super) const EPMD_PORT: u16 = 4369;

const PORT_REQUEST: u8 = b'z';
const PORT_ANSWER: u8 = b'w';

/// The node's port. `name` is the part of its name before the `@`.
///
/// # Errors
/// epmd does not answer, or does not know the node.
pub(super) fn find_port(source: &PortSource, name: &str, deadline: Deadline) -> Result<u16, ProbeFailure> {
    let epmd = match source {
        PortSource::Fixed(port) => return Ok(*port),
        PortSource::Epmd(port) => *port,
    };
    let found = ask_epmd(epmd, name, deadline);
    let found = found.map_err(|error| ProbeFailure::NoEpmd { port: epmd, cause: explain(&error) })?;
    found.ok_or_else(|| ProbeFailure::NotRegistered { name: name.to_owned(), port: epmd })
}

fn ask_epmd(port: u16, name: &str, deadline: Deadline) -> io::Result<Option<u16>> {
    let mut stream = connect(port, deadline)?;
    let length = u16::try_from(name.len() + 1).map_err(|_| ErrorKind::InvalidInput)?;
    stream.write_all(&[&length.to_be_bytes(), &[PORT_REQUEST] as &[u8], name.as_bytes()].concat())?;
    let mut head = [0; 2];
    stream.read_exact(&mut head)?;
    match head {
        [PORT_ANSWER, 0] => {
            let mut port = [0; 2];
            stream.read_exact(&mut port)?;
            Ok(Some(u16::from_be_bytes(port)))
        }
        [PORT_ANSWER, _] => Ok(None),
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

/// Connects to the node, and sends nothing.
///
/// # Errors
/// Nothing listens there, or it does not accept in time.
pub(super) fn connect_to_node(port: u16, deadline: Deadline) -> Result<TimedStream, ProbeFailure> {
    connect(port, deadline).map_err(|error| ProbeFailure::of_connecting(port, &error))
}

fn connect(port: u16, deadline: Deadline) -> io::Result<TimedStream> {
    let mut failed = None;
    for address in addresses() {
        match TimedStream::connect(SocketAddr::new(address, port), deadline) {
            // The error at the first address is the one to report.
            Err(error) if error.kind() != ErrorKind::TimedOut => failed = failed.or(Some(error)),
            connected => return connected,
        }
    }
    Err(failed.unwrap_or_else(|| ErrorKind::ConnectionRefused.into()))
}

/// The loopback addresses, where a node listens by default, then those of the interfaces
/// (`inet_dist_use_interface`). The latter are looked up only if nothing listens at the
/// former.
pub(super) fn addresses() -> impl Iterator<Item = IpAddr> {
    let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let others = std::iter::once_with(sys::interface_addresses).flatten();
    loopback.into_iter().chain(others.filter(move |address| !loopback.contains(address)))
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::TimedOut => "the connection is accepted, but no answer comes".into(),
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => "the program there is not epmd".into(),
        _ => cause(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;
    use std::time::Duration;

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(10))
    }

    /// A program that reads one question and gives this answer; its port.
    fn answering(answer: &'static [u8]) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 7];
            stream.read_exact(&mut asked).unwrap();
            assert_eq!(asked, *b"\0\x05zshop");
            stream.write_all(answer).unwrap();
        });
        port
    }

    fn reason(port: u16, deadline: Deadline) -> String {
        find_port(&PortSource::Epmd(port), "shop", deadline).unwrap_err().to_string()
    }

    #[test]
    fn epmd_knows_the_port() {
        let epmd = answering(b"w\0\xa1\x02M\0\0\x06\0\x05\0\x04shop\0\0");
        assert_eq!(find_port(&PortSource::Epmd(epmd), "shop", soon()), Ok(0xa102));
        assert_eq!(find_port(&PortSource::Fixed(9000), "shop", soon()), Ok(9000));
    }

    #[test]
    fn what_epmd_does_not_know_has_its_reason() {
        let epmd = answering(b"w\x01");
        assert_eq!(reason(epmd, soon()), format!("epmd at port {epmd} does not know shop"));
        let other = answering(b"HTTP");
        assert!(reason(other, soon()).ends_with("the program there is not epmd"));
        let deserted = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        assert!(reason(deserted, soon()).contains("connection refused"));
    }

    #[test]
    fn what_hangs_ends_with_the_deadline() {
        let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = silent.local_addr().unwrap().port();
        assert!(reason(port, Deadline::after(Duration::from_millis(50))).ends_with("no answer comes"));
    }
}
