//! A bare VM in a pod, and what its probes say.

use std::net::IpAddr;
use std::process::Output;
use std::time::{Duration, Instant};

use crate::vm::{BOOT, ask};
use crate::{Cluster, DnsSettings, Pod, RunningPod, wait_until};

pub const COOKIE: &str = "sesame-4711";
pub const NODE: &str = "shop@127.0.0.1";
/// What every cookie of these tests has in it.
const SECRET: &str = "4711";
/// Beside other tests a probe may wait for a processor this long.
const SLACK: Duration = Duration::from_secs(2);

pub struct ProbedNode {
    pub cluster: Cluster,
    pub address: IpAddr,
    pub pod: RunningPod,
}

impl ProbedNode {
    pub fn start(flags: &[&str]) -> Self {
        Self::start_as(flags, |pod| pod)
    }

    pub fn start_as(flags: &[&str], with: impl FnOnce(Pod) -> Pod) -> Self {
        let words = [&["erl", "-noinput", "-name", NODE, "-setcookie", COOKIE], flags].concat();
        Self::start_command(&words, with)
    }

    pub fn start_command(words: &[&str], with: impl FnOnce(Pod) -> Pod) -> Self {
        let cluster = Cluster::start(DnsSettings::default());
        let pod = cluster.pod("shop-0").uid(54321).read_only_root(true).command(words);
        let pod = with(pod);
        Self { address: pod.address(), pod: pod.start(), cluster }
    }

    pub fn once_ready(self) -> Self {
        wait_until(BOOT, "a node that is ready", || self.pod.ended().is_none() && self.probe(&["ready"]).0 == Some(0));
        self
    }

    /// Exit code and line.
    pub fn probe(&self, words: &[&str]) -> (Option<i32>, String) {
        verdict(&self.pod.exec(["beaminit", "probe"].iter().chain(words)))
    }

    /// A probe fails for a reason of these words, within the usual timeout.
    #[track_caller]
    pub fn fails(&self, words: &[&str], reason: &str) {
        let began = Instant::now();
        let (code, line) = self.probe(words);
        let took = began.elapsed();
        assert_eq!(code, Some(1), "{line}");
        assert!(line.contains(reason), "{reason:?} in {line:?}");
        assert!(took < Duration::from_millis(900) + SLACK, "{line}: {took:?}");
    }

    pub fn eval(&self, expression: &str) -> String {
        let [value] = ask(&self.pod, NODE, COOKIE, [expression]);
        value
    }

    pub fn sh(&self, script: &str) -> Output {
        self.pod.exec(["sh", "-euc", script])
    }

    pub fn signal_vm(&self, name: &str) {
        let output = self.sh(&format!("pkill -{name} -x beam.smp"));
        assert!(output.status.success(), "{output:?}");
    }
}

/// Exit code and line of a probe, which has no secret in it.
#[track_caller]
pub fn verdict(output: &Output) -> (Option<i32>, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let line = text(&output.stdout);
    assert!(output.stderr.is_empty(), "{line} {}", text(&output.stderr));
    assert!(!line.contains(SECRET) && line.lines().count() == 1, "{line}");
    (output.status.code(), line)
}
