//! What an init costs while its child sleeps. Ours has waited for a record before.

use std::fs;
use std::time::Duration;

use crate::init::INITS;
use crate::results::Row;
use crate::support::{Cluster, DnsSettings, Process, RunningPod, wait_until};

const SOON: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(10);

pub(crate) fn rows() -> Vec<Row> {
    let cluster = Cluster::start(DnsSettings::default());
    let pods = INITS.map(|init| {
        let words = init.words.iter().map(|word| if word.ends_with("/beaminit") { "beaminit" } else { word });
        let pod = cluster.pod("web-0").env("BEAMINIT_WAIT", "always").entrypoint(words);
        // Not there at the first question, so that the wait is a real one.
        let (fqdn, address) = (pod.fqdn(), pod.address());
        let pod = pod.command(["/bin/sh", "-c", "echo ready; exec sleep 1000"]).start();
        if init.name == "beaminit" {
            cluster.dns().wait_for_question(SOON);
            cluster.dns().publish(&fqdn, &[address]);
        }
        pod.expect_line("ready", SOON);
        pod
    });
    nix::unistd::sync();
    // What was started last may still be on its way to where it sleeps.
    for pod in &pods {
        wait_until(SOON, "an init that sleeps", || Process::read(pod.pid()).is_some_and(|init| init.state == 'S'));
    }
    let before = pods.each_ref().map(switches);
    std::thread::sleep(IDLE);
    let mut woken = pods.each_ref().map(switches);
    woken.iter_mut().zip(before).for_each(|(after, before)| *after -= before);
    // Without an init no process sleeps: what would be measured is the command.
    let figures = |field| {
        let mut figures = pods.each_ref().map(|pod| rollup(pod, field));
        figures[0] = f64::NAN;
        figures
    };
    woken[0] = f64::NAN;
    vec![
        Row::with_ratios("resident memory (RSS), KiB", &figures("Rss:")),
        Row::with_ratios("its share of it (PSS), KiB", &figures("Pss:")),
        Row::with_ratios("private dirty memory, KiB", &figures("Private_Dirty:")),
        Row::of("wake-ups in 10 s", &woken),
    ]
}

fn rollup(pod: &RunningPod, field: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", pod.pid())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn switches(pod: &RunningPod) -> f64 {
    let text = fs::read_to_string(format!("/proc/{}/status", pod.pid())).unwrap();
    text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap().trim().parse().unwrap()
}
