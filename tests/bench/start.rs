//! How long a start takes.

use std::fs;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::gethostname;

use crate::init::INITS;
use crate::median;
use crate::results::Row;

const ROUNDS: usize = 500;

pub(crate) fn rows() -> Vec<Row> {
    let in_a_container = || {
        enter_container();
        times()
    };
    let times = std::thread::spawn(in_a_container).join().unwrap();
    vec![Row::with_ratios("`INIT true`, µs", &times.map(median))]
}

/// A network and a hosts file for this thread, as a container runtime makes them: who looks there would pay for the
/// interfaces of this machine.
fn enter_container() {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).expect("namespaces; run as root");
    let nothing = None::<&str>;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing).unwrap();
    let name = gethostname().unwrap().into_string().unwrap();
    let hosts = tempfile::NamedTempFile::new().unwrap();
    fs::write(hosts.path(), format!("127.0.0.1 localhost\n10.88.0.2 {name}\n")).unwrap();
    mount(Some(hosts.path()), "/etc/hosts", nothing, MsFlags::MS_BIND, nothing).unwrap();
}

fn times() -> [Vec<f64>; INITS.len()] {
    let mut times = INITS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (init, times) in INITS.iter().zip(&mut times) {
            times.push(init.time(&["true"]).as_secs_f64() * 1e6);
        }
    }
    times
}
