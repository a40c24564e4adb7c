//! The VM in a pod: is it there, what does it say of itself.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use super::{Process, RunningPod, wait_for, wait_until};

/// A VM on two busy cores.
pub(crate) const BOOT: Duration = Duration::from_secs(20);

/// The VM's process, if it runs.
pub(crate) fn vm(pod: &RunningPod) -> Option<Process> {
    pod.processes().into_iter().find(|process| process.comm == "beam.smp" && process.state != 'Z')
}

/// Waits until the node is known to its epmd, which is when peers can reach it.
pub(crate) fn wait_for_node(pod: &RunningPod, name: &str) {
    let registered = format!("name {name} at port");
    wait_until(BOOT, &registered, || {
        pod.ended().is_none() && String::from_utf8_lossy(&pod.exec(["epmd", "-names"]).stdout).contains(&registered)
    });
}

/// What the release's own `rpc` command prints for an expression, run with the variables that the VM has.
pub(crate) fn rpc(pod: &RunningPod, expression: &str) -> String {
    let variables = environment(wait_for(BOOT, "a VM", || vm(pod)).pid);
    let given = variables
        .iter()
        .filter(|(name, _)| name.starts_with("RELEASE_"))
        .map(|(name, value)| format!("{name}={value}"));
    let words =
        std::iter::once("env".to_owned()).chain(given).chain(["bin/demo", "rpc", expression].map(str::to_owned));
    let output = pod.exec(words);
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// A process's environment, as the kernel shows it.
pub(crate) fn environment(pid: i32) -> BTreeMap<String, String> {
    let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    text.split_terminator('\0')
        .filter_map(|pair| pair.split_once('='))
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect()
}

/// A peer's `net_adm:ping`: whether a VM with `cookie`, in this pod, can connect to `node` by its name.
pub(crate) fn can_connect(from: &RunningPod, node: &str, cookie: &str) -> bool {
    let host = String::from_utf8_lossy(&from.exec(["hostname", "-i"]).stdout).trim().to_owned();
    let eval = format!("io:format(\"~s~n\",[net_adm:ping('{node}')]),halt().");
    let name = format!("peer@{host}");
    let output = from.exec(["erl", "-noinput", "-name", &name, "-setcookie", cookie, "-eval", &eval]);
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match text.lines().last() {
        Some("pong") => true,
        Some("pang") => false,
        _ => panic!("{text}{}", String::from_utf8_lossy(&output.stderr)),
    }
}
