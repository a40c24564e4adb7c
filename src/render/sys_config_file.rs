//! A `sys.config` template, rendered.

use super::file::{TemplateFile, beside};
use super::sys_config::{SysConfigScanner, included_files, read_back, string_of};
use super::template::FilledTemplate;
use super::variables::TemplateVariables;
use crate::error::{Error, Problem};
use std::ops::Range;
use std::path::Path;

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
    let text = read_back(&rendered).map_err(|fault| template.invalid(&rendered, vec![fault]))?;
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
