//! A rendered `sys.config`, read back by an Erlang tokeniser that knows nothing of templates. The only door of
//! `erl_tokenize`.
//!
//! Pure: no I/O, no clock.

use super::super::fault::TextFault;
use super::super::placeholder::Notation;
use super::super::template::{Edit, RenderedText, edited};
use super::escapes::{code, in_quotes};
use erl_tokenize::{ErrorKind, Position, Symbol, TokenKind, scan_token};
use std::ops::Range;

/// The text as the VM should get it: values in binaries are written byte by byte.
///
/// # Errors
/// The text is not Erlang, or a value is not where it was put.
pub fn read_back(rendered: &RenderedText) -> Result<String, TextFault> {
    Ok(edited(&rendered.text, &edits_of_read_back(rendered)?))
}

/// The same as edits of the rendered text.
///
/// # Errors
/// As [`read_back`].
pub fn edits_of_read_back(rendered: &RenderedText) -> Result<Vec<Edit>, TextFault> {
    let text = &rendered.text;
    check_encoding(text)?;
    let mut tokens = Tokens::of(text);
    let mut in_bytes = Vec::new();
    let mut open = Vec::new();
    let mut values = rendered.values.iter().map(|value| &value.in_text).filter(|range| !range.is_empty()).peekable();
    while let Some(token) = tokens.next()? {
        token.open_or_close(&mut open);
        while let Some(value) = values.next_if(|value| value.start < token.span.end) {
            if !token.is_quoted || value.start <= token.span.start {
                continue;
            }
            if value.end >= token.span.end {
                let message = "a value ends elsewhere than its quotes do";
                return Err(
                    TextFault::new(value.start, message).hint("write the quotes around the placeholder: \"${NAME}\"")
                );
            }
            let in_binary = token.kind == TokenKind::String && open.last() == Some(&Symbol::DoubleLeftAngle);
            if in_binary && !text[value.clone()].is_ascii() && is_bytes(&token, tokens)? {
                in_bytes.push((value.clone(), as_bytes(&text[value.clone()])));
            }
        }
    }
    Ok(in_bytes)
}

/// The files that a `sys.config` includes by their names in its list of applications, with the places of these.
#[must_use]
pub fn included_files(text: &str) -> Vec<(Range<usize>, &str)> {
    let (mut tokens, mut open, mut files) = (Tokens::of(text), Vec::new(), Vec::new());
    let mut behind_string = false;
    while let Ok(Some(token)) = tokens.next() {
        if token.kind.is_hidden() {
            continue;
        }
        let is_string = token.kind == TokenKind::String;
        if is_string && behind_string {
            // Both are parts of one name; nobody writes a name like that.
            files.pop();
        } else if is_string && open == [Symbol::OpenSquare] {
            let name = text.get(token.span.clone()).unwrap_or_default().trim_matches('"');
            files.push((token.span.clone(), name));
        }
        behind_string = is_string;
        token.open_or_close(&mut open);
    }
    files.retain(|(span, name)| span.len() == name.len() + 2 && !name.is_empty() && !name.contains('\\'));
    files
}

/// A path as a string of Erlang.
#[must_use]
pub fn string_of(path: &str) -> String {
    format!("\"{}\"", in_quotes(path, '"', Notation::Brackets))
}

struct ErlangToken {
    kind: TokenKind,
    span: Range<usize>,
    is_quoted: bool,
}

impl ErlangToken {
    fn new(kind: TokenKind, span: Range<usize>, text: &str) -> Self {
        let is_quoted = text[span.clone()].starts_with(['"', '\'', '~']);
        Self { kind, span, is_quoted }
    }

    fn open_or_close(&self, open: &mut Vec<Symbol>) {
        use Symbol::{
            CloseBrace, CloseParen, CloseSquare, DoubleLeftAngle, DoubleRightAngle, OpenBrace, OpenParen, OpenSquare,
        };
        match self.kind {
            TokenKind::Symbol(symbol @ (DoubleLeftAngle | OpenBrace | OpenParen | OpenSquare)) => open.push(symbol),
            TokenKind::Symbol(DoubleRightAngle | CloseBrace | CloseParen | CloseSquare) => drop(open.pop()),
            _ => {}
        }
    }
}

