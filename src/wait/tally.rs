//! What was asked and what came back, in figures and in a sentence.
//!
//! Pure: no I/O, no clock.

use std::collections::BTreeMap;
use std::fmt;

use super::answers::{Failure, Outcome, Refusal};

/// Counts the questions by how they ended. Reads as `41 questions: 38 NXDOMAIN, 3 timeouts`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    asked: u32,
    ended: BTreeMap<End, u32>,
}

/// The ends that are counted, in the order in which they are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Absent,
    Exists,
    Addresses,
    Unable(Refusal),
    Failed(Failure),
}

impl Tally {
    /// Counts a question that goes out.
    pub(super) fn asked(&mut self) {
        self.asked += 1;
    }

    /// Counts its end.
    pub(super) fn ended(&mut self, outcome: &Outcome) {
        *self.ended.entry(End::of(outcome)).or_default() += 1;
    }

    #[must_use]
    pub fn questions(&self) -> u32 {
        self.asked
    }
}

/// An outcome in a word, as the summary has it.
pub(super) fn word(outcome: &Outcome) -> &'static str {
    End::of(outcome).names().0
}

impl End {
    fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Addresses { .. } => Self::Addresses,
            Outcome::Exists { .. } => Self::Exists,
            Outcome::Absent { .. } => Self::Absent,
            Outcome::Unable(refusal) => Self::Unable(*refusal),
            Outcome::Failed(failure) => Self::Failed(*failure),
        }
    }

    /// One and many.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Absent => ("NXDOMAIN", "NXDOMAIN"),
            Self::Exists => ("NODATA", "NODATA"),
            Self::Addresses => ("with records", "with records"),
            Self::Unable(Refusal::FormErr) => ("FORMERR", "FORMERR"),
            Self::Unable(Refusal::NotImp) => ("NOTIMP", "NOTIMP"),
            Self::Unable(Refusal::Refused) => ("REFUSED", "REFUSED"),
            Self::Unable(Refusal::Other) => ("other refusal", "other refusals"),
            Self::Failed(Failure::Timeout) => ("timeout", "timeouts"),
            Self::Failed(Failure::ServFail) => ("SERVFAIL", "SERVFAIL"),
            Self::Failed(Failure::Unreachable) => ("unreachable", "unreachable"),
            Self::Failed(Failure::Truncated) => ("truncated", "truncated"),
            Self::Failed(Failure::Garbage) => ("unreadable", "unreadable"),
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} question{}", self.asked, if self.asked == 1 { "" } else { "s" })?;
        for (place, (end, count)) in self.ended.iter().enumerate() {
            let (one, many) = end.names();
            let before = if place == 0 { ": " } else { ", " };
            write!(f, "{before}{count} {}", if *count == 1 { one } else { many })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_a_sentence() {
        let absent = Outcome::Absent { zone: None, ttl: 30 };
        let rows: [(&[Outcome], u32, &str); 4] = [
            (&[], 0, "0 questions"),
            (&[], 1, "1 question"),
            (&[Outcome::Failed(Failure::Timeout)], 1, "1 question: 1 timeout"),
            (
                &[
                    Outcome::Failed(Failure::Timeout),
                    absent.clone(),
                    Outcome::Failed(Failure::Timeout),
                    Outcome::Unable(Refusal::Refused),
                    absent,
                ],
                6,
                "6 questions: 2 NXDOMAIN, 1 REFUSED, 2 timeouts",
            ),
        ];
        for (outcomes, asked, text) in rows {
            let mut tally = Tally::default();
            (0..asked).for_each(|_| tally.asked());
            for outcome in outcomes {
                tally.ended(outcome);
            }
            assert_eq!(tally.to_string(), text);
            assert_eq!(tally.questions(), asked);
        }
    }
}
