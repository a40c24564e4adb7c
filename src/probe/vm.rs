//! The VM that a release runs, as the kernel shows it: scripts before it may have changed its name and its flags, and its
//! own command line is what counts in the end.

use crate::sys;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

/// A process that is a VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vm {
    /// Its number.
    pub(super) pid: i32,
    /// When it was started, in the kernel's ticks since boot.
    pub(super) started: u64,
    /// Whether it is stopped, or held by a debugger.
    pub(super) is_stopped: bool,
}

/// A line of /proc/PID/stat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ProcessStat {
    parent: i32,
    is_vm: bool,
    vm: Vm,
}

impl Vm {
    /// The VM at or below the process `root`: `root` itself, else the one that runs longest.
    pub(super) fn find(root: i32) -> Option<Self> {
        let own = ProcessStat::read(root)?;
        if own.is_vm {
            return Some(own.vm);
        }
        let numbers = fs::read_dir("/proc").ok()?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let all: Vec<ProcessStat> = numbers.filter_map(ProcessStat::read).collect();
        let vms = all.iter().filter(|process| process.is_vm && is_below(process, root, &all));
        vms.map(|process| process.vm).min_by_key(|vm| vm.started)
    }

    /// The words of its command line, those of argument files among them.
    pub(super) fn words(&self) -> Vec<String> {
        let text = fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        text.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
    }

    /// Its mount namespace, if we may know it.
    pub(super) fn mount_namespace(&self) -> Option<u64> {
        fs::metadata(format!("/proc/{}/ns/mnt", self.pid)).ok().map(|namespace| namespace.ino())
    }

    pub(super) fn age(&self) -> Duration {
        since_boot(self.started)
    }
}

/// How long ago the kernel counted so many ticks since boot.
pub(super) fn since_boot(ticks: u64) -> Duration {
    // What /proc says is in hundredths of a second on every machine.
    sys::time_since_boot().saturating_sub(Duration::from_millis(ticks.saturating_mul(10)))
}

/// Whether `process` descends from `ancestor`.
fn is_below(process: &ProcessStat, ancestor: i32, all: &[ProcessStat]) -> bool {
    const MAX_DEPTH: usize = 64;
    let mut parent = process.parent;
    for _ in 0..MAX_DEPTH {
        if parent == ancestor {
            return true;
        }
        match all.iter().find(|process| process.vm.pid == parent) {
            Some(process) => parent = process.parent,
            None => return false,
        }
    }
    false
}

impl ProcessStat {
    /// The process of this number, if it lives.
    fn read(pid: i32) -> Option<Self> {
        Self::parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(pid: i32, stat: &str) -> Option<Self> {
        // The name in parentheses may contain both parentheses and spaces.
        let (head, tail) = stat.rsplit_once(')')?;
        let name = head.split_once('(')?.1;
        let mut fields = tail.split_ascii_whitespace();
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let started = fields.nth(22 - 5)?.parse().ok()?;
        let is_stopped = matches!(state, "T" | "t");
        let is_vm = name.starts_with("beam");
        (!matches!(state, "Z" | "X")).then_some(Self { parent, is_vm, vm: Vm { pid, started, is_stopped } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vm_is_known_by_its_name_whatever_the_name_has() {
        let stat = |name: &str, state: char| {
            let line = format!("7 ({name}) {state} 1 7 7 0 -1 4194304 1 0 0 0 1 2 0 0 20 0 5 0 12345 1 1 1");
            ProcessStat::parse(7, &line)
        };
        let vm = Vm { pid: 7, started: 12345, is_stopped: false };
        assert_eq!(stat("beam.smp", 'S'), Some(ProcessStat { parent: 1, is_vm: true, vm }));
        assert!(stat("beam.smp", 'T').unwrap().vm.is_stopped);
        assert!(!stat("erl_child (x) y", 'S').unwrap().is_vm);
        assert_eq!(stat("beam.smp", 'Z'), None);
    }

    #[test]
    fn a_process_is_below_those_that_started_it() {
        let process = |pid, parent| ProcessStat { parent, is_vm: false, vm: Vm { pid, started: 0, is_stopped: false } };
        let all = [process(1, 0), process(7, 1), process(9, 7), process(20, 0), process(30, 31), process(31, 30)];
        assert!(is_below(&all[2], 1, &all) && is_below(&all[2], 7, &all));
        assert!(!is_below(&all[3], 1, &all) && !is_below(&all[4], 1, &all));
    }
}
