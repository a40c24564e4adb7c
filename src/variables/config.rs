//! beaminit's own settings: every problem is found before any is reported.
//!
//! The only file that knows envy.
//!
//! Pure: no I/O, no clock.

use super::table::{Config, Settings};
use super::unknown::{PREFIX, unknown_names};
use super::{Env, RenderMode, UnsetMode};
use crate::error::{Error, Problem, Stage};
use crate::exit;
use crate::telemetry::LogSettings;

impl Config {
    /// Reads the settings. Those that are valid are in force even if there is an error, which is then reported as the
    /// settings for reports say.
    #[must_use]
    pub fn from_env(env: &Env) -> (Self, Option<Error>) {
        let mut problems = unknown_names(env);
        let mut text = Vec::new();
        for name in Self::NAMES {
            let Some(value) = env.get(name).filter(|value| !value.is_empty()) else { continue };
            match value.to_str() {
                Some(value) => text.push(((*name).to_owned(), value.to_owned())),
                None => problems
                    .push(Problem::new(format!("{name} is not UTF-8")).hint(format!("set {name} to ASCII text"))),
            }
        }
        // Every field takes any text, so this cannot fail.
        let settings: Settings = envy::prefixed(PREFIX).from_iter(text).unwrap_or_default();
        let config = settings.into_config(&mut problems);
        let error = (!problems.is_empty()).then_some(Error { stage: Stage::Config, code: exit::CONFIG, problems });
        (config, error)
    }

    /// Whether placeholders are filled in.
    #[must_use]
    pub fn renders(&self) -> bool {
        self.render == RenderMode::Auto
    }

    /// Whether a placeholder for an unset variable is an error, else empty text.
    #[must_use]
    pub fn unset_is_error(&self) -> bool {
        self.unset == UnsetMode::Error
    }

    /// The form and the amount of the log.
    #[must_use]
    pub fn log_settings(&self) -> LogSettings {
        LogSettings { level: self.log, format: self.log_format }
    }
}
