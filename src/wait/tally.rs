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
    ended: BTreeMap<(u8, &'static str, &'static str), u32>,
}

impl Tally {
    /// Counts a question that goes out.
    pub(super) fn asked(&mut self) {
        self.asked += 1;
    }

    /// Counts its end.
    pub(super) fn ended(&mut self, outcome: &Outcome) {
        *self.ended.entry(names(outcome)).or_default() += 1;
    }

    #[must_use]
    pub fn questions(&self) -> u32 {
        self.asked
    }
}

/// An outcome in a word, as the summary has it.
pub(super) fn word(outcome: &Outcome) -> &'static str {
    names(outcome).1
}

/// Where the summary names such an outcome, and how: one and many.
fn names(outcome: &Outcome) -> (u8, &'static str, &'static str) {
    match outcome {
        Outcome::Absent { .. } => (0, "NXDOMAIN", "NXDOMAIN"),
        Outcome::Exists { .. } => (1, "NODATA", "NODATA"),
        Outcome::Addresses { .. } => (2, "with records", "with records"),
        Outcome::Unable(Refusal::FormErr) => (3, "FORMERR", "FORMERR"),
        Outcome::Unable(Refusal::NotImp) => (4, "NOTIMP", "NOTIMP"),
        Outcome::Unable(Refusal::Refused) => (5, "REFUSED", "REFUSED"),
        Outcome::Unable(Refusal::Other) => (6, "other refusal", "other refusals"),
        Outcome::Failed(Failure::Timeout) => (7, "timeout", "timeouts"),
        Outcome::Failed(Failure::ServFail) => (8, "SERVFAIL", "SERVFAIL"),
        Outcome::Failed(Failure::Unreachable) => (9, "unreachable", "unreachable"),
        Outcome::Failed(Failure::Truncated) => (10, "truncated", "truncated"),
        Outcome::Failed(Failure::Garbage) => (11, "unreadable", "unreadable"),
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} question{}", self.asked, if self.asked == 1 { "" } else { "s" })?;
        for (place, ((_, one, many), count)) in self.ended.iter().enumerate() {
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
