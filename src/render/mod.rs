//! Rendering: reads a template, replaces its placeholders, reads the result back as the VM will, and says what is wrong
//! with it.

mod fault;
mod file;
mod mask;
mod placeholder;
pub mod sys_config;
pub mod template;
mod variables;
pub mod vm_args;

pub use fault::TextFault;
pub use mask::{masked, masked_text};
pub use placeholder::Notation;
pub use variables::{TemplateVariables, UnsetVariable, ValueOrigin};

use crate::cookie::Cookie;
use crate::error::{Error, Problem};
use crate::identity::name::{Distribution, NodeName};
use file::TemplateFile;
use std::ops::Range;
use std::path::{Path, PathBuf};
use sys_config::{SysConfigScanner, included_files, string_of};
use template::{InsertedValue, Syntax as _};
use vm_args::{NodeFlags, VmArgs, VmArgsScanner};

/// A `vm.args`: rendered, and then known to be one that the VM accepts; or one that nobody renders, which may be wrong.
#[derive(Debug, Default)]
pub struct VmArgsFile {
    /// The file as a whole.
    pub text: String,
    /// The file without the name and the cookie of the node.
    pub without_node_flags: String,
    /// The file without the cookie of the node.
    pub without_cookie: String,
    /// The node's name, if the VM accepts it.
    pub node: Option<(Distribution, NodeName)>,
    /// Whether it has `-sname`.
    pub has_sname: bool,
    /// The node's cookie, if the VM accepts it.
    pub cookie: Option<Cookie>,
    /// How many cookies of the node it has.
    pub cookies: usize,
    /// The template and the values in it.
    pub filled: FilledTemplate,
    /// What is valid but probably a mistake, without the file's name.
    pub warnings: Vec<Problem>,
}

/// A rendered `sys.config`.
#[derive(Debug)]
pub struct RenderedSysConfig {
    /// The file as a whole.
    pub text: String,
    /// The template and the values in it.
    pub filled: FilledTemplate,
    /// What is valid but probably a mistake, without the file's name.
    pub warnings: Vec<Problem>,
}

/// A template's text, and a value for each placeholder in it.
#[derive(Debug, Default)]
pub struct FilledTemplate {
    /// As it was read.
    pub template: String,
    /// In the order of their placeholders.
    pub values: Vec<InsertedValue>,
}

/// What the VM of a `vm.args` has around it.
#[derive(Clone, Copy, Debug, Default)]
pub struct VmSurroundings<'a> {
    /// Whether the pod has IPv6 addresses only.
    pub ipv6_only: bool,
    /// The directory in which the VM starts, if not beaminit's own.
    pub working_dir: Option<&'a Path>,
}

/// Reads a `vm.args` that nobody renders, if it can be read.
#[must_use]
pub fn read_vm_args(path: &Path) -> Option<VmArgsFile> {
    let text = file::read(path, VmArgsScanner::default().max_len()).ok()?;
    let args = VmArgs::read(text.clone()).ok()?;
    let placeholders = args.placeholders().into_iter().chain(args.typographic_words());
    let mut warnings = args.warnings(false);
    warnings.extend(placeholders.map(|fault| fault.into_warning(&text)));
    Some(VmArgsFile { warnings, ..unchecked(args) })
}

/// Renders the `vm.args` template at `path`; without `variables` it is taken as it is, whatever is wrong with it.
///
/// # Errors
/// It cannot be read (66), or it or what it renders to is wrong (65). Nothing is written.
pub fn vm_args(
    path: &Path,
    variables: Option<&TemplateVariables<'_>>,
    surroundings: VmSurroundings<'_>,
) -> Result<VmArgsFile, Error> {
    let template = TemplateFile::<VmArgsScanner>::read(path)?;
    let Some(variables) = variables else {
        let filled = FilledTemplate { template: template.text.clone(), values: Vec::new() };
        return Ok(match VmArgs::read(template.text.clone()) {
            Ok(args) => VmArgsFile { filled, ..unchecked(args) },
            Err(_) => VmArgsFile { text: template.text, filled, ..VmArgsFile::default() },
        });
    };
    let rendered = template.render(variables)?;
    let invalid = |faults| template.invalid(&rendered, faults);
    let args = VmArgs::read(rendered.text.clone()).map_err(|fault| invalid(vec![fault]))?;
    let NodeFlags { node, cookie } = args.node_flags().map_err(invalid)?;
    let mut warnings = args.warnings(surroundings.ipv6_only);
    let mut faults = args.typographic_words();
    let mut edits = args.plain_node_flags();
    for (nested, place, offset) in args.nested_files() {
        match resolve(nested, path, surroundings.working_dir) {
            NestedFile::Found => {}
            NestedFile::Moved(file) => edits.push((place, vm_args::word_of(&file))),
            NestedFile::Missing => faults.push(missing_file(nested, offset)),
        }
    }
    let faults = faults.into_iter().map(|fault| rendered.fault_in_template(fault));
    warnings.extend(rendered.warnings.iter().cloned().chain(faults).map(|fault| fault.into_warning(&template.text)));
    let edited =
        if edits.is_empty() { args } else { VmArgs::read(args.edited(edits)).map_err(|fault| invalid(vec![fault]))? };
    let filled = FilledTemplate { values: rendered.values, template: template.text };
    Ok(VmArgsFile { node, cookie, filled, warnings, ..unchecked(edited) })
}

