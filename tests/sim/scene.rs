//! What happens around a pod's start.

use crate::coredns::{OLD, OWN};

/// The pod starts at this time, in seconds; before it there is time for what happened earlier.
pub(crate) const START: f64 = 200.0;
/// How long before the pod starts its peers begin to look for it.
const PEERS_FROM: f64 = START - 10.0;
/// How often each of them does.
pub(crate) const PEERS_EVERY: f64 = 5.0;
const PEERS: usize = 3;
/// Between the end of a container and the start of the next one.
pub(crate) const RESTARTED_AFTER: f64 = 5.0;

/// A kind of start.
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    /// Our record is published so many seconds after the start.
    published: (f64, f64),
    /// Until then the name has the address of a predecessor.
    old: bool,
    /// Peers look the name up all the time.
    peers: bool,
    /// This container is a second one: the first has asked in vain for so many seconds.
    earlier_run: Option<(u64, u64)>,
    /// Mean seconds from publication to sight, at most.
    pub(crate) bound: f64,
}

pub(crate) const SCENES: [Scene; 5] = [
    Scene { name: "early", published: (0.3, 3.0), old: false, peers: false, earlier_run: None, bound: 0.30 },
    Scene { name: "late", published: (5.0, 45.0), old: false, peers: false, earlier_run: None, bound: 0.55 },
    Scene { name: "peers' denials", published: (0.3, 3.0), old: false, peers: true, earlier_run: None, bound: 0.30 },
    Scene { name: "address swapped", published: (0.1, 1.5), old: true, peers: true, earlier_run: None, bound: 0.60 },
    Scene {
        name: "second container",
        published: (0.3, 3.0),
        old: false,
        peers: false,
        earlier_run: Some((5, 120)),
        bound: 0.30,
    },
];

/// What one pod goes through: a scene, with its chances taken.
pub(crate) struct Fate {
    /// When our record is published, in seconds.
    pub(crate) published: f64,
    old: bool,
    /// When the first question of each peer comes.
    pub(crate) peers: Vec<f64>,
    /// For how many seconds an earlier container has asked in vain.
    pub(crate) earlier_run: Option<u64>,
}

impl Fate {
    pub(crate) fn draw(scene: &Scene, rng: &mut fastrand::Rng) -> Self {
        let (from, to) = scene.published;
        let peers = if scene.peers { PEERS } else { 0 };
        Self {
            published: START + from + (to - from) * rng.f64(),
            old: scene.old,
            peers: (0..peers).map(|_| PEERS_FROM + PEERS_EVERY * rng.f64()).collect(),
            earlier_run: scene.earlier_run.map(|(least, most)| rng.u64(least..=most)),
        }
    }

    /// Which addresses the name has from when on.
    pub(crate) fn history(&self) -> Vec<(f64, &'static [&'static str])> {
        let before: &[&str] = if self.old { &[OLD] } else { &[] };
        vec![(0.0, before), (self.published, &[OWN])]
    }
}
