//! The tools of every kind of release find its node by `beaminit exec`, with no variable set by hand: not its name, not its
//! cookie, not where its configuration is. So do probes.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use crate::support::files::files_of;
use crate::support::vm::{BOOT, wait_for_node};
use crate::support::{Built, Cluster, DnsSettings, Ended, RunningPod, scratch_dir};

const COOKIE: &str = "sesame-4711";
const FQDN: &str = "demo-0.demo.default.svc.cluster.local";
const VM_ARGS: &str = "-name ${RELEASE_NAME}@${MY_POD_FQDN}\n-setcookie ${ERLANG_COOKIE}\n";

/// A tool's words, and what it prints: `NODE` stands for its node's name, `PID` for the VM's number in the pod.
type Tool = (&'static [&'static str], &'static str);

const MIX: [Tool; 3] = [
    (&["bin/demo", "rpc", "IO.puts(node())"], "NODE"),
    (&["bin/demo", "eval", "IO.puts(node())"], "nonode@nohost"),
    (&["bin/demo", "pid"], "PID"),
];
const RELX: [Tool; 4] = [
    (&["bin/demo", "ping"], "pong"),
    (&["bin/demo", "rpc", "erlang", "node"], "NODE"),
    (&["bin/demo", "eval", "node()."], "NODE"),
    (&["bin/demo", "pid"], "PID"),
];
const DISTILLERY: [Tool; 3] =
    [(&["bin/demo", "ping"], "pong"), (&["bin/demo", "rpc", "node()"], "NODE"), (&["bin/demo", "pid"], "PID")];
/// Its script knows no tools; but a VM beside it has its cookie.
const ERL: [Tool; 1] = [(&["sh", "-c", PING], "pong")];
const PING: &str = r#"erl -noinput -name tool@$MY_POD_FQDN -eval "io:put_chars(atom_to_list(net_adm:ping('pairing@$MY_POD_FQDN'))), halt().""#;

#[test]
fn mix_without_erts() {
    Scene::start(Built::MixWithoutErts, "pairing").reach(&MIX).end();
}

#[test]
fn mix_with_a_runtime_configuration() {
    Scene::start(Built::MixRuntimeConfig, "pairing").reach(&MIX).end();
}

#[test]
fn mix_whose_env_sh_names_the_node() {
    Scene::start(Built::MixNamedByEnvSh, "named_by_env_sh").reach(&MIX).end();
}

/// The image's own, in `releases/COOKIE`.
#[test]
fn mix_with_the_cookie_of_its_image() {
    Scene::start_from("-name ${RELEASE_NAME}@${MY_POD_FQDN}\n", Built::Mix, "pairing", &[]).reach(&MIX).end();
}

#[test]
fn mix_with_its_cookie_in_a_file() {
    Scene::start_with(Built::Mix, "pairing", &[("BEAMINIT_COOKIE", "file")]).reach(&MIX).end();
}

#[test]
fn relx() {
    Scene::start(Built::Relx, "pairing").reach(&RELX).type_at("remote_console").end();
}

#[test]
fn relx_with_its_own_templates() {
    Scene::start(Built::RelxSrc, "pairing").reach(&RELX).end();
}

#[test]
fn relx_with_its_plain_script() {
    Scene::start(Built::RelxPlain, "pairing").reach(&ERL).end();
}

#[test]
fn distillery() {
    Scene::start(Built::Distillery, "pairing").reach(&DISTILLERY).type_at("remote_console").end();
}

/// A release that runs under the name and the cookie of a template, in a pod where nothing can be written.
struct Scene {
    _cluster: Cluster,
    config: TempDir,
    pod: RunningPod,
    node: String,
}

impl Scene {
    fn start(built: Built, node: &str) -> Self {
        Self::start_with(built, node, &[])
    }

    fn start_with(built: Built, node: &str, env: &[(&str, &str)]) -> Self {
        Self::start_from(VM_ARGS, built, node, env)
    }

    fn start_from(vm_args: &str, built: Built, node: &str, env: &[(&str, &str)]) -> Self {
        let config = scratch_dir();
        fs::set_permissions(config.path(), Permissions::from_mode(0o755)).unwrap();
        if built != Built::RelxSrc {
            fs::write(config.path().join("vm.args"), vm_args).unwrap();
        }
        let cluster = Cluster::start(DnsSettings::default());
        let pod =
            cluster.pod("demo-0").uid(54321).read_only_root(true).release(built.dir()).mount_config(config.path());
        let pod = if built == Built::RelxSrc { pod } else { pod.env("RELEASE_CONFIG_DIR", "/beamconfig") };
        let pod = pod.env("REPLACE_OS_VARS", "true");
        let pod = pod.env("RELEASE_NAME", "pairing").env("ERLANG_COOKIE", COOKIE).env("GREETING", "hi");
        cluster.dns().publish(FQDN, &[pod.address()]);
        let pod = env.iter().fold(pod, |pod, (name, value)| pod.env(name, value));
        let pod = pod.command(built.start_command()).start();
        wait_for_node(&pod, node);
        pod.expect_line("demo runs on", BOOT);
        Self { _cluster: cluster, config, pod, node: format!("{node}@{FQDN}") }
    }

    fn reach(self, tools: &[Tool]) -> Self {
        let before = files_of(self.config.path());
        let vm = self.said(&["pgrep", "beam.smp"]);
        for (words, expected) in tools {
            let output = self.pod.exec([&["beaminit", "exec"], *words].concat());
            let (printed, error) = (text(&output.stdout), text(&output.stderr));
            let expected = expected.replace("NODE", &self.node).replace("PID", &vm);
            // Some print an atom as Erlang writes it.
            assert_eq!((output.status.code(), printed.replace('\'', "")), (Some(0), expected), "{words:?}: {error}");
            assert!(!printed.contains(COOKIE) && !error.contains(COOKIE), "{words:?}: {printed}{error}");
        }
        for question in [&["live"] as &[&str], &["ready", "demo"]] {
            let line = self.said(&[&["beaminit", "probe"], question].concat());
            assert!(line.contains(&format!(": {} ", self.node)) && line.contains("answered in "), "{line}");
        }
        assert_eq!(self.said(&["epmd", "-names"]).matches("name ").count(), 1, "a second node is left");
        assert_eq!(files_of(self.config.path()), before);
        self
    }

    /// Opens a shell of the node and leaves it.
    fn type_at(self, tool: &str) -> Self {
        let mut terminal = self.pod.exec_on_terminal(["beaminit", "exec", "bin/demo", tool]);
        terminal.expect(&format!("({})1>", self.node), 1, BOOT);
        terminal.type_in("io:format(\"~w is the answer~n\", [6 * 7]).\n");
        terminal.expect("42 is the answer", 1, BOOT);
        terminal.type_in("\x07"); // Ctrl-G leaves the remote node for the local one, which can be quit
        terminal.expect("-->", 1, BOOT);
        terminal.type_in("q\n");
        assert_eq!(terminal.wait(BOOT), Some(0));
        assert_eq!(self.pod.ended(), None);
        self
    }

    fn end(self) {
        self.pod.signal(15);
        assert_eq!(self.pod.wait(BOOT), Ended::Code(0));
    }

    fn said(&self, words: &[&str]) -> String {
        text(&self.pod.exec(words).stdout)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}
