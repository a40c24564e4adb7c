//! How long a start takes.

use std::process::Stdio;
use std::time::Instant;

use crate::init::INITS;
use crate::median;
use crate::results::Row;

const ROUNDS: usize = 500;

pub(crate) fn rows() -> Vec<Row> {
    let mut times = INITS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (init, times) in INITS.iter().zip(&mut times) {
            let start = Instant::now();
            let mut child = init.start(&["/bin/true"], Stdio::null(), Stdio::null());
            assert!(child.wait().unwrap().success());
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    vec![Row::with_ratios("`INIT true`, µs", &times.map(median))]
}
