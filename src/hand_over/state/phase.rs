//! How far a start has come, for those who ask while it is under way.

use crate::sys;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// What a start is doing, since when, and for how long at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Phase {
    name: PhaseName,
    /// In seconds since the machine was started: the wall clock may jump.
    since: u64,
    /// In seconds.
    limit: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PhaseName {
    /// The wait for the record.
    Record,
    /// The wait for peers.
    Peers,
    /// The release is about to be started, or was.
    Started,
}

/// The last questions and the diagnosis may take this long after the limit, in seconds.
const LAST_QUESTIONS: u64 = 10;

impl Phase {
    /// The wait for the record begins. Without a limit it may last for ever.
    pub(crate) fn record(limit: Option<Duration>) -> Self {
        Self::now(PhaseName::Record, limit)
    }

    /// The record was seen, and the wait for peers begins.
    pub(crate) fn peers(limit: Duration) -> Self {
        Self::now(PhaseName::Peers, Some(limit))
    }

    /// The release is about to be started.
    pub(crate) fn started() -> Self {
        Self::now(PhaseName::Started, None)
    }

    fn now(name: PhaseName, limit: Option<Duration>) -> Self {
        let limit = limit.map(|limit| limit.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX));
        Self { name, since: sys::time_since_boot().as_secs(), limit }
    }

    /// Whether the start still waits: no release is to be joined then.
    pub(crate) fn is_wait(&self) -> bool {
        self.name != PhaseName::Started
    }

    /// One word for programs.
    pub(crate) fn word(&self) -> &'static str {
        match self.name {
            PhaseName::Record => "waiting",
            PhaseName::Peers => "peers",
            PhaseName::Started => "started",
        }
    }

    /// Whether it lasts longer than it may.
    pub(crate) fn is_over(&self) -> bool {
        self.limit.is_some_and(|limit| self.age() > limit.saturating_add(LAST_QUESTIONS))
    }

    /// In seconds.
    fn age(&self) -> u64 {
        sys::time_since_boot().as_secs().saturating_sub(self.since)
    }
}

/// For how long the start has been doing what: `waiting for peers since 3 s, of at most 60 s`.
impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.name {
            PhaseName::Record => "waiting for its record",
            PhaseName::Peers => "waiting for peers",
            PhaseName::Started => "started",
        };
        write!(f, "{what} since {} s", self.age())?;
        self.limit.map_or(Ok(()), |limit| write!(f, ", of at most {limit} s"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_over_behind_its_limit() {
        assert!(!Phase::record(Some(Duration::from_secs(100))).is_over());
        assert!(!Phase::record(None).is_over());
        for phase in [Phase::record(Some(Duration::ZERO)), Phase::peers(Duration::ZERO)] {
            assert!(phase.is_wait() && !phase.is_over(), "{phase}");
            let earlier = Phase { since: 0, ..phase };
            assert!(earlier.is_over(), "{earlier}");
        }
        assert!(!Phase::started().is_wait());
    }

    #[test]
    fn a_phase_says_how_long_it_lasts_and_may_last() {
        let text = |phase: Phase| phase.to_string();
        assert_eq!(text(Phase::record(None)), "waiting for its record since 0 s");
        assert_eq!(text(Phase::peers(Duration::from_millis(58_200))), "waiting for peers since 0 s, of at most 59 s");
    }
}
