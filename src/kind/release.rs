//! What COMMAND starts.

use super::spec::{Kind, LayoutUse, Release};
use crate::command::{FollowedCommand, FollowedScript, ScriptRole};
use crate::error::{Error, Stage};
use crate::exit;
use crate::file;
use crate::release::{ReleaseLayout, StartScript, installed_erts, locate};
use crate::sys;
use crate::variables::{Env, RawEnv, ReleaseSetting};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// What is to be found.
pub(crate) struct ReleaseQuery<'a> {
    pub(crate) command: Vec<OsString>,
    pub(crate) raw: &'a RawEnv,
    pub(crate) env: &'a Env,
    /// `BEAMINIT_KIND`
    pub(crate) demanded: Option<Kind>,
    /// `BEAMINIT_RELEASE`
    pub(crate) setting: &'a ReleaseSetting,
}

impl Release {
    /// Finds the release that COMMAND starts.
    ///
    /// # Errors
    /// `kind` was demanded, but there is no release around COMMAND, or there is one, but not the version that would
    /// start: exit code 66.
    pub fn find(
        command: Vec<OsString>,
        raw: &RawEnv,
        path: Option<&OsStr>,
        demanded: Option<Kind>,
    ) -> Result<Self, Error> {
        let env = Env::from_pairs(path.map(|path| ("PATH", path)));
        Self::find_asked(ReleaseQuery { command, raw, env: &env, demanded, setting: &ReleaseSetting::Auto })
    }

    /// As [`Release::find`].
    ///
    /// # Errors
    /// Those of [`Release::find`]; also where `BEAMINIT_RELEASE` names no file.
    pub(crate) fn find_asked(query: ReleaseQuery<'_>) -> Result<Self, Error> {
        let ReleaseQuery { command, raw, env, demanded, setting } = query;
        let path = env.get("PATH");
        check_setting(setting)?;
        let program = command.first().map(OsString::as_os_str).unwrap_or_default();
        let file = locate(program, path);
        let mut followed = FollowedCommand::of(&command, setting, &|name| Some(env.get(name)?.to_str()?.to_owned()));
        let is_plain = demanded == Some(Kind::COMMAND);
        if is_plain {
            followed.script = None;
        }
        let (started, arguments) = match &followed.script {
            Some(script) => (Some(script.path.as_path()), script.arguments.iter().map(OsString::from).collect()),
            None => (file.as_deref(), command.iter().skip(1).cloned().collect()),
        };
        let script = StartScript {
            path: started.map(Path::to_owned).unwrap_or_default(),
            text: started.and_then(file::read_script).unwrap_or_default(),
            arguments,
            layout: started.filter(|_| !is_plain).map_or(Ok(None), |file| find_layout(file, raw))?,
            search_path: path.map(OsStr::to_owned),
        };
        let (kind, why) = match (demanded, started) {
            (Some(kind), _) => (kind, "BEAMINIT_KIND says so"),
            (None, Some(_)) => Kind::recognise(&script),
            (None, None) => (Kind::COMMAND, "there is no such file"),
        };
        let written_for = followed.script.as_ref().and_then(|script| script.release_name.clone());
        let name = raw.release_name.clone().or(written_for);
        let name = name.unwrap_or_else(|| base_name(program, script.layout.as_ref()));
        let starts_node = starts_node(kind, &script, &followed);
        let layout = used_layout(kind, script.layout, program)?;
        let erts = match &layout {
            Some(layout) => Some(layout.erts.clone()),
            None if kind.is_beam => installed_erts(path),
            None => None,
        };
        let erts = erts.and_then(|erts| erts.split('.').next()?.parse().ok());
        Ok(Self { kind, why, name, layout, starts_node, command, followed, file, erts })
    }

    /// No release: no COMMAND was named.
    pub(crate) fn none(raw: &RawEnv) -> Self {
        Self {
            kind: Kind::COMMAND,
            why: "no COMMAND was named",
            name: raw.release_name.clone().unwrap_or_default(),
            layout: None,
            starts_node: true,
            command: Vec::new(),
            followed: FollowedCommand::default(),
            file: None,
            erts: None,
        }
    }

    /// The release as log lines call it.
    pub(crate) fn title(&self) -> String {
        match &self.layout {
            Some(layout) => format!("{} release {} {}", self.kind.name, self.name, layout.version),
            None => self.kind.name.to_owned(),
        }
    }

