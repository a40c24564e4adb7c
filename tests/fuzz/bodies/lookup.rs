//! Any packets as answers, over real sockets: the wait ends in time and nothing panics.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use beaminit::testing::identity::name::Fqdn;
use beaminit::testing::variables::WaitPeers;
use beaminit::testing::wait::{Awaited, StopRequests, WaitLimits, for_own_record};

use super::input::Input;

const POD: &str = "web-0.web.ns1.svc.cluster.local";
const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 5);
const TIMEOUT: Duration = Duration::from_millis(30);
/// The last question may begin just before the time is over, and the record may be seen by it; a diagnosis follows.
const GRACE: Duration = Duration::from_millis(1500 + 3000);
/// A TCP client that says nothing for this long is left alone.
const TCP_IDLE: Duration = Duration::from_millis(200);

pub fn body(data: &[u8]) {
    let server = Server::new(data);
    let awaited = Awaited {
        name: Fqdn::parse(POD).expect("a name"),
        cluster_domain: Fqdn::parse("cluster.local").ok(),
        own: vec![OWN.into()],
        servers: vec![server.address],
        resolv_conf_error: None,
        search_domain: None,
        without_subdomain: false,
    };
    note_panics();
    thread::scope(|scope| {
        scope.spawn(|| server.serve_udp());
        scope.spawn(|| server.serve_tcp());
        let (_sender, receiver) = UnixStream::pair().expect("a pair of sockets");
        let limits = WaitLimits { timeout: Some(TIMEOUT), peers: WaitPeers::Auto };
        let start = Instant::now();
        let waited = for_own_record(&awaited, limits, &mut NeverStop(receiver), &mut |_| {});
        let took = start.elapsed();
        server.end();
        assert!(took <= TIMEOUT + GRACE, "{took:?}: {waited:?}");
        // A panic in one of the runtime's own tasks does not reach us, but its place is on this thread.
        assert!(!PANICKED.get(), "a panic within the wait");
    });
}

thread_local! {
    static PANICKED: Cell<bool> = const { Cell::new(false) };
}

fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICKED.set(true);
            before(panic);
        }));
    });
    PANICKED.set(false);
}

struct NeverStop(UnixStream);

impl StopRequests for NeverStop {
    fn readable(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    fn take(&mut self) -> Option<i32> {
        None
    }
}

/// A name server, UDP and TCP at one port, that answers with its replies one after the other, again and again.
struct Server {
    udp: UdpSocket,
    tcp: TcpListener,
    address: SocketAddr,
    replies: Vec<Reply>,
    next: AtomicUsize,
    over: AtomicBool,
}

impl Server {
    fn new(data: &[u8]) -> Self {
        let (tcp, udp) = std::iter::repeat_with(|| {
            let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
            UdpSocket::bind(tcp.local_addr().expect("its number")).ok().map(|udp| (tcp, udp))
        })
        .flatten()
        .next()
        .expect("a port that is free for both");
        let address = udp.local_addr().expect("an address");
        Self { udp, tcp, address, replies: replies(data), next: AtomicUsize::new(0), over: AtomicBool::new(false) }
    }

    fn reply(&self, request: &[u8]) -> Option<Vec<u8>> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        self.replies.get(next % self.replies.len().max(1))?.to(request)
    }

    fn serve_udp(&self) {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = self.udp.recv_from(&mut buffer) {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            if let Some(reply) = self.reply(&buffer[..length]) {
                self.udp.send_to(&reply, from).ok();
            }
        }
    }

    fn serve_tcp(&self) {
        while let Ok((stream, _)) = self.tcp.accept() {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            self.serve_stream(stream).ok();
        }
    }

    fn serve_stream(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(TCP_IDLE))?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut request = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut request)?;
        let Some(reply) = self.reply(&request) else { return Ok(()) };
        let length = u16::try_from(reply.len()).unwrap_or(u16::MAX);
        stream.write_all(&[&length.to_be_bytes(), &reply[..]].concat())
    }

    fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
        self.udp.send_to(&[], self.address).expect("our own socket");
        TcpStream::connect(self.address).expect("our own socket");
    }
}

/// What comes back for a question.
struct Reply {
    shape: usize,
    bytes: Vec<u8>,
}

/// One byte for the shape, one for the length, then so many bytes; again and again.
fn replies(data: &[u8]) -> Vec<Reply> {
    let mut input = Input::new(data);
    let mut replies = Vec::new();
    while let Some(shape) = input.byte() {
        let length = input.number(u8::MAX);
        replies.push(Reply { shape: usize::from(shape % 8), bytes: input.take(length).to_vec() });
    }
    replies
}

/// Of the flags: a response, with recursion as asked for.
const RESPONSE: u16 = 0x8180;
const TRUNCATED: u16 = 0x0200;
const NXDOMAIN: u16 = 3;

impl Reply {
    fn to(&self, request: &[u8]) -> Option<Vec<u8>> {
        let bytes = &self.bytes;
        match self.shape {
            0 => None,
            1 => Some(bytes.clone()),
            2 => Some([request.get(..2)?, bytes].concat()),
            3 => {
                let mut input = Input::new(bytes);
                let code = u16::try_from(input.number(u8::MAX)).unwrap_or(0);
                let counts = [0; 3].map(|_: u16| u16::try_from(input.number(4)).unwrap_or(0));
                message(request, RESPONSE | code, counts, input.take(usize::MAX))
            }
            4 => message(request, RESPONSE | TRUNCATED, [0; 3], &[]),
            5 => self.mutated(message(request, RESPONSE | NXDOMAIN, [0, 1, 0], &soa())),
            6 => self.mutated(message(request, RESPONSE, [0, 1, 0], &soa())),
            _ => self.mutated(message(request, RESPONSE, [1, 0, 0], &record(1, &OWN.octets()))),
        }
    }

    /// Each two bytes change one: where, by its distance from the end, and how.
    fn mutated(&self, message: Option<Vec<u8>>) -> Option<Vec<u8>> {
        let mut message = message?;
        for pair in self.bytes.chunks_exact(2) {
            let place = message.len().checked_sub(1 + usize::from(pair[0]));
            if let Some(byte) = place.and_then(|place| message.get_mut(place)) {
                *byte ^= pair[1];
            }
        }
        Some(message)
    }
}

/// An answer to this request: its id and question, then what is given.
fn message(request: &[u8], flags: u16, [answers, authorities, additionals]: [u16; 3], rest: &[u8]) -> Option<Vec<u8>> {
    let name = request.get(12..)?.iter().position(|byte| *byte == 0)?;
    let question = request.get(12..12 + name + 5)?;
    let mut message = request.get(..2)?.to_vec();
    for number in [flags, 1, answers, authorities, additionals] {
        message.extend(number.to_be_bytes());
    }
    message.extend(question);
    message.extend(rest);
    Some(message)
}

/// A record of the name that was asked for: 0xc00c refers to it.
fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("a short record").to_be_bytes();
    [&[0xc0, 0x0c], &kind.to_be_bytes()[..], &[0, 1, 0, 0, 0, 30], &length, data].concat()
}

/// The cluster domain's SOA record.
fn soa() -> Vec<u8> {
    let zone = b"\x07cluster\x05local\0";
    let data = [&zone[..], zone, &[0, 0, 0, 1, 0, 0, 28, 32, 0, 0, 7, 8, 0, 1, 81, 128, 0, 0, 0, 30]].concat();
    [&zone[..], &record(6, &data)[2..]].concat()
}
