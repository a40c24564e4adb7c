//! How soon a TERM arrives, and how many of the early ones are lost.

use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::init::{INITS, Init, end, signal};
use crate::median;
use crate::results::Row;

/// Writes a byte when it is ready, and one for each TERM.
const LISTENER: &str = "$| = 1; $SIG{TERM} = sub { syswrite(STDOUT, 't') }; syswrite(STDOUT, 'r'); sleep 1 while 1;";
const SIGNALS: usize = 1000;
const EARLY_TRIALS: u32 = 200;
const EARLY: Duration = Duration::from_micros(1500);
/// An init that has not ended by now has lost the signal.
const PATIENCE: Duration = Duration::from_millis(50);

pub(crate) fn latency() -> Vec<Row> {
    let mut listeners = INITS.map(|init| {
        let mut child = init.start(&["/usr/bin/perl", "-e", LISTENER], Stdio::null(), Stdio::piped());
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0]).unwrap();
        (child, stdout)
    });
    let mut times = INITS.map(|_| Vec::new());
    for round in 0..SIGNALS {
        for ((init, (child, stdout)), times) in INITS.iter().zip(&mut listeners).zip(&mut times) {
            // bash forwards one signal only.
            if init.name == "bash" && round > 0 {
                continue;
            }
            let sent = Instant::now();
            signal(child, Signal::TERM);
            stdout.read_exact(&mut [0]).unwrap();
            times.push(sent.elapsed().as_secs_f64() * 1e6);
        }
    }
    for (child, _) in listeners {
        end(child);
    }
    vec![Row::with_ratios("TERM to the child's handler, µs", &times.map(median))]
}

pub(crate) fn early_losses() -> Vec<Row> {
    let mut lost = INITS.map(|_| 0);
    for trial in 0..EARLY_TRIALS {
        for (init, lost) in INITS.iter().zip(&mut lost) {
            *lost += u32::from(loses(*init, EARLY * trial / EARLY_TRIALS));
        }
    }
    let percent = lost.map(|lost| f64::from(lost) * 100.0 / f64::from(EARLY_TRIALS));
    vec![Row::of("TERM lost, 0 to 1.5 ms after exec, %", &percent)]
}

/// Whether a TERM this long after exec ends nothing.
fn loses(init: Init, after: Duration) -> bool {
    let mut child = init.start(&["/bin/sleep", "1000"], Stdio::null(), Stdio::null());
    let deadline = Instant::now() + after;
    while Instant::now() < deadline {
        std::hint::spin_loop();
    }
    signal(&child, Signal::TERM);
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::yield_now();
    }
    end(child);
    true
}
