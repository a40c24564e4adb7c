//! Which peers dial a predecessor's address when the release has started already, or are still busy with it: such a peer
//! refuses the new pod's own connection, and `global` takes the cluster apart.

use std::fmt::Write;
use std::sync::LazyLock;
use std::time::Duration;

use crate::cluster::{SETUPS, Setup};
use crate::replacement::{Before, Replaced, Replacement};
use crate::show;
use crate::variables::WaitPeers;

/// Each cluster is restarted, or started, this many times.
const RUNS: u64 = 50;
/// What a container that is restarted in place, or one of a new cluster, may wait for the sake of peers: a round trip for
/// each of the dozen questions, and no more.
const AT_ONCE: f64 = 12.0 * 0.002 + 1e-9;
/// What people would set where `NodeLocal DNSCache` runs.
const DURATIONS: [u64; 5] = [25, 30, 35, 40, 45];

struct Scene {
    name: &'static str,
    before: Before,
    pods: usize,
    /// How many of them start, one after the other or all at once.
    restarted: u64,
    in_turn: bool,
}

const SCENES: [Scene; 6] = [
    Scene { name: "pod replaced once", before: Before::Predecessor, pods: 3, restarted: 1, in_turn: true },
    Scene { name: "... without a gap", before: Before::PredecessorToTheLast, pods: 3, restarted: 1, in_turn: true },
    Scene { name: "rolling restart of 3", before: Before::Predecessor, pods: 3, restarted: 3, in_turn: true },
    Scene { name: "rolling restart of 10", before: Before::Predecessor, pods: 10, restarted: 10, in_turn: true },
    Scene { name: "restarted in place", before: Before::Ourselves, pods: 3, restarted: 1, in_turn: true },
    Scene { name: "first start of 10", before: Before::Nothing, pods: 10, restarted: 10, in_turn: false },
];

/// All restarts of one kind in one kind of cluster, with one setting.
struct Outcome {
    dials_after: usize,
    dials_under_way: usize,
    seen: f64,
    waited: f64,
    longest: f64,
    took: f64,
}

impl Outcome {
    fn of(scene: &Scene, setup: &'static Setup, policy: WaitPeers) -> Self {
        let pod = Replacement { setup, before: scene.before, peers: scene.pods - 1, policy };
        let all: Vec<Replaced> = (0..RUNS * scene.restarted).map(|seed| pod.run(seed)).collect();
        let mean = |figure: fn(&Replaced) -> f64| all.iter().map(figure).sum::<f64>() / all.len() as f64;
        Self {
            dials_after: all.iter().map(|pod| pod.dials_after).sum(),
            dials_under_way: all.iter().map(|pod| pod.dials_under_way).sum(),
            seen: mean(|pod| pod.seen),
            waited: mean(|pod| pod.waited),
            longest: all.iter().map(|pod| pod.waited).fold(0.0, f64::max),
            took: mean(|pod| pod.took) * if scene.in_turn { scene.restarted as f64 } else { 1.0 },
        }
    }

    fn dials(&self) -> usize {
        self.dials_after + self.dials_under_way
    }
}

/// One row of the table.
struct Row {
    scene: &'static Scene,
    setup: &'static Setup,
    off: Outcome,
    auto: Outcome,
    /// The shortest of the durations with which no peer dials the old address.
    duration: Option<u64>,
}

impl Row {
    fn of(scene: &'static Scene, setup: &'static Setup) -> Self {
        let auto = Outcome::of(scene, setup, WaitPeers::Auto);
        let least = |seconds| WaitPeers::AtLeast(Duration::from_secs(seconds));
        let is_enough = |seconds: &u64| Outcome::of(scene, setup, least(*seconds)).dials() == 0;
        let duration = if setup.node_local && auto.dials() > 0 { DURATIONS.into_iter().find(is_enough) } else { None };
        Self { scene, setup, off: Outcome::of(scene, setup, WaitPeers::Off), auto, duration }
    }

    fn name(&self) -> String {
        format!("{}, {}", self.scene.name, self.setup.name)
    }

    fn is_reached(&self) -> bool {
        !self.setup.node_local
    }

