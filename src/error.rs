//! What the operator reads when a start fails: `beaminit: <stage>: <what>: <cause>`, then a hint with the cure.
//!
//! Pure: no I/O, no clock.

use std::fmt;

/// No error is longer: of what scrolls away nobody reads the beginning.
pub(crate) const MAX_LINES: usize = 12;
/// No line is longer, in characters.
const MAX_LINE: usize = 1000;

/// The part of a start that failed, by the name that messages and logs give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading the command line.
    Cli,
    /// Installing signal handlers.
    Signals,
    /// Reading our settings from the environment.
    Config,
    /// Finding out who the pod is.
    Identity,
    /// Finding the release and its templates.
    Release,
    /// Rendering and checking templates.
    Render,
    /// Waiting for the pod's own record.
    Wait,
    /// Writing files and building the release's environment.
    HandOver,
    /// Starting and supervising the release.
    Supervise,
    /// Joining a release that runs.
    Exec,
    /// None: beaminit itself is wrong.
    Bug,
}

/// Everything that is wrong at one stage, and the exit code that says so. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Where.
    pub stage: Stage,
    /// The exit code, one of [`crate::exit`]'s.
    pub code: u8,
    /// What, at least one.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `<what>: <cause>`: lower case but for names, no full stop.
    pub message: String,
    /// Lines of the file in question, with a caret under the place.
    pub excerpt: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// How many things this is: one, but for a line that only counts the rest of a file's.
    pub count: usize,
}

impl Error {
    /// An error with one problem.
    pub fn new(stage: Stage, code: u8, message: impl Into<String>) -> Self {
        Self { stage, code, problems: vec![Problem::new(message)] }
    }

    /// The same error with the cure to its last problem.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(problem) = self.problems.pop() {
            self.problems.push(problem.hint(hint));
        }
        self
    }

    /// All problems whole, if there is room; else the first one whole, and of the others as much as leaves a line for each.
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (index, problem) in self.problems.iter().enumerate() {
            let (whole, others) = (problem.lines(self.stage), self.problems.len() - index - 1);
            let room = MAX_LINES - lines.len();
            if index == 0 || whole.len() + others <= room {
                lines.extend(whole);
            } else if others > 0 && room == 1 {
                let rest: usize = self.problems.iter().skip(index).map(|problem| problem.count).sum();
                lines.push(format!("beaminit: {}: and {rest} problems more", self.stage.name()));
                break;
            } else {
                lines.extend(whole.into_iter().next());
            }
        }
        lines
    }
}

impl Problem {
    /// A problem without a hint.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), excerpt: None, hint: None, count: 1 }
    }

    /// The same problem with its cure.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same problem with the lines that show it.
    #[must_use]
    pub fn excerpt(mut self, excerpt: impl Into<String>) -> Self {
        self.excerpt = Some(excerpt.into());
        self
    }

    /// As it is written to the operator, at most five lines.
    fn lines(&self, stage: Stage) -> Vec<String> {
        let mut lines = vec![format!("beaminit: {}: {}", stage.name(), in_one_line(&self.message))];
        lines.extend(self.excerpt.iter().flat_map(|excerpt| excerpt.lines().take(3).map(str::to_owned)));
        lines.extend(self.hint.iter().map(|hint| format!("hint: {}", in_one_line(hint))));
        lines
    }
}

/// A value may hold newlines, and a whole file.
fn in_one_line(text: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    let mut line: String = text.chars().take(MAX_LINE).map(escaped).collect();
    if text.chars().count() > MAX_LINE {
        line.push('…');
    }
    line
}

impl Stage {
    /// The stage as messages name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cli => "cli",
            Self::Signals => "signals",
            Self::Config => "config",
            Self::Identity => "identity",
            Self::Release => "release",
            Self::Render => "render",
            Self::Wait => "wait",
            Self::HandOver => "hand-over",
            Self::Supervise => "supervise",
            Self::Exec => "exec",
            Self::Bug => "bug",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&in_one_line(&self.message))?;
        match &self.hint {
            Some(hint) => write!(f, "; hint: {}", in_one_line(hint)),
            None => Ok(()),
        }
    }
}

/// The kernel's reason as people say it: without its number, in lower case.
#[must_use]
pub(crate) fn cause(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_stage_cause_and_cure() {
        let error = Error::new(Stage::Release, 66, "RELEASE_CONFIG_DIR=/beamconfig: no such directory")
            .hint("mount the ConfigMap there");
        assert_eq!(
            error.to_string(),
            "beaminit: release: RELEASE_CONFIG_DIR=/beamconfig: no such directory\nhint: mount the ConfigMap there"
        );
    }

    fn lines_of(problems: usize) -> Vec<String> {
        let problem = |n| Problem::new(format!("problem {n}")).excerpt("  a\n  ^").hint("cure");
        lines((0..problems).map(problem).collect())
    }

    fn lines(problems: Vec<Problem>) -> Vec<String> {
        let error = Error { stage: Stage::Render, code: 65, problems };
        error.to_string().lines().map(str::to_owned).collect()
    }

    #[test]
    fn what_is_too_much_for_twelve_lines_is_shortened_and_then_counted() {
        assert_eq!(lines_of(3).len(), 12);
        assert!(lines_of(3)[11].starts_with("hint: "));
        let five = lines_of(5);
        assert_eq!(five.len(), 11);
        assert_eq!(five.iter().filter(|line| line.contains("problem")).count(), 5);
        let fifty = lines_of(50);
        assert_eq!((fifty.len(), fifty[11].as_str()), (12, "beaminit: render: and 42 problems more"));
        assert_eq!(fifty[3], "hint: cure");
        let counted = Problem { count: 30, ..Problem::new("30 more of that kind") };
        let all: Vec<_> = (0..20).map(|n| Problem::new(format!("problem {n}"))).chain([counted]).collect();
        assert_eq!(lines(all)[11], "beaminit: render: and 39 problems more");
    }

    #[test]
    fn a_line_is_a_line() {
        let error = Error::new(Stage::Config, 78, format!("X=a\nb\u{1b}[2J{}", "y".repeat(5000))).hint("c\nd");
        let text = error.to_string();
        assert_eq!(text.lines().count(), 2);
        assert!(text.starts_with("beaminit: config: X=a\\nb\\u{1b}[2Jyyy") && text.chars().count() < 1100);
    }
}
