//! The log: one line per event, on stderr, never blocking.

use crate::sys;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

pub(crate) use tracing::Level;

/// How much is logged, and in which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSettings {
    /// Events below this level are not written; `None` writes none.
    #[serde(with = "level")]
    pub level: Option<Level>,
    pub(crate) format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogFormat {
    /// `beaminit: <stage>: <sentence>`.
    Text,
    /// A JSON object with the sentence and the event's fields.
    Json,
}

/// A level by its name: `tracing` does not support serde.
mod level {
    use super::Level;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(level: &Option<Level>, serializer: S) -> Result<S::Ok, S::Error> {
        level.map(|level| level.as_str()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Level>, D::Error> {
        let name = Option::<String>::deserialize(deserializer)?;
        Ok(name.and_then(|name| name.parse().ok()))
    }
}

/// Starts the log. Only the first call counts.
pub(crate) fn init(settings: LogSettings) {
    let Some(level) = settings.level else { return };
    // Fails only if a log exists already, as in a test with several runs; that one is as good.
    let _ = tracing::subscriber::set_global_default(Log {
        level,
        write: move |line: LogLine| {
            write_line(&if settings.format == LogFormat::Text { line.to_string() } else { line.to_json() });
        },
    });
}

pub(crate) struct Log<W> {
    pub(crate) level: Level,
    pub(crate) write: W,
}

impl<W: Fn(LogLine) + 'static> Subscriber for Log<W> {
    /// Events of libraries are written at `trace` only. Their target is a module path, beaminit's is the stage.
    fn enabled(&self, what: &Metadata<'_>) -> bool {
        let is_wanted = self.level == Level::TRACE || !what.target().contains("::");
        !what.is_span() && *what.level() <= self.level && is_wanted
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level.into())
    }

    fn event(&self, event: &Event<'_>) {
        (self.write)(LogLine::of(event));
    }

    /// beaminit creates no spans, and those of libraries are disabled.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Writes the error that ends beaminit, whatever the level.
pub(crate) fn write_line(line: &str) {
    sys::write_stderr(format!("{line}\n").as_bytes());
}

/// An event: as text `beaminit: <stage>: <sentence>; hint: <hint>`, as JSON with its other fields too.
#[derive(Serialize)]
pub(crate) struct LogLine {
    timestamp: String,
    level: &'static str,
    message: String,
    #[serde(flatten)]
    fields: BTreeMap<&'static str, Value>,
    pub(crate) target: String,
}

impl LogLine {
    #[expect(clippy::disallowed_methods, reason = "it dates a line, and times nothing")]
    pub(crate) fn new(level: Level, target: &str) -> Self {
        let timestamp = humantime::format_rfc3339_micros(SystemTime::now()).to_string();
        let (message, fields) = (String::new(), BTreeMap::new());
        Self { timestamp, level: level.as_str(), message, fields, target: target.to_owned() }
    }

    pub(crate) fn of(event: &Event<'_>) -> Self {
        let mut line = Self::new(*event.metadata().level(), event.metadata().target());
        event.record(&mut line);
        line
    }

    pub(crate) fn add(&mut self, name: &'static str, value: impl Into<Value>) {
        match (name, value.into()) {
            ("message", Value::String(text)) => self.message = text,
            // tracing takes only a constant as the target itself.
            ("stage", Value::String(stage)) => self.target = stage,
            (name, value) => drop(self.fields.insert(name, value)),
        }
    }

    pub(crate) fn to_json(&self) -> String {
        // Nothing in it can fail: no map has other keys than strings.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            "INFO" => String::new(),
            "WARN" => "warning: ".to_owned(),
            level => level.to_lowercase() + ": ",
        };
        write!(f, "beaminit: {}: {level}{}", self.target, self.message)?;
        self.fields.get("hint").and_then(Value::as_str).map_or(Ok(()), |hint| write!(f, "; hint: {hint}"))
    }
}

impl Visit for LogLine {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), value);
    }
}
