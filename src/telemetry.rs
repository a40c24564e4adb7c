//! The log: one line per event, on stderr, never blocking.

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

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: Some(Level::INFO), format: LogFormat::Text }
    }
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
    let log = OnDemand { level, format: settings.format, log: OnceLock::new() };
    // Fails only if a log exists already, as in a test with several runs; that one is as good.
    let _ = tracing::subscriber::set_global_default(log);
}

/// The log, created at the first event: it takes 36 KiB, and a supervisor may log nothing for weeks.
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
    /// Events of libraries are written at `trace` only. Their target is a module path, beaminit's is the stage.
    fn enabled(&self, what: &Metadata<'_>) -> bool {
        let is_wanted = self.level == Level::TRACE || !what.target().contains("::");
        !what.is_span() && *what.level() <= self.level && is_wanted
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level.into())
    }

    fn event(&self, event: &Event<'_>) {
        self.log().event(event);
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

/// The time as the lines of [`LogFormat::Json`] have it.
#[must_use]
pub(crate) fn timestamp() -> String {
    let mut text = String::new();
    // A line without a time is better than none.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

/// `beaminit: <stage>: <sentence>; hint: <hint>`. Other fields of an event are for JSON.
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
    /// Reports the whole line as written even if it was dropped: the log is not worth a retry.
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
