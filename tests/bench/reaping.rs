//! How long it takes to reap 10,000 orphans that all died while the init was stopped.

use std::fs;
use std::io::{Read, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, test_kill_process};

use crate::init::{INITS, Init, end, signal};
use crate::median;
use crate::results::Row;
use crate::support::wait_until;

const ROUNDS: usize = 3;
const ORPHANS: usize = 10_000;

/// Forks as many children, which wait for the end of a pipe, and leaves them to the init. At a byte it closes the pipe.
const STORM: &str = "pipe(R, W); if (!fork) { for (1..10000) { if (!fork) { close W; sysread(R, $_, 1); POSIX::_exit(0) } } \
                     POSIX::_exit(0) } wait; close R; syswrite(STDOUT, 'r'); sysread(STDIN, $_, 1); close W; sleep 1000";

pub(crate) fn rows() -> Vec<Row> {
    let mut times = INITS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        // Without an init nobody reaps: perl would have to.
        for (init, times) in INITS.iter().zip(&mut times).skip(1) {
            times.push(time(*init));
        }
    }
    vec![Row::with_ratios("10,000 dead orphans reaped, ms", &times.map(median))]
}

fn time(init: Init) -> f64 {
    let mut child = init.start(&["/usr/bin/perl", "-MPOSIX", "-e", STORM], Stdio::piped(), Stdio::piped());
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    signal(&child, Signal::STOP);
    let mut dying = orphans_of(child.id());
    child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    while dying.iter().any(|pid| !is_zombie(*pid)) {}
    let start = Instant::now();
    signal(&child, Signal::CONT);
    while let Some(last) = dying.last() {
        if test_kill_process(Pid::from_raw(*last).unwrap()).is_err() {
            dying.pop();
        }
    }
    let took = start.elapsed().as_secs_f64() * 1e3;
    end(child);
    took
}

fn orphans_of(pid: u32) -> Vec<i32> {
    let mut orphans = Vec::new();
    // The kernel makes the list piece by piece, and may leave one out.
    wait_until(Duration::from_secs(10), "all orphans are listed", || {
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        // The first is the one that made them.
        orphans = children.split_whitespace().skip(1).map(|pid| pid.parse().unwrap()).collect();
        orphans.len() == ORPHANS
    });
    orphans
}

fn is_zombie(pid: i32) -> bool {
    status(pid).rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
}

fn status(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default()
}
