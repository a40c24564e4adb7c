//! Supervision: start the release, forward signals to it, reap what ends, exit with its exit code.

pub(crate) mod crash_dump;
pub(crate) mod fresh_image;
pub(crate) mod launch;
pub(crate) mod leftovers;
mod process_tree;
pub(crate) mod reaper;
mod release_stop;
pub(crate) mod shutdown;
pub(crate) mod signals;
mod stop_request;
pub(crate) mod terminal;

pub(crate) use launch::Launch;

use crate::error::{Error, cause};
use crate::exit::ExitReason;
use crate::signal::{self, Disposition, Rewrites};
use crate::sys::{self, ChildEvent};
use crate::variables::SignalTarget;
use release_stop::{ReleaseStop, report_unsent};
use serde::{Deserialize, Serialize};
use signals::SignalQueue;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};
use terminal::Terminal;

/// How the release is treated while it runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Policy {
    /// Which signals are rewritten or dropped.
    pub(crate) rewrites: Rewrites,
    /// The process or group that gets them.
    pub(crate) target: SignalTarget,
    /// How long after TERM the release is killed, if ever.
    pub(crate) stop_timeout: Option<Duration>,
    /// Whether beaminit is the init of a container. Beside another init, orphans such as an epmd that others use are left to
    /// that one.
    pub(crate) is_init: bool,
}

impl Policy {
    /// A PID 1 gets them anyway, and the kernel ends them with it.
    fn adopts_orphans(&self) -> bool {
        self.is_init && !sys::is_pid1()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Ended {
    /// By itself or by a signal.
    pub(crate) reason: ExitReason,
    /// How long it had run.
    pub(crate) after: Duration,
    /// Whether it had been asked to.
    pub(crate) was_asked: bool,
    /// The first words of the crash dump that it left, if it failed and left one.
    pub(crate) slogan: Option<String>,
}

/// The release that runs, as far as its supervisor has to know it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Watched {
    /// Its first process.
    pub(crate) main: i32,
    pub(crate) is_beam: bool,
    /// Where a VM would write its crash dump.
    pub(crate) crash_dump: PathBuf,
    /// How it is treated.
    pub(crate) policy: Policy,
}

/// Starts the release. `title` is what the log calls it.
///
/// # Errors
/// It could not be started. From then on nothing is an error.
pub(crate) fn start(launch: &Launch, title: &str, policy: Policy, signals: &SignalQueue) -> Result<Watched, Error> {
    if policy.adopts_orphans() {
        // Otherwise orphans go to PID 1, which may be a shell that reaps nothing. An emulated kernel may not have this
        // call, and the release can run without it.
        if let Err(error) = sys::become_subreaper() {
            let cause = cause(&error);
            tracing::warn!(target: "supervise", "cannot become a subreaper, so orphans are left to PID 1: {cause}");
        }
    }
    let main = launch.start(signals)?;
    tracing::info!(target: "supervise", pid = main, "started {title} as pid {main}: {}", launch.title());
    // The release keeps its working directory; if beaminit kept it as well, a volume could not be unmounted.
    let _ = std::env::set_current_dir("/");
    let (is_beam, crash_dump) = (launch.is_beam, launch.crash_dump.clone());
    Ok(Watched { main, is_beam, crash_dump, policy })
}

/// Returns when the release has ended.
#[expect(clippy::disallowed_methods, reason = "compared with a file's time, which is of this clock")]
pub(crate) fn watch(watched: &Watched, signals: &mut SignalQueue) -> Ended {
    let Watched { main, policy, .. } = watched;
    let mut supervisor = Supervisor {
        main: *main,
        started: Instant::now(),
        policy,
        stop: ReleaseStop::new(*main, watched.is_beam, policy.target, policy.stop_timeout),
        terminal: Terminal::give_to(*main),
        is_stopped: false,
        was_asked: false,
    };
    let reason = supervisor.watch(signals);
    let slogan = crash_dump::slogan_of_exit(&watched.crash_dump, reason, SystemTime::now());
    let (after, was_asked) = (supervisor.started.elapsed(), supervisor.was_asked);
    if policy.adopts_orphans() {
        leftovers::end(signals);
    }
    Ended { reason, after, was_asked, slogan }
}

struct Supervisor<'a> {
    main: i32,
    started: Instant,
    policy: &'a Policy,
    stop: ReleaseStop,
    terminal: Option<Terminal>,
    is_stopped: bool,
    was_asked: bool,
}

impl Supervisor<'_> {
    /// The loop. Nothing in it may fail: if it ends, the container does.
    fn watch(&mut self, signals: &mut SignalQueue) -> ExitReason {
        let reason = loop {
            match reaper::reap(self.main) {
                Some(ChildEvent::Ended(reason)) => break reason,
                Some(ChildEvent::Stopped(by)) => {
                    self.is_stopped = true;
                    terminal::on_stop(self.terminal.as_ref(), self.main, by);
                }
                Some(ChildEvent::Continued) => self.is_stopped = false,
                None => {}
            }
            self.continue_if_stopped();
            self.wait_for_event(signals);
        };
        self.stop.on_main_ended(self.started.elapsed());
        loop {
            // First, so that those that have ended need not be looked at.
            reaper::reap_orphans();
            if !self.stop.is_vm_left() || self.wait_for_event(signals) {
                break;
            }
        }
        reason
    }

    /// Sleeps until a signal comes or something is due, and handles it. `true`: all that was left has been killed.
    fn wait_for_event(&mut self, signals: &mut SignalQueue) -> bool {
        if sys::poll_readable(signals.readable(), self.stop.idle(self.started.elapsed())) {
            signals.take().into_iter().for_each(|signal| self.dispose(signal));
        }
        self.stop.on_due(self.started.elapsed())
    }

    fn dispose(&mut self, signal: i32) {
        let name = signal::name(signal);
        match self.policy.rewrites.disposition(signal) {
            Disposition::Reap => {}
            Disposition::Drop => {
                tracing::info!(target: "supervise", signal, "signal {name} dropped: the release must not have it");
            }
            Disposition::Forward(sent) => {
                tracing::debug!(target: "supervise", signal, sent, "signal {name} forwarded as {}", signal::name(sent));
                self.was_asked |= matches!(sent, signal::TERM | signal::INT | signal::QUIT | signal::KILL);
                self.send(sent);
            }
        }
    }

    fn send(&mut self, signal: i32) {
        if signal == signal::TERM {
            self.stop.ask(self.started.elapsed());
        } else if !self.stop.has_main_ended {
            let send = match self.policy.target {
                SignalTarget::Main => sys::kill,
                SignalTarget::Group => sys::kill_group,
            };
            report_unsent(signal, send(self.main, signal));
        }
    }

    /// A stopped process does not end until it is continued. A process that runs gets no CONT that nobody sent.
    fn continue_if_stopped(&mut self) {
        if self.is_stopped && self.stop.is_asked_for {
            self.is_stopped = false;
            self.send(signal::CONT);
        }
    }
}
