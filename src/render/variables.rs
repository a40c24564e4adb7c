//! The values of a template's variables.
//!
//! Pure: no I/O, no clock.

use super::placeholder::Placeholder;
use crate::identity::{cure, missing_part};
use crate::variables::{DERIVED, Env};

/// What a template's placeholders are replaced with.
#[derive(Debug)]
pub struct TemplateVariables<'a> {
    pub env: &'a Env,
    /// Values that are used where the environment has none.
    pub derived: Vec<(String, String)>,
    /// Variables of the environment that must not be used, with the reason.
    pub refused: Vec<(String, String)>,
    /// How a placeholder whose variable is not set is rendered.
    pub unset: UnsetVariable,
}

/// How a placeholder without a default is rendered if its variable is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsetVariable {
    Error,
    /// It becomes empty text, as in Distillery and relx.
    Empty,
    /// It stays as it is, with a warning.
    Keep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueOrigin {
    Environment,
    Derived,
    Default,
    /// The variable is not set, and [`UnsetVariable::Empty`] was asked for.
    Nothing,
}

/// Why there is no value, and what to do about it.
pub(super) struct NoValue {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl TemplateVariables<'_> {
    /// The placeholder's value; none, if it stays as it is.
    pub(super) fn value(&self, placeholder: &Placeholder<'_>) -> Result<Option<(String, ValueOrigin)>, NoValue> {
        let name = placeholder.name;
        if let Some(found) = self.non_empty(name)? {
            return Ok(Some(found));
        }
        if let Some(default) = placeholder.default {
            return Ok(Some((default.to_owned(), ValueOrigin::Default)));
        }
        // Of what is derived, empty means absent: a missing field of the downward API arrives like that.
        if self.env.get(name).is_some() && !DERIVED.contains(&name) {
            return Ok(Some((String::new(), ValueOrigin::Environment)));
        }
        match self.unset {
            UnsetVariable::Error => Err(self.absent(name)),
            UnsetVariable::Empty => Ok(Some((String::new(), ValueOrigin::Nothing))),
            UnsetVariable::Keep => Ok(None),
        }
    }

    fn non_empty(&self, name: &str) -> Result<Option<(String, ValueOrigin)>, NoValue> {
        if let Some((_, reason)) = self.refused.iter().find(|(refused, _)| refused == name) {
            let hint =
                if DERIVED.contains(&name) { cure(name).into() } else { format!("set {name} to a proper value") };
            return Err(NoValue { message: format!("{name} cannot be used: {reason}"), hint: Some(hint) });
        }
        let derived = self.derived.iter().find(|(known, value)| known == name && !value.is_empty());
        let derived = derived.map(|(_, value)| (value.clone(), ValueOrigin::Derived));
        let Some(value) = self.env.get(name).filter(|value| !value.is_empty()) else { return Ok(derived) };
        match value.to_str() {
            Some(text) => Ok(Some((text.to_owned(), ValueOrigin::Environment))),
            None if derived.is_some() => Ok(derived),
            None => Err(NoValue {
                message: format!("the value of {name} is not UTF-8"),
                hint: Some(format!("set {name} to text in UTF-8")),
            }),
        }
    }

    /// The variable is unset, or is empty where it must not be.
    pub(super) fn absent(&self, name: &str) -> NoValue {
        let is_set = self.env.get(name).is_some();
        let state = if is_set { "is empty" } else { "is not set" };
        if DERIVED.contains(&name) {
            let is_known = |part: &str| self.derived.iter().any(|(known, _)| known == part);
            let missing = missing_part(name, is_known);
            let state = if is_set {
                "is empty, and beaminit cannot derive it"
            } else {
                "is not set, and beaminit cannot derive it"
            };
            let without = missing.map(|part| format!(" without {part}")).unwrap_or_default();
            let message = format!("{name} {state}{without}");
            return NoValue { message, hint: Some(cure(missing.unwrap_or(name)).to_owned()) };
        }
        let empty = if is_set { "" } else { "; BEAMINIT_UNSET=empty makes it empty text" };
        let set = format!("set {name} in the container's env, or give a default: ${{{name}:-…}}{empty}");
        let hint = match self.similar(name) {
            Some(other) => format!("{other} is set: write ${{{other}}} if that is meant; else {set}"),
            None => set,
        };
        NoValue { message: format!("{name} {state}"), hint: Some(hint) }
    }

    /// A variable that is set and may be the intended one: any cookie for a cookie (mix has `RELEASE_COOKIE`, older
    /// templates `ERLANG_COOKIE`), else a name that is nearly the same.
    fn similar(&self, name: &str) -> Option<&str> {
        const ALIKE: f64 = 0.95;
        let is_set = |other: &&str| self.env.get(other).is_some_and(|value| !value.is_empty()) && *other != name;
        let set = || self.env.names().filter(is_set).filter(|other| !other.starts_with("BEAMINIT_"));
        let cookie = set().find(|other| name.ends_with("COOKIE") && other.ends_with("COOKIE"));
        let alike = |other: &&str| strsim::jaro_winkler(other, name) > ALIKE;
        let derived = self.derived.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name.as_str());
        cookie.or_else(|| set().chain(derived).find(alike))
    }
}
