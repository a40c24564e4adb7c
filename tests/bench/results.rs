//! The table, and the two places where it is.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::init::INITS;

/// A line of the table.
pub(crate) struct Row {
    what: &'static str,
    cells: Vec<String>,
}

impl Row {
    /// Figures, in the order of `INITS`; those that are none are not measured.
    pub(crate) fn of(what: &'static str, figures: &[f64]) -> Self {
        let cells = figures.iter().map(|figure| number(*figure));
        Self { what, cells: cells.collect() }
    }

    /// The same, each with its ratio to tini's.
    pub(crate) fn with_ratios(what: &'static str, figures: &[f64]) -> Self {
        let tini = figures[INITS.iter().position(|init| init.name == "tini").unwrap()];
        let cell = |figure: f64| {
            if figure.is_nan() { number(figure) } else { format!("{} ({:.2})", number(figure), figure / tini) }
        };
        Self { what, cells: figures.iter().map(|figure| cell(*figure)).collect() }
    }
}

fn number(figure: f64) -> String {
    if figure.is_nan() { "–".to_owned() } else { format!("{figure:.0}") }
}

pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = format!("| | {} |\n|---|{}\n", INITS.map(|init| init.name).join(" | "), "---|".repeat(INITS.len()));
    for row in rows {
        writeln!(table, "| {} | {} |", row.what, row.cells.join(" | ")).unwrap();
    }
    table
}

const BEGIN: &str = "<!-- written by make bench -->";
const END: &str = "<!-- end -->";

/// Ours and tini's figures in one line.
fn sentence(rows: &[Row]) -> String {
    let column = |name: &str| INITS.iter().position(|init| init.name == name).unwrap();
    let [ours, tini] = [column("beaminit"), column("tini")];
    let figures = rows.iter().map(|row| format!("{}: {}, tini {}", row.what, row.cells[ours], row.cells[tini]));
    figures.collect::<Vec<_>>().join("; ").replace(" (1.00)", "") + "."
}

/// Writes `tests/bench/RESULTS.md`, and the sentence into the README.
pub(crate) fn write(rows: &[Row], wait: &[String], probes: &str) {
    let (table, sentence) = (table(rows), sentence(rows));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let cpus = std::thread::available_parallelism().unwrap();
    let about = format!(
        "# What `make bench` measured last\n\nOn {cpus} CPUs under Linux {}, {}. Medians; in brackets the ratio to tini's. \
         Each init runs as PID 1;\n`none` is the command by itself. For memory ours has waited for its record before.\n",
        kernel.trim().split('-').next().unwrap(),
        std::env::consts::ARCH
    );
    let wait = wait.join("\n* ");
    fs::write(path("tests/bench/RESULTS.md"), format!("{about}\n{table}\n{sentence}\n\n* {wait}\n\n{probes}")).unwrap();
    put_between_marks("README.md", &sentence);
    put_between_marks("docker/RECIPES.md", &format!("\n{probes}"));
}

fn put_between_marks(file: &str, text: &str) {
    let old = fs::read_to_string(path(file)).unwrap();
    let (before, rest) = old.split_once(BEGIN).expect("the mark where it begins");
    let (_, after) = rest.split_once(END).expect("the mark where it ends");
    fs::write(path(file), format!("{before}{BEGIN}{text}{END}{after}")).unwrap();
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
