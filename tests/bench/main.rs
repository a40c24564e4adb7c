//! `make bench`: us beside the inits that people come from, in one interleaved run, as a table with ratios.
//!
//! A busy machine blurs it; figures are medians, and every init has its turn in each round.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a benchmark prints, ends with a panic, and waits for its own children"
)]

#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "fewer parts are needed here than in the tests")]
mod support;

mod init;
mod memory;
mod signals;
mod start;
mod wait;

use init::INITS;

fn main() {
    // Pages of a binary that was just built count as dirty until they are written.
    nix::unistd::sync();
    let rows = [start::wall_time(), signals::latency(), signals::early_losses()]
        .into_iter()
        .chain(memory::rows())
        .chain([init::sizes()]);
    println!("| | {} |", INITS.map(|init| init.name).join(" | "));
    println!("|---|{}", "---|".repeat(INITS.len()));
    for row in rows.collect::<Vec<_>>() {
        println!("| {} | {} |", row.what, row.cells.join(" | "));
    }
    println!("\n{}\n{}", wait::cost(), wait::stop());
}

/// A line of the table.
struct Row {
    what: &'static str,
    cells: Vec<String>,
}

impl Row {
    /// Figures with their ratio to tini's.
    fn of(what: &'static str, figures: &[f64]) -> Self {
        let tini = figures[INITS.iter().position(|init| init.name == "tini").unwrap()];
        let cells = figures
            .iter()
            .map(|figure| if figure.is_nan() { "–".into() } else { format!("{figure:.0} ({:.2})", figure / tini) });
        Self { what, cells: cells.collect() }
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
