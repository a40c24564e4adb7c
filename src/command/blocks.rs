//! The unfinished blocks of a shell text: `if`, `case`, loops and groups.
//!
//! Pure: no I/O, no clock.

use super::conditions::Likelihood;
use std::path::PathBuf;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockKind {
    If,
    Case,
    Loop,
    Braces,
    Subshell,
}

/// An unfinished `if`, `case`, loop or group.
pub(crate) struct Block {
    kind: BlockKind,
    /// Whether the block as a whole is run.
    outer: Likelihood,
    /// Whether the branch that is being read is run, if the block is.
    branch: Likelihood,
    /// Whether a branch before it was.
    taken: Likelihood,
    /// What `case` compares.
    pub(crate) subject: String,
    /// Where a subshell began, and where the text goes on.
    pub(crate) directory: Option<PathBuf>,
}

/// The blocks that are not closed yet, the innermost last.
#[derive(Default)]
pub(crate) struct BlockStack(Vec<Block>);

impl BlockStack {
    pub(crate) fn begin(&mut self, kind: BlockKind, outer: Likelihood, directory: Option<PathBuf>) {
        let (branch, taken) = (Likelihood::Always, Likelihood::Never);
        self.0.push(Block { kind, outer, branch, taken, subject: String::new(), directory });
    }

    /// Closes the innermost block of this kind, with what was not closed within.
    pub(crate) fn end(&mut self, kind: BlockKind) -> Option<Block> {
        let at = self.0.iter().rposition(|block| block.kind == kind)?;
        self.0.drain(at..).next()
    }

    /// Whether what is being read is run.
    pub(crate) fn likelihood(&self) -> Likelihood {
        self.0.iter().map(|block| block.outer.and(block.branch)).min().unwrap_or(Likelihood::Always)
    }

    pub(crate) fn has_subshell(&self) -> bool {
        self.0.iter().any(|block| block.kind == BlockKind::Subshell)
    }

    pub(crate) fn innermost(&mut self, kind: BlockKind) -> Option<&mut Block> {
        self.0.iter_mut().rev().find(|block| block.kind == kind)
    }

    /// A branch begins: it is run if its condition holds and no branch before it was.
    pub(crate) fn begin_branch(&mut self, kind: BlockKind, condition: Likelihood) {
        if let Some(block) = self.innermost(kind) {
            block.branch = condition.and(block.taken.not());
            block.taken = block.taken.or(block.branch);
        }
    }

    /// `elif` or `else`
    pub(crate) fn begin_else(&mut self) {
        if let Some(block) = self.innermost(BlockKind::If) {
            block.branch = block.taken.not();
        }
    }

    /// What the innermost `case` compares, whose branch before is closed.
    pub(crate) fn next_branch(&mut self) -> Option<String> {
        let at = self.0.iter().rposition(|block| block.kind == BlockKind::Case)?;
        self.0.truncate(at + 1);
        Some(self.0[at].subject.clone())
    }
}
