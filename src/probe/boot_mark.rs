//! A mark that a VM has once answered that it has started: if it is silent later, it does not boot.

use crate::hand_over::run_dir::STARTED_MARK;
use crate::sys::Process;
use std::fs;
use std::path::Path;

fn text(vm: &Process) -> String {
    format!("{} {}\n", vm.pid, vm.started)
}

/// Whether a VM of this start has answered so.
pub(super) fn is_any(dir: &Path) -> bool {
    dir.join(STARTED_MARK).exists()
}

/// Whether this VM has.
pub(super) fn is_set(dir: &Path, vm: &Process) -> bool {
    fs::read_to_string(dir.join(STARTED_MARK)).is_ok_and(|found| found == text(vm))
}

/// Notes that it has. Where nothing can be written, only the limit for a boot decides.
pub(super) fn set(dir: &Path, vm: &Process) {
    if !is_set(dir, vm) {
        let _ = fs::write(dir.join(STARTED_MARK), text(vm));
    }
}
