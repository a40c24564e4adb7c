//! What is wrong with a template is found before the first DNS packet, shown in its place, and nothing is started.

use crate::support::talk::{self, COOKIE, config_map};
use crate::support::vm::BOOT;
use crate::support::{Cluster, DnsSettings, Ended, Pod, RunningPod};

fn fails(cluster: &Cluster, vm_args: &str, change: impl FnOnce(Pod) -> Pod) -> RunningPod {
    let config = config_map(vm_args);
    stopped(cluster, change(talk::pod(cluster, "pairing-0", config.path())))
}

fn stopped(cluster: &Cluster, pod: Pod) -> RunningPod {
    let pod = pod.start();
    assert_eq!(pod.wait(BOOT), Ended::Code(65), "{:#?}", pod.log());
    assert!(cluster.dns().questions().is_empty(), "asked before the template was checked");
    assert!(!pod.log().iter().any(|line| line.text.contains(COOKIE)));
    pod
}

#[test]
fn an_unset_variable_is_shown_with_a_caret() {
    let cluster = Cluster::start(DnsSettings::default());
    let config = config_map(talk::VM_ARGS);
    let unset = talk::pod_without_secret(&cluster, "pairing-0", config.path());
    let empty = talk::pod_without_secret(&cluster, "pairing-0", config.path()).env("ERLANG_COOKIE", "");
    for (pod, state) in [(unset, "is not set"), (empty, "is empty")] {
        let pod = stopped(&cluster, pod);
        let text = pod.log().into_iter().map(|line| line.text).collect::<Vec<_>>().join("\n");
        let expected = format!(
            "beaminit: render: /beamconfig/vm.args:5:12: ERLANG_COOKIE {state}\n  \
             -setcookie ${{ERLANG_COOKIE}}\n             ^\nhint: set ERLANG_COOKIE"
        );
        assert!(text.contains(&expected), "{text}");
        assert!(pod.termination_log().contains(&format!("ERLANG_COOKIE {state}")));
    }
}

#[test]
fn a_value_that_would_be_another_flag_is_refused() {
    let cluster = Cluster::start(DnsSettings::default());
    for cookie in ["a -heart", "a#b", "-heart", "\"", "a\n-heart"] {
        fails(&cluster, talk::VM_ARGS, |pod| pod.env("ERLANG_COOKIE", cookie));
    }
}

#[test]
fn a_name_that_the_vm_would_refuse_is_refused() {
    let cluster = Cluster::start(DnsSettings::default());
    fails(&cluster, talk::VM_ARGS, |pod| pod.env("RELEASE_NAME", "a.b"));
    fails(&cluster, &format!("{}-sname other\n", talk::VM_ARGS), |pod| pod);
    fails(&cluster, &format!("{}-setcookie other\n", talk::VM_ARGS), |pod| pod);
    fails(&cluster, &format!("{}-env A \"open\n", talk::VM_ARGS), |pod| pod);
}

#[test]
fn a_config_map_that_is_not_mounted_is_66() {
    let cluster = Cluster::start(DnsSettings::default());
    let config = config_map("");
    let pod = talk::pod(&cluster, "pairing-0", config.path()).env("RELEASE_CONFIG_DIR", "/elsewhere").start();
    assert_eq!(pod.wait(BOOT), Ended::Code(66));
    pod.expect_line("beaminit: release: RELEASE_CONFIG_DIR=/elsewhere: no such directory", BOOT);
}
