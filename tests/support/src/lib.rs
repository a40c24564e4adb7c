//! The test bed: a cluster with pods and a DNS server, from Linux namespaces alone.
//!
//! Every [`Cluster`] has its own network, so tests run side by side with equal addresses. Nothing is left behind when
//! the values are dropped. It needs root, and `ip` and `setpriv` on the machine.

mod accounts;
pub mod brokers;
mod cluster;
mod coredns;
mod dns;
mod dns_cache;
pub mod drop_in;
pub mod erlang;
mod faults;
pub mod files;
mod launch;
mod log;
pub mod manifest;
mod net_namespace;
mod otp;
pub mod places;
mod pod;
pub mod probed_node;
mod processes;
pub mod pty;
pub mod real_dns;
mod release;
mod reply;
pub mod reported;
mod root_fs;
mod running_pod;
pub mod scene;
pub mod scripted_server;
pub mod source;
pub mod stateful_set;
pub mod talk;
pub mod values;
pub mod vm;

use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use accounts::{Accounts, SHOP};
pub use cluster::Cluster;
pub use coredns::{Answer, Key, Zone};
pub use dns::{Asked, DnsServer, DnsSettings, Transport};
pub use dns_cache::{Cache, CachedAnswer};
pub use faults::{Denier, Fault, Forgery, To};
pub use log::{Ended, Line, Stream};
pub use otp::Otp;
pub use pod::{AsPid, Pod, PodFile};
pub use processes::{Process, pid_namespace, processes_in};
pub use release::{Built, demo_release};
pub use running_pod::RunningPod;

/// How often a condition is looked at that the kernel gives no event for.
const POLL: Duration = Duration::from_millis(5);

/// Waits until `condition` holds. Panics with `what` after `timeout`.
#[track_caller]
pub fn wait_until(timeout: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(timeout, what, || condition().then_some(()));
}

/// Waits until `find` finds something, and returns it. Panics with `what` after `timeout`.
#[track_caller]
pub fn wait_for<T>(timeout: Duration, what: &str, mut find: impl FnMut() -> Option<T>) -> T {
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
pub fn scratch_dir() -> TempDir {
    tempfile::Builder::new().prefix("beaminit-it-").tempdir().expect("a scratch directory")
}
