//! An entrypoint that root starts may become another user before it starts the release: that user reads the rendered files,
//! nobody reads the cookie in one, and `BEAMINIT_RUN_OWNER` closes them to all others.

use std::fs;

use tempfile::TempDir;

use crate::support::files::directory_of;
use crate::support::vm::{BOOT, can_connect, vm, wait_for_node};
use crate::support::{Accounts, Built, Cluster, DnsSettings, Ended, Pod, RunningPod, SHOP};

const COOKIE: &str = "sesame-4711";
const FQDN: &str = "demo-0.demo.default.svc.cluster.local";
const VM_ARGS: &str = "-name ${RELEASE_NAME}@${MY_POD_FQDN}\n-setcookie ${ERLANG_COOKIE}\n+P 32768\n";
const SYS_CONFIG: &str = "[{demo, [{greeting, \"${GREETING}\"}]}].\n";

/// A cluster whose pod has the accounts and the templates.
struct Scene {
    cluster: Cluster,
    accounts: Accounts,
    config: TempDir,
}

impl Scene {
    fn new() -> Self {
        let config = directory_of(&[("vm.args", VM_ARGS), ("sys.config", SYS_CONFIG)]);
        Self { cluster: Cluster::start(DnsSettings::default()), accounts: Accounts::new(), config }
    }

    /// Of root, with nothing writable.
    fn pod(&self, built: Built) -> Pod {
        let pod = self.accounts.mounted(self.cluster.pod("demo-0")).read_only_root(true).release(built.dir());
        let pod = pod.mount_config(self.config.path()).env("RELEASE_CONFIG_DIR", "/beamconfig");
        let pod = pod.env("REPLACE_OS_VARS", "true").env("ERLANG_COOKIE", COOKIE).env("GREETING", "hello");
        pod.env("BEAMINIT_WAIT", "off")
    }
}

const SETPRIV: [&str; 4] = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"];

/// Once its node runs as `shop` with the template's flags, and its tools reach it.
fn run(pod: Pod, launcher: &[&str], built: Built) -> RunningPod {
    let command = [launcher, &built.start_command()].concat();
    let pod = pod.command(&command).start();
    let greeting = if built == Built::MixRuntimeConfig { "the release's own" } else { "hello" };
    pod.expect_line(&format!("demo runs on demo@{FQDN} and says {greeting}"), BOOT);
    wait_for_node(&pod, "demo");
    let user = said(&pod, &["stat", "-c", "%u", &format!("/proc/{}", said(&pod, &["pgrep", "beam.smp"]))]);
    assert_eq!(user, SHOP.to_string(), "{command:?}");
    assert!(can_connect(&pod, &format!("demo@{FQDN}"), COOKIE), "{command:?}");
    assert!(!can_connect(&pod, &format!("demo@{FQDN}"), "another-cookie"), "{command:?}");
    pod
}

/// Each kind takes flags, settings and cookie in its own way.
const KINDS: [(Built, &[&str]); 4] = [
    (Built::Mix, &["bin/demo", "rpc", "IO.puts(node())"]),
    (Built::Relx, &["bin/demo", "eval", "node()."]),
    (Built::Distillery, &["bin/demo", "rpc", "node()"]),
    (Built::RelxPlain, &[]),
];

fn said(pod: &RunningPod, words: &[&str]) -> String {
    String::from_utf8_lossy(&pod.exec(words).stdout).trim().to_owned()
}

fn said_as(pod: &RunningPod, uid: u32, words: &[&str]) -> String {
    String::from_utf8_lossy(&pod.exec_as(uid, words).stdout).trim().to_owned()
}

/// Mode and owner of the run directory and of what is in it.
fn modes(pod: &RunningPod) -> String {
    said(pod, &["sh", "-c", "cd /dev/shm/beaminit-0-* && stat -c '%n %a %u' . vm.args sys.config state.json"])
}

/// Root's own `exec` finds the node, however little others may read.
fn reach(pod: &RunningPod, tool: &[&str]) {
    if !tool.is_empty() {
        let output = pod.exec([&["beaminit", "exec"], tool].concat());
        let text = String::from_utf8_lossy(&output.stdout).replace('\'', "");
        assert_eq!(text.trim(), format!("demo@{FQDN}"), "{output:?}");
    }
    let line = said(pod, &["beaminit", "probe", "live"]);
    assert!(line.contains("answered in"), "{line}");
}

