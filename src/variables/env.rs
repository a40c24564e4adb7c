//! The environment, read once.

use super::RawEnv;
use std::ffi::{OsStr, OsString};

/// A snapshot of the environment, in its order and with its bytes: what is not UTF-8 reaches the release unchanged.
#[derive(Clone, Debug, Default)]
pub struct Env(Vec<(OsString, OsString)>);

impl Env {
    /// The environment of this process.
    #[must_use]
    pub fn from_os() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// An environment of these variables.
    pub fn from_pairs<K: Into<OsString>, V: Into<OsString>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The value of a variable; of the first, if the environment has it twice, as `getenv` has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_os_str())
    }

    /// The names that are UTF-8.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|(name, _)| name.to_str())
    }

    /// The variables that are read as text.
    #[must_use]
    pub fn raw(&self) -> RawEnv {
        let mut not_utf8 = Vec::new();
        let raw = RawEnv::read(|name| {
            let value = self.get(name).filter(|value| !value.is_empty())?;
            if value.to_str().is_none() {
                not_utf8.push(name);
            }
            value.to_str().map(str::to_owned)
        });
        RawEnv { not_utf8, ..raw }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    #[test]
    fn each_variable_is_read_into_the_field_of_its_name() {
        for name in RawEnv::NAMES {
            let raw = Env::from_pairs([(name, "x")]).raw();
            assert_eq!(raw.get(name), Some("x"));
            let raw = format!("{raw:?}");
            assert!(raw.contains(&format!(" {}: Some(\"x\"),", name.to_lowercase())), "{name}: {raw}");
            assert_eq!(raw.matches("Some(").count(), 1, "{raw}");
        }
    }

    #[test]
    fn empty_is_absent_and_the_first_of_two_counts() {
        let env = Env::from_pairs([("MY_POD_NAME", ""), ("POD_NAME", "a"), ("POD_NAME", "b"), ("my_pod_ip", "x")]);
        let raw = env.raw();
        assert_eq!((raw.my_pod_name, raw.pod_name.as_deref(), raw.my_pod_ip), (None, Some("a"), None));
    }

    #[test]
    fn a_value_that_is_not_utf8_is_named_and_not_read() {
        let env = Env::from_pairs([
            ("MY_POD_NAME", OsString::from_vec(vec![0xff])),
            ("OTHER", OsString::from_vec(vec![0xff])),
        ]);
        let raw = env.raw();
        assert_eq!((raw.my_pod_name, raw.not_utf8), (None, vec!["MY_POD_NAME"]));
    }
}
