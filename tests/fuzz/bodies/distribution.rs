//! Any bytes from the port at which the node should listen, read as a probe reads them.

use beaminit::testing::probe::converse;
use beaminit::testing::probe::digest;
use beaminit::testing::probe::{Credentials, Session};
use std::io::{self, Read, Write};

const RANDOM: [u32; 3] = [7, 8, 9];
const WHO: Credentials<'static> =
    Credentials { node: "a@b", cookie: "sesame", ours: "-probe-0@beaminit", random: RANDOM };

struct Port<'a>(&'a [u8]);

impl Read for Port<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Port<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub fn body(data: &[u8]) {
    // Nobody gets through without the cookie, unless the digest is among the bytes.
    let proof = digest(WHO.cookie, RANDOM[0]);
    if Session::open(Port(data), &WHO).is_ok() {
        assert!(data.windows(proof.len()).any(|bytes| bytes == proof));
    }
    let opened =
        [b"\0\x03sok\0\x16N\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0\x01\0\x03a@b\0\x11a" as &[u8], &proof, data].concat();
    let session = Session::open(Port(&opened), &WHO).expect("a handshake that is right");
    if let Ok(answers) = converse(session, true) {
        assert!(!answers.status.is_empty() && answers.running.is_some(), "{answers:?}");
    }
}
