//! Why a node did not answer.
//!
//! Pure: no I/O, no clock.

use crate::error::cause;
use std::fmt;
use std::io;

/// Why a node did not answer, each case as the end of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeFailure {
    /// epmd does not answer, so the node's port is not known.
    NoEpmd {
        /// Its port.
        port: u16,
        /// What happened instead.
        cause: String,
    },
    NotRegistered {
        /// The node's name before the `@`.
        name: String,
        /// Where epmd listens.
        port: u16,
    },
    /// Nothing listens at the node's port.
    NotListening {
        port: u16,
        /// What the kernel said.
        cause: String,
    },
    /// The connection was accepted by the kernel, and then nothing came.
    NoHandshake,
    /// The node began the handshake and did not finish it.
    UnfinishedHandshake,
    /// What listens at the port does not speak Erlang's distribution protocol.
    NotANode,
    /// What listens at the port is another node.
    OtherNode(String),
    CookieRefused,
    /// The node has the name, but runs in another container.
    OtherContainer,
    /// `net_kernel:allow/1` excludes probes.
    NotAllowed,
    /// Every name that a probe may have is in use.
    NamesInUse,
    /// The node accepted the connection, and then did not answer the call.
    NoAnswer,
    /// The node ended the connection in the middle of a call.
    ConnectionLost,
    CallFailed(String),
}

impl ProbeFailure {
    /// Of a connection that could not be made.
    pub(super) fn of_connecting(port: u16, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::NoHandshake,
            _ => Self::NotListening { port, cause: cause(error) },
        }
    }

    /// Whether a node that still boots may fail like this.
    pub(super) fn may_pass(&self) -> bool {
        use ProbeFailure::{CookieRefused, NotANode, NotAllowed, OtherContainer, OtherNode};
        !matches!(self, NotANode | OtherNode(_) | CookieRefused | OtherContainer | NotAllowed)
    }
}

impl fmt::Display for ProbeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEpmd { port, cause } => write!(f, "epmd does not answer at port {port}: {cause}"),
            Self::NotRegistered { name, port } => write!(f, "epmd at port {port} does not know {name}"),
            Self::NotListening { port, cause } => write!(f, "the node does not listen at port {port}: {cause}"),
            Self::NoHandshake => {
                f.write_str("the connection is accepted, but the node's net_kernel does not answer the handshake")
            }
            Self::UnfinishedHandshake => f.write_str("the node is too busy to finish the handshake"),
            Self::NotANode => f.write_str("the program at the node's port does not answer as an Erlang node does"),
            Self::OtherNode(name) => write!(f, "the node's port belongs to another node, {name}"),
            Self::CookieRefused => f.write_str("the node has another cookie"),
            Self::OtherContainer => f.write_str("a node of this name runs in another container"),
            Self::NotAllowed => f.write_str("the node accepts only certain nodes (net_kernel:allow)"),
            Self::NamesInUse => f.write_str("too many probes at the same time"),
            Self::NoAnswer => f.write_str("the node is too busy to answer a call, or its server rex hangs"),
            Self::ConnectionLost => f.write_str("the node ended the connection before it answered"),
            Self::CallFailed(reason) => write!(f, "the node answers that the call failed: {reason}"),
        }
    }
}
