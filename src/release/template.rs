//! Which files are the templates of a release's `vm.args` and `sys.config`, by the variables and in the order that its
//! kind has for them.

use super::{Kind, Release};
use crate::error::{Error, Problem, Stage};
use crate::exit;
use crate::variables::RawEnv;
use std::path::{Path, PathBuf};

/// A file that is a template, and why it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The file.
    pub path: PathBuf,
    /// The variable that named it.
    pub named_by: &'static str,
    /// Whether the release's own file holds as well, with this file's flags behind its own: so for `vm.args` in a folder
    /// of configuration, whose template is about the node; a file that is named by its path stands for the whole.
    pub adds_to_own: bool,
    /// Whether it is the release's own file.
    pub is_own: bool,
}

/// What was found, and what was not though a variable speaks of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The template, if there is one.
    pub template: Option<Template>,
    /// What is missing but not needed.
    pub warning: Option<Problem>,
}

/// A variable that names a file, what it holds, and what belongs behind it.
pub(super) type Named<'a> = (&'static str, Option<&'a str>, &'static str);

impl Release {
    /// Finds the template of `vm.args`. Without `own_files`, the release's own one is none.
    ///
    /// # Errors
    /// A variable names a file or folder that is not there, and the release would need it: exit code 66.
    pub fn vm_args_template(&self, raw: &RawEnv, own_files: bool) -> Result<Found, Error> {
        self.find_template("vm.args", &self.variables_for_vm_args(raw), raw, own_files)
    }

    /// Finds the template of `sys.config`. Without `own_files`, the release's own one is none.
    ///
    /// # Errors
    /// As [`Release::vm_args_template`].
    pub fn sys_config_template(&self, raw: &RawEnv, own_files: bool) -> Result<Found, Error> {
        self.find_template("sys.config", &self.variables_for_sys_config(raw), raw, own_files)
    }

