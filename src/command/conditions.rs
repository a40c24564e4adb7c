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
    pub(crate) fn of(status: Option<bool>) -> Self {
        match status {
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
pub(crate) fn status(words: &[String], scope: &ShellScope<'_>) -> Option<bool> {
    let (program, operands) = words.split_first()?;
    match program.as_str() {
        "true" | ":" => Some(true),
        "false" => Some(false),
        "test" => test(operands, false, scope),
        "[" => test(operands.strip_suffix(&["]".to_owned()])?, false, scope),
        "[[" => test(operands.strip_suffix(&["]]".to_owned()])?, true, scope),
        _ => None,
    }
}

fn test(words: &[String], has_patterns: bool, scope: &ShellScope<'_>) -> Option<bool> {
    if let Some((at, decisive)) = connective(words) {
        let sides = [&words[..at], &words[at + 1..]].map(|side| test(side, has_patterns, scope));
        if sides.contains(&Some(decisive)) {
            return Some(decisive);
        }
        return if sides.contains(&None) { None } else { Some(!decisive) };
    }
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    if !words.iter().all(|word| is_known(word)) {
        return None;
    }
    match words[..] {
        [] => Some(false),
        ["!", ref rest @ ..] => {
            let rest: Vec<_> = rest.iter().map(|word| (*word).to_owned()).collect();
            test(&rest, has_patterns, scope).map(|holds| !holds)
        }
        [word] | ["-n", word] => Some(!word.is_empty()),
        ["-z", word] => Some(word.is_empty()),
        ["-d", word] => scope.path(word).map(|path| scope.files.is_dir(&path)),
        ["-f", word] => scope.path(word).map(|path| scope.files.is_file(&path)),
        [left, "=" | "==", right] => {
            if has_patterns {
                matches(left, right)
            } else {
                Some(left == right)
            }
        }
        [left, "!=", right] => {
            let equal = if has_patterns { matches(left, right) } else { Some(left == right) };
            equal.map(|equal| !equal)
        }
        [left, operator, right] => compare_numbers(left, operator, right),
        _ => None,
    }
}

/// Where `-o` or `-a` is, and the side that decides it alone.
fn connective(words: &[String]) -> Option<(usize, bool)> {
    // `-a FILE` and `-o OPTION` are tests as well.
    let find = |connective: &str| words.iter().skip(1).position(|word| word == connective).map(|at| at + 1);
    find("-o").map(|at| (at, true)).or_else(|| find("-a").map(|at| (at, false)))
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
