//! A stop that was asked for: which processes have had their TERM, and which ones get one now.
//!
//! Pure: no I/O, no clock. Times are durations since the release was started.

use super::process_tree::{Descendant, ProcessTree};
use crate::variables::SignalTarget;
use std::time::Duration;

/// A VM drops a TERM that arrives before its `erl_signal_server` runs, and nobody hears of it. So one that may be booting
/// gets it again until it has ended; a running VM only logs the repetition. Anything else gets it once: a second TERM
/// makes many a wrapper give up its own orderly stop.
#[derive(Debug, Default)]
pub(crate) struct StopRequest {
    /// A VM that was started since then, in ticks since boot, may have been booting when the stop was asked for.
    young_from: u64,
    /// Until then another VM may appear below a wrapper that was told.
    vms_may_appear_until: Duration,
    told: Vec<ProcessId>,
    /// The VMs that the main child was not told for.
    spared_for: Vec<ProcessId>,
    /// When the main child is told, if it was spared.
    main_due: Option<Duration>,
}

/// A number and a start time: numbers are used again.
type ProcessId = (i32, u64);

/// Who gets a TERM now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Orders {
    pub(crate) receivers: Vec<Receiver>,
    /// Whether somebody may have to be told later.
    pub(crate) look_again: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Receiver {
    pub(crate) pid: i32,
    /// A stopped process does not end before it is continued.
    pub(crate) is_stopped: bool,
}

impl StopRequest {
    /// The slowest boots of large releases take tens of seconds.
    pub(crate) const BOOT: Duration = Duration::from_secs(60);
    /// As long may a wrapper take to end when its VM has ended. One that only waits for something else (`tail -f`), or
    /// that starts the next VM, does not end by itself.
    pub(crate) const WRAPPER_GRACE: Duration = Duration::from_secs(5);

