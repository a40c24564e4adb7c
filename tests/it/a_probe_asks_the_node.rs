//! `beaminit probe` says how the node is, each failure with its own reason and within its timeout, and leaves nothing
//! behind in the node: no atom, no process, no memory, no line in its log.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::files::{directory_of, shared_dir};
use crate::support::probed_node::{COOKIE, NODE, ProbedNode, verdict};
use crate::support::vm::{BOOT, ask, vm};
use crate::support::{Built, Pod, wait_until};

#[test]
fn a_node_that_runs_answers_every_question() {
    let node = ProbedNode::start(&[]).once_ready();
    let (code, line) = node.probe(&["live"]);
    assert!(code == Some(0) && line.starts_with(&format!("live: {NODE} answered in ")), "{line}");
    let (code, line) = node.probe(&["ready"]);
    assert!(code == Some(0) && line.starts_with(&format!("ready: {NODE} has started, answered in ")), "{line}");
    assert_eq!(node.probe(&["ready", "kernel", "stdlib"]).0, Some(0));
    assert_eq!(
        node.probe(&["ready", "kernel", "shop"]),
        (Some(1), "ready: shop does not run: 2 of 2 applications run".into())
    );
    let (code, json) = node.probe(&["live", "--format", "json"]);
    let verdict: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &verdict["probe"], &verdict["exit_code"]), (Some(0), &"live".into(), &0.into()));
    assert_eq!((&verdict["phase"], &verdict["node"]), (&"running".into(), &NODE.into()));
    let wrong = node.pod.exec(["beaminit", "probe", "alive"]);
    assert_eq!((wrong.status.code(), wrong.stdout), (Some(64), Vec::new()));
}

/// As the kubelet has it by default: every ten seconds, within a second, and a third failure ends the container.
#[test]
fn a_liveness_probe_alone_does_not_end_a_pod_that_waits_long() {
    const WAITS: Duration = Duration::from_secs(100);
    const PERIOD: Duration = Duration::from_secs(10);
    let host = "shop-0.shop.default.svc.cluster.local";
    let name = format!("shop@{host}");
    let node = ProbedNode::start_command(&["erl", "-noinput", "-name", &name, "-setcookie", COOKIE], |pod| pod);
    let first = node.cluster.dns().wait_for_question(BOOT).at;
    assert_eq!(node.probe(&["ready"]).0, Some(1));
    assert!(node.probe(&["ready"]).1.starts_with("ready: waiting for its record since "));
    let mut probes = 0;
    while first.elapsed() < WAITS {
        let (code, line) = node.probe(&["live"]);
        assert!(code == Some(0) && line.starts_with("live: waiting for its record since "), "{line}");
        probes += 1;
        wait_until(2 * PERIOD, "the next probe", || first.elapsed() >= PERIOD * probes);
    }
    let (_, json) = node.probe(&["live", "--format=json"]);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["phase"], "waiting");
    assert!(vm(&node.pod).is_none() && node.pod.ended().is_none());
    let output = node.pod.exec(["beaminit", "exec", "sh", "-c", "exit 7"]);
    assert_eq!(output.status.code(), Some(7), "exec does not join a start that waits");
    node.cluster.dns().publish(host, &[node.address]);
    let node = node.once_ready();
    assert!(node.probe(&["live"]).1.starts_with(&format!("live: {name} answered in ")));
}

