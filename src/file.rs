//! Reading files that others wrote, up to a limit, and naming files in what the VM reads.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// The size limit of a `ConfigMap` or a Secret, in bytes; the other files are far smaller.
pub(crate) const MAX_SIZE: u64 = 1 << 20;

/// relx's start script, the longest of those that tools write, has 40 kB.
const LONGEST_SCRIPT: u64 = 1 << 17;

/// Stands in a text for the path, but for its last word, of a file in the run directory that was beside a template. The
/// directory is not known yet, and Unicode gives the first character no meaning.
pub(crate) const BESIDE: &str = "\u{e000}/beside-";

/// A path as one word of `vm.args`, or of a variable such as `ERL_FLAGS`.
pub(crate) fn vm_args_word(path: &Path) -> String {
    let mut word = String::new();
    for character in path.to_string_lossy().chars() {
        let is_plain = character.is_ascii_alphanumeric() || matches!(character, '/' | '.' | '_' | '-' | '+');
        if !is_plain && character.is_ascii() {
            word.push('\\');
        }
        word.push(character);
    }
    word
}

/// Reads a file of at most [`MAX_SIZE`] bytes.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_at_most(MAX_SIZE, path)
}

/// Reads a file of at most `max` bytes.
///
/// # Errors
/// It cannot be read, is larger, or is not a regular file: opening a fifo would block until somebody writes to it.
pub(crate) fn read_at_most(max: u64, path: &Path) -> io::Result<Vec<u8>> {
    match fs::metadata(path)? {
        found if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        found if !found.is_file() => return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file")),
        _ => {}
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {max} bytes")));
    }
    Ok(bytes)
}

/// The same as text. Bytes that are not UTF-8 become `\u{fffd}`: valid files have them in comments only.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&read(path)?).into_owned())
}

/// The text of a script, of which the first [`LONGEST_SCRIPT`] bytes are enough. `None` for what is not a regular file, cannot
/// be read, or is a program and not a text, which is not read any further.
pub(crate) fn read_script(path: &Path) -> Option<String> {
    // A fifo would be waited for until somebody writes to it.
    if !path.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    let mut file = File::open(path).ok()?.take(LONGEST_SCRIPT);
    file.by_ref().take(4).read_to_end(&mut bytes).ok()?;
    if bytes.starts_with(b"\x7fELF") {
        return None;
    }
    file.read_to_end(&mut bytes).ok()?;
    (!bytes.contains(&0)).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_directories_and_large_files_are_refused() {
        assert_eq!(read(Path::new("/dev/zero")).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(read(Path::new("/")).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("large");
        File::create(&path).unwrap().set_len(MAX_SIZE + 1).unwrap();
        assert_eq!(read(&path).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        File::options().write(true).open(&path).unwrap().set_len(MAX_SIZE).unwrap();
        assert_eq!(read_text(&path).unwrap().len() as u64, MAX_SIZE);
    }

    #[test]
    fn only_a_text_is_a_script() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("script");
        for (contents, text) in [("#!/bin/sh\n", Some("#!/bin/sh\n")), ("\x7fELF\x02\n", None), ("#!/bin/sh\n\0", None)]
        {
            fs::write(&script, contents).unwrap();
            assert_eq!(read_script(&script).as_deref(), text);
        }
        fs::remove_file(&script).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &script).unwrap();
        assert_eq!(read_script(&script), None);
    }
}
