//! The text of a start script.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Enough of a start script to recognise its kind.
pub(crate) fn script_text(file: &Path) -> String {
    const ENOUGH: u64 = 1 << 16;
    let mut bytes = Vec::new();
    // Opening a fifo would wait for a writer.
    if !file.is_file() {
        return String::new();
    }
    // What cannot be read cannot be started either, and the start reports that.
    let _ = File::open(file).and_then(|file| file.take(ENOUGH).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_a_file_has_a_text() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("script");
        std::os::unix::fs::symlink("/dev/zero", &script).unwrap();
        assert_eq!(script_text(&script), "");
        fs::remove_file(&script).unwrap();
        fs::write(&script, "#!/bin/sh\n").unwrap();
        assert_eq!(script_text(&script), "#!/bin/sh\n");
    }
}
