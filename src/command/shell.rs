//! Which simple commands a shell text may run, in their order, with their words.
//!
//! A text is followed, not run: of a branch whose condition is known not to hold nothing is taken; of one that is not
//! known, everything.
//!
//! Pure: no I/O, no clock.

use super::blocks::{Block, BlockKind, BlockStack};
use super::conditions::{Likelihood, matches, status};
use super::expand::{MAX_NESTING, ShellScope, UNKNOWN, assignment, is_known};
use super::tokens::{Operator, Token, TokenKind, WordPart, keyword, literal};
use std::collections::BTreeMap;
use std::ops::Range;

/// Gets what the text may do, in its order.
pub(crate) trait ShellVisitor {
    /// A program is called. Builtins that only matter to the text itself do not come here.
    fn call(&mut self, words: &[String], line: usize, scope: &mut ShellScope<'_>);

    /// A variable is set.
    fn assign(&mut self, _name: &str, _line: usize) {}

    /// Whether one more command may be looked at.
    fn spend(&mut self) -> bool;
}

/// Follows a text. Afterwards `scope` is as the text would leave it.
pub(crate) fn follow_text(tokens: &[Token], scope: &mut ShellScope<'_>, visitor: &mut dyn ShellVisitor) {
    let mut follower = Follower {
        tokens,
        functions: BTreeMap::new(),
        scope,
        visitor,
        at: 0,
        blocks: BlockStack::default(),
        call: Vec::new(),
        line: 0,
        connective: None,
        status: Likelihood::Always,
        is_negated: false,
        ended: None,
    };
    follower.follow(0..tokens.len());
}

/// What was certainly reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// `return`
    Function,
    /// `exec` or `exit`
    Text,
}

struct Follower<'f, 's, 'e> {
    tokens: &'f [Token],
    /// Where the bodies are.
    functions: BTreeMap<String, Range<usize>>,
    scope: &'s mut ShellScope<'e>,
    visitor: &'s mut dyn ShellVisitor,
    at: usize,
    blocks: BlockStack,
    call: Vec<&'f [WordPart]>,
    line: usize,
    /// `&&` or `||` before the command that is being read.
    connective: Option<Operator>,
    /// Whether the last command succeeds.
    status: Likelihood,
    is_negated: bool,
    ended: Option<Ending>,
}

impl<'f> Follower<'f, '_, '_> {
    fn follow(&mut self, range: Range<usize>) {
        self.at = range.start;
        let tokens = self.tokens;
        while self.at < range.end && self.ended.is_none() {
            let token = &tokens[self.at];
            self.at += 1;
            match &token.kind {
                TokenKind::Operator(operator) => self.operator(*operator),
                TokenKind::Word(parts) if self.call.is_empty() => {
                    self.line = token.line;
                    if !self.is_keyword(parts) {
                        self.call.push(parts);
                    }
                }
                TokenKind::Word(parts) => self.call.push(parts),
            }
        }
        if self.ended.is_none() {
            self.end_command();
        }
    }

    fn operator(&mut self, operator: Operator) {
        if self.call.first().is_some_and(|word| keyword(word) == Some("[[")) && self.in_double_brackets(operator) {
            return;
        }
        if operator == Operator::Open && self.call.len() == 1 && self.is_function() {
            return;
        }
        self.end_command();
        match operator {
            Operator::And | Operator::Or => self.connective = Some(operator),
            Operator::End => self.connective = None,
            Operator::Pipe => {
                self.connective = None;
                self.status = Likelihood::Maybe;
            }
            Operator::Open => self.begin(BlockKind::Subshell),
            Operator::Close => {
                if let Some(block) = self.end(BlockKind::Subshell) {
                    self.scope.directory = block.directory;
                }
            }
            Operator::EndOfBranch => self.case_branch(),
        }
    }

    /// Inside `[[ … ]]` operators are part of the condition, of which then nothing is known.
    fn in_double_brackets(&mut self, operator: Operator) -> bool {
        let is_closed = self.call.last().is_some_and(|word| keyword(word) == Some("]]"));
        let is_inside = !is_closed && operator != Operator::End && operator != Operator::EndOfBranch;
        if is_inside {
            const UNKNOWN_WORD: &[WordPart] = &[WordPart::Unknown];
            self.call.push(UNKNOWN_WORD);
        }
        is_inside
    }

