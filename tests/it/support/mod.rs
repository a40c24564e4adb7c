//! The test bed: a cluster with pods and a DNS server, from Linux namespaces alone.
//!
//! Every [`Cluster`] has its own network, so tests run side by side with equal addresses. Nothing is left behind when
//! the values are dropped. It needs root, and `ip` and `setpriv` on the machine.

pub(crate) mod brokers;
mod cluster;
mod coredns;
mod dns;
pub(crate) mod erlang;
mod faults;
pub(crate) mod files;
mod launch;
mod log;
pub(crate) mod manifest;
mod net_namespace;
mod pod;
mod processes;
pub(crate) mod pty;
pub(crate) mod real_dns;
mod release;
mod reply;
mod root_fs;
mod running_pod;
pub(crate) mod scene;
pub(crate) mod talk;
pub(crate) mod told;
pub(crate) mod values;
pub(crate) mod vm;

use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub(crate) use cluster::Cluster;
pub(crate) use coredns::{Answer, Cache, Key, Zone};
pub(crate) use dns::{Asked, DnsServer, DnsSettings, Transport};
pub(crate) use faults::{Denier, Fault, Forgery, To};
pub(crate) use log::{Ended, Stream};
pub(crate) use pod::{AsPid, Pod, PodFile};
pub(crate) use processes::{Process, pid_namespace, processes_in};
pub(crate) use release::{Built, demo_release};
pub(crate) use running_pod::RunningPod;

/// How often a condition is looked at that the kernel gives no event for.
const POLL: Duration = Duration::from_millis(5);

/// Waits until `condition` holds. Panics with `what` after `timeout`.
#[track_caller]
pub(crate) fn wait_until(timeout: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(timeout, what, || condition().then_some(()));
}

/// Waits until `find` finds something, and returns it. Panics with `what` after `timeout`.
#[track_caller]
pub(crate) fn wait_for<T>(timeout: Duration, what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {timeout:?}: {what}");
        thread::sleep(POLL);
    }
}

/// An empty directory, removed when the value is dropped.
pub(crate) fn scratch_dir() -> TempDir {
    tempfile::Builder::new().prefix("beaminit-it-").tempdir().expect("a scratch directory")
}
