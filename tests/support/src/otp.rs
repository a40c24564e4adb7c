//! Other Erlangs and Elixirs than the machine's: Debian releases as directories, and releases that were built in them.

use std::ffi::OsStr;
use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::release::{Built, Run as _, copy, files_below, fixture};
use crate::places::made_once;

/// `mount` and `hostname` are no longer in every Debian; the others are the languages, and a broker.
const PACKAGES: &str = "mount,hostname,procps,erlang-base,erlang-crypto,erlang-ssl,erlang-public-key,erlang-asn1,\
    erlang-syntax-tools,erlang-parsetools,erlang-tools,elixir,rabbitmq-server";

/// Debian's mirrors are asked for the release, and what was fetched is not kept.
const BOOTSTRAP: &str = r#"debootstrap --variant=minbase --include="$1" "$2" "$3" &&
    rm -rf "$3"/var/cache/apt "$3"/var/lib/apt/lists && mkdir "$3/app""#;

/// The project becomes /app of the system, in which the rest of the words run.
const INSIDE: &str = r#"mount --bind "$2" "$1/app" && root=$1 && shift 2 &&
    exec unshare --pid --fork --kill-child --mount-proc --root "$root" --wd /app -- "$@""#;

/// A release as `systools` makes it, around the start script of relx, which is the same for each Erlang. All paths are those
/// of /app, where it will be mounted.
const ASSEMBLE: &str = r#"
    {ok, [{application, demo, Properties}]} = file:consult("src/demo.app.src"),
    App = {application, demo, lists:keystore(modules, 1, Properties, {modules, [demo]})},
    ok = file:write_file("lib/demo-0.1.0/ebin/demo.app", io_lib:format("~p.~n", [App])),
    application:load(sasl),
    Own = [{Name, Version} || {Name, _, Version} <- application:loaded_applications(),
        lists:member(Name, [kernel, stdlib, sasl])],
    Erts = erlang:system_info(version),
    Script = fun(File, Apps) ->
        Path = "releases/0.1.0/" ++ File,
        ok = file:write_file(Path ++ ".rel", io_lib:format("~p.~n", [{release, {"demo", "0.1.0"}, {erts, Erts}, Apps}])),
        {ok, _, _} = systools:make_script(Path, [local, silent, {path, ["/app/lib/demo-0.1.0/ebin"]}])
    end,
    Script("demo", Own ++ [{demo, "0.1.0"}]),
    Script("start_clean", lists:keydelete(sasl, 1, Own)),
    ok = file:write_file("releases/start_erl.data", Erts ++ " 0.1.0"),
    {ok, Text} = file:read_file("bin/demo"),
    ok = file:write_file("bin/demo", re:replace(Text, "ERTS_VSN=\".*\"", ["ERTS_VSN=\"", Erts, "\""])),
    halt()."#;

/// A Debian release, by its Erlang.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Otp {
    /// OTP 23 and Elixir 1.10, of bullseye.
    V23,
    /// OTP 25 and Elixir 1.14, of bookworm.
    V25,
    /// OTP 27 and Elixir 1.18, of trixie.
    V27,
    /// The newest that Debian has, of sid: OTP 29 and Elixir 1.20, when this was written.
    Newest,
}

impl Otp {
    fn debian(self) -> &'static str {
        match self {
            Self::V23 => "bullseye",
            Self::V25 => "bookworm",
            Self::V27 => "trixie",
            Self::Newest => "sid",
        }
    }

    /// Whether it has the triple-quoted strings and sigils of OTP 27.
    pub fn has_sigils(self) -> bool {
        matches!(self, Self::V27 | Self::Newest)
    }

    /// The root of the system. Made by the first who asks, in a minute or two, and kept in cargo's target directory.
    pub fn root(self) -> &'static Path {
        static ROOTS: [OnceLock<PathBuf>; 4] = [const { OnceLock::new() }; 4];
        ROOTS[self as usize].get_or_init(|| {
            made_once(&format!("otp-{}", self.debian()), hash(&PACKAGES), |root| {
                // What debootstrap mounts there is gone with the mount namespace.
                let words = ["--mount", "sh", "-c", BOOTSTRAP, "bootstrap", PACKAGES, self.debian()];
                let output = Command::new("unshare").args(words).arg(root).output().expect("unshare");
                let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
                let last: Vec<_> = said.lines().rev().take(5).collect();
                let needs = "debootstrap needs root and Debian's mirrors; its last lines, the last one first";
                assert!(output.status.success(), "Debian's {} cannot be made: {needs}: {last:#?}", self.debian());
            })
        })
    }

    /// The release of tests/fixtures/mix, by the system's own `mix release`.
    pub fn mix_release(self) -> PathBuf {
        let key = hash(&(PACKAGES, contents("mix")));
        made_once(&format!("otp-{}-mix", self.debian()), key, |release| {
            let scratch = super::scratch_dir();
            copy(&fixture("mix"), scratch.path());
            let variables =
                ["PATH=/usr/bin:/bin", "HOME=/app", "LANG=C.UTF-8", "HEX_OFFLINE=1", "MIX_ENV=prod", "VARIANT=plain"];
            self.inside(
                scratch.path(),
                ["env", "-i"].into_iter().chain(variables).chain(["mix", "release", "--quiet"]),
            )
            .run();
            copy(&scratch.path().join("_build/prod/rel/demo"), release);
            Command::new("chmod").args(["-R", "a+rX"]).arg(release).run();
        })
    }

    /// The application of tests/fixtures/app with relx's start script, on the system's own Erlang.
    pub fn relx_release(self) -> PathBuf {
        let scripts = Built::RelxWithoutErts.dir();
        let key = hash(&(PACKAGES, ASSEMBLE, scripts, contents("app"), contents("relx")));
        made_once(&format!("otp-{}-relx", self.debian()), key, |release| {
            copy(&fixture("app"), release);
            for directory in ["bin", "lib/demo-0.1.0/ebin", "releases/0.1.0"] {
                fs::create_dir_all(release.join(directory)).unwrap();
            }
            copy(&scripts.join("bin"), &release.join("bin"));
            for file in ["vm.args", "sys.config"] {
                fs::copy(scripts.join("releases/0.1.0").join(file), release.join("releases/0.1.0").join(file)).unwrap();
            }
            self.inside(release, ["erlc", "-o", "lib/demo-0.1.0/ebin", "src/demo.erl"]).run();
            self.inside(release, ["erl", "-noinput", "-eval", ASSEMBLE]).run();
            Command::new("chmod").args(["-R", "a+rX"]).arg(release).run();
        })
    }

    /// A program of the system, in `project`, which it sees as /app.
    pub fn inside<W: AsRef<OsStr>>(self, project: &Path, words: impl IntoIterator<Item = W>) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", INSIDE, "inside"]).arg(self.root()).arg(project).args(words);
        command
    }
}

fn hash(value: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Of a directory of tests/fixtures.
fn contents(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    files_below(&fixture(name)).into_iter().map(|file| (file.clone(), fs::read(file).unwrap())).collect()
}
