//! What is left to do once the release runs. A fresh image of this process takes it up.

use crate::error::{Error, Stage, cause};
use crate::exit::{self, ExitReason};
use crate::hand_over::{CleanupPaths, Written};
use crate::report::{self, EndReport};
use crate::supervise::signals::SignalQueue;
use crate::supervise::{self, Watched, fresh_image};
use crate::sys::SignalMask;
use crate::telemetry::{self, LogSettings};
use serde::{Deserialize, Serialize};
use std::io;

/// A release that runs, and what is to be said at its end.
#[derive(Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) watched: Watched,
    pub(crate) end_report: EndReport,
    pub(crate) log: LogSettings,
}

impl Running {
    /// Stays until the release has ended, in a fresh image; in this one only if there can be none. For after a wait, whose
    /// memory nobody needs any more: without one there is little to gain, and short commands would be late by a tenth.
    pub(crate) fn watch_afresh(self, written: Written, signals: SignalQueue) -> ExitReason {
        let cause = match written.preserve() {
            Ok(cleanup) => fresh_image::enter(&(&self, &cleanup)),
            Err(error) => error,
        };
        report::log_no_fresh_image(&cause);
        self.watch(written, signals)
    }

    /// Goes on in this image with what the one before has left behind `descriptor`.
    pub(crate) fn take_up(descriptor: i32, inherited: io::Result<SignalMask>) -> Result<ExitReason, Error> {
        let failed = |what: &str, error: &io::Error| {
            Error::new(Stage::Supervise, exit::OS, format!("cannot take up {what}: {}", cause(error)))
                .hint("see whether the container has reached a limit on open files or memory")
        };
        let (running, cleanup): (Self, CleanupPaths) =
            fresh_image::take(descriptor).map_err(|error| failed("the release", &error))?;
        telemetry::init(running.log);
        let signals = inherited.and_then(SignalQueue::install).map_err(|error| failed("its signals", &error))?;
        Ok(running.watch(cleanup.into(), signals))
    }

    /// Stays until the release has ended. `written` lasts until then.
    pub(crate) fn watch(self, written: Written, mut signals: SignalQueue) -> ExitReason {
        let ended = supervise::watch(&self.watched, &mut signals);
        let reason = report::report_end(&ended, &self.end_report);
        drop(written);
        reason
    }
}
