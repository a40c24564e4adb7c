//! Which files are the templates of a release's `vm.args` and `sys.config`, by the variables and in the order that its
//! kind has for them; and why the other candidates are not used.

use super::spec::{KindSpec, OwnVmArgs, Release, ScriptRendering, Template};
use crate::error::{Error, Problem, Stage};
use crate::exit;
use crate::hand_over::{SYS_CONFIG, VM_ARGS, suffix_of};
use crate::variables::RawEnv;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A file or a variable that was not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct SkippedTemplate {
    /// The variable with its value, or the file.
    pub(crate) what: String,
    /// Why, as a sentence.
    pub(crate) why: String,
}

/// What a search has come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct FoundTemplate {
    pub(crate) template: Option<Template>,
    pub(crate) skipped: Vec<SkippedTemplate>,
    /// What is missing but not needed.
    pub(crate) warning: Option<Problem>,
    /// What is missing and needed: exit code 66.
    pub(crate) error: Option<Error>,
}

/// A file of a release that may be a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReleaseFile {
    VmArgs,
    SysConfig,
}

impl ReleaseFile {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::VmArgs => VM_ARGS,
            Self::SysConfig => SYS_CONFIG,
        }
    }
}

impl KindSpec {
    /// The variables that may name it, the one that counts first.
    pub(super) fn variables_of(&self, file: ReleaseFile) -> &'static [&'static str] {
        match file {
            ReleaseFile::VmArgs => self.vm_args_variables,
            ReleaseFile::SysConfig => self.sys_config_variables,
        }
    }
}

/// Where templates are looked for.
pub(crate) struct TemplateSearch<'a> {
    pub(crate) release: &'a Release,
    pub(crate) raw: &'a RawEnv,
    /// Whether the release's own files may be templates.
    pub(crate) own_files: bool,
}

