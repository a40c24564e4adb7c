//! The crash dump of a VM: its first lines say why the VM ended.

use crate::exit::ExitReason;
use crate::signal;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// A VM ends as soon as its dump is written, and what is between it and beaminit ends a little later.
const LAST_SECONDS: Duration = Duration::from_secs(5);

/// The `Slogan:` of the dump at `path`, if it was written by what has just `ended`. A failed `eval` beside the release
/// leaves its dump in the same place.
///
/// By the wall clock, since files know no other; an hour that jumps costs the line at most.
pub(crate) fn slogan_of_exit(path: &Path, ended: ExitReason, now: SystemTime) -> Option<String> {
    if !is_of_crash(ended) {
        return None;
    }
    let file = File::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    let written = metadata.modified().ok()?;
    // A file's clock may be a tick behind.
    let is_of_this_exit = (now - LAST_SECONDS..=now + Duration::from_secs(1)).contains(&written);
    if !metadata.is_file() || !is_of_this_exit {
        return None;
    }
    // It is in the third line; the dump itself may have gigabytes.
    let lines = BufReader::new(file.take(8192)).lines().map_while(Result::ok);
    lines.take(10).find_map(|line| line.strip_prefix("Slogan: ").map(|slogan| slogan.chars().take(500).collect()))
}

/// A VM that has written a dump ends with 1, or by ABRT; by ALRM if `ERL_CRASH_DUMP_SECONDS` cut the dump short. Shells
/// pass a signal on as a code.
fn is_of_crash(ended: ExitReason) -> bool {
    const SIGNALS: [i32; 2] = [signal::ABRT, signal::ALRM];
    ended.code() == 1 || SIGNALS.iter().any(|signal| ended.code() == ExitReason::Signal(*signal).code())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: ExitReason = ExitReason::Code(1);

    #[test]
    fn only_a_dump_of_this_exit_counts() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "=erl_crash_dump:0.5\nSun Nov 22 2026\nSlogan: Kernel pid terminated\nSystem version\n",
        )
        .unwrap();
        let written = file.as_file().metadata().unwrap().modified().unwrap();
        let slogan = |ended, now| slogan_of_exit(file.path(), ended, now);
        assert_eq!(slogan(FAILED, written).as_deref(), Some("Kernel pid terminated"));
        assert!(slogan(FAILED, written + LAST_SECONDS).is_some());
        assert_eq!(slogan(FAILED, written + LAST_SECONDS + Duration::from_millis(1)), None, "another process left it");
        assert_eq!(slogan(FAILED, written - Duration::from_secs(2)), None);
        for (ended, is_crash) in [
            (ExitReason::Code(3), false),
            (ExitReason::Signal(signal::KILL), false),
            (ExitReason::Signal(signal::ABRT), true),
            (ExitReason::Code(134), true),
        ] {
            assert_eq!(slogan(ended, written).is_some(), is_crash, "{ended:?}");
        }
        assert_eq!(slogan_of_exit(Path::new("/nonexistent"), FAILED, written), None);
        assert_eq!(slogan_of_exit(Path::new("/"), FAILED, written), None);
    }
}