    /// What to write in place of COMMAND's argument, where that sends the VM to the background and ends at once.
    pub(crate) fn foreground_instead(&self) -> Option<&'static str> {
        let argument = self.first_argument()?;
        self.kind.foreground.filter(|_| self.kind.background.contains(&argument.as_str()))
    }

    /// The first word behind the start script.
    pub(crate) fn first_argument(&self) -> Option<String> {
        match &self.followed.script {
            Some(script) => script.arguments.first().cloned(),
            None => self.command.get(1).map(|word| word.to_string_lossy().into_owned()),
        }
    }

    /// The words of what is started in the end.
    pub(crate) fn started_words(&self) -> Vec<String> {
        match self.followed.script.as_ref().filter(|_| self.followed.is_wrapped) {
            Some(script) => script.arguments.clone(),
            None => self.command.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
        }
    }

    /// The text of the start script.
    pub(crate) fn script_text(&self) -> String {
        let followed = self.followed.script.as_ref().map(|script| script.path.as_path());
        followed.or(self.file.as_deref()).and_then(file::read_script).unwrap_or_default()
    }

    /// Whether COMMAND may become a node that others can reach.
    pub(crate) fn may_become_node(&self) -> bool {
        self.starts_node && (self.kind.is_beam || self.followed.has_vm_in_sight)
    }

    /// Whether this directory in the release's root can be written, or made.
    pub(crate) fn can_write_in_root(&self, directory: &str) -> bool {
        let Some(layout) = &self.layout else { return true };
        let directory = layout.root.join(directory);
        sys::may_write(if directory.exists() { &directory } else { &layout.root })
    }

    /// Where the VM will run, if not in the working directory that we were given.
    pub(crate) fn working_dir(&self) -> Option<&Path> {
        let layout = self.layout.as_ref()?;
        (self.kind.layout != LayoutUse::Required).then_some(layout.root.as_path())
    }
}

/// Whether a node is started: what the start script's words say, where they are known.
fn starts_node(kind: Kind, script: &StartScript, followed: &FollowedCommand) -> bool {
    match &followed.script {
        Some(FollowedScript { role: ScriptRole::Start, arguments, .. })
            if followed.is_wrapped && arguments.is_empty() =>
        {
            true
        }
        Some(found) if kind == Kind::COMMAND => found.role == ScriptRole::Start,
        _ => (kind.starts_node)(script),
    }
}

fn check_setting(setting: &ReleaseSetting) -> Result<(), Error> {
    match setting {
        ReleaseSetting::Script(path) if !path.is_file() => {
            let message = format!("BEAMINIT_RELEASE={}: there is no such file", path.display());
            Err(Error::new(Stage::Release, exit::NO_INPUT, message)
                .hint("name the start script that COMMAND runs in the end, as /app/bin/NAME; or unset it"))
        }
        _ => Ok(()),
    }
}

fn find_layout(file: &Path, raw: &RawEnv) -> Result<Option<ReleaseLayout>, Error> {
    ReleaseLayout::of_script(file, raw.release_vsn.as_deref()).map_err(|sentence| {
        let hint =
            "its second word must be a directory beside it; RELEASE_VSN chooses another; was the image built whole?";
        Error::new(Stage::Release, exit::NO_INPUT, sentence).hint(hint)
    })
}

/// The release around the start script, if it is one to this kind.
fn used_layout(kind: Kind, found: Option<ReleaseLayout>, program: &OsStr) -> Result<Option<ReleaseLayout>, Error> {
    match kind.layout {
        LayoutUse::Required | LayoutUse::RequiredAndEntered if found.is_none() => {
            let message = format!("BEAMINIT_KIND={}: no release around {}", kind.name, Path::new(program).display());
            Err(Error::new(Stage::Release, exit::NO_INPUT, message)
                .hint("set BEAMINIT_RELEASE to the release's bin/NAME, which has releases/start_erl.data beside bin"))
        }
        LayoutUse::Required | LayoutUse::RequiredAndEntered => Ok(found),
        // Erlang's own directory looks like a release too.
        LayoutUse::IfItIsARelease => Ok(found.filter(|layout| layout.version_dir.join("vm.args").exists())),
        LayoutUse::Ignored => Ok(None),
    }
}

/// relx makes the same script a second time as `NAME-VSN`.
fn base_name(program: &OsStr, layout: Option<&ReleaseLayout>) -> String {
    let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let without_version = layout.and_then(|layout| name.strip_suffix(&format!("-{}", layout.version)));
    without_version.map_or(name.clone(), str::to_owned)
}
