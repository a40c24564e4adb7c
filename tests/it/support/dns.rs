//! The cluster's DNS server: CoreDNS's answers over real sockets, a log of what was asked, and faults to order.

use std::io::{self, PipeWriter, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use hickory_resolver::proto::op::{Edns, Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::RecordType;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::coredns::{Answer, Cache, Key, Zone};

/// A TCP client that says nothing for this long is gone.
const TCP_IDLE: Duration = Duration::from_secs(1);

/// The Corefile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DnsSettings {
    /// `ttl` of the `kubernetes` plugin, in seconds.
    pub(crate) ttl: u32,
    /// `cache N`; none without the plugin.
    pub(crate) cache: Option<Duration>,
}

impl Default for DnsSettings {
    /// As kubeadm had it for years: `ttl 30`, `cache 30`.
    fn default() -> Self {
        Self { ttl: 30, cache: Some(Duration::from_secs(30)) }
    }
}

/// How a question came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// One question that reached the server.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) at: Instant,
    pub(crate) from: IpAddr,
    pub(crate) transport: Transport,
    /// As it was spelt, absolute: with the final dot.
    pub(crate) name: String,
    pub(crate) record_type: RecordType,
    pub(crate) dnssec_ok: bool,
    pub(crate) checking_disabled: bool,
    /// None: the question was dropped.
    pub(crate) rcode: Option<ResponseCode>,
}

/// A running DNS server; it ends when the value is dropped.
pub(crate) struct DnsServer {
    shared: Arc<Shared>,
    /// The thread ends when this end of its pipe is closed.
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl DnsServer {
    /// Serves port 53 of `address` in the network of the calling thread.
    pub(crate) fn start(address: Ipv4Addr, settings: DnsSettings) -> Self {
        let udp = UdpSocket::bind((address, 53)).expect("the DNS server's UDP socket");
        let tcp = TcpListener::bind((address, 53)).expect("the DNS server's TCP socket");
        let (stopped, stop) = io::pipe().unwrap();
        let shared = Arc::new(Shared::new(settings));
        let served = Arc::clone(&shared);
        let thread = thread::spawn(move || served.serve(&udp, &tcp, stopped.as_fd()));
        Self { shared, stop: Some(stop), thread: Some(thread) }
    }

    /// From now on the cluster has this domain in place of `cluster.local`.
    pub(crate) fn serve_domain(&self, domain: &str) {
        self.shared.change(|zone| zone.set_domain(domain));
    }

    /// Makes a namespace besides `default` and `kube-system`; it exists even without services.
    pub(crate) fn add_namespace(&self, namespace: &str) {
        self.shared.change(|zone| zone.add_namespace(namespace));
    }

    /// Adds addresses to the name. Without addresses the name exists all the same.
    pub(crate) fn publish(&self, name: &str, addresses: &[IpAddr]) {
        self.shared.change(|zone| zone.entry(name).extend_from_slice(addresses));
    }

    /// Takes the name away; its former addresses.
    pub(crate) fn withdraw(&self, name: &str) -> Vec<IpAddr> {
        self.shared.change(|zone| zone.remove(name))
    }

    /// Puts these addresses in the place of the name's former ones, which are returned; it exists all the time.
    pub(crate) fn swap(&self, name: &str, addresses: &[IpAddr]) -> Vec<IpAddr> {
        self.shared.change(|zone| std::mem::replace(zone.entry(name), addresses.to_vec()))
    }

    /// From now on every question is dropped (`true`) or answered (`false`).
    pub(crate) fn silence(&self, silent: bool) {
        self.shared.lock().silent = silent;
    }

    /// All questions so far, in order.
    pub(crate) fn questions(&self) -> Vec<Asked> {
        self.shared.lock().asked.clone()
    }

    /// Waits for the first question of all. Panics after `timeout`.
    #[track_caller]
    pub(crate) fn wait_for_question(&self, timeout: Duration) -> Asked {
        self.wait_for_question_that(timeout, "any", |_| true)
    }

    /// Waits for the first question that fits, from the server's start on. Panics with all questions after `timeout`.
    #[track_caller]
    pub(crate) fn wait_for_question_that(&self, timeout: Duration, what: &str, fits: impl Fn(&Asked) -> bool) -> Asked {
        let state = self.shared.lock();
        let none_fits = |state: &mut State| !state.asked.iter().any(&fits);
        let waited = self.shared.changed.wait_timeout_while(state, timeout, none_fits);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let found = state.asked.iter().find(|asked| fits(asked)).cloned();
        found.unwrap_or_else(|| panic!("no question ({what}) within {timeout:?}; asked: {:#?}", state.asked))
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// What the server's thread and the test both see.
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    zone: Zone,
    cache: Option<Cache>,
    silent: bool,
    asked: Vec<Asked>,
}

impl Shared {
    fn new(settings: DnsSettings) -> Self {
        let cache = settings.cache.map(Cache::new);
        let state = State { zone: Zone::new(settings.ttl), cache, silent: false, asked: Vec::new() };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Zone) -> T) -> T {
        let mut state = self.lock();
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        state.zone.serial = u32::try_from(since_1970.as_secs()).unwrap();
        change(&mut state.zone)
    }

    fn serve(&self, udp: &UdpSocket, tcp: &TcpListener, stopped: std::os::fd::BorrowedFd<'_>) {
        // The scope's end waits for the connections' threads.
        thread::scope(|scope| {
            loop {
                let mut ready = [udp.as_fd(), tcp.as_fd(), stopped].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
                poll(&mut ready, PollTimeout::NONE).ok();
                let [udp_ready, tcp_ready, stop] = ready.map(|fd| fd.any().unwrap_or(false));
                if stop {
                    return;
                }
                if udp_ready {
                    self.serve_datagram(udp).ok();
                }
                if tcp_ready && let Ok((stream, from)) = tcp.accept() {
                    scope.spawn(move || self.serve_stream(stream, from));
                }
            }
        });
    }

    fn serve_datagram(&self, udp: &UdpSocket) -> io::Result<()> {
        let mut buffer = vec![0; 65_535];
        let (length, from) = udp.recv_from(&mut buffer)?;
        let Some(reply) = self.respond(&buffer[..length], from, Transport::Udp) else { return Ok(()) };
        udp.send_to(&reply, from)?;
        Ok(())
    }

    /// Answers until the client closes: a resolver may ask for A and AAAA on one connection.
    fn serve_stream(&self, mut stream: TcpStream, from: SocketAddr) -> io::Result<()> {
        stream.set_read_timeout(Some(TCP_IDLE))?;
        loop {
            let mut length = [0; 2];
            stream.read_exact(&mut length)?;
            let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut question)?;
            if let Some(reply) = self.respond(&question, from, Transport::Tcp) {
                let length = u16::try_from(reply.len()).unwrap_or(u16::MAX);
                stream.write_all(&[&length.to_be_bytes(), &reply[..]].concat())?;
            }
        }
    }

