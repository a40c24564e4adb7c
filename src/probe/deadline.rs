//! One deadline for everything that a probe waits for.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// When a probe gives up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    began: Instant,
    limit: Duration,
}

impl Deadline {
    /// This long from now.
    pub(crate) fn after(limit: Duration) -> Self {
        Self { began: Instant::now(), limit }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// What is left.
    ///
    /// # Errors
    /// Nothing is left: [`ErrorKind::TimedOut`].
    pub(crate) fn remaining(&self) -> io::Result<Duration> {
        let left = self.limit.saturating_sub(self.elapsed());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

/// A connection whose every operation ends with the deadline, as [`ErrorKind::TimedOut`].
#[derive(Debug)]
pub(crate) struct TimedStream {
    stream: TcpStream,
    deadline: Deadline,
}

impl TimedStream {
    /// Connects.
    ///
    /// # Errors
    /// Nothing listens there, or the deadline came.
    pub(crate) fn connect(address: SocketAddr, deadline: Deadline) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, deadline.remaining()?)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, deadline })
    }
}

impl Read for TimedStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.deadline.remaining()?))?;
        self.stream.read(buffer).map_err(timed_out)
    }
}

impl Write for TimedStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.deadline.remaining()?))?;
        self.stream.write(bytes).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn timed_out(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::WouldBlock { ErrorKind::TimedOut.into() } else { error }
}
