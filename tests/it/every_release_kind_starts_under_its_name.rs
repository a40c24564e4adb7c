//! Whatever built a release, it starts unchanged: as another user than root, with nothing writable, under the name and
//! with the cookie and settings of a ConfigMap, and a TERM ends it with its own code.

use std::path::Path;

use tempfile::TempDir;

use crate::support::files::{directory_of, files_of};
use crate::support::vm::{BOOT, ask, can_connect, wait_for_node};
use crate::support::{Built, Cluster, DnsSettings, Ended, Pod, RunningPod};

pub(crate) const COOKIE: &str = "sesame-4711";
/// What breaks text that is put into a file by a careless hand.
const GREETING: &str = "\"hi\" \\ & % $ # é ${HOME}";
const FQDN: &str = "demo-0.demo.default.svc.cluster.local";

const VM_ARGS: &str = "\
## ${A_COMMENT}
-name ${RELEASE_NAME}@${MY_POD_FQDN}
-setcookie $<ERLANG_COOKIE>
+A 7
";
const SYS_CONFIG: &str = "\
%% ${A_COMMENT}
[{demo, [{greeting, \"${GREETING}\"}, {answer, ${ANSWER:-42}}]}].
";

/// A kind, and how it differs from the others.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// As the log names it.
    pub(crate) name: &'static str,
    pub(crate) built: Built,
    /// Where it is not `built`'s own.
    command: Option<&'static [&'static str]>,
    /// The part of the node's name before `@`.
    pub(crate) node: &'static str,
    vm_args: Option<&'static str>,
    sys_config: Option<&'static str>,
}

impl Kind {
    const fn new(name: &'static str, built: Built) -> Self {
        let (vm_args, sys_config) = (Some(VM_ARGS), Some(SYS_CONFIG));
        Self { name, built, command: None, node: "pairing", vm_args, sys_config }
    }

    pub(crate) fn config_map(&self) -> TempDir {
        let files = [("vm.args", self.vm_args), ("sys.config", self.sys_config)];
        directory_of(&files.into_iter().filter_map(|(name, text)| Some((name, text?))).collect::<Vec<_>>())
    }

    pub(crate) fn pod(&self, cluster: &Cluster, config: &Path) -> Pod {
        let pod = cluster.pod("demo-0").uid(54321).read_only_root(true).release(self.built.dir());
        let has_config_map = self.vm_args.or(self.sys_config).is_some();
        let pod = if has_config_map { pod.mount_config(config).env("RELEASE_CONFIG_DIR", "/beamconfig") } else { pod };
        let pod = pod
            .env("REPLACE_OS_VARS", "true")
            .env("RELEASE_NAME", "pairing")
            .env("ERLANG_COOKIE", COOKIE)
            .env("GREETING", GREETING);
        let command = self.command.map_or_else(|| self.built.start_command().to_vec(), <[_]>::to_vec);
        cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
        pod.command(command)
    }

    fn node(&self) -> String {
        format!("{}@{FQDN}", self.node)
    }
}

const MIX: Kind = Kind::new("mix", Built::Mix);
const MIX_WITHOUT_ERTS: Kind = Kind::new("mix", Built::MixWithoutErts);
/// The settings are the business of its runtime.exs.
const MIX_RUNTIME_CONFIG: Kind = Kind { sys_config: None, ..Kind::new("mix", Built::MixRuntimeConfig) };
/// The name of its env.sh wins.
const MIX_NAMED_BY_ENV_SH: Kind = Kind { node: "named_by_env_sh", ..Kind::new("mix", Built::MixNamedByEnvSh) };
const RELX: Kind = Kind::new("relx", Built::Relx);
const RELX_WITHOUT_ERTS: Kind = Kind::new("relx", Built::RelxWithoutErts);
/// It has its own templates.
const RELX_SRC: Kind = Kind { vm_args: None, sys_config: None, ..Kind::new("relx", Built::RelxSrc) };
const RELX_PLAIN: Kind = Kind::new("erl", Built::RelxPlain);
const DISTILLERY: Kind = Kind::new("distillery", Built::Distillery);
/// A VM that is started directly.
const ERL: Kind = Kind {
    command: Some(&[
        "erl",
        "-noinput",
        "-pa",
        "/app/lib/demo-0.1.0/ebin",
        "-eval",
        "{ok, _} = application:ensure_all_started(demo).",
    ]),
    ..Kind::new("erl", Built::Relx)
};

/// The same by Elixir's script.
const ELIXIR: Kind = Kind {
    command: Some(&[
        "elixir",
        "--no-halt",
        "-pa",
        "/app/lib/demo-0.1.0/ebin",
        "-e",
        "{:ok, _} = Application.ensure_all_started(:demo)",
    ]),
    ..Kind::new("erl", Built::Relx)
};

pub(crate) const ALL: [Kind; 11] = [
    MIX,
    MIX_WITHOUT_ERTS,
    MIX_RUNTIME_CONFIG,
    MIX_NAMED_BY_ENV_SH,
    RELX,
    RELX_WITHOUT_ERTS,
    RELX_SRC,
    RELX_PLAIN,
    DISTILLERY,
    ERL,
    ELIXIR,
];

macro_rules! each {
    ($($test:ident: $kind:expr,)*) => {
        $(#[test]
        fn $test() {
            starts_under_its_name(&$kind);
        })*
    };
}

each! {
    mix: MIX,
    mix_without_erts: MIX_WITHOUT_ERTS,
    mix_with_a_runtime_configuration: MIX_RUNTIME_CONFIG,
    mix_whose_env_sh_names_the_node: MIX_NAMED_BY_ENV_SH,
    relx: RELX,
    relx_without_erts: RELX_WITHOUT_ERTS,
    relx_with_its_own_templates: RELX_SRC,
    relx_with_its_plain_script: RELX_PLAIN,
    distillery: DISTILLERY,
    erl: ERL,
    elixir: ELIXIR,
}

fn starts_under_its_name(kind: &Kind) {
    let config = kind.config_map();
    let (release_before, config_before) = (files_of(kind.built.dir()), files_of(config.path()));
    let (_cluster, peer, pod) = start_beside_a_peer(kind, &config);
    let node = kind.node();

    pod.expect_line(&format!("beaminit: supervise: started {} ", kind.name), BOOT);
    pod.expect_line(&format!("demo runs on {node} and says "), BOOT);
    wait_for_node(&pod, kind.node);
    let questions = ["node()", "application:get_env(demo, greeting)", "application:get_env(demo, answer)"];
    let [name, greeting, answer] = ask(&peer, &node, COOKIE, questions);
    assert_eq!(name, format!("'{node}'"));
    assert_eq!(answer, "{ok,42}");
    if kind.built != Built::MixRuntimeConfig {
        let characters: Vec<_> = GREETING.chars().map(|character| u32::from(character).to_string()).collect();
        assert_eq!(greeting, format!("{{ok,[{}]}}", characters.join(",")), "a string arrives as it is");
    }
    assert!(!can_connect(&peer, &node, "another-cookie"));

    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
    pod.expect_line("demo was stopped", BOOT);
    assert!(!pod.log().iter().any(|line| line.text.contains(COOKIE)));
    assert_eq!(files_of(kind.built.dir()), release_before, "the release was changed");
    assert_eq!(files_of(config.path()), config_before, "the configuration was changed");
}

#[test]
fn each_ends_with_the_code_that_it_chose() {
    for few in ALL.chunks(4) {
        let config_maps = few.iter().map(Kind::config_map);
        let start = |(kind, config)| (kind, start_beside_a_peer(kind, &config), config);
        let started: Vec<_> = few.iter().zip(config_maps).map(start).collect();
        for (kind, (_, peer, pod), _) in &started {
            pod.expect_line("demo runs on", BOOT);
            assert_eq!(ask(peer, &kind.node(), COOKIE, ["init:stop(5)"]), ["ok"]);
        }
        for (kind, (_, _, pod), _) in &started {
            assert_eq!(pod.wait(BOOT), Ended::Code(5), "{:?}", kind.built);
        }
    }
}

/// In a separate cluster.
fn start_beside_a_peer(kind: &Kind, config: &TempDir) -> (Cluster, RunningPod, RunningPod) {
    let cluster = Cluster::start(DnsSettings::default());
    let peer = cluster.pod("peer-0").no_entrypoint().command(["sleep", "1000"]).start();
    let pod = kind.pod(&cluster, config.path()).start();
    (cluster, peer, pod)
}
