//! The VM that a release runs, as the kernel shows it: scripts before it may have changed its name and its flags, so its
//! own command line decides.

use crate::sys::{self, Process};
use std::fs;
use std::iter;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

/// The VM of a release whose first process is `main`: that process itself, else the VM below it that has run longest. A
/// release that runs in the background is below the supervisor alone.
pub(super) fn find(main: i32, supervisor: i32) -> Option<Process> {
    let own = Process::read(main)?;
    if is_vm(&own) {
        return Some(own);
    }
    let processes = sys::processes();
    [main, supervisor].into_iter().find_map(|root| {
        let below = processes.iter().filter(|process| is_below(process, root, &processes));
        below.filter(|process| is_vm(process)).min_by_key(|vm| vm.started).copied()
    })
}

fn is_vm(process: &Process) -> bool {
    process.is_vm || sys::runs_vm_program(process.pid)
}

fn is_below(process: &Process, root: i32, processes: &[Process]) -> bool {
    let parent_of = |pid: &i32| processes.iter().find(|process| process.pid == *pid).map(|process| process.parent);
    // The list was not read in one moment: it may even have a circle.
    iter::successors(Some(process.parent), parent_of).take(processes.len()).any(|pid| pid == root)
}

/// The words of its command line, those of argument files included.
pub(super) fn words(vm: &Process) -> Vec<String> {
    let text = fs::read(format!("/proc/{}/cmdline", vm.pid)).unwrap_or_default();
    text.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// Its mount namespace, if this user may know it.
pub(super) fn mount_namespace(vm: &Process) -> Option<u64> {
    fs::metadata(format!("/proc/{}/ns/mnt", vm.pid)).ok().map(|namespace| namespace.ino())
}

/// How long ago this moment was, in ticks since boot.
pub(super) fn since(ticks: u64) -> Duration {
    let ticks = sys::boot_ticks().saturating_sub(ticks);
    Duration::from_millis(ticks * 1000 / sys::TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_below_those_that_started_it() {
        let process = |pid, parent| Process { pid, parent, group: pid, is_stopped: false, started: 0, is_vm: false };
        let all = [process(1, 0), process(7, 1), process(9, 7), process(20, 0), process(30, 31), process(31, 30)];
        assert!(is_below(&all[2], 1, &all) && is_below(&all[2], 7, &all));
        assert!(!is_below(&all[3], 1, &all) && !is_below(&all[4], 1, &all));
    }
}
