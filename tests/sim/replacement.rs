//! One pod's place in a cluster: its predecessor ends, it starts with another address, and peers look its name up
//! throughout, each through the caches on its machine.

use std::time::Duration;

use crate::cluster::{Cluster, Setup};
use crate::coredns::{OLD, OWN, ips, machine_with, run, secs};
use crate::variables::WaitPeers;
use crate::wait::answers::Outcome;
use crate::wait::machine::WaitLimits;
use crate::wait::questions::{Family, Question};

/// `net_setuptime`: how long a dial to an address lasts that swallows packets.
const DIAL_LASTS: f64 = 7.0;
/// How often each peer looks the name up, and how much earlier or later: caches' lifetimes are multiples of five seconds.
const PEERS_EVERY: f64 = 5.0;
const JITTER: f64 = 0.5;
/// Peers are there this long before the predecessor ends, which is longer than any cache keeps an answer.
const END: f64 = 100.0;
/// They are watched this long after the release has started.
const WATCHED: f64 = 90.0;
/// From a release's start to the pod's readiness, and so to the end of the next pod of a rolling restart.
const BOOT: (f64, f64) = (3.0, 8.0);

/// What the name has before the pod that starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// Another pod's address, withdrawn when that has ended.
    Predecessor,
    /// Another pod's address, until our own takes its place.
    PredecessorToTheLast,
    /// Our own address: the container is restarted in place.
    Ourselves,
    /// Nothing: the cluster is new.
    Nothing,
}

/// A start in one kind of cluster.
#[derive(Clone, Copy)]
pub(crate) struct Replacement {
    pub(crate) setup: &'static Setup,
    pub(crate) before: Before,
    pub(crate) peers: usize,
    pub(crate) policy: WaitPeers,
}

/// What became of it. All times in seconds.
pub(crate) struct Replaced {
    /// From our record's publication, or the container's start if that is later, to its sight.
    pub(crate) seen: f64,
    /// From the sight of our record to the start of the release.
    pub(crate) waited: f64,
    /// From the predecessor's end to the pod's readiness.
    pub(crate) took: f64,
    /// Dials to the predecessor's address that peers begin after the release has started.
    pub(crate) dials_after: usize,
    /// Those that have begun before and last until then.
    pub(crate) dials_under_way: usize,
}

/// A peer: its machine, when it next looks the name up, and until when it is busy with a dial.
struct Peer {
    machine: usize,
    next: Duration,
    busy_until: Duration,
}

struct World {
    cluster: Cluster,
    peers: Vec<Peer>,
    rng: fastrand::Rng,
    /// When peers began to dial the address of a pod that is gone.
    dials: Vec<Duration>,
}

impl World {
    /// Lets peers look the name up until `now`.
    fn pass(&mut self, now: Duration) {
        while let Some(peer) = self.peers.iter_mut().filter(|peer| peer.next <= now).min_by_key(|peer| peer.next) {
            let at = peer.next;
            peer.next += secs(PEERS_EVERY + JITTER * (2.0 * self.rng.f64() - 1.0));
            let answer = self.cluster.answer_on(peer.machine, Question::ordinary(Family::V4), at);
            let is_old = matches!(answer, Outcome::Addresses { addresses, .. } if addresses == ips(&[OLD]));
            if is_old && at >= secs(END) && at >= peer.busy_until {
                peer.busy_until = at + secs(DIAL_LASTS);
                self.dials.push(at);
            }
        }
    }
}

impl Replacement {
    pub(crate) fn run(&self, seed: u64) -> Replaced {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut between = |from: f64, to: f64| from + (to - from) * rng.f64();
        let withdrawn = END + between(0.0, 0.3);
        let start = withdrawn + between(0.5, 3.0);
        let published = start + between(0.1, 1.3);
        let boot = between(BOOT.0, BOOT.1);
        let peers = (0..self.peers).map(|peer| Peer {
            machine: 1 + peer,
            next: secs(between(0.0, PEERS_EVERY)),
            busy_until: Duration::ZERO,
        });
        let peers = peers.collect();
        let history: &[(f64, &[&str])] = match self.before {
            Before::Predecessor => &[(0.0, &[OLD]), (withdrawn, &[]), (published, &[OWN])],
            Before::PredecessorToTheLast => &[(0.0, &[OLD]), (published, &[OWN])],
            Before::Ourselves => &[(0.0, &[OWN])],
            Before::Nothing => &[(published, &[OWN])],
        };
        let cluster = Cluster::new(self.setup, history, rng.fork());
        let mut world = World { cluster, peers, rng, dials: Vec::new() };

        let limits = WaitLimits { timeout: Some(secs(120.0)), peers: self.policy };
        let machine = machine_with(secs(start), &[OWN], 1, limits, seed);
        let run = run(machine, |_, question, now| {
            world.pass(secs(start) + now);
            world.cluster.answer_on(0, question, secs(start) + now)
        });
        let started = start + run.at.as_secs_f64();
        world.pass(secs(started + WATCHED));
        let sight = start + run.seen();
        let (before, after): (Vec<f64>, Vec<f64>) =
            world.dials.iter().map(Duration::as_secs_f64).partition(|dial| *dial < started);
        Replaced {
            seen: sight - if self.before == Before::Ourselves { start } else { published },
            waited: started - sight,
            took: started + boot - END,
            dials_after: after.len(),
            dials_under_way: before.iter().filter(|dial| **dial + DIAL_LASTS > started).count(),
        }
    }
}
