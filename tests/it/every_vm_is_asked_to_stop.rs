//! TERM stops every application in order, whatever is between beaminit and the VM: a shell that did not `exec`, a
//! control script, a switch of users, a wrapper that has its own way to stop.

use std::fs;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::files::{directory_of, set_mode};
use crate::support::vm::{BOOT, vm, wait_until_idle};
use crate::support::{
    Accounts, AsPid, Cluster, DnsSettings, Ended, Pod, RunningPod, demo_release, scratch_dir, wait_until,
};

const SOON: Duration = Duration::from_secs(10);
const RUNS: &str = "demo runs on";
const STOPPED: &str = "demo was stopped";

/// As older images have it: the shell waits for the VM.
const SHELL: &str = "bin/demo eval 'IO.puts(:migrated)' && bin/demo start";

fn pod(cluster: &Cluster, name: &str, words: &[&str]) -> Pod {
    cluster.pod(name).without_subdomain().release(demo_release()).env("BEAMINIT_WAIT", "off").command(words)
}

/// One whose application runs.
fn running(pod: Pod) -> RunningPod {
    let pod = pod.start();
    pod.expect_line(RUNS, 3 * BOOT);
    wait_until_idle(&pod);
    pod
}

#[track_caller]
fn stops_in_order(pod: &RunningPod, code: i32) {
    pod.signal(15);
    assert_eq!(pod.wait(3 * BOOT), Ended::Code(code), "{:#?}", pod.log());
    pod.expect_line(STOPPED, SOON);
}

#[test]
fn below_a_shell_that_waits_for_it() {
    let cluster = Cluster::start(DnsSettings::default());
    // bash becomes the last command of its text, unless something follows.
    for (shell, text) in [("sh", SHELL.to_owned()), ("bash", format!("{SHELL}; exit $?"))] {
        let pod = running(pod(&cluster, "web-0", &[shell, "-c", &text]));
        stops_in_order(&pod, 0);
        pod.expect_line("the main child would die of it and leave its VM behind", SOON);
    }
}

/// It starts the VM as a child, as ejabberd's does, and cleans up behind it.
#[test]
fn below_a_control_script() {
    let cluster = Cluster::start(DnsSettings::default());
    let script = "exec_cmd() { \"$@\"; }\nexec_cmd bin/demo start\ncode=$?\necho cleaned up\nexit $((code + 3))\n";
    let bin = directory_of(&[("democtl", script)]);
    let pod = running(pod(&cluster, "web-0", &["bash", "/ctl/democtl"]).mount(bin.path(), "/ctl"));
    stops_in_order(&pod, 3);
    pod.expect_line("cleaned up", SOON);
}

/// A second TERM would make it give up.
#[test]
fn below_a_wrapper_that_gets_term_once() {
    let cluster = Cluster::start(DnsSettings::default());
    let script = "terms=0; bin/demo start & vm=$!; trap 'terms=$((terms + 1)); echo TERM $terms' TERM; \
                  while [ $terms = 0 ]; do wait $vm; done; sleep 3; kill -TERM $vm; wait $vm; exit $((terms + 6))";
    let pod = running(pod(&cluster, "web-0", &["bash", "-c", script]));
    stops_in_order(&pod, 7);
    assert!(!pod.stdout().contains("TERM 2"), "{}", pod.stdout());
}

/// With EXIT alone trapped, bash ends on a TERM while the VM still runs.
#[test]
fn below_a_wrapper_that_ends_before_it() {
    let cluster = Cluster::start(DnsSettings::default());
    for (as_pid, target) in [(AsPid::One, "main"), (AsPid::One, "group"), (AsPid::NotOne, "group")] {
        let script = format!("trap 'echo wrapper ends' EXIT; {SHELL}");
        let pod = pod(&cluster, "web-0", &["bash", "-c", &script]).env("BEAMINIT_SIGNAL_TARGET", target);
        // An application that stops at once may do so before bash has written its line.
        let pod = running(pod.env("STOP_TAKES", "1000").runs_as(as_pid));
        stops_in_order(&pod, 143);
        let line = |part: &str| pod.log().iter().position(|line| line.text.contains(part)).unwrap();
        assert!(line("wrapper ends") < line(STOPPED), "{:#?}", pod.log());
    }
}

#[test]
fn below_a_shell_in_the_same_group() {
    let cluster = Cluster::start(DnsSettings::default());
    for as_pid in [AsPid::One, AsPid::NotOne] {
        let pod = pod(&cluster, "web-0", &["sh", "-c", SHELL]).env("BEAMINIT_SIGNAL_TARGET", "group");
        stops_in_order(&running(pod.runs_as(as_pid)), 143);
    }
}

#[test]
fn behind_a_switch_of_users() {
    let cluster = Cluster::start(DnsSettings::default());
    let user = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", "bin/demo", "start"];
    stops_in_order(&running(pod(&cluster, "web-0", &user)), 0);
    let accounts = Accounts::new();
    // It ends its own child alone, the shell.
    let su = ["su", "-s", "/bin/sh", "-c", "cd /app; bin/demo start; exit $?", "shop"];
    let pod = running(accounts.mounted(pod(&cluster, "web-0", &su)));
    pod.signal(15);
    let ended = pod.wait(BOOT);
    assert!(matches!(ended, Ended::Code(0 | 143)), "{ended:?}");
    pod.expect_line(STOPPED, SOON);
}

