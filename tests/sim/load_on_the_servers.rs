//! What the servers get to do when a whole cluster starts at once.

use std::fmt::Write;
use std::sync::LazyLock;

use crate::cluster::{SETUPS, Setup};
use crate::pod::{Start, World};
use crate::scene::{Fate, SCENES};
use crate::show;

const PODS: u64 = 10_000;
/// All pods start within so many seconds.
const WITHIN: [f64; 2] = [1.0, 60.0];
/// The clusters between which a loop's load differs most: one with a cache, one without.
const CLUSTERS: [&Setup; 2] = [&SETUPS[0], &SETUPS[3]];
/// A try with a relative name under `ndots:5` that fails: three names of the search list and the name itself, `A` and
/// `AAAA` of each. One that succeeds ends with the first name.
const FAILED_TRY: usize = 8;
const SUCCESSFUL_TRY: usize = 2;

/// The questions of all pods, by the second in which they come.
struct Load {
    seconds: Vec<usize>,
    /// How many pods are still waiting in that second.
    waiting: Vec<usize>,
    /// How many see their record in that second.
    ended: Vec<usize>,
}

impl Load {
    /// `starts` are the starts with their times; `weigh` says how many questions the n-th of so many stands for.
    fn of(starts: &[(f64, Start)], weigh: impl Fn(usize, usize) -> usize) -> Self {
        let mut load = Self { seconds: vec![0; 200], waiting: vec![0; 200], ended: vec![0; 200] };
        for (from, start) in starts {
            let tries = start.asked.len();
            for (place, (at, _)) in start.asked.iter().enumerate() {
                load.seconds[second(from + at)] += weigh(place, tries);
            }
            let last = start.asked.last().map_or(0.0, |(at, _)| *at);
            load.seconds[second(from + last)] += start.asked_for_peers.len();
            (second(*from)..=second(from + last)).for_each(|second| load.waiting[second] += 1);
            load.ended[second(from + last)] += 1;
        }
        load
    }

    fn peak(&self) -> usize {
        self.seconds.iter().copied().max().unwrap_or(0)
    }

    fn total(&self) -> usize {
        self.seconds.iter().sum()
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time after the start, in seconds")]
fn second(at: f64) -> usize {
    at as usize
}

/// One row of the table: a cluster and how fast the pods come.
struct Row {
    setup: &'static Setup,
    within: f64,
    fresh: Load,
    absolute: Load,
    relative: Load,
}

impl Row {
    fn of(setup: &'static Setup, within: f64) -> Self {
        let world = |seed| World::new(setup, |rng| Fate::draw(&SCENES[0], rng), seed);
        let from = |seed: u64| within * fastrand::Rng::with_seed(!seed).f64();
        let fresh: Vec<_> = (0..PODS).map(|seed| (from(seed), world(seed).fresh(seed))).collect();
        let looped: Vec<_> = (0..PODS).map(|seed| (from(seed), world(seed).looped())).collect();
        let relative = |place, tries| if place + 1 == tries { SUCCESSFUL_TRY } else { FAILED_TRY };
        Self {
            setup,
            within,
            fresh: Load::of(&fresh, |_, _| 1),
            absolute: Load::of(&looped, |_, _| 1),
            relative: Load::of(&looped, relative),
        }
    }
}

/// All rows, made once for all tests and shown.
static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let rows: Vec<Row> =
        CLUSTERS.iter().flat_map(|setup| WITHIN.iter().map(|within| Row::of(setup, *within))).collect();
    let mut table = format!("\nquestions a second in the busiest one, and all of them; {PODS} pods a row\n");
    let clients = ["fresh", "loop, absolute", "loop, ndots:5"];
    writeln!(table, "{:36} {:>16} {:>16} {:>16}", "", clients[0], clients[1], clients[2]).unwrap();
    for Row { setup, within, fresh, absolute, relative } in &rows {
        write!(table, "{:18}starts within {within:2} s ", setup.name).unwrap();
        for load in [fresh, absolute, relative] {
            write!(table, " {:7} {:8}", load.peak(), load.total()).unwrap();
        }
        table.push('\n');
    }
    show(&table);
    rows
});

/// The ordinary questions of a start, for the sake of peers.
const FOR_PEERS: usize = 12;

/// Two questions a second from each pod that waits, one more when the name is there, and those for the sake of peers.
#[test]
fn the_servers_get_two_questions_a_second_from_each_pod_that_waits() {
    for Row { setup, within, fresh, .. } in ROWS.iter() {
        for (second, asked) in fresh.seconds.iter().enumerate() {
            let bound = 2 * fresh.waiting[second] + (1 + FOR_PEERS) * fresh.ended[second];
            assert!(*asked <= bound, "{}, within {within} s: {asked} of {bound} in second {second}", setup.name);
        }
        assert_eq!(fresh.ended.iter().sum::<usize>(), usize::try_from(PODS).unwrap());
    }
}

#[test]
fn a_loop_with_a_relative_name_loads_the_servers_more() {
    for Row { setup, within, fresh, relative, .. } in ROWS.iter() {
        let name = format!("{}, within {within} s", setup.name);
        assert!(fresh.peak() < relative.peak(), "{name}");
        assert!(fresh.total() < relative.total(), "{name}");
    }
}
