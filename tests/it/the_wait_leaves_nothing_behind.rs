//! A start that waited has no more threads and descriptors than one that did not, and hands none to the release.

use std::fs;

use crate::support::scene::{Front, Scene};
use crate::support::vm::BOOT;
use crate::support::{Cluster, DnsSettings, Fault, RunningPod, Transport, wait_until};

#[test]
fn no_thread_and_no_descriptor() {
    // Behind a silent server, over UDP and TCP, with questions that were given up.
    let scene = Scene::start_command(Front::Silent, |_| vec![Fault::Truncated { tcp: true }], &["sleep", "1000"]);
    scene.publish();
    scene.pod.expect_line("started command", BOOT);
    assert!(scene.cluster.dns().questions().iter().any(|asked| asked.transport == Transport::Tcp));

    let cluster = Cluster::start(DnsSettings::default());
    let idle = cluster.pod("web-0").env("BEAMINIT_WAIT", "off").command(["sleep", "1000"]).start();
    idle.expect_line("started command", BOOT);

    // A supervisor whose image is fresh has opened its own in a moment.
    let same = || descriptors(scene.pod.pid()) == descriptors(idle.pid());
    wait_until(BOOT, "the same descriptors", || same() && descriptors(idle.pid()).contains(&"anon_inode".to_owned()));
    assert_eq!(entries(scene.pod.pid(), "task"), 1);
    for pod in [&scene.pod, &idle] {
        assert_eq!(entries(release(pod), "fd"), 3, "stdin, stdout, stderr");
    }
}

fn release(pod: &RunningPod) -> i32 {
    pod.processes().into_iter().find(|process| process.comm == "sleep").expect("the release").pid
}

fn entries(pid: i32, what: &str) -> usize {
    fs::read_dir(format!("/proc/{pid}/{what}")).unwrap().count()
}

/// Of what kind they are, sorted: `pipe`, `socket`, `anon_inode`, or a path.
fn descriptors(pid: i32) -> Vec<String> {
    // One that was closed between the two calls does not count.
    let target = |entry: fs::DirEntry| Some(fs::read_link(entry.path()).ok()?.to_string_lossy().into_owned());
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().map(Result::unwrap);
    let mut kinds: Vec<String> =
        entries.filter_map(target).map(|target| target.split(":[").next().unwrap_or_default().to_owned()).collect();
    kinds.sort();
    kinds
}
