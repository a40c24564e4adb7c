//! `beaminit exec` says what it found where it joins nothing: a start that waits, another user's release, another container's.
//! Then it invents no node name, and its hints are those of an exec.

use std::process::{Command, Output};
use std::time::Duration;

use crate::exec_joins_the_running_release::{fake_release, started};
use crate::support::files::directory_of;
use crate::support::talk::config_map;
use crate::support::vm::{BOOT, vm};
use crate::support::{Cluster, DnsSettings, Ended, RunningPod, demo_release};

const SOON: Duration = Duration::from_secs(10);

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// What a program of another container sees that shares the pod's processes, as `kubectl debug --target` starts it.
fn in_a_debug_container(pod: &RunningPod, words: &[&str]) -> Output {
    let mut command = Command::new("nsenter");
    command.args(["--all", "--target", &pod.init_pid().to_string(), "--", "unshare", "--mount", "sh", "-c"]);
    // It has neither the directories of the container nor its memory.
    command
        .args(["mount -t tmpfs none /run; mount -t tmpfs none /tmp; mount -t tmpfs none /dev/shm; exec \"$@\"", "sh"]);
    command.args(words).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").output().unwrap()
}

#[test]
fn of_a_start_that_waits_it_says_since_when() {
    let (release, cluster) = (fake_release(), Cluster::start(DnsSettings::default()));
    let pod = cluster.pod("web-0").release(release.path()).command(["bin/app", "start"]).start();
    cluster.dns().wait_for_question(SOON);
    let output = pod.exec(["beaminit", "exec", "printenv", "RELEASE_NODE"]);
    let error = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""), "{error}");
    let waits = "beaminit: exec: app does not run yet: beaminit is waiting for its record since ";
    assert!(
        error.contains(waits) && error.contains(" s, of at most 120 s; COMMAND gets the pod's identity alone"),
        "{error}"
    );

    let output = in_a_debug_container(&pod, &["beaminit", "exec", "printenv", "RELEASE_NODE"]);
    let error = text(&output.stderr);
    let other = "process 1 is the beaminit of another container, which is waiting for its record since ";
    assert!(error.contains(other) && error.contains("; hint: do this by kubectl exec in that container"), "{error}");
    assert!(text(&output.stdout).is_empty(), "{error}");
}

#[test]
fn of_a_release_of_another_container_it_says_how_to_join() {
    let (release, cluster) = (fake_release(), Cluster::start(DnsSettings::default()));
    let pod = started(&cluster, &release, |pod| pod);
    let output = in_a_debug_container(&pod, &["beaminit", "exec", "true"]);
    let error = text(&output.stderr);
    assert!(error.contains("process 1 is the beaminit of another container; COMMAND gets"), "{error}");
    assert_eq!(output.status.code(), Some(0), "{error}");
}

/// As the user to whom an entrypoint switches.
#[test]
fn of_a_release_of_another_user_it_says_who_may_join() {
    let (release, cluster) = (fake_release(), Cluster::start(DnsSettings::default()));
    let pod = started(&cluster, &release, |pod| pod);
    let output = pod.exec_as(54321, ["beaminit", "exec", "true"]);
    let error = text(&output.stderr);
    assert!(error.contains("process 1 is a beaminit of user 0, whose state only that user may read"), "{error}");
    assert!(error.contains("; hint: do this as user 0, as kubectl exec does"), "{error}");
    assert_eq!(output.status.code(), Some(0), "{error}");
}

#[test]
fn beside_no_release_a_command_has_the_pods_identity_alone() {
    let config = config_map("-name ${RELEASE_NAME}@${MY_POD_FQDN}\n-setcookie ${NOWHERE}\n");
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").mount_config(config.path()).env("RELEASE_CONFIG_DIR", "/beamconfig");
    let pod = pod.no_entrypoint().command(["sleep", "1000"]).start();
    let output = pod.exec(["beaminit", "exec", "env"]);
    let (said, error) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{error}");
    assert!(error.contains("no release of this user runs here: COMMAND gets the pod's identity alone"), "{error}");
    assert!(said.contains("MY_POD_FQDN=web-0.web.default.svc.cluster.local"), "{said}");
    for name in ["RELEASE_NODE", "VMARGS_PATH", "RELEASE_VM_ARGS", "ERL_ZFLAGS"] {
        assert!(!said.contains(&format!("{name}=")), "{name}: {said}");
    }
    assert_eq!(pod.exec(["sh", "-c", "ls -A /dev/shm /run | grep beaminit"]).stdout, b"");
}

/// A tool of the release looks for the node that the release would have without beaminit, and not for one of our choice.
#[test]
fn beside_no_release_no_name_is_invented() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod =
        cluster.pod("demo-0").release(demo_release()).command(["sleep", "1000"]).env("BEAMINIT_WAIT", "off").start();
    pod.expect_line("started command", SOON);
    let output = pod.exec(["beaminit", "exec", "bin/demo", "rpc", "1"]);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(!error.contains("it becomes") && !error.contains("demo@demo-0.demo"), "{error}");
    assert!(error.contains("exec: ") && !error.contains("kubectl logs"), "{error}");
    assert!(vm(&pod).is_none());
}

/// What a person at a terminal has just run and seen is not in the container's log.
#[test]
fn a_tool_that_fails_gets_no_hint_of_a_start() {
    let (release, cluster) = (fake_release(), Cluster::start(DnsSettings::default()));
    let script = directory_of(&[("fail", "#!/bin/sh\nexit 9\n")]);
    crate::support::files::set_mode(script.path().join("fail"), 0o755);
    std::fs::copy(script.path().join("fail"), release.path().join("bin/fail")).unwrap();
    let pod = cluster.pod("web-0").release(release.path()).no_entrypoint().command(["sleep", "1000"]).start();
    let output = pod.exec(["beaminit", "exec", "bin/fail"]);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(9), "{error}");
    assert!(
        error.contains("ended with code 9") && !error.contains("--previous") && !error.contains("background"),
        "{error}"
    );
    let pod = cluster.pod("web-1").release(release.path()).env("BEAMINIT_WAIT", "off").command(["bin/fail"]).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(9));
    pod.expect_line("kubectl logs --previous", SOON);
}