/// A COMMAND that shows no VM, where the operator asks for a wait all the same. Once it runs there is nothing to ask.
#[test]
fn a_command_without_a_vm_is_live_while_it_waits() {
    let host = "shop-0.shop.default.svc.cluster.local";
    let node = ProbedNode::start_command(&["sleep", "1000"], |pod| pod.env("BEAMINIT_WAIT", "always"));
    node.cluster.dns().wait_for_question(BOOT);
    let (code, line) = node.probe(&["live"]);
    assert!(code == Some(0) && line.starts_with("live: waiting for its record since "), "{line}");
    assert!(node.probe(&["ready"]).1.starts_with("ready: waiting for its record since "));
    let explained = node.pod.exec(["beaminit", "explain", "--format", "json"]);
    let explained: Value = serde_json::from_slice(&explained.stdout).unwrap();
    assert_eq!(explained["running"], Value::Null, "nothing runs that could be explained");
    let exec = || node.pod.exec(["beaminit", "exec", "sh", "-c", "exit 7"]).status.code();
    assert_eq!(exec(), Some(7), "exec does not join a start that waits");
    node.cluster.dns().publish(host, &[node.address]);
    node.pod.expect_line("started command", BOOT);
    node.fails(&["live"], "no beaminit of this container has started a release");
    node.fails(&["ready"], "no beaminit of this container has started a release");
    assert_eq!(exec(), Some(7), "and it runs beside a command that is not a release");
}

#[test]
fn each_failure_has_its_reason() {
    let node = ProbedNode::start(&[]).once_ready();
    node.signal_vm("STOP");
    node.fails(&["live"], ", is stopped by a signal");
    node.fails(&["ready"], ", is stopped by a signal");
    node.signal_vm("CONT");
    assert_eq!(node.probe(&["live"]).0, Some(0));

    node.eval("sys:suspend(net_kernel)");
    node.fails(&["live"], "the node's net_kernel does not answer the handshake");
    node.fails(&["ready", "--timeout", "200ms"], "the node's net_kernel does not answer the handshake");
}

#[test]
fn a_busy_node_is_not_live() {
    let busy = "[spawn_opt(fun F() -> F() end, [{priority, high}]) || _ <- lists:seq(1, 100)]";
    let eval = format!("spawn(fun() -> receive after 2000 -> {busy} end end)");
    let node = ProbedNode::start(&["-eval", &eval]).once_ready();
    wait_until(BOOT, "schedulers without time", || node.probe(&["live"]).0 == Some(1));
    node.fails(&["live"], "the node is too busy to ");
}

#[test]
fn a_node_without_epmd_is_not_found() {
    let node = ProbedNode::start(&[]).once_ready();
    assert!(node.sh("pkill -x epmd").status.success());
    node.fails(&["live"], "epmd does not answer at port 4369: connection refused");
    // A new one does not know the node, until that registers again.
    assert!(node.sh("epmd -daemon").status.success());
    wait_until(BOOT, "epmd", || node.probe(&["live"]).1.contains("epmd at port 4369 does not know shop"));
}

#[test]
fn a_node_with_another_cookie_keeps_a_probe_out() {
    let node = ProbedNode::start(&["-eval", "erlang:set_cookie(node(), 'another-4711')"]);
    node.pod.expect_line("started erl", BOOT);
    wait_until(BOOT, "a cookie that is refused", || node.probe(&["live"]).0 == Some(1));
    node.fails(&["live"], "the node has another cookie");
    node.fails(&["ready"], "the node has another cookie");
}

#[test]
fn a_vm_that_has_crashed_is_not_one_that_boots() {
    let script = format!("erl -noinput -name {NODE} -setcookie {COOKIE}; sleep 1000");
    let node = ProbedNode::start_command(&["sh", "-c", &script], |pod| {
        pod.env("BEAMINIT_KIND", "erl").env("BEAMINIT_WAIT", "off")
    });
    let node = node.once_ready();
    node.signal_vm("KILL");
    wait_until(BOOT, "its end", || vm(&node.pod).is_none());
    node.fails(&["live"], "the VM has ended");
    node.fails(&["ready"], "the VM has ended");
}

