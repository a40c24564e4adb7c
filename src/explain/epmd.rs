//! Whether the node's port mapper answers, and knows the node.

use super::facts::Epmd;
use crate::render::template::Syntax as _;
use crate::render::vm_args::VmArgsScanner;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

const PORT: u16 = 4369;
const LIMIT: Duration = Duration::from_millis(300);
/// "Which nodes do you know?", with its length before it.
const NAMES_REQ: [u8; 3] = [0, 1, b'n'];

/// Asks. `flags` are the texts by which the VM got its flags; `port` is what the environment has for `ERL_EPMD_PORT`.
pub(super) fn ask(flags: &[String], port: Option<&str>, node: Option<&str>) -> Epmd {
    let words: Vec<_> = flags.iter().flat_map(|text| words(text)).collect();
    let flag = |name: &str| {
        words.windows(2).rev().find_map(|pair| Some(pair.last()?).filter(|_| pair.first().is_some_and(|w| w == name)))
    };
    if let Some(port) = flag("-erl_epmd_port").and_then(|port| port.parse().ok()) {
        return without(port);
    }
    if flag("-epmd_module").is_some() {
        let says = "the node finds its peers by another module than epmd's (-epmd_module)".to_owned();
        return Epmd { port: None, answers: false, knows_node: None, says };
    }
    with(port.and_then(|port| port.parse().ok()).unwrap_or(PORT), node)
}

/// A node that listens at a port that is agreed upon.
fn without(port: u16) -> Epmd {
    let answers = connect(port).is_ok();
    let state = if answers { "the node listens at" } else { "nobody listens at" };
    let says = format!("none is needed: {state} the port of -erl_epmd_port, {port}");
    Epmd { port: None, answers, knows_node: None, says }
}

fn with(port: u16, node: Option<&str>) -> Epmd {
    let nodes = match names(port) {
        Ok(nodes) => nodes,
        Err(error) => {
            let says = format!("no answer at port {port}: {}", crate::error::cause(&error));
            return Epmd { port: Some(port), answers: false, knows_node: None, says };
        }
    };
    let short = node.map(|node| node.split('@').next().unwrap_or(node));
    let known = short.map(|short| (short, nodes.iter().find(|(name, _)| name == short)));
    let says = match known {
        Some((short, Some((_, at)))) => format!("it answers at port {port}, and knows {short} at port {at}"),
        Some((short, None)) => format!("it answers at port {port}, but knows no {short}"),
        None => format!("it answers at port {port}"),
    };
    Epmd { port: Some(port), answers: true, knows_node: known.map(|(_, found)| found.is_some()), says }
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let to = |address: IpAddr| TcpStream::connect_timeout(&SocketAddr::new(address, port), LIMIT);
    to(Ipv4Addr::LOCALHOST.into()).or_else(|error| to(Ipv6Addr::LOCALHOST.into()).map_err(|_| error))
}

/// The nodes that it knows, each with its port.
fn names(port: u16) -> io::Result<Vec<(String, String)>> {
    const ENOUGH: u64 = 1 << 16;
    let mut stream = connect(port)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(&NAMES_REQ)?;
    let mut answer = Vec::new();
    let came = stream.take(ENOUGH).read_to_end(&mut answer);
    // Its own port, and then a line for each node.
    let lines = answer.get(4..).ok_or_else(|| came.err().unwrap_or(io::ErrorKind::InvalidData.into()))?;
    Ok(nodes(&String::from_utf8_lossy(lines)))
}

/// Reads `name demo at port 41234`.
fn nodes(lines: &str) -> Vec<(String, String)> {
    let node = |line: &str| {
        let (name, port) = line.strip_prefix("name ")?.split_once(" at port ")?;
        Some((name.to_owned(), port.to_owned()))
    };
    lines.lines().filter_map(node).collect()
}

fn words(text: &str) -> Vec<String> {
    let mut scanner = VmArgsScanner::default();
    text.chars().for_each(|character| scanner.feed(character));
    scanner.finish().unwrap_or_default().words().into_iter().map(|word| word.text.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    const DEMO: &[u8] = b"\0\0\x11\x11name other at port 1\nwhatever else\nname demo at port 41234\n";

    /// A port mapper that gives this answer to one question.
    fn epmd(answer: &'static [u8]) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 3];
            stream.read_exact(&mut asked).unwrap();
            assert_eq!(asked, NAMES_REQ);
            stream.write_all(answer).unwrap();
        });
        port
    }

    /// A port where nobody listens.
    fn deserted() -> u16 {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
    }

    #[test]
    fn it_is_asked_for_its_nodes() {
        let found = ask(&[], Some(&epmd(DEMO).to_string()), Some("demo@web-0.web"));
        assert!(found.says.ends_with("and knows demo at port 41234"), "{found:?}");
        let found = ask(&[], Some(&epmd(DEMO).to_string()), Some("de@web-0.web"));
        assert_eq!((found.answers, found.knows_node), (true, Some(false)));
        let port = epmd(DEMO);
        let found = ask(&[], Some(&port.to_string()), None);
        assert_eq!((found.says, found.knows_node), (format!("it answers at port {port}"), None));
    }

    #[test]
    fn nobody_there_is_said_so() {
        let port = deserted();
        let found = ask(&[], Some(&port.to_string()), None);
        assert_eq!((found.answers, found.port), (false, Some(port)));
        assert!(found.says.contains("connection refused"), "{found:?}");
    }

    #[test]
    fn another_program_at_its_port_is_not_a_port_mapper() {
        let port = epmd(b"ok");
        let found = ask(&[], Some(&port.to_string()), Some("demo@web-0.web"));
        assert_eq!((found.answers, found.knows_node), (false, None));
        assert_eq!(found.says, format!("no answer at port {port}: invalid data"));
    }

    #[test]
    fn a_node_without_it_is_asked_for_itself() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let flags = [format!("-name a@b\n-start_epmd false -erl_epmd_port {port}\n")];
        let found = ask(&flags, None, Some("a@b"));
        assert_eq!((found.answers, found.port), (true, None));
        assert!(found.says.contains("the node listens at"), "{found:?}");
        let port = deserted();
        let found = ask(&[format!("-erl_epmd_port {port}")], None, Some("a@b"));
        assert_eq!((found.answers, found.port), (false, None));
        assert!(found.says.ends_with(&format!("nobody listens at the port of -erl_epmd_port, {port}")), "{found:?}");
    }

    #[test]
    fn a_node_that_finds_its_peers_otherwise_has_none_to_be_asked() {
        // Whatever is at the port is not for it.
        let found = ask(&["-epmd_module my_epmd".into()], Some(&epmd(DEMO).to_string()), Some("demo@web-0.web"));
        assert_eq!((found.answers, found.port, found.knows_node), (false, None, None));
        assert!(found.says.ends_with("by another module than epmd's (-epmd_module)"), "{found:?}");
    }
}
