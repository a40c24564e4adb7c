//! Programs that the demo runs.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use super::stage::Outcome;

/// What the story ends with after Ctrl-C.
pub(crate) const INTERRUPTED: &str = "interrupted";

/// Runs it and returns its stdout. In a separate process group, so that Ctrl-C stops the story and not its cleaning up.
pub(crate) fn run(command: &mut Command) -> Outcome<String> {
    output(command.process_group(0))
}

/// The same in our own process group, for what may take minutes: Ctrl-C ends it as well.
pub(crate) fn run_interruptibly(command: &mut Command, interrupted: &AtomicBool) -> Outcome<String> {
    let outcome = output(command);
    if interrupted.load(Ordering::Relaxed) { Err(INTERRUPTED.to_owned()) } else { outcome }
}

fn output(command: &mut Command) -> Outcome<String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|cause| format!("{}: {cause}", line(command)))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {}\n{}", line(command), output.status, said.trim()))
}

/// `docker ARGUMENTS`
pub(crate) fn docker(arguments: &[&str]) -> Outcome<String> {
    run(Command::new("docker").args(arguments))
}

/// As it would be typed.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
