//! What is valid but probably a mistake is a warning with its cure; and what ended such a start is reported at its end.

use std::time::Duration;

use crate::support::reported::{SECRET, last_word, warnings};
use crate::support::talk::{self, config_map};
use crate::support::vm::BOOT;
use crate::support::{Built, Cluster, DnsSettings, Ended, Pod, PodFile, RunningPod};

const SOON: Duration = Duration::from_secs(10);

fn cluster() -> Cluster {
    Cluster::start(DnsSettings::default())
}

/// A release of this kind, which waits for nothing.
fn release(cluster: &Cluster, built: Built) -> Pod {
    let pod = cluster.pod("demo-0").release(built.dir()).env("BEAMINIT_WAIT", "off").command(built.start_command());
    pod.env("HOME", "/tmp").env("RELEASE_TMP", "/tmp").env("RUNNER_LOG_DIR", "/tmp")
}

/// The talk's release with this vm.args, as soon as it runs.
fn started_with(cluster: &Cluster, vm_args: &str) -> RunningPod {
    let config = config_map(vm_args);
    started(talk::pod_without_secret(cluster, "pairing-0", config.path()).env("RELEASE_COOKIE", SECRET))
}

fn started(pod: Pod) -> RunningPod {
    let pod = pod.env("BEAMINIT_WAIT", "off").start();
    pod.expect_line("beaminit: supervise: started ", BOOT);
    pod
}

#[test]
fn a_short_name_in_a_pod_that_has_a_long_one() {
    let pod = started_with(&cluster(), "-sname ${RELEASE_NAME}\n");
    warnings(&pod).warns(
        "/beamconfig/vm.args: -sname astarte_pairing: peers cannot look up a host without a dot; this pod is pairing-0.",
        "write -name astarte_pairing@${MY_POD_FQDN}",
    );
}

#[test]
fn a_short_name_by_a_variable() {
    let cluster = cluster();
    for node in [None, Some("demo")] {
        let pod = cluster.pod("demo-0").release(Built::Mix.dir()).command(["bin/demo", "start"]).env("HOME", "/tmp");
        let pod = node.into_iter().fold(pod, |pod, node| pod.env("RELEASE_NODE", node));
        warnings(&started(pod.env("RELEASE_DISTRIBUTION", "sname"))).warns(
            "RELEASE_DISTRIBUTION=sname: peers cannot look up a host without a dot; this pod is demo-0.demo.",
            "set RELEASE_DISTRIBUTION=name",
        );
    }
}

#[test]
fn a_long_name_with_a_host_without_a_dot() {
    let cluster = cluster();
    let config = config_map("-name x@pairing-0\n");
    let pod = talk::pod_without_secret(&cluster, "pairing-0", config.path()).without_subdomain();
    warnings(&started(pod.env("RELEASE_COOKIE", SECRET)))
        .warns("-name x@pairing-0: nodes with -name refuse a host without a dot", "write -name x@${MY_POD_FQDN}");
}

#[test]
fn a_name_without_a_host() {
    let cluster = cluster();
    let config = config_map("-name x\n");
    let pod = talk::pod_without_secret(&cluster, "pairing-0", config.path()).without_subdomain();
    warnings(&started(pod.env("RELEASE_COOKIE", SECRET)))
        .warns("vm.args: the node name x has no host; the VM makes one up", "write -name x@${MY_POD_FQDN}");
}

#[test]
fn an_address_for_a_name_in_a_pod_that_has_a_name_for_ever() {
    let pod = started_with(&cluster(), "-name x@${MY_POD_IP}\n");
    warnings(&pod).warns("vm.args: the node is named by its address 10.88.0.", "write -name x@${MY_POD_FQDN}");
}

#[test]
fn heart() {
    let pod = started_with(&cluster(), "-name x@${MY_POD_FQDN}\n-heart\n");
    warnings(&pod)
        .warns("vm.args: -heart starts a second VM after a crash", "remove -heart: Kubernetes restarts the container");
}

#[test]
fn a_release_whose_env_sh_names_the_node() {
    let pod = started(release(&cluster(), Built::MixNamedByEnvSh));
    warnings(&pod).warns(
        "sets RELEASE_NODE, so beaminit leaves the node name to it",
        "write export RELEASE_NODE=\"${RELEASE_NODE:-…}\" in rel/env.sh.eex, or remove the line",
    );
}

#[test]
fn a_cookie_by_a_name_that_the_release_does_not_read() {
    let cluster = cluster();
    for (built, read) in [(Built::Mix, "RELEASE_COOKIE"), (Built::Relx, "RELX_COOKIE")] {
        let pod = started(release(&cluster, built).env("ERLANG_COOKIE", SECRET));
        warnings(&pod).warns(&format!("ERLANG_COOKIE is set, but a {} release reads {read}", kind(built)), read);
    }
}

