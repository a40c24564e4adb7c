//! `kubectl exec POD -- beaminit exec bin/app remote` and the like work with no variable set by hand, and join no other
//! release than the one that runs in this container.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::thread;

use tempfile::TempDir;

use crate::support::files::directory_of;
use crate::support::talk::{self, COOKIE, config_map};
use crate::support::vm::{BOOT, environment, vm, wait_for_node};
use crate::support::{Cluster, DnsSettings, Ended, Pod, RunningPod, scratch_dir, wait_until};

const NODE: &str = "astarte_pairing@pairing-0.pairing.astarte.svc.cluster.local";
const NAMED: &str = "-name ${RELEASE_NAME}@${MY_POD_FQDN}\n+P 32768\n";

#[test]
fn the_tools_of_a_mix_release_need_no_variable() {
    let (config, cluster) = (config_map(talk::VM_ARGS), Cluster::start(DnsSettings::default()));
    let pod = running_talk(&cluster, config.path());
    assert_eq!(joined(&pod, &["bin/demo", "rpc", "IO.puts(node())"]), ok(NODE));
    assert_eq!(joined(&pod, &["bin/demo", "rpc", "System.put_env(\"JOINED\", \"1\")"]), ok(""));
    assert_eq!(joined(&pod, &["--", "bin/demo", "rpc", "IO.puts(System.get_env(\"JOINED\"))"]), ok("1"));
    let number_inside = said(&pod, &["pgrep", "beam.smp"]);
    assert_eq!(joined(&pod, &["bin/demo", "pid"]), ok(&number_inside));
    // A tool with its own VM is not a second node of the same name.
    assert_eq!(joined(&pod, &["bin/demo", "eval", "IO.puts(node()); IO.puts(6 * 7)"]), ok("nonode@nohost\n42"));
    assert_eq!(joined(&pod, &["bin/demo", "eval", "System.halt(7)"]).0, Some(7));
    let (code, _, error) = joined(&pod, &["bin/demo", "rpc", "raise(\"no\")"]);
    assert!(code == Some(1) && error.contains("no"), "{error}");

    let directory = environment(vm(&pod).unwrap().pid).remove("RELEASE_VM_ARGS").unwrap().replace("/vm.args", "");
    assert_eq!(
        said(&pod, &["stat", "-c", "%a %u", &directory, &format!("{directory}/state.json")]),
        "700 54321\n600 54321"
    );
    assert_eq!(said(&pod, &["grep", "-rl", COOKIE, "/dev/shm"]), format!("{directory}/state.json"));
    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
}

#[test]
fn a_remote_shell_takes_input() {
    let (config, cluster) = (config_map(talk::VM_ARGS), Cluster::start(DnsSettings::default()));
    let pod = running_talk(&cluster, config.path());
    let mut terminal = pod.exec_on_terminal(["beaminit", "exec", "bin/demo", "remote"]);
    terminal.expect(&format!("iex({NODE})1>"), 1, BOOT);
    terminal.type_in("IO.puts([\"this is \", to_string(node())])\n");
    terminal.expect(&format!("this is {NODE}"), 1, BOOT);
    terminal.type_in("\x07"); // Ctrl-G leaves the remote node for the local one, which can be quit
    terminal.expect("-->", 1, BOOT);
    terminal.type_in("q\n");
    assert_eq!(terminal.wait(BOOT), Some(0));
    assert!(pod.ended().is_none() && vm(&pod).is_some());
}

#[test]
fn another_user_plans_afresh_and_leaves_nothing() {
    let (config, cluster) = (config_map(talk::VM_ARGS), Cluster::start(DnsSettings::default()));
    let pod = running_talk(&cluster, config.path());
    let before = said(&pod, &["ls", "-lR", "/dev/shm"]);
    let output = pod.exec_as(65534, ["beaminit", "exec", "bin/demo", "rpc", "IO.puts(node())"]);
    let error = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), NODE), "{error}");
    assert!(error.contains("beaminit: exec: warning: no release of this user runs here"), "{error}");
    assert!(!error.contains(COOKIE), "{error}");
    assert_eq!(said(&pod, &["ls", "-lR", "/dev/shm"]), before);
    assert_eq!(pod.termination_log(), "");
}

