//! `explain` is safe to run anywhere, before and beside a start: it writes nothing, plants no denial in any cache, shows
//! no secret, and ends with the code that a start would end with before the wait.

use std::fs;
use std::time::{Duration, Instant};

use hickory_resolver::proto::rr::RecordType;
use serde_json::Value;

use crate::support::talk::{self, COOKIE, config_map};
use crate::support::{Cluster, DnsSettings, Ended, Pod, PodFile, RunningPod, demo_release};

/// Twice what looking may take, and the time that a busy machine needs to begin with it.
const LIMIT: Duration = Duration::from_secs(10);
const GOOD: &str = "-name ${RELEASE_NAME}@${MY_POD_FQDN}\n-setcookie ${ERLANG_COOKIE}\n";

fn report(pod: &RunningPod) -> Value {
    let stdout = pod.stdout();
    assert!(!stdout.contains(COOKIE), "{stdout}");
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

/// Runs `beaminit explain --format json WORDS` as PID 1, and gives its end and its report.
fn explain(pod: Pod, words: &[&str]) -> (Ended, Value) {
    let started = Instant::now();
    let pod = pod.command(["explain", "--format", "json"].iter().chain(words)).start();
    let ended = pod.wait(LIMIT);
    assert!(started.elapsed() < LIMIT);
    assert_eq!(pod.termination_log(), "", "nobody's last word");
    (ended, report(&pod))
}

fn messages(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|found| found["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn nothing_on_disk_changes() {
    let (config, cluster) = (config_map(GOOD), Cluster::start(DnsSettings::default()));
    // Of all that can be written; /dev/shm and the like are separate mounts.
    let snapshot = "find / /dev /dev/shm -xdev -path /proc -prune -o -printf '%p %s %m %U %T@ %C@ %i\\n' | sort -u";
    let explain = "for kind in mix erl command; do BEAMINIT_KIND=$kind beaminit explain -- bin/demo start; done >&2";
    let script = format!("{snapshot}; echo ===; {explain}; {snapshot}");
    let pod = cluster.pod("web-0").release(demo_release()).mount_config(config.path());
    let pod = pod.env("RELEASE_CONFIG_DIR", "/beamconfig").env("ERLANG_COOKIE", COOKIE).env("HOME", "/tmp");
    let pod = pod.no_entrypoint().command(["sh", "-c", &script]).start();
    assert_eq!(pod.wait(Duration::from_secs(60)), Ended::Code(0));
    let stdout = pod.stdout();
    let (before, after) = stdout.split_once("===\n").unwrap();
    assert!(before.lines().count() > 30 && before.contains("/dev/shm "), "{before}");
    assert_eq!(before, after);
}

#[test]
fn no_denial_is_planted() {
    let (config, cluster) = (config_map(talk::VM_ARGS), Cluster::start(DnsSettings::default()));
    cluster.dns().add_namespace("astarte");
    let pod = talk::pod(&cluster, "pairing-0", config.path());
    let fqdn = pod.fqdn();
    // As `docker run IMAGE explain` has it: nothing else is given.
    let (ended, report) = explain(pod, &[]);
    assert_eq!(ended, Ended::Code(0));
    assert_eq!(report["command"], "bin/demo start");
    assert_eq!(report["command_from"], "the only start script of a release in or above the working directory");
    assert_eq!((&report["wait"]["name"], &report["wait"]["published"]), (&fqdn.as_str().into(), &false.into()));
    assert!(report["wait"]["hint"].as_str().unwrap().contains("publishNotReadyAddresses: true"), "{report}");
    let asked = cluster.dns().questions();
    assert!(asked.iter().any(|asked| asked.name == format!("{fqdn}.")), "{asked:#?}");
    let address = |asked: &&crate::support::Asked| matches!(asked.record_type, RecordType::A | RecordType::AAAA);
    for asked in asked.iter().filter(address) {
        assert!(asked.dnssec_ok, "an ordinary question: {asked:?}");
        assert_ne!(asked.name, format!("{fqdn}."), "its address, though it does not exist");
    }
}

#[test]
fn silent_servers_are_given_up_in_time() {
    let (config, cluster) = (config_map(talk::VM_ARGS), Cluster::start(DnsSettings::default()));
    cluster.dns().silence(true);
    let (ended, report) = explain(talk::pod(&cluster, "pairing-0", config.path()), &[]);
    assert_eq!((ended, &report["wait"]["published"]), (Ended::Code(0), &Value::Null));
    assert!(report["wait"]["says"].as_str().unwrap().contains("no reply from the name server 10.96.0.10"), "{report}");
}

/// The settings that a start would fail with, the command, the start's code, and a part of each error in their order.
type Failure = (&'static [(&'static str, &'static str)], &'static [&'static str], u8, &'static [&'static str]);

const FAILURES: [Failure; 7] = [
    (&[("BEAMINIT_WIAT", "off")], &[], 78, &["BEAMINIT_WIAT: no such setting"]),
    (&[("BEAMINIT_WAIT", "on"), ("VMARGS_PATH", "/none")], &[], 78, &["BEAMINIT_WAIT", "VMARGS_PATH=/none: no such"]),
    (&[("RELEASE_VSN", "9")], &["bin/demo", "start"], 66, &["there is no version 9"]),
    (&[("BEAMINIT_WAIT", "always")], &["bin/demo", "eval", "1"], 78, &["BEAMINIT_WAIT=always"]),
    (&[("BEAMINIT_RUN_DIR", "/none/here")], &["bin/demo", "start"], 73, &["no directory to write to: /none/here"]),
    (&[("ERLANG_COOKIE", "a b")], &[], 65, &["the value of ERLANG_COOKIE has white space"]),
    (&[], &["bin/none", "start"], 127, &["cannot start bin/none: no such file"]),
];

#[test]
fn the_code_is_the_one_of_the_start() {
    let (config, cluster) = (config_map(GOOD), Cluster::start(DnsSettings::default()));
    let pod = |env: &[(&str, &str)]| {
        let pod = cluster.pod("demo-0").release(demo_release()).mount_config(config.path());
        cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
        // Each pod has its own address, and the server still holds the one before.
        let pod = pod.env("BEAMINIT_WAIT_PEERS", "off");
        let pod = pod.env("RELEASE_CONFIG_DIR", "/beamconfig").env("ERLANG_COOKIE", COOKIE);
        env.iter().fold(pod, |pod, (name, value)| pod.env(name, value))
    };
    for (env, command, code, parts) in FAILURES {
        let (ended, report) = explain(pod(env), command);
        assert_eq!((ended, &report["exit_code"]), (Ended::Code(code.into()), &code.into()), "{env:?}: {report}");
        let messages = messages(&report["errors"]);
        for (message, part) in messages.iter().zip(parts) {
            assert!(message.contains(part), "{part} in {message}");
        }
        assert_eq!(messages.len(), parts.len(), "{messages:#?}");
        let command = if command.is_empty() { &["bin/demo", "start"][..] } else { command };
        let started = pod(env).command(command).start();
        assert_eq!(started.wait(LIMIT), Ended::Code(code.into()), "the start itself: {env:?}");
    }
}

#[test]
fn every_stage_is_gone_through() {
    let (config, cluster) = (config_map("-name ${NONE}\n"), Cluster::start(DnsSettings::default()));
    fs::write(config.path().join("sys.config"), "[{a, ${NEITHER}}].\n").unwrap();
    let pod = talk::pod(&cluster, "pairing-0", config.path()).env("BEAMINIT_COOKIE_FILE", "/none");
    let (ended, report) = explain(pod.env("BEAMINIT_UNSET", "no"), &["--", "bin/demo", "start"]);
    let messages = messages(&report["errors"]);
    assert_eq!(ended, Ended::Code(78));
    let parts = [
        "BEAMINIT_UNSET",
        "vm.args:1:7: NONE is not set",
        "sys.config:1:6: NEITHER is not set",
        "BEAMINIT_COOKIE_FILE=/none",
    ];
    assert_eq!(messages.len(), parts.len(), "{messages:#?}");
    for (message, part) in messages.iter().zip(parts) {
        assert!(message.contains(part), "{part} in {message}");
    }
    assert_eq!(report["wait"]["name"], "pairing-0.pairing.astarte.svc.cluster.local", "the pod's own name, at least");
}

#[test]
fn outside_of_a_cluster_it_says_what_cannot_be_known() {
    let (config, cluster) = (config_map(GOOD), Cluster::start(DnsSettings::default()));
    let pod = cluster.pod("ci-job").release(demo_release()).mount_config(config.path());
    let pod = pod.hosts(PodFile::Custom("127.0.0.1 localhost\n".into())).resolv_conf(PodFile::Missing);
    let pod = pod.env("RELEASE_CONFIG_DIR", "/beamconfig").env("ERLANG_COOKIE", COOKIE);
    // As a job would try it.
    let pod = pod.env("MY_POD_FQDN", "app-0.app.prod.svc.cluster.local");
    let (ended, report) = explain(pod, &["bin/demo", "start"]);
    assert_eq!((ended, &report["in_kubernetes"]), (Ended::Code(0), &false.into()));
    assert!(report["notes"][0].as_str().unwrap().contains("cannot be known here"), "{report}");
    assert_eq!(report["hand_over"]["node"], "demo@app-0.app.prod.svc.cluster.local");
    assert_eq!(report["wait"]["published"], Value::Null);
    assert!(report["wait"]["says"].as_str().unwrap().starts_with("there is no name server to ask"), "{report}");
    assert!(cluster.dns().questions().is_empty());
}

#[test]
fn without_a_command_the_rest_is_reported() {
    let cluster = Cluster::start(DnsSettings::default());
    let (ended, report) = explain(cluster.pod("web-0"), &[]);
    assert_eq!((ended, &report["command"], &report["release"]), (Ended::Code(0), &Value::Null, &Value::Null));
    assert!(report["notes"][0].as_str().unwrap().starts_with("no COMMAND was named"), "{report}");
    assert_eq!(report["wait"]["name"], "web-0.web.default.svc.cluster.local");
}

#[test]
fn colours_are_for_terminals_only() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").no_entrypoint().command(["sleep", "1000"]).start();
    let output = pod.exec(["beaminit", "explain", "true"]);
    let plain = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && plain.contains("\nidentity\n") && !plain.contains('\u{1b}'), "{plain}");
    let terminal = pod.exec_on_terminal(["beaminit", "explain", "true"]);
    terminal.expect("\u{1b}[1midentity\u{1b}[0m", 1, LIMIT);
    let terminal = pod.exec_on_terminal(["env", "NO_COLOR=1", "beaminit", "explain", "true"]);
    terminal.expect("\nidentity", 1, LIMIT);
}

#[test]
fn a_mistyped_option_leaves_the_containers_last_word_alone() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").no_entrypoint().command(["sleep", "1000"]).start();
    let output = pod.exec(["beaminit", "explain", "--frmat", "json"]);
    assert_eq!(output.status.code(), Some(64));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("--frmat") && error.contains("hint: see beaminit --help"), "{error}");
    assert_eq!(pod.termination_log(), "");
}