/// What can be said of a `vm.args` without refusing it.
fn unchecked(args: VmArgs) -> VmArgsFile {
    let (node, cookie) = args.node_flags().map_or((None, None), |flags| (flags.node, flags.cookie));
    VmArgsFile {
        without_node_flags: args.without_node_flags(),
        without_cookie: args.without_cookie(),
        node,
        cookie,
        has_sname: args.has("-sname"),
        cookies: args.own_cookies().count(),
        text: args.text,
        ..VmArgsFile::default()
    }
}

/// Renders the `sys.config` template at `path`; without `variables` it is taken as it is.
///
/// # Errors
/// As [`vm_args()`].
pub fn sys_config(path: &Path, variables: Option<&TemplateVariables<'_>>) -> Result<RenderedSysConfig, Error> {
    let template = TemplateFile::<SysConfigScanner>::read(path)?;
    let Some(variables) = variables else {
        let filled = FilledTemplate { template: template.text.clone(), values: Vec::new() };
        return Ok(RenderedSysConfig { text: template.text, filled, warnings: Vec::new() });
    };
    let rendered = template.render(variables)?;
    let text = sys_config::read_back(&rendered).map_err(|fault| template.invalid(&rendered, vec![fault]))?;
    let warnings = rendered.warnings.iter().cloned().map(|fault| fault.into_warning(&template.text)).collect();
    let filled = FilledTemplate { values: rendered.values, template: template.text };
    Ok(RenderedSysConfig { text: with_included_files(text, path), filled, warnings })
}

/// The text with the names of files in full that are beside the template: the VM looks for them beside what it reads.
fn with_included_files(text: String, template: &Path) -> String {
    let mut moved: Vec<(Range<usize>, String)> = Vec::new();
    for (place, name) in included_files(&text) {
        let file = beside(template, name);
        let stem = name.strip_suffix(".config").unwrap_or(name);
        if Path::new(name).is_relative() && beside(template, &format!("{stem}.config")).is_file() {
            moved.push((place, string_of(&file.to_string_lossy())));
        }
    }
    let mut text = text;
    for (place, name) in moved.into_iter().rev() {
        text.replace_range(place, &name);
    }
    text
}

/// Where a file is that `-args_file` names.
enum NestedFile {
    /// Where the VM will look.
    Found,
    /// Beside the template only, which is not where the rendered file will be.
    Moved(PathBuf),
    Missing,
}

fn resolve(nested: &str, template: &Path, working_dir: Option<&Path>) -> NestedFile {
    let beside = beside(template, nested);
    if working_dir.unwrap_or(Path::new("")).join(nested).is_file() {
        NestedFile::Found
    } else if beside.is_file() {
        NestedFile::Moved(beside)
    } else {
        NestedFile::Missing
    }
}

/// The file of this name beside the template, by its absolute path.
fn beside(template: &Path, name: &str) -> PathBuf {
    let file = template.parent().unwrap_or(Path::new("")).join(name);
    std::path::absolute(&file).unwrap_or(file)
}

/// The start script may still create it, for instance in a hook.
fn missing_file(nested: &str, offset: usize) -> TextFault {
    let message = format!("-args_file {nested}: no such file");
    let hint =
        "unless the start script makes it, the VM will not start: give the ConfigMap that file too, or remove the flag";
    TextFault::new(offset, message).hint(hint)
}

#[cfg(test)]
mod tests;
