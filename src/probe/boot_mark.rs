//! A mark that a VM has answered once that it has started: from then on its silence is not a boot.

use super::vm::Vm;
use crate::hand_over::run_dir::STARTED_MARK;
use std::fs;
use std::path::Path;

fn text(vm: Vm) -> String {
    format!("{} {}\n", vm.pid, vm.started)
}

/// Whether any VM of this start has said so.
pub(super) fn is_any(dir: &Path) -> bool {
    dir.join(STARTED_MARK).exists()
}

/// Whether this VM has said so before.
pub(super) fn is_set(dir: &Path, vm: Vm) -> bool {
    fs::read_to_string(dir.join(STARTED_MARK)).is_ok_and(|found| found == text(vm))
}

/// Notes that it said so. Where nothing can be written, the limit of a boot alone decides.
pub(super) fn set(dir: &Path, vm: Vm) {
    if !is_set(dir, vm) {
        let _ = fs::write(dir.join(STARTED_MARK), text(vm));
    }
}
