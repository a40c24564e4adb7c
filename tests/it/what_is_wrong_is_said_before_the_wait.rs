//! A start that cannot succeed ends at once: the first line names the cause, the hint the cure. One test a mistake.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use crate::support::files::directory_of;
use crate::support::reported::{SECRET, fails};
use crate::support::talk::{self, config_map};
use crate::support::vm::BOOT;
use crate::support::{Built, Cluster, DnsSettings, Ended, Pod, PodFile, scratch_dir};

const NAME: &str = "-name ${RELEASE_NAME}@${MY_POD_FQDN}\n";

fn cluster() -> Cluster {
    Cluster::start(DnsSettings::default())
}

/// The talk's pod with another vm.args.
fn pod(cluster: &Cluster, config: &TempDir) -> Pod {
    talk::pod_without_secret(cluster, "pairing-0", config.path()).env("UNUSED", SECRET)
}

/// A release of relx's with this vm.args.
fn relx(cluster: &Cluster, config: &TempDir) -> Pod {
    let pod = cluster.pod("demo-0").release(Built::Relx.dir()).mount_config(config.path());
    pod.env("RELEASE_CONFIG_DIR", "/beamconfig").command(["bin/demo", "foreground"])
}

#[test]
fn the_downward_api_is_forgotten_where_nothing_else_says_it() {
    let (cluster, config) = (cluster(), config_map(talk::VM_ARGS));
    let pod = pod(&cluster, &config).without_subdomain().env("ERLANG_COOKIE", SECRET);
    fails(pod, 65).is(
        "/beamconfig/vm.args:2:38: MY_POD_BASE_DNS is not set, and beaminit cannot derive it",
        "name the headless Service in the StatefulSet's serviceName, or in MY_POD_SERVICE",
    );
}

/// On the machine's network (`hostNetwork: true`) hosts file and host name are the machine's. Each hint is followed, and
/// the next start names the next part.
#[test]
fn on_the_machines_network_the_part_of_the_name_that_is_missing_is_named() {
    let (cluster, config) = (cluster(), config_map(NAME));
    let hosts = "# Kubernetes-managed hosts file (host network).\n127.0.0.1\tlocalhost\n10.0.0.7\tnode-7\n";
    let pod = |env: &[(&str, &str)]| {
        let pod = relx(&cluster, &config).hosts(PodFile::Custom(hosts.into()));
        let pod = pod.resolv_conf(PodFile::Custom("nameserver 10.96.0.10\n".into()));
        env.iter().fold(pod, |pod, (name, value)| pod.env(name, value))
    };
    let service = ("MY_POD_SERVICE", "demo");
    fails(pod(&[]), 65).is("MY_POD_FQDN is not set, and beaminit cannot derive it", "in MY_POD_SERVICE");
    fails(pod(&[service]), 65).is(
        "MY_POD_FQDN is not set, and beaminit cannot derive it without MY_POD_NAMESPACE",
        "set MY_POD_NAMESPACE from the downward API",
    );
    fails(pod(&[service, ("MY_POD_NAMESPACE", "default")]), 65).is(
        "MY_POD_FQDN is not set, and beaminit cannot derive it without MY_POD_NAME",
        "set MY_POD_NAME from the downward API",
    );
}

/// The same where nothing needs the name but a wait that was asked for.
#[test]
fn a_wait_without_the_namespace_names_its_variable() {
    let cluster = cluster();
    let hosts = "127.0.0.1\tlocalhost\n10.0.0.7\tnode-7\n";
    let pod = cluster.pod("demo-0").hosts(PodFile::Custom(hosts.into())).command(["sleep", "1"]);
    let pod = pod.resolv_conf(PodFile::Custom("nameserver 10.96.0.10\n".into()));
    let pod = pod.env("MY_POD_SERVICE", "demo").env("HOME", "/tmp").env("BEAMINIT_WAIT", "always");
    fails(pod, 78).is(
        "BEAMINIT_WAIT=always, but the pod's full name is not known without MY_POD_NAMESPACE",
        "set MY_POD_NAMESPACE from the downward API",
    );
}

