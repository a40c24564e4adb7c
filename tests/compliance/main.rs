//! The same cases against us and the inits that people come from. Each case is one that users filed with one of them.
//!
//! Prints who passes what. Fails if we fail anything.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test ends with a panic, waits for its own children and polls with a deadline"
)]

mod cases;

use std::panic::{AssertUnwindSafe, catch_unwind};

use cases::{CASES, Case, Init};
use support::{Cluster, DnsSettings};
use test_support as support;

const INITS: [Init; 4] = [
    Init {
        name: "beaminit",
        entrypoint: &["beaminit", "--"],
        group: Group::Setting("BEAMINIT_SIGNAL_TARGET"),
        subreaper: &["beaminit", "--"],
    },
    Init {
        name: "tini",
        entrypoint: &["tini", "--"],
        group: Group::Words(&["tini", "-g", "--"]),
        subreaper: &["tini", "-s", "--"],
    },
    Init {
        name: "dumb-init",
        entrypoint: &["dumb-init", "--"],
        group: Group::Words(&["dumb-init", "--"]),
        subreaper: &["dumb-init", "--"],
    },
    Init {
        name: "catatonit",
        entrypoint: &["catatonit", "--"],
        group: Group::Words(&["catatonit", "-g", "--"]),
        subreaper: &["catatonit", "--"],
    },
];

/// How an init is configured to signal the whole group.
#[derive(Clone, Copy)]
enum Group {
    Words(&'static [&'static str]),
    Setting(&'static str),
}

/// Nothing, or why the case failed.
type Outcome = Result<(), String>;

/// What becomes of every case with this init.
fn results(init: Init) -> Vec<Outcome> {
    let run = |case: &Case| {
        let cluster = Cluster::start(DnsSettings::default());
        catch_unwind(AssertUnwindSafe(|| (case.run)(&cluster, init))).map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
        })
    };
    CASES.iter().map(run).collect()
}

#[test]
fn we_pass_what_they_pass_and_more() {
    // A peer that fails a case panics in it; that is a row of the table, not a page of text.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    // We alone first: the peers' failures are mostly waited for, and need no quiet machine.
    let ours = results(INITS[0]);
    let theirs = std::thread::scope(|scope| {
        INITS[1..]
            .iter()
            .map(|init| scope.spawn(|| results(*init)))
            .collect::<Vec<_>>()
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    std::panic::set_hook(hook);

    println!("{:64} {}", "", INITS.map(|init| format!("{:10}", init.name)).join(""));
    let mark = |result: &Outcome| format!("{:10}", if result.is_ok() { "passes" } else { "-" });
    for (number, case) in CASES.iter().enumerate() {
        let marks: String = std::iter::once(&ours).chain(&theirs).map(|results| mark(&results[number])).collect();
        println!("{:64} {marks}", case.name);
    }
    let failures: Vec<_> =
        CASES.iter().zip(&ours).filter_map(|(case, result)| Some((case.name, result.as_ref().err()?))).collect();
    assert!(failures.is_empty(), "{failures:#?}");
}