#[test]
fn another_user_who_can_write_nowhere_gets_a_warning() {
    let (config, shm, cluster) = (config_map(talk::VM_ARGS), shared_memory(), Cluster::start(DnsSettings::default()));
    fs::set_permissions(shm.path(), Permissions::from_mode(0o755)).unwrap();
    let pod = talk::pod(&cluster, "pairing-0", config.path()).without_uid().env("BEAMINIT_WAIT", "off");
    let pod = pod.mount_writable(shm.path(), "/dev/shm").start();
    pod.expect_line("started ", BOOT);
    let output = pod.exec_as(65534, ["beaminit", "exec", "bin/demo", "rpc", "IO.puts(node())"]);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(73), "{error}");
    for part in ["no directory to write to: /run/beaminit", "/dev/shm/beaminit-65534-", "/tmp/beaminit-65534-"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    assert!(error.contains("hint: mount an emptyDir with medium: Memory"), "{error}");
}

#[test]
fn a_container_for_one_tool_is_its_init() {
    let (config, shm) = (config_map(talk::VM_ARGS), shared_memory());
    let cluster = Cluster::start(DnsSettings::default());
    let pod = talk::pod(&cluster, "pairing-0", config.path()).mount_writable(shm.path(), "/dev/shm");
    let pod = pod.command(["exec", "bin/demo", "eval", "IO.puts(node()); System.halt(5)"]).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(5));
    assert_eq!(pod.stdout(), "nonode@nohost\n");
    assert_eq!(fs::read_dir(shm.path()).unwrap().count(), 0, "what it wrote is gone");
    assert!(cluster.dns().questions().is_empty());

    let release = fake_release();
    let pod = cluster.pod("web-0").release(release.path()).command(["exec", "bin/app", "start"]).start();
    pod.expect_line("start app@web-0.web.", BOOT);
    assert_eq!(node_seen(&pod), "app@web-0.web.default.svc.cluster.local");
    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(143));
}

#[test]
fn the_command_takes_our_place() {
    let (release, cluster) = (fake_release(), Cluster::start(DnsSettings::default()));
    let pod = started(&cluster, &release, |pod| pod);
    assert_eq!(joined(&pod, &["sh", "-c", "exit 42"]).0, Some(42));
    assert_eq!(join(&pod, &["sh", "-c", "kill -9 $$"]).status.code(), None, "the signal itself, not 128 + 9");
    let signals = ["grep", "-E", "^Sig(Blk|Ign|Cgt)|^Shd|^TracerPid", "/proc/self/status"];
    assert_eq!(joined(&pod, &signals), ok(&said(&pod, &signals)));
    let descriptors = ["sh", "-c", "ls /proc/self/fd | wc -l"];
    assert_eq!(joined(&pod, &descriptors), ok(&said(&pod, &descriptors)));

    for (words, code, part) in [
        (&["nothing-here"][..], 127, "beaminit: exec: cannot start nothing-here: no such file or directory"),
        (&["/etc/hosts"], 126, "beaminit: exec: cannot start /etc/hosts: this user has no right to execute it"),
        (&[], 64, "beaminit: cli: no command to start"),
    ] {
        let (found, _, error) = joined(&pod, words);
        assert!(found == Some(code) && error.contains(part) && error.contains("\nhint: "), "{found:?} {error}");
    }
    assert_eq!(joined(&pod, &["/app/bin/plain", "a b"]), ok("plain a b"), "a script without #!");
}

#[test]
fn what_a_script_before_us_has_set_is_joined_too() {
    let (release, cluster) = (fake_release(), Cluster::start(DnsSettings::default()));
    let script = "export RELEASE_NODE=app@wrapped RELEASE_COOKIE=sesame; exec beaminit \"$@\"";
    let pod = started(&cluster, &release, |pod| pod.entrypoint(["sh", "-c", script, "sh"]));
    assert_eq!(node_seen(&pod), "app@wrapped");
    assert_eq!(joined(&pod, &["printenv", "RELEASE_COOKIE"]), ok("sesame"));
    assert_eq!(joined(&pod, &["printenv", "HOSTNAME"]), ok("web-0"), "its own environment stays");
}

