//! A `sys.config` template, rendered.

use super::file::{TemplateFile, beside};
use super::sys_config::{SysConfigScanner, edits_of_read_back, included_files, string_of};
use super::template::{Edit, FilledTemplate, edited};
use super::variables::TemplateVariables;
use crate::error::{Error, Problem};
use std::path::Path;

#[derive(Debug)]
pub struct RenderedSysConfig {
    /// The file as a whole.
    pub text: String,
    /// The template and the values in it.
    pub filled: FilledTemplate,
    /// What is valid but probably a mistake, without the file's name.
    pub warnings: Vec<Problem>,
}

/// Renders the `sys.config` template at `path`; without `variables` it is taken as it is.
///
/// # Errors
/// It cannot be read (66), or it or what it renders to is wrong (65). Nothing is written.
pub fn sys_config(path: &Path, variables: Option<&TemplateVariables<'_>>) -> Result<RenderedSysConfig, Error> {
    let template = TemplateFile::<SysConfigScanner>::read(path)?;
    let Some(variables) = variables else {
        let filled = FilledTemplate { template: template.text.clone(), values: Vec::new() };
        return Ok(RenderedSysConfig { text: template.text, filled, warnings: Vec::new() });
    };
    let rendered = template.render(variables)?;
    let in_bytes = edits_of_read_back(&rendered).map_err(|fault| template.invalid(&rendered, vec![fault]))?;
    let mut text = edited(&rendered.text, &in_bytes);
    let included = edits_of_included_files(&text, path);
    let warnings = rendered.warnings.iter().cloned().map(|fault| fault.into_warning(&template.text)).collect();
    let filled = FilledTemplate { values: rendered.values, template: template.text };
    let filled = filled.moved_by(&in_bytes).moved_by(&included);
    drop(in_bytes);
    if !included.is_empty() {
        text = edited(&text, &included);
    }
    Ok(RenderedSysConfig { text, filled, warnings })
}

/// The names of files in full that are beside the template: the VM looks for them beside what it reads.
fn edits_of_included_files(text: &str, template: &Path) -> Vec<Edit> {
    let mut moved = Vec::new();
    for (place, name) in included_files(text) {
        let file = beside(template, name);
        let stem = name.strip_suffix(".config").unwrap_or(name);
        if Path::new(name).is_relative() && beside(template, &format!("{stem}.config")).is_file() {
            moved.push((place, string_of(&file.to_string_lossy())));
        }
    }
    moved
}
