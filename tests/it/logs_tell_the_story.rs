//! A few lines tell the whole start; with json, one object a line.

use crate::support::talk::{self, COOKIE, config_map};
use crate::support::vm::BOOT;
use crate::support::{Cluster, DnsSettings, Ended, RunningPod, Stream};

/// A start of the talk's pod, up to the release's first words.
fn start(level: &str, format: &str) -> RunningPod {
    let config = config_map(talk::VM_ARGS);
    let cluster = Cluster::start(DnsSettings::default());
    let pod =
        talk::pod(&cluster, "pairing-0", config.path()).env("BEAMINIT_LOG", level).env("BEAMINIT_LOG_FORMAT", format);
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let pod = pod.command(["bin/demo", "version"]).command(["bin/demo", "start"]).start();
    pod.expect_line("started mix release", BOOT);
    pod.signal(15);
    pod.wait(BOOT);
    pod
}

fn ours(pod: &RunningPod) -> Vec<String> {
    pod.log().into_iter().filter(|line| line.stream == Stream::Stderr).map(|line| line.text).collect()
}

#[test]
fn who_what_when_in_words() {
    let lines = ours(&start("info", "text"));
    let expected = [
        "beaminit: identity: this pod is pairing-0.pairing.astarte.svc.cluster.local at 10.88.0.",
        "beaminit: render: /beamconfig/vm.args rendered with 4 placeholders, node astarte_pairing@pairing-0.",
        "beaminit: wait: waiting until pairing-0.pairing.astarte.svc.cluster.local answers with 10.88.0.",
        "beaminit: wait: ",
        "beaminit: supervise: started mix release astarte_pairing 0.1.0 as pid ",
    ];
    for (line, start) in lines.iter().zip(expected) {
        assert!(line.starts_with(start), "{line:?} instead of {start:?}");
    }
    assert!(lines[3].contains("question"), "{lines:#?}");
}

#[test]
fn one_json_object_a_line() {
    let lines = ours(&start("info", "json"));
    assert!(lines.len() >= 5);
    for line in lines.iter().take(5) {
        let value: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(value["message"].is_string() && value["level"] == "INFO" && value["target"].is_string(), "{line}");
    }
}

#[test]
fn no_level_logs_a_secret() {
    let pod = start("trace", "text");
    assert!(pod.log().len() > 8);
    assert!(!pod.log().iter().any(|line| line.text.contains(COOKIE)), "{:#?}", pod.log());
}

#[test]
fn off_is_silence_but_for_errors() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").without_subdomain().env("BEAMINIT_LOG", "off").command(["true"]).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
    assert!(pod.log().is_empty(), "{:#?}", pod.log());
    let pod = cluster.pod("web-0").without_subdomain().env("BEAMINIT_LOG", "off").command(["/nothing"]).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(127));
    assert!(!pod.log().is_empty());
}
