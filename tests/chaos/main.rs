//! `make chaos`: the whole start and life of a real release, hundreds of times, each with different faults. `make test`
//! runs a few dozen.
//!
//! `CHAOS_SEED=N CHAOS_RUNS=1` repeats the run that a failure names.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test ends with a panic, and its schedule is a matter of time"
)]

mod invariants;
mod life;
mod long_life;
mod schedule;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use life::Life;
use schedule::Schedule;
use support::demo_release;
use test_support as support;

/// More than cores: most of a life is waiting.
const AT_ONCE: usize = 6;

#[test]
fn no_promise_is_broken_whatever_happens_around() {
    let number = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().expect(name));
    let (first, runs) = (number("CHAOS_SEED", fastrand::u64(..1 << 32)), number("CHAOS_RUNS", 24));
    let before = invariants::tree(demo_release());
    let next = AtomicU64::new(first);
    let broken = Mutex::new(Vec::new());
    let ends: Mutex<BTreeMap<String, usize>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + runs {
                        return;
                    }
                    let schedule = Schedule::of(seed);
                    let life = Life::lead(&schedule);
                    *ends.lock().unwrap().entry(life.end()).or_default() += 1;
                    for what in invariants::broken(&schedule, &life) {
                        broken
                            .lock()
                            .unwrap()
                            .push(format!("CHAOS_SEED={seed}: {what}\n{schedule:#?}\n{}", life.log()));
                    }
                }
            });
        }
    });
    let (broken, ends) = (broken.into_inner().unwrap(), ends.into_inner().unwrap());
    // Whether it passes or not.
    writeln!(std::io::stdout().lock(), "chaos: {runs} runs from seed {first}: {ends:?}, {} broken", broken.len())
        .unwrap();
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
    assert_eq!(invariants::tree(demo_release()), before, "the release was changed");
    assert!(ends.len() > 1 || runs == 1, "every life went the same way: {ends:?}");
}
