//! Processes, as /proc shows them.

use super::clock::time_since_boot;
use std::fs;
use std::io::Read as _;
use std::path::Path;

/// The unit of start times. Linux reports 100 ticks a second on every machine that beaminit is built for.
pub(crate) const TICKS_PER_SECOND: u64 = 100;

/// At most this many processes are read at a time; a pod has tens.
const MAX_PROCESSES: usize = 4096;

/// One line of /proc/PID/stat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    pub(crate) group: i32,
    pub(crate) is_stopped: bool,
    /// In ticks since boot: together with the number it identifies a process.
    pub(crate) started: u64,
    /// Whether it runs the Erlang VM.
    pub(crate) is_vm: bool,
}

impl Process {
    /// `None`: there is no such process, or it has ended and its parent has not waited for it.
    pub(crate) fn read(pid: i32) -> Option<Self> {
        // The first thread's, which says the same: qemu makes up the /proc/PID/stat of the process that it runs.
        let stat = read_head(&format!("/proc/{pid}/task/{pid}/stat"))?;
        // The second field, the name in parentheses, may contain both parentheses and spaces.
        let (head, tail) = stat.rsplit_once(')')?;
        let name = head.split_once('(')?.1;
        let mut fields = tail.split_ascii_whitespace();
        let state = fields.next()?;
        let (parent, group) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let started = fields.nth(21 - 5)?.parse().ok()?;
        if matches!(state, "Z" | "X") {
            return None;
        }
        let is_vm = is_name_of_vm(name) || runs_vm_program(pid);
        Some(Self { pid, parent, group, is_stopped: state == "T", started, is_vm })
    }
}

/// All living processes that /proc shows, ordered by their number. Without /proc, or where it is another PID namespace's:
/// none.
pub(crate) fn processes() -> Vec<Process> {
    let is_ours = fs::read_link("/proc/self").is_ok_and(|own| own == Path::new(&std::process::id().to_string()));
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    if !is_ours {
        return Vec::new();
    }
    // The whole list first: while orphans come faster than files are read, it would have no end.
    let pids: Vec<i32> = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    let mut processes: Vec<_> = pids.into_iter().filter_map(Process::read).take(MAX_PROCESSES).collect();
    processes.sort_unstable_by_key(|process| process.pid);
    processes
}

/// Those of `processes`, which are ordered, that are below process `root`.
pub(crate) fn below(root: i32, processes: &[Process]) -> impl Iterator<Item = &Process> {
    let parent_of = move |pid: &i32| {
        let at = processes.binary_search_by_key(pid, |process| process.pid).ok()?;
        processes.get(at).map(|process| process.parent)
    };
    processes.iter().filter(move |process| {
        // The list was not read in one moment: it may even have a circle.
        std::iter::successors(Some(process.parent), parent_of).take(processes.len()).any(|pid| pid == root)
    })
}

/// The VM's program may run under another name. Reads a link that only root and the process's
/// own user may read.
fn runs_vm_program(pid: i32) -> bool {
    let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    program.file_name().and_then(|name| name.to_str()).is_some_and(is_name_of_vm)
}

/// `beam.smp`; `beam` without threads; `beam.debug.smp` and the like.
fn is_name_of_vm(name: &str) -> bool {
    name == "beam" || name.starts_with("beam.")
}

/// Whether the process catches, blocks or ignores TERM. `None`: that cannot be seen.
pub(crate) fn survives_term(pid: i32) -> Option<bool> {
    let status = read_head(&format!("/proc/{pid}/status"))?;
    let masks = ["SigBlk:", "SigIgn:", "SigCgt:"].map(|name| signals_of(&status, name));
    masks
        .iter()
        .all(Option::is_some)
        .then(|| masks.into_iter().flatten().any(|mask| mask & bit(crate::signal::TERM) != 0))
}

