//! Sends one question to one server, through hickory.
//!
//! A pool of one server for each question: hickory shares equal questions that are under way, keeps TCP connections,
//! and takes the first error of several servers as the answer. None of that is wanted here.

#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverOpts};
use hickory_resolver::net::runtime::{DnsUdpSocket, RuntimeProvider, TokioHandle, TokioRuntimeProvider, TokioTime};
use hickory_resolver::net::xfer::{DnsHandle, FirstAnswer};
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::op::{DnsRequest, DnsRequestOptions, DnsResponse, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record as DnsRecord, RecordType};
use hickory_resolver::{NameServerPool, PoolContext, TlsConfig};
use tokio::net::UdpSocket;
use tokio::time::timeout_at;

use crate::identity::name::Fqdn;

use super::answers::{Failure, Outcome, Refusal};
use super::questions::{Question, Record};

/// Questions about one name.
pub(super) struct Lookup {
    name: Name,
}

impl Lookup {
    /// Questions about `name`, which is absolute: no search list applies to it.
    pub(super) fn of(name: &Fqdn) -> Self {
        // What an Fqdn may be is always a name.
        Self { name: Name::from_ascii(format!("{name}.")).unwrap_or_default() }
    }

    /// Questions about the name that holds the names of `address` (`7.0.88.10.in-addr.arpa`).
    pub(super) fn of_address(address: IpAddr) -> Self {
        Self { name: Name::from(address) }
    }

    /// Sends the question to `server`, from a new socket, and waits for the answer for at most `timeout`. A lost
    /// packet is sent again every third of a second; an answer that is too long comes over TCP.
    pub(super) async fn ask(&self, server: SocketAddr, question: Question, timeout: Duration) -> Outcome {
        let request = self.request(record_type(question.record), question.dnssec_ok, question.checking_disabled);
        self.put(server, request, timeout).await.map_or_else(|none| none, |found| outcome_of(&found))
    }

    /// Asks for `TXT`. Where there is one, the outcome has no addresses, and not its text.
    pub(super) async fn ask_for_text(&self, server: SocketAddr, timeout: Duration) -> Outcome {
        let request = self.request(RecordType::TXT, false, false);
        self.put(server, request, timeout).await.map_or_else(|none| none, |found| outcome_of(&found))
    }

    /// Asks for `PTR`: the names that are kept here.
    ///
    /// # Errors
    /// There are none; the outcome says why.
    pub(super) async fn ask_for_names(&self, server: SocketAddr, timeout: Duration) -> Result<Vec<Fqdn>, Outcome> {
        let found = self.put(server, self.request(RecordType::PTR, false, false), timeout).await?;
        let names = found.answers.iter().filter_map(|record| match &record.data {
            RData::PTR(pointer) => Fqdn::parse(&pointer.0.to_ascii()).ok(),
            _ => None,
        });
        Ok(names.collect())
    }

    /// Asks for `SOA`: the zone's serial number.
    pub(super) async fn ask_for_serial(&self, server: SocketAddr, timeout: Duration) -> Option<u32> {
        let found = self.put(server, self.request(RecordType::SOA, false, false), timeout).await.ok()?;
        let serial = |record: &DnsRecord| if let RData::SOA(soa) = &record.data { Some(soa.serial) } else { None };
        found.answers.iter().find_map(serial)
    }

    async fn put(&self, server: SocketAddr, request: DnsRequest, timeout: Duration) -> Result<DnsResponse, Outcome> {
        if timeout.is_zero() {
            return Err(Outcome::Failed(Failure::Timeout));
        }
        let until = tokio::time::Instant::now() + timeout;
        let exchange = |connection, request| async move {
            let pool = pool(server, connection, timeout)?;
            pool.send(request).first_answer().await
        };
        match timeout_at(until, exchange(ConnectionConfig::udp(), request.clone())).await {
            // However TCP fails then, the cause is that the answer did not fit.
            Ok(Err(NetError::Truncated)) => match timeout_at(until, exchange(ConnectionConfig::tcp(), request)).await {
                Ok(Ok(response)) => Ok(response),
                Ok(Err(NetError::Dns(error))) => Err(outcome_of_error(NetError::Dns(error))),
                Ok(Err(_)) | Err(_) => Err(Outcome::Failed(Failure::Truncated)),
            },
            Ok(answer) => answer.map_err(outcome_of_error),
            Err(_) => Err(Outcome::Failed(Failure::Timeout)),
        }
    }

    fn request(&self, record_type: RecordType, dnssec_ok: bool, checking_disabled: bool) -> DnsRequest {
        let mut options = DnsRequestOptions::default();
        options.use_edns = dnssec_ok;
        options.edns_set_dnssec_ok = dnssec_ok;
        let mut request = DnsRequest::from_query(Query::query(self.name.clone(), record_type), options);
        request.metadata.checking_disabled = checking_disabled;
        request
    }
}

