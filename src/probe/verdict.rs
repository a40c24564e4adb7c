//! What a probe says in the end.

use super::deadline::Deadline;
use crate::cli::Question;
use crate::exit;
use serde::Serialize;

/// What a probe says in the end: one line, and the exit code.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    probe: &'static str,
    exit_code: u8,
    phase: &'static str,
    node: Option<String>,
    message: String,
    milliseconds: u128,
    #[serde(skip)]
    began: Deadline,
}

impl Verdict {
    /// Of nothing yet.
    pub(super) fn new(question: &Question, began: Deadline) -> Self {
        let probe = match question {
            Question::Live => "live",
            Question::Ready(_) => "ready",
        };
        Self { probe, exit_code: 1, phase: "none", node: None, message: String::new(), milliseconds: 0, began }
    }

    pub(super) fn in_phase(mut self, phase: &'static str) -> Self {
        self.phase = phase;
        self
    }

    pub(super) fn of_node(mut self, node: &str) -> Self {
        self.node = Some(node.to_owned());
        self
    }

    pub(super) fn pass(self, message: impl Into<String>) -> Self {
        self.end(0, message.into())
    }

    pub(super) fn fail(self, message: impl Into<String>) -> Self {
        self.end(1, message.into())
    }

    /// The question cannot be answered here, whatever the node does.
    pub(super) fn refuse(self, message: impl Into<String>) -> Self {
        self.end(exit::USAGE, message.into())
    }

    fn end(self, exit_code: u8, message: String) -> Self {
        Self { exit_code, message, milliseconds: self.began.elapsed().as_millis(), ..self }
    }

    /// What we exit with: 0, 1, or 64.
    pub(crate) fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// The line for people.
    pub(crate) fn to_text(&self) -> String {
        format!("{}: {}\n", self.probe, self.message)
    }

    /// The same for programs.
    pub(crate) fn to_json(&self) -> String {
        // Nothing in it can fail: it has text and numbers only.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}