fn kind(built: Built) -> &'static str {
    if built == Built::Mix { "mix" } else { "relx" }
}

#[test]
fn a_release_that_goes_to_the_background() {
    let cluster = cluster();
    let cases =
        [(Built::Mix, "daemon", "start"), (Built::Relx, "daemon", "foreground"), (Built::Relx, "start", "foreground")];
    let pods = cases.map(|(built, argument, _)| release(&cluster, built).command(["bin/demo", argument]).start());
    for (pod, (_, argument, instead)) in pods.iter().zip(cases) {
        assert_eq!(pod.wait(BOOT), Ended::Code(0), "{:#?}", pod.log());
        warnings(pod).warns(
            &format!("bin/demo {argument} sends the VM to the background, and the container ends at once"),
            &format!("write CMD [\"bin/demo\", \"{instead}\"]"),
        );
        last_word(pod).is("ended with code 0 after ", "it went to the background, where it ends with the container");
    }
    let pod = release(&cluster, Built::Distillery).env("COOKIE", SECRET).command(["bin/demo", "start"]).start();
    pod.wait(BOOT);
    warnings(&pod).warns("bin/demo start sends the VM to the background", "write CMD [\"bin/demo\", \"foreground\"]");
}

#[test]
fn a_shell_is_pid_1_and_forwards_nothing() {
    let cluster = cluster();
    let pod = || cluster.pod("web-0").without_subdomain();
    let form = pod().entrypoint(["/bin/sh", "-c", "beaminit sleep 1000; true"]).start();
    form.expect_line("started ", SOON);
    warnings(&form).warns(
        "PID 1 is a shell (/bin/sh), which forwards no signal: a TERM never reaches the release",
        "ENTRYPOINT [\"beaminit\"] and CMD [\"bin/app\", \"start\"]",
    );
    let dir = crate::support::scratch_dir();
    std::fs::write(dir.path().join("entrypoint.sh"), "beaminit sleep 1000\ntrue\n").unwrap();
    let script = pod().mount(dir.path(), "/scripts").entrypoint(["/bin/sh", "/scripts/entrypoint.sh"]).start();
    script.expect_line("started ", SOON);
    warnings(&script).warns("PID 1 is a shell", "write exec before beaminit in that script");
    let alone = pod().command(["true"]).start();
    assert_eq!(alone.wait(SOON), Ended::Code(0));
    assert!(warnings(&alone).lines.is_empty());
}

