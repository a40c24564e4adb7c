//! Supervision: start the release, forward signals to it, reap what ends, hand on its exit code.

pub mod launch;
pub mod reaper;
pub mod shutdown;
pub mod signals;

pub use launch::Launch;

use crate::error::{Error, Stage};
use crate::exit::{self, ExitReason};
use crate::sys;
use shutdown::Shutdown;
use signals::{Disposition, SIGCONT, SIGTERM, SignalQueue};
use std::time::Instant;

/// Starts the release and stays until it has ended.
///
/// `title` is what the log calls it; `beam_signals`: signals are rewritten as a VM without terminal wants them.
///
/// # Errors
/// It could not be started. From then on nothing is an error.
pub fn run(launch: &Launch, title: &str, beam_signals: bool, mut signals: SignalQueue) -> Result<ExitReason, Error> {
    if !sys::is_pid1() {
        // Then orphans would go to PID 1; a stranger to them, maybe a shell that reaps nothing.
        sys::become_subreaper().map_err(|error| {
            Error::new(
                Stage::Supervise,
                exit::OS,
                format!("cannot become a subreaper: {}", crate::error::cause(&error)),
            )
        })?;
    }
    let main = launch.start(&signals)?;
    let started = Instant::now();
    tracing::info!(target: "supervise", pid = main, "started {title} as pid {main}: {}", launch.title());

    let mut supervisor = Supervisor { main, started, beam_signals, shutdown: Shutdown::new(launch.is_beam) };
    let reason = supervisor.watch(&mut signals);
    supervisor.tell(title, reason);
    Ok(reason)
}

struct Supervisor {
    main: i32,
    started: Instant,
    beam_signals: bool,
    shutdown: Shutdown,
}

impl Supervisor {
    /// The loop. Nothing in it may fail: if it ends, the container does.
    fn watch(&mut self, signals: &mut SignalQueue) -> ExitReason {
        loop {
            if let Some(reason) = reaper::reap(self.main) {
                return reason;
            }
            let readable = sys::poll_readable(signals.readable(), self.shutdown.idle(self.started.elapsed()));
            if readable {
                signals.take().into_iter().for_each(|signal| self.dispose(signal));
            }
            if self.shutdown.is_due(self.started.elapsed()) {
                tracing::debug!(target: "supervise", "sending TERM again, the release may not have heard it");
                self.send(SIGTERM);
            }
        }
    }

    fn dispose(&mut self, signal: i32) {
        match signals::disposition(signal, self.beam_signals) {
            Disposition::Reap => {}
            Disposition::Drop => {
                tracing::info!(target: "supervise", signal, "signal {} dropped: it would kill the VM", signals::name(signal));
            }
            Disposition::Forward(sent) => {
                tracing::debug!(target: "supervise", signal, sent, "signal {} forwarded as {}", signals::name(signal), signals::name(sent));
                self.send(sent);
            }
        }
    }

    fn send(&mut self, signal: i32) {
        if let Err(error) = sys::kill(self.main, signal) {
            tracing::warn!(target: "supervise", signal, "cannot send {}: {error}", signals::name(signal));
        }
        if signal == SIGTERM {
            // A stopped process does not end until it is continued.
            let _ = sys::kill(self.main, SIGCONT);
            self.shutdown.term_sent(self.started.elapsed());
        }
    }

    fn tell(&self, title: &str, reason: ExitReason) {
        let seconds = self.started.elapsed().as_secs_f64();
        let how = match reason {
            ExitReason::Code(code) => format!("with code {code}"),
            ExitReason::Signal(signal) => format!("by signal {}", signals::name(signal)),
        };
        tracing::info!(target: "supervise", code = reason.code(), seconds, "{title} ended {how} after {seconds:.1} s");
    }
}
