//! The crash dump of a VM: its first words say why it ended.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::time::SystemTime;

/// The `Slogan:` of the dump at `path`, if it was written since `started`.
///
/// The wall clock, since files know no other; an hour that jumps costs the line at most.
#[must_use]
pub fn slogan(path: &Path, started: SystemTime) -> Option<String> {
    let file = File::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.modified().ok()? < started {
        return None;
    }
    // It stands in the third line; the dump itself may have gigabytes.
    let lines = BufReader::new(file.take(8192)).lines().map_while(Result::ok);
    lines.take(10).find_map(|line| line.strip_prefix("Slogan: ").map(|slogan| slogan.chars().take(500).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn only_a_new_dump_counts() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "=erl_crash_dump:0.5\nSun Nov 22 2026\nSlogan: Kernel pid terminated\nSystem version\n",
        )
        .unwrap();
        let written = file.as_file().metadata().unwrap().modified().unwrap();
        assert_eq!(slogan(file.path(), written).as_deref(), Some("Kernel pid terminated"));
        assert_eq!(slogan(file.path(), written + Duration::from_secs(1)), None);
        assert_eq!(slogan(Path::new("/nonexistent"), written), None);
        assert_eq!(slogan(Path::new("/"), SystemTime::UNIX_EPOCH), None);
    }
}
