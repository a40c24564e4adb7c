//! What a start would do is reported with who decides it: a setting, the kind, the terminal, a default.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::support::talk::{self, config_map};
use crate::support::{Cluster, DnsSettings, Ended, Pod, RunningPod, demo_release};

const SOON: Duration = Duration::from_secs(10);

/// A container in which nothing runs yet.
fn idle(cluster: &Cluster) -> RunningPod {
    cluster.pod("web-0").release(demo_release()).no_entrypoint().command(["sleep", "1000"]).start()
}

#[test]
fn signals_are_decided_by_setting_kind_or_terminal() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = idle(&cluster);
    let signals = |settings: &[&str], command: &[&str]| {
        let words = [&["env"], settings, &["beaminit", "explain", "--format=json", "--"], command].concat();
        let report: Value = serde_json::from_slice(&pod.exec(words).stdout).unwrap();
        let of = |name: &str| report["signals"][name].as_str().unwrap().to_owned();
        let rewritten =
            |row: &Value| format!("{}={}", row["signal"].as_str().unwrap(), row["becomes"].as_str().unwrap_or(""));
        let rewritten: Vec<_> = report["signals"]["rewritten"].as_array().unwrap().iter().map(rewritten).collect();
        (of("decided_by"), of("target"), rewritten.join(","))
    };
    let reported =
        |decided_by: &str, target: &str, rewritten: &str| (decided_by.into(), target.into(), rewritten.into());
    let release = &["bin/demo", "start"];
    assert_eq!(signals(&[], &["true"]), reported("the kind: a plain command gets them as they are", "main", ""));
    let of_a_vm = signals(&[], release);
    assert_eq!(
        (of_a_vm.0.as_str(), of_a_vm.1.as_str()),
        ("the kind: a VM without a terminal at its standard input", "main")
    );
    assert!(of_a_vm.2.contains("INT=TERM"), "{of_a_vm:?}");
    let set = &["BEAMINIT_SIGNALS=HUP=,INT=QUIT", "BEAMINIT_SIGNAL_TARGET=group"];
    assert_eq!(signals(set, release), reported("BEAMINIT_SIGNALS", "group", "HUP=,INT=QUIT"));

    let terminal = pod.exec_on_terminal(["beaminit", "explain", "bin/demo", "start"]);
    terminal.expect("decided by  the terminal at standard input: a VM there gets them as they are", 1, SOON);
}

fn explain(pod: Pod) -> (Ended, Value) {
    let pod = pod.command(["explain", "--format", "json", "bin/demo", "start"]).start();
    let ended = pod.wait(SOON);
    (ended, serde_json::from_str(&pod.stdout()).unwrap())
}

#[test]
fn a_placeholder_has_its_value_from_somewhere_or_from_nothing() {
    let (config, cluster) = (config_map(talk::VM_ARGS), Cluster::start(DnsSettings::default()));
    let placeholders =
        "[{app, [{a, \"${NONE}\"}, {b, \"${NONE:-9}\"}, {c, \"${RELEASE_NAME}\"}, {d, \"${MY_POD_IP}\"}]}].\n";
    fs::write(config.path().join("sys.config"), placeholders).unwrap();
    let (ended, report) = explain(talk::pod(&cluster, "pairing-0", config.path()).env("BEAMINIT_UNSET", "empty"));
    assert_eq!(ended, Ended::Code(0), "{report}");
    let template = report["templates"].as_array().unwrap().iter().find(|found| found["file"] == "sys.config").unwrap();
    let sources: Vec<_> = template["placeholders"].as_array().unwrap().iter().map(|found| &found["source"]).collect();
    let reported = [
        "nothing: it is not set, which BEAMINIT_UNSET=empty allows",
        "its default",
        "the environment variable RELEASE_NAME",
        "/etc/hosts",
    ];
    assert_eq!(sources, reported);
}

/// Where one template is wrong a start gives up; that the other one is not where it is expected is still worth knowing.
#[test]
fn what_one_template_lacks_is_reported_beside_what_is_wrong_with_the_other() {
    let (config, cluster) = (config_map(""), Cluster::start(DnsSettings::default()));
    fs::remove_file(config.path().join("vm.args")).unwrap();
    fs::write(config.path().join("sys.config"), "[{a, ${NONE}}].\n").unwrap();
    let pod = cluster.pod("demo-0").release(demo_release()).mount_config(config.path());
    let (ended, report) = explain(pod.env("RELEASE_CONFIG_DIR", "/beamconfig"));
    assert_eq!(ended, Ended::Code(65));
    assert!(report["errors"][0]["message"].as_str().unwrap().contains("NONE is not set"), "{report}");
    let warning = &report["warnings"][0];
    assert_eq!(warning["message"], "RELEASE_CONFIG_DIR=/beamconfig has no vm.args: the release's own is used");
    assert_eq!(warning["hint"], "give the ConfigMap the key vm.args, if that is not meant");
}
