//! Distribution over TLS: the options from a ConfigMap, with placeholders, the certificate from a Secret, and two nodes that
//! know each other by their pods' names.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::files::{directory_of, set_mode};
use crate::support::vm::{BOOT, environment, vm, wait_for_node};
use crate::support::{Built, Cluster, DnsSettings, Ended, Pod, RunningPod, wait_until};

const PASSWORD: &str = "pass%word-4711";
const COOKIE: &str = "sesame-4711";
const VM_ARGS: &str = "-name ${RELEASE_NAME}@${MY_POD_FQDN}\n-setcookie ${ERLANG_COOKIE}\n\
    -proto_dist inet_tls\n-ssl_dist_optfile /beamconfig/ssl_dist.conf\n";
const OPTIONS: &str = r#"%% The key is in ${A_SECRET}.
[{server, [{certfile, "${CERTIFICATES}/tls.crt"}, {keyfile, "${CERTIFICATES}/tls.key"}, {password, "$<TLS_PASSWORD>"},
           {cacertfile, "${CERTIFICATES}/ca.crt"}, {verify, verify_peer}, {fail_if_no_peer_cert, true}]},
 {client, [{certfile, "${CERTIFICATES}/tls.crt"}, {keyfile, "${CERTIFICATES}/tls.key"}, {password, "$<TLS_PASSWORD>"},
           {cacertfile, "${CERTIFICATES}/ca.crt"}, {verify, verify_peer}]}].
"#;

fn node(number: usize) -> String {
    format!("demo@{}", host(number))
}

fn host(number: usize) -> String {
    format!("demo-{number}.demo.default.svc.cluster.local")
}

/// A Secret as cert-manager makes it: a certificate for these hosts, its key, and the authority that signed it.
fn secret(hosts: &[String]) -> TempDir {
    let dir = directory_of(&[]);
    let openssl = |words: &[&str]| {
        let new = ["req", "-x509", "-newkey", "rsa:2048", "-days", "2"];
        let output = Command::new("openssl").current_dir(dir.path()).args(new).args(words).output().expect("openssl");
        assert!(output.status.success(), "{words:?}: {output:?}");
    };
    openssl(&["-subj", "/CN=authority", "-noenc", "-keyout", "ca.key", "-out", "ca.crt"]);
    let hosts: Vec<_> = hosts.iter().map(|host| format!("DNS:{host}")).collect();
    let (names, pass) = (format!("subjectAltName={}", hosts.join(",")), format!("pass:{PASSWORD}"));
    let signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-subj", "/CN=demo", "-addext", "basicConstraints=CA:FALSE"];
    openssl(&[&signed[..], &["-addext", &names, "-passout", &pass, "-keyout", "tls.key", "-out", "tls.crt"]].concat());
    for file in ["tls.key", "tls.crt", "ca.crt"] {
        set_mode(dir.path().join(file), 0o644);
    }
    dir
}

/// The release's own `vm.args` stays, since a ConfigMap's in `RELEASE_CONFIG_DIR` adds to it.
fn pod(cluster: &Cluster, number: usize, config: &Path, secret: &Path) -> Pod {
    let built = Built::MixOverTls;
    let pod = cluster.pod(&format!("demo-{number}")).uid(54321).read_only_root(true).release(built.dir());
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let pod = pod.mount_config(config).mount(secret, "/certificates").command(built.start_command());
    let pod = pod.env("RELEASE_CONFIG_DIR", "/beamconfig").env("CERTIFICATES", "/certificates");
    pod.env("ERLANG_COOKIE", COOKIE).env("TLS_PASSWORD", PASSWORD)
}

#[test]
fn by_their_pods_names() {
    let config = directory_of(&[("vm.args", VM_ARGS), ("ssl_dist.conf", OPTIONS)]);
    let secret = secret(&[host(0), host(1)]);
    let cluster = Cluster::start(DnsSettings::default());
    let pods = [0, 1].map(|number| pod(&cluster, number, config.path(), secret.path()).start());
    for (number, pod) in pods.iter().enumerate() {
        pod.expect_line(&format!("demo runs on {}", node(number)), BOOT);
        wait_for_node(pod, "demo");
    }
    let [first, second] = &pods;
    // The release's own tools connect as the node does.
    assert_eq!(said(first, &["exec", "bin/demo", "rpc", "IO.puts(node())"]), node(0));
    let connect = format!("IO.inspect(Node.connect(:\"{}\"))", node(1));
    assert_eq!(said(first, &["exec", "bin/demo", "rpc", &connect]), "true");
    assert_eq!(said(second, &["exec", "bin/demo", "rpc", "IO.inspect(Node.list())"]), format!("[:\"{}\"]", node(0)));

    assert_options_are_closed(first);
    let page = said(first, &["explain"]);
    assert!(page.contains("-ssl_dist_optfile  /beamconfig/ssl_dist.conf, by vm.args"), "{page}");
    assert!(page.contains("TLS_PASSWORD") && !page.contains(PASSWORD), "{page}");

    let live = said(first, &["probe", "live", "--timeout", "5s"]);
    assert_eq!(live, format!("live: {} accepted a connection; it wants TLS, so no more was asked", node(0)));
    let ready = first.exec(["beaminit", "probe", "ready"]);
    assert_eq!(ready.status.code(), Some(64));
    assert!(text(&ready.stdout).contains("runs over TLS, so it cannot be asked; use an httpGet"), "{ready:?}");

    for pod in &pods {
        pod.signal(15);
        assert_eq!(pod.wait(BOOT), Ended::Code(0));
        assert!(!pod.log().iter().any(|line| line.text.contains(PASSWORD)), "{:#?}", pod.log());
    }
}

