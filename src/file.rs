//! Files that others wrote: read whole, but never without end.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// As large as a `ConfigMap` or a Secret can be, in bytes; the other files that we read are far smaller.
pub const MAX_SIZE: u64 = 1 << 20;

/// Reads a file of at most [`MAX_SIZE`] bytes.
///
/// # Errors
/// Those of [`read_at_most`].
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_at_most(MAX_SIZE, path)
}

/// Reads a file of at most so many bytes.
///
/// # Errors
/// It cannot be read, it is larger, or it is no file: a fifo would be waited for until somebody writes to it.
pub fn read_at_most(max: u64, path: &Path) -> io::Result<Vec<u8>> {
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

/// The same as text. Bytes that are no UTF-8 become `\u{fffd}`: they stand in comments at most.
///
/// # Errors
/// Those of [`read`].
pub fn read_text(path: &Path) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&read(path)?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_not_read() {
        assert_eq!(read(Path::new("/dev/zero")).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(read(Path::new("/")).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("large");
        File::create(&path).unwrap().set_len(MAX_SIZE + 1).unwrap();
        assert_eq!(read(&path).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        File::options().write(true).open(&path).unwrap().set_len(MAX_SIZE).unwrap();
        assert_eq!(read_text(&path).unwrap().len() as u64, MAX_SIZE);
    }
}