#[test]
fn the_config_map_is_not_mounted() {
    let (cluster, config) = (cluster(), config_map(""));
    fails(pod(&cluster, &config).env("RELEASE_CONFIG_DIR", "/elsewhere"), 66)
        .is("release: RELEASE_CONFIG_DIR=/elsewhere: no such directory", "mount the ConfigMap there (volumes, ");
}

#[test]
fn the_user_may_not_read_the_config_map() {
    let (cluster, config) = (cluster(), config_map(NAME));
    fs::set_permissions(config.path().join("vm.args"), fs::Permissions::from_mode(0o400)).unwrap();
    fails(pod(&cluster, &config), 66).is("/beamconfig/vm.args: permission denied", "defaultMode: 0444");
}

#[test]
fn the_cookie_is_set_under_another_name() {
    let (cluster, config) = (cluster(), config_map(talk::VM_ARGS));
    for name in ["RELEASE_COOKIE", "RELX_COOKIE", "COOKIE"] {
        fails(pod(&cluster, &config).env(name, SECRET), 65).is(
            "vm.args:5:12: ERLANG_COOKIE is not set",
            &format!("{name} is set: write ${{{name}}} if that is meant; else set ERLANG_COOKIE"),
        );
    }
    let misspelt = pod(&cluster, &config).env("ERLANG_COKIE", SECRET);
    fails(misspelt, 65).is("ERLANG_COOKIE is not set", "ERLANG_COKIE is set: write ${ERLANG_COKIE}");
}

#[test]
fn there_are_two_cookies() {
    let cluster = cluster();
    let twice = config_map(&format!("{}-setcookie ${{ERLANG_COOKIE}}\n", talk::VM_ARGS));
    fails(pod(&cluster, &twice).env("ERLANG_COOKIE", SECRET), 65)
        .is("vm.args:9: a second cookie; the VM would then use neither", "remove this -setcookie, or the other one");
    let once = config_map(talk::VM_ARGS);
    let two = pod(&cluster, &once).env("ERLANG_COOKIE", SECRET).env("RELEASE_COOKIE", "another");
    fails(two, 65).is(
        "-setcookie of /beamconfig/vm.args and RELEASE_COOKIE of the environment differ",
        "drop one of them, or write -setcookie ${RELEASE_COOKIE} in the template",
    );
}

#[test]
fn nothing_names_the_node() {
    let (cluster, config) = (cluster(), config_map("+K true\n"));
    fails(relx(&cluster, &config), 65)
        .is("/beamconfig/vm.args names no node: neither -name nor -sname", "-name ${RELEASE_NAME}@${MY_POD_FQDN}");
}

#[test]
fn a_label_is_longer_than_dns_allows_or_the_name_is() {
    let (cluster, config) = (cluster(), config_map(NAME));
    let start = |fqdn: &str| {
        fails(pod(&cluster, &config).without_subdomain().env("RELEASE_COOKIE", SECRET).env("MY_POD_FQDN", fqdn), 65)
    };
    let long = "a".repeat(64);
    start(&format!("{long}.web.default.svc.cluster.local")).is(
        "has a label of 64 characters, DNS allows 63",
        "name the headless Service in the StatefulSet's serviceName",
    );
    start(&format!("{}web.default.svc.cluster.local", "abcdefg.".repeat(29)))
        .is("has 261 characters, a DNS name at most 253", "name the headless Service");
    let named = config_map("-name x@${HOST}\n");
    fails(pod(&cluster, &named).env("RELEASE_COOKIE", SECRET).env("HOST", &format!("{long}.svc")), 65)
        .is("has a label of 64 characters, DNS allows 63", "write -name ${RELEASE_NAME}@${MY_POD_FQDN}");
}

#[test]
fn a_setting_is_misspelt() {
    let (cluster, config) = (cluster(), config_map(NAME));
    fails(pod(&cluster, &config).env("BEAMINIT_WAIT_TIMEOUTS", "10s"), 78)
        .is("config: BEAMINIT_WAIT_TIMEOUTS: no such setting", "the nearest one is BEAMINIT_WAIT_TIMEOUT:");
}

