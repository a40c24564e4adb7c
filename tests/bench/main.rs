//! `make bench`: us beside the inits that people come from, in one interleaved run, as a table with ratios.
//!
//! A busy machine blurs it; figures are medians, and every init has its turn in each round. With a word behind it only
//! the parts of that name are measured, and nothing is written.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a benchmark prints, ends with a panic, and waits for its own children"
)]

mod init;
mod memory;
mod probe;
mod reaping;
mod results;
mod signals;
mod start;
mod wait;

use results::Row;
use test_support as support;

type Part = (&'static str, fn() -> Vec<Row>);

const PARTS: [Part; 6] = [
    ("start", start::rows),
    ("latency", signals::latency),
    ("early", signals::early_losses),
    ("memory", memory::rows),
    ("reaping", reaping::rows),
    ("size", init::sizes),
];

fn main() {
    // cargo itself adds --bench.
    let wanted: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    // Pages of a binary that was just built count as dirty until they are written.
    nix::unistd::sync();
    let rows: Vec<_> = PARTS.iter().filter(|(name, _)| is_wanted(name)).flat_map(|(_, measure)| measure()).collect();
    let table = results::table(&rows);
    let wait = if is_wanted("wait") { vec![wait::cost(), wait::stop()] } else { Vec::new() };
    let probes = if is_wanted("probe") { probe::table() } else { String::new() };
    println!("{table}\n{}\n{probes}", wait.join("\n"));
    if wanted.is_empty() {
        results::write(&rows, &wait, &probes);
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
