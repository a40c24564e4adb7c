//! How long a start takes.

use std::process::Stdio;
use std::time::Instant;

use nix::sched::{CloneFlags, unshare};

use crate::init::INITS;
use crate::median;
use crate::results::Row;

const ROUNDS: usize = 500;

pub(crate) fn rows() -> Vec<Row> {
    // A thread has a network of its own, as a container has: who looks at the interfaces would pay for those of this machine.
    let in_a_network_of_its_own = || {
        unshare(CloneFlags::CLONE_NEWNET).expect("a namespace; run as root");
        times()
    };
    let times = std::thread::spawn(in_a_network_of_its_own).join().unwrap();
    vec![Row::with_ratios("`INIT true`, µs", &times.map(median))]
}

fn times() -> [Vec<f64>; INITS.len()] {
    let mut times = INITS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (init, times) in INITS.iter().zip(&mut times) {
            let start = Instant::now();
            let mut child = init.start(&["/bin/true"], Stdio::null(), Stdio::null());
            assert!(child.wait().unwrap().success());
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    times
}
