//! The wait's machine against clusters of every kind, thousands of pods on a virtual clock. Nothing here is as long
//! as it says it is.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "a test ends with a panic, and counts pods, not atoms"
)]

mod cluster;
#[allow(dead_code, reason = "the machine's own tests use the rest")]
mod coredns;
mod dials_to_a_dead_address;
mod load_on_the_servers;
mod pod;
mod replacement;
mod scene;
mod times_in_every_cluster;

// The model names the library's modules as they are called inside it.
use beaminit::testing::{identity, variables, wait};

use std::io::Write;

/// Prints a table whether or not the test passes; the harness keeps what `println!` says to itself.
fn show(table: &str) {
    std::io::stdout().lock().write_all(table.as_bytes()).unwrap();
}
