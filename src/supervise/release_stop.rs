//! Stops the release: finds out which processes must get a TERM, sends it, and sends it again where it may have been
//! dropped.

use super::process_tree::ProcessTree;
use super::shutdown::{Due, Shutdown};
use super::stop_request::{Orders, StopRequest};
use crate::error::cause;
use crate::variables::SignalTarget;
use crate::{signal, sys};
use std::io;
use std::time::Duration;

/// The stop of a release, from the first TERM on.
#[derive(Debug)]
pub(crate) struct ReleaseStop {
    main: i32,
    pub(super) has_main_ended: bool,
    /// What is assumed where /proc does not show it.
    is_beam: bool,
    target: SignalTarget,
    shutdown: Shutdown,
    request: StopRequest,
    pub(super) is_asked_for: bool,
}

impl ReleaseStop {
    pub(crate) fn new(main: i32, is_beam: bool, target: SignalTarget, stop_timeout: Option<Duration>) -> Self {
        let (shutdown, request) = (Shutdown::new(stop_timeout), StopRequest::default());
        Self { main, has_main_ended: false, is_beam, target, shutdown, request, is_asked_for: false }
    }

    /// How long there is nothing to do; `None`: for ever.
    pub(crate) fn idle(&self, now: Duration) -> Option<Duration> {
        self.shutdown.idle(now)
    }

    /// Sends the first TERM, or another one that somebody has sent to beaminit.
    pub(crate) fn ask(&mut self, now: Duration) {
        self.is_asked_for = true;
        // Before a signal to the group ends what the tree is read from.
        let tree = self.tree();
        if self.target == SignalTarget::Group && !self.has_main_ended && tree.is_some() {
            report_unsent(signal::TERM, sys::kill_group(self.main, signal::TERM));
        }
        let look_again = match tree {
            Some(tree) => {
                let orders = self.request.ask(&tree, now, self.target);
                self.report_bypass(&orders);
                carry_out(orders)
            }
            None => self.term_unseen() && now < StopRequest::BOOT,
        };
        self.shutdown.term_sent(now);
        self.shutdown.set_look(look_again.then_some(now));
    }

    /// Does what is due. `true`: nothing is left to wait for.
    pub(crate) fn on_due(&mut self, now: Duration) -> bool {
        match self.shutdown.due(now) {
            Due::Nothing => false,
            Due::Look => {
                self.look(now);
                false
            }
            Due::Kill => {
                self.kill();
                self.has_main_ended
            }
        }
    }

    /// The main child has ended: if it got TERM for the VMs below it, they get it themselves now.
    pub(crate) fn on_main_ended(&mut self, now: Duration) {
        self.has_main_ended = true;
        if self.is_asked_for {
            self.look(now);
        }
    }

    /// Whether a VM is still stopping. If beaminit ended now, the kernel would kill it with all that is left below a PID 1.
    pub(crate) fn is_vm_left(&self) -> bool {
        self.is_asked_for && self.tree().is_some_and(|tree| tree.topmost_vms().next().is_some())
    }

    fn look(&mut self, now: Duration) {
        let look_again = match self.tree() {
            Some(tree) => carry_out(self.request.look(&tree, now)),
            None => self.term_unseen(),
        };
        self.shutdown.set_look(look_again.then_some(now));
    }

    /// `None`: nothing can be seen, not even the main child.
    fn tree(&self) -> Option<ProcessTree> {
        ProcessTree::read(self.main).filter(|tree| self.has_main_ended || tree.main().is_some())
    }

    /// Without /proc the main child is all that is known, and it may be a booting VM.
    fn term_unseen(&self) -> bool {
        if self.has_main_ended {
            return false;
        }
        let send = match self.target {
            SignalTarget::Main => sys::kill,
            SignalTarget::Group => sys::kill_group,
        };
        report_unsent(signal::TERM, send(self.main, signal::TERM));
        self.is_beam
    }

    /// Logs that the TERM bypasses the main child.
    fn report_bypass(&self, orders: &Orders) {
        if self.has_main_ended || self.target == SignalTarget::Group {
            return;
        }
        let pids = orders.receivers.iter().map(|receiver| receiver.process.pid);
        for pid in pids.filter(|pid| *pid != self.main) {
            tracing::info!(target: "supervise", pid, "TERM goes to process {pid}: the main child would die of it and leave its VM behind");
        }
    }

    fn kill(&self) {
        tracing::warn!(target: "supervise", "the release did not stop within BEAMINIT_STOP_TIMEOUT: killing it");
        if !self.has_main_ended {
            let _ = sys::kill_group(self.main, signal::KILL);
        }
        // A VM may lead a separate group.
        for vm in self.tree().iter().flat_map(ProcessTree::topmost_vms) {
            let _ = sys::kill(vm.process.pid, signal::KILL);
        }
    }
}

/// Sends the TERMs, and returns whether to look again later.
fn carry_out(orders: Orders) -> bool {
    for receiver in orders.receivers {
        let pid = receiver.process.pid;
        tracing::debug!(target: "supervise", pid, "sending TERM to process {pid}");
        report_unsent(signal::TERM, sys::kill(pid, signal::TERM));
        // A stopped process does not end before it is continued.
        if receiver.process.is_stopped {
            let _ = sys::kill(pid, signal::CONT);
        }
    }
    orders.look_again
}

pub(super) fn report_unsent(signal: i32, sent: io::Result<()>) {
    if let Err(error) = sent {
        tracing::warn!(target: "supervise", signal, "cannot send {}: {}", signal::name(signal), cause(&error));
    }
}