    fn has_predecessor(&self) -> bool {
        matches!(self.scene.before, Before::Predecessor | Before::PredecessorToTheLast)
    }
}

/// All rows, made once for all tests and shown.
static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let rows: Vec<Row> = SCENES.iter().flat_map(|scene| SETUPS.iter().map(|setup| Row::of(scene, setup))).collect();
    let mut table = format!(
        "\ndials to a dead address after the release has started, and still under way then; {RUNS} runs a row\n"
    );
    writeln!(table, "{:42} {:>13}  {:>13}   seconds from sight to start, whole run", "", "off", "auto").unwrap();
    for Row { scene, setup, off, auto, duration } in &rows {
        write!(
            table,
            "{:22}{:20} {:6} {:6}  {:6} {:6}   mean {:5.2} max {:5.2}  {:6.1} (off {:6.1})",
            scene.name,
            setup.name,
            off.dials_after,
            off.dials_under_way,
            auto.dials_after,
            auto.dials_under_way,
            auto.waited,
            auto.longest,
            auto.took,
            off.took
        )
        .unwrap();
        let duration = duration.map_or_else(String::new, |duration| format!("  0 with {duration}s"));
        writeln!(table, "{duration}").unwrap();
    }
    show(&table);
    rows
});

fn rows_where(fault: impl Fn(&Row) -> Option<String>) -> Vec<String> {
    ROWS.iter().filter_map(|row| Some(format!("{}: {}", row.name(), fault(row)?))).collect()
}

#[test]
fn no_peer_dials_a_dead_address_where_our_questions_reach_the_caches() {
    let wrong = rows_where(|row| {
        let dials = row.auto.dials_after;
        (row.is_reached() && dials > 0).then(|| format!("{dials} dials"))
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What no cache has any more cannot be seen: a dial of the few seconds between the predecessor's end and our record.
#[test]
fn dials_that_outlast_every_trace_of_the_address_are_rare() {
    let wrong = rows_where(|row| {
        let (off, auto) = (row.off.dials(), row.auto.dials_under_way);
        let is_cached = row.setup.cache > 0 && row.setup.ttl > 5;
        (is_cached && row.is_reached() && auto * 10 > off).then(|| format!("{auto}, and {off} without the wait"))
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn without_the_wait_for_peers_many_are() {
    let wrong = rows_where(|row| {
        let is_cached = row.setup.cache > 0 || row.setup.node_local;
        (row.has_predecessor() && is_cached && row.off.dials_after == 0).then(|| "no dial at all".to_owned())
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The caches of other machines cannot be asked: an answer lives in two of them one after the other, 35 s at most.
#[test]
fn where_caches_cannot_be_asked_a_duration_does() {
    let wrong = rows_where(|row| {
        let is_open = !row.is_reached() && row.auto.dials() > 0;
        (is_open && row.duration.is_none_or(|duration| duration > 45)).then(|| format!("{:?}", row.duration))
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
    let unreached = ROWS.iter().filter(|row| !row.is_reached() && row.has_predecessor());
    assert!(unreached.map(|row| row.auto.dials()).sum::<usize>() > 0, "the table would have nothing to say");
}

#[test]
fn a_start_without_a_predecessor_is_not_delayed() {
    let late = rows_where(|row| {
        (!row.has_predecessor() && row.auto.longest > AT_ONCE).then(|| format!("{} s", row.auto.longest))
    });
    assert!(late.is_empty(), "{late:#?}");
}

/// The longest that an old answer lives, and a dial.
#[test]
fn a_start_waits_no_longer_than_an_old_answer_and_a_dial() {
    let late = rows_where(|row| {
        let limit = f64::from(row.setup.cache.max(30)) + 7.0 + 0.1;
        (row.auto.longest > limit).then(|| format!("{} s", row.auto.longest))
    });
    assert!(late.is_empty(), "{late:#?}");
}

/// A record that was there before the container is seen at once, another within the pace of the questions.
#[test]
fn the_record_is_seen_as_soon_as_before() {
    let late = rows_where(|row| (row.auto.seen > 0.55).then(|| format!("{} s on average", row.auto.seen)));
    assert!(late.is_empty(), "{late:#?}");
}
