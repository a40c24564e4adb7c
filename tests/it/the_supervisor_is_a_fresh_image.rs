//! Once the release runs, its supervisor is another image of the same process: nothing of the start's memory is left, and
//! all that others see of PID 1 stays.

use std::fs;
use std::time::Duration;

use crate::support::{Cluster, DnsSettings, Ended, Pod, RunningPod, wait_until};

const SOON: Duration = Duration::from_secs(10);

fn running(pod: Pod) -> RunningPod {
    let pod =
        pod.command(["sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 1000 & wait $!; done"]).start();
    pod.expect_line("ready", SOON);
    pod
}

/// What is behind NUL bytes in a file of /proc.
fn words(pod: &RunningPod, file: &str) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{}/{file}", pod.pid())).unwrap();
    text.trim_end_matches('\0').split('\0').map(str::to_owned).collect()
}

fn is_fresh(pod: &RunningPod) -> bool {
    words(pod, "cmdline").iter().any(|word| word.starts_with("--supervise="))
}

#[test]
fn under_its_old_name_words_and_environment() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = running(cluster.pod("web-0").without_subdomain().env("GREETING", "hello"));
    wait_until(SOON, "a fresh image", || is_fresh(&pod));
    wait_until(SOON, "its name", || words(&pod, "comm") == ["beaminit\n"]);
    let words = [words(&pod, "cmdline"), words(&pod, "environ")];
    assert_eq!((words[0][0].as_str(), words[0][2].as_str()), ("beaminit", "sh"), "{words:?}");
    assert!(words[1].contains(&"GREETING=hello".to_owned()), "{words:?}");
    pod.signal(15);
    assert_eq!(pod.wait(SOON), Ended::Code(3));
}

#[test]
fn without_the_memory_of_the_wait() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = |service| cluster.pod("web-0").service(service);
    let private = |pod: &RunningPod| {
        wait_until(SOON, "a fresh image", || is_fresh(pod) && words(pod, "comm") == ["beaminit\n"]);
        let text = fs::read_to_string(format!("/proc/{}/status", pod.pid())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u32>().unwrap()
    };
    let waited = pod("web");
    cluster.dns().publish(&waited.fqdn(), &[waited.address()]);
    let waited = running(waited);
    waited.expect_line("answers with", SOON);
    let at_once = running(pod("other").env("BEAMINIT_WAIT", "off"));
    // The wait itself takes far more than this: a runtime, a resolver, and what they have read.
    let (waited, at_once) = (private(&waited), private(&at_once));
    assert!(waited.abs_diff(at_once) <= 32, "{waited} KiB after a wait, {at_once} KiB without one");
}

#[test]
fn unless_it_cannot_be() {
    let cluster = Cluster::start(DnsSettings::default());
    // More than is handed on.
    let pod = cluster.pod("web-0").without_subdomain().env("ERL_CRASH_DUMP", &format!("/{}", "x".repeat(5000)));
    let pod = running(pod.env("BEAMINIT_LOG", "debug"));
    pod.expect_line("supervising from the image of the start: file too large", SOON);
    assert!(!is_fresh(&pod));
    pod.signal(15);
    assert_eq!(pod.wait(SOON), Ended::Code(3));
}

#[test]
fn which_still_removes_what_the_start_has_written() {
    let cluster = Cluster::start(DnsSettings::default());
    let config = crate::support::scratch_dir();
    fs::write(config.path().join("vm.args"), "-name ${X}@127.0.0.1\n").unwrap();
    let shm = crate::support::scratch_dir();
    let pod = cluster.pod("web-0").without_subdomain().mount_config(config.path()).mount_writable(shm.path(), "/shm");
    let pod = running(pod.env("RELEASE_CONFIG_DIR", "/beamconfig").env("X", "a").env("BEAMINIT_RUN_DIR", "/shm"));
    wait_until(SOON, "a fresh image", || is_fresh(&pod));
    let written = || fs::read_dir(shm.path()).unwrap().count();
    assert_eq!(written(), 1);
    pod.signal(15);
    assert_eq!((pod.wait(SOON), written()), (Ended::Code(3), 0));
}
