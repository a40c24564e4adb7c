//! The cluster's DNS server: CoreDNS's answers over real sockets, a log of what was asked, and faults to order.

use std::io::{self, PipeWriter, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, Scope};
use std::time::{Duration, Instant, SystemTime};

use hickory_resolver::proto::op::{Message, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::RecordType;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::coredns::{Answer, Key, Zone};
use super::dns_cache::Cache;
use super::faults::{Asking, Fault};
use super::reply::{Reply, replies};

/// A TCP client that says nothing for this long is gone.
const TCP_IDLE: Duration = Duration::from_secs(1);

/// The Corefile.
#[derive(Clone, Copy, Debug)]
pub struct DnsSettings {
    /// `ttl` of the `kubernetes` plugin, in seconds.
    pub ttl: u32,
    /// `cache N`; none without the plugin.
    pub cache: Option<Duration>,
}

impl Default for DnsSettings {
    /// As kubeadm had it for years: `ttl 30`, `cache 30`.
    fn default() -> Self {
        Self { ttl: 30, cache: Some(Duration::from_secs(30)) }
    }
}

/// How a question came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Udp,
    Tcp,
}

/// One question that reached the server.
#[derive(Clone, Debug)]
pub struct Asked {
    pub at: Instant,
    pub from: IpAddr,
    pub transport: Transport,
    /// As it was spelt, absolute: with the final dot.
    pub name: String,
    pub record_type: RecordType,
    pub dnssec_ok: bool,
    pub checking_disabled: bool,
    /// None: the question was dropped.
    pub rcode: Option<ResponseCode>,
}

