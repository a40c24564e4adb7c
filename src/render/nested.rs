//! Files that a `vm.args` names: found from the rendered file's new place, and templates themselves if they are beside
//! it and have placeholders.

use super::fault::TextFault;
use super::file::{TemplateFile, beside};
use super::sys_config::SysConfigScanner;
use super::sys_config_file::sys_config;
use super::template::FilledTemplate;
use super::variables::TemplateVariables;
use super::vm_args::{FileFlag, VmArgs, VmArgsScanner};
use crate::error::{Error, Problem};
use crate::file::BESIDE;
use std::path::{Path, PathBuf};

/// What the VM of a `vm.args` has around it.
#[derive(Clone, Copy, Debug, Default)]
pub struct VmSurroundings<'a> {
    /// Whether the pod has IPv6 addresses only.
    pub ipv6_only: bool,
    /// The directory in which the VM starts, if not beaminit's own.
    pub working_dir: Option<&'a Path>,
    /// Whether files beside the template that it names are templates too.
    pub renders_beside: bool,
}

/// A file beside a `vm.args` that names it, rendered.
#[derive(Debug)]
pub struct NestedFile {
    pub flag: &'static str,
    pub path: PathBuf,
    /// What it is called in the run directory.
    pub name: String,
    /// The file as a whole.
    pub text: String,
    /// The template and the values in it.
    pub filled: FilledTemplate,
    /// What is valid but probably a mistake, without the file's name.
    pub warnings: Vec<Problem>,
}

/// What becomes of a file's name.
pub(super) enum Resolved {
    /// The VM finds it.
    Found,
    /// It is beside the template only, which is not where the rendered file will be.
    Moved(PathBuf),
    Rendered(NestedFile),
    Missing,
}

impl NestedFile {
    /// The path that the VM gets, as [`BESIDE`] has it.
    pub(super) fn path_in_run_dir(&self) -> PathBuf {
        Path::new(BESIDE).with_file_name(&self.name)
    }
}

/// # Errors
/// The file is a template, and it or what it renders to is wrong (65).
pub(super) fn resolve(
    named: &FileFlag<'_>,
    template: &Path,
    variables: &TemplateVariables<'_>,
    surroundings: VmSurroundings<'_>,
) -> Result<Resolved, Error> {
    let name = file_name(named);
    let file = beside(template, &name);
    let is_found = surroundings.working_dir.unwrap_or(Path::new("")).join(&name).is_file();
    if !is_found && !file.is_file() {
        return Ok(Resolved::Missing);
    }
    // Behind an absolute path nothing can be joined, so this is the file itself.
    let is_beside = file.is_file() && file.parent() == beside(template, "x").parent();
    if surroundings.renders_beside
        && is_beside
        && let Some(rendered) = render(named.flag, &file, variables)?
    {
        return Ok(Resolved::Rendered(rendered));
    }
    Ok(if is_found { Resolved::Found } else { Resolved::Moved(file) })
}

/// The VM takes a `-config` with and without its suffix.
fn file_name(named: &FileFlag<'_>) -> String {
    let name = named.file;
    if named.flag == "-config" && !name.ends_with(".config") { format!("{name}.config") } else { name.to_owned() }
}

/// The file rendered, if it has placeholders. One that cannot be read as a template is left to the VM.
fn render(flag: &'static str, path: &Path, variables: &TemplateVariables<'_>) -> Result<Option<NestedFile>, Error> {
    let (text, filled, warnings) = if flag == "-args_file" {
        let Ok(template) = TemplateFile::<VmArgsScanner>::read(path) else { return Ok(None) };
        let rendered = template.render(variables)?;
        if let Err(fault) = VmArgs::read(rendered.text.clone()) {
            return Err(template.invalid(&rendered, vec![fault]));
        }
        let warnings = rendered.warnings.into_iter().map(|fault| fault.into_warning(&template.text)).collect();
        (rendered.text, FilledTemplate { values: rendered.values, template: template.text }, warnings)
    } else {
        if TemplateFile::<SysConfigScanner>::read(path).is_err() {
            return Ok(None);
        }
        let rendered = sys_config(path, Some(variables))?;
        (rendered.text, rendered.filled, rendered.warnings)
    };
    if filled.values.is_empty() {
        return Ok(None);
    }
    let name = format!("beside-{}", path.file_name().unwrap_or_default().to_string_lossy());
    Ok(Some(NestedFile { flag, path: path.to_owned(), name, text, filled, warnings }))
}

/// The start script may still create it, for instance in a hook.
pub(super) fn missing_file(named: &FileFlag<'_>) -> TextFault {
    let message = format!("-args_file {}: no such file", named.file);
    let hint =
        "unless the start script makes it, the VM will not start: give the ConfigMap that file too, or remove the flag";
    TextFault::new(named.offset, message).hint(hint)
}
