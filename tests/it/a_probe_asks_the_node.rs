//! `beaminit probe` says how the node is, each failure with its own reason and within its timeout, and leaves nothing
//! behind in the node: no atom, no process, no memory, no line in its log.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::vm::{BOOT, ask, vm, wait_for_node};
use crate::support::{Cluster, DnsSettings, Pod, RunningPod, wait_until};

const COOKIE: &str = "sesame-4711";
const NODE: &str = "shop@127.0.0.1";
/// Beside other tests a probe may wait for a processor this long.
const SLACK: Duration = Duration::from_secs(2);

/// A bare VM in a pod, and what its probes say.
struct Node {
    cluster: Cluster,
    address: IpAddr,
    pod: RunningPod,
}

impl Node {
    fn start(flags: &[&str]) -> Self {
        Self::start_as(flags, |pod| pod)
    }

    fn start_as(flags: &[&str], with: impl FnOnce(Pod) -> Pod) -> Self {
        let words = [&["erl", "-noinput", "-name", NODE, "-setcookie", COOKIE], flags].concat();
        Self::start_command(&words, with)
    }

    fn start_command(words: &[&str], with: impl FnOnce(Pod) -> Pod) -> Self {
        let cluster = Cluster::start(DnsSettings::default());
        let pod = cluster.pod("shop-0").uid(54321).read_only_root(true).command(words);
        let pod = with(pod);
        Self { address: pod.address(), pod: pod.start(), cluster }
    }

    fn once_ready(self) -> Self {
        wait_until(BOOT, "a node that is ready", || self.pod.ended().is_none() && self.probe(&["ready"]).0 == Some(0));
        self
    }

    /// Exit code and line.
    fn probe(&self, words: &[&str]) -> (Option<i32>, String) {
        let output = self.pod.exec(["beaminit", "probe"].iter().chain(words));
        assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
        let line = text(&output.stdout);
        assert!(!line.contains(COOKIE) && line.lines().count() == 1, "{line}");
        (output.status.code(), line)
    }

    /// A probe fails for a reason of these words, within the usual timeout.
    #[track_caller]
    fn fails(&self, words: &[&str], reason: &str) {
        let began = Instant::now();
        let (code, line) = self.probe(words);
        let took = began.elapsed();
        assert_eq!(code, Some(1), "{line}");
        assert!(line.contains(reason), "{reason:?} in {line:?}");
        assert!(took < Duration::from_millis(900) + SLACK, "{line}: {took:?}");
    }

    fn eval(&self, expression: &str) -> String {
        let [value] = ask(&self.pod, NODE, COOKIE, [expression]);
        value
    }

    fn sh(&self, script: &str) -> Output {
        self.pod.exec(["sh", "-euc", script])
    }

