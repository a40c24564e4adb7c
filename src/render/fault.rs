//! What is wrong with a text, shown where it stands.
//!
//! Pure: no I/O, no clock.

use crate::error::Problem;

/// Something wrong at a place of a text.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where: a byte offset.
    pub offset: usize,
    /// What.
    pub message: String,
    /// The cure.
    pub hint: Option<String>,
}

impl Fault {
    /// The same fault with its cure.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The fault as `PATH:LINE:COLUMN: MESSAGE`, with a caret under its line, the one of `shown`: the text with its
    /// secrets masked. Lines and columns count from 1, columns in characters.
    #[must_use]
    pub fn locate(self, path: &str, text: &str, shown: &str) -> Problem {
        let before = text.get(..self.offset).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let number = before.matches('\n').count() + 1;
        let column = before.get(start..).unwrap_or_default().chars().count();
        self.problem(
            &format!("{path}:{number}:{}", column + 1),
            line(shown, number).map(|line| {
                // Tabs stay tabs, so that the caret stands under its character at every tab width.
                let margin: String = line.chars().take(column).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
                format!("  {line}\n  {margin}^")
            }),
        )
    }

    /// The fault as `PATH:LINE: MESSAGE`, with its line of `shown`, where that and the text agree in lines alone.
    #[must_use]
    pub fn locate_line(self, path: &str, text: &str, shown: &str) -> Problem {
        let number = text.get(..self.offset).unwrap_or(text).matches('\n').count() + 1;
        self.problem(&format!("{path}:{number}"), line(shown, number).map(|line| format!("  {line}")))
    }

    fn problem(self, place: &str, excerpt: Option<String>) -> Problem {
        let problem = Problem::new(format!("{place}: {}", self.message));
        Problem { excerpt, hint: self.hint, ..problem }
    }
}

/// The line of this number, if it can be shown on a screen.
fn line(text: &str, number: usize) -> Option<&str> {
    text.lines().nth(number - 1).filter(|line| line.len() <= 400)
}