/// The signals that this process ignores. Without /proc: none.
pub(crate) fn ignored_signals() -> Vec<i32> {
    let status = read_head("/proc/self/status").unwrap_or_default();
    let mask = signals_of(&status, "SigIgn:").unwrap_or(0);
    (1..=crate::signal::MAX).filter(|signal| mask & bit(*signal) != 0).collect()
}

fn signals_of(status: &str, name: &str) -> Option<u64> {
    let field = status.lines().find_map(|line| line.strip_prefix(name))?;
    u64::from_str_radix(field.trim(), 16).ok()
}

const fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// The children of this process. Without /proc: none.
pub(crate) fn children() -> Vec<i32> {
    let own = std::process::id();
    let text = fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
    text.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// When a living process was started, in ticks since boot.
pub(crate) fn living_since(pid: i32) -> Option<u64> {
    Process::read(pid).map(|process| process.started)
}

/// The present moment on the clock of [`Process::started`]. Not from /proc/uptime, which LXCFS replaces by the
/// container's own.
pub(crate) fn boot_ticks() -> u64 {
    let now = time_since_boot();
    now.as_secs() * TICKS_PER_SECOND + u64::from(now.subsec_millis()) * TICKS_PER_SECOND / 1000
}

/// As much of a file of /proc as is needed; a user may be in thousands of groups, which `status` lists first.
fn read_head(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(4096);
    fs::File::open(path).ok()?.take(1 << 16).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{SignalMask, Spawn};
    use rustix::process::{Pid, WaitId, WaitIdOptions};

    fn start(words: &[&str]) -> i32 {
        let words = words.iter().map(AsRef::as_ref).collect();
        let environment = std::env::vars_os().collect();
        Spawn { words, environment, mask: SignalMask::only(&[]), not_ignored: &[] }.start().unwrap()
    }

    #[test]
    fn a_process_that_has_ended_does_not_live_though_its_parent_has_not_waited_for_it() {
        let own = std::process::id().cast_signed();
        assert!(living_since(own).is_some());
        let pid = start(&["true"]);
        let wait = |options| rustix::process::waitid(WaitId::Pid(Pid::from_raw(pid).unwrap()), options).unwrap();
        wait(WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        assert_eq!(living_since(pid), None);
        wait(WaitIdOptions::EXITED);
    }

    #[test]
    fn a_process_is_shown_with_its_parent_its_group_and_its_age() {
        let pid = start(&["sleep", "1000"]);
        let own = std::process::id().cast_signed();
        let shown = processes().into_iter().find(|process| process.pid == pid).unwrap();
        assert_eq!((shown.parent, shown.group, shown.is_vm, shown.is_stopped), (own, pid, false, false));
        assert!(boot_ticks() - shown.started < 60 * TICKS_PER_SECOND, "{shown:?} at {}", boot_ticks());
        assert_eq!(survives_term(pid), Some(false));
        crate::sys::kill(pid, crate::signal::KILL).unwrap();
        rustix::process::waitid(WaitId::Pid(Pid::from_raw(pid).unwrap()), WaitIdOptions::EXITED).unwrap();
        assert_eq!(survives_term(pid), None);
    }

    #[test]
    fn a_vm_is_known_by_its_name() {
        for (name, is_vm) in
            [("beam.smp", true), ("beam", true), ("beam.debug.smp", true), ("beamer", false), ("erlexec", false)]
        {
            assert_eq!(is_name_of_vm(name), is_vm, "{name}");
        }
    }

    #[test]
    fn a_process_is_below_those_that_started_it() {
        let process = |pid, parent| Process { pid, parent, group: pid, is_stopped: false, started: 0, is_vm: false };
        let all = [process(1, 0), process(7, 1), process(9, 7), process(20, 0), process(30, 31), process(31, 30)];
        let below = |root| below(root, &all).map(|process| process.pid).collect::<Vec<_>>();
        assert_eq!((below(1), below(7), below(9)), (vec![7, 9], vec![9], vec![]));
    }
}