    /// The variables that may name `vm.args`, the one that counts first.
    pub(super) fn variables_for_vm_args<'a>(&self, raw: &'a RawEnv) -> [Named<'a>; 2] {
        let mix = ("RELEASE_VM_ARGS", raw.release_vm_args.as_deref(), "");
        let scripts = ("VMARGS_PATH", raw.vmargs_path.as_deref(), "");
        if self.is_relx_or_distillery() { [scripts, mix] } else { [mix, scripts] }
    }

    /// The variables that may name `sys.config`, the one that counts first.
    pub(super) fn variables_for_sys_config<'a>(&self, raw: &'a RawEnv) -> [Named<'a>; 3] {
        let mix = ("RELEASE_SYS_CONFIG", raw.release_sys_config.as_deref(), ".config");
        let distillery = ("SYS_CONFIG_PATH", raw.sys_config_path.as_deref(), "");
        let relx = ("RELX_CONFIG_PATH", raw.relx_config_path.as_deref(), "");
        match self.kind {
            Kind::Distillery => [distillery, relx, mix],
            Kind::Relx => [relx, distillery, mix],
            _ => [mix, distillery, relx],
        }
    }

    fn is_relx_or_distillery(&self) -> bool {
        matches!(self.kind, Kind::Relx | Kind::Distillery | Kind::Erl)
    }

    fn find_template(&self, name: &str, named: &[Named<'_>], raw: &RawEnv, own_files: bool) -> Result<Found, Error> {
        // A broker reads files of its own form.
        if self.kind == Kind::RabbitMq {
            return Ok(Found::default());
        }
        if let Some((named_by, path)) =
            named.iter().find_map(|(variable, path, suffix)| Some((*variable, format!("{}{suffix}", (*path)?))))
        {
            return match existing(Path::new(&path)) {
                Some(path) => Ok(Found::template(path, named_by)),
                None => {
                    self.missing(format!("{named_by}={path}: no such file"), "mount it there, or unset the variable")
                }
            };
        }
        if let Some(dir) = raw.release_config_dir.as_deref() {
            if !Path::new(dir).is_dir() {
                return self.missing(
                    format!("RELEASE_CONFIG_DIR={dir}: no such directory"),
                    "mount the ConfigMap there (volumes, volumeMounts), or unset RELEASE_CONFIG_DIR",
                );
            }
            if let Some(path) = existing(&Path::new(dir).join(name)) {
                let mut found = Found::template(path, "RELEASE_CONFIG_DIR");
                found.template.iter_mut().for_each(|template| template.adds_to_own = name == "vm.args");
                return Ok(found);
            }
        }
        let own = if own_files { self.own_template(name, raw) } else { Found::default() };
        let expected = raw.release_config_dir.as_deref().filter(|_| name == "vm.args" && self.kind.is_beam());
        Ok(Found { warning: expected.and_then(|dir| without_vm_args(dir, own.template.is_some())), ..own })
    }

    /// The release's own file, if it is meant as a template.
    fn own_template(&self, name: &str, raw: &RawEnv) -> Found {
        let asked = raw.replace_os_vars.as_ref().map(|_| "REPLACE_OS_VARS");
        let asked = asked.or_else(|| raw.relx_replace_os_vars.as_ref().map(|_| "RELX_REPLACE_OS_VARS"));
        let template = match (self.own_file(name), asked) {
            (Some(path), _) if has_suffix(&path, "src") => Some((path, "the suffix .src")),
            // relx keeps the template so, once it has written its own result over it.
            (Some(path), Some(asked)) => {
                Some((Some(with_suffix(&path, ".orig")).filter(|orig| orig.exists()).unwrap_or(path), asked))
            }
            _ => None,
        };
        let mut found = template.map_or_else(Found::default, |(path, named_by)| Found::template(path, named_by));
        found.template.iter_mut().for_each(|template| template.is_own = true);
        found
    }

    /// Whether the release's own script would make a file of this template, beside it or where it is told to.
    #[must_use]
    pub fn fills_in(&self, template: &Template) -> bool {
        self.kind == Kind::Relx && has_suffix(&template.path, "src")
    }

    /// The file of that name that the release would take by itself, or its `.src`.
    #[must_use]
    pub fn own_file(&self, name: &str) -> Option<PathBuf> {
        let home = self.home.as_ref()?;
        let of_root = (self.kind == Kind::Relx).then(|| existing(&home.root.join(name))).flatten();
        of_root.or_else(|| existing(&home.version_dir.join(name)))
    }

    /// A plain command may not care for the variable at all; a release started without its template would run under
    /// another name.
    fn missing(&self, message: String, hint: &str) -> Result<Found, Error> {
        match self.kind {
            Kind::Command => Ok(Found { template: None, warning: Some(Problem::new(message).hint(hint)) }),
            _ => Err(Error::new(Stage::Release, exit::NO_INPUT, message).hint(hint)),
        }
    }
}

/// Distillery and relx take the release's own file then; to a mix release the variable may mean something else.
fn without_vm_args(dir: &str, own_is_template: bool) -> Option<Problem> {
    if existing(&Path::new(dir).join("sys.config")).is_none() {
        let message =
            format!("RELEASE_CONFIG_DIR={dir} has neither vm.args nor sys.config: the release's own are used");
        let hint = "give the ConfigMap the key vm.args: kubectl create configmap NAME --from-file=vm.args; or unset \
                    RELEASE_CONFIG_DIR";
        return Some(Problem::new(message).hint(hint));
    }
    let message = format!("RELEASE_CONFIG_DIR={dir} has no vm.args: the release's own is used");
    let hint = "give the ConfigMap the key vm.args, if that is not meant";
    (!own_is_template).then(|| Problem::new(message).hint(hint))
}

impl Found {
    fn template(path: PathBuf, named_by: &'static str) -> Self {
        Self { template: Some(Template { path, named_by, adds_to_own: false, is_own: false }), warning: None }
    }
}

/// `PATH.src`, else `PATH`, whichever is there.
pub(super) fn existing(path: &Path) -> Option<PathBuf> {
    [with_suffix(path, ".src"), path.to_owned()].into_iter().find(|path| path.exists())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut longer = path.as_os_str().to_owned();
    longer.push(suffix);
    longer.into()
}

fn has_suffix(path: &Path, suffix: &str) -> bool {
    path.extension().is_some_and(|extension| extension == suffix)
}
