//! In a running container `explain` says how the release is: since when it runs, as which process, whether its name still
//! leads to this pod, and whether epmd knows it.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::Value;

use crate::exec_joins_the_running_release::{fake_release, started};
use crate::support::talk::{self, COOKIE, config_map};
use crate::support::vm::{BOOT, vm, wait_for_node};
use crate::support::{Cluster, DnsSettings, PodFile, RunningPod};

const NODE: &str = "astarte_pairing@pairing-0.pairing.astarte.svc.cluster.local";

fn explain(pod: &RunningPod) -> Value {
    explain_command(pod, &[])
}

fn explain_command(pod: &RunningPod, command: &[&str]) -> Value {
    let output = pod.exec(["beaminit", "explain", "--format=json"].iter().chain(command));
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
fn another_user_learns_whom_to_ask() {
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

fn change_state(pod: &RunningPod, script: &str) {
    let output = pod.exec(["sed", "-i", script, "/run/beaminit/state.json"]);
    assert!(output.status.success(), "{script}: {output:?}");
}

#[test]
fn one_that_is_being_started_or_has_just_ended_does_not_run() {
    let (release, cluster) = (fake_release(), Cluster::start(DnsSettings::default()));
    let pod = started(&cluster, &release, |pod| pod);
    // As its beaminit would write it a moment earlier; and a process that has ended by the time of the question.
    for (script, state) in [
        ("", "running"),
        ("/\"main\": {/,/}/s/\"started\": /&1/", "ended"),
        ("/\"main\": {/,/}/c\\  \"main\": null,", "starting"),
    ] {
        change_state(&pod, script);
        let report = explain(&pod);
        let pid_is_known = !report["running"]["pid"].is_null();
        assert_eq!((&report["running"]["state"], pid_is_known), (&state.into(), state != "starting"), "{report}");
    }
}

#[test]
fn a_state_that_is_not_believed_is_worth_a_note() {
    let (release, cluster) = (fake_release(), Cluster::start(DnsSettings::default()));
    let pod = started(&cluster, &release, |pod| pod);
    change_state(&pod, "s/\"mount_namespace\": /&1/");
    let report = explain(&pod);
    assert_eq!(report["running"], Value::Null);
    let note = "not used: /run/beaminit/state.json: it is of another container";
    assert!(report["notes"].as_array().unwrap().contains(&note.into()), "{report}");
}

#[test]
fn the_port_mapper_is_asked_at_the_port_that_the_release_has_for_it() {
    let (release, cluster) = (fake_release(), Cluster::start(DnsSettings::default()));
    let pod = started(&cluster, &release, |pod| pod.env("ERL_EPMD_PORT", "4399"));
    let epmd = &explain(&pod)["running"]["epmd"];
    assert_eq!((&epmd["port"], &epmd["answers"]), (&4399.into(), &false.into()));
    assert_eq!(epmd["says"], "no answer at port 4399: connection refused");
}

#[test]
fn the_name_of_the_node_that_runs_is_looked_up_whatever_is_asked_about() {
    let (release, cluster) = (fake_release(), Cluster::start(DnsSettings::default()));
    let named = |node: &str| started(&cluster, &release, |pod| pod.env("RELEASE_NODE", node));
    let report = explain_command(&named("app@elsewhere.example.org"), &["bin/app", "rpc"]);
    assert_eq!(report["wait"]["name"], "elsewhere.example.org");
    assert!(report["wait"]["nothing_because"].is_string(), "{report}");
    assert_eq!(report["running"]["name_resolves"], false);
    // No DNS has a name without a dot.
    let report = explain_command(&named("app@short"), &["bin/app", "rpc"]);
    assert_eq!((&report["wait"]["name"], &report["running"]["name_resolves"]), (&Value::Null, &Value::Null));
    assert_eq!(report["running"]["node"], "app@short");
    // One that is not a node at all.
    let alone = started(&cluster, &release, |pod| pod.env("RELEASE_DISTRIBUTION", "none"));
    let report = explain_command(&alone, &["bin/app", "rpc"]);
    assert_eq!((&report["wait"]["name"], &report["running"]["node"]), (&Value::Null, &Value::Null), "{report}");
    assert_eq!((&report["running"]["state"], &report["running"]["name_resolves"]), (&"running".into(), &Value::Null));
}

#[test]
fn what_a_cache_answers_others_is_reported() {
    let (release, cluster) = (fake_release(), Cluster::start(DnsSettings::default()));
    let pod = cluster.pod("web-0").hosts(PodFile::Custom("127.0.0.1 localhost\n".into())).release(release.path());
    let (fqdn, address) = (pod.fqdn(), pod.address());
    let pod = pod.env("MY_POD_FQDN", &fqdn).no_entrypoint().command(["sleep", "1000"]).start();
    let now = |old: &[IpAddr], new: &[IpAddr]| {
        cluster.dns().swap(&fqdn, old);
        // As any peer asks: the cache keeps the answer.
        pod.exec(["getent", "ahostsv4", &format!("{fqdn}.")]);
        cluster.dns().swap(&fqdn, new);
        explain_command(&pod, &["bin/app", "start"])["wait"]["says"].as_str().unwrap().to_owned()
    };
    let says = now(&[], &[address]);
    assert!(says.starts_with(&format!("it answers with {address}; a cache denies it to others for up to ")), "{says}");
}
