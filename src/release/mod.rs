//! The release behind COMMAND: what kind it is, where it lies, and which templates it takes.

pub mod cookie;
mod cookie_file;
mod env_sh;
mod erts;
pub mod hand_over;
mod home;
mod kind;
mod passed_over;
mod rabbitmq;
pub mod run_dir;
pub mod start_script;
pub mod state;
pub mod template;

pub use crate::variables::CookieMode;
pub use cookie::Cookie;
pub use cookie_file::SecretFile;
pub use home::{Home, locate};
pub use kind::Kind;
pub use passed_over::PassedOver;

use crate::error::{Error, Stage};
use crate::exit;
use crate::variables::RawEnv;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What COMMAND starts.
#[derive(Debug)]
pub struct Release {
    /// Its kind.
    pub kind: Kind,
    /// What tells the kind.
    pub why: &'static str,
    /// `RELEASE_NAME`, else the base name of COMMAND.
    pub name: String,
    /// Where it lies; absent for commands, and for a VM that is started directly.
    pub home: Option<Home>,
    /// Whether COMMAND starts a node, as against a tool of the release such as `eval`.
    pub starts_node: bool,
    /// What was given to run.
    pub command: Vec<OsString>,
    /// The file that its first word is, if there is one.
    pub file: Option<PathBuf>,
    /// The major version of the runtime system, if it is known.
    pub erts: Option<u32>,
}

impl Release {
    /// Finds the release that COMMAND starts.
    ///
    /// # Errors
    /// `kind` was demanded, but no release of that kind lies there, or one lies there, but not the version that would
    /// start: exit code 66.
    pub fn find(
        command: Vec<OsString>,
        raw: &RawEnv,
        path: Option<&OsStr>,
        demanded: Option<Kind>,
    ) -> Result<Self, Error> {
        let program = command.first().map(OsString::as_os_str).unwrap_or_default();
        let file = home::locate(program, path);
        let home = match (&file, demanded) {
            (None, _) | (_, Some(Kind::Command)) => None,
            (Some(file), _) => Home::of_script(file, raw.release_vsn.as_deref()).map_err(|sentence| {
                Error::new(Stage::Release, exit::NO_INPUT, sentence)
                    .hint("its second word must be a folder beside it; RELEASE_VSN chooses another; was the image built whole?")
            })?,
        };
        let argument = command.get(1).map(OsString::as_os_str);
        let (kind, why) = match (demanded, &file) {
            (Some(kind), _) => (kind, "BEAMINIT_KIND says so"),
            (None, Some(file)) => Kind::recognise(file, argument, home.as_ref(), path),
            (None, None) => (Kind::Command, "there is no such file"),
        };
        if kind.needs_home() && home.is_none() {
            let message = format!("BEAMINIT_KIND={}: no release around {}", kind.name(), Path::new(program).display());
            return Err(Error::new(Stage::Release, exit::NO_INPUT, message)
                .hint("COMMAND must be the release's bin/NAME, with releases/start_erl.data beside bin"));
        }
        // Erlang's own folder looks like a release too.
        let is_erlang_itself =
            kind == Kind::Erl && home.as_ref().is_some_and(|home| !home.version_dir.join("vm.args").exists());
        let home = home.filter(|_| !matches!(kind, Kind::Command | Kind::RabbitMq) && !is_erlang_itself);
        let erts = match &home {
            Some(home) => Some(home.erts.clone()),
            None if kind.is_beam() => home::installed_erts(path),
            None => None,
        };
        Ok(Self {
            kind,
            why,
            name: raw.release_name.clone().unwrap_or_else(|| base_name(program, home.as_ref())),
            home,
            starts_node: kind.starts_node(file.as_deref(), argument),
            erts: erts.and_then(|erts| erts.split('.').next()?.parse().ok()),
            command,
            file,
        })
    }

    /// No release: nobody says what is to be started.
    #[must_use]
    pub fn none(raw: &RawEnv) -> Self {
        Self {
            kind: Kind::Command,
            why: "nobody says what is to be started",
            name: raw.release_name.clone().unwrap_or_default(),
            home: None,
            starts_node: true,
            command: Vec::new(),
            file: None,
            erts: None,
        }
    }

    /// The release as log lines call it.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.home {
            Some(home) => format!("{} release {} {}", self.kind.name(), self.name, home.version),
            None => self.kind.name().to_owned(),
        }
    }

    /// What to write in place of COMMAND's argument, where that sends the VM to the background and ends at once.
    #[must_use]
    pub fn in_foreground(&self) -> Option<&'static str> {
        self.kind.in_foreground(self.command.get(1).map(OsString::as_os_str))
    }

    /// Where the VM will run, if not in the working directory that we were given.
    #[must_use]
    pub fn working_dir(&self) -> Option<&Path> {
        let home = self.home.as_ref()?;
        (self.kind != Kind::Mix).then_some(home.root.as_path())
    }
}

/// relx makes the same script a second time as `NAME-VSN`.
fn base_name(program: &OsStr, home: Option<&Home>) -> String {
    let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let version = home.map(|home| format!("-{}", home.version));
    version.and_then(|version| Some(name.strip_suffix(&version)?.to_owned())).unwrap_or(name)
}

#[cfg(test)]
mod kinds_tests;
#[cfg(test)]
mod rabbitmq_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod told_tests;
