//! A text as messages and reports may show it. What is hidden is hidden by its place: the cookie's, a comment's, a value's
//! whose variable is called a secret. The same letters elsewhere, such as the release's name, are not a secret.
//!
//! Pure: no I/O, no clock.

use super::placeholder::{Lexed, Placeholder, lex};
use super::template::Syntax;
use std::ops::Range;

/// Shown in a secret's place.
pub(crate) const MASK: &str = "******";

/// The template as messages may show it: what `syntax` considers secret becomes asterisks, placeholders stay. Lines and
/// columns stay the same.
pub fn masked(template: &str, syntax: &mut dyn Syntax) -> String {
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

/// A text that was rendered, in which what looks like a placeholder is a value's. Each word in one of the `hidden` places,
/// in their order, or in a place that `syntax` considers secret, becomes `MASK`.
pub fn masked_text(text: &str, syntax: &mut dyn Syntax, hidden: &[Range<usize>]) -> String {
    let mut shown = String::with_capacity(text.len());
    let (mut hidden, mut in_mask) = (hidden.iter().peekable(), false);
    for (offset, character) in text.char_indices() {
        while hidden.next_if(|place| place.end <= offset).is_some() {}
        let in_place = hidden.peek().is_some_and(|place| place.contains(&offset));
        let before = syntax.in_secret();
        syntax.feed(character);
        // Secret before it and after it: what opens and closes a secret is not secret.
        let is_secret = (in_place || before && syntax.in_secret()) && !character.is_whitespace();
        if !is_secret {
            shown.push(character);
        } else if !in_mask {
            shown.push_str(MASK);
        }
        in_mask = is_secret;
    }
    shown
}

/// Whether a variable of this name holds a secret, as far as names tell.
pub(crate) fn is_secret(variable: &str) -> bool {
    let upper = variable.to_ascii_uppercase();
    [
        "COOKIE",
        "SECRET",
        "PASSW",
        "PASSPHRASE",
        "TOKEN",
        "CREDENTIAL",
        "PRIVATE",
        "_KEY",
        "APIKEY",
        "_PW",
        "_DSN",
        "_URL",
    ]
    .iter()
    .any(|word| upper.contains(word))
}

fn masked_character(character: char) -> char {
    if character.is_whitespace() { character } else { '*' }
}

#[cfg(test)]
mod tests {
    use super::super::sys_config::SysConfigScanner;
    use super::*;

    #[test]
    fn names_tell_secrets() {
        for name in ["ERLANG_COOKIE", "DB_PASSWORD", "AWS_SECRET_ACCESS_KEY", "api_token", "DATABASE_URL"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["MY_POD_FQDN", "RELEASE_NAME", "KEYBOARD", "MAX_PROCESSES"] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn a_rendered_sys_config_shows_no_quoted_text() {
        let text = "[{a, \"p w\", 5, 'x'}]. % c\n";
        let five = text.find('5').unwrap();
        let shown = masked_text(text, &mut SysConfigScanner::default(), std::slice::from_ref(&(five..five + 1)));
        assert_eq!(shown, "[{a, \"****** ******\", ******, '******'}]. % ******\n");
    }
}
