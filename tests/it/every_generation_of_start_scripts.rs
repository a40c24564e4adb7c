//! Start scripts of every generation, each with the look-up order and the tricks of its time around the machine's VM: who
//! starts, where the cookie is, and which of the remote commands work in a `kubectl exec`, without `beaminit exec` and
//! with it. What works bare works behind beaminit.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;

use tempfile::TempDir;

use crate::support::files::{directory_of, set_mode};
use crate::support::vm::{BOOT, can_connect, vm, wait_for_node};
use crate::support::{Built, Cluster, DnsSettings, Ended, Pod, RunningPod, scratch_dir};

const COOKIE: &str = "sesame-4711";
const FQDN: &str = "demo-0.demo.default.svc.cluster.local";
const NODE: &str = "demo@demo-0.demo.default.svc.cluster.local";
const UID: u32 = 54321;
const TEMPLATE: &str = "-name demo@${POD_FQDN}\n-setcookie ${ERLANG_COOKIE}\n";

macro_rules! script {
    ($($part:literal),+) => { concat!($(include_str!(concat!("../fixtures/start_scripts/", $part, ".sh")), "\n"),+) };
}

/// A start script with the files that belong to it.
struct Generation {
    name: &'static str,
    built: Built,
    /// In the release's directory.
    files: &'static [(&'static str, &'static str)],
    tools: &'static [&'static [&'static str]],
}

const PING: &[&[&str]] = &[&["bin/demo", "ping"]];
const MIX_TOOLS: &[&[&str]] = &[&["bin/demo", "rpc", "IO.puts(node())"], &["bin/demo", "pid"]];

const fn relx(name: &'static str, files: &'static [(&'static str, &'static str)]) -> Generation {
    Generation { name, built: Built::RelxWithoutErts, files, tools: PING }
}

const fn mix(name: &'static str, files: &'static [(&'static str, &'static str)]) -> Generation {
    Generation { name, built: Built::MixWithoutErts, files, tools: MIX_TOOLS }
}

static RELX_3_0: Generation = relx("relx 3.0", &[("bin/demo", script!("relx_3_0_cookie", "relx_3", "relx_body"))]);
static RELX_3_20: Generation = relx("relx 3.20", &[("bin/demo", script!("relx_3_20_cookie", "relx_3", "relx_body"))]);
static RELX_3_33: Generation = relx("relx 3.33", &[("bin/demo", script!("relx_3_33_cookie", "relx_3", "relx_body"))]);
static RELX_4_0: Generation = relx("relx 4.0", &[("bin/demo", script!("relx_4_cookie", "relx_4", "relx_body"))]);
/// Debian's rebar3 has it.
static RELX_4_7: Generation = relx("relx 4.7", &[]);
static RELX_4_10: Generation =
    relx("relx 4.10", &[("bin/demo", script!("relx_4_cookie", "relx_4", "relx_4_10", "relx_body"))]);
static DISTILLERY_1_5: Generation = relx(
    "Distillery 1.5",
    &[
        ("bin/demo", script!("distillery_1_5_entry")),
        ("releases/0.1.0/demo.sh", script!("distillery_1_5")),
        ("releases/0.1.0/libexec/config.sh", script!("distillery_1_5_config")),
    ],
);
static DISTILLERY_2_1: Generation =
    Generation { name: "Distillery 2.1", built: Built::Distillery, files: &[], tools: PING };
static EXRM: Generation =
    relx("exrm", &[("bin/demo", script!("exrm_entry")), ("releases/0.1.0/demo.sh", script!("exrm"))]);
static MIX_1_9: Generation = mix("mix 1.9", &[("bin/demo", script!("mix_1_9", "mix_body"))]);
/// Debian's Elixir.
static MIX_1_14: Generation = mix("mix 1.14", &[]);
static MIX_1_18: Generation = mix("mix 1.18", &[("bin/demo", script!("mix_1_18", "mix_body"))]);

/// How the operator gives the name and the cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    /// In the release's own vm.args.
    Own,
    /// The same with placeholders, which the script fills in.
    Placeholders,
    /// The same in the directory that `RELEASE_CONFIG_DIR` names.
    ConfigDir,
    /// The cookie in HOME, the name in vm.args.
    Home,
    /// In the variables of the script's own tools.
    Variables,
    /// The cookie in `BEAMINIT_COOKIE_FILE`, the name in vm.args.
    Secret,
}
use self::Given::{ConfigDir, Home, Own, Placeholders, Secret, Variables};

/// Where the VM has its cookie from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    CommandLine,
    /// `~/.erlang.cookie`
    HomeFile,
    /// A file below `XDG_CONFIG_HOME`.
    RunDir,
}
use self::Found::{CommandLine, HomeFile, RunDir};

struct Row {
    generation: &'static Generation,
    given: Given,
    /// Bare; `None` where the node does not get that cookie.
    bare: Option<Found>,
    ours: Found,
    /// Whether its tools find the node without `beaminit exec`. Bare they do as well, if that node has the cookie.
    without_exec: bool,
}

