//! The VM in a pod: is it there, what does it say of itself.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use super::{Process, RunningPod, wait_for, wait_until};

/// A VM on two busy cores.
pub const BOOT: Duration = Duration::from_secs(20);

/// The VM's process, if it runs.
pub fn vm(pod: &RunningPod) -> Option<Process> {
    pod.processes().into_iter().find(|process| process.comm == "beam.smp" && process.state != 'Z')
}

/// Waits until the node is known to its epmd, which is when peers can reach it.
pub fn wait_for_node(pod: &RunningPod, name: &str) {
    let registered = format!("name {name} at port");
    wait_until(BOOT, &registered, || {
        pod.ended().is_none() && String::from_utf8_lossy(&pod.exec(["epmd", "-names"]).stdout).contains(&registered)
    });
}

/// An application that says that it starts counts as started a moment later only, and is stopped only then. The VM has
/// booted when it has nothing to do for a while.
pub fn wait_until_idle(pod: &RunningPod) {
    const IDLE: Duration = Duration::from_millis(300);
    let ticks = || -> Option<String> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", vm(pod)?.pid)).ok()?;
        Some(stat.split_ascii_whitespace().skip(13).take(2).collect::<Vec<_>>().join(" "))
    };
    let (mut last, mut since) = (ticks(), Instant::now());
    wait_until(BOOT, "an idle VM", || {
        let now = ticks();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        last.is_none() || since.elapsed() >= IDLE
    });
}

/// What the release's own `rpc` command prints for an expression, run with the variables that the VM has.
pub fn rpc(pod: &RunningPod, expression: &str) -> String {
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
pub fn environment(pid: i32) -> BTreeMap<String, String> {
    let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    text.split_terminator('\0')
        .filter_map(|pair| pair.split_once('='))
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect()
}

/// A peer's `net_adm:ping`: whether a VM with `cookie`, in this pod, can connect to `node` by its name.
pub fn can_connect(from: &RunningPod, node: &str, cookie: &str) -> bool {
    let eval = format!("io:format(\"~s~n\",[net_adm:ping('{node}')])");
    match peer(from, cookie, &eval).lines().last() {
        Some("pong") => true,
        Some("pang") => false,
        other => panic!("{other:?}"),
    }
}

/// What `node` says to a peer with `cookie` in this pod: the value of each of these Erlang expressions, as `~tw` prints
/// it.
pub fn ask<const N: usize>(from: &RunningPod, node: &str, cookie: &str, expressions: [&str; N]) -> [String; N] {
    let texts = expressions.map(|expression| format!("{:?}", format!("{expression}.")));
    let eval = format!(
        "[begin {{ok, Tokens, _}} = erl_scan:string(Text), {{ok, Parsed}} = erl_parse:parse_exprs(Tokens), \
         io:format(\"~tw~n\", [rpc:call('{node}', erl_eval, exprs, [Parsed, []])]) end || Text <- [{}]]",
        texts.join(", ")
    );
    let text = peer(from, cookie, &eval);
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let lines: [String; N] = lines.try_into().unwrap_or_else(|lines| panic!("{lines:?}"));
    lines.map(|line| match line.strip_prefix("{value,").and_then(|rest| rest.strip_suffix(",[]}")) {
        Some(value) => value.to_owned(),
        None => panic!("{line}"),
    })
}

/// What a VM prints that is started in this pod beside the others, with `cookie`, to evaluate an expression.
fn peer(pod: &RunningPod, cookie: &str, eval: &str) -> String {
    let host = String::from_utf8_lossy(&pod.exec(["hostname", "-i"]).stdout).trim().to_owned();
    let (name, eval) = (format!("peer@{host}"), format!("{eval}, halt()."));
    let output = pod.exec(["erl", "-noinput", "-name", &name, "-setcookie", cookie, "-eval", &eval]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