fn stop(pod: &RunningPod) {
    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(0), "{:#?}", pod.log());
    assert!(!pod.log().iter().any(|line| line.text.contains(COOKIE)));
}

#[test]
fn every_user_may_read_files_but_not_the_cookie() {
    let scene = Scene::new();
    for (built, tool) in KINDS {
        let pod = run(scene.pod(built), &SETPRIV, built);
        assert_eq!(modes(&pod), ". 711 0\nvm.args 644 0\nsys.config 644 0\nstate.json 600 0", "{built:?}");
        let readable = ["sh", "-c", "grep -rls -e sesame-4711 /dev/shm/beaminit-0-*/* /tmp /run"];
        assert_eq!(said_as(&pod, 65534, &readable), "", "{built:?}");
        pod.expect_line("rendered files may be read by every user, but without the cookie", BOOT);
        reach(&pod, tool);
        stop(&pod);
    }
}

#[test]
fn the_setting_gives_them_to_one_user() {
    let scene = Scene::new();
    let ways = [("shop", &SETPRIV as &[_]), ("54321:54321", &["gosu", "shop"])];
    for ((built, tool), (owner, launcher)) in KINDS.into_iter().zip(ways.into_iter().cycle()) {
        let pod = run(scene.pod(built).env("BEAMINIT_RUN_OWNER", owner), launcher, built);
        let expected = ". 711 0\nvm.args 600 54321\nsys.config 600 54321\nstate.json 600 0";
        assert_eq!(modes(&pod), expected, "{built:?} {owner}");
        let others = ["sh", "-c", "cat /dev/shm/beaminit-0-*/vm.args /dev/shm/beaminit-0-*/erlang/.erlang.cookie"];
        assert_eq!(said_as(&pod, 65534, &others), "", "{built:?} {owner}");
        if matches!(built, Built::Relx | Built::RelxPlain) {
            let vm = vm(&pod).unwrap();
            assert!(!vm.cmdline.iter().any(|word| word.contains(COOKIE)), "{built:?} {owner}: {:?}", vm.cmdline);
        }
        reach(&pod, tool);
        stop(&pod);
    }
}

/// The usual images: a script that drops root's rights, with a compiled launcher or `su`.
#[test]
fn entrypoints_that_switch_the_user_start_the_release() {
    let scene = Scene::new();
    let entrypoint =
        "#!/bin/sh\nset -e\nif [ \"$(id -u)\" = 0 ]; then\n  exec su-exec shop \"$0\" \"$@\"\nfi\nexec \"$@\"\n";
    let scripts = directory_of(&[("entrypoint.sh", entrypoint)]);
    crate::support::files::set_mode(scripts.path().join("entrypoint.sh"), 0o755);
    for launcher in [&["/scripts/entrypoint.sh"] as &[_], &["gosu", "shop"], &["env", "A=1", "su-exec", "shop"]] {
        for built in [Built::Mix, Built::Relx] {
            let pod = run(scene.pod(built).mount(scripts.path(), "/scripts"), launcher, built);
            stop(&pod);
        }
    }
    let pod =
        scene.pod(Built::Mix).command(["su", "-s", "/bin/sh", "-c", "cd /app; exec bin/demo start", "shop"]).start();
    wait_for_node(&pod, "demo");
    pod.expect_line(&format!("demo runs on demo@{FQDN} and says hello"), BOOT);
}

/// Where nothing switches, nothing is opened.
#[test]
fn without_a_switch_they_stay_closed() {
    let scene = Scene::new();
    for command in [&["bin/demo", "foreground"] as &[&str], &["sh", "-c", "exec bin/demo foreground"]] {
        let pod = scene.pod(Built::Relx).command(command).start();
        pod.expect_line("demo runs on", BOOT);
        wait_for_node(&pod, "demo");
        let closed = ". 700 0\nvm.args 600 0\nsys.config 600 0\nstate.json 600 0";
        assert_eq!(modes(&pod), closed, "{command:?}");
        assert!(!vm(&pod).unwrap().cmdline.iter().any(|word| word.contains(COOKIE)), "{command:?}");
    }
    let pod = scene.pod(Built::Relx).uid(SHOP).command(["env", "bin/demo", "foreground"]).start();
    wait_for_node(&pod, "demo");
    let modes = said(&pod, &["sh", "-c", "cd /dev/shm/beaminit-54321-* && stat -c '%n %a' . vm.args state.json"]);
    assert_eq!(modes, ". 700\nvm.args 600\nstate.json 600");
}

