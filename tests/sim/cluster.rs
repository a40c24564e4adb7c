//! The kinds of cluster that there are, as far as DNS goes.

use std::time::Duration;

use crate::coredns::{CoreDns, OutcomeCache};
use crate::wait::answers::Outcome;
use crate::wait::questions::Question;

/// How a cluster's DNS is set up.
pub(crate) struct Setup {
    pub(crate) name: &'static str,
    /// `ttl` of the `kubernetes` plugin, and `cache` of CoreDNS, 0 for none, in seconds.
    pub(crate) ttl: u32,
    pub(crate) cache: u32,
    /// Each question goes to one of so many, by chance.
    replicas: usize,
    /// A `NodeLocal DNSCache` in front, with the settings that it comes with.
    pub(crate) node_local: bool,
}

const fn setup(name: &'static str, ttl: u32, cache: u32, replicas: usize, node_local: bool) -> Setup {
    Setup { name, ttl, cache, replicas, node_local }
}

pub(crate) const SETUPS: [Setup; 6] = [
    setup("ttl 30, cache 30", 30, 30, 1, false),
    setup("... two replicas", 30, 30, 2, false),
    setup("ttl 5, cache 30", 5, 30, 1, false),
    setup("no cache", 30, 0, 1, false),
    setup("NodeLocal, cache 30", 30, 30, 1, true),
    setup("NodeLocal, no cache", 30, 0, 1, true),
];

/// How long `NodeLocal DNSCache` keeps successes and denials, in seconds.
const NODE_LOCAL: (u32, u32) = (30, 5);

/// The DNS of one cluster.
pub(crate) struct Cluster {
    /// That of each machine, where there are any: the pod's own is the first.
    node_locals: Option<Vec<OutcomeCache>>,
    replicas: Vec<CoreDns>,
    rng: fastrand::Rng,
}

impl Cluster {
    /// A cluster in which the pod's name has these addresses from these seconds on.
    pub(crate) fn new(setup: &Setup, history: &[(f64, &[&str])], rng: fastrand::Rng) -> Self {
        let replica = |_| {
            let mut replica = CoreDns::new(history, setup.cache, true);
            replica.ttl = setup.ttl;
            replica
        };
        let replicas = (0..setup.replicas).map(replica).collect();
        let node_locals = setup.node_local.then(Vec::new);
        Self { node_locals, replicas, rng }
    }

    /// Whether the name exists, in truth.
    pub(crate) fn knows_the_name(&self, now: Duration) -> bool {
        !self.replicas[0].addresses(now).is_empty()
    }

    /// What a question from the pod's own machine is answered with.
    pub(crate) fn answer(&mut self, question: Question, now: Duration) -> Outcome {
        self.answer_on(0, question, now)
    }

    /// The same from another machine of the cluster.
    pub(crate) fn answer_on(&mut self, machine: usize, question: Question, now: Duration) -> Outcome {
        let chosen = self.rng.usize(..self.replicas.len());
        let replica = &mut self.replicas[chosen];
        let Some(node_locals) = &mut self.node_locals else { return replica.answer(question, now) };
        while node_locals.len() <= machine {
            node_locals.push(OutcomeCache::new(NODE_LOCAL.0, NODE_LOCAL.1));
        }
        let node_local = &mut node_locals[machine];
        if let Some(kept) = node_local.get(question, now) {
            return kept;
        }
        node_local.store(question, replica.answer(question, now), now)
    }
}
