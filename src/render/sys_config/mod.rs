//! `sys.config` as the VM reads it: where strings, quoted atoms and comments begin and end, and how a value is written
//! in each.
//!
//! Pure: no I/O, no clock.

mod escapes;
mod read_back;

pub use read_back::{edits_of_read_back, included_files, read_back, string_of};

use super::placeholder::Notation;
use super::template::Syntax;
use escapes::in_quotes;

/// Follows Erlang terms, as `erl_scan` splits them, with the triple-quoted strings and sigils of OTP 27.
#[derive(Clone, Copy, Debug, Default)]
pub struct SysConfigScanner {
    state: TermState,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum TermState {
    /// Outside quotes.
    #[default]
    Plain,
    Comment,
    /// After `$`, which makes a number of the next character.
    Character(Escape),
    /// After `~` and this many letters.
    Sigil {
        letters: usize,
        verbatim: bool,
    },
    /// After this many `"`: one opens a string, two are an empty one, three and more open a triple-quoted one.
    Opening {
        quotes: usize,
        verbatim: bool,
    },
    /// In a string, a quoted atom or a sigil that ends with `close`; where `verbatim`, a backslash is one.
    Quoted {
        close: char,
        verbatim: bool,
        escape: Escape,
    },
    /// In a string that ends with this many `"` at the beginning of a line, of which some were there, if the line may still
    /// end it.
    TripleQuoted {
        quotes: usize,
        closing: Option<usize>,
    },
}

/// Where in an escape sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    Outside,
    Backslash,
    /// After `\^`, which takes the next character whatever it is.
    Caret,
}

impl Escape {
    fn after(self, character: char) -> Self {
        match (self, character) {
            (Self::Outside, '\\') => Self::Backslash,
            (Self::Backslash, '^') => Self::Caret,
            _ => Self::Outside,
        }
    }
}

impl TermState {
    fn after(self, character: char) -> Self {
        match self {
            Self::Plain => Self::opened_by(character),
            Self::Comment if character == '\n' => Self::Plain,
            Self::Comment => Self::Comment,
            Self::Character(escape) => match escape.after(character) {
                Escape::Outside => Self::Plain,
                escape => Self::Character(escape),
            },
            Self::Sigil { letters, verbatim } => Self::of_sigil(letters, verbatim, character),
            Self::Opening { quotes, verbatim } => Self::behind_quotes(quotes, verbatim, character),
            Self::Quoted { close, escape: Escape::Outside, .. } if character == close => Self::Plain,
            Self::Quoted { verbatim: true, .. } => self,
            Self::Quoted { close, verbatim, escape } => {
                Self::Quoted { close, verbatim, escape: escape.after(character) }
            }
            Self::TripleQuoted { quotes, closing } => match (character, closing) {
                ('\n', _) => Self::TripleQuoted { quotes, closing: Some(0) },
                ('"', Some(seen)) if seen + 1 == quotes => Self::Plain,
                ('"', Some(seen)) => Self::TripleQuoted { quotes, closing: Some(seen + 1) },
                (_, Some(0)) if character.is_ascii_whitespace() => self,
                _ => Self::TripleQuoted { quotes, closing: None },
            },
        }
    }

    fn opened_by(character: char) -> Self {
        match character {
            '%' => Self::Comment,
            '$' => Self::Character(Escape::Outside),
            '~' => Self::Sigil { letters: 0, verbatim: false },
            '"' => Self::Opening { quotes: 1, verbatim: false },
            '\'' => Self::Quoted { close: '\'', verbatim: false, escape: Escape::Outside },
            _ => Self::Plain,
        }
    }

    /// The sigils `~`, `~b` and `~s` have escapes; the others, such as `~B` and `~S`, have none.
    fn of_sigil(letters: usize, verbatim: bool, character: char) -> Self {
        let quoted = |close| Self::Quoted { close, verbatim, escape: Escape::Outside };
        match character {
            '"' => Self::Opening { quotes: 1, verbatim },
            '(' => quoted(')'),
            '[' => quoted(']'),
            '{' => quoted('}'),
            '<' => quoted('>'),
            '/' | '|' | '\'' | '`' | '#' => quoted(character),
            '@' | '_' => Self::Sigil { letters: letters + 1, verbatim: true },
            _ if character.is_alphanumeric() => {
                Self::Sigil { letters: letters + 1, verbatim: letters > 0 || !matches!(character, 'b' | 's') }
            }
            _ => Self::opened_by(character),
        }
    }

