//! A release is recognised by its files, however COMMAND names its start script; and a release that is not whole is
//! an error that says what is missing, with nothing changed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::files::{directory_of, files_of};
use crate::support::vm::BOOT;
use crate::support::{Built, Cluster, DnsSettings, Ended, Pod, RunningPod};

const FQDN: &str = "demo-0.demo.default.svc.cluster.local";
const PATH: &str = "/app/bin:/usr/local/bin:/usr/bin:/bin";

/// A copy of a release that may be changed.
fn copy_of(built: Built) -> TempDir {
    let dir = directory_of(&[]);
    let copied = Command::new("cp").arg("-R").arg(built.dir().join(".")).arg(dir.path()).status().unwrap();
    assert!(copied.success());
    dir
}

/// A pod of a release, with a template that names the node after the release.
fn pod(cluster: &Cluster, release: &Path, config: &TempDir) -> Pod {
    let pod = cluster.pod("demo-0").uid(54321).read_only_root(true).release(release).mount_config(config.path());
    let pod = pod.env("BEAMINIT_WAIT", "off");
    pod.env("RELEASE_CONFIG_DIR", "/beamconfig").env("GREETING", "hello").env("ERLANG_COOKIE", "sesame")
}

fn names_the_node() -> TempDir {
    directory_of(&[("vm.args", "-name ${RELEASE_NAME}@${MY_POD_FQDN}\n-setcookie sesame\n")])
}

#[test]
fn however_command_names_the_start_script() {
    let cluster = Cluster::start(DnsSettings::default());
    let (config, links) = (names_the_node(), directory_of(&[]));
    symlink("/app/bin/demo", links.path().join("linked")).unwrap();
    // Script, kind, and the release's name where RELEASE_NAME does not say it.
    let cases = [
        (Built::MixWithoutErts, "bin/demo", "mix", "demo"),
        (Built::MixWithoutErts, "./bin/demo", "mix", "demo"),
        (Built::MixWithoutErts, "../app/bin/demo", "mix", "demo"),
        (Built::MixWithoutErts, "/app/bin/demo", "mix", "demo"),
        (Built::MixWithoutErts, "demo", "mix", "demo"),
        (Built::MixWithoutErts, "/links/linked", "mix", "demo"),
        (Built::RelxWithoutErts, "demo", "relx", "demo"),
        (Built::RelxWithoutErts, "bin/demo-0.1.0", "relx", "demo"),
        (Built::RelxWithoutErts, "/links/linked", "relx", "demo"),
        (Built::RelxPlain, "/app/bin/demo-0.1.0", "erl", "demo"),
        (Built::Distillery, "bin/demo", "distillery", "demo"),
        (Built::Distillery, "/links/linked", "distillery", "demo"),
        (Built::Distillery, "bin/demo_loader.sh", "distillery", "demo"),
    ];
    let start = |(built, script, kind, name): (Built, &'static str, &'static str, &'static str)| {
        let [_, argument] = built.start_command();
        let pod = pod(&cluster, built.dir(), &config).mount(links.path(), "/links").env("PATH", PATH);
        (pod.command([script, argument]).start(), script, kind, name)
    };
    for chunk in cases.chunks(5) {
        let pods: Vec<_> = chunk.iter().copied().map(start).collect();
        for (pod, script, kind, name) in pods {
            let argument = pod.expect_line(&format!("started {kind} release {name} 0.1.0 "), BOOT);
            assert!(argument.text.contains(script), "{}", argument.text);
            pod.expect_line(&format!("demo runs on {name}@{FQDN}"), BOOT);
        }
    }
}

