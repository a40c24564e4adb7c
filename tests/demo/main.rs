//! `make demo`: three nodes of a real release form a cluster, lose one and get it back. Fails if it did not happen.
//!
//! With a Docker daemon the nodes are containers, else they are made of namespaces. `KEEP=1` leaves the cluster up until
//! Ctrl-C, `PORT` is the first of three ports for the nodes' pages, `DOCKER=no` does without a daemon that is there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a demo prints its story on stdout, and rounds its times for people"
)]

mod command;
mod docker;
mod images;
mod namespaces;
mod page;
mod stage;
mod story;
mod timeline;

use std::env;
use std::fs::{self, File};
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use test_support as support;

use nix::fcntl::{Flock, FlockArg};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use command::INTERRUPTED;
use docker::Docker;
use namespaces::{Namespaces, listen};
use stage::{NODES, Outcome, Stage};
use story::Story;

const FIRST_PORT: u16 = 8470;
/// Two more come behind it.
const LAST_PORT: u16 = u16::MAX - 2;

fn main() -> ExitCode {
    match demo() {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            eprintln!("demo: {cause}");
            ExitCode::FAILURE
        }
    }
}

fn demo() -> Outcome<()> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&interrupted)).map_err(|cause| cause.to_string())?;
    }
    let _alone = lock()?;
    let first_port = match env::var("PORT") {
        Ok(port) => port
            .parse()
            .ok()
            .filter(|port| (1..=LAST_PORT).contains(port))
            .ok_or_else(|| format!("PORT={port}: no port of 1 to {LAST_PORT}, the first of three"))?,
        Err(_) => FIRST_PORT,
    };
    let cookie: String = std::iter::repeat_with(fastrand::alphanumeric).take(24).collect();
    let found =
        if env::var("DOCKER").is_ok_and(|word| word == "no") { Err("DOCKER=no".to_owned()) } else { Docker::find() };
    if found.is_ok() {
        docker::remove_left_over()?;
    }
    let listeners = listen(first_port);
    if listeners.len() < NODES.len() {
        let last = usize::from(first_port) + NODES.len() - 1;
        return Err(format!(
            "somebody listens on a port of {first_port} to {last}\n\
             hint: `make demo PORT=9000` takes ports 9000 to 9002 instead"
        ));
    }
    let mut stage: Box<dyn Stage> = match found {
        Ok(compose) => {
            drop(listeners); // the daemon listens there itself
            Box::new(Docker::new(compose, first_port, &cookie, &interrupted)?)
        }
        Err(reason) => {
            println!("{reason}: the nodes are made of namespaces");
            let stage = Namespaces::new(&cookie);
            stage.forward(listeners);
            Box::new(stage)
        }
    };
    let keep = env::var("KEEP").is_ok_and(|word| !matches!(word.as_str(), "" | "0" | "no"));
    let mut story = Story::new(stage.as_mut(), first_port, interrupted);
    let reported = story.tell(keep);
    if reported.as_ref().is_err_and(|cause| cause != INTERRUPTED) {
        story.log().for_each(|line| eprintln!("{line}"));
    }
    reported
}

/// Held until the end of the process: two demos would clean each other up.
fn lock() -> Outcome<Flock<File>> {
    let path = env::temp_dir().join("beaminit-demo.lock");
    let open = File::options().create(true).append(true).open(&path);
    let file = open.map_err(|cause| format!("{}: {cause}", path.display()))?;
    let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| {
        let owner = fs::read_to_string(&path).unwrap_or_default();
        format!(
            "another demo runs on this machine, as process {}\nhint: wait for its end, or end it with Ctrl-C",
            owner.trim()
        )
    })?;
    fs::write(&path, process::id().to_string()).map_err(|cause| format!("{}: {cause}", path.display()))?;
    Ok(lock)
}
