//! Whether a condition of a shell text holds, as far as that is known without running it.
//!
//! Pure: no I/O, no clock.

use super::expand::{ShellScope, is_known};

/// Whether a part of a text is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Likelihood {
    Never,
    Maybe,
    Always,
}

impl Likelihood {
    /// Of something that is true, that is not, or that is not known.
    pub(crate) fn of(holds: Option<bool>) -> Self {
        match holds {
            Some(true) => Self::Always,
            Some(false) => Self::Never,
            None => Self::Maybe,
        }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        self.min(other)
    }

    pub(crate) fn or(self, other: Self) -> Self {
        self.max(other)
    }

    pub(crate) fn not(self) -> Self {
        match self {
            Self::Never => Self::Always,
            Self::Maybe => Self::Maybe,
            Self::Always => Self::Never,
        }
    }
}

/// The status of `test`, `[` or `[[` with these words; also of `true`, `false` and `:`. Of other commands it is unknown.
pub(crate) fn status(words: &[String], scope: &ShellScope<'_>) -> Likelihood {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["true" | ":", ..] => Likelihood::Always,
        ["false", ..] => Likelihood::Never,
        ["test", ref operands @ ..] | ["[", ref operands @ .., "]"] => test(operands, false, scope),
        ["[[", ref operands @ .., "]]"] => test(operands, true, scope),
        _ => Likelihood::Maybe,
    }
}

fn test(words: &[&str], has_patterns: bool, scope: &ShellScope<'_>) -> Likelihood {
    let test = |words: &[&str]| test(words, has_patterns, scope);
    // At the beginning, `-a FILE` and `-o OPTION` are tests as well.
    let find = |connective| words.iter().skip(1).position(|word| *word == connective).map(|at| at + 1);
    if let Some(at) = find("-o") {
        test(&words[..at]).or(test(&words[at + 1..]))
    } else if let Some(at) = find("-a") {
        test(&words[..at]).and(test(&words[at + 1..]))
    } else if let Some(("!", rest)) = words.split_first().map(|(first, rest)| (*first, rest)) {
        test(rest).not()
    } else {
        Likelihood::of(test_alone(words, has_patterns, scope))
    }
}

/// A test without others within.
fn test_alone(words: &[&str], has_patterns: bool, scope: &ShellScope<'_>) -> Option<bool> {
    if !words.iter().all(|word| is_known(word)) {
        return None;
    }
    let equal = |left, right| if has_patterns { matches(left, right) } else { Some(left == right) };
    match *words {
        [] => Some(false),
        [word] | ["-n", word] => Some(!word.is_empty()),
        ["-z", word] => Some(word.is_empty()),
        ["-d", word] => Some(scope.files?.is_dir(&scope.path(word)?)),
        ["-f", word] => Some(scope.files?.is_file(&scope.path(word)?)),
        [left, "=" | "==", right] => equal(left, right),
        [left, "!=", right] => equal(left, right).map(|equal| !equal),
        [left, operator, right] => compare_numbers(left, operator, right),
        _ => None,
    }
}

fn compare_numbers(left: &str, operator: &str, right: &str) -> Option<bool> {
    let (left, right) = (left.parse::<i64>().ok()?, right.parse::<i64>().ok()?);
    match operator {
        "-eq" => Some(left == right),
        "-ne" => Some(left != right),
        "-gt" => Some(left > right),
        "-ge" => Some(left >= right),
        "-lt" => Some(left < right),
        "-le" => Some(left <= right),
        _ => None,
    }
}

/// Whether a pattern of `case` fits. Of `[…]` in a pattern nothing is known.
pub(crate) fn matches(text: &str, pattern: &str) -> Option<bool> {
    if !is_known(text) || !is_known(pattern) || pattern.contains('[') {
        return if pattern == "*" { Some(true) } else { None };
    }
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    if pattern.contains('?') {
        return None;
    }
    let Some(mut rest) = text.strip_prefix(first) else { return Some(false) };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return Some(rest.is_empty()) };
    for part in middle {
        let Some(at) = rest.find(part) else { return Some(false) };
        rest = &rest[at + part.len()..];
    }
    Some(rest.ends_with(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_or_not() {
        for (text, pattern, expected) in [
            ("start", "start", Some(true)),
            ("start_iex", "start*", Some(true)),
            ("eval", "start*", Some(false)),
            ("rabbitmq-server", "rabbitmq*", Some(true)),
            ("a.b.c", "a*b*c", Some(true)),
            ("anything", "*", Some(true)),
            ("\u{fffd}", "*", Some(true)),
            ("\u{fffd}", "start", None),
            ("x", "[a-z]", None),
            ("start", "", Some(false)),
        ] {
            assert_eq!(matches(text, pattern), expected, "{text} {pattern}");
        }
    }
}
