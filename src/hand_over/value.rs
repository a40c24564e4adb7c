//! Values of variables, some of which name a place in the run directory before that is known.
//!
//! Pure: no I/O, no clock.

use crate::cookie::Cookie;
use crate::file::vm_args_word;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;

/// The value of a variable, in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value(pub(crate) Vec<Part>);

/// A part of a value.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// This text.
    Text(String),
    /// This text, which is not to be shown.
    Secret(String),
    /// The path of this file or directory of the run directory.
    InRunDir(&'static str),
    /// The same as one word of a line of flags.
    Word(&'static str),
}

impl Value {
    /// A text that is not to be shown.
    pub(crate) fn secret(cookie: &Cookie) -> Self {
        Self(vec![Part::Secret(cookie.expose().to_owned())])
    }

    /// The path of this file or directory of the run directory, or of itself for the empty name.
    pub(crate) fn in_run_dir(name: &'static str) -> Self {
        Self(vec![Part::InRunDir(name)])
    }

    /// The value, now that the run directory is known.
    pub(crate) fn in_dir(&self, run_dir: &Path) -> OsString {
        let path = |name: &str| if name.is_empty() { run_dir.to_owned() } else { run_dir.join(name) };
        let mut value = OsString::new();
        for part in &self.0 {
            match part {
                Part::Text(text) | Part::Secret(text) => value.push(text),
                Part::InRunDir(name) => value.push(path(name)),
                Part::Word(name) => value.push(vm_args_word(&path(name))),
            }
        }
        value
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Secret(_) => f.write_str("…"),
            Self::InRunDir(name) | Self::Word(name) => write!(f, "<run dir>/{name}"),
        }
    }
}

impl<T: Into<String>> From<T> for Value {
    fn from(text: T) -> Self {
        Self(vec![Part::Text(text.into())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_line_of_flags() {
        let flags = Value(vec![Part::Text("-args_file ".into()), Part::Word("vm.args")]);
        assert_eq!(flags.in_dir(Path::new("/run/a b")), OsString::from("-args_file /run/a\\ b/vm.args"));
        assert_eq!(Value::in_run_dir("tmp").in_dir(Path::new("/run/a b")), OsString::from("/run/a b/tmp"));
        assert_eq!(Value::in_run_dir("").in_dir(Path::new("/run/x")), OsString::from("/run/x"));
    }

    #[test]
    fn of_a_secret_nothing_is_shown() {
        let parts = [Part::Text("-config ".into()), Part::Word("sys"), Part::Secret("sesame".into())];
        assert_eq!(format!("{:?}", Value(parts.into())), "Value([\"-config \", <run dir>/sys, …])");
    }
}
