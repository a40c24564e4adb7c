//! The ConfigMap and the variables of the talk name the node, `beaminit exec` and `beaminit probe` reach it, and a TERM
//! stops it in order.

use crate::support::talk::{self, COOKIE, config_map};
use crate::support::vm::{BOOT, can_connect, rpc, wait_for_node};
use crate::support::{Cluster, DnsSettings, Ended, Otp, RunningPod, wait_until};

const NODE: &str = "astarte_pairing@pairing-0.pairing.astarte.svc.cluster.local";

on_each_otp!(with_dollar_and_braces, with_dollar_and_angle_brackets);

fn with_dollar_and_braces(otp: Otp) {
    starts_under_its_name(otp, talk::VM_ARGS);
}

fn with_dollar_and_angle_brackets(otp: Otp) {
    starts_under_its_name(otp, &talk::with_angle_brackets());
}

fn starts_under_its_name(otp: Otp, vm_args: &str) {
    let (config, release) = (config_map(vm_args), otp.mix_release());
    let cluster = Cluster::start(DnsSettings::default());
    let pod = talk::pod_of(&cluster, "pairing-0", config.path()).env("ERLANG_COOKIE", COOKIE);
    let pod = pod.system(otp.root()).release(&release);
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let peer = cluster.pod("peer-0").system(otp.root()).no_entrypoint().command(["sleep", "1000"]).start();

    let pod = pod.start();
    pod.expect_line(&format!("demo runs on {NODE} and says the release's own"), BOOT);
    wait_for_node(&pod, "astarte_pairing");
    assert_eq!(rpc(&pod, "IO.puts(node())"), NODE);
    assert!(can_connect(&peer, NODE, COOKIE), "the cookie of the Secret");
    assert!(!can_connect(&peer, NODE, "another-cookie"));

    assert_eq!(said(&pod, &["exec", "bin/demo", "rpc", "IO.puts(node())"]), NODE);
    assert_eq!(said(&pod, &["exec", "bin/demo", "eval", "IO.puts(6 * 7)"]), "42");
    let probe = |words: &[&str]| said(&pod, &[&["probe"], words].concat());
    wait_until(BOOT, "it is ready", || {
        pod.exec(["beaminit", "probe", "ready", "demo", "--timeout", "5s"]).status.success()
    });
    assert!(probe(&["live", "--timeout", "5s"]).starts_with(&format!("live: {NODE} answered in ")));
    assert!(said(&pod, &["explain"]).contains(NODE));

    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
    assert!(!pod.log().iter().any(|line| line.text.contains(COOKIE)), "{:#?}", pod.log());
}

/// What a command of beaminit prints.
#[track_caller]
fn said(pod: &RunningPod, words: &[&str]) -> String {
    let output = pod.exec(["beaminit"].iter().chain(words));
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{words:?}: {text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}