    /// How likely what comes next is run.
    fn likelihood(&self) -> Likelihood {
        let of_list = match self.connective {
            Some(Operator::And) => self.status,
            Some(Operator::Or) => self.status.not(),
            _ => Likelihood::Always,
        };
        self.blocks.likelihood().and(of_list)
    }

    fn begin(&mut self, kind: BlockKind) {
        self.blocks.begin(kind, self.likelihood(), self.scope.directory.clone());
        self.connective = None;
    }

    fn end(&mut self, kind: BlockKind) -> Option<Block> {
        self.status = Likelihood::Maybe;
        self.connective = None;
        self.blocks.end(kind)
    }

    /// Takes the word as a keyword, where it is one.
    fn is_keyword(&mut self, parts: &'f [WordPart]) -> bool {
        let Some(word) = keyword(parts) else { return false };
        match word {
            "if" => self.begin(BlockKind::If),
            "then" => self.blocks.begin_branch(BlockKind::If, self.status),
            "elif" | "else" => self.blocks.begin_else(),
            "fi" => drop(self.end(BlockKind::If)),
            "while" | "until" => self.begin(BlockKind::Loop),
            "for" | "select" => self.begin_for(),
            // How often is not known, and whether at all.
            "do" => self.blocks.begin_branch(BlockKind::Loop, Likelihood::Maybe),
            "done" => drop(self.end(BlockKind::Loop)),
            "case" => self.begin_case(),
            "esac" => drop(self.end(BlockKind::Case)),
            "{" => self.begin(BlockKind::Braces),
            "}" => drop(self.end(BlockKind::Braces)),
            "!" => {
                self.is_negated = true;
                return true;
            }
            "function" => self.named_function(),
            _ => return false,
        }
        self.connective = None;
        true
    }

