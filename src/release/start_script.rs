//! The start script that somebody means who names none.

use super::home::Home;
use super::kind::beginning;
use crate::sys;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// The only start script of a release in `dir`, else in the nearest folder above it that has a release; as a COMMAND
/// that starts its node in the foreground. None, where there are several.
#[must_use]
pub fn only_one(dir: &Path) -> Option<Vec<OsString>> {
    let scripts = dir.ancestors().map(start_scripts).find(|found| !found.is_empty())?;
    let [script] = scripts.as_slice() else { return None };
    let home = Home::of_script(script, None).ok().flatten();
    let (kind, _) = super::Kind::recognise(script, None, home.as_ref(), None);
    let shown = script.strip_prefix(dir).unwrap_or(script);
    Some(std::iter::once(shown.into()).chain(kind.foreground().map(Into::into)).collect())
}

/// The programs in `bin` that find out which version of the release to start.
fn start_scripts(root: &Path) -> Vec<PathBuf> {
    if !root.join("releases/start_erl.data").is_file() {
        return Vec::new();
    }
    let files = fs::read_dir(root.join("bin")).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_start_script = |path: &PathBuf| {
        let text = beginning(path);
        text.starts_with("#!") && (text.contains("start_erl.data") || text.contains("find_vm_args"))
    };
    let mut scripts: Vec<_> =
        files.filter(|path| path.is_file() && sys::may_execute(path)).filter(is_start_script).collect();
    let all = scripts.clone();
    // relx makes the same script a second time as NAME-VSN.
    scripts.retain(|path| !all.iter().any(|other| is_versioned(path, other)));
    scripts
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
        for file in ["elixir", "env.sh"] {
            fs::write(root.path().join("releases/1").join(file), "").unwrap();
        }
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
        assert_eq!(only_one(root.path()).unwrap(), ["bin/app", "start"]);
        let absolute = root.path().join("bin/app").into_os_string();
        assert_eq!(only_one(&root.path().join("releases/1")).unwrap(), [absolute, "start".into()]);
    }

    #[test]
    fn of_several_none_is_meant() {
        let start = "#!/bin/sh\nstart_erl.data\n";
        assert_eq!(only_one(release(&[("app", start), ("other", start)]).path()), None);
        assert_eq!(only_one(Path::new("/nonexistent")), None);
    }
}
