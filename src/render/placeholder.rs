//! Placeholders: `${NAME}` and `$<NAME>`, each also with `:-default`.
//!
//! Pure: no I/O, no clock.

/// How a placeholder is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// `${NAME}`, which means what it meant to Distillery and relx.
    Braces,
    /// `$<NAME>`, whose value always arrives literally.
    Brackets,
}

/// What is at the beginning of a text.
pub(super) enum Lexed<'a> {
    /// The next character, taken as it is.
    Text,
    Placeholder(Placeholder<'a>),
    Malformed {
        message: String,
        length: usize,
    },
}

pub(super) struct Placeholder<'a> {
    pub(super) name: &'a str,
    pub(super) default: Option<&'a str>,
    pub(super) notation: Notation,
    /// In bytes, with its brackets.
    pub(super) length: usize,
}

/// `${` always begins a placeholder; `$<` only before a name, because it has other uses.
pub(super) fn lex(rest: &str) -> Lexed<'_> {
    let (body, notation, close) = if let Some(body) = rest.strip_prefix("${") {
        (body, Notation::Braces, '}')
    } else if let Some(body) = rest.strip_prefix("$<").filter(|body| body.starts_with(is_name_start)) {
        (body, Notation::Brackets, '>')
    } else {
        return Lexed::Text;
    };
    // Not split at line ends first: a line may be long, and have a placeholder everywhere.
    let end = body.find([close, '\n', '\r']).unwrap_or(body.len());
    let (inside, after) = body.split_at(end);
    if !after.starts_with(close) {
        return Lexed::Malformed { message: format!("{} is not closed", &rest[..2]), length: 2 + end };
    }
    let length = 2 + inside.len() + 1;
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    if name.starts_with(is_name_start) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        Lexed::Placeholder(Placeholder { name, default, notation, length })
    } else {
        Lexed::Malformed { message: format!("invalid placeholder `{}`", &rest[..length]), length }
    }
}

fn is_name_start(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_'
}
