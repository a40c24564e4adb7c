//! Start scripts: what is known of one that is to be started, and which one a release has.

use super::layout::ReleaseLayout;
use crate::file;
use crate::sys;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// The program that is started in the end, and what shows its kind.
#[derive(Debug, Default)]
pub(crate) struct StartScript {
    /// The file; empty if there is none.
    pub(crate) path: PathBuf,
    /// The beginning of its text.
    pub(crate) text: String,
    /// The words after it.
    pub(crate) arguments: Vec<OsString>,
    pub(crate) layout: Option<ReleaseLayout>,
    /// PATH, in which the script would look for further programs.
    pub(crate) search_path: Option<OsString>,
}

impl StartScript {
    /// Whether the first word after it is one of these.
    pub(crate) fn has_argument_of(&self, words: &[&str]) -> bool {
        self.arguments.first().is_some_and(|argument| words.iter().any(|word| argument == word))
    }

    /// Whether the version that would start has this file.
    pub(crate) fn has_version_file(&self, name: &str) -> bool {
        self.layout.as_ref().is_some_and(|layout| layout.version_dir.join(name).is_file())
    }

    /// The same script of a release, judged by its text: a script outside a release is not of a kind that releases have.
    pub(crate) fn release_text_has(&self, mark: &str) -> bool {
        self.layout.is_some() && self.text.contains(mark)
    }

    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.path.file_name() == Some(OsStr::new(name))
    }
}

/// The only start script of a release in `dir`, else in the nearest directory above it that has a release. `None` where
/// there are several.
pub(crate) fn only_start_script(dir: &Path) -> Option<PathBuf> {
    let scripts = dir.ancestors().map(start_scripts).find(|found| !found.is_empty())?;
    let [script] = scripts.as_slice() else { return None };
    Some(script.clone())
}

/// The programs in `bin` that find out which version of the release to start.
fn start_scripts(root: &Path) -> Vec<PathBuf> {
    if !root.join("releases/start_erl.data").is_file() {
        return Vec::new();
    }
    let files = fs::read_dir(root.join("bin")).into_iter().flatten().flatten().map(|entry| entry.path());
    let all: Vec<_> = files.filter(|path| is_start_script(path)).collect();
    // relx makes the same script a second time as NAME-VSN.
    all.iter().filter(|path| !all.iter().any(|other| is_versioned(path, other))).cloned().collect()
}

fn is_start_script(path: &Path) -> bool {
    if !path.is_file() || !sys::may_execute(path) {
        return false;
    }
    let text = file::read_script(path).unwrap_or_default();
    text.starts_with("#!") && (text.contains("start_erl.data") || text.contains("find_vm_args"))
}

fn is_versioned(path: &Path, other: &Path) -> bool {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    name(path).strip_prefix(&name(other)).is_some_and(|rest| rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn release(scripts: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("releases/1")).unwrap();
        fs::create_dir(root.path().join("bin")).unwrap();
        fs::write(root.path().join("releases/start_erl.data"), "13.1 1").unwrap();
        for (name, text) in scripts {
            let path = root.path().join("bin").join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        root
    }

    #[test]
    fn the_only_start_script_is_found_from_below_too() {
        let start = "#!/bin/sh\ncut -d' ' -f2 releases/start_erl.data\n";
        let root = release(&[("app", start), ("app-1.0", start), ("server", "#!/bin/sh\nexec ./app start\n")]);
        for dir in [root.path(), &root.path().join("releases/1")] {
            assert_eq!(only_start_script(dir).unwrap(), root.path().join("bin/app"));
        }
    }

    #[test]
    fn of_several_start_scripts_none_is_chosen() {
        let start = "#!/bin/sh\nstart_erl.data\n";
        assert_eq!(only_start_script(release(&[("app", start), ("other", start)]).path()), None);
        assert_eq!(only_start_script(Path::new("/nonexistent")), None);
    }
}