    fn signal_vm(&self, name: &str) {
        let output = self.sh(&format!("pkill -{name} -x beam.smp"));
        assert!(output.status.success(), "{output:?}");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

#[test]
fn a_node_that_runs_answers_every_question() {
    let node = Node::start(&[]).once_ready();
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
    assert_eq!((wrong.status.code(), text(&wrong.stdout).as_str()), (Some(64), ""));
}

/// As the kubelet has it by default: every ten seconds, within a second, and a third failure ends the container.
#[test]
fn a_liveness_probe_alone_does_not_end_a_pod_that_waits_long() {
    const WAITS: Duration = Duration::from_secs(100);
    const PERIOD: Duration = Duration::from_secs(10);
    let host = "shop-0.shop.default.svc.cluster.local";
    let name = format!("shop@{host}");
    let node = Node::start_command(&["erl", "-noinput", "-name", &name, "-setcookie", COOKIE], |pod| pod);
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

#[test]
fn each_failure_has_its_reason() {
    let node = Node::start(&[]).once_ready();
    node.signal_vm("STOP");
    node.fails(&["live"], ", is stopped by a signal or a debugger");
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
    let node = Node::start(&["-eval", &eval]).once_ready();
    wait_until(BOOT, "schedulers without time", || node.probe(&["live"]).0 == Some(1));
    node.fails(&["live"], "the node is too busy to ");
}

#[test]
fn a_node_without_epmd_is_not_found() {
    let node = Node::start(&[]).once_ready();
    assert!(node.sh("pkill -x epmd").status.success());
    node.fails(&["live"], "epmd does not answer at port 4369: connection refused");
    // A new one knows nobody: a node registers once.
    assert!(node.sh("epmd -daemon").status.success());
    wait_until(BOOT, "epmd", || node.probe(&["live"]).1.contains("epmd at port 4369 does not know shop"));
}

#[test]
fn a_node_with_another_cookie_keeps_a_probe_out() {
    let node = Node::start(&["-eval", "erlang:set_cookie(node(), 'another-4711')"]);
    node.pod.expect_line("started erl", BOOT);
    wait_until(BOOT, "a cookie that is refused", || node.probe(&["live"]).0 == Some(1));
    node.fails(&["live"], "the node has another cookie");
    node.fails(&["ready"], "the node has another cookie");
}

#[test]
fn a_vm_that_has_crashed_is_not_one_that_boots() {
    let script = format!("erl -noinput -name {NODE} -setcookie {COOKIE}; sleep 1000");
    let node =
        Node::start_command(&["sh", "-c", &script], |pod| pod.env("BEAMINIT_KIND", "erl").env("BEAMINIT_WAIT", "off"));
    let node = node.once_ready();
    node.signal_vm("KILL");
    wait_until(BOOT, "its end", || vm(&node.pod).is_none());
    node.fails(&["live"], "the VM has ended");
    node.fails(&["ready"], "the VM has ended");
}

#[test]
fn a_node_of_another_container_does_not_count() {
    let node = Node::start(&[]).once_ready();
    // Else it would register again in two seconds.
    node.eval("sys:suspend(erl_epmd)");
    assert!(node.sh("pkill -x epmd").status.success());
    // Same name, same cookie, same network, other mounts.
    let init = node.pod.init_pid().to_string();
    let erl = ["erl", "-noinput", "-detached", "-name", NODE, "-setcookie", COOKIE];
    let entered = ["--all", "--target", &init, "--", "unshare", "-m", "env", "HOME=/tmp"];
    let output = Command::new("nsenter").args(entered).args(erl).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    wait_for_node(&node.pod, "shop");
    node.fails(&["live"], "a node of this name runs in another container");
}

#[test]
fn the_port_is_found_where_the_node_has_it() {
    let fixed = Node::start(&["-start_epmd", "false", "-erl_epmd_port", "9123"]).once_ready();
    assert!(!fixed.sh("pgrep -x epmd").status.success());
    let elsewhere = Node::start_as(&[], |pod| pod.env("ERL_EPMD_PORT", "4999")).once_ready();
    assert!(elsewhere.sh("ERL_EPMD_PORT=4999 epmd -names").status.success());
    let on_an_interface = |pod: Pod| {
        let address = pod.address().to_string().replace('.', ",");
        let flags = ["-kernel", "inet_dist_use_interface", &format!("{{{address}}}")];
        pod.command([&["erl", "-noinput", "-name", NODE, "-setcookie", COOKIE], flags.as_slice()].concat())
    };
    Node::start_as(&[], on_an_interface).once_ready();
}

#[test]
fn a_node_of_ipv6_is_found() {
    let words = ["erl", "-noinput", "-proto_dist", "inet6_tcp", "-name", "shop@::1", "-setcookie", COOKIE];
    Node::start_command(&words, |pod| pod.env("BEAMINIT_WAIT", "off")).once_ready();
}

#[test]
fn a_node_that_cannot_be_asked_is_said_so() {
    let node = Node::start_command(&["erl", "-noinput"], |pod| pod.env("BEAMINIT_WAIT", "off"));
    wait_until(BOOT, "a VM", || vm(&node.pod).is_some());
    let (code, line) = node.probe(&["live"]);
    assert!(code == Some(0) && line.ends_with("runs; it has no node name, so no more was asked"), "{line}");
    let (code, line) = node.probe(&["ready"]);
    assert!(code == Some(64) && line.contains("use an httpGet or tcpSocket probe"), "{line}");
}

#[test]
fn a_node_that_wants_tls_is_live_once_it_accepts() {
    let node = Node::start(&["-proto_dist", "inet_tls"]);
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
    let node = Node::start(&["-eval", watch]).once_ready();
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
    let logged: Vec<_> = node.pod.log().split_off(lines).into_iter().map(|line| line.text).collect();
    assert_eq!(logged, Vec::<String>::new());
    let after = Counts::of(&node);
    println!("{} probes in {took:?}: before {before:?}, after {after:?}", each * WORKERS);
    assert_eq!((after.atoms, after.processes, after.ports), (before.atoms, before.processes, before.ports));
    assert!(after.memory < before.memory + before.memory / 10, "{before:?} {after:?}");
    assert_eq!(node.eval("nodes() ++ nodes(hidden)").matches("probe").count(), 0);
}

/// Probes, in as many loops at the same time; all of them succeed.
fn repeat(node: &Node, workers: usize, each: usize) {
    let mut script = String::new();
    for _ in 0..workers {
        let one = "line=$(beaminit probe live) && line=$(beaminit probe ready kernel) || { echo \"$line\"; exit 1; }";
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
    fn of(node: &Node) -> Self {
        let collect = "[erlang:garbage_collect(P) || P <- processes()], erlang:memory(total)";
        let count = |what: &str| format!("erlang:system_info({what})");
        let [atoms, processes, ports] = ["atom_count", "process_count", "port_count"].map(count);
        let values = ask(&node.pod, NODE, COOKIE, [collect, &atoms, &processes, &ports]);
        let [memory, atoms, processes, ports] = values.map(|value| value.parse().unwrap());
        Self { atoms, processes, ports, memory }
    }
}