/// The shell waits for something else, and gets its TERM when nothing is left to stop.
#[test]
fn in_the_background() {
    let cluster = Cluster::start(DnsSettings::default());
    let tmp = scratch_dir();
    let log = || fs::read_to_string(tmp.path().join("log/erlang.log.1")).unwrap_or_default();
    let pod = pod(&cluster, "web-0", &["sh", "-c", "bin/demo daemon; sleep 1000; exit 1"]);
    let pod = pod.mount_writable(tmp.path(), "/demo").env("RELEASE_TMP", "/demo").start();
    wait_until(BOOT, "the application runs", || log().contains(RUNS));
    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(143), "{:#?}", pod.log());
    assert!(log().contains(STOPPED), "{}", log());
}

/// What cannot be seen is treated as ever.
#[test]
fn where_proc_is_missing_the_main_child_is() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = running(pod(&cluster, "web-0", &["sh", "-c", SHELL]));
    pod.unmount("/proc");
    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(143), "{:#?}", pod.log());
}

const MOMENTS: u32 = 12;
/// From the first moment that counts to well after both boots.
const FIRST: Duration = Duration::from_millis(5);
const LAST: Duration = Duration::from_millis(3500);

/// Every application that has started is stopped, and nothing runs on: no TERM is lost, in whichever phase it comes.
#[test]
fn at_twelve_moments_of_each_start() {
    let cluster = Cluster::start(DnsSettings::default());
    let accounts = Accounts::new();
    let server = directory_of(&[("server", "#!/bin/sh\ncd -P -- /app/bin\nPHX_SERVER=true exec ./demo start\n")]);
    set_mode(server.path().join("server"), 0o755);
    let trap = "trap 'kill -TERM $vm' TERM; bin/demo start & vm=$!; wait $vm; wait $vm; exit 7";
    let su = format!("cd /app; {SHELL}");
    let entrypoint = "bin/demo eval 'IO.puts(:migrated)'; exec \"$@\"";
    let starts: [&[&str]; 7] = [
        &["bin/demo", "start"],
        &["/server/server"],
        &["sh", "-ec", entrypoint, "entrypoint", "bin/demo", "start"],
        &["sh", "-c", SHELL],
        &["bash", "-c", trap],
        &["su", "-s", "/bin/sh", "-c", &su, "shop"],
        &["setpriv", "--reuid=54321", "--clear-groups", "--regid=54321", "bin/demo", "start"],
    ];
    let runs: Vec<_> = (0..starts.len()).flat_map(|start| (0..MOMENTS).map(move |moment| (start, moment))).collect();
    let left = Mutex::new(runs.into_iter());
    let next = || left.lock().unwrap().next();
    thread::scope(|scope| {
        for thread in 0..3 {
            let (next, cluster, accounts, starts, server) = (&next, &cluster, &accounts, &starts, &server);
            scope.spawn(move || {
                while let Some((start, moment)) = next() {
                    let moment = FIRST + LAST.saturating_sub(FIRST).mul_f64(f64::from(moment) / f64::from(MOMENTS - 1));
                    let pod = accounts.mounted(pod(cluster, &format!("web-{thread}"), starts[start]));
                    let pod = pod.mount(server.path(), "/server");
                    term_after(&pod.start(), moment, starts[start]);
                }
            });
        }
    });
}

/// The moment counts from when beaminit listens: before that the kernel drops what is sent to a PID 1.
fn term_after(pod: &RunningPod, moment: Duration, words: &[&str]) {
    wait_until(SOON, "beaminit blocks TERM", || blocks_term(pod.pid()));
    thread::sleep(moment);
    pod.signal(15);
    let ended = pod.try_wait(Duration::from_secs(30));
    let said = format!("{words:?} {moment:?}: {ended:?} {:#?}", pod.log());
    match ended {
        Some(Ended::Code(code)) => assert!([0, 7, 143].contains(&code), "{said}"),
        // A VM that hears of it in the middle of an `eval` may hang for ever, under any init.
        None => assert!(said.contains("SIGTERM received") && said.contains("removed_failing_handler"), "{said}"),
        Some(Ended::Signal(_)) => panic!("{said}"),
    }
    let count = |line: &str| pod.stdout().matches(line).count();
    assert_eq!(count(RUNS), count(STOPPED), "{said}");
}

fn blocks_term(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
    u64::from_str_radix(blocked.trim(), 16).unwrap() & (1 << 14) != 0
}

/// As Debian packs it: its control script waits for the VM.
#[test]
fn in_the_ejabberd_of_debian() {
    let cluster = Cluster::start(DnsSettings::default());
    let accounts = Accounts::new();
    let config = directory_of(&[("ejabberd.yml", "hosts: [localhost]\nloglevel: info\nlisten: []\n"), ("inetrc", "")]);
    let data = open_to_all();
    let pod = accounts.mounted(cluster.pod("web-0").without_subdomain()).uid(54321).gid(54321);
    let pod = pod.mount(config.path(), "/etc/ejabberd").mount_writable(data.path(), "/data").env("HOME", "/data");
    let pod = pod.env("SPOOL_DIR", "/data").env("LOGS_DIR", "/data").env("BEAMINIT_WAIT", "off");
    let pod = pod.command(["ejabberdctl", "foreground"]).start();
    pod.expect_line("is started in the node", Duration::from_secs(60));
    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(0), "{:#?}", pod.log());
    let log = fs::read_to_string(data.path().join("ejabberd.log")).unwrap();
    assert!(log.contains("is stopped in the node"), "{log}");
    assert!(vm(&pod).is_none());
}

fn open_to_all() -> TempDir {
    let dir = scratch_dir();
    fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    dir
}