const fn row(generation: &'static Generation, given: Given, bare: Option<Found>, ours: Found) -> Row {
    Row { generation, given, bare, ours, without_exec: true }
}

/// A way that is new with beaminit: its tools do not know of it.
const fn by_exec_only(generation: &'static Generation, given: Given, ours: Found) -> Row {
    Row { generation, given, bare: None, ours, without_exec: false }
}

const RELX_3: [Row; 11] = [
    row(&RELX_3_0, Own, Some(CommandLine), CommandLine),
    row(&RELX_3_0, Placeholders, Some(CommandLine), CommandLine),
    by_exec_only(&RELX_3_0, Secret, CommandLine),
    row(&RELX_3_20, Own, Some(CommandLine), CommandLine),
    row(&RELX_3_20, Placeholders, Some(CommandLine), HomeFile),
    row(&RELX_3_20, Home, Some(HomeFile), HomeFile),
    row(&RELX_3_20, Secret, None, HomeFile),
    row(&RELX_3_33, Own, Some(CommandLine), CommandLine),
    row(&RELX_3_33, Placeholders, Some(CommandLine), HomeFile),
    row(&RELX_3_33, Home, Some(HomeFile), HomeFile),
    row(&RELX_3_33, Secret, None, HomeFile),
];

const RELX_4: [Row; 13] = [
    row(&RELX_4_0, Own, Some(CommandLine), CommandLine),
    row(&RELX_4_0, Placeholders, Some(CommandLine), RunDir),
    row(&RELX_4_0, Home, Some(HomeFile), HomeFile),
    row(&RELX_4_0, Variables, None, RunDir),
    by_exec_only(&RELX_4_0, Secret, RunDir),
    row(&RELX_4_7, Own, Some(CommandLine), CommandLine),
    row(&RELX_4_7, Placeholders, Some(CommandLine), RunDir),
    row(&RELX_4_7, Home, Some(HomeFile), HomeFile),
    row(&RELX_4_7, Variables, None, RunDir),
    row(&RELX_4_10, Own, Some(CommandLine), CommandLine),
    row(&RELX_4_10, Placeholders, Some(CommandLine), RunDir),
    row(&RELX_4_10, Home, Some(HomeFile), HomeFile),
    row(&RELX_4_10, Variables, None, RunDir),
];

const DISTILLERY: [Row; 13] = [
    row(&DISTILLERY_1_5, Own, Some(CommandLine), CommandLine),
    row(&DISTILLERY_1_5, Placeholders, Some(CommandLine), CommandLine),
    row(&DISTILLERY_1_5, ConfigDir, Some(CommandLine), CommandLine),
    row(&DISTILLERY_1_5, Home, Some(HomeFile), HomeFile),
    by_exec_only(&DISTILLERY_1_5, Secret, CommandLine),
    row(&DISTILLERY_2_1, Own, Some(CommandLine), CommandLine),
    row(&DISTILLERY_2_1, Placeholders, Some(CommandLine), CommandLine),
    row(&DISTILLERY_2_1, ConfigDir, Some(CommandLine), CommandLine),
    row(&DISTILLERY_2_1, Home, Some(HomeFile), HomeFile),
    row(&DISTILLERY_2_1, Secret, None, CommandLine),
    row(&EXRM, Own, Some(CommandLine), CommandLine),
    row(&EXRM, Placeholders, Some(CommandLine), CommandLine),
    row(&EXRM, ConfigDir, Some(CommandLine), CommandLine),
];

const MIX: [Row; 6] = [
    row(&MIX_1_9, Variables, Some(CommandLine), CommandLine),
    by_exec_only(&MIX_1_9, Secret, CommandLine),
    row(&MIX_1_14, Variables, Some(CommandLine), CommandLine),
    by_exec_only(&MIX_1_14, Secret, CommandLine),
    row(&MIX_1_18, Variables, Some(CommandLine), CommandLine),
    by_exec_only(&MIX_1_18, Secret, CommandLine),
];

#[test]
fn of_relx_3() {
    RELX_3.iter().for_each(Row::check);
}

#[test]
fn of_relx_4() {
    RELX_4.iter().for_each(Row::check);
}

#[test]
fn of_distillery_and_exrm() {
    DISTILLERY.iter().for_each(Row::check);
}

#[test]
fn of_mix() {
    MIX.iter().for_each(Row::check);
}

impl Row {
    fn check(&self) {
        if let Some(bare) = self.bare {
            Run::start(self, false).shows(bare, true);
        }
        let ours = Run::start(self, true);
        ours.shows(self.ours, self.without_exec);
        ours.answers(&["beaminit", "exec"], true);
        ours.ends();
    }

