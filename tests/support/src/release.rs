//! Real releases, built on the spot by the machine's own Elixir, rebar3 and Erlang from tests/fixtures.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::scratch_dir;
use crate::places;

/// A release named `demo` of version 0.1.0. Where not said otherwise it has a second VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Built {
    /// `mix release`.
    Mix,
    /// It starts the machine's VM.
    MixWithoutErts,
    /// It has a config/runtime.exs, writes what that gives to `RELEASE_TMP` and boots again.
    MixRuntimeConfig,
    /// Its env.sh names the node `named_by_env_sh@` and the pod's name.
    MixNamedByEnvSh,
    /// It has the application `ssl`.
    MixOverTls,
    /// `rebar3 release` with relx's usual start script.
    Relx,
    /// It starts the machine's VM.
    RelxWithoutErts,
    /// It has `vm.args.src` and `sys.config.src` and nothing without that ending, and starts the machine's VM.
    RelxSrc,
    /// `{extended_start_script, false}`.
    RelxPlain,
    /// The start script is ours, in the shape of Distillery 2's. It starts the machine's VM.
    Distillery,
    /// The demo's, docker/demo, by `mix release`; its name is `pairing`.
    Pairing,
}

impl Built {
    /// All that are named `demo` and differ in how they start.
    pub const ALL: [Self; 9] = [
        Self::Mix,
        Self::MixWithoutErts,
        Self::MixRuntimeConfig,
        Self::MixNamedByEnvSh,
        Self::Relx,
        Self::RelxWithoutErts,
        Self::RelxSrc,
        Self::RelxPlain,
        Self::Distillery,
    ];

    /// What starts it in the foreground, from its own directory.
    pub fn start_command(self) -> [&'static str; 2] {
        let argument = match self {
            Self::Pairing => return ["bin/pairing", "start"],
            Self::Mix | Self::MixWithoutErts | Self::MixRuntimeConfig | Self::MixNamedByEnvSh | Self::MixOverTls => {
                "start"
            }
            Self::Relx | Self::RelxWithoutErts | Self::RelxSrc | Self::Distillery => "foreground",
            Self::RelxPlain => "-noinput",
        };
        ["bin/demo", argument]
    }

    /// The variant's name in mix.exs, or its profile in rebar.config.
    fn variant(self) -> &'static str {
        match self {
            Self::Mix | Self::RelxPlain | Self::Pairing => "plain",
            Self::MixWithoutErts | Self::RelxWithoutErts | Self::Distillery => "without_erts",
            Self::MixRuntimeConfig => "runtime_config",
            Self::MixNamedByEnvSh => "named_by_env_sh",
            Self::MixOverTls => "over_tls",
            Self::Relx => "extended",
            Self::RelxSrc => "src",
        }
    }

    /// What it is made of, below tests/fixtures.
    fn sources(self) -> &'static [&'static str] {
        match self {
            Self::Mix | Self::MixWithoutErts | Self::MixRuntimeConfig | Self::MixNamedByEnvSh | Self::MixOverTls => {
                &["mix"]
            }
            Self::Relx | Self::RelxWithoutErts | Self::RelxSrc | Self::RelxPlain => &["relx", "app"],
            Self::Distillery => &["relx", "app", "distillery"],
            Self::Pairing => &["../../docker/demo/mix.exs", "../../docker/demo/lib"],
        }
    }

    /// Its directory. Built once for each state of its sources and version of the machine's tools, and kept in cargo's
    /// target directory; any user can read it.
    pub fn dir(self) -> &'static Path {
        static DIRS: [OnceLock<PathBuf>; 11] = [const { OnceLock::new() }; 11];
        DIRS[self as usize]
            .get_or_init(|| places::made_once(&format!("{self:?}"), self.fingerprint(), |release| self.build(release)))
    }

    /// Of all that decides what is built.
    fn fingerprint(self) -> u64 {
        let mut hasher = DefaultHasher::new();
        installed_versions().hash(&mut hasher);
        for source in self.sources() {
            for file in files_below(&fixture(source)) {
                file.hash(&mut hasher);
                fs::read(&file).unwrap().hash(&mut hasher);
            }
        }
        hasher.finish()
    }

    fn build(self, release: &Path) {
        let scratch = scratch_dir();
        let project = scratch.path().join("demo");
        fs::create_dir(&project).unwrap();
        let built = if self == Self::Pairing {
            for source in self.sources() {
                Command::new("cp").arg("-R").arg(fixture(source)).arg(&project).run();
            }
            tool("mix", &project).args(["release", "--quiet"]).run();
            project.join("_build/prod/rel/pairing")
        } else if self.sources() == ["mix"] {
            copy(&fixture("mix"), &project);
            tool("mix", &project).args(["release", "--quiet"]).env("VARIANT", self.variant()).run();
            project.join("_build/prod/rel/demo")
        } else {
            copy(&fixture("relx"), &project);
            copy(&fixture("app"), &project);
            tool("rebar3", &project).args(["as", self.variant(), "release"]).run();
            project.join(format!("_build/{}/rel/demo", self.variant()))
        };
        if self == Self::Distillery {
            fs::remove_dir_all(built.join("bin")).unwrap();
            copy(&fixture("distillery"), &built);
        }
        copy(&built, release);
        Command::new("chmod").args(["-R", "a+rX"]).arg(release).run();
    }
}

/// What `mix release` makes of a separate project, as most releases are today.
pub fn demo_release() -> &'static Path {
    Built::Mix.dir()
}

pub(super) fn fixture(name: &str) -> PathBuf {
    places::project().join("tests/fixtures").join(name)
}

/// All files, in an order that is always the same.
pub(super) fn files_below(directory: &Path) -> Vec<PathBuf> {
    if directory.is_file() {
        return vec![directory.to_owned()];
    }
    let mut files = Vec::new();
    let mut entries: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { files.append(&mut files_below(&path)) } else { files.push(path) }
    }
    files
}

/// What is in a directory, into another one.
pub(super) fn copy(from: &Path, to: &Path) {
    Command::new("cp").arg("-R").arg(from.join(".")).arg(to).run();
}

/// Of OTP, Elixir and rebar3.
fn installed_versions() -> &'static str {
    static VERSIONS: OnceLock<String> = OnceLock::new();
    VERSIONS.get_or_init(|| {
        let packages = ["erlang-base", "elixir", "rebar3"];
        let output = Command::new("dpkg-query").args(["-W", "-f=${Package} ${Version}\n"]).args(packages).output();
        let output = output.expect("dpkg-query");
        assert!(output.status.success(), "{packages:?} are to be installed: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    })
}

/// A build tool that needs no network and leaves nothing outside of `project`.
fn tool(program: &str, project: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(project).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LANG", "C.UTF-8");
    command.env("HOME", project).env("MIX_HOME", project.join(".mix")).env("HEX_OFFLINE", "1").env("MIX_ENV", "prod");
    command.env("REBAR_CACHE_DIR", project.join(".cache"));
    command
}

pub(super) trait Run {
    fn run(&mut self);
}

impl Run for Command {
    fn run(&mut self) {
        let output = self.output().unwrap_or_else(|cause| panic!("{self:?}: {cause}"));
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{self:?}: {}\n{}", output.status, String::from_utf8_lossy(&said));
    }
}