/// The tokens of a text, one after the other: all at once would take many times its length.
#[derive(Clone, Copy)]
struct Tokens<'a> {
    text: &'a str,
    position: Position,
}

impl<'a> Tokens<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, position: Position::new() }
    }

    fn next(&mut self) -> Result<Option<ErlangToken>, TextFault> {
        let (text, start) = (self.text, self.position.offset());
        let (kind, end) = match scan_token(text, self.position) {
            Ok(None) => return Ok(None),
            Ok(Some(token)) => (token.kind(), token.end()),
            // Allowed until OTP 26: the two are one string.
            Err(error) if error.kind == ErrorKind::AdjacentStringLiterals => (TokenKind::String, error.position),
            Err(error) if error.kind == ErrorKind::NoClosingQuotation => {
                let quote: String = text[start..].chars().take_while(|c| !c.is_whitespace()).take(1).collect();
                let message = format!("the {quote} is not closed");
                return Err(TextFault::new(start, message).hint(format!("write {quote} at its end")));
            }
            Err(error) => {
                let message = format!("not Erlang: {}", error.kind);
                let offset = beginning_of_character(text, error.position.offset());
                return Err(TextFault::new(offset, message).hint("write one list of Erlang terms with a full stop"));
            }
        };
        self.position = end;
        Ok(Some(ErlangToken::new(kind, start..end.offset(), text)))
    }

    /// The next one that is neither a string nor white space nor a comment.
    fn next_but_strings(&mut self) -> Result<Option<ErlangToken>, TextFault> {
        while let Some(token) = self.next()? {
            if !token.kind.is_hidden() && token.kind != TokenKind::String {
                return Ok(Some(token));
            }
        }
        Ok(None)
    }
}

/// The VM reads UTF-8, unless one of the first two lines says otherwise.
fn check_encoding(text: &str) -> Result<(), TextFault> {
    if text.starts_with('\u{feff}') {
        let message = "the file begins with a byte order mark, which is not Erlang";
        return Err(TextFault::new(0, message).hint("save the file as UTF-8 without a byte order mark"));
    }
    let latin1 = text.lines().take(2).find_map(|line| line.split_once("coding")).is_some_and(|(_, rest)| {
        rest.trim_start().trim_start_matches([':', '=']).trim_start().to_ascii_lowercase().starts_with("latin-1")
    });
    match text.find(|c: char| !c.is_ascii()) {
        Some(offset) if latin1 => {
            Err(TextFault::new(offset, "a character that is not ASCII, in a file that says it is latin-1")
                .hint("save the file as UTF-8 and take its coding comment away"))
        }
        _ => Ok(()),
    }
}

/// Whether a string in a binary is one of bytes: `<<"…">>`, as against `<<"…"/utf8>>`.
///
/// # Errors
/// It is neither.
fn is_bytes(string: &ErlangToken, mut rest: Tokens<'_>) -> Result<bool, TextFault> {
    // Adjacent strings are one, of the type after the last.
    match rest.next_but_strings()?.map(|token| token.kind) {
        Some(TokenKind::Symbol(Symbol::Slash)) => {
            while let Some(token) = rest.next_but_strings()? {
                match token.kind {
                    TokenKind::Atom if rest.text[token.span].starts_with("utf") => return Ok(false),
                    TokenKind::Atom | TokenKind::Symbol(Symbol::Hyphen) => {}
                    _ => break,
                }
            }
        }
        Some(TokenKind::Symbol(Symbol::Colon)) => {}
        _ => return Ok(true),
    }
    Err(TextFault {
        hint: Some("write <<\"…\">> or <<\"…\"/utf8>>".into()),
        ..TextFault::new(string.span.start, "a value that is not ASCII, in a binary of another size or type than bytes")
    })
}

/// A value with an escape for each byte of its UTF-8. Without them the VM would keep the last eight bits of each character.
fn as_bytes(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for character in value.chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            character.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| out.push_str(&code(byte.into())));
        }
    }
    out
}

/// The tokenizer may report a fault within a character, or after the end.
fn beginning_of_character(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