#[test]
fn a_state_that_others_may_have_written_is_refused() {
    let (release, cluster) = (fake_release(), Cluster::start(DnsSettings::default()));
    let pod = started(&cluster, &release, |pod| pod);
    let node = node_seen(&pod);
    said(&pod, &["cp", "-a", "/run/beaminit", "/tmp/kept"]);
    let change = |script: &str| {
        let output = pod.exec(["sh", "-euc", &format!("cd /run/beaminit; {script}")]);
        assert!(output.status.success(), "{script}: {output:?}");
    };
    for (script, reason) in [
        ("chown 1 state.json", "it is not ours alone"),
        ("chmod 666 state.json", "it is not ours alone"),
        ("chmod 640 state.json", "it is not ours alone"),
        ("mv state.json /tmp/own; ln -s /tmp/own state.json", "it is a link"),
        ("ln state.json /tmp/second", "it is not ours alone"),
        ("chmod 777 .", "its directory is not ours alone"),
        ("chown 1 .", "its directory is not ours alone"),
        ("mv /run/beaminit /tmp/moved; ln -s /tmp/moved /run/beaminit", "it is a link"),
        // Another process of a later tick: the release's own may have begun in the same one as we.
        ("sleep 1000 >&- 2>&- & sed -i '0,/\"pid\": 1,/s//\"pid\": '$!',/' state.json", "has ended"),
        ("sed -i '0,/\"started\": /s//&1/' state.json", "the beaminit that wrote it, process 1, has ended"),
        ("sed -i 's/\"mount_namespace\": /&1/' state.json", "it is of another container"),
        ("sed -i 's/\"version\": 1/\"version\": 2/' state.json", "it has form 2, this beaminit reads form 1"),
        ("head -c 100 /tmp/kept/state.json > state.json", "it is not the state of a start: line "),
        ("rm state.json; mkdir -m 700 state.json", "it is not ours alone"),
        ("rm state.json; mkfifo -m 600 state.json", "it is not ours alone"),
    ] {
        change(script);
        let (code, seen, error) = joined(&pod, &["printenv", "RELEASE_NODE"]);
        assert_eq!((code, seen.as_str()), (Some(1), ""), "{script}: {error}");
        let warning = "beaminit: exec: warning: not used: /run/beaminit/state.json: ";
        assert!(error.contains(warning) && error.contains(reason), "{script}: {error}");
        change("rm -rf /run/beaminit /tmp/moved /tmp/second /tmp/own; cp -a /tmp/kept /run/beaminit");
        assert_eq!(node_seen(&pod), node, "believed again");
    }
}

#[test]
fn two_containers_that_share_their_memory_do_not_meet() {
    let (release, shm) = (fake_release(), shared_memory());
    let cluster = Cluster::start(DnsSettings::default());
    let shared = |pod: Pod| pod.read_only_root(true).mount_writable(shm.path(), "/dev/shm");
    let one = started(&cluster, &release, |pod| shared(pod).env("RELEASE_NAME", "one"));
    let two = started(&cluster, &release, |pod| shared(pod).env("RELEASE_NAME", "two"));
    assert!(node_seen(&one).starts_with("one@") && node_seen(&two).starts_with("two@"));
    assert_eq!(fs::read_dir(shm.path()).unwrap().count(), 2);
    fs::copy(run_dir_of(&one, shm.path()).join("state.json"), run_dir_of(&two, shm.path()).join("state.json")).unwrap();
    let (code, _, error) = joined(&two, &["printenv", "RELEASE_NODE"]);
    assert!(code == Some(1) && error.contains("state.json: it is of another container"), "{error}");
}

