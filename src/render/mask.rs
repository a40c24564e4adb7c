//! A text as messages may show it.
//!
//! Pure: no I/O, no clock.

use super::placeholder::{Lexed, Placeholder, lex};
use super::template::Syntax;

/// The template as messages may show it: what `syntax` considers secret becomes asterisks, placeholders stay. Lines and
/// columns stay the same.
pub fn masked(template: &str, syntax: &mut dyn Syntax) -> String {
    masked_where(template, syntax, lex)
}

/// The same for a text that was rendered: what looks like a placeholder in it is a value's.
pub fn masked_text(text: &str, syntax: &mut dyn Syntax) -> String {
    masked_where(text, syntax, |_| Lexed::Text)
}

fn masked_where(template: &str, syntax: &mut dyn Syntax, lex: fn(&str) -> Lexed<'_>) -> String {
    let mask = |text: &str| text.chars().map(masked_character).collect::<String>();
    let mut shown = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        let found = if syntax.in_comment() { Lexed::Text } else { lex(rest) };
        let length = match found {
            Lexed::Placeholder(Placeholder { default, length, .. }) => {
                let default = default.filter(|_| syntax.in_secret()).unwrap_or_default();
                shown.extend([&rest[..length - 1 - default.len()], &mask(default), &rest[length - 1..length]]);
                length
            }
            Lexed::Text | Lexed::Malformed { .. } => {
                let length = if let Lexed::Malformed { length, .. } = found { length } else { first.len_utf8() };
                for character in rest[..length].chars() {
                    let hidden = syntax.in_secret();
                    syntax.feed(character);
                    // Hidden before it and after it: what opens and closes a secret is not secret.
                    shown.push(if hidden && syntax.in_secret() { masked_character(character) } else { character });
                }
                length
            }
        };
        rest = &rest[length..];
    }
    shown
}

fn masked_character(character: char) -> char {
    if character.is_whitespace() { character } else { '*' }
}
