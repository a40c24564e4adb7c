//! Where the story takes place: what a control plane does to pods, and what is seen of them.

use std::time::SystemTime;

/// What went wrong, as a sentence.
pub(crate) type Outcome<T> = Result<T, String>;

/// The three nodes. Their pages are at three ports in this order.
pub(crate) const NODES: [&str; 3] = ["pairing-0", "pairing-1", "pairing-2"];
/// The pod that waits with a shell loop.
pub(crate) const LOOP: &str = "loop";
/// The headless service.
pub(crate) const SERVICE: &str = "pairing.astarte.svc.cluster.local";

/// A pod that was started.
#[derive(Clone, Debug)]
pub(crate) struct Started {
    pub(crate) pod: &'static str,
    pub(crate) address: String,
    pub(crate) at: SystemTime,
}

/// A line that a pod wrote.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) pod: &'static str,
    pub(crate) at: SystemTime,
    pub(crate) text: String,
}

/// A network with a DNS that keeps denials for 30 s. What is left of it goes when the value is dropped.
pub(crate) trait Stage {
    /// Says in one line what this is.
    fn describe(&self) -> String;
    /// Creates the pods. One that was destroyed before comes back with another address.
    fn start(&mut self, pods: &[&'static str]) -> Outcome<Vec<Started>>;
    /// Publishes the pod's record, and lists it in the service. Returns the moment before.
    fn publish(&mut self, pod: &str, address: &str) -> Outcome<SystemTime>;
    /// Takes both away again.
    fn withdraw(&mut self, pod: &str, address: &str) -> Outcome<()>;
    /// The lines since the last call.
    fn lines(&mut self) -> Vec<Line>;
    /// Kills the pod and removes it.
    fn destroy(&mut self, pod: &str) -> Outcome<()>;
    /// TERM, as the kubelet sends it.
    fn terminate(&mut self, pod: &str) -> Outcome<()>;
    /// Its exit code, once it ended.
    fn exit_code(&mut self, pod: &str) -> Outcome<Option<i32>>;
}

/// A pod's name in full. The loop is not a node, and so of another service.
pub(crate) fn fqdn(pod: &str) -> String {
    let service = if pod == LOOP { "others.astarte.svc.cluster.local" } else { SERVICE };
    format!("{pod}.{service}")
}