#[test]
fn the_port_is_found_where_the_node_has_it() {
    let fixed = ProbedNode::start(&["-start_epmd", "false", "-erl_epmd_port", "9123"]).once_ready();
    assert!(!fixed.sh("pgrep -x epmd").status.success());
    let elsewhere = ProbedNode::start_as(&[], |pod| pod.env("ERL_EPMD_PORT", "4999")).once_ready();
    assert!(elsewhere.sh("ERL_EPMD_PORT=4999 epmd -names").status.success());
    let on_an_interface = |pod: Pod| {
        let address = pod.address().to_string().replace('.', ",");
        let flags = ["-kernel", "inet_dist_use_interface", &format!("{{{address}}}")];
        pod.command([&["erl", "-noinput", "-name", NODE, "-setcookie", COOKIE], flags.as_slice()].concat())
    };
    ProbedNode::start_as(&[], on_an_interface).once_ready();
}

/// Its script makes flags of the variable.
#[test]
fn a_relx_release_with_an_agreed_port_is_found_without_epmd() {
    let config = directory_of(&[("vm.args", &format!("-name {NODE}\n-setcookie {COOKIE}\n"))]);
    let of_release = |pod: Pod| {
        let pod = pod.release(Built::Relx.dir()).mount_config(config.path()).env("RELEASE_CONFIG_DIR", "/beamconfig");
        pod.env("REPLACE_OS_VARS", "true").env("GREETING", "hi").env("ERL_DIST_PORT", "9123")
    };
    let node = ProbedNode::start_command(&Built::Relx.start_command(), of_release).once_ready();
    assert_eq!(node.probe(&["ready", "demo"]).0, Some(0));
    assert!(!node.sh("pgrep -x epmd").status.success());
}

/// An entrypoint that starts as root gives the VM to another user, who has the cookie in a file.
#[test]
fn the_vm_of_another_user_is_asked() {
    let home = shared_dir();
    let words = ["setpriv", "--reuid=54322", "--regid=54322", "--clear-groups", "erl", "-noinput", "-name", NODE];
    let as_root = |pod: Pod| pod.without_uid().mount_writable(home.path(), "/home/shop").env("HOME", "/home/shop");
    let node = ProbedNode::start_command(&words, as_root).once_ready();
    assert_eq!(fs::metadata(home.path().join(".erlang.cookie")).unwrap().uid(), 54322);
    assert_eq!(node.probe(&["live"]).0, Some(0));
    // Who may not read the state learns nothing.
    let (code, line) = verdict(&node.pod.exec_as(54322, ["beaminit", "probe", "live"]));
    assert!(code == Some(1) && line.contains("no beaminit of this container has started a release"), "{line}");
}

/// Its VM is not below the command any more.
#[test]
fn a_release_in_the_background_is_found() {
    let tmp = shared_dir();
    let of_release = |pod: Pod| {
        let pod = pod.release(Built::Mix.dir()).mount_writable(tmp.path(), "/demo").env("RELEASE_TMP", "/demo");
        let pod = pod.env("RELEASE_DISTRIBUTION", "name").env("RELEASE_NODE", NODE).env("RELEASE_COOKIE", COOKIE);
        pod.env("BEAMINIT_WAIT", "off")
    };
    let words = ["sh", "-c", "bin/demo daemon; sleep 1000; exit 1"];
    let node = ProbedNode::start_command(&words, of_release).once_ready();
    node.signal_vm("KILL");
    wait_until(BOOT, "its end", || vm(&node.pod).is_none());
    node.fails(&["live"], "the VM has ended");
}

#[test]
fn a_node_of_ipv6_is_found() {
    let words = ["erl", "-noinput", "-proto_dist", "inet6_tcp", "-name", "shop@::1", "-setcookie", COOKIE];
    ProbedNode::start_command(&words, |pod| pod.env("BEAMINIT_WAIT", "off")).once_ready();
}

#[test]
fn a_node_that_cannot_be_asked_is_said_so() {
    let node = ProbedNode::start_command(&["erl", "-noinput"], |pod| pod.env("BEAMINIT_WAIT", "off"));
    wait_until(BOOT, "a VM", || vm(&node.pod).is_some());
    let (code, line) = node.probe(&["live"]);
    assert!(code == Some(0) && line.ends_with("runs; it has no node name, so no more was asked"), "{line}");
    let (code, line) = node.probe(&["ready"]);
    assert!(code == Some(64) && line.contains("use an httpGet or tcpSocket probe"), "{line}");
}