#[test]
fn a_long_name_is_given_to_a_release_of_short_names() {
    let cluster = cluster();
    let pod = cluster.pod("demo-0").release(Built::Mix.dir()).command(["bin/demo", "start"]);
    let node = format!("demo@{}", pod.fqdn());
    let pod = pod.env("RELEASE_NODE", &node).env("RELEASE_DISTRIBUTION", "sname");
    fails(pod, 65)
        .is("has a host with dots, which RELEASE_DISTRIBUTION=sname refuses", "set RELEASE_DISTRIBUTION=name");
}

#[test]
fn the_host_of_the_nodes_name_is_empty() {
    let cluster = cluster();
    let pod = cluster.pod("demo-0").release(Built::Mix.dir()).command(["bin/demo", "start"]);
    fails(pod.env("RELEASE_NODE", "demo@"), 65)
        .is("RELEASE_NODE=demo@ has nothing after the @", "set RELEASE_NODE=NAME@$(MY_POD_FQDN), or leave it unset");
}

#[test]
fn nothing_can_be_written() {
    let (cluster, config, nothing) = (cluster(), config_map(NAME), scratch_dir());
    fs::set_permissions(nothing.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let pod = pod(&cluster, &config).env("RELEASE_COOKIE", SECRET).env("BEAMINIT_WAIT", "off");
    fails(pod.mount(nothing.path(), "/dev/shm"), 73).is(
        "directory to write to: /run/beaminit: read-only file system, /dev/shm/beaminit-54321-",
        "mount an emptyDir with medium: Memory, and set BEAMINIT_RUN_DIR to a directory in it",
    );
}

#[test]
fn the_run_directory_belongs_to_somebody_else() {
    let (cluster, config, roots) = (cluster(), config_map(NAME), scratch_dir());
    fs::set_permissions(roots.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let pod = pod(&cluster, &config).env("RELEASE_COOKIE", SECRET).env("BEAMINIT_WAIT", "off");
    let pod = pod.mount_writable(roots.path(), "/run/ours").env("BEAMINIT_RUN_DIR", "/run/ours");
    fails(pod, 73).is(
        "/run/ours: it is not ours alone: it belongs to user 0 with mode 755, and we are 54321",
        "set BEAMINIT_RUN_DIR to a directory in it that does not exist yet",
    );
}

#[test]
fn the_vm_has_no_place_for_a_cookie() {
    let cluster = cluster();
    let pod = |home: &str| {
        let pod = cluster.pod("web-0").uid(54321).read_only_root(true).env("HOME", home);
        let fqdn = pod.fqdn();
        pod.command(["erl", "-noinput", "-name", &format!("x@{fqdn}")])
    };
    let cure = "give the node a cookie: BEAMINIT_COOKIE_FILE=/path/of/the/secret, or -setcookie ";
    fails(pod(""), 73).is("HOME is not set: the VM has no place for the cookie that nobody gives it", cure);
    fails(pod("/"), 73).is("/.erlang.cookie: the VM cannot write there the cookie that nobody gives it", cure);
    fails(pod("/nonexistent"), 73).is("/nonexistent/.erlang.cookie: the VM cannot write there", cure);
    let config = config_map(talk::VM_ARGS);
    let asked = relx(&cluster, &config).env("ERLANG_COOKIE", SECRET).env("XDG_CONFIG_HOME", "/x");
    let asked = asked.env("MY_POD_NAME", "demo-0").uid(54321).read_only_root(true).env("BEAMINIT_COOKIE", "file");
    fails(asked, 73).is(
        "BEAMINIT_COOKIE=file: HOME=/ cannot be written, and XDG_CONFIG_HOME is set",
        "give the user its own HOME that it may write, or set BEAMINIT_COOKIE=args",
    );
}

#[test]
fn others_may_read_the_cookie_file() {
    let (cluster, home) = (cluster(), scratch_dir());
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(home.path().join(".erlang.cookie"), SECRET).unwrap();
    let pod = cluster.pod("web-0").mount(home.path(), "/home").env("HOME", "/home");
    let fqdn = pod.fqdn();
    fails(pod.command(["erl", "-noinput", "-name", &format!("x@{fqdn}")]), 65).is(
        "/home/.erlang.cookie: others may read it, so the VM refuses it",
        "chmod 400 /home/.erlang.cookie; a Secret is mounted elsewhere and named by BEAMINIT_COOKIE_FILE",
    );
}

/// A release whose erlexec is the machine's after this change; without one, of no VM at all.
fn release_with_vm(change: Option<fn(&mut Vec<u8>)>) -> TempDir {
    let root = scratch_dir();
    let own = fs::read_dir("/usr/lib/erlang").unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let erts = own.into_iter().find(|name| name.starts_with("erts-")).unwrap();
    let version = erts.strip_prefix("erts-").unwrap();
    let file = |path: &str, bytes: &[u8]| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    file("bin/demo", b"#!/bin/sh\n");
    file("releases/start_erl.data", format!("{version} 0.1.0").as_bytes());
    file("releases/0.1.0/elixir", b"");
    file("releases/0.1.0/env.sh", b"");
    if let Some(change) = change {
        let mut program = fs::read(Path::new("/usr/lib/erlang").join(&erts).join("bin/erlexec")).unwrap();
        change(&mut program);
        file(&format!("{erts}/bin/erlexec"), &program);
    }
    root
}

fn replace(bytes: &mut [u8], from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|part| part == from.as_bytes()).expect(from);
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
}

fn started(cluster: &Cluster, release: &TempDir) -> Pod {
    cluster.pod("demo-0").release(release.path()).command(["bin/demo", "start"])
}

/// The kernel may emulate that machine, so it is tried.
#[test]
fn the_release_is_for_another_machine() {
    let other = release_with_vm(Some(|program| program[18..20].copy_from_slice(&[243, 0])));
    let here = std::env::consts::ARCH;
    let cluster = cluster();
    let pod = started(&cluster, &other);
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let pod = pod.start();
    let said = pod.expect_line(&format!("/bin/erlexec: it is for riscv64, this machine is {here}"), BOOT).text;
    assert!(said.contains("warning: ") && said.contains("docker build --platform linux/ARCH"), "{said}");
    pod.expect_line("started mix release", BOOT);
}

#[test]
fn the_release_is_for_another_c_library() {
    let musl = release_with_vm(Some(|program| replace(program, "/ld-linux-", "/ld-muslx-")));
    let glibc = release_with_vm(Some(|program| replace(program, "/ld-linux-", "/ld-linus-")));
    for (release, library) in [(musl, "musl (Alpine)"), (glibc, "glibc (Debian)")] {
        fails(started(&cluster(), &release), 127).is("is not in this image", &format!("it was built for {library}"));
    }
}

#[test]
fn the_release_is_for_a_newer_c_library() {
    let newer = release_with_vm(Some(|program| replace(program, "GLIBC_2.34", "GLIBC_2.99")));
    fails(started(&cluster(), &newer), 126)
        .is("/bin/erlexec: it needs glibc 2.99, this image has 2.", "build the release on the image that it runs on");
}

#[test]
fn the_release_has_no_vm_and_the_image_has_none() {
    let none = release_with_vm(None);
    let pod = started(&cluster(), &none).env("PATH", "/usr/local/bin");
    fails(pod, 66)
        .is("and there is no erl in PATH: no VM", "build the release with include_erts: true, or on an image with");
}

#[test]
fn the_command_cannot_be_executed() {
    let (cluster, config) = (cluster(), config_map(NAME));
    let scripts =
        directory_of(&[("no-shell", "#!/bin/nosh\n"), ("crlf", "#!/bin/sh\r\nexit 0\r\n"), ("plain", "exit 0\n")]);
    for name in ["no-shell", "crlf"] {
        fs::set_permissions(scripts.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let cases: [(&[&str], i32, &str, &str); 6] = [
        (&["nosuch", "start"], 127, "cannot start nosuch: no such file or directory", "is the path right"),
        (&["bin/dmeo", "start"], 127, "cannot start bin/dmeo: no such file or directory", "is the path right"),
        (&["gosuu", "app", "bin/demo", "start"], 127, "cannot start gosuu: no such file", "is the path right"),
        (&["no-shell"], 127, "its interpreter /bin/nosh is not in this image", "correct the script's first line"),
        (&["crlf"], 127, "its first line ends with a carriage return", "Unix line ends"),
        (&["/scripts/plain"], 126, "this user has no right to execute it", "chmod +x"),
    ];
    for (words, code, cause, cure) in cases {
        let pod = pod(&cluster, &config).mount(scripts.path(), "/scripts").env("PATH", "/scripts:/usr/bin:/bin");
        fails(pod.entrypoint(["/usr/local/bin/beaminit"]).command(words), code).is(cause, cure);
        assert!(cluster.dns().questions().is_empty(), "{words:?}: nothing was asked");
    }
}

#[test]
fn everything_that_is_wrong_with_the_templates_is_said_at_once() {
    let (cluster, config) = (cluster(), config_map("-name x@${HOST}\n-setcookie ${A_SECRET}\n"));
    fs::write(config.path().join("sys.config"), "[{kernel, [{a, ${PORT}}]}].\n").unwrap();
    let reported = fails(pod(&cluster, &config), 65);
    reported.is("vm.args:1:9: HOST is not set", "set HOST in the container's env");
    for part in ["vm.args:2:12: A_SECRET is not set", "sys.config:1:16: PORT is not set"] {
        assert!(reported.lines.iter().any(|line| line.contains(part)), "{part} in {:#?}", reported.lines);
    }
    let many: String = (0..40).fold(String::new(), |text, n| text + &format!("-env A{n} ${{B_{n}}}\n"));
    let config = config_map(&many);
    let reported = fails(pod(&cluster, &config), 65);
    assert_eq!(reported.lines.len(), 12);
    assert!(reported.lines[11].starts_with("beaminit: render: and ") && reported.lines[11].ends_with(" problems more"));
}

#[test]
fn hosts_of_the_node_do_not_tell_the_pods_name() {
    let (cluster, config) = (cluster(), config_map(talk::VM_ARGS));
    let pod = pod(&cluster, &config).env("ERLANG_COOKIE", SECRET);
    let pod = pod.hosts(PodFile::Custom("127.0.0.1 localhost\n10.0.0.7 node-7.corp.example node-7\n".into()));
    let pod = pod.resolv_conf(PodFile::Custom("search corp.example\nnameserver 10.96.0.10\n".into()));
    fails(pod, 65).is("MY_POD_BASE_DNS is not set, and beaminit cannot derive it", "or in MY_POD_SERVICE");
}

#[test]
fn as_json_each_problem_is_an_object() {
    let (cluster, config) = (cluster(), config_map(talk::VM_ARGS));
    let pod = pod(&cluster, &config).env("BEAMINIT_LOG_FORMAT", "json").env("BEAMINIT_LOG", "off").start();
    assert_eq!(pod.wait(BOOT), Ended::Code(65));
    let lines: Vec<_> = pod.log().into_iter().map(|line| line.text).collect();
    let [line] = lines.as_slice() else { panic!("{lines:#?}") };
    let problem: serde_json::Value = serde_json::from_str(line).unwrap();
    let text = |field: &str| problem[field].as_str().unwrap_or_else(|| panic!("{field} in {line}")).to_owned();
    assert_eq!((text("level"), text("target")), ("ERROR".to_owned(), "render".to_owned()));
    assert_eq!(problem["code"], 65);
    assert_eq!(text("message"), "/beamconfig/vm.args:5:12: ERLANG_COOKIE is not set");
    assert_eq!(text("excerpt"), "  -setcookie ${ERLANG_COOKIE}\n             ^");
    assert!(text("hint").starts_with("set ERLANG_COOKIE in the container's env"));
    assert!(text("timestamp").ends_with('Z'));
    // For people, also then.
    assert!(
        pod.termination_log().starts_with("beaminit: render: /beamconfig/vm.args:5:12: ERLANG_COOKIE is not set\n")
    );
}

#[test]
fn as_json_all_problems_are_reported() {
    let cluster = cluster();
    let pod = cluster.pod("web-0").env("BEAMINIT_LOG_FORMAT", "json").env("BEAMINIT_WAIT", "maybe");
    let pod = pod.env("BEAMINIT_KINDS", "x").command(["true"]).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(78));
    let lines: Vec<serde_json::Value> =
        pod.log().iter().map(|line| serde_json::from_str(&line.text).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line["target"] == "config" && line["hint"].is_string()), "{lines:#?}");
}
