//! Where a release lies.

use super::kind;
use crate::file;
use crate::sys;
use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Where a release lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// The folder with `bin` and `releases`.
    pub root: PathBuf,
    /// `releases/VSN`.
    pub version_dir: PathBuf,
    /// `VSN`.
    pub version: String,
    /// The version of the runtime system that it was built with, as `13.1.5`.
    pub erts: String,
}

impl Home {
    /// The release to which `root/bin/NAME` belongs; by the path as given, else by the one behind its links.
    ///
    /// # Errors
    /// There is a release, but not the version that would start: a sentence.
    pub(super) fn of_script(script: &Path, version: Option<&str>) -> Result<Option<Self>, String> {
        let given = std::path::absolute(script).ok();
        if let Some(home) = given.map(|script| Self::around(&script, version)).transpose()?.flatten() {
            return Ok(Some(home));
        }
        Ok(behind_links(script).map(|script| Self::around(&script, version)).transpose()?.flatten())
    }

    /// The release around `root/bin/NAME`, of the version that would start: relx writes it into its script, the others'
    /// scripts take the one that is asked for, else that of `start_erl.data`.
    fn around(script: &Path, asked: Option<&str>) -> Result<Option<Self>, String> {
        let root = script.parent().and_then(Path::parent);
        let Some((root, releases)) = root.map(|root| (root, root.join("releases"))).filter(|(_, it)| it.is_dir())
        else {
            return Ok(None);
        };
        let no_release = |why: String| if holds_release(&releases) { Err(why) } else { Ok(None) };
        let text = kind::beginning(script);
        let written = value_in(&text, "ERTS_VSN").zip(value_in(&text, "REL_VSN"));
        let (erts, version) = if let Some((erts, version)) = written {
            (erts.to_owned(), version.to_owned())
        } else {
            let Ok(start_data) = file::read_text(&releases.join("start_erl.data")) else {
                return no_release(format!("{}/start_erl.data cannot be read", releases.display()));
            };
            let mut words = start_data.split_ascii_whitespace();
            let erts = words.next().unwrap_or_default().to_owned();
            let Some(version) = asked.or_else(|| words.next()) else {
                return no_release(format!("{}/start_erl.data names no version", releases.display()));
            };
            (erts, version.to_owned())
        };
        let version_dir = releases.join(&version);
        // A name, and no way out of the release.
        let is_name = matches!(Path::new(&version).components().collect::<Vec<_>>()[..], [Component::Normal(name)] if name == version.as_str());
        if !is_name || !version_dir.is_dir() {
            return no_release(format!("there is no version {version} in {}", releases.display()));
        }
        Ok(Some(Self { root: root.to_owned(), version_dir, version, erts }))
    }
}

/// Where `file` lies behind its own link and its folder's, if there are any. Most have none, and finding that out in full
/// would make each start a twentieth longer.
pub(super) fn behind_links(file: &Path) -> Option<PathBuf> {
    let has_link = [Some(file), file.parent()].into_iter().flatten().any(Path::is_symlink);
    has_link.then(|| fs::canonicalize(file).ok()).flatten()
}

/// What a start script sets this variable to, where it needs nothing else to know that.
fn value_in<'a>(script: &'a str, variable: &str) -> Option<&'a str> {
    let values = script.lines().filter_map(|line| line.strip_prefix(variable)?.strip_prefix("=\"")?.strip_suffix('"'));
    values.into_iter().find(|value| !value.is_empty() && !value.contains(['$', '`', '/']))
}

/// Whether a folder named `releases` is a release's: one of its folders has a boot script.
fn holds_release(releases: &Path) -> bool {
    let folders = fs::read_dir(releases).into_iter().flatten().flatten();
    folders.flat_map(|folder| fs::read_dir(folder.path())).flatten().flatten().any(|file| {
        let name = file.file_name();
        Path::new(&name).extension() == Some(OsStr::new("boot"))
    })
}

/// The file that would be executed: `program` itself, if it has a slash, else the first of that name in `path`.
#[must_use]
pub fn locate(program: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
    let program = Path::new(program);
    if program.components().count() != 1 || program.is_absolute() {
        return program.exists().then(|| program.to_owned());
    }
    std::env::split_paths(path?)
        .map(|dir| dir.join(program))
        .find(|candidate| candidate.is_file() && sys::may_execute(candidate))
}

/// The version of the runtime system of the Erlang in `path`, by its folder `erts-VSN`.
pub(super) fn installed_erts(path: Option<&OsStr>) -> Option<String> {
    let erl = fs::canonicalize(locate(OsStr::new("erl"), path)?).ok()?;
    let names = fs::read_dir(erl.parent()?.parent()?).ok()?.flatten().map(|entry| entry.file_name());
    names.filter_map(|name| Some(name.to_str()?.strip_prefix("erts-")?.to_owned())).max()
}
