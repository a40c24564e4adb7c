//! Where a release is, and which of its versions would start.

use crate::file;
use crate::sys;
use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseLayout {
    /// The directory with `bin` and `releases`.
    pub root: PathBuf,
    pub version_dir: PathBuf,
    pub version: String,
    /// The version of the runtime system that it was built with, as `13.1.5`.
    pub erts: String,
}

impl ReleaseLayout {
    /// The release to which `root/bin/NAME` belongs; by the path as given, otherwise by the one that its links lead to.
    ///
    /// # Errors
    /// There is a release, but not the version that would start: a sentence.
    pub(crate) fn of_script(script: &Path, version: Option<&str>) -> Result<Option<Self>, String> {
        if let Ok(given) = std::path::absolute(script)
            && let Some(layout) = Self::around(&given, version)?
        {
            return Ok(Some(layout));
        }
        match resolve_links(script) {
            Some(script) => Self::around(&script, version),
            None => Ok(None),
        }
    }

    /// The release around `root/bin/NAME`, of the version that would start.
    fn around(script: &Path, asked: Option<&str>) -> Result<Option<Self>, String> {
        let Some(root) = script.parent().and_then(Path::parent) else { return Ok(None) };
        let releases = root.join("releases");
        if !releases.is_dir() {
            return Ok(None);
        }
        match started_version(script, &releases, asked) {
            Ok((erts, version)) => {
                let version_dir = releases.join(&version);
                Ok(Some(Self { root: root.to_owned(), version_dir, version, erts }))
            }
            // A directory of that name alone does not make a release.
            Err(why) if holds_release(&releases) => Err(why),
            Err(_) => Ok(None),
        }
    }
}

/// The versions of the runtime system and of the release: relx writes both into its script, the other scripts take the
/// version that is asked for, else that of `start_erl.data`.
fn started_version(script: &Path, releases: &Path, asked: Option<&str>) -> Result<(String, String), String> {
    let text = file::read_script(script).unwrap_or_default();
    let (erts, version) = match (value_in(&text, "ERTS_VSN"), value_in(&text, "REL_VSN")) {
        (Some(erts), Some(version)) => (erts.to_owned(), version.to_owned()),
        _ => in_start_data(releases, asked)?,
    };
    // A name, without a path out of the release.
    let is_name = matches!(Path::new(&version).components().collect::<Vec<_>>()[..], [Component::Normal(name)] if name == version.as_str());
    if !is_name || !releases.join(&version).is_dir() {
        return Err(format!("there is no version {version} in {}", releases.display()));
    }
    Ok((erts, version))
}

fn in_start_data(releases: &Path, asked: Option<&str>) -> Result<(String, String), String> {
    let start_data = file::read_text(&releases.join("start_erl.data"))
        .map_err(|_| format!("{}/start_erl.data cannot be read", releases.display()))?;
    let mut words = start_data.split_ascii_whitespace();
    let erts = words.next().unwrap_or_default().to_owned();
    match asked.or_else(|| words.next()) {
        Some(version) => Ok((erts, version.to_owned())),
        None => Err(format!("{}/start_erl.data names no version", releases.display())),
    }
}

/// Where the links of `file` and of its directory lead, if there are any. Most have none, and resolving them in full
/// would make each start a twentieth longer.
pub(crate) fn resolve_links(file: &Path) -> Option<PathBuf> {
    let has_link = file.is_symlink() || file.parent().is_some_and(Path::is_symlink);
    if has_link { fs::canonicalize(file).ok() } else { None }
}

/// What a start script sets this variable to, where it needs nothing else to know that.
fn value_in<'a>(script: &'a str, variable: &str) -> Option<&'a str> {
    let mut values =
        script.lines().filter_map(|line| line.strip_prefix(variable)?.strip_prefix("=\"")?.strip_suffix('"'));
    values.find(|value| !value.is_empty() && !value.contains(['$', '`', '/']))
}

/// Whether a directory named `releases` is a release's: one of its directories has a boot script.
fn holds_release(releases: &Path) -> bool {
    let directories = fs::read_dir(releases).into_iter().flatten().flatten();
    let mut files = directories.flat_map(|directory| fs::read_dir(directory.path())).flatten().flatten();
    files.any(|file| file.path().extension() == Some(OsStr::new("boot")))
}

/// The file that would be executed: `program` itself, if it has a slash, else the first of that name in `path`.
pub(crate) fn locate(program: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
    let program = Path::new(program);
    if program.components().count() != 1 || program.is_absolute() {
        return program.exists().then(|| program.to_owned());
    }
    std::env::split_paths(path?)
        .map(|dir| dir.join(program))
        .find(|candidate| candidate.is_file() && sys::may_execute(candidate))
}