    /// The release, which its user may write.
    fn image(&self) -> TempDir {
        let image = scratch_dir();
        let from = self.generation.built.dir().join(".");
        let copied = std::process::Command::new("cp").arg("-R").arg(from).arg(image.path()).status();
        assert!(copied.unwrap().success());
        let is_mix = self.generation.built == Built::MixWithoutErts;
        let own_vm_args = match self.given {
            Own => format!("-name demo@{FQDN}\n-setcookie {COOKIE}\n"),
            Placeholders => TEMPLATE.to_owned(),
            ConfigDir => "-name built-in@127.0.0.1\n-setcookie built_in\n".to_owned(),
            Home | Variables | Secret => format!("-name demo@{FQDN}\n"),
        };
        let vm_args = if is_mix { String::new() } else { own_vm_args };
        let files = [("releases/0.1.0/vm.args", vm_args.as_str()), ("releases/0.1.0/sys.config", "[].\n")];
        for (path, text) in files.into_iter().chain(self.generation.files.iter().copied()) {
            let path = image.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            set_mode(&path, 0o755);
        }
        own(image.path());
        image
    }

    fn variables(&self) -> Vec<(&'static str, &'static str)> {
        let is_mix = self.generation.built == Built::MixWithoutErts;
        let mut variables = match self.given {
            Placeholders | ConfigDir => vec![
                ("ERLANG_COOKIE", COOKIE),
                ("POD_FQDN", FQDN),
                ("REPLACE_OS_VARS", "true"),
                ("RELX_REPLACE_OS_VARS", "true"),
            ],
            Variables if is_mix => vec![("RELEASE_COOKIE", COOKIE)],
            Variables => vec![("RELX_COOKIE", COOKIE)],
            Own | Home | Secret => Vec::new(),
        };
        if self.given == ConfigDir {
            variables.push(("RELEASE_CONFIG_DIR", "/beamconfig"));
        }
        if is_mix {
            variables.extend([("RELEASE_NODE", NODE), ("RELEASE_DISTRIBUTION", "name")]);
        }
        variables
    }
}

/// A release of a row, while it runs.
struct Run<'a> {
    row: &'a Row,
    what: String,
    pod: RunningPod,
    peer: RunningPod,
    home: TempDir,
    _mounted: [TempDir; 3],
    _cluster: Cluster,
}

impl<'a> Run<'a> {
    fn start(row: &'a Row, is_ours: bool) -> Self {
        let cluster = Cluster::start(DnsSettings::default());
        let peer = cluster.pod("peer-0").no_entrypoint().command(["sleep", "1000"]).start();
        let (image, home, secret) = (row.image(), scratch_dir(), directory_of(&[("cookie", COOKIE)]));
        let config = directory_of(&[("vm.args", TEMPLATE), ("sys.config", "[].\n")]);
        if row.given == Home {
            fs::write(home.path().join(".erlang.cookie"), COOKIE).unwrap();
            set_mode(home.path().join(".erlang.cookie"), 0o400);
        }
        own(home.path());
        let built = row.generation.built;
        let pod = cluster.pod("demo-0").uid(UID).release(built.dir()).mount_writable(image.path(), "/app");
        cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
        let pod = pod.mount_writable(home.path(), "/home/demo").env("HOME", "/home/demo");
        let pod = pod.mount(secret.path(), "/secrets").mount_config(config.path()).command(built.start_command());
        let pod = row.variables().into_iter().fold(pod, |pod, (name, value)| pod.env(name, value));
        let pod = if row.given == Secret { pod.env("BEAMINIT_COOKIE_FILE", "/secrets/cookie") } else { pod };
        let pod = if is_ours { pod } else { Pod::no_entrypoint(pod) }.start();
        let who = if is_ours { "behind beaminit" } else { "bare" };
        let what = format!("{} {:?} {who}", row.generation.name, row.given);
        pod.expect_line(&format!("demo runs on {NODE}"), BOOT);
        wait_for_node(&pod, "demo");
        Self { row, what, pod, peer, home, _mounted: [image, secret, config], _cluster: cluster }
    }

    /// The node has its cookie from there, and its tools find it, or not.
    #[track_caller]
    fn shows(&self, from: Found, without_exec: bool) {
        assert!(can_connect(&self.peer, NODE, COOKIE), "{}", self.what);
        let words = vm(&self.pod).expect("a VM").cmdline;
        let found = if words.iter().any(|word| word == COOKIE) {
            CommandLine
        } else if self.home.path().join(".erlang.cookie").exists() {
            HomeFile
        } else {
            RunDir
        };
        assert_eq!(found, from, "{}", self.what);
        self.answers(&[], without_exec);
    }

    #[track_caller]
    fn answers(&self, before: &[&str], expected: bool) {
        for tool in self.row.generation.tools {
            let output = self.pod.exec([before, tool].concat());
            let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert_eq!(output.status.success(), expected, "{}: {before:?} {tool:?}: {text}", self.what);
        }
    }

    /// In order, and without anything in HOME that was not there.
    fn ends(self) {
        self.pod.signal(15);
        assert_eq!(self.pod.wait(BOOT), Ended::Code(0), "{}", self.what);
        let left: Vec<_> = fs::read_dir(self.home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.is_empty(), self.row.given != Home, "{}: {left:?}", self.what);
    }
}

fn own(directory: &Path) {
    let chowned = std::process::Command::new("chown").arg("-R").arg(UID.to_string()).arg(directory).status();
    assert!(chowned.unwrap().success());
    chown(directory, Some(UID), Some(0)).unwrap();
    set_mode(directory, 0o755);
}
