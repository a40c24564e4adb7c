//! How soon a TERM arrives, and how many of the early ones are lost.

use std::io::Read;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::init::{INITS, Init, end};
use crate::{Row, median};

/// Writes a byte when it is ready, and one for each TERM.
const LISTENER: &str = "$| = 1; $SIG{TERM} = sub { syswrite(STDOUT, 't') }; syswrite(STDOUT, 'r'); sleep 1 while 1;";
const SIGNALS: usize = 300;
const EARLY_TRIALS: u32 = 200;
const EARLY: Duration = Duration::from_micros(1500);
/// An init that has not ended by now has lost the signal.
const PATIENCE: Duration = Duration::from_millis(50);

pub(crate) fn latency() -> Row {
    let figures = INITS.map(|init| {
        let mut child = init.start(&["/usr/bin/perl", "-e", LISTENER], Stdio::piped());
        let mut stdout = child.stdout.take().unwrap();
        let mut byte = [0];
        stdout.read_exact(&mut byte).unwrap();
        let mut times = Vec::new();
        for _ in 0..SIGNALS {
            let sent = Instant::now();
            term(&child);
            stdout.read_exact(&mut byte).unwrap();
            times.push(sent.elapsed().as_secs_f64() * 1e6);
            // bash forwards one signal only.
            if init.name == "bash" {
                break;
            }
        }
        end(child);
        median(times)
    });
    Row::of("TERM to the child's handler, µs", &figures)
}

pub(crate) fn early_losses() -> Row {
    let mut lost = INITS.map(|_| 0);
    for trial in 0..EARLY_TRIALS {
        for (init, lost) in INITS.iter().zip(&mut lost) {
            *lost += u32::from(loses(*init, EARLY * trial / EARLY_TRIALS));
        }
    }
    let percent = lost.map(|lost| f64::from(lost) * 100.0 / f64::from(EARLY_TRIALS));
    Row::of("TERM lost, 0 to 1.5 ms after exec, %", &percent)
}

/// Whether a TERM so long after exec ends nothing.
fn loses(init: Init, after: Duration) -> bool {
    let mut child = init.start(&["/bin/sleep", "1000"], Stdio::null());
    let deadline = Instant::now() + after;
    while Instant::now() < deadline {
        std::hint::spin_loop();
    }
    term(&child);
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

fn term(child: &Child) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
}
