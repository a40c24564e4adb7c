//! One setting: its text and what it means.
//!
//! Pure: no I/O, no clock.

use super::choices::{Choice, ReleaseSetting, RunOwner, WaitPeers};
use crate::error::Problem;
use crate::signal::Rewrites;
use serde::{Deserialize, Deserializer};
use std::path::PathBuf;
use std::time::Duration;

/// A field that envy can always fill: what is wrong with the text is kept, so that all problems are reported at once.
#[derive(Default)]
pub(super) enum Setting<T> {
    #[default]
    Unset,
    Valid(T),
    Invalid(String, Problem),
}

/// What a setting can be.
pub(super) trait SettingValue: Sized {
    /// # Errors
    /// Why the text is not a value of the setting, and how to write one.
    fn read(text: &str) -> Result<Self, Problem>;
}

impl<T> Setting<T> {
    pub(super) fn unwrap_or(self, name: &str, default: T, problems: &mut Vec<Problem>) -> T {
        match self {
            Self::Unset => default,
            Self::Valid(value) => value,
            Self::Invalid(text, problem) => {
                let message = format!("{name}={text:?}: {}", problem.message);
                problems.push(Problem { message, ..problem });
                default
            }
        }
    }
}

impl<'de, T: SettingValue> Deserialize<'de> for Setting<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(match T::read(&text) {
            Ok(value) => Self::Valid(value),
            Err(problem) => Self::Invalid(text, problem),
        })
    }
}

fn refuse<T>(reason: impl Into<String>, hint: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::new(reason).hint(hint))
}

impl<T: Choice> SettingValue for T {
    fn read(text: &str) -> Result<Self, Problem> {
        if let Some((_, choice)) = T::CHOICES.iter().find(|(word, _)| *word == text) {
            return Ok(*choice);
        }
        let words: Vec<_> = T::CHOICES.iter().map(|(word, _)| *word).collect();
        refuse("not a valid value", format!("one of: {}", words.join(", ")))
    }
}

impl SettingValue for ReleaseSetting {
    fn read(text: &str) -> Result<Self, Problem> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            _ => PathBuf::read(text).map(Self::Script),
        }
    }
}

/// A limit; `0` means no limit.
impl SettingValue for Option<Duration> {
    fn read(text: &str) -> Result<Self, Problem> {
        if text == "0" {
            return Ok(None);
        }
        match humantime::parse_duration(text) {
            Ok(limit) => Ok((!limit.is_zero()).then_some(limit)),
            Err(error) => refuse(format!("not a duration: {error}"), "write 90s, 2m or 1h 30m; 0 for no limit"),
        }
    }
}

/// `0` is refused: elsewhere it means no limit.
impl SettingValue for WaitPeers {
    fn read(text: &str) -> Result<Self, Problem> {
        match text {
            "auto" => return Ok(Self::Auto),
            "off" => return Ok(Self::Off),
            _ => {}
        }
        match humantime::parse_duration(text) {
            Ok(least) if !least.is_zero() => Ok(Self::AtLeast(least)),
            _ => refuse("not a valid value", "auto, off, or the shortest time from the record to the start: 45s"),
        }
    }
}

impl SettingValue for Option<Rewrites> {
    fn read(text: &str) -> Result<Self, Problem> {
        match Rewrites::parse(text) {
            Ok(rewrites) => Ok(Some(rewrites)),
            Err(part) => refuse(
                format!("{part:?} is not a signal rewrite (FROM=TO)"),
                "write INT=TERM,QUIT=TERM,USR2=; an empty right side drops the signal",
            ),
        }
    }
}

impl SettingValue for Vec<u8> {
    fn read(text: &str) -> Result<Self, Problem> {
        let codes = text.split(',').map(str::trim).filter(|code| !code.is_empty());
        match codes.map(str::parse).collect() {
            Ok(codes) => Ok(codes),
            Err(_) => refuse("not a list of exit codes", "write 143 or 130,143"),
        }
    }
}

impl SettingValue for Option<RunOwner> {
    fn read(text: &str) -> Result<Self, Problem> {
        let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
        let is_name = |name: &str| !name.is_empty() && !name.contains(|c: char| c == ':' || c.is_whitespace());
        if !is_name(user) || !group.is_none_or(is_name) {
            return refuse("not an owner", "write a user of the image, as app or app:app, or ids, as 1000:1000");
        }
        Ok(Some(RunOwner { user: user.to_owned(), group: group.map(str::to_owned) }))
    }
}

impl SettingValue for PathBuf {
    fn read(text: &str) -> Result<Self, Problem> {
        if text.starts_with('/') {
            return Ok(text.into());
        }
        refuse("not an absolute path", format!("write the whole path: /{text}"))
    }
}

impl SettingValue for Option<PathBuf> {
    fn read(text: &str) -> Result<Self, Problem> {
        PathBuf::read(text).map(Some)
    }
}