    /// Somebody has asked for the stop, maybe once more. If signals go to the group, the group has had this one.
    pub(crate) fn ask(&mut self, tree: &ProcessTree, now: Duration, target: SignalTarget) -> Orders {
        self.young_from = tree.ticks_before(Self::BOOT);
        self.vms_may_appear_until = now + Self::BOOT;
        self.told = match target {
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

    /// Those who have not been told, and these VMs.
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
        receivers.extend(due.into_iter().filter(|descendant| !self.told.contains(&id(descendant))));
        receivers.sort_unstable_by_key(|descendant| descendant.process.pid);
        receivers.dedup();
        self.told.extend(receivers.iter().map(|descendant| id(descendant)));
        Orders { look_again: self.must_look_again(tree, now), receivers: receivers.into_iter().map(receiver).collect() }
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

fn receiver(descendant: &Descendant) -> Receiver {
    let process = &descendant.process;
    Receiver { pid: process.pid, is_stopped: process.is_stopped }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervise::process_tree::tests::What::{Dies, Survives, Vm};
    use crate::supervise::process_tree::tests::{MAIN, Row, tree};
    use crate::sys::TICKS_PER_SECOND;

    /// Later than 60 s after the start of every process here.
    const LATE: u64 = 1_000_000;
    /// Less than 60 s after it.
    const EARLY: u64 = 1000;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A stop that is asked for at second 0, looked at each second from then on.
    struct Stop {
        request: StopRequest,
        ticks: u64,
    }

    impl Stop {
        fn ask(ticks: u64, rows: &[Row]) -> (Self, (Vec<i32>, bool)) {
            let mut request = StopRequest::default();
            let orders = request.ask(&tree(rows, ticks), s(0), SignalTarget::Main);
            (Self { request, ticks }, told(&orders))
        }

        fn look(&mut self, at: u64, rows: &[Row]) -> (Vec<i32>, bool) {
            told(&self.request.look(&tree(rows, self.ticks + at * TICKS_PER_SECOND), s(at)))
        }
    }

    fn told(orders: &Orders) -> (Vec<i32>, bool) {
        (orders.receivers.iter().map(|receiver| receiver.pid).collect(), orders.look_again)
    }

    fn nobody() -> Vec<i32> {
        Vec::new()
    }

    #[test]
    fn a_main_child_that_is_a_vm_gets_term_once_or_again_while_it_may_be_booting() {
        let rows = [(MAIN, 1, Vm)];
        let (_, asked) = Stop::ask(LATE, &rows);
        assert_eq!(asked, (vec![MAIN], false));
        let (mut stop, asked) = Stop::ask(EARLY, &rows);
        assert_eq!(asked, (vec![MAIN], true));
        for at in 1..100 {
            assert_eq!(stop.look(at, &rows), (vec![MAIN], true));
        }
    }

    #[test]
    fn a_command_gets_term_once_and_is_looked_at_while_a_vm_may_appear() {
        let rows = [(MAIN, 1, Survives), (8, MAIN, Dies)];
        let (mut stop, asked) = Stop::ask(LATE, &rows);
        assert_eq!(asked, (vec![MAIN], true));
        assert_eq!(stop.look(59, &rows), (nobody(), true));
        assert_eq!(stop.look(60, &rows), (nobody(), false));
        let (_, asked) = Stop::ask(LATE, &[(MAIN, 1, Dies)]);
        assert_eq!(asked.0, [MAIN], "no VM would be lost");
    }

    #[test]
    fn a_wrapper_with_a_trap_is_left_alone_and_its_booting_vm_hears_again() {
        let rows = [(MAIN, 1, Survives), (8, MAIN, Vm)];
        let (mut stop, asked) = Stop::ask(LATE, &rows);
        assert_eq!(asked.0, [MAIN]);
        assert_eq!(stop.look(1, &rows).0, nobody());
        let (mut stop, asked) = Stop::ask(EARLY, &rows);
        assert_eq!(asked.0, [MAIN]);
        for at in 1..100 {
            assert_eq!(stop.look(at, &rows), (vec![8], true));
        }
    }

    #[test]
    fn a_wrapper_that_would_die_is_spared_until_its_vm_has_ended_and_a_while_longer() {
        let rows = [(MAIN, 1, Dies), (8, MAIN, Vm), (9, 1, Vm)];
        let (mut stop, asked) = Stop::ask(LATE, &rows);
        assert_eq!(asked, (vec![8, 9], true));
        assert_eq!(stop.look(20, &rows), (nobody(), true));
        assert_eq!(stop.look(21, &rows[..2]), (nobody(), true));
        assert_eq!(stop.look(22, &rows[..1]), (nobody(), true));
        assert_eq!(stop.look(26, &rows[..1]), (nobody(), true));
        assert_eq!(stop.look(27, &rows[..1]), (vec![MAIN], true));
        assert_eq!(stop.look(28, &rows[..1]), (nobody(), true), "never twice");
    }

    #[test]
    fn a_vm_that_a_wrapper_starts_next_is_told_too() {
        let (mut stop, _) = Stop::ask(LATE, &[(MAIN, 1, Dies), (8, MAIN, Vm)]);
        let born = i32::try_from(LATE).unwrap() + 150;
        let rows = [(MAIN, 1, Dies), (born, MAIN, Vm)];
        assert_eq!(stop.look(2, &rows).0, [born]);
        assert_eq!(stop.look(3, &rows).0, [born]);
        assert_eq!(stop.look(7, &rows).0, [MAIN, born], "it would start one after the other");
    }

    #[test]
    fn what_a_dead_main_child_leaves_is_told_once() {
        let rows = [(MAIN, 1, Survives), (8, MAIN, Survives), (9, 8, Vm), (10, MAIN, Vm)];
        let (mut stop, asked) = Stop::ask(LATE, &rows);
        assert_eq!(asked.0, [MAIN]);
        let left = [(8, 1, Survives), (9, 8, Vm), (10, 1, Vm)];
        assert_eq!(stop.look(1, &left), (vec![8, 10], true));
        assert_eq!(stop.look(2, &left), (nobody(), true));
    }

    #[test]
    fn a_wrapper_that_has_become_a_vm_is_told_as_one() {
        let (mut stop, _) = Stop::ask(EARLY, &[(MAIN, 1, Survives)]);
        assert_eq!(stop.look(1, &[(MAIN, 1, Vm)]), (vec![MAIN], true));
    }

    #[test]
    fn the_group_has_had_its_term_and_others_get_theirs() {
        let mut request = StopRequest::default();
        // The processes below the main child are in its group, others are not.
        let rows = [(MAIN, 1, Dies), (8, MAIN, Vm), (9, 8, Dies), (10, 1, Vm)];
        let orders = request.ask(&tree(&rows, LATE), s(0), SignalTarget::Group);
        assert_eq!(told(&orders).0, [10]);
    }

    #[test]
    fn another_term_from_outside_goes_the_same_way() {
        let rows = [(MAIN, 1, Dies), (8, MAIN, Vm)];
        let (mut stop, _) = Stop::ask(LATE, &rows);
        assert_eq!(told(&stop.request.ask(&tree(&rows, LATE), s(3), SignalTarget::Main)).0, [8]);
    }
}
