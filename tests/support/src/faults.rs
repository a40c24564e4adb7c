//! What can go wrong between a resolver and its server, to be ordered from a DNS server of the test bed.

use std::net::IpAddr;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

use super::coredns::{Answer, Zone, outside_denial};
use super::dns::Transport;
use super::reply::Reply;

/// The largest datagram of DNS as it was before EDNS.
const OLD_LIMIT: usize = 512;
/// The first of the record types for private use.
const FIRST_PRIVATE_TYPE: u16 = 65_280;

/// One thing that goes wrong, for as long as it is ordered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// The first so many packets of each client are lost.
    DropFirst(usize),
    /// These questions are lost.
    Drop(To),
    /// Each reply comes this much later.
    Delay(Duration),
    /// Each reply comes after a forged one that has this address for the name.
    Forged(Forgery, IpAddr),
    /// The reply has the right id, and then noise.
    Garbage,
    /// The reply to a UDP question is cut down to nothing. Over TCP it is whole, or nobody is there.
    Truncated { tcp: bool },
    /// Over TCP the question is taken and never answered.
    SilentTcp,
    /// No reply of more than 512 bytes over UDP.
    SmallPackets,
    /// These questions are answered with this code.
    Code(ResponseCode, To),
    /// The same by a server that sends nothing but the header.
    BareCode(ResponseCode, To),
    /// These questions are answered with NXDOMAIN.
    Denied(To, Denier),
    /// As Docker's server: it knows the addresses of its names, and asks the outside for all else.
    LikeDocker,
    /// What does not exist has this address.
    Wildcard(IpAddr),
    /// Every other question of a client finds the name gone.
    Flapping,
    /// The addresses are under another name, to which this one refers.
    Alias,
    /// No cache may keep the answer.
    NoTimeToLive,
    /// The reply spells the name in capitals.
    Capitals,
}

/// Which questions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum To {
    All,
    /// Record types that are for private use.
    UnknownTypes,
    /// Those with EDNS.
    Edns,
}

/// What is wrong with a forged reply.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Forgery {
    Id,
    Question,
    /// It comes from another address and port.
    Source,
}

/// Whose SOA a denial shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Denier {
    Root,
    Cluster,
}

/// A question as faults see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    pub(super) record_type: RecordType,
    pub(super) edns: bool,
    pub(super) transport: Transport,
    /// The name is published.
    pub(super) exists: bool,
    /// How many questions the client put before.
    pub(super) before: usize,
}

/// What becomes of a question in place of an answer from zone or cache.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verdict {
    Lost,
    Code(ResponseCode),
    Denied(Denier),
    /// There is this address, and nothing else.
    Address(IpAddr),
}

impl Verdict {
    pub(super) fn answer(self, zone: &Zone, record_type: RecordType) -> Option<Answer> {
        match self {
            Self::Lost => None,
            Self::Code(code) => Some(refusal(code)),
            Self::Denied(Denier::Root) => Some(outside_denial()),
            Self::Denied(Denier::Cluster) => Some(zone.denial()),
            Self::Address(address) => Some(wildcard(record_type, address)),
        }
    }
}

impl To {
    fn includes(self, asking: &Asking) -> bool {
        match self {
            Self::All => true,
            Self::UnknownTypes => u16::from(asking.record_type) >= FIRST_PRIVATE_TYPE,
            Self::Edns => asking.edns,
        }
    }
}

impl Fault {
    /// What this fault makes of a question; none: it leaves it alone.
    pub(super) fn verdict(self, asking: &Asking) -> Option<Verdict> {
        let is_address = matches!(asking.record_type, RecordType::A | RecordType::AAAA);
        match self {
            Self::DropFirst(count) => (asking.before < count).then_some(Verdict::Lost),
            Self::Drop(to) => to.includes(asking).then_some(Verdict::Lost),
            Self::Code(code, to) | Self::BareCode(code, to) => to.includes(asking).then_some(Verdict::Code(code)),
            Self::Denied(to, denier) => to.includes(asking).then_some(Verdict::Denied(denier)),
            Self::LikeDocker => (!(asking.exists && is_address)).then_some(Verdict::Denied(Denier::Root)),
            Self::Wildcard(address) => (!asking.exists).then_some(Verdict::Address(address)),
            Self::SilentTcp => (asking.transport == Transport::Tcp).then_some(Verdict::Lost),
            Self::Flapping => (asking.before % 2 == 1).then_some(Verdict::Denied(Denier::Cluster)),
            _ => None,
        }
    }

