//! Name and cookie in each mode of `BEAMINIT_COOKIE`: peers connect with the cookie alone, the release's own tools do so
//! through `beaminit exec`, and `file` keeps it off every command line.

use std::os::unix::fs::chown;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::support::files::directory_of;
use crate::support::vm::{BOOT, can_connect, wait_for_node};
use crate::support::{Cluster, DnsSettings, Ended, Otp, Pod, RunningPod, scratch_dir};

const COOKIE: &str = "sesame-4711";
const NODE: &str = "demo@demo-0.demo.default.svc.cluster.local";
const UID: u32 = 54321;

on_each_otp!(of_a_mix_release, of_a_relx_release, of_a_vm_that_is_started_directly);

/// What is started, and what of it asks the node for its name.
struct Start {
    release: PathBuf,
    command: &'static [&'static str],
    tool: &'static [&'static str],
}

fn of_a_mix_release(otp: Otp) {
    let tool = &["bin/demo", "rpc", "IO.puts(node())"];
    check(otp, &Start { release: otp.mix_release(), command: &["bin/demo", "start"], tool });
}

fn of_a_relx_release(otp: Otp) {
    let tool = &["bin/demo", "rpc", "erlang", "node"];
    check(otp, &Start { release: otp.relx_release(), command: &["bin/demo", "foreground"], tool });
}

fn of_a_vm_that_is_started_directly(otp: Otp) {
    let command = &["erl", "-noinput", "-boot", "/app/releases/0.1.0/demo"];
    check(otp, &Start { release: otp.relx_release(), command, tool: &[] });
}

fn check(otp: Otp, start: &Start) {
    let config = directory_of(&[("vm.args", "-name demo@${MY_POD_FQDN}\n-setcookie ${ERLANG_COOKIE}\n")]);
    for mode in ["auto", "file", "args"] {
        let home = home();
        let cluster = Cluster::start(DnsSettings::default());
        let peer = cluster.pod("peer-0").system(otp.root()).no_entrypoint().command(["sleep", "1000"]).start();
        let pod = pod(&cluster, otp, start).mount_config(config.path()).mount_writable(home.path(), "/home/demo");
        let pod = pod.env("BEAMINIT_COOKIE", mode).start();
        pod.expect_line(&format!("demo runs on {NODE}"), BOOT);
        wait_for_node(&pod, "demo");
        assert!(can_connect(&peer, NODE, COOKIE), "{mode}");
        assert!(!can_connect(&peer, NODE, "another-cookie"), "{mode}");
        let on_a_command_line = pod.processes().iter().any(|process| process.cmdline.join(" ").contains(COOKIE));
        match mode {
            "file" => assert!(!on_a_command_line, "{:#?}", pod.processes()),
            "args" => assert!(on_a_command_line || start.release == otp.relx_release()),
            _ => {}
        }
        assert_tool_joins(&pod, start.tool, mode);
        pod.signal(15);
        assert_eq!(pod.wait(BOOT), Ended::Code(0), "{mode}");
        assert!(!pod.log().iter().any(|line| line.text.contains(COOKIE)), "{mode}: {:#?}", pod.log());
    }
}

fn assert_tool_joins(pod: &RunningPod, tool: &[&str], mode: &str) {
    if tool.is_empty() {
        return;
    }
    let output = pod.exec(["beaminit", "exec"].iter().chain(tool));
    let said = String::from_utf8_lossy(&output.stdout).replace('\'', "").trim().to_owned();
    assert_eq!(said, NODE, "{mode}: {}", String::from_utf8_lossy(&output.stderr));
}

/// OTP 23 and 24 look for a cookie file in HOME alone.
fn home() -> TempDir {
    let home = scratch_dir();
    chown(home.path(), Some(UID), Some(0)).unwrap();
    home
}

fn pod(cluster: &Cluster, otp: Otp, start: &Start) -> Pod {
    let pod = cluster.pod("demo-0").system(otp.root()).uid(UID).read_only_root(true).release(&start.release);
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let pod = pod.command(start.command).env("HOME", "/home/demo").env("ERLANG_COOKIE", COOKIE);
    pod.env("RELEASE_CONFIG_DIR", "/beamconfig").env("REPLACE_OS_VARS", "true")
}
