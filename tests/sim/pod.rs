//! One pod's start, once with the machine and once with a loop as people write it.

use std::time::Duration;

use crate::cluster::{Cluster, Setup};
use crate::coredns::{OWN, ROUND_TRIP, Run, ips, machine_at, run, secs};
use crate::scene::{Fate, PEERS_EVERY, RESTARTED_AFTER, START};
use crate::wait::answers::Outcome;
use crate::wait::questions::{Family, Question};

/// Between two tries of the loop.
const LOOP_PAUSE: Duration = Duration::from_secs(1);

/// A cluster as one pod and its peers see it.
pub(crate) struct World {
    cluster: Cluster,
    fate: Fate,
    /// The next question of each peer.
    peers: Vec<Duration>,
}

/// How long the pod took to see its record, and what it asked.
pub(crate) struct Start {
    /// Seconds from publication to sight.
    pub(crate) late: f64,
    /// When each question was put until the record was seen, in seconds from the start, and what it was.
    pub(crate) asked: Vec<(f64, Question)>,
    /// When each question was put after that, for the sake of peers.
    pub(crate) asked_for_peers: Vec<f64>,
    /// Ordinary questions for a name that does not exist.
    pub(crate) ordinary_too_early: usize,
}

impl World {
    /// `seed` decides all that is left to chance, so that machine and loop meet the same.
    pub(crate) fn new(setup: &Setup, fate: impl FnOnce(&mut fastrand::Rng) -> Fate, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let fate = fate(&mut rng);
        let cluster = Cluster::new(setup, &fate.history(), rng);
        let peers = fate.peers.iter().copied().map(secs).collect();
        Self { cluster, fate, peers }
    }

    /// What a question of the pod is answered at this time, after all that peers have asked before.
    fn answer(&mut self, question: Question, now: Duration) -> Outcome {
        while let Some(next) = self.peers.iter_mut().filter(|next| **next <= now).min() {
            self.cluster.answer(Question::ordinary(Family::V4), *next);
            *next += secs(PEERS_EVERY);
        }
        self.cluster.answer(question, now)
    }

    /// A start with the machine.
    pub(crate) fn fresh(mut self, seed: u64) -> Start {
        if let Some(lasted) = self.fate.earlier_run {
            let from = secs(START - RESTARTED_AFTER - lasted as f64);
            let earlier = machine_at(from, &[OWN], 1, Some(lasted), seed);
            run(earlier, |_, question, now| self.answer(question, from + now));
        }
        let from = secs(START);
        let second = machine_at(from, &[OWN], 1, None, !seed);
        let finished = run(second, |_, question, now| self.answer(question, from + now));
        self.start_of(&finished)
    }

    fn start_of(&self, run: &Run) -> Start {
        let too_early = |(at, _, question): &&(Duration, usize, Question)| {
            question.is_ordinary() && !self.cluster.knows_the_name(secs(START) + *at)
        };
        Start {
            late: START + run.seen() - self.fate.published,
            asked: run.asked_unseen().iter().map(|(at, _, question)| (at.as_secs_f64(), *question)).collect(),
            asked_for_peers: run.asked[run.asked_unseen().len()..].iter().map(|(at, ..)| at.as_secs_f64()).collect(),
            ordinary_too_early: run.asked.iter().filter(too_early).count(),
        }
    }

    /// A start with a loop on the ordinary question, a second apart.
    pub(crate) fn looped(mut self) -> Start {
        if let Some(lasted) = self.fate.earlier_run {
            let mut now = secs(START - RESTARTED_AFTER - lasted as f64);
            while now < secs(START - RESTARTED_AFTER) {
                self.answer(Question::ordinary(Family::V4), now);
                now += ROUND_TRIP + LOOP_PAUSE;
            }
        }
        let (mut now, mut asked) = (secs(START), Vec::new());
        loop {
            let question = Question::ordinary(Family::V4);
            asked.push((now.as_secs_f64() - START, question));
            let outcome = self.answer(question, now);
            now += ROUND_TRIP;
            if matches!(&outcome, Outcome::Addresses { addresses, .. } if *addresses == ips(&[OWN])) {
                return Start {
                    late: now.as_secs_f64() - self.fate.published,
                    asked,
                    asked_for_peers: Vec::new(),
                    ordinary_too_early: 0,
                };
            }
            now += LOOP_PAUSE;
        }
    }
}
