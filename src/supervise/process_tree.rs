//! The processes below beaminit, and which of them must get a TERM so that the VMs among them stop.

use crate::sys::{self, Process, TICKS_PER_SECOND};
use std::time::Duration;

/// A process below beaminit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Descendant {
    pub(crate) process: Process,
    /// Whether a TERM does not simply end it. Known for the main child and for the processes above a VM.
    pub(crate) survives_term: bool,
}

/// All living processes below beaminit, as they were at one moment.
#[derive(Debug)]
pub(crate) struct ProcessTree {
    /// Ordered by their number.
    descendants: Vec<Descendant>,
    main: i32,
    /// The moment, in ticks since boot.
    now: u64,
}

impl ProcessTree {
    /// `None`: nothing can be seen. If the main child is a VM, nothing else is looked at: the VM stops what is below it.
    pub(crate) fn read(main: i32) -> Option<Self> {
        if let Some(process) = Process::read(main).filter(|process| process.is_vm) {
            let main_child = Descendant { process, survives_term: true };
            return Some(Self { descendants: vec![main_child], main, now: sys::boot_ticks() });
        }
        let mut tree = Self::of(&sys::processes(), std::process::id().cast_signed(), main, sys::boot_ticks())?;
        let mut asked_about: Vec<i32> =
            tree.topmost_vms().flat_map(|vm| tree.above(vm)).map(|above| above.process.pid).collect();
        asked_about.push(main);
        for descendant in &mut tree.descendants {
            if asked_about.contains(&descendant.process.pid) {
                // One that has just ended does not survive it.
                descendant.survives_term = sys::survives_term(descendant.process.pid).unwrap_or(false);
            }
        }
        Some(tree)
    }

    /// What is below process `own`. `None`: that process itself cannot be seen.
    fn of(processes: &[Process], own: i32, main: i32, now: u64) -> Option<Self> {
        processes.iter().find(|process| process.pid == own)?;
        let descendants = sys::below(own, processes);
        let descendants = descendants.map(|process| Descendant { process: *process, survives_term: false }).collect();
        Some(Self { descendants, main, now })
    }

    /// The moment this long before the tree was read, in ticks since boot.
    pub(crate) fn ticks_before(&self, duration: Duration) -> u64 {
        self.now.saturating_sub(duration.as_secs() * TICKS_PER_SECOND)
    }

    fn find(&self, pid: i32) -> Option<&Descendant> {
        let at = self.descendants.binary_search_by_key(&pid, |descendant| descendant.process.pid).ok()?;
        self.descendants.get(at)
    }

    /// The main child, as long as it lives.
    pub(crate) fn main(&self) -> Option<&Descendant> {
        self.find(self.main)
    }

    /// The processes that get what is sent to the main child's process group.
    pub(crate) fn main_group(&self) -> impl Iterator<Item = &Descendant> {
        self.descendants.iter().filter(|descendant| descendant.process.group == self.main)
    }

    /// The VMs that are not below another VM: each VM stops its own.
    pub(crate) fn topmost_vms(&self) -> impl Iterator<Item = &Descendant> {
        let vms = self.descendants.iter().filter(|descendant| descendant.process.is_vm);
        vms.filter(|vm| !self.above(vm).any(|above| above.process.is_vm))
    }

    /// The process that must get a TERM so that this VM stops: the topmost one above it that handles TERM, such as a shell
    /// with a trap, otherwise the VM itself.
    pub(crate) fn receiver<'a>(&'a self, vm: &'a Descendant) -> &'a Descendant {
        self.above(vm).filter(|above| above.survives_term).last().unwrap_or(vm)
    }

    /// From a process's parent up to the child of beaminit.
    fn above<'a>(&'a self, descendant: &'a Descendant) -> impl Iterator<Item = &'a Descendant> {
        let parent = |below: &&'a Descendant| self.find(below.process.parent);
        std::iter::successors(parent(&descendant), parent).take(self.descendants.len())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What a test says of a process: its number, its parent's, what it is.
    pub(in crate::supervise) type Row = (i32, i32, What);

    #[derive(Clone, Copy, PartialEq, Eq)]
    pub(in crate::supervise) enum What {
        Vm,
        Dies,
        Survives,
    }

    /// The number of beaminit and of the main child.
    pub(in crate::supervise) const OWN: i32 = 1;
    pub(in crate::supervise) const MAIN: i32 = 7;

    /// Every process was started at the tick of its number, and leads a group unless it is below the main child.
    pub(in crate::supervise) fn tree(rows: &[Row], now: u64) -> ProcessTree {
        let process = |(pid, parent, what): &Row| Process {
            pid: *pid,
            parent: *parent,
            group: if *parent == MAIN { MAIN } else { *pid },
            is_stopped: false,
            started: u64::try_from(*pid).unwrap(),
            is_vm: *what == What::Vm,
        };
        let mut processes: Vec<_> = std::iter::once(&(OWN, 0, What::Survives)).chain(rows).map(process).collect();
        processes.sort_unstable_by_key(|process| process.pid);
        let mut tree = ProcessTree::of(&processes, OWN, MAIN, now).unwrap();
        for descendant in &mut tree.descendants {
            let row = rows.iter().find(|(pid, ..)| *pid == descendant.process.pid).unwrap();
            descendant.survives_term = row.2 != What::Dies;
        }
        tree
    }

    fn receivers(rows: &[Row]) -> Vec<i32> {
        let tree = tree(rows, 100);
        tree.topmost_vms().map(|vm| tree.receiver(vm).process.pid).collect()
    }

    #[test]
    fn a_vm_gets_term_itself_unless_something_above_it_handles_term() {
        use What::{Dies, Survives, Vm};
        assert_eq!(receivers(&[(7, 1, Dies), (8, 7, Vm)]), [8]);
        assert_eq!(receivers(&[(7, 1, Survives), (8, 7, Dies), (9, 8, Vm)]), [7]);
        assert_eq!(receivers(&[(7, 1, Dies), (8, 7, Survives), (9, 8, Dies), (10, 9, Vm)]), [8]);
        assert_eq!(
            receivers(&[(7, 1, Dies), (8, 1, Vm), (9, 8, Survives), (10, 9, Vm)]),
            [8],
            "an orphan, and its own"
        );
        assert_eq!(receivers(&[(7, 1, Dies), (8, 0, Vm), (9, 8, Vm)]), [0; 0], "not below beaminit");
    }

    #[test]
    fn a_circle_has_an_end() {
        assert_eq!(receivers(&[(7, 1, What::Dies), (8, 9, What::Dies), (9, 8, What::Vm)]), [0; 0]);
    }
}
