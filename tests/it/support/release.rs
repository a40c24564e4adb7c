//! A real release, built on the spot by the machine's own Elixir.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nix::fcntl::{Flock, FlockArg};

use super::scratch_dir;

/// The release `demo`, as `mix new --sup demo` and `mix release` make it. Built once for each version of Elixir and
/// OTP, and kept in cargo's target directory; any user can read it.
pub(crate) fn demo_release() -> &'static Path {
    static RELEASE: OnceLock<PathBuf> = OnceLock::new();
    RELEASE.get_or_init(|| {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let release = cache.join(format!("demo-release-{}", installed_version()));
        let lock = File::create(cache.join("demo-release.lock")).unwrap();
        let _other_processes_wait = Flock::lock(lock, FlockArg::LockExclusive).unwrap();
        if !release.exists() {
            build(&release);
        }
        release
    })
}

/// Of OTP and Elixir, as a file name.
fn installed_version() -> String {
    let output = Command::new("elixir").arg("--version").output().expect("`elixir` is installed");
    let text = String::from_utf8_lossy(&output.stdout);
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.').filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

/// Nothing is at `release` unless it is whole.
fn build(release: &Path) {
    let scratch = scratch_dir();
    let project = scratch.path().join("demo");
    mix(scratch.path(), scratch.path(), &["new", "--sup", "demo"]);
    mix(scratch.path(), &project, &["release", "--quiet"]);
    let partial = release.with_extension("partial");
    fs::remove_dir_all(&partial).ok(); // of a run that was killed
    run(Command::new("cp").arg("-R").arg(project.join("_build/prod/rel/demo")).arg(&partial));
    run(Command::new("chmod").args(["-R", "a+rX"]).arg(&partial));
    fs::rename(&partial, release).unwrap();
}

fn mix(home: &Path, dir: &Path, arguments: &[&str]) {
    let mut mix = Command::new("mix");
    mix.args(arguments).current_dir(dir).env_clear();
    mix.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LANG", "C.UTF-8").env("HOME", home);
    mix.env("MIX_HOME", home.join(".mix")).env("HEX_OFFLINE", "1").env("MIX_ENV", "prod");
    run(&mut mix);
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|cause| panic!("{command:?}: {cause}"));
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&said));
}