fn file(root: &std::path::Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

/// The files by which a mix release is known, without its own VM.
fn release_with_own_vm_args(vm_args: &str) -> tempfile::TempDir {
    let release = crate::support::scratch_dir();
    file(release.path(), "bin/demo", "#!/bin/sh\n");
    file(release.path(), "releases/start_erl.data", "12.3 0.1.0");
    file(release.path(), "releases/0.1.0/elixir", "");
    file(release.path(), "releases/0.1.0/env.sh", "");
    file(release.path(), "releases/0.1.0/vm.args", vm_args);
    release
}

#[test]
fn a_release_whose_own_vm_args_nobody_has_looked_at() {
    let (cluster, release) = (cluster(), release_with_own_vm_args("+P 9999\n-heart\n"));
    let pod = cluster.pod("demo-0").release(release.path()).command(["bin/demo", "start"]);
    warnings(&started(pod)).warns(
        "beaminit: release: warning: /app/releases/0.1.0/vm.args: -heart starts a second VM after a crash",
        "remove -heart: Kubernetes restarts the container",
    );
}

#[test]
fn a_config_map_with_another_key_than_vm_args() {
    let (cluster, config) = (cluster(), crate::support::scratch_dir());
    file(config.path(), "vm_args", "-name ${NONE}\n");
    for built in [Built::MixWithoutErts, Built::RelxWithoutErts] {
        let pod = release(&cluster, built).mount_config(config.path()).env("RELEASE_CONFIG_DIR", "/beamconfig");
        warnings(&started(pod)).warns(
            "RELEASE_CONFIG_DIR=/beamconfig has neither vm.args nor sys.config: the release's own are used",
            "kubectl create configmap NAME --from-file=vm.args",
        );
    }
}

/// relx's script finds no name behind a tab, nor one that does not begin its line.
#[test]
fn a_tab_between_a_flag_and_its_value_is_not_a_mistake() {
    let (cluster, config) = (cluster(), crate::support::scratch_dir());
    file(config.path(), "vm.args", "  -name\tdemo@127.0.0.1\n-setcookie\tsesame\n");
    for built in [Built::RelxWithoutErts, Built::Distillery] {
        let pod = release(&cluster, built).mount_config(config.path()).env("VMARGS_PATH", "/beamconfig/vm.args");
        pod.env("BEAMINIT_WAIT", "off").start().expect_line("demo runs on demo@127.0.0.1", BOOT);
    }
}

#[test]
fn flags_from_a_slide_and_placeholders_that_nobody_renders() {
    let vm_args = "+P 9999\n\u{2013}proto_dist inet6_tcp\n-env HOST ${MY_HOST}\n";
    let (cluster, release) = (cluster(), release_with_own_vm_args(vm_args));
    let pod = || cluster.pod("demo-0").release(release.path()).command(["bin/demo", "start"]);
    let said = warnings(&started(pod()));
    said.warns("/app/releases/0.1.0/vm.args: line 2: \"\u{2013}proto_dist\" has an en dash", "type the word again");
    said.warns(
        "vm.args: line 3: nothing renders this file, so the VM gets the placeholder of MY_HOST",
        "REPLACE_OS_VARS",
    );
    let said = warnings(&started(pod().env("BEAMINIT_RENDER", "off")));
    assert!(!said.lines.iter().any(|line| line.contains("vm.args")), "{:#?}", said.lines);
}

#[test]
fn a_leftover_replace_os_vars_of_a_mix_release() {
    let (cluster, release) = (cluster(), release_with_own_vm_args("-env GREETING ${name}\n"));
    file(release.path(), "releases/0.1.0/sys.config", "[{demo, [{greeting, \"dear ${name}, ${HELLO}\"}]}].\n");
    let pod = cluster.pod("demo-0").release(release.path()).command(["bin/demo", "start"]);
    let said = warnings(&started(pod.env("REPLACE_OS_VARS", "true").env("HELLO", "hello")));
    for file in ["vm.args: line 1", "sys.config: line 1"] {
        said.warns(&format!("{file}: name is not set, so its placeholder stays as it is"), "unset REPLACE_OS_VARS");
    }
}

#[test]
fn a_release_of_another_erlang_than_the_images() {
    let cluster = cluster();
    let (release, erl) = (release_with_own_vm_args(""), crate::support::scratch_dir());
    file(erl.path(), "bin/erl", "#!/bin/sh\n");
    file(erl.path(), "erts-15.0/bin/erlexec", "");
    let pod = cluster.pod("demo-0").release(release.path()).command(["bin/demo", "start"]);
    let pod = pod.mount(erl.path(), "/opt/erlang").env("PATH", "/opt/erlang/bin:/usr/local/bin:/usr/bin:/bin");
    warnings(&started(pod)).warns(
        "the release was built with erts-12.3, but erl in PATH is of erts-15.0",
        "take the same Erlang (OTP 24) in both stages of the Dockerfile, or include_erts: true",
    );
}

#[test]
fn a_probe_that_kills_the_pod_while_it_waits() {
    let cluster = cluster();
    let pod = cluster.pod("web-0").env("BEAMINIT_WAIT_TIMEOUT", "90s").command(["echo", "started"]).start();
    cluster.dns().wait_for_question(SOON);
    pod.signal(15);
    assert_eq!(pod.wait(SOON), Ended::Code(143));
    let reported = last_word(&pod);
    reported.warns(
        "signal TERM came after ",
        "give the container a startupProbe that allows more than BEAMINIT_WAIT_TIMEOUT=1m 30s",
    );
    assert!(reported.lines[0].contains(" s of waiting, before the release was started"), "{:#?}", reported.lines);
}

/// `hostname:` in a pod template: each pod's name under the service has that label, whatever the pod is called.
#[test]
fn a_pod_template_with_a_host_name() {
    let (cluster, config) = (cluster(), config_map(talk::VM_ARGS));
    let pod = talk::pod(&cluster, "pairing-7d9f", config.path()).service("pairing");
    let hosts = format!("{}\tfixed.pairing.astarte.svc.cluster.local\tfixed\n", pod.address());
    cluster.dns().publish("fixed.pairing.astarte.svc.cluster.local", &[pod.address()]);
    let pod = pod.hosts(PodFile::Custom(hosts)).env("BEAMINIT_WAIT_TIMEOUT", "1s").start();
    assert_eq!(pod.wait(BOOT), Ended::Code(69));
    let awaited = "pairing-7d9f.pairing.astarte.svc.cluster.local";
    warnings(&pod).warns(
        &format!("the node's host is {awaited}, but this pod is fixed.pairing.astarte.svc.cluster.local"),
        "write -name astarte_pairing@${MY_POD_FQDN}",
    );
    last_word(&pod).is(
        "publishes this pod under another host name: fixed.pairing.astarte.svc.cluster.local",
        "MY_POD_FQDN=fixed.pairing.astarte.svc.cluster.local",
    );
}
