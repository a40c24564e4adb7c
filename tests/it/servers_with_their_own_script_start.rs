//! A server whose script only resembles a kind's gets what it reads and nothing else, and no promise is made about the rest:
//! EMQX is a release of mix whose script has its own variables, `CouchDB` takes everything from its own `etc/vm.args`.

use std::fs;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::files::set_mode;
use crate::support::talk::config_map;
use crate::support::vm::{BOOT, environment, vm, wait_for_node, wait_until_idle};
use crate::support::{Accounts, Built, Cluster, DnsSettings, Ended, Pod, RunningPod, scratch_dir};

const FQDN: &str = "demo-0.demo.default.svc.cluster.local";
const SOON: Duration = Duration::from_secs(10);

/// Its script finds itself, builds the command line of the VM from its variables, and asks the node by an Erlang tool.
const EMQX: &str = r#"#!/bin/bash
set -euo pipefail
ROOT="$(cd "$(dirname "$(readlink -f "$0" || echo "$0")")"/..; pwd -P)"
export ROOTDIR="$ROOT" BINDIR="$ROOT/erts-ERTS/bin" EMU=beam PROGNAME=erl
NAME="${EMQX_NODE__NAME:-emqx@127.0.0.1}"
COOKIE="${EMQX_NODE__COOKIE:-emqxsecretcookie}"
case "${1:-}" in
    foreground|console)
        exec "$BINDIR/erlexec" -noshell -noinput +Bd -mode embedded -boot "$ROOT/releases/0.1.0/start" \
            -boot_var RELEASE_LIB "$ROOT/lib" -config "$ROOT/releases/0.1.0/sys" -name "$NAME" -setcookie "$COOKIE"
        ;;
    *)
        echo "usage: emqx foreground" >&2
        exit 1
        ;;
esac
"#;

/// It reads no variable but those that say where it is.
const COUCHDB: &str = r#"#!/bin/sh
export ROOTDIR=/app BINDIR=/app/erts-ERTS/bin EMU=beam PROGNAME=couchdb
exec "$BINDIR/erlexec" -boot "$ROOTDIR/releases/0.1.0/start" -args_file "${COUCHDB_ARGS_FILE:-$ROOTDIR/etc/vm.args}" \
    -config "$ROOTDIR/releases/0.1.0/sys.config" -noinput "$@"
"#;
const COUCHDB_ENTRYPOINT: &str = r#"#!/bin/bash
set -e
if [ "$1" = '/app/bin/couchdb' ]; then
    if [ -n "$NODENAME" ] && ! grep "couchdb@" /app/etc/vm.args; then
        echo "-name couchdb@$NODENAME" >> /app/etc/vm.args
    fi
    if [ "$(id -u)" = '0' ]; then
        chown -R shop /app/etc
        exec setpriv --reuid=shop --regid=shop --clear-groups --inh-caps=-all "$@"
    fi
fi
exec "$@"
"#;

/// A release with these files instead of those in its `bin`.
fn server(built: Built, files: &[(&str, &str)]) -> TempDir {
    let dir = scratch_dir();
    set_mode(dir.path(), 0o755);
    assert!(Command::new("cp").arg("-R").arg(built.dir().join(".")).arg(dir.path()).status().unwrap().success());
    fs::remove_dir_all(dir.path().join("bin")).unwrap();
    let data = fs::read_to_string(dir.path().join("releases/start_erl.data")).unwrap();
    let erts = data.split_whitespace().next().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text.replace("ERTS", erts)).unwrap();
        set_mode(&path, 0o755);
    }
    dir
}

/// Its record is awaited, then it runs under its name, and probes reach it.
fn runs(cluster: &Cluster, pod: Pod, name: &str) -> RunningPod {
    let address = pod.address();
    let pod = pod.start();
    cluster.dns().wait_for_question_that(SOON, "the server's", |asked| asked.from == address);
    assert!(vm(&pod).is_none(), "{:#?}", pod.log());
    cluster.dns().publish(FQDN, &[address]);
    pod.expect_line(&format!("demo runs on {name}@{FQDN}"), BOOT);
    wait_for_node(&pod, name);
    let variables = environment(vm(&pod).unwrap().pid);
    for ours in ["RELEASE_NODE", "RELEASE_COOKIE", "RELEASE_DISTRIBUTION", "RELX_CONFIG_PATH", "ERL_ZFLAGS"] {
        assert!(!variables.contains_key(ours), "{ours}");
    }
    assert_eq!(variables["MY_POD_FQDN"], FQDN);
    pod
}

fn ends(pod: &RunningPod) {
    wait_until_idle(pod);
    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(0), "{:#?}", pod.log());
    pod.expect_line("demo was stopped", SOON);
}

#[test]
fn emqx_gets_no_variable_of_mix() {
    let (release, cluster) = (server(Built::Mix, &[("bin/emqx", EMQX)]), Cluster::start(DnsSettings::default()));
    let pod = cluster.pod("demo-0").uid(54321).read_only_root(true).release(release.path());
    let pod = pod.env("EMQX_NODE__NAME", &format!("emqx@{FQDN}")).command(["/app/bin/emqx", "foreground"]);
    let pod = runs(&cluster, pod, "emqx");
    assert!(!pod.log().iter().any(|line| line.text.contains("nothing names the node")), "{:#?}", pod.log());
    let line = String::from_utf8_lossy(&pod.exec(["beaminit", "probe", "live"]).stdout).into_owned();
    assert!(line.contains(&format!("emqx@{FQDN}")) && line.contains("answered in"), "{line}");
    ends(&pod);
}

/// What it is handed is said not to be known to be read; and it is not.
#[test]
fn a_template_is_promised_to_none_of_them() {
    let (release, cluster) = (server(Built::Mix, &[("bin/emqx", EMQX)]), Cluster::start(DnsSettings::default()));
    let template = config_map("-name shop@${MY_POD_FQDN}\n+P 32768\n");
    let pod = cluster.pod("demo-0").uid(54321).release(release.path()).mount_config(template.path());
    let pod = pod.env("RELEASE_CONFIG_DIR", "/beamconfig").env("EMQX_NODE__NAME", &format!("emqx@{FQDN}"));
    let pod = runs(&cluster, pod.command(["/app/bin/emqx", "foreground"]), "emqx");
    pod.expect_line("vm.args is passed as VMARGS_PATH; whether COMMAND reads it is not known", SOON);
}

#[test]
fn couchdb_keeps_its_own_file_behind_its_entrypoint() {
    let files = [
        ("bin/couchdb", COUCHDB),
        ("docker-entrypoint.sh", COUCHDB_ENTRYPOINT),
        ("etc/vm.args", "-kernel error_logger silent\n"),
    ];
    let (release, cluster, accounts) =
        (server(Built::Relx, &files), Cluster::start(DnsSettings::default()), Accounts::new());
    let home = crate::support::files::shared_dir();
    let pod = accounts.mounted(cluster.pod("demo-0")).release(release.path()).mount_writable(release.path(), "/app");
    let pod = pod.env("NODENAME", FQDN).mount_writable(home.path(), "/home").env("HOME", "/home");
    let pod = runs(&cluster, pod.command(["/app/docker-entrypoint.sh", "/app/bin/couchdb"]), "couchdb");
    let user = pod.exec([
        "stat",
        "-c",
        "%u",
        &format!("/proc/{}", String::from_utf8_lossy(&pod.exec(["pgrep", "beam.smp"]).stdout).trim()),
    ]);
    assert_eq!(user.stdout, b"54321\n");
    ends(&pod);
}
