//! The words and operators of a shell text, not yet expanded.
//!
//! Pure: no I/O, no clock.

/// A word or an operator, and the line it is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) line: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Word(Vec<WordPart>),
    Operator(Operator),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    /// `;`, a newline, or `&`.
    End,
    /// `;;`
    EndOfBranch,
    And,
    Or,
    Pipe,
    Open,
    Close,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WordPart {
    Literal { text: String, is_quoted: bool },
    Parameter { name: String, operator: &'static str, operand: Vec<WordPart>, is_quoted: bool },
    Substitution { text: String, is_quoted: bool },
    Unknown,
}

/// Of `$NAME`, which is the same as `${NAME-}`: nothing where it is unset.
pub(crate) const PLAIN: &str = "-";
/// An operation of which only that it changes the value is known.
pub(crate) const OTHER_OPERATION: &str = "";

/// What is written there, without expansions.
pub(crate) fn literal(parts: &[WordPart]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        WordPart::Literal { text, .. } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// The word, if it is one that may be a keyword: nothing of it is quoted or expanded.
pub(crate) fn keyword(parts: &[WordPart]) -> Option<&str> {
    match parts {
        [WordPart::Literal { text, is_quoted: false }] => Some(text),
        _ => None,
    }
}
