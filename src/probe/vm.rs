//! The VM that a release runs, as the kernel shows it: scripts before it may have changed its name and its flags, so its
//! own command line decides.

use crate::sys::{self, Process};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

/// The VM of a release whose first process is `main`: that process itself, else the VM below it that has run longest. A
/// release that runs in the background is below the supervisor alone.
pub(super) fn find(main: i32, supervisor: i32) -> Option<Process> {
    let own = Process::read(main)?;
    if own.is_vm {
        return Some(own);
    }
    let processes = sys::processes();
    [main, supervisor].into_iter().find_map(|root| {
        let vms = sys::below(root, &processes).filter(|process| process.is_vm);
        vms.min_by_key(|vm| vm.started).copied()
    })
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
