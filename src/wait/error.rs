//! Why the wait failed, and what can be done about it.

use std::io;
use std::time::Duration;

use crate::error::{Error, Stage, cause};
use crate::exit;

use super::awaited::Awaited;
use super::diagnosis::Cause;
use super::tally::Tally;
use super::text::{Seconds, list};

/// `reason`: why `/etc/resolv.conf` could not be read, if that is so.
pub(super) fn no_server(reason: Option<&str>) -> Error {
    let reason = reason.map(|reason| format!(": /etc/resolv.conf: {reason}")).unwrap_or_default();
    Error::new(Stage::Wait, exit::CONFIG, format!("there is no name server to ask{reason}"))
        .hint("give /etc/resolv.conf a nameserver line (dnsPolicy, dnsConfig)")
}

/// Without the pod's own address an answer may be its own or a predecessor's.
pub(super) fn no_own_address() -> Error {
    Error::new(Stage::Wait, exit::CONFIG, "this pod's own address is not known").hint("set MY_POD_IP from status.podIP")
}

/// The time is over.
pub(super) fn timed_out(awaited: &Awaited, after: Duration, tally: &Tally, cause: Cause) -> Error {
    let (name, own, Cause { sentence, cure }) = (&awaited.name, list(&awaited.own, " or "), cause);
    let message = format!("{name} did not answer with {own} within {}: {sentence} ({tally})", Seconds(after));
    Error::new(Stage::Wait, exit::UNAVAILABLE, message).hint(cure)
}

/// The system refused something that the wait itself needs, such as a descriptor.
pub(super) fn refused_by_system(error: &io::Error) -> Error {
    Error::new(Stage::Wait, exit::OS, format!("the system refuses what the wait needs: {}", cause(error)))
        .hint("see whether the container has reached a limit on open files or memory")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Problem;
    use crate::identity::name::Fqdn;
    use crate::wait::answers::Outcome;
    use crate::wait::diagnosis::cause;
    use crate::wait::sighting::Observation;

    fn problem(mut error: Error) -> Problem {
        error.problems.remove(0)
    }

    fn of_a_wait(cause: Cause) -> Problem {
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
            resolv_conf_error: None,
            search_domain: None,
            without_subdomain: false,
        };
        problem(timed_out(&awaited, Duration::from_secs(120), &tally, cause))
    }

    #[test]
    fn the_error_says_what_was_awaited_what_was_seen_and_what_to_do() {
        let problem = of_a_wait(cause::other_address(&["10.0.0.9".parse().unwrap()], 12));
        assert_eq!(
            problem.message,
            "web-0.web.ns1.svc.cluster.local did not answer with 10.0.0.5 or fd00::5 within 120s: it has 10.0.0.9, of an \
             earlier pod or another one with this host name, for up to 12s more (41 questions: 41 NXDOMAIN)"
        );
        assert!(problem.hint.unwrap().contains("12s"));
    }

    #[test]
    fn what_ends_a_wait_before_its_time_says_what_to_do() {
        let no_descriptor = io::Error::other("too many open files");
        for (error, sentence, cure) in [
            (no_server(None), "no name server to ask", "nameserver line"),
            (no_server(Some("no such file")), "to ask: /etc/resolv.conf: no such file", "nameserver line"),
            (no_own_address(), "this pod's own address is not known", "MY_POD_IP from status.podIP"),
            (
                refused_by_system(&no_descriptor),
                "refuses what the wait needs: too many open files",
                "limit on open files",
            ),
        ] {
            let Problem { message, hint, .. } = problem(error);
            assert!(message.contains(sentence) && hint.as_ref().unwrap().contains(cure), "{message}; {hint:?}");
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
