//! The ConfigMap and the variables of the talk, unchanged, start a release that was never written for us: under the name
//! that its peers look up, after its record is there, as another user than root, with nothing writable.

use std::fs;
use std::path::Path;

use crate::support::files::files_of;
use crate::support::talk::{self, COOKIE, config_map};
use crate::support::vm::{BOOT, can_connect, environment, rpc, vm, wait_for_node};
use crate::support::{Cluster, DnsSettings, Ended, RunningPod, demo_release};

const NODE: &str = "astarte_pairing@pairing-0.pairing.astarte.svc.cluster.local";

#[test]
fn with_dollar_and_braces() {
    starts_under_its_name(talk::VM_ARGS);
}

#[test]
fn with_dollar_and_angle_brackets() {
    starts_under_its_name(&talk::with_angle_brackets());
}

fn starts_under_its_name(vm_args: &str) {
    let before = files_of(demo_release());
    let config = config_map(vm_args);
    let cluster = Cluster::start(DnsSettings::default());
    let pod = talk::pod(&cluster, "pairing-0", config.path());
    let (fqdn, address) = (pod.fqdn(), pod.address());
    let peer = cluster.pod("peer-0").no_entrypoint().command(["sleep", "1000"]).start();

    let pod = pod.start();
    let asked = cluster.dns().wait_for_question(BOOT);
    assert_eq!(asked.name, format!("{fqdn}."));
    assert!(vm(&pod).is_none(), "started before its record was published");
    cluster.dns().publish(&fqdn, &[address]);
    let published = std::time::Instant::now();

    let started = pod.expect_line("started mix release", BOOT);
    assert!(started.at > published);
    wait_for_node(&pod, "astarte_pairing");
    assert_eq!(rpc(&pod, "IO.puts(node())"), NODE);
    assert!(can_connect(&peer, NODE, COOKIE), "the cookie of the Secret");
    assert!(!can_connect(&peer, NODE, "another-cookie"));
    assert_files_are_closed(&pod);
    assert_eq!(rpc(&pod, "IO.puts(:erlang.system_info(:schedulers) > 0)"), "true");

    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
    let log = pod.log();
    let ours: Vec<_> = log.iter().map(|line| line.text.as_str()).filter(|line| line.starts_with("beaminit:")).collect();
    assert!((5..=7).contains(&ours.len()), "five lines of a start and one of its end: {ours:#?}");
    assert!(!log.iter().any(|line| line.text.contains(COOKIE)), "{log:#?}");
    assert_eq!(files_of(demo_release()), before, "the release was changed");
    assert_eq!(fs::read_to_string(config.path().join("vm.args")).unwrap(), vm_args);
}

/// The rendered file, as the VM's environment names it, is closed to others, and so is its directory; it has no cookie.
fn assert_files_are_closed(pod: &RunningPod) {
    let path = environment(vm(pod).unwrap().pid).remove("RELEASE_VM_ARGS").unwrap();
    let directory = Path::new(&path).parent().unwrap().to_str().unwrap();
    assert!(directory.starts_with("/dev/shm/beaminit-54321-"), "{directory}");
    let modes = String::from_utf8(pod.exec(["stat", "-c", "%a %u", directory, &path]).stdout).unwrap();
    assert_eq!(modes, "700 54321\n600 54321\n");
    let text = String::from_utf8(pod.exec(["cat", &path]).stdout).unwrap();
    assert!(text.contains("-smp auto") && !text.contains(COOKIE) && !text.contains("-name"), "{text}");
}

#[test]
fn a_release_that_nobody_named_gets_the_pods_name() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("demo-1").service("demo").release(demo_release()).command(["bin/demo", "start"]);
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let pod = pod.start();
    wait_for_node(&pod, "demo");
    assert_eq!(rpc(&pod, "IO.puts(node())"), "demo@demo-1.demo.default.svc.cluster.local");
    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
}

#[test]
fn a_tool_of_the_release_waits_for_nothing() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("demo-0").release(demo_release()).command(["bin/demo", "eval", "IO.puts(6 * 7)"]).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
    assert_eq!(pod.stdout().trim(), "42");
    assert!(cluster.dns().questions().is_empty());
}