#[test]
fn beside_other_executables() {
    let cluster = Cluster::start(DnsSettings::default());
    let config = names_the_node();
    let release = copy_of(Built::MixWithoutErts);
    fs::copy(release.path().join("bin/demo"), release.path().join("bin/worker")).unwrap();
    fs::write(release.path().join("bin/migrate"), "#!/bin/sh\necho migrated\n").unwrap();
    fs::set_permissions(release.path().join("bin/migrate"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let worker = pod(&cluster, release.path(), &config).command(["bin/worker", "start"]).start();
    // The name is the one that the script is written for, whatever its file is called.
    worker.expect_line(&format!("demo runs on demo@{FQDN}"), BOOT);
    let migrate = pod(&cluster, release.path(), &config).command(["bin/migrate"]).start();
    assert_eq!(migrate.wait(BOOT), Ended::Code(0));
    assert_eq!(migrate.stdout(), "migrated\n");
}

/// The script of a mix release starts what `start_erl.data` or `RELEASE_VSN` say, relx's the version that it is of.
#[test]
fn with_two_versions_the_one_that_starts_counts() {
    let cluster = Cluster::start(DnsSettings::default());
    let config = directory_of(&[]);
    let pod = |release: &Path| pod(&cluster, release, &config).env("RELEASE_CONFIG_DIR", "");
    let own_args = |name: &str| format!("-name {name}@${{MY_POD_FQDN}}\n-setcookie sesame\n");

    let mix = copy_of(Built::MixWithoutErts);
    let started = |change: &dyn Fn(Pod) -> Pod, version: &str, file: &str| {
        let described = pod(mix.path()).env("REPLACE_OS_VARS", "true").command(["bin/demo", "start"]);
        let pod = change(described).start();
        pod.expect_line(&format!("started mix release demo {version} "), BOOT);
        pod.expect_line(&format!("demo runs on {file}@{FQDN}"), BOOT);
    };
    two_versions(mix.path(), |dir, name| fs::write(dir.join("vm.args"), own_args(name)).unwrap());
    started(&|pod| pod, "0.1.0", "first");
    started(&|pod| pod.env("RELEASE_VSN", "0.2.0"), "0.2.0", "second");
    fs::write(mix.path().join("releases/start_erl.data"), "13.1.5 0.2.0").unwrap();
    started(&|pod| pod, "0.2.0", "second");

    let relx = copy_of(Built::RelxSrc);
    two_versions(relx.path(), |dir, name| fs::write(dir.join("vm.args.src"), own_args(name)).unwrap());
    let script = fs::read_to_string(relx.path().join("bin/demo")).unwrap();
    fs::write(relx.path().join("bin/demo"), script.replace("\"0.1.0\"", "\"0.2.0\"")).unwrap();
    for (script, version, name) in [("bin/demo", "0.2.0", "second"), ("bin/demo-0.1.0", "0.1.0", "first")] {
        let pod = pod(relx.path()).command([script, "foreground"]).start();
        pod.expect_line(&format!("started relx release demo {version} "), BOOT);
        pod.expect_line(&format!("demo runs on {name}@{FQDN}"), BOOT);
    }
}

/// Makes 0.2.0 of 0.1.0, and lets `own` write what distinguishes them.
fn two_versions(release: &Path, own: impl Fn(&Path, &str)) {
    let [first, second] = ["0.1.0", "0.2.0"].map(|version| release.join("releases").join(version));
    let copied = Command::new("cp").arg("-R").args([&first, &second]).status().unwrap();
    assert!(copied.success());
    own(&first, "first");
    own(&second, "second");
}

#[test]
fn a_release_that_is_not_whole_is_an_error_that_says_what_is_missing() {
    let cluster = Cluster::start(DnsSettings::default());
    let config = names_the_node();
    let start_data = "releases/start_erl.data";
    for built in [Built::MixWithoutErts, Built::Distillery] {
        let release = copy_of(built);
        let refused = |said: &[&str]| {
            let before = files_of(release.path());
            let pod = pod(&cluster, release.path(), &config).command(built.start_command()).start();
            assert_eq!(pod.wait(BOOT), Ended::Code(66), "{built:?}, {said:?}");
            let log = pod.termination_log();
            assert!(said.iter().all(|part| log.contains(part)) && log.contains("hint: "), "{said:?} in {log}");
            assert!(!log.contains("panicked"), "{log}");
            assert_eq!(files_of(release.path()), before);
        };
        let write = |text: &str| fs::write(release.path().join(start_data), text).unwrap();
        write("");
        refused(&[start_data, "names no version"]);
        write("13.1.5");
        refused(&[start_data, "names no version"]);
        write("13.1.5 9.9.9\n");
        refused(&["no version 9.9.9", "/app/releases"]);
        fs::remove_file(release.path().join(start_data)).unwrap();
        refused(&[start_data]);
        fs::create_dir(release.path().join(start_data)).unwrap();
        refused(&[start_data]);
    }
}

#[test]
fn the_kind_that_was_demanded_counts() {
    let cluster = Cluster::start(DnsSettings::default());
    let config = names_the_node();
    let demand = |built: Built, kind: &str| -> RunningPod {
        pod(&cluster, built.dir(), &config).env("BEAMINIT_KIND", kind).command(built.start_command()).start()
    };
    // As a command, a mix release starts as it would without us.
    let as_command = demand(Built::MixWithoutErts, "command");
    as_command.expect_line("started command ", BOOT);
    as_command.expect_line("demo runs on demo@demo-0 ", BOOT);
    let as_relx = demand(Built::RelxWithoutErts, "relx");
    as_relx.expect_line(&format!("demo runs on demo@{FQDN} "), BOOT);
    for kind in ["mix", "distillery", "relx"] {
        let pod = cluster.pod("demo-0").env("BEAMINIT_KIND", kind).command(["true"]).start();
        assert_eq!(pod.wait(BOOT), Ended::Code(66));
        assert!(pod.termination_log().contains(&format!("BEAMINIT_KIND={kind}")), "{}", pod.termination_log());
    }
}
