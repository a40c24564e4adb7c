//! `sys.config` as the VM reads it: where strings, quoted atoms and comments begin and end, and how a value stands in
//! each so that it arrives as it is.
//!
//! Pure: no I/O, no clock.

use super::template::Syntax;

/// Follows Erlang terms, as `erl_scan` splits them, with the triple-quoted strings and sigils of OTP 27.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scanner {
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Outside quotes.
    #[default]
    Plain,
    Comment,
    /// Behind `$`, which makes a number of the next character.
    Character(Escape),
    /// Behind `~` and so many letters.
    Sigil {
        letters: usize,
        verbatim: bool,
    },
    /// Behind so many `"`: one opens a string, two are an empty one, three and more open a triple-quoted one.
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
    /// In a string that ends with so many `"` at the beginning of a line, of which so many were there, if the line is
    /// still one that may end it.
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
    /// Behind `\^`, which takes the next character whatever it is.
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

impl State {
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

    /// Of the sigils `~`, `~b` and `~s` have escapes; the others, `~B` and `~S` among them, have none.
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

    /// Whether the next character stands between quotes.
    fn is_quoted(self) -> bool {
        match self {
            Self::Opening { quotes, .. } => quotes != 2,
            Self::Quoted { .. } | Self::TripleQuoted { .. } => true,
            Self::Plain | Self::Comment | Self::Character(_) | Self::Sigil { .. } => false,
        }
    }
}

impl Syntax for Scanner {
    fn feed(&mut self, character: char) {
        self.state = self.state.after(character);
    }

    fn in_comment(&self) -> bool {
        self.state == State::Comment
    }

    fn put(&self, value: String) -> Result<String, String> {
        if let Some(bad) = value.chars().find(|c| matches!(c, '\u{fffe}' | '\u{ffff}')) {
            return Err(format!("has the character {bad:?}, which Erlang does not know"));
        }
        match self.state {
            State::Quoted { escape: Escape::Backslash | Escape::Caret, .. } => {
                Err("cannot stand behind a backslash".into())
            }
            State::Quoted { close: '\'', .. } if value.chars().count() > MAX_ATOM => {
                Err(format!("has more than {MAX_ATOM} characters, which no atom can have"))
            }
            State::Quoted { close, verbatim: false, .. } => Ok(escaped(&value, close)),
            State::Opening { quotes: 1, verbatim: false } => Ok(escaped(&value, '"')),
            State::Quoted { close, verbatim: true, .. } => without(value, &[close], "in a sigil without escapes"),
            State::Opening { quotes: 1, .. } => without(value, &['"'], "in a sigil without escapes"),
            // Whether it has escapes depends on the OTP version.
            State::TripleQuoted { .. } | State::Opening { quotes: 3.., .. } => {
                without(value, &['"', '\\'], "in a triple-quoted string")
            }
            _ => self.put_plainly(value),
        }
    }

    fn hides(&self) -> bool {
        self.in_comment() || self.state.is_quoted()
    }

    /// As long as a `ConfigMap` can be.
    fn longest(&self) -> usize {
        1 << 20
    }
}

impl Scanner {
    /// Outside quotes a value may be a number, an atom, or whole terms, but what follows it must keep its meaning.
    fn put_plainly(&self, value: String) -> Result<String, String> {
        let value = without(value, &[], "outside quotes")?;
        let end = value.chars().fold(self.state, State::after);
        let opens = match end {
            State::Comment => "begins a comment, which would take in the rest of the line",
            State::Quoted { .. } | State::TripleQuoted { .. } => "opens a quote and does not close it",
            State::Opening { quotes, .. } if quotes != 2 => "opens a quote and does not close it",
            State::Character(_) | State::Sigil { .. } if end != self.state => "would change what stands behind it",
            _ => return Ok(value),
        };
        Err(format!("{opens}; is the placeholder to stand in quotes?"))
    }
}

/// In characters; the VM's own limit.
const MAX_ATOM: usize = 255;

/// The value as it stands in quotes of this kind.
fn escaped(value: &str, quote: char) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            _ if character == quote => text.extend(['\\', quote]),
            _ if character.is_ascii_control() => text.push_str(&escape(u32::from(character))),
            _ => text.push(character),
        }
    }
    text
}

/// A character, or a byte of a binary, by its number.
pub(super) fn escape(code: u32) -> String {
    format!("\\x{{{code:X}}}")
}

/// The value, unless it has one of these characters or a control character.
fn without(value: String, forbidden: &[char], place: &str) -> Result<String, String> {
    let Some(bad) = value.chars().find(|c| c.is_control() || forbidden.contains(c)) else { return Ok(value) };
    Err(match bad {
        '\n' | '\r' if value.trim_end_matches(['\n', '\r']).chars().any(char::is_control) => {
            format!("has a newline, which cannot stand {place}")
        }
        '\n' | '\r' => format!("has a newline at its end, which cannot stand {place}"),
        _ if bad.is_control() => format!("has the control character {bad:?}, which cannot stand {place}"),
        _ => format!("has the character {bad}, which cannot stand {place}"),
    })
}

#[cfg(test)]
mod tests;
