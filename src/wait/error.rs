//! Why the wait failed, and what can be done about it.

use crate::error::cause;
use std::fmt;
use std::io;
use std::time::Duration;

use super::awaited::Awaited;
use super::diagnosis::Cause;
use super::tally::Tally;
use super::text::{Seconds, list};

/// Why the wait ended without the record. Reads as a cause: no capital letter, no full stop.
#[derive(Debug)]
pub enum WaitError {
    NoServer,
    /// Without the pod's own address an answer may be its own or a predecessor's.
    NoOwnAddress,
    /// The time is over.
    TimedOut(Box<TimedOut>),
    /// The system refused something that the wait itself needs, such as a descriptor.
    Os(io::Error),
}

/// What was known when the time was over.
#[derive(Clone, Debug)]
pub struct TimedOut {
    /// What was waited for, with the servers that were asked.
    pub awaited: Awaited,
    pub after: Duration,
    /// What was asked and what came back.
    pub tally: Tally,
    pub cause: Cause,
}

impl WaitError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoServer => "give /etc/resolv.conf a nameserver line (dnsPolicy, dnsConfig)".into(),
            Self::NoOwnAddress => "set MY_POD_IP from status.podIP".into(),
            Self::TimedOut(timed_out) => timed_out.cause.cure.clone(),
            Self::Os(_) => "see whether the container has reached a limit on open files or memory".into(),
        }
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoServer => f.write_str("there is no name server to ask"),
            Self::NoOwnAddress => f.write_str("this pod's own address is not known"),
            Self::TimedOut(timed_out) => timed_out.fmt(f),
            Self::Os(error) => write!(f, "the system refuses what the wait needs: {}", cause(error)),
        }
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { awaited, after, tally, cause, .. } = self;
        let (name, own) = (&awaited.name, list(&awaited.own, " or "));
        write!(f, "{name} did not answer with {own} within {}: {} ({tally})", Seconds(*after), cause.sentence)
    }
}

impl std::error::Error for WaitError {}

impl From<io::Error> for WaitError {
    fn from(error: io::Error) -> Self {
        Self::Os(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::name::Fqdn;
    use crate::wait::answers::Outcome;
    use crate::wait::diagnosis::cause;
    use crate::wait::sighting::Observation;

    fn timed_out(cause: Cause) -> WaitError {
        let mut tally = Tally::default();
        for _ in 0..41 {
            tally.asked();
            tally.ended(&Outcome::Absent { zone: None, ttl: 30 });
        }
        let awaited = Awaited {
            name: Fqdn::parse("web-0.web.ns1.svc.cluster.local").unwrap(),
            cluster_domain: None,
            own: vec!["10.0.0.5".parse().unwrap(), "fd00::5".parse().unwrap()],
            servers: vec!["10.96.0.10:53".parse().unwrap()],
            search_domain: None,
            without_subdomain: false,
        };
        WaitError::TimedOut(Box::new(TimedOut { awaited, after: Duration::from_secs(120), tally, cause }))
    }

    #[test]
    fn the_error_says_what_was_awaited_what_was_seen_and_what_to_do() {
        let error = timed_out(cause::other_address(&["10.0.0.9".parse().unwrap()], 12));
        assert_eq!(
            error.to_string(),
            "web-0.web.ns1.svc.cluster.local did not answer with 10.0.0.5 or fd00::5 within 120s: it has 10.0.0.9, of an \
             earlier pod or another one with this host name, for up to 12s more (41 questions: 41 NXDOMAIN)"
        );
        assert!(error.hint().contains("12s"));
    }

    #[test]
    fn what_ends_a_wait_before_its_time_says_what_to_do() {
        let no_descriptor = io::Error::other("too many open files");
        for (error, sentence, cure) in [
            (WaitError::NoServer, "no name server to ask", "nameserver line"),
            (WaitError::NoOwnAddress, "this pod's own address is not known", "MY_POD_IP from status.podIP"),
            (no_descriptor.into(), "refuses what the wait needs: too many open files", "limit on open files"),
        ] {
            assert!(error.to_string().contains(sentence) && error.hint().contains(cure), "{error}; {}", error.hint());
        }
    }

    #[test]
    fn whatever_was_seen_is_reported() {
        for (observation, sentence) in [
            (Observation::Silence, "no name server has given an answer"),
            (Observation::Absent, "the name does not exist"),
            (Observation::AbsentElsewhere, "the name servers asked are not those of its zone"),
            (Observation::CachedDenial, "a cache still denies its address"),
            (Observation::NoAddress, "no address of this pod's families"),
            (
                Observation::Others { addresses: vec!["10.0.0.9".parse().unwrap()], ttl: 12 },
                "another address, a predecessor's perhaps: 10.0.0.9",
            ),
        ] {
            let (cause, reported) = (cause::unexplained(&observation), observation.to_string());
            assert!(reported.contains(sentence) && cause.sentence == reported, "{reported}; {}", cause.sentence);
            assert!(cause.cure.starts_with("see whether "), "{}", cause.cure);
        }
    }
}
