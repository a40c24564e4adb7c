//! The release behind COMMAND: what kind it is, where it lies, and which template it takes.

mod cookie;
pub mod hand_over;
pub mod run_dir;
pub mod template;

pub use cookie::Cookie;

use crate::env::RawEnv;
use crate::error::{Error, Stage};
use crate::exit;
use crate::sys;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// What built the release, and so how it takes its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `mix release`.
    Mix,
    /// Anything else: it is started as it is.
    Command,
}

/// What COMMAND starts.
#[derive(Debug)]
pub struct Release {
    /// Its kind.
    pub kind: Kind,
    /// `RELEASE_NAME`, else the base name of COMMAND.
    pub name: String,
    /// Where it lies; absent for commands.
    pub home: Option<Home>,
    /// Whether COMMAND starts a node, as against a tool of the release such as `eval`.
    pub starts_node: bool,
    /// What was given to run.
    pub command: Vec<OsString>,
    /// The file that its first word is, if there is one.
    pub file: Option<PathBuf>,
}

/// Where a release lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// The folder with `bin` and `releases`.
    pub root: PathBuf,
    /// `releases/VSN`.
    pub version_dir: PathBuf,
    /// `VSN`.
    pub version: String,
}

/// A row of the table by which kinds are recognised: by files, never by name. The first row that fits counts.
struct Recognition {
    kind: Kind,
    fits: fn(&Home) -> bool,
}

const RECOGNITIONS: [Recognition; 1] = [Recognition {
    kind: Kind::Mix,
    fits: |home| home.version_dir.join("elixir").is_file() && home.version_dir.join("env.sh").is_file(),
}];

impl Kind {
    /// All kinds, as `BEAMINIT_KIND` knows them.
    pub const ALL: [Self; 2] = [Self::Mix, Self::Command];

    /// The kind as settings and messages name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mix => "mix",
            Self::Command => "command",
        }
    }

    /// Whether COMMAND becomes a BEAM, whose ways with signals are known.
    #[must_use]
    pub fn is_beam(self) -> bool {
        match self {
            Self::Mix => true,
            Self::Command => false,
        }
    }

    /// Whether this argument of the start script makes it a node. Others, such as `eval`, run a tool of the release.
    fn starts_node(self, argument: Option<&OsStr>) -> bool {
        match self {
            Self::Mix => {
                let starts = ["start", "start_iex", "daemon", "daemon_iex"];
                argument.is_some_and(|argument| starts.iter().any(|start| argument == *start))
            }
            Self::Command => true,
        }
    }
}

impl Release {
    /// Finds the release that COMMAND starts.
    ///
    /// # Errors
    /// `kind` was demanded, but no release of that kind lies there: exit code 66.
    pub fn find(
        command: Vec<OsString>,
        raw: &RawEnv,
        path: Option<&OsStr>,
        demanded: Option<Kind>,
    ) -> Result<Self, Error> {
        let program = command.first().map(OsString::as_os_str).unwrap_or_default();
        let file = locate(program, path);
        let home = file.as_deref().and_then(|script| Home::of_script(script, raw.release_vsn.as_deref()));
        let kind = match (demanded, &home) {
            (Some(kind), _) => kind,
            (None, Some(home)) => {
                RECOGNITIONS.iter().find(|row| (row.fits)(home)).map_or(Kind::Command, |row| row.kind)
            }
            (None, None) => Kind::Command,
        };
        if kind != Kind::Command && home.is_none() {
            let message = format!("BEAMINIT_KIND={}: no release around {}", kind.name(), Path::new(program).display());
            return Err(Error::new(Stage::Release, exit::NO_INPUT, message)
                .hint("COMMAND must be the release's bin/NAME, with releases/start_erl.data beside bin"));
        }
        let base_name = Path::new(program).file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self {
            kind,
            name: raw.release_name.clone().unwrap_or(base_name),
            home: home.filter(|_| kind != Kind::Command),
            starts_node: kind.starts_node(command.get(1).map(OsString::as_os_str)),
            command,
            file,
        })
    }

    /// The release as log lines call it.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.home {
            Some(home) => format!("{} release {} {}", self.kind.name(), self.name, home.version),
            None => "command".to_owned(),
        }
    }
}

impl Home {
    /// The release to which `root/bin/NAME` belongs; by the path as given, else by the one behind its links.
    fn of_script(script: &Path, version: Option<&str>) -> Option<Self> {
        let by_path = |script: &Path| Self::at(script.parent()?.parent()?, version);
        by_path(&std::path::absolute(script).ok()?).or_else(|| by_path(&fs::canonicalize(script).ok()?))
    }

    /// The release in `root`, of the version that is asked for, else of the one that would start.
    fn at(root: &Path, version: Option<&str>) -> Option<Self> {
        let start_data = fs::read_to_string(root.join("releases/start_erl.data")).ok()?;
        let version = version.or_else(|| start_data.split_ascii_whitespace().nth(1))?.to_owned();
        let version_dir = root.join("releases").join(&version);
        version_dir.is_dir().then(|| Self { root: root.to_owned(), version_dir, version })
    }
}

/// The file that would be executed: `program` itself, if it has a slash, else the first of that name in `path`.
fn locate(program: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
    let program = Path::new(program);
    if program.components().count() != 1 || program.is_absolute() {
        return program.exists().then(|| program.to_owned());
    }
    std::env::split_paths(path?)
        .map(|dir| dir.join(program))
        .find(|candidate| candidate.is_file() && sys::may_execute(candidate))
}

#[cfg(test)]
mod tests;
