//! Whatever starts a release, it has its own name, waits for its record, takes its template, and its tools reach it: not the
//! first word of COMMAND counts, but what that runs in the end.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::files::{directory_of, set_mode};
use crate::support::talk::config_map;
use crate::support::vm::{BOOT, vm, wait_for_node};
use crate::support::{Built, Cluster, DnsSettings, Ended, Pod, RunningPod, scratch_dir};

const FQDN: &str = "demo-0.demo.default.svc.cluster.local";
const VM_ARGS: &str = "-name ${RELEASE_NAME}@${MY_POD_FQDN}\n-setcookie sesame-4711\n+P 32768\n";
const SOON: Duration = Duration::from_secs(10);

/// A release as Phoenix generates it, with an entrypoint and a link to its script.
fn phoenix() -> &'static Path {
    static ROOT: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, root) = ROOT.get_or_init(|| {
        let dir = scratch_dir();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let root = dir.path().join("app");
        assert!(Command::new("cp").arg("-R").arg(Built::Mix.dir()).arg(&root).status().unwrap().success());
        let own_directory = "#!/bin/sh\nset -eu\n\ncd -P -- \"$(dirname -- \"$0\")\"\n";
        for (path, text) in [
            ("bin/server", format!("{own_directory}PHX_SERVER=true exec ./demo start\n")),
            ("bin/migrate", format!("{own_directory}exec ./demo eval 'IO.puts(\"migrated\")'\n")),
            ("bin/start.sh", format!("{own_directory}exec ./demo start\n")),
            (
                "entrypoint.sh",
                "#!/bin/sh\nset -e\n/app/bin/demo eval 'IO.puts(\"migrated\")'\nexec \"$@\"\n".to_owned(),
            ),
            (
                "run",
                "#!/bin/sh\ncase \"$1\" in\n  run) exec /app/bin/demo start ;;\n  *) exec \"$@\" ;;\nesac\n".to_owned(),
            ),
        ] {
            fs::write(root.join(path), text).unwrap();
            fs::set_permissions(root.join(path), Permissions::from_mode(0o755)).unwrap();
        }
        symlink("/app/bin/demo", root.join("bin/democtl")).unwrap();
        (dir, root)
    });
    root
}