#[test]
fn before_the_release_is_started_a_guest_takes_nothing_that_its_start_needs() {
    let (release, config) = (fake_release(), config_map(NAMED));
    let stays = "#!/bin/sh\nsleep 1000 > /dev/null 2>&1 & echo $RELEASE_VM_ARGS > /tmp/guest\n\
        for i in $(seq 3000); do [ -e /tmp/go ] && break; sleep 0.01; done; cat $RELEASE_VM_ARGS";
    let stays_beside = release.path().join("bin/stays");
    fs::write(&stays_beside, stays).unwrap();
    fs::set_permissions(&stays_beside, Permissions::from_mode(0o755)).unwrap();
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").release(release.path()).mount_config(config.path());
    let pod = pod.env("RELEASE_CONFIG_DIR", "/beamconfig").env("BEAMINIT_RUN_DIR", "/run/ours");
    let (fqdn, address) = (pod.fqdn(), pod.address());
    let pod = pod.command(["bin/app", "start"]).start();
    cluster.dns().wait_for_question(BOOT);

    let (code, node, error) = joined(&pod, &["bin/app", "rpc"]);
    assert_eq!((code, node.as_str()), (Some(0), "rpc app@web-0.web.default.svc.cluster.local"), "{error}");
    thread::scope(|scope| {
        let guest = scope.spawn(|| join(&pod, &["bin/stays"]));
        wait_until(BOOT, "a guest", || !said(&pod, &["cat", "/tmp/guest"]).is_empty());
        cluster.dns().publish(&fqdn, &[address]);
        pod.expect_line("start app@web-0.web.default.svc.cluster.local", BOOT);
        assert_eq!(said(&pod, &["ls", "/run/ours"]), "state.json\ntmp\nvm.args");
        wait_until(BOOT, "its node", || node_seen(&pod) == "app@web-0.web.default.svc.cluster.local");
        said(&pod, &["touch", "/tmp/go"]);
        let output = guest.join().unwrap();
        let (code, text) = (output.status.code(), text(&output.stdout));
        assert!(code == Some(0) && text == "+P 32768", "{code:?} {text}: its file is there to the end");
    });
    let (own, left) = (said(&pod, &["cat", "/tmp/guest"]), said(&pod, &["pgrep", "-fx", "sleep 1000"]));
    assert_eq!(said(&pod, &["ls", &own]), "", "{own}");
    assert_eq!(left.lines().count(), 2, "the release and what the command left to the container's init");
    assert!(said(&pod, &["ls", "-A", "/dev/shm"]).is_empty());
    assert_eq!(pod.termination_log(), "");
}

#[test]
fn after_a_restart_in_place_the_new_release_is_joined() {
    let (release, shm) = (fake_release(), shared_memory());
    let cluster = Cluster::start(DnsSettings::default());
    let shared = |pod: Pod| pod.read_only_root(true).mount_writable(shm.path(), "/dev/shm");
    let first = started(&cluster, &release, |pod| shared(pod).env("RELEASE_NAME", "first"));
    let left = run_dir_of(&first, shm.path());
    let old_namespace = first.mount_namespace().to_string();
    drop(first);
    let json = fs::read_to_string(left.join("state.json")).expect("it was killed");

    let second = shared(cluster.pod("web-1")).release(release.path()).env("RELEASE_NAME", "second");
    let (fqdn, address) = (second.fqdn(), second.address());
    let second = second.command(["bin/app", "start"]).start();
    cluster.dns().wait_for_question(BOOT);
    // The kernel gives the numbers of namespaces that are gone to new ones.
    let json = json.replace(&old_namespace, &second.mount_namespace().to_string());
    fs::write(run_dir_of(&second, shm.path()).join("state.json"), json).unwrap();
    let (code, _, error) = joined(&second, &["printenv", "RELEASE_NODE"]);
    assert!(code == Some(1) && error.contains("the beaminit that wrote it, process 1, has ended"), "{error}");

    cluster.dns().publish(&fqdn, &[address]);
    second.expect_line("start second@", BOOT);
    wait_until(BOOT, "the second node", || node_seen(&second).starts_with("second@"));
    assert_eq!(fs::read_dir(shm.path()).unwrap().count(), 1);
}

