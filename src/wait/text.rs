//! How times, servers and lists are written in messages.
//!
//! Pure: no I/O, no clock.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// A time as people say it: `0.4s`, `12s`.
pub(super) struct Seconds(pub(super) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        let digits = usize::from(seconds < 9.95 && seconds.fract() > 0.05);
        write!(f, "{seconds:.digits$}s")
    }
}

/// For a field of the log.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A server, with its port only where that is not the usual one.
pub(super) fn host(server: &SocketAddr) -> String {
    if server.port() == 53 { server.ip().to_string() } else { server.to_string() }
}

pub(super) fn hosts(servers: &[SocketAddr]) -> String {
    list(&servers.iter().map(host).collect::<Vec<_>>(), ", ")
}

/// `items` in one line.
pub(crate) fn list<T: fmt::Display>(items: &[T], between: &str) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_no_more_exact_than_people_need() {
        let rows = [(0, "0s"), (400, "0.4s"), (5003, "5s"), (9900, "9.9s"), (9990, "10s"), (120_012, "120s")];
        for (millis, text) in rows {
            assert_eq!(Seconds(Duration::from_millis(millis)).to_string(), text);
        }
    }
}
