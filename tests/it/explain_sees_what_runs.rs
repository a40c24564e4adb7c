//! In a running container `explain` says how the release is: since when it runs, as which process, whether its name still
//! leads to this pod, and whether epmd knows it.

use std::time::Duration;

use serde_json::Value;

use crate::support::talk::{self, COOKIE, config_map};
use crate::support::vm::{BOOT, vm, wait_for_node};
use crate::support::{Cluster, DnsSettings, RunningPod};

const NODE: &str = "astarte_pairing@pairing-0.pairing.astarte.svc.cluster.local";

fn explain(pod: &RunningPod) -> Value {
    let output = pod.exec(["beaminit", "explain", "--format=json"]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!stdout.contains(COOKIE), "{stdout}");
    serde_json::from_str(&stdout).unwrap()
}

#[test]
fn a_release_that_runs_is_described() {
    // Without a cache DNS forgets at once.
    let cluster = Cluster::start(DnsSettings { cache: None, ..DnsSettings::default() });
    let config = config_map(talk::VM_ARGS);
    let pod = talk::pod(&cluster, "pairing-0", config.path());
    let (fqdn, address) = (pod.fqdn(), pod.address());
    cluster.dns().publish(&fqdn, &[address]);
    let pod = pod.start();
    wait_for_node(&pod, "astarte_pairing");

    let report = explain(&pod);
    let running = &report["running"];
    assert_eq!(report["command_from"], "the release that runs here");
    assert_eq!((&running["state"], &running["supervisor"]), (&"running".into(), &1.into()));
    let inside = String::from_utf8(pod.exec(["pgrep", "beam.smp"]).stdout).unwrap();
    assert_eq!(running["pid"].to_string(), inside.trim());
    assert_eq!((&running["node"], &running["name_resolves"]), (&NODE.into(), &true.into()));
    assert!(running["since"].as_str().unwrap().starts_with("20") && running["seconds"].as_u64().unwrap() < 120);
    assert_eq!((&running["epmd"]["answers"], &running["epmd"]["knows_node"]), (&true.into(), &true.into()));
    let state = report["run_dir"].as_str().unwrap().to_owned() + "/state.json";
    assert!(pod.exec(["test", "-f", &state]).status.success(), "{state}");

    let text = String::from_utf8(pod.exec(["beaminit", "explain"]).stdout).unwrap();
    assert!(text.contains("\nrunning\n") && text.contains("knows astarte_pairing at port"), "{text}");
    assert!(!text.contains(COOKIE), "{text}");

    cluster.dns().swap(&fqdn, &["10.88.0.99".parse().unwrap()]);
    let report = explain(&pod);
    assert_eq!(report["running"]["name_resolves"], false);
    assert!(report["wait"]["says"].as_str().unwrap().contains("10.88.0.99"), "{report}");

    pod.exec(["epmd", "-relaxed_command_check", "-kill"]);
    pod.exec(["pkill", "-x", "epmd"]);
    let report = explain(&pod);
    assert_eq!(
        (&report["running"]["state"], &report["running"]["epmd"]["answers"]),
        (&"running".into(), &false.into())
    );
    assert!(vm(&pod).is_some() && pod.ended().is_none());
    assert_eq!(pod.termination_log(), "");
}

#[test]
fn one_that_still_waits_does_not_run() {
    let (config, cluster) = (config_map(talk::VM_ARGS), Cluster::start(DnsSettings::default()));
    let pod = talk::pod(&cluster, "pairing-0", config.path()).start();
    cluster.dns().wait_for_question(BOOT);
    let report = explain(&pod);
    assert_eq!((&report["running"], &report["wait"]["published"]), (&Value::Null, &false.into()));
    assert_eq!(report["hand_over"]["node"], NODE);
}

#[test]
fn another_user_is_told_whom_to_ask() {
    let (config, cluster) = (config_map(talk::VM_ARGS), Cluster::start(DnsSettings::default()));
    let pod = talk::pod(&cluster, "pairing-0", config.path());
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let pod = pod.start();
    wait_for_node(&pod, "astarte_pairing");
    let output = pod.exec_as(65534, ["beaminit", "explain", "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &report["running"]), (Some(0), &Value::Null));
    let note = "process 1 is a beaminit of user 54321";
    assert!(
        report["notes"].as_array().unwrap().iter().any(|found| found.as_str().unwrap().starts_with(note)),
        "{report}"
    );
    assert_eq!(report["run_dir"].as_str().unwrap().split('-').nth(1), Some("65534"), "its own, were it to start one");
    assert!(pod.ended().is_none());
}

#[test]
fn a_container_without_us_runs_none() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").no_entrypoint().command(["sleep", "1000"]).start();
    let report = explain(&pod);
    assert_eq!(report["running"], Value::Null);
    pod.signal(9);
    pod.wait(Duration::from_secs(10));
}