#[test]
fn a_node_that_wants_tls_is_live_once_it_accepts() {
    let node = ProbedNode::start(&["-proto_dist", "inet_tls"]);
    wait_until(BOOT, "a connection", || node.probe(&["live"]).1.ends_with("it wants TLS, so no more was asked"));
    assert_eq!(node.probe(&["live"]).0, Some(0));
    let (code, line) = node.probe(&["ready"]);
    assert!(code == Some(64) && line.contains("runs over TLS") && line.contains("use an httpGet"), "{line}");
}

#[test]
fn probes_leave_nothing_behind_and_do_not_disturb_each_other() {
    const WORKERS: usize = 4;
    let each = std::env::var("PROBES").map_or(5_000, |number| number.parse().unwrap()) / WORKERS;
    let watch = "net_kernel:monitor_nodes(true), \
        spawn(fun() -> net_kernel:monitor_nodes(true), (fun W() -> receive M -> io:format(\"saw ~p~n\", [M]), W() end end)() end)";
    let node = ProbedNode::start(&["-eval", watch]).once_ready();
    // What the questions themselves leave: code that is loaded, atoms of their text.
    for _ in 0..2 {
        Counts::of(&node);
    }
    // Each of the few names is an atom.
    repeat(&node, WORKERS, 32);
    let (before, lines) = (Counts::of(&node), node.pod.log().len());
    let began = Instant::now();
    repeat(&node, WORKERS, each);
    let took = began.elapsed();
    let mut logged: Vec<_> = node.pod.log().split_off(lines).into_iter().map(|line| line.text).collect();
    // The VM that asked for the counts is missed only now on a busy machine.
    logged.retain(|line| !line.contains("{nodedown,'peer@"));
    assert_eq!(logged, Vec::<String>::new());
    let after = Counts::of(&node);
    println!("{} probes in {took:?}: before {before:?}, after {after:?}", each * WORKERS);
    assert_eq!((after.atoms, after.processes, after.ports), (before.atoms, before.processes, before.ports));
    assert!(after.memory < before.memory + before.memory / 10, "{before:?} {after:?}");
    assert_eq!(node.eval("nodes() ++ nodes(hidden)").matches("probe").count(), 0);
}

/// Probes, in as many loops at the same time; all of them succeed.
fn repeat(node: &ProbedNode, workers: usize, each: usize) {
    let mut script = String::new();
    for _ in 0..workers {
        // Among thousands on a busy machine one may take longer than the usual 900 ms.
        let one = "line=$(beaminit probe live --timeout 5s) && line=$(beaminit probe ready kernel --timeout 5s) \
            || { echo \"$line\"; exit 1; }";
        write!(script, "(for i in $(seq {}); do {one}; done) & pids=\"$pids $!\"; ", each.div_ceil(2)).unwrap();
    }
    let output = node.sh(&format!("pids=; {script} for pid in $pids; do wait $pid; done"));
    assert!(output.status.success(), "{output:?}");
}

#[derive(Debug)]
struct Counts {
    atoms: u64,
    processes: u64,
    ports: u64,
    memory: u64,
}

impl Counts {
    fn of(node: &ProbedNode) -> Self {
        let collect = "[erlang:garbage_collect(P) || P <- processes()], erlang:memory(total)";
        let count = |what: &str| format!("erlang:system_info({what})");
        let [atoms, processes, ports] = ["atom_count", "process_count", "port_count"].map(count);
        let values = ask(&node.pod, NODE, COOKIE, [collect, &atoms, &processes, &ports]);
        let [memory, atoms, processes, ports] = values.map(|value| value.parse().unwrap());
        Self { atoms, processes, ports, memory }
    }
}
