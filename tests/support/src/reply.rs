//! How answers become messages, and messages datagrams.

use std::time::Duration;

use hickory_resolver::proto::op::{Edns, Message, OpCode};

use super::coredns::Answer;
use super::dns::Transport;
use super::faults::{Asking, Fault};

/// One datagram to be sent.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) bytes: Vec<u8>,
    pub(super) after: Duration,
    /// From a socket that the client did not ask.
    pub(super) from_elsewhere: bool,
}

/// What is sent for a question: the answer, and what the faults make of it.
pub(super) fn replies(
    faults: &[Fault],
    query: &Message,
    asking: &Asking,
    answer: &Answer,
    transport: Transport,
) -> Vec<Reply> {
    let mut reply = reply(query, answer);
    for fault in faults {
        fault.alter(&mut reply, asking);
    }
    let limit = faults.iter().find_map(|fault| fault.largest(transport));
    let limit = limit.unwrap_or(if transport == Transport::Tcp { 65_535 } else { query.max_payload().into() });
    let bytes = reply.to_vec().unwrap();
    let bytes = if bytes.len() <= limit { bytes } else { reply.truncate().to_vec().unwrap() };
    let whole = vec![Reply { bytes, after: Duration::ZERO, from_elsewhere: false }];
    faults.iter().fold(whole, |replies, fault| fault.send(replies, query))
}

fn reply(query: &Message, answer: &Answer) -> Message {
    let mut reply = Message::response(query.metadata.id, OpCode::Query);
    reply.metadata.recursion_desired = query.metadata.recursion_desired;
    reply.metadata.checking_disabled = query.metadata.checking_disabled;
    reply.metadata.authoritative = answer.authoritative;
    reply.metadata.recursion_available = !answer.authoritative;
    reply.metadata.response_code = answer.rcode;
    reply.add_queries(query.queries.iter().cloned());
    reply.add_answers(answer.answers(query.queries[0].name()));
    reply.add_authorities(answer.authorities());
    if let Some(asked) = &query.edns {
        let mut edns = Edns::new();
        edns.set_max_payload(asked.max_payload()).set_dnssec_ok(asked.flags().dnssec_ok);
        reply.set_edns(edns);
    }
    reply
}
