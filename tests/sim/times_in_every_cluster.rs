//! How long after its publication a record is seen, in each kind of cluster and each kind of start.

use std::fmt::Write;
use std::sync::LazyLock;

use crate::cluster::{SETUPS, Setup};
use crate::coredns::is_existence;
use crate::pod::{Start, World};
use crate::scene::{Fate, SCENES, Scene};
use crate::show;

const PODS: u64 = 1000;

/// A thousand starts of one kind in one kind of cluster.
struct Cell {
    scene: &'static Scene,
    setup: &'static Setup,
    fresh: Vec<Start>,
    looped: Vec<Start>,
}

impl Cell {
    fn of(scene: &'static Scene, setup: &'static Setup) -> Self {
        let world = |seed| World::new(setup, |rng| Fate::draw(scene, rng), seed);
        Self {
            scene,
            setup,
            fresh: (0..PODS).map(|seed| world(seed).fresh(seed)).collect(),
            looped: (0..PODS).map(|seed| world(seed).looped()).collect(),
        }
    }

    fn name(&self) -> String {
        format!("{}, {}", self.scene.name, self.setup.name)
    }
}

fn mean(starts: &[Start], figure: impl Fn(&Start) -> f64) -> f64 {
    starts.iter().map(figure).sum::<f64>() / starts.len() as f64
}

fn mean_late(starts: &[Start]) -> f64 {
    mean(starts, |start| start.late)
}

/// `mean p95 max questions`.
fn figures(starts: &[Start]) -> String {
    let mut late: Vec<f64> = starts.iter().map(|start| start.late).collect();
    late.sort_by(f64::total_cmp);
    let (p95, max) = (late[late.len() * 95 / 100], late[late.len() - 1]);
    let questions = mean(starts, |start| (start.asked.len() + start.asked_for_peers.len()) as f64);
    format!("{:6.2} {p95:6.2} {max:6.2} {questions:6.1}", mean_late(starts))
}

/// All cells, made once for all tests and shown.
static CELLS: LazyLock<Vec<Cell>> = LazyLock::new(|| {
    let cells: Vec<Cell> =
        SCENES.iter().flat_map(|scene| SETUPS.iter().map(move |setup| Cell::of(scene, setup))).collect();
    let mut table = format!("\nseconds from publication to sight, and questions a pod; {PODS} pods a row\n");
    let (clients, heads) = (["fresh", "one-second loop"], "  mean    p95    max      q");
    writeln!(table, "{:37} {:27}   {}", "", clients[0], clients[1]).unwrap();
    writeln!(table, "{:37} {heads:27}   {heads}", "").unwrap();
    for cell in &cells {
        let (scene, setup) = (cell.scene.name, cell.setup.name);
        writeln!(table, "{scene:17}{setup:20} {}   {}", figures(&cell.fresh), figures(&cell.looped)).unwrap();
    }
    show(&table);
    cells
});

/// The names of the cells in which something does not hold, with the figure.
fn cells_where(fault: impl Fn(&Cell) -> Option<String>) -> Vec<String> {
    CELLS.iter().filter_map(|cell| Some(format!("{}: {}", cell.name(), fault(cell)?))).collect()
}

#[test]
fn the_record_is_seen_within_the_bound_of_its_scene() {
    let late = cells_where(|cell| {
        let mean = mean_late(&cell.fresh);
        (mean > cell.scene.bound).then(|| format!("{mean:.3} s on average"))
    });
    assert!(late.is_empty(), "{late:#?}");
}

#[test]
fn no_cell_is_slower_than_the_loop_beside_it() {
    let slower = cells_where(|cell| {
        let (fresh, looped) = (mean_late(&cell.fresh), mean_late(&cell.looped));
        (fresh > looped).then(|| format!("{fresh:.3} s, the loop {looped:.3} s"))
    });
    assert!(slower.is_empty(), "{slower:#?}");
}

#[test]
fn no_record_is_seen_before_it_is_there() {
    let impossible = cells_where(|cell| {
        let starts = cell.fresh.iter().chain(&cell.looped);
        starts.map(|start| start.late).find(|late| *late < 0.0).map(|late| format!("{late}"))
    });
    assert!(impossible.is_empty(), "{impossible:#?}");
}

#[test]
fn no_ordinary_question_comes_before_the_name_is_known() {
    let harmful = cells_where(|cell| {
        let count: usize = cell.fresh.iter().map(|start| start.ordinary_too_early).sum();
        (count > 0).then(|| format!("{count} questions"))
    });
    assert!(harmful.is_empty(), "{harmful:#?}");
}

/// Two questions a second for ten seconds, then one, each pause a fifth longer or shorter; what else is asked is little.
#[test]
fn a_pod_is_polite() {
    let rude = cells_where(|cell| cell.fresh.iter().find_map(|start| rudeness(&start.asked)));
    assert!(rude.is_empty(), "{rude:#?}");
}

#[test]
fn all_pods_together_keep_the_pace_on_average() {
    let rude = cells_where(|cell| {
        let last = |start: &Start| start.asked.last().map_or(0.0, |(at, _)| *at);
        // One at the start, and half a one where the pace changes in the middle of a pause.
        let planned = mean(&cell.fresh, |start| 1.5 + 2.0 * last(start).min(10.0) + (last(start) - 10.0).max(0.0));
        let existence = |start: &Start| start.asked.iter().filter(|(_, question)| is_existence(*question)).count();
        let asked = mean(&cell.fresh, |start| existence(start) as f64);
        (asked > planned).then(|| format!("{asked:.2} existence questions, planned {planned:.2}"))
    });
    assert!(rude.is_empty(), "{rude:#?}");
}

/// What breaks the law in the questions of one pod, if anything.
fn rudeness(asked: &[(f64, crate::wait::questions::Question)]) -> Option<String> {
    let existence: Vec<f64> = asked.iter().filter(|(_, question)| is_existence(*question)).map(|(at, _)| *at).collect();
    let hasty = existence.windows(2).find(|pair| pair[1] - pair[0] < if pair[0] < 10.0 { 0.4 } else { 0.8 } - 1e-6);
    if let Some(pair) = hasty {
        return Some(format!("existence questions at {pair:?}"));
    }
    let second = |from: f64| asked.iter().filter(|(at, _)| (from..from + 1.0).contains(at)).count();
    let busiest = asked.iter().map(|(from, _)| second(*from)).max().unwrap_or(0);
    (busiest > 8).then(|| format!("{busiest} questions in a second"))
}
