//! A stop that was asked for: which processes have had their TERM, and which ones get it now.
//!
//! Pure: no I/O, no clock. Times are durations since the release was started.

use super::process_tree::{Descendant, ProcessTree};
use crate::variables::SignalTarget;
use std::time::Duration;

/// A VM drops a TERM that arrives before its `erl_signal_server` runs, without a trace. So a VM that may be booting gets it
/// again until it has ended; a running VM only logs the repetition. Anything else gets it once: after a second TERM many
/// wrappers give up their own orderly stop.
#[derive(Debug, Default)]
pub(crate) struct StopRequest {
    /// A VM that was started since then, in ticks since boot, may have been booting when the stop was asked for.
    young_from: u64,
    /// Until then another VM may appear below a wrapper that has had its TERM.
    vms_may_appear_until: Duration,
    had_term: Vec<ProcessId>,
    /// The VMs because of which the main child has not had TERM.
    spared_for: Vec<ProcessId>,
    /// When the main child gets TERM, if it was spared.
    main_due: Option<Duration>,
}

/// A number and a start time: numbers are used again.
type ProcessId = (i32, u64);

/// Which processes get TERM now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Orders {
    pub(crate) receivers: Vec<Descendant>,
    /// Whether others may have to get it later.
    pub(crate) look_again: bool,
}

impl StopRequest {
    /// The slowest boots of large releases take tens of seconds.
    pub(crate) const BOOT: Duration = Duration::from_secs(60);
    /// How long a wrapper may take to end when its VM has ended. One that only waits for something else (`tail -f`), or
    /// that starts the next VM, does not end by itself.
    pub(crate) const WRAPPER_GRACE: Duration = Duration::from_secs(5);

    /// A stop is asked for, perhaps not for the first time. If signals go to the group, the group has had this one.
    pub(crate) fn ask(&mut self, tree: &ProcessTree, now: Duration, target: SignalTarget) -> Orders {
        self.young_from = tree.ticks_before(Self::BOOT);
        self.vms_may_appear_until = now + Self::BOOT;
        self.had_term = match target {
            SignalTarget::Main => Vec::new(),
            SignalTarget::Group => tree.main_group().map(id).collect(),
        };
        self.spared_for = tree.topmost_vms().map(id).collect();
        self.main_due = self.spared_for.is_empty().then_some(now);
        self.orders(tree, now, Vec::new())
    }

    /// Time has passed, or the main child has ended.
    pub(crate) fn look(&mut self, tree: &ProcessTree, now: Duration) -> Orders {
        let is_spared_for = |vm: &Descendant| self.spared_for.contains(&id(vm));
        if self.main_due.is_none() && !tree.topmost_vms().any(is_spared_for) {
            self.main_due = Some(now + Self::WRAPPER_GRACE);
        }
        let again = tree.topmost_vms().filter(|vm| self.is_young(vm)).collect();
        self.orders(tree, now, again)
    }

    /// The processes that have not had TERM, and these VMs.
    fn orders<'a>(&mut self, tree: &'a ProcessTree, now: Duration, mut receivers: Vec<&'a Descendant>) -> Orders {
        let mut due = match tree.main() {
            // Whatever is below it is left to it.
            Some(main) if main.survives_term => vec![main],
            Some(main) if self.main_due.is_some_and(|due| due <= now) => vec![main],
            _ => Vec::new(),
        };
        if !tree.main().is_some_and(|main| main.survives_term) {
            due.extend(tree.topmost_vms().map(|vm| tree.receiver(vm)));
        }
        receivers.extend(due.into_iter().filter(|descendant| !self.had_term.contains(&id(descendant))));
        receivers.sort_unstable_by_key(|descendant| descendant.process.pid);
        receivers.dedup();
        self.had_term.extend(receivers.iter().map(|descendant| id(descendant)));
        Orders { look_again: self.must_look_again(tree, now), receivers: receivers.into_iter().cloned().collect() }
    }

    fn must_look_again(&self, tree: &ProcessTree, now: Duration) -> bool {
        match tree.main() {
            Some(main) if main.process.is_vm => self.is_young(main),
            Some(main) if main.survives_term => {
                now < self.vms_may_appear_until || tree.topmost_vms().any(|vm| self.is_young(vm))
            }
            _ => true,
        }
    }

    fn is_young(&self, vm: &Descendant) -> bool {
        vm.process.started >= self.young_from
    }
}

fn id(descendant: &Descendant) -> ProcessId {
    (descendant.process.pid, descendant.process.started)
}

#[cfg(test)]
mod tests;
