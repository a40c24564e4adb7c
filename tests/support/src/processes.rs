//! The processes of a pod, seen from outside.

use std::fs;
use std::path::{Path, PathBuf};

/// A process, by the numbers of the test's own PID namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    pub ppid: i32,
    /// `R`, `S`, `T`, `Z` …, as in /proc/PID/stat.
    pub state: char,
    /// At most 15 bytes, as the kernel keeps it.
    pub comm: String,
    /// Empty for a zombie.
    pub cmdline: Vec<String>,
}

impl Process {
    /// None if there is no such process (any more).
    pub fn read(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name is in parentheses and may contain both parentheses and spaces.
        let (head, tail) = stat.rsplit_once(')')?;
        let mut fields = tail.split_whitespace();
        let state = fields.next()?.chars().next()?;
        let parent = fields.next()?.parse().ok()?;
        let comm = head.split_once('(')?.1.to_owned();
        let cmdline = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let words = String::from_utf8_lossy(&cmdline);
        let cmdline = words.split_terminator('\0').map(str::to_owned).collect();
        Some(Self { pid, ppid: parent, state, comm, cmdline })
    }

    /// Ended, but not waited for.
    pub fn is_zombie(&self) -> bool {
        self.state == 'Z'
    }

    /// Whether it is no longer the program that has `word` in its command line. In the middle of an exec the command
    /// line is empty.
    pub(super) fn is_past_exec(&self, word: &str) -> bool {
        !self.cmdline.is_empty() && !self.cmdline.iter().any(|own| own == word)
    }
}

/// The PID namespace of a process, as a name like `pid:[4026532201]`.
pub fn pid_namespace(pid: i32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/pid")).ok()
}

/// All processes of a PID namespace, zombies too, the lowest number first.
pub fn processes_in(namespace: &Path) -> Vec<Process> {
    let entries = fs::read_dir("/proc").expect("/proc");
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let inside = pids.filter(|pid| pid_namespace(*pid).as_deref() == Some(namespace));
    let mut processes: Vec<Process> = inside.filter_map(Process::read).collect();
    processes.sort_by_key(|process| process.pid);
    processes
}

/// The processes of a session that have not ended.
pub(crate) fn living_in_session(session: i32) -> Vec<i32> {
    let entries = fs::read_dir("/proc").expect("/proc");
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_member =
        |pid: &i32| nix::unistd::getsid(Some(nix::unistd::Pid::from_raw(*pid))).is_ok_and(|id| id.as_raw() == session);
    pids.filter(is_member).filter(|pid| Process::read(*pid).is_some_and(|process| !process.is_zombie())).collect()
}
