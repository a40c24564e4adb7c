//! Escape sequences of Erlang's strings and quoted atoms.
//!
//! Pure: no I/O, no clock.

use super::super::placeholder::Notation;

/// The value as it is written between quotes that end with `close`: with `${}` unchanged if it is well-formed there,
/// otherwise so that it arrives literally.
pub(super) fn in_quotes(value: &str, close: char, notation: Notation) -> String {
    let unchanged = if notation == Notation::Braces { well_formed(value, close) } else { None };
    unchanged.unwrap_or_else(|| escaped(value, close))
}

/// The value, if each quote in it is escaped and each escape is valid. Control characters become escapes of the same
/// meaning: lines stay lines.
fn well_formed(value: &str, close: char) -> Option<String> {
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(first) = rest.chars().next() {
        if first == close {
            return None;
        }
        if first != '\\' {
            push(&mut text, first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let escape = rest.get(..escape_len(rest)?)?;
        match escape.chars().nth(1) {
            // These need no backslash, and as bytes of a binary they could not have one.
            Some(character) if character.is_ascii_control() || !character.is_ascii() => push(&mut text, character),
            _ => text.push_str(escape),
        }
        rest = &rest[escape.len()..];
    }
    Some(text)
}

/// The length in bytes of the valid escape that `text` begins with.
fn escape_len(text: &str) -> Option<usize> {
    let rest = text.strip_prefix('\\')?;
    let first = rest.chars().next()?;
    match first {
        '^' => rest.chars().nth(1).filter(|c| matches!(c, '?'..='_' | 'a'..='z')).map(|_| 3),
        'x' => hex_len(&rest[1..]).map(|length| 2 + length),
        '0'..='7' => Some(1 + rest.bytes().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count()),
        _ => Some(1 + first.len_utf8()),
    }
}

/// The length of `41` or `{20AC}`.
fn hex_len(text: &str) -> Option<usize> {
    if let Some(digits) = text.strip_prefix('{') {
        let (digits, _) = digits.split_once('}')?;
        let is_hex = digits.chars().all(|digit| digit.is_ascii_hexdigit());
        let code = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex);
        return code.and_then(char::from_u32).map(|_| digits.len() + 2);
    }
    let digits = text.get(..2)?;
    digits.chars().all(|digit| digit.is_ascii_hexdigit()).then_some(2)
}

/// The value so that it arrives literally.
fn escaped(value: &str, close: char) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        if character == '\\' || character == close {
            text.push('\\');
        }
        push(&mut text, character);
    }
    text
}

fn push(text: &mut String, character: char) {
    match character {
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        _ if character.is_ascii_control() => text.push_str(&code(u32::from(character))),
        _ => text.push(character),
    }
}

/// A character, or a byte of a binary, by its number.
pub(super) fn code(number: u32) -> String {
    format!("\\x{{{number:X}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_well_formed_if_each_quote_is_escaped_and_each_escape_is_valid() {
        for value in ["a", "", r"ab\cd", r#"{\"a\":1}"#, r"\\", r"\n\x41\x{1F980}\101\^A\^?\0", "it's", r"\u00e9"] {
            assert_eq!(in_quotes(value, '"', Notation::Braces), value);
        }
        for (value, text) in [
            (r#"{"a":1}"#, r#"{\"a\":1}"#),
            (r#"a\n"b"#, r#"a\\n\"b"#),
            (r"a\", r"a\\"),
            (r"\x4", r"\\x4"),
            (r"\x{}", r"\\x{}"),
            (r"\x{+4}", r"\\x{+4}"),
            (r"\x{110000}", r"\\x{110000}"),
            (r"\x{D800}", r"\\x{D800}"),
            (r"\^", r"\\^"),
            (r"\^!", r"\\^!"),
        ] {
            assert_eq!(in_quotes(value, '"', Notation::Braces), text, "{value}");
        }
    }

    #[test]
    fn a_backslash_before_a_character_that_needs_none_is_left_out() {
        assert_eq!(in_quotes("a\\\nb\\\u{e9}\\c", '"', Notation::Braces), "a\\nb\u{e9}\\c");
    }

    #[test]
    fn brackets_are_always_literal() {
        assert_eq!(in_quotes(r"ab\cd", '"', Notation::Brackets), r"ab\\cd");
        assert_eq!(in_quotes(r"it's", '\'', Notation::Brackets), r"it\'s");
    }
}
