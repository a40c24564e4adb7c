//! A name server on a loopback port that answers as a test wants it to.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, PTR, SOA, SRV, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record};

/// Longest wait for a packet that a test expects.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs until it is dropped.
pub struct ScriptedServer {
    pub address: SocketAddr,
    seen: Receiver<(Message, SocketAddr)>,
    thread: Option<JoinHandle<()>>,
}

impl ScriptedServer {
    /// Answers each packet with the bytes that `answer` makes of it, if any.
    pub fn start(answer: impl FnMut(&Message) -> Option<Vec<u8>> + Send + 'static) -> Self {
        Self::on(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(), answer)
    }

    pub fn on(socket: UdpSocket, mut answer: impl FnMut(&Message) -> Option<Vec<u8>> + Send + 'static) -> Self {
        let address = socket.local_addr().unwrap();
        let (sender, seen) = channel();
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).unwrap();
                if length == 0 {
                    return;
                }
                let request = Message::from_vec(&buffer[..length]).unwrap();
                if let Some(reply) = answer(&request) {
                    socket.send_to(&reply, from).unwrap();
                }
                if sender.send((request, from)).is_err() {
                    return;
                }
            }
        });
        Self { address, seen, thread: Some(thread) }
    }

    /// The next packet, and where it came from.
    pub fn next(&self) -> (Message, SocketAddr) {
        self.seen.recv_timeout(PATIENCE).unwrap()
    }

    /// Ends the server and gives the packets that are left.
    pub fn finish(mut self) -> Vec<(Message, SocketAddr)> {
        self.end();
        self.seen.try_iter().collect()
    }

    fn end(&mut self) {
        if let Some(thread) = self.thread.take() {
            UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().send_to(&[], self.address).unwrap();
            thread.join().unwrap();
        }
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.end();
    }
}

/// An answer with this code and nothing else.
pub fn reply(request: &Message, code: ResponseCode) -> Message {
    let mut message = Message::new(request.id, MessageType::Response, request.op_code);
    message.metadata.response_code = code;
    message.queries.clone_from(&request.queries);
    message
}

/// A denial as `CoreDNS` words it, NXDOMAIN or NODATA by `code`.
pub fn denial(request: &Message, code: ResponseCode, zone: &str) -> Option<Vec<u8>> {
    let (zone, mut message) = (Name::from_ascii(zone).unwrap(), reply(request, code));
    let soa = SOA::new(zone.clone(), zone.clone(), 1, 7200, 1800, 86400, 30);
    message.add_authority(Record::from_rdata(zone, 21, RData::SOA(soa)));
    message.to_vec().ok()
}

/// An answer with these addresses.
pub fn addresses(request: &Message, addresses: &[Ipv4Addr]) -> Option<Vec<u8>> {
    let mut message = reply(request, ResponseCode::NoError);
    let name = request.queries[0].name().clone();
    for address in addresses {
        message.add_answer(Record::from_rdata(name.clone(), 13, RData::A(A(*address))));
    }
    message.to_vec().ok()
}

/// An SRV answer with the address of its target.
pub fn srv(request: &Message, address: Ipv4Addr) -> Option<Vec<u8>> {
    let mut message = reply(request, ResponseCode::NoError);
    let name = request.queries[0].name().clone();
    message.add_answer(Record::from_rdata(name.clone(), 13, RData::SRV(SRV::new(0, 100, 4369, name.clone()))));
    message.add_additional(Record::from_rdata(name, 13, RData::A(A(address))));
    message.to_vec().ok()
}

/// The names of an address.
pub fn names(request: &Message, names: &[&str]) -> Option<Vec<u8>> {
    let mut message = reply(request, ResponseCode::NoError);
    let owner = request.queries[0].name().clone();
    for name in names {
        let name = Name::from_ascii(format!("{name}.")).unwrap();
        message.add_answer(Record::from_rdata(owner.clone(), 13, RData::PTR(PTR(name))));
    }
    message.to_vec().ok()
}

/// An answer with a text.
pub fn text(request: &Message, text: &str) -> Option<Vec<u8>> {
    let mut message = reply(request, ResponseCode::NoError);
    let owner = request.queries[0].name().clone();
    message.add_answer(Record::from_rdata(owner, 13, RData::TXT(TXT::new(vec![text.to_owned()]))));
    message.to_vec().ok()
}