fn pod(cluster: &Cluster, config: &Path) -> Pod {
    let pod = cluster.pod("demo-0").uid(54321).release(phoenix()).mount_config(config);
    pod.env("RELEASE_CONFIG_DIR", "/beamconfig").env("SERVICE_CMD", "/app/bin/demo start")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

fn exec(pod: &RunningPod, words: &[&str]) -> (Option<i32>, String) {
    let output = pod.exec([&["beaminit", "exec"], words].concat());
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

/// Starts the pod without its record, publishes that once it is asked for, and returns when the node runs.
#[track_caller]
fn start_after_the_record(cluster: &Cluster, pod: Pod) -> RunningPod {
    let address = pod.address();
    let pod = pod.start();
    cluster.dns().wait_for_question(SOON);
    assert!(vm(&pod).is_none(), "not awaited: {:#?}", pod.log());
    cluster.dns().publish(FQDN, &[address]);
    wait_for_node(&pod, "demo");
    pod.expect_line("demo runs on", BOOT);
    pod
}

/// Starts COMMAND in a pod without a record, then publishes that.
#[track_caller]
fn starts_as_the_release(command: &[&str]) {
    let (config, cluster) = (config_map(VM_ARGS), Cluster::start(DnsSettings::default()));
    let pod = pod(&cluster, config.path());
    let pod = start_after_the_record(&cluster, pod.command(command));
    let limit = exec(
        &pod,
        &["bin/demo", "rpc", "IO.puts([to_string(node()), \" \", to_string(:erlang.system_info(:process_limit))])"],
    );
    assert_eq!(limit, (Some(0), format!("demo@{FQDN} 32768")), "{command:?}");
    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(0), "{command:?}: {:#?}", pod.log());
}

#[test]
fn phoenix_generates_a_script_beside_the_releases_own() {
    starts_as_the_release(&["/app/bin/server"]);
    starts_as_the_release(&["bin/start.sh"]);
}

#[test]
fn a_link_has_another_name_than_the_release() {
    starts_as_the_release(&["bin/democtl", "start"]);
}

#[test]
fn a_shell_migrates_and_becomes_the_release() {
    starts_as_the_release(&["sh", "-c", "bin/migrate && exec bin/server"]);
    starts_as_the_release(&["/bin/bash", "-ec", "exec $SERVICE_CMD"]);
}

#[test]
fn an_entrypoint_becomes_what_follows_it() {
    starts_as_the_release(&["/app/entrypoint.sh", "bin/demo", "start"]);
    starts_as_the_release(&["/app/run", "run"]);
}

#[test]
fn launchers_become_what_follows_them() {
    starts_as_the_release(&["env", "A=1", "bin/demo", "start"]);
    starts_as_the_release(&["setpriv", "--no-new-privs", "bin/server"]);
}

#[test]
fn a_tool_awaits_nothing() {
    let (config, cluster) = (config_map(VM_ARGS), Cluster::start(DnsSettings::default()));
    for command in [&["bin/migrate"] as &[_], &["sh", "-c", "exec bin/migrate"], &["/app/run", "bin/migrate"]] {
        let pod = pod(&cluster, config.path()).env("BEAMINIT_WAIT", "auto").command(command).start();
        pod.expect_line("migrated", BOOT);
        assert_eq!(pod.wait(BOOT), Ended::Code(0), "{command:?}");
    }
    assert_eq!(cluster.dns().questions().len(), 0);
}

#[test]
fn a_program_without_a_vm_awaits_nothing() {
    let cluster = Cluster::start(DnsSettings::default());
    for command in [&["sleep", "0.01"] as &[_], &["sh", "-c", "exit 0"]] {
        let pod = cluster.pod("demo-0").env("BEAMINIT_WAIT", "auto").command(command).start();
        assert_eq!(pod.wait(SOON), Ended::Code(0), "{command:?}");
        pod.expect_line("COMMAND shows no Erlang VM", SOON);
    }
    assert_eq!(cluster.dns().questions().len(), 0);
}

#[test]
fn log_and_explain_show_the_way() {
    let (config, cluster) = (config_map(VM_ARGS), Cluster::start(DnsSettings::default()));
    let pod =
        pod(&cluster, config.path()).env("BEAMINIT_WAIT", "off").command(["/app/entrypoint.sh", "bin/server"]).start();
    pod.expect_line("COMMAND leads to /app/bin/demo start (/app/bin/server:5: the release's start script)", SOON);
    wait_for_node(&pod, "demo");
    let report = text(&pod.exec(["beaminit", "explain", "--", "/app/entrypoint.sh", "bin/server"]).stdout);
    for part in
        ["COMMAND: /app/entrypoint.sh (a script, whose text is followed)", "/app/bin/server:5: /app/bin/demo start"]
    {
        assert!(report.contains(part), "{part}: {report}");
    }
    let json = text(&pod.exec(["beaminit", "explain", "--format", "json", "--", "bin/server"]).stdout);
    assert!(json.contains("\"target\": \"/app/bin/demo start\"") && json.contains("\"name\": \"demo\""), "{json}");
}

#[test]
fn a_setting_names_the_script_that_command_hides() {
    let (config, cluster) = (config_map(VM_ARGS), Cluster::start(DnsSettings::default()));
    let hidden = ["python3", "-c", "import os; os.execv('/app/bin/demo', ['/app/bin/demo', 'start'])"];
    let pod = pod(&cluster, config.path()).env("BEAMINIT_RELEASE", "/app/bin/demo");
    cluster.dns().publish(FQDN, &[pod.address()]);
    let pod = pod.command(hidden).start();
    wait_for_node(&pod, "demo");
    assert_eq!(exec(&pod, &["bin/demo", "rpc", "IO.puts(node())"]), (Some(0), format!("demo@{FQDN}")));
}

/// Plain `bin/demo rpc`, as in a probe or a hook, has reached the node under its old name.
#[test]
fn a_name_of_ours_comes_with_the_way_to_call_it_and_the_way_back() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = || {
        let pod = cluster.pod("demo-0").uid(54321).release(phoenix()).env("BEAMINIT_WAIT", "off");
        pod.command(["/app/bin/server"])
    };
    let rpc = ["bin/demo", "rpc", "IO.puts(node())"];
    let named = pod().start();
    let line = named.expect_line("hand-over: nothing names the node: it becomes ", SOON).text;
    for part in [
        &*format!("demo@{FQDN}"),
        "kubectl exec POD -- beaminit exec /app/bin/demo rpc",
        "RELEASE_DISTRIBUTION=sname keeps the name that it had without beaminit",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    wait_for_node(&named, "demo");
    named.expect_line("demo runs on", BOOT);
    assert_eq!(exec(&named, &["/app/bin/demo", "rpc", "IO.puts(node())"]), (Some(0), format!("demo@{FQDN}")));
    drop(named);

    let kept = pod().env("RELEASE_DISTRIBUTION", "sname").start();
    wait_for_node(&kept, "demo");
    kept.expect_line("demo runs on demo@demo-0 ", BOOT);
    let output = kept.exec(rpc);
    assert_eq!(text(&output.stdout), "demo@demo-0", "{output:?}");
    assert!(!kept.log().iter().any(|line| line.text.contains("nothing names the node")));
}

/// Releases of other tools than mix, with their own words and tools.
#[test]
fn other_kinds_start_behind_wrappers_too() {
    let entrypoint = "#!/bin/sh\nset -e\necho prepared\nexec \"$@\"\n";
    let scripts = directory_of(&[("entrypoint.sh", entrypoint)]);
    set_mode(scripts.path().join("entrypoint.sh"), 0o755);
    let config = config_map(VM_ARGS);
    let eval: &[&str] = &["bin/demo", "eval", "{node(), erlang:system_info(process_limit)}."];
    let rpc: &[&str] = &["bin/demo", "rpc", "{node(), erlang:system_info(process_limit)}"];
    for (built, tool) in [(Built::Relx, eval), (Built::Distillery, rpc)] {
        for command in [
            &["sh", "-c", "echo migrated; exec bin/demo foreground"] as &[&str],
            &["/scripts/entrypoint.sh", "bin/demo", "foreground"],
            &["env", "A=1", "bin/demo", "foreground"],
            &["setpriv", "--no-new-privs", "bin/demo", "foreground"],
            &["sh", "-c", "exec $SERVICE_CMD"],
        ] {
            let cluster = Cluster::start(DnsSettings::default());
            let pod = cluster.pod("demo-0").uid(54321).read_only_root(true).release(built.dir());
            let pod = pod.mount_config(config.path()).env("RELEASE_CONFIG_DIR", "/beamconfig");
            let pod = pod.mount(scripts.path(), "/scripts").env("SERVICE_CMD", "/app/bin/demo foreground");
            let pod = pod.env("BEAMINIT_WAIT", "auto");
            let pod = start_after_the_record(&cluster, pod.command(command));
            let (code, said) = exec(&pod, tool);
            assert_eq!(
                (code, said.replace(['\'', ' '], "")),
                (Some(0), format!("{{demo@{FQDN},32768}}")),
                "{built:?} {command:?}"
            );
            pod.signal(15);
            assert_eq!(pod.wait(BOOT), Ended::Code(0), "{built:?} {command:?}: {:#?}", pod.log());
        }
    }
}
