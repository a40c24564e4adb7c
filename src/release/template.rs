//! Which file is the template of a release's `vm.args`, by the variables that Distillery, relx and mix have for it.

use super::{Kind, Release};
use crate::env::RawEnv;
use crate::error::{Error, Stage};
use crate::exit;
use std::path::{Path, PathBuf};

/// A template and why it is one.
#[derive(Debug, PartialEq, Eq)]
pub struct VmArgsTemplate {
    /// The file.
    pub path: PathBuf,
    /// The variable that named it.
    pub named_by: &'static str,
    /// Whether the release's own `vm.args` holds as well, with this file's flags behind its own: so for a folder of
    /// configuration, whose template is about the node; a file that is named by its path stands for the whole.
    pub adds_to_own: bool,
}

/// What was found, and what was not though a variable speaks of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The template, if there is one.
    pub template: Option<VmArgsTemplate>,
    /// A sentence about what is missing but not needed.
    pub warning: Option<String>,
}

impl Release {
    /// Finds the template of `vm.args`.
    ///
    /// # Errors
    /// A variable names a file or folder that is not there, and the release would need it: exit code 66.
    pub fn vm_args_template(&self, raw: &RawEnv) -> Result<Found, Error> {
        let files = [("RELEASE_VM_ARGS", &raw.release_vm_args), ("VMARGS_PATH", &raw.vmargs_path)];
        if let Some((named_by, path)) = files.into_iter().find_map(|(name, path)| Some((name, path.as_deref()?))) {
            return match existing(Path::new(path)) {
                Some(path) => Ok(Found::template(path, named_by, false)),
                None => {
                    self.missing(format!("{named_by}={path}: no such file"), "mount it there, or unset the variable")
                }
            };
        }
        if let Some(dir) = raw.release_config_dir.as_deref() {
            if !Path::new(dir).is_dir() {
                return self.missing(
                    format!("RELEASE_CONFIG_DIR={dir}: no such directory"),
                    "mount the ConfigMap there, or unset the variable",
                );
            }
            if let Some(path) = existing(&Path::new(dir).join("vm.args")) {
                return Ok(Found::template(path, "RELEASE_CONFIG_DIR", true));
            }
        }
        let own = self.own_template(raw);
        let warning = raw.release_config_dir.as_deref().filter(|_| own.template.is_none() && self.kind.is_beam());
        Ok(Found {
            warning: warning.map(|dir| format!("RELEASE_CONFIG_DIR={dir} has no vm.args: the release's own is used")),
            ..own
        })
    }

    /// The release's own file, if it is meant as a template.
    fn own_template(&self, raw: &RawEnv) -> Found {
        let Some(home) = &self.home else { return Found::default() };
        let asked = raw.replace_os_vars.as_ref().map(|_| "REPLACE_OS_VARS");
        let asked = asked.or_else(|| raw.relx_replace_os_vars.as_ref().map(|_| "RELX_REPLACE_OS_VARS"));
        let found = existing(&home.version_dir.join("vm.args"));
        match (found, asked) {
            (Some(path), _) if path.extension().is_some_and(|extension| extension == "src") => {
                Found::template(path, "vm.args.src", false)
            }
            (Some(path), Some(asked)) => Found::template(path, asked, false),
            _ => Found::default(),
        }
    }

    /// A plain command may not care for the variable at all; a release started without its template would run under
    /// another name.
    fn missing(&self, message: String, hint: &str) -> Result<Found, Error> {
        match self.kind {
            Kind::Command => Ok(Found { template: None, warning: Some(message) }),
            Kind::Mix => Err(Error::new(Stage::Release, exit::NO_INPUT, message).hint(hint)),
        }
    }
}

impl Found {
    fn template(path: PathBuf, named_by: &'static str, adds_to_own: bool) -> Self {
        Self { template: Some(VmArgsTemplate { path, named_by, adds_to_own }), warning: None }
    }
}

/// `PATH.src`, else `PATH`, whichever is there.
fn existing(path: &Path) -> Option<PathBuf> {
    let mut src = path.as_os_str().to_owned();
    src.push(".src");
    [PathBuf::from(src), path.to_owned()].into_iter().find(|path| path.exists())
}
