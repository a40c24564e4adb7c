//! What the operator reads when a start fails: `beaminit: <stage>: <what>: <cause>`, then a hint with the cure.
//!
//! Pure: no I/O, no clock.

use std::fmt;

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
}

/// Everything that is wrong at one stage, and the exit code that says so. Holds no secret.
#[derive(Debug, PartialEq, Eq)]
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
}

impl Problem {
    /// A problem without a hint.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), excerpt: None, hint: None }
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
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "beaminit: {}: {}", self.stage.name(), problem.message)?;
            if let Some(excerpt) = &problem.excerpt {
                write!(f, "\n{excerpt}")?;
            }
            if let Some(hint) = &problem.hint {
                write!(f, "\nhint: {hint}")?;
            }
        }
        Ok(())
    }
}

/// The kernel's reason as people say it: without its number, in lower case.
#[must_use]
pub fn cause(error: &std::io::Error) -> String {
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
}
