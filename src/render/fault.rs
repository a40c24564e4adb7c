//! What is wrong with a text, and where.
//!
//! Pure: no I/O, no clock.

use crate::error::Problem;

/// Something wrong at a place in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFault {
    /// In bytes.
    pub offset: usize,
    pub message: String,
    pub hint: Option<String>,
}

impl TextFault {
    pub(super) fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, message: message.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The fault as `PATH:LINE:COLUMN: MESSAGE`, with a caret under its line, which is taken from `shown`: the text with
    /// its secrets masked. Lines and columns count from 1, columns in characters.
    #[must_use]
    pub fn locate(self, path: &str, text: &str, shown: &str) -> Problem {
        let before = text.get(..self.offset).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let number = line_number(text, self.offset);
        let column = before.get(start..).unwrap_or_default().chars().count();
        let excerpt = line(shown, number).map(|line| {
            // Tabs stay tabs, so that the caret is under its character at every tab width.
            let margin: String = line.chars().take(column).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            format!("  {line}\n  {margin}^")
        });
        self.into_problem(&format!("{path}:{number}:{}", column + 1), excerpt)
    }

    /// The fault as `PATH:LINE: MESSAGE`, with its line of `shown`.
    #[must_use]
    pub fn locate_line(self, path: &str, text: &str, shown: &str) -> Problem {
        let number = line_number(text, self.offset);
        self.into_problem(&format!("{path}:{number}"), line(shown, number).map(|line| format!("  {line}")))
    }

    /// The fault as `line LINE: MESSAGE`, for warnings, where the file is known.
    pub(super) fn into_warning(self, text: &str) -> Problem {
        let number = line_number(text, self.offset);
        self.into_problem(&format!("line {number}"), None)
    }

    fn into_problem(self, place: &str, excerpt: Option<String>) -> Problem {
        let problem = Problem::new(format!("{place}: {}", self.message));
        Problem { excerpt, hint: self.hint, ..problem }
    }
}

fn line_number(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or(text).matches('\n').count() + 1
}

/// The line of this number, if it can be shown on a screen.
fn line(text: &str, number: usize) -> Option<&str> {
    text.lines().nth(number - 1).filter(|line| line.len() <= 400)
}