/// A running DNS server; it ends when the value is dropped.
pub struct DnsServer {
    shared: Arc<Shared>,
    /// The thread ends when this end of its pipe is closed.
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl DnsServer {
    /// Serves port 53 of `address` in the network of the calling thread.
    pub fn start(address: Ipv4Addr, settings: DnsSettings) -> Self {
        let sockets = Sockets {
            udp: UdpSocket::bind((address, 53)).expect("the DNS server's UDP socket"),
            elsewhere: UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a socket of the node"),
            tcp: TcpListener::bind((address, 53)).expect("the DNS server's TCP socket"),
        };
        let (stopped, stop) = io::pipe().unwrap();
        let shared = Arc::new(Shared::new(settings));
        let served = Arc::clone(&shared);
        let thread = thread::spawn(move || served.serve(&sockets, stopped.as_fd()));
        Self { shared, stop: Some(stop), thread: Some(thread) }
    }

    /// From now on the cluster has this domain in place of `cluster.local`.
    pub fn serve_domain(&self, domain: &str) {
        self.shared.change(|zone| zone.set_domain(domain));
    }

    /// Makes a namespace besides `default` and `kube-system`; it exists even without services.
    pub fn add_namespace(&self, namespace: &str) {
        self.shared.change(|zone| zone.add_namespace(namespace));
    }

    /// Adds addresses to the name. Without addresses the name exists all the same.
    pub fn publish(&self, name: &str, addresses: &[IpAddr]) {
        self.shared.change(|zone| zone.entry(name).extend_from_slice(addresses));
    }

    /// Takes the name away; its former addresses.
    pub fn withdraw(&self, name: &str) -> Vec<IpAddr> {
        self.shared.change(|zone| zone.remove(name))
    }

    /// Puts these addresses in the place of the name's former ones, which are returned; it exists all the time.
    pub fn swap(&self, name: &str, addresses: &[IpAddr]) -> Vec<IpAddr> {
        self.shared.change(|zone| std::mem::replace(zone.entry(name), addresses.to_vec()))
    }

    /// From now on every question is dropped (`true`) or answered (`false`).
    pub fn silence(&self, silent: bool) {
        self.shared.lock().silent = silent;
    }

    /// From now on this goes wrong as well.
    pub fn fault(&self, fault: Fault) {
        self.shared.lock().faults.push(fault);
    }

    /// From now on nothing goes wrong any more.
    pub fn recover(&self) {
        self.shared.lock().faults.clear();
    }

    /// All questions so far, in order.
    pub fn questions(&self) -> Vec<Asked> {
        self.shared.lock().asked.clone()
    }

    /// Waits for the first question of all. Panics after `timeout`.
    #[track_caller]
    pub fn wait_for_question(&self, timeout: Duration) -> Asked {
        self.wait_for_question_that(timeout, "any", |_| true)
    }

    /// Waits for the first question that fits, from the server's start on. Panics with all questions after `timeout`.
    #[track_caller]
    pub fn wait_for_question_that(&self, timeout: Duration, what: &str, fits: impl Fn(&Asked) -> bool) -> Asked {
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

struct Sockets {
    udp: UdpSocket,
    /// At the node's own address and no port of note.
    elsewhere: UdpSocket,
    tcp: TcpListener,
}

/// What the server's thread and the test both see.
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    zone: Zone,
    cache: Option<Cache<Key, Answer>>,
    silent: bool,
    faults: Vec<Fault>,
    started: Instant,
    asked: Vec<Asked>,
}

impl Shared {
    fn new(settings: DnsSettings) -> Self {
        let longest = settings.cache.map(|longest| u32::try_from(longest.as_secs()).unwrap());
        let cache = longest.map(|longest| Cache::new(longest, longest));
        let state = State {
            zone: Zone::new(settings.ttl),
            cache,
            silent: false,
            faults: Vec::new(),
            started: Instant::now(),
            asked: Vec::new(),
        };
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

    fn serve(&self, sockets: &Sockets, stopped: BorrowedFd<'_>) {
        // The scope's end waits for the connections' threads.
        thread::scope(|scope| {
            loop {
                let mut ready =
                    [sockets.udp.as_fd(), sockets.tcp.as_fd(), stopped].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
                poll(&mut ready, PollTimeout::NONE).ok();
                let [udp_ready, tcp_ready, stop] = ready.map(|fd| fd.any().unwrap_or(false));
                if stop {
                    return;
                }
                if udp_ready {
                    self.serve_datagram(sockets, scope).ok();
                }
                if tcp_ready
                    && let Ok((stream, from)) = sockets.tcp.accept()
                    && !self.lock().faults.contains(&Fault::Truncated { tcp: false })
                {
                    scope.spawn(move || self.serve_stream(stream, from));
                }
            }
        });
    }

    fn serve_datagram<'scope, 'env>(
        &self,
        sockets: &'env Sockets,
        scope: &'scope Scope<'scope, 'env>,
    ) -> io::Result<()> {
        let mut buffer = vec![0; 65_535];
        let (length, from) = sockets.udp.recv_from(&mut buffer)?;
        for Reply { bytes, after, from_elsewhere } in self.respond(&buffer[..length], from, Transport::Udp) {
            let socket = if from_elsewhere { &sockets.elsewhere } else { &sockets.udp };
            if after.is_zero() {
                socket.send_to(&bytes, from)?;
            } else {
                scope.spawn(move || {
                    thread::sleep(after);
                    socket.send_to(&bytes, from).ok();
                });
            }
        }
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
            for Reply { bytes, .. } in self.respond(&question, from, Transport::Tcp) {
                let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
                stream.write_all(&[&length.to_be_bytes(), &bytes[..]].concat())?;
            }
        }
    }

    /// What is sent for one message: nothing, the reply, or what the faults make of it.
    fn respond(&self, message: &[u8], from: SocketAddr, transport: Transport) -> Vec<Reply> {
        let now = Instant::now();
        let query = Message::from_vec(message).ok().filter(|query| query.metadata.op_code == OpCode::Query);
        let Some((query, question)) = query.as_ref().and_then(|query| Some((query, query.queries.first()?))) else {
            return Vec::new();
        };
        let dnssec_ok = query.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok);
        let checking_disabled = query.metadata.checking_disabled;
        let key = Key::new(question.name(), question.query_type(), dnssec_ok, checking_disabled);

        let mut state = self.lock();
        let faults = state.faults.clone();
        let asking = state.asking(query, question, from.ip(), transport);
        let answer = match faults.iter().find_map(|fault| fault.verdict(&asking)) {
            _ if state.silent => None,
            Some(verdict) => verdict.answer(&state.zone, asking.record_type),
            None => Some(state.answer(key, question, now)),
        };
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
        let Some(answer) = answer else { return Vec::new() };
        replies(&faults, query, &asking, &answer, transport)
    }
}

impl State {
    fn asking(&self, query: &Message, question: &Query, from: IpAddr, transport: Transport) -> Asking {
        Asking {
            record_type: question.query_type(),
            edns: query.edns.is_some(),
            transport,
            exists: self.zone.exists(&question.name().to_ascii()),
            before: self.asked.iter().filter(|asked| asked.from == from).count(),
        }
    }

    fn answer(&mut self, key: Key, question: &Query, now: Instant) -> Answer {
        let now = now.saturating_duration_since(self.started);
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
