//! `beaminit probe`: asks the node of the release that runs here, in the node's own protocol, whether it is alive or has
//! started. It starts no second VM, and leaves nothing behind in the node.

pub(crate) mod ask;
mod boot_mark;
mod cookie;
pub(crate) mod deadline;
pub(crate) mod failure;
mod flags;
pub(crate) mod handshake;
mod judge;
mod place;
pub(crate) mod session;
pub(crate) mod terms;
mod verdict;
mod vm;

use crate::cli::ProbeRequest;
use crate::hand_over::run_dir::RunDirPlaces;
use deadline::Deadline;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

pub(crate) use verdict::Verdict;

/// Probes. Whatever hangs, the verdict comes within the timeout.
pub(crate) fn probe(request: &ProbeRequest, places: RunDirPlaces) -> Verdict {
    let (sender, verdict) = mpsc::channel();
    let asked = request.clone();
    // Less for the thread, so that it has time to say what it waited for.
    let margin = (request.timeout / 10).min(Duration::from_millis(50));
    let deadline = Deadline::after(request.timeout.saturating_sub(margin));
    // A read from /proc or a file can hang, and has no timeout. What hangs ends with this process.
    thread::spawn(move || {
        let _ = sender.send(judge::judge(&asked, &places, deadline));
    });
    let verdict = verdict.recv_timeout(request.timeout);
    verdict.unwrap_or_else(|_| Verdict::new(&request.question, deadline).fail("the kernel did not answer in time"))
}

#[cfg(test)]
mod tests;