fn record_type(record: Record) -> RecordType {
    match record {
        Record::Private(number) => RecordType::Unknown(number),
        Record::A => RecordType::A,
        Record::Aaaa => RecordType::AAAA,
        Record::Srv => RecordType::SRV,
    }
}

fn pool(
    server: SocketAddr,
    mut connection: ConnectionConfig,
    timeout: Duration,
) -> Result<NameServerPool<Runtime>, NetError> {
    let mut options = ResolverOpts::default();
    options.timeout = timeout;
    options.attempts = 0;
    connection.port = server.port();
    let config = NameServerConfig::new(server.ip(), true, vec![connection]);
    let context = Arc::new(PoolContext::new(options, TlsConfig::new()?));
    Ok(NameServerPool::from_config([config], context, Runtime { tokio: TokioRuntimeProvider::new(), server }))
}

fn outcome_of(response: &DnsResponse) -> Outcome {
    match response.response_code {
        ResponseCode::NoError => {}
        ResponseCode::NXDomain => {
            let zone = response.soa().and_then(|soa| zone(soa.name()));
            return Outcome::Absent { zone, ttl: response.negative_ttl().unwrap_or(0) };
        }
        _ => return Outcome::Unable(Refusal::Other),
    }
    let (mut addresses, mut ttl) = (Vec::new(), None);
    for record in response.answers.iter().chain(&response.additionals) {
        match record.data {
            RData::A(address) => addresses.push(address.0.into()),
            RData::AAAA(address) => addresses.push(address.0.into()),
            _ => continue,
        }
        ttl = Some(ttl.map_or(record.ttl, |ttl: u32| ttl.min(record.ttl)));
    }
    Outcome::Addresses { addresses, ttl: ttl.unwrap_or(0) }
}

fn outcome_of_error(error: NetError) -> Outcome {
    let failure = match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => return outcome_of_no_records(&none),
        NetError::Dns(DnsError::ResponseCode(code)) => match code {
            ResponseCode::ServFail => Failure::ServFail,
            ResponseCode::FormErr | ResponseCode::BADVERS => return Outcome::Unable(Refusal::FormErr),
            ResponseCode::NotImp => return Outcome::Unable(Refusal::NotImp),
            ResponseCode::Refused => return Outcome::Unable(Refusal::Refused),
            _ => return Outcome::Unable(Refusal::Other),
        },
        NetError::Timeout => Failure::Timeout,
        // The pool returns this instead of the system's error.
        NetError::NoConnections | NetError::Io(_) => Failure::Unreachable,
        _ => Failure::Garbage,
    };
    Outcome::Failed(failure)
}

fn outcome_of_no_records(none: &NoRecords) -> Outcome {
    let zone = none.soa.as_ref().and_then(|soa| zone(&soa.name));
    let ttl = none.negative_ttl.unwrap_or(0);
    match none.response_code {
        ResponseCode::NXDomain => Outcome::Absent { zone, ttl },
        _ => Outcome::Exists { zone, ttl },
    }
}

fn zone(owner: &Name) -> Option<Fqdn> {
    Fqdn::parse(&owner.to_ascii()).ok()
}

/// Tokio with connected UDP sockets: only a connected one gets the error that nothing listens at the other end.
#[derive(Clone)]
struct Runtime {
    tokio: TokioRuntimeProvider,
    /// hickory knows the address without its zone (`fe80::1%eth0`), which a link-local server needs.
    server: SocketAddr,
}

impl RuntimeProvider for Runtime {
    type Handle = TokioHandle;
    type Timer = TokioTime;
    type Udp = ConnectedUdp;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> Self::Handle {
        self.tokio.create_handle()
    }

    fn connect_tcp(
        &self,
        _: SocketAddr,
        bind: Option<SocketAddr>,
        timeout: Option<Duration>,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Tcp>>>> {
        self.tokio.connect_tcp(self.server, bind, timeout)
    }

    fn bind_udp(
        &self,
        bind: SocketAddr,
        _: SocketAddr,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<ConnectedUdp>>>> {
        let server = self.server;
        Box::pin(async move {
            let socket = UdpSocket::bind(bind).await?;
            socket.connect(server).await?;
            Ok(ConnectedUdp(socket))
        })
    }
}

struct ConnectedUdp(UdpSocket);

#[async_trait]
impl DnsUdpSocket for ConnectedUdp {
    type Time = TokioTime;

    fn poll_recv_from(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<(usize, SocketAddr)>> {
        DnsUdpSocket::poll_recv_from(&self.0, cx, buf)
    }

    /// hickory's own `poll_recv_from` is not woken by an ICMP error, tokio's is.
    async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.recv_from(buf).await
    }

    fn poll_send_to(&self, cx: &mut Context<'_>, buf: &[u8], _: SocketAddr) -> Poll<io::Result<usize>> {
        self.0.poll_send(cx, buf)
    }
}