    /// The reply to one message, if it gets one. The place for faults.
    fn respond(&self, message: &[u8], from: SocketAddr, transport: Transport) -> Option<Vec<u8>> {
        let now = Instant::now();
        let query = Message::from_vec(message).ok().filter(|query| query.metadata.op_code == OpCode::Query)?;
        let question = query.queries.first()?;
        let dnssec_ok = query.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok);
        let checking_disabled = query.metadata.checking_disabled;
        let key = Key::new(question.name(), question.query_type(), dnssec_ok, checking_disabled);

        let mut state = self.lock();
        let answer = (!state.silent).then(|| state.answer(key, question, now));
        state.asked.push(Asked {
            at: now,
            from: from.ip(),
            transport,
            name: question.name().to_ascii(),
            record_type: question.query_type(),
            dnssec_ok,
            checking_disabled,
            rcode: answer.as_ref().map(|answer| answer.rcode),
        });
        drop(state);
        self.changed.notify_all();
        encode(&query, &answer?, transport)
    }
}

impl State {
    fn answer(&mut self, key: Key, question: &hickory_resolver::proto::op::Query, now: Instant) -> Answer {
        if let Some(kept) = self.cache.as_ref().and_then(|cache| cache.get(&key, now)) {
            return kept;
        }
        let answer = self.zone.answer(question.name(), question.query_type());
        match &mut self.cache {
            Some(cache) => cache.store(key, answer, now),
            None => answer,
        }
    }
}

fn encode(query: &Message, answer: &Answer, transport: Transport) -> Option<Vec<u8>> {
    let mut reply = Message::response(query.metadata.id, OpCode::Query);
    reply.metadata.recursion_desired = query.metadata.recursion_desired;
    reply.metadata.checking_disabled = query.metadata.checking_disabled;
    reply.metadata.authoritative = answer.authoritative;
    reply.metadata.recursion_available = !answer.authoritative;
    reply.metadata.response_code = answer.rcode;
    reply.add_queries(query.queries.iter().cloned());
    reply.add_answers(answer.answers(query.queries.first()?.name()));
    reply.add_authorities(answer.authorities());
    if let Some(asked) = &query.edns {
        let mut edns = Edns::new();
        edns.set_max_payload(asked.max_payload()).set_dnssec_ok(asked.flags().dnssec_ok);
        reply.set_edns(edns);
    }
    let bytes = reply.to_vec().ok()?;
    let fits = transport == Transport::Tcp || bytes.len() <= usize::from(query.max_payload());
    if fits { Some(bytes) } else { reply.truncate().to_vec().ok() }
}
