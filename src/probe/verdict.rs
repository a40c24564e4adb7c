//! The result of a probe.

use super::deadline::Deadline;
use crate::cli::ProbeQuestion;
use crate::exit;
use serde::Serialize;

/// The result of a probe: one line, and the exit code.
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
    /// Before anything is known.
    pub(super) fn new(question: &ProbeQuestion, began: Deadline) -> Self {
        let probe = match question {
            ProbeQuestion::Live => "live",
            ProbeQuestion::Ready(_) => "ready",
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

    /// 0, 1, or 64.
    pub(crate) fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// For people.
    pub(crate) fn to_text(&self) -> String {
        format!("{}: {}\n", self.probe, self.message)
    }

    /// For programs.
    pub(crate) fn to_json(&self) -> String {
        // Cannot fail: it has text and numbers only.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}