    /// Changes a reply that is ready to be sent.
    pub(super) fn alter(self, reply: &mut Message, asking: &Asking) {
        match self {
            Self::Alias => refer(reply),
            Self::NoTimeToLive => {
                for record in records_of(reply) {
                    record.ttl = 0;
                }
            }
            Self::Capitals => in_capitals(reply),
            Self::BareCode(_, to) if to.includes(asking) => reply.queries.clear(),
            // Who does not know EDNS does not answer with it.
            Self::Code(_, To::Edns) | Self::BareCode(..) => reply.edns = None,
            _ => {}
        }
    }

    /// The longest datagram, if not what the client says.
    pub(super) fn largest(self, transport: Transport) -> Option<usize> {
        match self {
            Self::Truncated { .. } if transport == Transport::Udp => Some(0),
            Self::SmallPackets if transport == Transport::Udp => Some(OLD_LIMIT),
            _ => None,
        }
    }

    /// What is sent for this reply.
    pub(super) fn send(self, mut replies: Vec<Reply>, query: &Message) -> Vec<Reply> {
        match self {
            Self::Garbage => {
                for reply in &mut replies {
                    reply.bytes = [&query.id.to_be_bytes()[..], &[0xff; 30]].concat();
                }
            }
            Self::Delay(delay) => {
                for reply in &mut replies {
                    reply.after += delay;
                }
            }
            Self::Forged(forgery, address) => replies.insert(0, forged(query, forgery, address)),
            _ => {}
        }
        replies
    }
}

fn refusal(rcode: ResponseCode) -> Answer {
    Answer { rcode, records: Vec::new(), authority: None, ttl: 0, authoritative: false }
}

fn wildcard(record_type: RecordType, address: IpAddr) -> Answer {
    let record = match address {
        IpAddr::V4(address) if record_type == RecordType::A => Some(RData::A(A(address))),
        _ => None,
    };
    let records = record.into_iter().collect();
    Answer { rcode: ResponseCode::NoError, records, authority: None, ttl: 60, authoritative: false }
}

fn records_of(reply: &mut Message) -> impl Iterator<Item = &mut Record> {
    reply.answers.iter_mut().chain(&mut reply.authorities)
}

/// The name becomes an alias of another, which has all its records.
fn refer(reply: &mut Message) {
    let Some(name) = reply.queries.first().map(|query| query.name().clone()) else { return };
    if reply.metadata.response_code == ResponseCode::NXDomain {
        return;
    }
    let target = Name::from_ascii("somewhere-else.cluster.local.").unwrap();
    for record in &mut reply.answers {
        record.name = target.clone();
    }
    reply.answers.insert(0, Record::from_rdata(name, 30, RData::CNAME(CNAME(target))));
}

fn in_capitals(reply: &mut Message) {
    let capitals = |name: &Name| Name::from_ascii(name.to_ascii().to_uppercase()).unwrap();
    for query in &mut reply.queries {
        let name = capitals(query.name());
        query.set_name(name);
    }
    for record in records_of(reply) {
        record.name = capitals(&record.name);
    }
}

/// An answer with `address` that must not be believed.
fn forged(query: &Message, forgery: Forgery, address: IpAddr) -> Reply {
    let mut reply = Message::response(query.id, query.op_code);
    reply.add_queries(query.queries.iter().cloned());
    let IpAddr::V4(address) = address else { panic!("the pod network is IPv4: {address}") };
    let name = query.queries[0].name().clone();
    reply.add_answer(Record::from_rdata(name, 30, RData::A(A(address))));
    match forgery {
        Forgery::Id => reply.metadata.id = !query.id,
        Forgery::Question => {
            reply.queries[0].set_name(Name::from_ascii("other.default.svc.cluster.local.").unwrap());
        }
        Forgery::Source => {}
    }
    let from_elsewhere = forgery == Forgery::Source;
    Reply { bytes: reply.to_vec().unwrap(), after: Duration::ZERO, from_elsewhere }
}
