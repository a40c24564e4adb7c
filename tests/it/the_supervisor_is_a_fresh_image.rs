//! After a wait the supervisor is another image of the same process: nothing of the wait's memory is left, and all that
//! others see of PID 1 stays.

use std::fs;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::reported::fails;
use crate::support::{Cluster, DnsSettings, Ended, Pod, RunningPod, scratch_dir, wait_until};

const SOON: Duration = Duration::from_secs(10);

fn running(pod: Pod) -> RunningPod {
    let pod =
        pod.command(["sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 1000 & wait $!; done"]).start();
    pod.expect_line("ready", SOON);
    pod
}

/// One whose record is there when it asks.
fn after_a_wait(cluster: &Cluster, pod: Pod) -> RunningPod {
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    running(pod)
}

/// What is behind NUL bytes in a file of /proc.
fn words(pod: &RunningPod, file: &str) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{}/{file}", pod.pid())).unwrap();
    text.trim_end_matches('\0').split('\0').map(str::to_owned).collect()
}

fn is_fresh(pod: &RunningPod) -> bool {
    words(pod, "cmdline").iter().any(|word| word.starts_with("--supervise="))
}

fn wait_until_fresh(pod: &RunningPod) {
    wait_until(SOON, "a fresh image", || is_fresh(pod) && words(pod, "comm") == ["beaminit\n"]);
}

#[test]
fn under_its_old_name_words_and_environment() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = after_a_wait(&cluster, cluster.pod("web-0").env("GREETING", "hello"));
    wait_until_fresh(&pod);
    let words = [words(&pod, "cmdline"), words(&pod, "environ")];
    assert_eq!((words[0][0].as_str(), words[0][2].as_str()), ("beaminit", "sh"), "{words:?}");
    assert!(words[1].contains(&"GREETING=hello".to_owned()), "{words:?}");
    pod.signal(15);
    assert_eq!(pod.wait(SOON), Ended::Code(3));
}

#[test]
fn with_less_memory_than_a_start_without_a_wait() {
    let cluster = Cluster::start(DnsSettings::default());
    let private = |pod: &RunningPod| {
        let text = fs::read_to_string(format!("/proc/{}/status", pod.pid())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u32>().unwrap()
    };
    let waited = after_a_wait(&cluster, cluster.pod("web-0"));
    wait_until_fresh(&waited);
    let at_once = running(cluster.pod("web-1").env("BEAMINIT_WAIT", "off"));
    assert!(!is_fresh(&at_once), "a short command need not be late");
    let (waited, at_once) = (private(&waited), private(&at_once));
    assert!(waited < at_once, "{waited} KiB after a wait, {at_once} KiB without one");
}

#[test]
fn unless_it_cannot_be() {
    let cluster = Cluster::start(DnsSettings::default());
    // More than is passed on.
    let pod = cluster.pod("web-0").env("ERL_CRASH_DUMP", &format!("/{}", "x".repeat(5000)));
    let pod = after_a_wait(&cluster, pod.env("BEAMINIT_LOG", "debug"));
    pod.expect_line("supervising from the image of the start: file too large", SOON);
    assert!(!is_fresh(&pod));
    pod.signal(15);
    assert_eq!(pod.wait(SOON), Ended::Code(3));
}

#[test]
fn and_nobody_else_can_ask_for_one() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = |words: &[&str]| cluster.pod("web-0").command(words);
    let cure = "see whether the container has reached a limit";
    fails(pod(&["--supervise=99", "true"]), 71).is("supervise: cannot take up the release: no such file", cure);
    // What is there is not a state of ours.
    fails(pod(&["--supervise=0", "true"]), 71).is("supervise: cannot take up the release: ", cure);
}

/// One that has a file in its own directory below this directory.
fn that_writes(pod: Pod, config: &TempDir, shm: &TempDir) -> Pod {
    fs::write(config.path().join("vm.args"), "-name a@${MY_POD_FQDN}\n").unwrap();
    let pod = pod.mount_config(config.path()).mount_writable(shm.path(), "/shm");
    pod.env("RELEASE_CONFIG_DIR", "/beamconfig").env("BEAMINIT_RUN_DIR", "/shm")
}

#[test]
fn which_still_removes_what_the_start_has_written() {
    let (cluster, config, shm) = (Cluster::start(DnsSettings::default()), scratch_dir(), scratch_dir());
    let pod = after_a_wait(&cluster, that_writes(cluster.pod("web-0"), &config, &shm));
    wait_until_fresh(&pod);
    let written = || fs::read_dir(shm.path()).unwrap().count();
    assert_eq!(written(), 1);
    pod.signal(15);
    assert_eq!((pod.wait(SOON), written()), (Ended::Code(3), 0));
}

#[test]
fn whose_files_no_neighbour_takes_for_those_of_a_dead_one() {
    let (cluster, config, shm) = (Cluster::start(DnsSettings::default()), scratch_dir(), scratch_dir());
    let pod = after_a_wait(&cluster, that_writes(cluster.pod("web-0"), &config, &shm));
    wait_until_fresh(&pod);
    let dir = fs::read_dir(shm.path()).unwrap().next().unwrap().unwrap().path();
    let _neighbour = after_a_wait(&cluster, that_writes(cluster.pod("web-1"), &config, &shm));
    assert_eq!(fs::read_dir(shm.path()).unwrap().count(), 2);
    assert!(dir.join("vm.args").exists());
}
