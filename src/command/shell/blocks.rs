//! The blocks of a shell text: `if`, `case`, loops and groups.
//!
//! Pure: no I/O, no clock.

use super::Follower;
use crate::command::conditions::{Likelihood, matches};
use crate::command::expand::{UNKNOWN, keyword};
use crate::command::tokens::{Operator, TokenKind, WordPart};
use std::path::PathBuf;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockKind {
    If,
    Case,
    Loop,
    Braces,
    Subshell,
}

/// An unfinished `if`, `case`, loop or group.
pub(super) struct Block {
    pub(super) kind: BlockKind,
    /// Whether the block as a whole is run.
    pub(super) outer: Likelihood,
    /// Whether the branch that is being read is run, if the block is.
    pub(super) branch: Likelihood,
    /// Whether a branch before it was.
    pub(super) taken: Likelihood,
    /// What `case` compares.
    pub(super) subject: String,
    /// Where a subshell began, and where the text goes on.
    pub(super) directory: Option<PathBuf>,
}

impl<'f> Follower<'f, '_, '_> {
    pub(super) fn begin(&mut self, kind: BlockKind) {
        let (outer, branch) = (self.likelihood(), Likelihood::Always);
        self.connective = None;
        let directory = self.scope.directory.clone();
        let (taken, subject) = (Likelihood::Never, String::new());
        self.blocks.push(Block { kind, outer, branch, taken, subject, directory });
    }

    pub(super) fn end(&mut self, kind: BlockKind) -> Option<Block> {
        let at = self.blocks.iter().rposition(|block| block.kind == kind)?;
        self.status = None;
        self.connective = None;
        self.blocks.drain(at..).next()
    }

    /// Takes the word as a keyword, where it is one.
    pub(super) fn is_keyword(&mut self, parts: &'f [WordPart]) -> bool {
        let Some(word) = keyword(parts) else { return false };
        match word {
            "if" => self.begin(BlockKind::If),
            "then" | "elif" | "else" => self.if_branch(word),
            "fi" => drop(self.end(BlockKind::If)),
            "while" | "until" => self.begin(BlockKind::Loop),
            "for" | "select" => self.begin_for(),
            "do" => self.loop_body(),
            "done" => drop(self.end(BlockKind::Loop)),
            "case" => self.begin_case(),
            "esac" => drop(self.end(BlockKind::Case)),
            "{" => self.begin(BlockKind::Braces),
            "}" => drop(self.end(BlockKind::Braces)),
            "!" => self.is_negated = true,
            "function" => self.named_function(),
            _ => return false,
        }
        true
    }

    pub(super) fn if_branch(&mut self, word: &str) {
        let condition = Likelihood::of(self.status);
        self.connective = None;
        let Some(block) = self.blocks.iter_mut().rev().find(|block| block.kind == BlockKind::If) else { return };
        if word == "then" {
            block.branch = condition.and(block.taken.not());
            block.taken = block.taken.or(block.branch);
        } else {
            block.branch = block.taken.not();
        }
    }

    pub(super) fn begin_for(&mut self) {
        self.begin(BlockKind::Loop);
        let tokens = self.tokens;
        while let Some(TokenKind::Word(parts)) = tokens.get(self.at).map(|token| &token.kind) {
            match keyword(parts) {
                Some("do") => break,
                Some("in") => {}
                Some(name) if self.call.is_empty() => {
                    self.scope.set(name, UNKNOWN.to_owned());
                    self.call.push(parts);
                }
                _ => {}
            }
            self.at += 1;
        }
        self.call.clear();
    }

    pub(super) fn loop_body(&mut self) {
        self.call.clear();
        self.connective = None;
        if let Some(block) = self.blocks.iter_mut().rev().find(|block| block.kind == BlockKind::Loop) {
            block.branch = Likelihood::Maybe;
        }
    }

    pub(super) fn begin_case(&mut self) {
        self.begin(BlockKind::Case);
        let tokens = self.tokens;
        let mut subject = UNKNOWN.to_owned();
        while let Some(token) = tokens.get(self.at) {
            self.at += 1;
            match &token.kind {
                TokenKind::Word(parts) if keyword(parts) == Some("in") => break,
                TokenKind::Word(parts) => subject = self.scope.value(parts),
                TokenKind::Operator(Operator::End) => {}
                TokenKind::Operator(_) => break,
            }
        }
        if let Some(block) = self.blocks.last_mut() {
            block.subject = subject;
        }
        self.case_branch();
    }

    /// Reads the patterns of the next branch, up to its parenthesis.
    pub(super) fn case_branch(&mut self) {
        self.connective = None;
        let Some(at) = self.blocks.iter().rposition(|block| block.kind == BlockKind::Case) else { return };
        self.blocks.truncate(at + 1);
        let tokens = self.tokens;
        let mut fits = Likelihood::Never;
        while let Some(token) = tokens.get(self.at) {
            self.at += 1;
            match &token.kind {
                TokenKind::Word(parts) if keyword(parts) == Some("esac") => return drop(self.end(BlockKind::Case)),
                TokenKind::Word(parts) => {
                    let fit = matches(&self.blocks[at].subject, &self.scope.value(parts));
                    fits = fits.or(Likelihood::of(fit));
                }
                TokenKind::Operator(Operator::Close) => break,
                TokenKind::Operator(_) => {}
            }
        }
        let block = &mut self.blocks[at];
        block.branch = fits.and(block.taken.not());
        block.taken = block.taken.or(block.branch);
    }
}
