//! How far a start has come, for those who ask while it is under way.

use crate::sys;
use serde::{Deserialize, Serialize};
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
    /// The wait for the record, and for peers.
    Waiting,
    /// The release is about to be started, or was.
    Started,
}

impl Phase {
    /// The wait begins. Without a limit it may last for ever.
    pub(crate) fn waiting(limit: Option<Duration>) -> Self {
        Self::now(PhaseName::Waiting, limit.map(|limit| limit.as_secs()))
    }

    /// The release is about to be started.
    pub(crate) fn started() -> Self {
        Self::now(PhaseName::Started, None)
    }

    fn now(name: PhaseName, limit: Option<u64>) -> Self {
        Self { name, since: sys::time_since_boot().as_secs(), limit }
    }

    /// Whether the start still waits: no release is to be joined then.
    pub(crate) fn is_wait(&self) -> bool {
        self.name == PhaseName::Waiting
    }

    /// How many seconds it lasts already.
    pub(crate) fn age(&self) -> u64 {
        sys::time_since_boot().as_secs().saturating_sub(self.since)
    }

    /// Whether it lasts longer than it may.
    pub(crate) fn is_over(&self) -> bool {
        self.limit.is_some_and(|limit| self.age() > limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_over_behind_its_limit() {
        assert!(!Phase::waiting(Some(Duration::from_secs(100))).is_over());
        assert!(!Phase::waiting(None).is_over());
        let earlier = Phase { since: 0, ..Phase::waiting(Some(Duration::ZERO)) };
        assert!(earlier.is_wait() && earlier.is_over());
        assert!(!Phase::started().is_wait());
    }
}