impl TemplateSearch<'_> {
    pub(crate) fn find(&self, file: ReleaseFile) -> FoundTemplate {
        let mut found = FoundTemplate::default();
        if let Some(reason) = self.release.kind.ignores_templates {
            for (variable, value) in self.set_variables(file) {
                found.skip(format!("{variable}={value}"), reason);
            }
            if let Some(dir) = &self.raw.release_config_dir {
                found.skip(format!("RELEASE_CONFIG_DIR={dir}"), reason);
            }
            return found;
        }
        self.look_at_variables(file, &mut found);
        self.look_into_config_dir(file, &mut found);
        if !found.has_ended() {
            self.take_own_file(file, &mut found);
        }
        self.skip_own_file(file, &mut found);
        found
    }

    fn set_variables(&self, file: ReleaseFile) -> impl Iterator<Item = (&'static str, &str)> {
        let variables = self.release.kind.variables_of(file);
        variables.iter().filter_map(|variable| Some((*variable, self.raw.get(variable)?)))
    }

    /// The first variable that is set counts.
    fn look_at_variables(&self, file: ReleaseFile, found: &mut FoundTemplate) {
        let mut first = None;
        for (name, value) in self.set_variables(file) {
            if let Some(first) = first {
                found.skip(format!("{name}={value}"), format!("{first} counts before it"));
                continue;
            }
            first = Some(name);
            let path = format!("{value}{}", suffix_of(name));
            if let Some(path) = existing(Path::new(&path)) {
                found.template = Some(Template { path, named_by: name, adds_to_own: false, is_own: false });
            } else {
                found.skip(format!("{name}={value}"), "there is no such file");
                self.miss(found, format!("{name}={path}: no such file"), "mount it there, or unset the variable");
            }
        }
    }

    fn look_into_config_dir(&self, file: ReleaseFile, found: &mut FoundTemplate) {
        let (Some(dir), name) = (self.raw.release_config_dir.as_deref(), file.name()) else { return };
        let what = format!("RELEASE_CONFIG_DIR={dir}");
        let in_dir = existing(&Path::new(dir).join(name));
        if found.has_ended() {
            if in_dir.is_some() {
                let by = found.template.as_ref().map_or("a variable", |template| template.named_by);
                found.skip(what, format!("{by} names {name} itself"));
            } else if found.template.is_none() {
                found.skip(what, format!("it has no {name}"));
            }
            return;
        }
        if let Some(path) = in_dir {
            let adds_to_own = file == ReleaseFile::VmArgs;
            found.template = Some(Template { path, named_by: "RELEASE_CONFIG_DIR", adds_to_own, is_own: false });
            return;
        }
        found.skip(what, format!("it has no {name}"));
        if !Path::new(dir).is_dir() {
            let hint = "mount the ConfigMap there (volumes, volumeMounts), or unset RELEASE_CONFIG_DIR";
            self.miss(found, format!("RELEASE_CONFIG_DIR={dir}: no such directory"), hint);
        }
    }

    /// The release's own file, if it is meant as a template.
    fn take_own_file(&self, file: ReleaseFile, found: &mut FoundTemplate) {
        let own = self.release.own_file(file.name()).filter(|_| self.own_files);
        let asked = self.asks_for_own_files();
        let template = match (own, asked) {
            (Some(path), _) if has_suffix(&path, "src") => Some((path, "the suffix .src")),
            // relx keeps the template so, once it has written its own result over it.
            (Some(path), Some(asked)) => {
                let original = Some(with_suffix(&path, ".orig")).filter(|original| original.exists());
                Some((original.unwrap_or(path), asked))
            }
            _ => None,
        };
        let own_is_template = template.is_some();
        found.template = template.map(|(path, named_by)| Template { path, named_by, adds_to_own: false, is_own: true });
        if let Some(dir) = &self.raw.release_config_dir
            && file == ReleaseFile::VmArgs
            && self.release.kind.is_beam
        {
            found.warning = without_vm_args(dir, own_is_template);
        }
    }

    /// The variable that makes templates of the release's own files. To a script that reads it, any text but the empty one
    /// means yes; to others it never meant anything, so there `false` is taken at its word.
    fn asks_for_own_files(&self) -> Option<&'static str> {
        let variables = [
            ("REPLACE_OS_VARS", &self.raw.replace_os_vars, ScriptRendering::ReplaceOsVars),
            ("RELX_REPLACE_OS_VARS", &self.raw.relx_replace_os_vars, ScriptRendering::SrcFiles),
        ];
        let asks = |value: &str, reader: ScriptRendering| {
            self.release.kind.script_rendering == reader || !["false", "0", "no", "off"].contains(&value)
        };
        let found =
            variables.into_iter().find(|(_, value, reader)| value.as_deref().is_some_and(|value| asks(value, *reader)));
        found.map(|(variable, ..)| variable)
    }

    /// The file beside a template with the suffix `.src`, and the release's own.
    fn skip_own_file(&self, file: ReleaseFile, found: &mut FoundTemplate) {
        let template = found.template.clone();
        if let Some(template) = &template
            && has_suffix(&template.path, "src")
        {
            let beside = template.path.with_extension("");
            if beside.exists() {
                found.skip(beside.display().to_string(), "its .src wins over it");
            }
        }
        let Some(own) = self.release.own_file(file.name()) else { return };
        let why = match &template {
            Some(template) if template.is_own || template.path == own => return,
            Some(template) if template.adds_to_own && self.release.kind.own_vm_args == OwnVmArgs::UnlessReplaced => {
                format!("not a template, but read before the one of {}, which wins", template.named_by)
            }
            Some(template) => format!("the template of {} takes its place", template.named_by),
            None if !self.own_files => "BEAMINIT_RENDER is off: the release reads it as it is".into(),
            None => "not a template: neither REPLACE_OS_VARS nor RELX_REPLACE_OS_VARS is set".into(),
        };
        found.skip(own.display().to_string(), why);
    }

    /// A plain command may not care for the variable at all; a release started without its template would run under
    /// another name.
    fn miss(&self, found: &mut FoundTemplate, message: String, hint: &str) {
        if self.release.kind.is_beam {
            found.error = Some(Error::new(Stage::Release, exit::NO_INPUT, message).hint(hint));
        } else {
            found.warning = Some(Problem::new(message).hint(hint));
        }
    }
}

impl FoundTemplate {
    fn skip(&mut self, what: String, why: impl Into<String>) {
        self.skipped.push(SkippedTemplate { what, why: why.into() });
    }

    /// Whether nothing further counts.
    fn has_ended(&self) -> bool {
        self.template.is_some() || self.warning.is_some() || self.error.is_some()
    }
}

impl Release {
    /// Whether the release's own script would make a file of this template, beside it or where a variable says.
    pub(crate) fn renders_by_itself(&self, template: &Template) -> bool {
        self.kind.script_rendering == ScriptRendering::SrcFiles && has_suffix(&template.path, "src")
    }

    /// The file of that name that the release would take by itself, or its `.src`.
    pub(crate) fn own_file(&self, name: &str) -> Option<PathBuf> {
        let layout = self.layout.as_ref()?;
        if self.kind.script_rendering == ScriptRendering::SrcFiles
            && let Some(file) = existing(&layout.root.join(name))
        {
            return Some(file);
        }
        existing(&layout.version_dir.join(name))
    }
}

/// Distillery and relx take the release's own file then; to a mix release the variable may mean something else.
fn without_vm_args(dir: &str, own_is_template: bool) -> Option<Problem> {
    if existing(&Path::new(dir).join(SYS_CONFIG)).is_none() {
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

/// `PATH.src`, else `PATH`, whichever is there.
fn existing(path: &Path) -> Option<PathBuf> {
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
