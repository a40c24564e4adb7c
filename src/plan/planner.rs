//! A plan in the making, and what is found on the way.

use crate::context::Context;
use crate::error::{Error, Problem, Stage};
use crate::kind::Release;

/// A plan in the making.
pub(super) struct Planner<'a> {
    pub(super) context: &'a Context,
    pub(super) release: Release,
    pub(super) findings: Findings,
}

/// What is wrong and what looks wrong, in the order of the stages.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) errors: Vec<Error>,
    /// With the stage that found it.
    pub(crate) warnings: Vec<(Stage, Problem)>,
}

impl Findings {
    /// What went well, the error kept otherwise.
    pub(crate) fn ok<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.errors.push(error);
                None
            }
        }
    }

    pub(crate) fn warn(&mut self, stage: Stage, problem: Problem) {
        if !self.warnings.contains(&(stage, problem.clone())) {
            self.warnings.push((stage, problem));
        }
    }
}