    fn behind_quotes(quotes: usize, verbatim: bool, character: char) -> Self {
        match (quotes, character) {
            (_, '"') => Self::Opening { quotes: quotes + 1, verbatim },
            (1, _) => Self::Quoted { close: '"', verbatim, escape: Escape::Outside }.after(character),
            (2, _) => Self::Plain.after(character),
            _ => Self::TripleQuoted { quotes, closing: None }.after(character),
        }
    }

    /// Whether the next character is between quotes.
    fn is_quoted(self) -> bool {
        match self {
            Self::Opening { quotes, .. } => quotes != 2,
            Self::Quoted { .. } | Self::TripleQuoted { .. } => true,
            Self::Plain | Self::Comment | Self::Character(_) | Self::Sigil { .. } => false,
        }
    }
}

impl Syntax for SysConfigScanner {
    fn feed(&mut self, character: char) {
        self.state = self.state.after(character);
    }

    fn in_comment(&self) -> bool {
        self.state == TermState::Comment
    }

    fn quote(&self, value: &str, notation: Notation) -> Result<String, String> {
        if let Some(bad) = value.chars().find(|c| matches!(c, '\u{fffe}' | '\u{ffff}')) {
            return Err(format!("has the character {bad:?}, which Erlang does not know"));
        }
        match self.state {
            TermState::Quoted { escape: Escape::Backslash | Escape::Caret, .. } => {
                Err("cannot follow a backslash".into())
            }
            TermState::Quoted { close: '\'', .. } if value.chars().count() > MAX_ATOM => {
                Err(format!("has more than {MAX_ATOM} characters, which no atom can have"))
            }
            TermState::Quoted { close, verbatim: false, .. } => Ok(in_quotes(value, close, notation)),
            TermState::Opening { quotes: 1, verbatim: false } => Ok(in_quotes(value, '"', notation)),
            TermState::Quoted { close, verbatim: true, .. } => without(value, &[close], "in a sigil without escapes"),
            TermState::Opening { quotes: 1, .. } => without(value, &['"'], "in a sigil without escapes"),
            // Whether it has escapes depends on the OTP version.
            TermState::TripleQuoted { .. } | TermState::Opening { quotes: 3.., .. } => {
                without(value, &['"', '\\'], "in a triple-quoted string")
            }
            _ => self.quote_plainly(value),
        }
    }

    fn in_secret(&self) -> bool {
        self.in_comment() || self.state.is_quoted()
    }

    /// As long as a `ConfigMap` can be.
    fn max_len(&self) -> usize {
        1 << 20
    }
}

impl SysConfigScanner {
    /// Outside quotes a value may be a number, an atom, or whole terms on several lines, but what follows it must keep its
    /// meaning.
    fn quote_plainly(&self, value: &str) -> Result<String, String> {
        if let Some(bad) = value.chars().find(|c| c.is_control() && !c.is_ascii_whitespace()) {
            return Err(format!("has the control character {bad:?}, which cannot be outside quotes"));
        }
        let end = value.chars().fold(self.state, TermState::after);
        let opens = match end {
            TermState::Comment => "begins a comment, which would take in the rest of the line",
            TermState::Quoted { .. } | TermState::TripleQuoted { .. } => "opens a quote and does not close it",
            TermState::Opening { quotes, .. } if quotes != 2 => "opens a quote and does not close it",
            TermState::Character(_) | TermState::Sigil { .. } if end != self.state => "would change what follows it",
            _ => return Ok(value.to_owned()),
        };
        Err(format!("{opens}; should the placeholder be in quotes?"))
    }
}

/// In characters; the VM's own limit.
const MAX_ATOM: usize = 255;

/// The value, unless it has one of these characters or a control character.
fn without(value: &str, forbidden: &[char], place: &str) -> Result<String, String> {
    let Some(bad) = value.chars().find(|c| c.is_control() || forbidden.contains(c)) else {
        return Ok(value.to_owned());
    };
    Err(match bad {
        '\n' | '\r' if value.trim_end_matches(['\n', '\r']).chars().any(char::is_control) => {
            format!("has a newline, which cannot be {place}")
        }
        '\n' | '\r' => format!("has a newline at its end, which cannot be {place}"),
        _ if bad.is_control() => format!("has the control character {bad:?}, which cannot be {place}"),
        _ => format!("has the character {bad}, which cannot be {place}"),
    })
}

#[cfg(test)]
mod tests;
