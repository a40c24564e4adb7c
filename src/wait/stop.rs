//! Watches for a request to end while something else is awaited.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Where requests to end come from: signals, through a descriptor.
pub trait StopRequests {
    /// A descriptor that becomes readable when something came. It is watched, never read from.
    fn readable(&self) -> BorrowedFd<'_>;

    /// Drains what came, and returns the number of a signal that asks for the end, if one does. Called only when the
    /// descriptor is readable.
    fn take(&mut self) -> Option<i32>;
}

/// Requests to end, as something to await.
pub(super) struct StopWatch<'a> {
    descriptor: AsyncFd<OwnedFd>,
    requests: &'a mut dyn StopRequests,
    /// The other end is closed: the descriptor stays readable for ever and brings nothing more.
    gone: bool,
}

impl<'a> StopWatch<'a> {
    /// Watches a duplicate of the descriptor, so that `requests` stays free to drain the original.
    #[allow(deprecated, reason = "its successor is unsafe; what that asks for, an owned descriptor keeps by itself")]
    pub(super) fn over(requests: &'a mut dyn StopRequests) -> io::Result<Self> {
        let descriptor = requests.readable().try_clone_to_owned()?;
        Ok(Self { descriptor: AsyncFd::with_interest(descriptor, Interest::READABLE)?, requests, gone: false })
    }

    /// Waits for a request to end, however many other signals come. May be dropped and called again.
    pub(super) async fn requested(&mut self) -> io::Result<i32> {
        while !self.gone {
            let mut ready = self.descriptor.readable().await?;
            if let Some(signal) = self.requests.take() {
                return Ok(signal);
            }
            self.gone = ready.ready().is_read_closed();
            ready.clear_ready();
        }
        std::future::pending().await
    }
}