#[test]
fn a_wrong_owner_is_reported_before_the_wait() {
    let scene = Scene::new();
    let refused = |pod: Pod, owner: &str| {
        let pod = pod
            .env("BEAMINIT_WAIT", "auto")
            .env("BEAMINIT_RUN_OWNER", owner)
            .command(["gosu", "shop", "bin/demo", "start"])
            .start();
        assert_eq!(pod.wait(BOOT), Ended::Code(78), "{owner}");
        pod.termination_log()
    };
    for (owner, part) in [
        ("nosuchuser", "BEAMINIT_RUN_OWNER=nosuchuser: /etc/passwd has no user nosuchuser"),
        ("shop:wheel", "BEAMINIT_RUN_OWNER=shop:wheel: /etc/group has no group wheel"),
        ("shop:", "BEAMINIT_RUN_OWNER=\"shop:\": not an owner"),
        ("a b", "BEAMINIT_RUN_OWNER=\"a b\": not an owner"),
    ] {
        let text = refused(scene.pod(Built::Mix), owner);
        assert!(text.contains(part) && text.contains("\nhint: "), "{text}");
    }
    let text = refused(scene.pod(Built::Mix).uid(65534), "shop");
    assert!(text.contains("this is user 65534, and only root can give files to user 54321"), "{text}");
    assert!(scene.cluster.dns().questions().is_empty());
}

/// A server with its own start script may want the cookie in its file: it is closed, and the log has the cure.
#[test]
fn what_has_the_cookie_stays_closed_whatever_the_kind() {
    let scene = Scene::new();
    let command = ["gosu", "shop", "sh", "-c", "cat $VMARGS_PATH; echo done; sleep 1000"];
    let pod = scene.pod(Built::Mix).env("BEAMINIT_KIND", "command").command(command).start();
    pod.expect_line("done", BOOT);
    pod.expect_line("only root may read vm.args, which has the cookie, but COMMAND may switch to another user", BOOT);
    assert!(!pod.stdout().contains(COOKIE));
    let pod = scene.pod(Built::Mix).env("BEAMINIT_KIND", "command");
    let pod = pod.env("BEAMINIT_RUN_OWNER", "shop:staff").command(command).start();
    pod.expect_line("-setcookie sesame-4711", BOOT);
}

/// A start that is killed leaves a directory that others may pass: the next one takes it, and closes it if need be.
#[test]
fn a_directory_that_was_left_open_is_taken_again() {
    let scene = Scene::new();
    let shm = crate::support::files::shared_dir();
    let pod = |pod: Pod| pod.mount_writable(shm.path(), "/run/ours").env("BEAMINIT_RUN_DIR", "/run/ours/dir");
    let first = pod(scene.pod(Built::Relx)).command(["gosu", "shop", "bin/demo", "foreground"]).start();
    wait_for_node(&first, "demo");
    let modes = |pod: &RunningPod| said(pod, &["stat", "-c", "%a", "/run/ours/dir", "/run/ours/dir/vm.args"]);
    assert_eq!(modes(&first), "711\n644");
    drop(first);
    assert!(shm.path().join("dir/vm.args").exists(), "it was killed");
    let second = pod(scene.pod(Built::Relx)).command(["bin/demo", "foreground"]).start();
    wait_for_node(&second, "demo");
    assert_eq!(modes(&second), "700\n600");
}

/// With a read-only root the script writes its configuration to a directory of ours, as the other user.
#[test]
fn the_other_user_may_write_where_the_release_must() {
    let scene = Scene::new();
    fs::remove_file(scene.config.path().join("sys.config")).unwrap();
    for (owner, mode) in [("", "1777 0"), ("shop", "700 54321")] {
        let pod = scene.pod(Built::MixRuntimeConfig).env("BEAMINIT_RUN_OWNER", owner);
        let pod = run(pod, &["gosu", "shop"], Built::MixRuntimeConfig);
        let found = said(&pod, &["sh", "-c", "cd /dev/shm/beaminit-0-* && stat -c '%a %u' tmp && ls tmp"]);
        assert!(found.starts_with(mode) && found.contains(".runtime.config"), "{owner}: {found}");
        stop(&pod);
    }
}
