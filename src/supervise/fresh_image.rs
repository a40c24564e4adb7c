//! Supervision from a fresh image: once the release runs, beaminit executes its own file again.
//!
//! A wait for DNS leaves 176 KiB of private memory behind, the fresh image needs 56, and tini 96; it is charged to the pod
//! for as long as the release runs. Users with many small pods on a node need this: otherwise they would pay for beaminit's
//! wait all the time, and tini would be the better supervisor. Nothing is lost on the way: process number,
//! children, signal mask and pending signals stay.

use crate::{cli, sys};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// A pipe that nobody reads yet takes at least this much.
const MAX: usize = 4096;

/// Executes this program again with the same arguments; there [`take`] returns `state`. Returns only if that fails, and
/// then nothing has changed.
pub(crate) fn enter(state: &impl Serialize) -> io::Error {
    become_image(state).unwrap_or_else(|error| error)
}

fn become_image(state: &impl Serialize) -> io::Result<io::Error> {
    let state = serde_json::to_vec(state)?;
    if state.len() > MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let (reader, mut writer) = io::pipe()?;
    writer.write_all(&state)?;
    drop(writer);
    sys::keep_over_exec(reader.as_fd())?;
    let descriptor = reader.as_raw_fd();
    // The new image could not go back if it could not read it.
    File::open(path(descriptor))?;
    let mut words = std::env::args_os();
    let mut image = Command::new("/proc/self/exe");
    image.arg0(words.next().unwrap_or_default()).arg(format!("--{}={descriptor}", cli::TAKE_UP)).args(words);
    Ok(image.exec())
}

/// Takes the state that [`enter`] passed.
///
/// # Errors
/// The descriptor holds no state: the option was given by hand.
pub(crate) fn take<T: DeserializeOwned>(descriptor: i32) -> io::Result<T> {
    sys::set_name(c"beaminit");
    let state = fs::read(path(descriptor))?;
    sys::close(descriptor);
    Ok(serde_json::from_slice(&state)?)
}

fn path(descriptor: i32) -> String {
    format!("/proc/self/fd/{descriptor}")
}
