//! What COMMAND starts.

use super::spec::{Kind, LayoutUse, Release};
use crate::error::{Error, Stage};
use crate::exit;
use crate::release::{ReleaseLayout, StartScript, installed_erts, locate, script_text};
use crate::sys;
use crate::variables::RawEnv;
use std::ffi::{OsStr, OsString};
use std::path::Path;

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
        let program = command.first().map(OsString::as_os_str).unwrap_or_default();
        let file = locate(program, path);
        let script = start_script(&command, file.as_deref(), path, |file| {
            if demanded == Some(Kind::COMMAND) { Ok(None) } else { find_layout(file, raw) }
        })?;
        let (kind, why) = match (demanded, &file) {
            (Some(kind), _) => (kind, "BEAMINIT_KIND says so"),
            (None, Some(_)) => Kind::recognise(&script),
            (None, None) => (Kind::COMMAND, "there is no such file"),
        };
        let name = raw.release_name.clone().unwrap_or_else(|| base_name(program, script.layout.as_ref()));
        let starts_node = (kind.starts_node)(&script);
        let layout = used_layout(kind, script.layout, program)?;
        let erts = match &layout {
            Some(layout) => Some(layout.erts.clone()),
            None if kind.is_beam => installed_erts(path),
            None => None,
        };
        let erts = erts.and_then(|erts| erts.split('.').next()?.parse().ok());
        Ok(Self { kind, why, name, layout, starts_node, command, file, erts })
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
        let argument = self.command.get(1)?;
        self.kind.foreground.filter(|_| self.kind.background.iter().any(|word| argument == word))
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

fn start_script(
    command: &[OsString],
    file: Option<&Path>,
    search_path: Option<&OsStr>,
    layout: impl FnOnce(&Path) -> Result<Option<ReleaseLayout>, Error>,
) -> Result<StartScript, Error> {
    let arguments = command.iter().skip(1).cloned().collect();
    let search_path = search_path.map(OsStr::to_owned);
    let Some(file) = file else { return Ok(StartScript { arguments, search_path, ..StartScript::default() }) };
    let text = script_text(file);
    Ok(StartScript { path: file.to_owned(), text, arguments, layout: layout(file)?, search_path })
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
                .hint("COMMAND must be the release's bin/NAME, with releases/start_erl.data beside bin"))
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
