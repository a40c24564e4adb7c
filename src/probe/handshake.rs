//! The handshake of Erlang's distribution, version 6 (OTP 23 and newer), from the side that connects.
//!
//! Pure: no I/O, no clock.

/// What a hidden node can read, which is all that OTP 26 and 27 demand. Not [`PUBLISHED`]: the node does not report us
/// to others.
///
/// [`PUBLISHED`]: https://www.erlang.org/doc/apps/erts/erl_dist_protocol.html#distribution-flags
pub(crate) const FLAGS: u64 = 0x4 // EXTENDED_REFERENCES
    | 0x10 // FUN_TAGS
    | 0x80 // NEW_FUN_TAGS
    | 0x100 // EXTENDED_PIDS_PORTS
    | 0x200 // EXPORT_PTR_TAG
    | 0x400 // BIT_BINARIES
    | 0x800 // NEW_FLOATS
    | 0x1_0000 // UTF8_ATOMS
    | 0x2_0000 // MAP_TAG
    | 0x4_0000 // BIG_CREATION
    | 0x100_0000 // HANDSHAKE_23
    | 0x200_0000 // UNLINK_ID
    | 1 << 34; // V4_NC

/// The same for all connections: each other creation in a pid or reference would be a new node in the VM's tables.
pub(crate) const CREATION: u32 = 4;

/// The node's answer to our name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// The handshake goes on.
    Go,
    /// The name is in use: by another probe, or by one whose end the node has not noticed yet.
    NameInUse,
    /// The node accepts connections from certain nodes only.
    NotAllowed,
}

/// The node's name, and the number that is to be hashed with the cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub(crate) node: String,
    pub(crate) number: u32,
}

/// The first message: our name.
pub(crate) fn send_name(name: &str) -> Vec<u8> {
    let mut message = vec![b'N'];
    message.extend(FLAGS.to_be_bytes());
    message.extend(CREATION.to_be_bytes());
    message.extend(u16::try_from(name.len()).unwrap_or(0).to_be_bytes());
    message.extend(name.as_bytes());
    message
}

/// Reads the node's status; `None` if it is not one.
pub(crate) fn status(message: &[u8]) -> Option<Status> {
    match message.strip_prefix(b"s")? {
        b"ok" | b"ok_simultaneous" => Some(Status::Go),
        b"nok" | b"alive" => Some(Status::NameInUse),
        b"not_allowed" => Some(Status::NotAllowed),
        _ => None,
    }
}

/// Reads the node's challenge; `None` if it is not one.
pub(crate) fn challenge(message: &[u8]) -> Option<Challenge> {
    let (_flags, rest) = message.strip_prefix(b"N")?.split_first_chunk::<8>()?;
    let (number, rest) = rest.split_first_chunk()?;
    let (_creation, rest) = rest.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk()?;
    let name = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
    let node = String::from_utf8(name.to_owned()).ok()?;
    Some(Challenge { node, number: u32::from_be_bytes(*number) })
}

/// The answer to the node's challenge, with a challenge to the node.
pub(crate) fn challenge_reply(cookie: &str, theirs: u32, ours: u32) -> Vec<u8> {
    let mut message = vec![b'r'];
    message.extend(ours.to_be_bytes());
    message.extend(digest(cookie, theirs));
    message
}

/// Whether this is the right answer to our challenge: the node knows the cookie.
pub(crate) fn is_acknowledged(message: &[u8], cookie: &str, ours: u32) -> bool {
    message.strip_prefix(b"a").is_some_and(|digest_of_node| digest_of_node == digest(cookie, ours))
}

/// The proof that one side knows the cookie.
#[must_use]
pub fn digest(cookie: &str, challenge: u32) -> [u8; 16] {
    md5::compute(format!("{cookie}{challenge}")).0
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGE: &[u8] = b"N\0\0\0\x0d\x07\xdf\x7f\xbd\0\0\0\x2a\0\0\0\x01\0\x03a@b";

    #[test]
    fn the_nodes_messages_are_read() {
        assert_eq!(status(b"sok"), Some(Status::Go));
        assert_eq!(status(b"salive"), Some(Status::NameInUse));
        assert_eq!(status(b"snok"), Some(Status::NameInUse));
        assert_eq!(status(b"snot_allowed"), Some(Status::NotAllowed));
        assert_eq!(challenge(CHALLENGE), Some(Challenge { node: "a@b".into(), number: 42 }));
    }

    #[test]
    fn other_messages_are_not() {
        for message in [b"" as &[u8], b"s", b"ok", b"sokay", b"HTTP/1.1 400 Bad Request"] {
            assert_eq!((status(message), challenge(message)), (None, None), "{message:?}");
        }
        for end in 0..CHALLENGE.len() {
            assert_eq!(challenge(&CHALLENGE[..end]), None);
        }
    }

    #[test]
    fn only_a_node_that_knows_the_cookie_acknowledges() {
        let mut ack = vec![b'a'];
        ack.extend(digest("sesame", 7));
        assert!(is_acknowledged(&ack, "sesame", 7));
        assert!(!is_acknowledged(&ack, "sesame", 8));
        assert!(!is_acknowledged(&ack, "other", 7));
        assert!(!is_acknowledged(&challenge_reply("sesame", 7, 7), "sesame", 7));
    }

    #[test]
    fn the_node_does_not_report_us_to_others() {
        const PUBLISHED: u64 = 1;
        assert_eq!(FLAGS & PUBLISHED, 0);
    }
}