    fn begin_for(&mut self) {
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

    fn begin_case(&mut self) {
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
        if let Some(block) = self.blocks.innermost(BlockKind::Case) {
            block.subject = subject;
        }
        self.case_branch();
    }

    /// Reads the patterns of the next branch, up to its parenthesis.
    fn case_branch(&mut self) {
        self.connective = None;
        let Some(subject) = self.blocks.next_branch() else { return };
        let tokens = self.tokens;
        let mut fits = Likelihood::Never;
        while let Some(token) = tokens.get(self.at) {
            self.at += 1;
            match &token.kind {
                TokenKind::Word(parts) if keyword(parts) == Some("esac") => return drop(self.end(BlockKind::Case)),
                TokenKind::Word(parts) => fits = fits.or(Likelihood::of(matches(&subject, &self.scope.value(parts)))),
                TokenKind::Operator(Operator::Close) => break,
                TokenKind::Operator(_) => {}
            }
        }
        self.blocks.begin_branch(BlockKind::Case, fits);
    }

    /// `NAME ( ) { … }`: the parenthesis was just read.
    fn is_function(&mut self) -> bool {
        let tokens = self.tokens;
        let is_closed =
            matches!(tokens.get(self.at).map(|token| &token.kind), Some(TokenKind::Operator(Operator::Close)));
        if !is_closed {
            return false;
        }
        self.at += 1;
        let name = literal(self.call[0]);
        self.call.clear();
        self.function_body(name);
        true
    }

    fn named_function(&mut self) {
        let Some(TokenKind::Word(parts)) = self.tokens.get(self.at).map(|token| &token.kind) else { return };
        let name = literal(parts);
        self.at += 1;
        self.function_body(name);
    }

    /// Remembers the body, which is read where the function is called.
    fn function_body(&mut self, name: String) {
        let tokens = self.tokens;
        let begins = |token: &Token| matches!(&token.kind, TokenKind::Word(parts) if keyword(parts) == Some("{"));
        let Some(length) = tokens[self.at..].iter().take(6).position(begins) else { return };
        let start = self.at + length + 1;
        let mut open = 1;
        for (index, token) in tokens[start..].iter().enumerate() {
            let TokenKind::Word(parts) = &token.kind else { continue };
            open += match keyword(parts) {
                Some("{") => 1,
                Some("}") => -1,
                _ => 0,
            };
            if open == 0 {
                self.functions.insert(name, start..start + index);
                self.at = start + index + 1;
                return;
            }
        }
        self.at = tokens.len();
    }

    /// A simple command is complete.
    fn end_command(&mut self) {
        let call = std::mem::take(&mut self.call);
        let is_negated = std::mem::take(&mut self.is_negated);
        let likelihood = self.likelihood();
        if call.is_empty() || likelihood == Likelihood::Never || !self.visitor.spend() {
            return;
        }
        let mut words = call.as_slice();
        let mut assigned = Vec::new();
        while let Some((name, value)) = words.first().and_then(|word| assignment(word)) {
            assigned.push((name, self.scope.value(&value)));
            words = &words[1..];
        }
        for (name, value) in assigned {
            self.visitor.assign(&name, self.line);
            if words.is_empty() {
                self.set(&name, value, likelihood);
            }
        }
        let expanded: Vec<String> = words.iter().flat_map(|word| self.scope.fields(word)).collect();
        self.status = if words.is_empty() { Likelihood::Always } else { status(&expanded, self.scope) };
        self.run(words, &expanded, likelihood);
        if is_negated {
            self.status = self.status.not();
        }
    }

    /// Where it is not known whether a line is run, what was known before stays.
    fn set(&mut self, name: &str, value: String, likelihood: Likelihood) {
        let known = self.scope.get(name).filter(|known| is_known(known) && !known.is_empty());
        if likelihood == Likelihood::Always || known.is_none() {
            self.scope.set(name, value);
        }
    }

    fn run(&mut self, words: &[&'f [WordPart]], expanded: &[String], likelihood: Likelihood) {
        let Some((program, operands)) = expanded.split_first() else { return };
        let is_certain = likelihood == Likelihood::Always;
        match program.as_str() {
            "export" | "local" | "declare" | "readonly" | "typeset" => {
                for (name, value) in words.iter().filter_map(|word| assignment(word)) {
                    let value = self.scope.value(&value);
                    self.visitor.assign(&name, self.line);
                    self.set(&name, value, likelihood);
                }
            }
            ":" => self.assign_defaults(words),
            "read" | "unset" => {
                let value = if program == "read" { UNKNOWN } else { "" };
                operands
                    .iter()
                    .filter(|name| !name.starts_with('-'))
                    .for_each(|name| self.scope.set(name, value.to_owned()));
            }
            "cd" | "pushd" => self.scope.change_directory(operands),
            "shift" if is_certain => {
                let count = operands.first().and_then(|count| count.parse().ok()).unwrap_or(1);
                let count = self.scope.arguments.len().min(count);
                self.scope.arguments.drain(..count);
            }
            "set" if operands.first().is_some_and(|word| word == "--") => self.scope.arguments = operands[1..].to_vec(),
            "exit" if self.is_whole(is_certain) => self.ended = Some(Ending::Text),
            "return" if self.is_whole(is_certain) => self.ended = Some(Ending::Function),
            "exit" | "return" => {}
            _ => self.call_program(program, operands, expanded, is_certain),
        }
    }

    fn call_program(&mut self, program: &str, operands: &[String], expanded: &[String], is_certain: bool) {
        if let Some(body) = self.functions.get(program).cloned() {
            return self.call_function(body, operands, is_certain);
        }
        self.visitor.call(expanded, self.line, self.scope);
        if program == "exec" && !operands.is_empty() && self.is_whole(is_certain) {
            self.ended = Some(Ending::Text);
        }
    }

    /// Whether what is certain here is so for the whole text, and not only for a subshell of it.
    fn is_whole(&self, is_certain: bool) -> bool {
        is_certain && !self.blocks.has_subshell()
    }

    fn call_function(&mut self, body: Range<usize>, operands: &[String], is_certain: bool) {
        if self.scope.nesting >= MAX_NESTING {
            return;
        }
        self.scope.nesting += 1;
        let arguments = std::mem::replace(&mut self.scope.arguments, operands.to_vec());
        let around = (self.at, std::mem::take(&mut self.blocks), self.connective.take(), self.status);
        self.follow(body);
        (self.at, self.blocks, self.connective, self.status) = around;
        self.scope.arguments = arguments;
        self.scope.nesting -= 1;
        let ends_text = self.ended == Some(Ending::Text) && self.is_whole(is_certain);
        self.ended = ends_text.then_some(Ending::Text);
    }

    /// `: ${NAME:=value}`
    fn assign_defaults(&mut self, words: &[&'f [WordPart]]) {
        for part in words.iter().flat_map(|word| word.iter()) {
            if let WordPart::Parameter { name, operator: ":=" | "=", operand, .. } = part
                && self.scope.get(name).is_none_or(|given| given.is_empty())
            {
                let value = self.scope.value(operand);
                self.scope.set(name, value);
            }
        }
    }
}