#[test]
fn a_wrong_setting_is_reported_and_nothing_is_joined() {
    let (release, cluster) = (fake_release(), Cluster::start(DnsSettings::default()));
    let pod = started(&cluster, &release, |pod| pod);
    let output = pod.exec(["env", "BEAMINIT_WIAT=off", "beaminit", "exec", "echo", "joined"]);
    let error = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(78), ""), "{error}");
    assert!(error.starts_with("beaminit: config: BEAMINIT_WIAT: no such setting\nhint: "), "{error}");
    assert_eq!(pod.termination_log(), "", "not the container's last word");
}

#[test]
fn a_start_that_can_write_nothing_runs_and_says_what_it_costs() {
    let (release, cluster) = (fake_release(), Cluster::start(DnsSettings::default()));
    let pod = cluster.pod("web-0").release(release.path()).command(["bin/app", "start"]).env("BEAMINIT_WAIT", "off");
    let pod = pod.env("RELEASE_TMP", "/tmp").env("BEAMINIT_RUN_DIR", "/none/here").start();
    pod.expect_line("start app@web-0.web.default.svc.cluster.local", BOOT);
    let reported =
        "beaminit: hand-over: warning: exec will not find this release: no directory to write to: /none/here";
    assert!(pod.expect_line(reported, BOOT).text.contains("; hint: "), "{:#?}", pod.log());
}

/// A release with the files of mix and a start script that only says who it is.
pub(crate) fn fake_release() -> TempDir {
    let script = "#!/bin/sh\necho \"$1 $RELEASE_NODE\"\n[ \"$1\" != start ] || exec sleep 1000\n";
    let plain = "echo plain \"$@\"\n";
    let root = directory_of(&[
        ("bin/app", script),
        ("bin/plain", plain),
        ("releases/start_erl.data", "1 1"),
        ("releases/1/elixir", ""),
        ("releases/1/env.sh", ""),
    ]);
    for script in ["bin/app", "bin/plain"] {
        fs::set_permissions(root.path().join(script), Permissions::from_mode(0o755)).unwrap();
    }
    root
}

/// The talk's pod, once its node can be reached.
fn running_talk(cluster: &Cluster, config: &Path) -> RunningPod {
    let pod = talk::pod(cluster, "pairing-0", config);
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let pod = pod.start();
    wait_for_node(&pod, "astarte_pairing");
    pod
}

/// A pod with the fake release, once its start is complete.
pub(crate) fn started(cluster: &Cluster, release: &TempDir, described: impl FnOnce(Pod) -> Pod) -> RunningPod {
    let pod = cluster.pod("web-0").release(release.path()).command(["bin/app", "start"]).env("BEAMINIT_WAIT", "off");
    let pod = described(pod).start();
    pod.expect_line("start ", BOOT);
    let states = "cat /run/beaminit/state.json /dev/shm/*/state.json";
    wait_until(BOOT, "a state with the release's process", || {
        said(&pod, &["sh", "-c", states]).contains("\"main\": {")
    });
    pod
}

/// What the containers of one pod may share as /dev/shm.
fn shared_memory() -> TempDir {
    let dir = scratch_dir();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o1777)).unwrap();
    dir
}

fn run_dir_of(pod: &RunningPod, shm: &Path) -> PathBuf {
    shm.join(pod.run_dir(0))
}

fn join(pod: &RunningPod, words: &[&str]) -> Output {
    pod.exec([&["beaminit", "exec"], words].concat())
}

/// Code, stdout and stderr of a joined program.
fn joined(pod: &RunningPod, words: &[&str]) -> (Option<i32>, String, String) {
    let output = join(pod, words);
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn ok(text: &str) -> (Option<i32>, String, String) {
    (Some(0), text.to_owned(), String::new())
}

/// The node's name that a joined program sees.
fn node_seen(pod: &RunningPod) -> String {
    joined(pod, &["printenv", "RELEASE_NODE"]).1
}

/// What a program prints that is not joined.
fn said(pod: &RunningPod, words: &[&str]) -> String {
    text(&pod.exec(words).stdout)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}
