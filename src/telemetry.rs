//! What we say while we work: one line an event, on stderr, never blocking.

use crate::sys;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::sync::OnceLock;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Registry};

pub use tracing::Level;

/// How much is said, and in what form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSettings {
    /// Events below this level are not written. `None`: nothing is.
    #[serde(with = "level")]
    pub level: Option<Level>,
    /// The form.
    pub format: LogFormat,
}

/// The form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogFormat {
    /// `beaminit: <stage>: <sentence>`.
    Text,
    /// A JSON object with the sentence and its figures.
    Json,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: Some(Level::INFO), format: LogFormat::Text }
    }
}

/// A level by its name; `tracing` itself speaks no serde.
mod level {
    use super::Level;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(level: &Option<Level>, serializer: S) -> Result<S::Ok, S::Error> {
        level.map(|level| level.as_str()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Level>, D::Error> {
        let name = Option::<String>::deserialize(deserializer)?;
        Ok(name.and_then(|name| name.parse().ok()))
    }
}

/// Starts the log. Only the first call counts.
pub fn init(settings: LogSettings) {
    let Some(level) = settings.level else { return };
    let log = OnDemand { level, format: settings.format, log: OnceLock::new() };
    // Refused only when a log runs already, as in a test of several runs; that one serves as well.
    let _ = tracing::subscriber::set_global_default(log);
}

/// The log, made when there is something to say: it takes 36 KiB, and a supervisor may have nothing to say for weeks.
struct OnDemand {
    level: Level,
    format: LogFormat,
    log: OnceLock<Dispatch>,
}

impl OnDemand {
    fn log(&self) -> &Dispatch {
        self.log.get_or_init(|| {
            let log = tracing_subscriber::fmt::layer().with_writer(Stderr).with_ansi(false);
            let log = match self.format {
                LogFormat::Text => log.event_format(Sentences).boxed(),
                LogFormat::Json => log.json().flatten_event(true).boxed(),
            };
            Dispatch::new(Registry::default().with(log))
        })
    }
}

impl Subscriber for OnDemand {
    /// Libraries speak at `trace` only; their events carry the module that they come from, ours the stage.
    fn enabled(&self, what: &Metadata<'_>) -> bool {
        let is_for_us = self.level == Level::TRACE || !what.target().contains("::");
        !what.is_span() && *what.level() <= self.level && is_for_us
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level.into())
    }

    fn event(&self, event: &Event<'_>) {
        self.log().event(event);
    }

    /// We make no spans, and those of libraries are not asked for.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Writes a line that is no event: an error that ends us. Goes out whatever the level.
pub fn write_line(line: &str) {
    sys::write_stderr(format!("{line}\n").as_bytes());
}

/// The moment as the lines of [`LogFormat::Json`] write it.
#[must_use]
pub fn timestamp() -> String {
    let mut text = String::new();
    // A clock that cannot be written is no reason to say nothing.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

/// The sentence and its hint, behind the stage that says it. The figures of an event are for JSON.
struct Sentences;

impl<S, N> FormatEvent<S, N> for Sentences
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let level = match *event.metadata().level() {
            Level::ERROR => "error: ",
            Level::WARN => "warning: ",
            Level::INFO => "",
            Level::DEBUG => "debug: ",
            Level::TRACE => "trace: ",
        };
        write!(out, "beaminit: {}: {level}", event.metadata().target())?;
        let mut read = Sentence::default();
        event.record(&mut read);
        writeln!(out, "{}", read.message + &read.hint)
    }
}

#[derive(Default)]
struct Sentence {
    message: String,
    hint: String,
}

impl Visit for Sentence {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            "hint" => self.hint = format!("; hint: {value}"),
            _ => {}
        }
    }
}

#[derive(Clone, Copy)]
struct Stderr;

impl io::Write for Stderr {
    /// Takes the whole line, whatever becomes of it: the log is not worth a retry.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        sys::write_stderr(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}
