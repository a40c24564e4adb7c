//! The file that a template is.

use super::fault::TextFault;
use super::mask::masked;
use super::template::{RenderedText, Syntax, render};
use super::variables::TemplateVariables;
use crate::error::{Error, Problem, Stage, cause};
use crate::exit;
use crate::file::read_at_most;
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

/// A file with placeholders, of the format that `S` reads.
pub(super) struct TemplateFile<S> {
    name: String,
    pub(super) text: String,
    syntax: PhantomData<S>,
}

/// As many faults of a file as people read.
const MAX_SHOWN: usize = 20;

impl<S: Syntax + Default> TemplateFile<S> {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let text = read(path, S::default().max_len())?;
        Ok(Self { name: path.display().to_string(), text, syntax: PhantomData })
    }

    pub(super) fn render(&self, variables: &TemplateVariables<'_>) -> Result<RenderedText, Error> {
        render(&self.text, variables, &mut S::default())
            .map_err(|faults| self.error(faults, |fault, shown| fault.locate(&self.name, &self.text, shown)))
    }

    /// Faults of the rendered text, shown in the template: the rendered line may hold a secret.
    pub(super) fn invalid(&self, rendered: &RenderedText, faults: Vec<TextFault>) -> Error {
        let mut faults: Vec<_> = faults.into_iter().map(|fault| rendered.fault_in_template(fault)).collect();
        faults.sort_by_key(|fault| fault.offset);
        self.error(faults, |fault, shown| fault.locate_line(&self.name, &self.text, shown))
    }

    fn error(&self, mut faults: Vec<TextFault>, problem: impl Fn(TextFault, &str) -> Problem) -> Error {
        let more = faults.split_off(faults.len().min(MAX_SHOWN)).len();
        let shown = masked(&self.text, &mut S::default());
        let mut problems: Vec<_> = faults.into_iter().map(|fault| problem(fault, &shown)).collect();
        if more > 0 {
            let rest = format!("{}: {more} more of that kind", self.name);
            problems.push(Problem { count: more, ..Problem::new(rest) });
        }
        Error { stage: Stage::Render, code: exit::DATA, problems }
    }
}

pub(super) fn read(path: &Path, max_len: usize) -> Result<String, Error> {
    let fail = |code, cause: String| Error::new(Stage::Render, code, format!("{}: {cause}", path.display()));
    let bytes = read_at_most(max_len as u64, path).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => fail(exit::DATA, cause(&error)).hint("is this the right file?"),
        io::ErrorKind::InvalidInput | io::ErrorKind::IsADirectory => fail(exit::NO_INPUT, cause(&error))
            .hint("name the file itself; with subPath, the ConfigMap must have that key"),
        _ => fail(exit::NO_INPUT, cause(&error))
            .hint("let the container's user read it: defaultMode: 0444 in the ConfigMap's volume, or fsGroup"),
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
        fail(exit::DATA, format!("line {line} is not UTF-8")).hint("save the file as UTF-8")
    })
}

/// The file of this name beside the template, by its absolute path.
pub(super) fn beside(template: &Path, name: &str) -> PathBuf {
    let file = template.parent().unwrap_or(Path::new("")).join(name);
    std::path::absolute(&file).unwrap_or(file)
}