/// The file that the VM reads is in the run directory, and nobody else may read it.
fn assert_options_are_closed(pod: &RunningPod) {
    let vm = vm(pod).unwrap();
    let named = vm.cmdline.iter().skip_while(|word| *word != "-ssl_dist_optfile").nth(1).expect("the flag");
    let vm_args = environment(vm.pid).remove("RELEASE_VM_ARGS").unwrap();
    assert_eq!(*named, vm_args.replace("vm.args", "beside-ssl_dist.conf"));
    assert_eq!(text(&pod.exec(["stat", "-c", "%a %u", named]).stdout), "600 54321");
    assert!(text(&pod.exec(["cat", named]).stdout).contains(&format!("{{password, \"{PASSWORD}\"}}")));
}

/// A node whose VM boots has not registered its name yet, which must not end it.
#[test]
fn a_node_that_boots_is_live() {
    let boots = "timer:sleep(1000000)";
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("shop-0").uid(54321).read_only_root(true).env("BEAMINIT_WAIT", "off");
    let words = ["erl", "-noinput", "-name", "shop@127.0.0.1", "-setcookie", COOKIE, "-start_epmd", "false"];
    // It never comes to start distribution: there is nobody who would know its name.
    let pod = pod.command(words.into_iter().chain(["-proto_dist", "inet_tls", "-eval", boots])).start();
    wait_until(BOOT, "a VM", || vm(&pod).is_some());
    let output = pod.exec(["beaminit", "probe", "live"]);
    assert!(output.status.success() || pod.ended().is_some(), "{output:?}");
    assert!(text(&output.stdout).starts_with("live: booting since "), "{output:?}");
}

#[test]
fn a_file_that_is_named_and_has_a_mistake_is_reported_as_a_template_is() {
    let config =
        directory_of(&[("vm.args", VM_ARGS), ("ssl_dist.conf", "[{server, [{password, \"${TLS_PASWORD}\"}]}].\n")]);
    let secret = directory_of(&[]);
    let cluster = Cluster::start(DnsSettings::default());
    let pod = pod(&cluster, 0, config.path(), secret.path()).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(65));
    pod.expect_line("beaminit: render: /beamconfig/ssl_dist.conf:1:24: TLS_PASWORD is not set", BOOT);
}

/// Other files that `vm.args` names are templates too, if they are beside it and have placeholders.
#[test]
fn flags_and_configuration_in_further_files() {
    let vm_args = "-name demo@${MY_POD_FQDN}\n-args_file /beamconfig/more.args\n-config /beamconfig/extra\n\
        -args_file plain.args\n";
    let files = [
        ("vm.args", vm_args),
        ("more.args", "-env GREETING ${GREETING}\n"),
        ("plain.args", "-env PLAIN $(nothing)\n"),
        ("extra.config", "[{demo, [{greeting, \"${GREETING} of extra\"}]}].\n"),
    ];
    let config = directory_of(&files);
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("demo-0").uid(54321).read_only_root(true).mount_config(config.path());
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let show = "io:format(\"~s ~s ~s~n\", [os:getenv(\"GREETING\"), os:getenv(\"PLAIN\"), \
        element(2, application:get_env(demo, greeting))])";
    let load = "application:load({application, demo, []})";
    let pod = pod.env("RELEASE_CONFIG_DIR", "/beamconfig").env("GREETING", "hello").env("ERLANG_COOKIE", COOKIE);
    let pod = pod.env("HOME", "/dev/shm").command(["erl", "-noinput", "-eval", &format!("{load}, {show}")]).start();
    pod.expect_line("hello $(nothing) hello of extra", BOOT);
    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
}

/// What a command of beaminit prints.
#[track_caller]
fn said(pod: &RunningPod, words: &[&str]) -> String {
    let output = pod.exec(["beaminit"].iter().chain(words));
    let said = text(&output.stdout);
    assert!(output.status.success(), "{words:?}: {said}\n{}", text(&output.stderr));
    said
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}
