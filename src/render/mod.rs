//! Rendering: reads a template, replaces its placeholders, reads the result back as the VM will, and says what is wrong
//! with it.

mod fault;
mod file;
mod mask;
mod nested;
mod placeholder;
pub mod sys_config;
mod sys_config_file;
pub(crate) mod template;
mod variables;
pub mod vm_args;

pub use fault::TextFault;
pub(crate) use mask::{MASK, is_secret};
pub use mask::{masked, masked_text};
pub(crate) use nested::NestedFile;
pub use nested::VmSurroundings;
pub(crate) use sys_config_file::RenderedSysConfig;
pub use sys_config_file::sys_config;
pub(crate) use template::FilledTemplate;
pub(crate) use variables::ValueOrigin;
pub use variables::{TemplateVariables, UnsetVariable};

use crate::cookie::Cookie;
use crate::error::{Error, Problem};
use crate::file::vm_args_word;
use crate::identity::name::{Distribution, NodeName};
use file::TemplateFile;
use nested::Resolved;
use std::path::Path;
use template::Syntax as _;
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
    pub has_sname: bool,
    /// The node's cookie, if the VM accepts it.
    pub cookie: Option<Cookie>,
    /// How many cookies of the node it has.
    pub cookies: usize,
    /// The flags that say how nodes connect, which its tools need as well.
    pub distribution: String,
    /// The template and the values in it.
    pub filled: FilledTemplate,
    /// Files beside the template that it names and that have placeholders.
    pub nested: Vec<NestedFile>,
    /// What is valid but probably a mistake, without the file's name.
    pub warnings: Vec<Problem>,
}

/// Reads a `vm.args` that nobody renders, if it can be read.
pub(crate) fn read_vm_args(path: &Path) -> Option<VmArgsFile> {
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
    let mut nested: Vec<NestedFile> = Vec::new();
    for named in args.file_flags() {
        match nested::resolve(&named, path, variables, surroundings)? {
            Resolved::Moved(file) => edits.push((named.place, vm_args_word(&file))),
            Resolved::Rendered(file) => {
                edits.push((named.place, vm_args_word(&file.path_in_run_dir())));
                nested.push(file);
            }
            Resolved::Missing if named.flag == "-args_file" => faults.push(nested::missing_file(&named)),
            Resolved::Found | Resolved::Missing => {}
        }
    }
    let faults = faults.into_iter().map(|fault| rendered.fault_in_template(fault));
    warnings.extend(rendered.warnings.iter().cloned().chain(faults).map(|fault| fault.into_warning(&template.text)));
    let edited = if edits.is_empty() {
        args
    } else {
        VmArgs::read(args.edited(&edits)).map_err(|fault| invalid(vec![fault]))?
    };
    let filled = FilledTemplate { values: rendered.values, template: template.text }.moved_by(&edits);
    Ok(VmArgsFile { node, cookie, filled, nested, warnings, ..unchecked(edited) })
}

/// What can be said of a `vm.args` without refusing it.
fn unchecked(args: VmArgs) -> VmArgsFile {
    let (node, cookie) = args.node_flags().map_or((None, None), |flags| (flags.node, flags.cookie));
    VmArgsFile {
        without_node_flags: args.without_node_flags(),
        without_cookie: args.without_cookie(),
        distribution: args.distribution_flags(),
        node,
        cookie,
        has_sname: args.has("-sname"),
        cookies: args.own_cookies().count(),
        text: args.text,
        ..VmArgsFile::default()
    }
}

#[cfg(test)]
mod tests;
