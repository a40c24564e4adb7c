//! Watches for a request to end while something else is awaited.

use std::io;
use std::os::fd::BorrowedFd;

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

/// Waits for a request to end, however many other signals come.
#[allow(deprecated, reason = "its successor is unsafe; what that asks for, an owned descriptor keeps by itself")]
pub(super) async fn requested(requests: &mut dyn StopRequests) -> io::Result<i32> {
    // A duplicate, so that `requests` stays free to drain the original.
    let descriptor = requests.readable().try_clone_to_owned()?;
    let descriptor = AsyncFd::with_interest(descriptor, Interest::READABLE)?;
    loop {
        let mut ready = descriptor.readable().await?;
        if let Some(signal) = requests.take() {
            return Ok(signal);
        }
        if ready.ready().is_read_closed() {
            // The other end is closed: the descriptor stays readable for ever and brings nothing more.
            return std::future::pending().await;
        }
        ready.clear_ready();
    }
}
