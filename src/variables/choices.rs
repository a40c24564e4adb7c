//! Settings that are one of a few words.
//!
//! Pure: no I/O, no clock.

use crate::telemetry::{Level, LogFormat};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A type with a word for each of its values.
pub(super) trait Choice: Copy + 'static {
    const CHOICES: &[(&str, Self)];
}

/// Whether to wait for the pod's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitPolicy {
    /// Wait if there is a record to wait for.
    Auto,
    /// No record to wait for is an error.
    Always,
    Off,
}

impl Choice for WaitPolicy {
    const CHOICES: &[(&str, Self)] = &[("auto", Self::Auto), ("always", Self::Always), ("off", Self::Off)];
}

/// What to do when the record does not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFailure {
    Auto,
    /// End with 69.
    Exit,
    /// Start the release all the same.
    Start,
}

impl Choice for WaitFailure {
    const CHOICES: &[(&str, Self)] = &[("auto", Self::Auto), ("exit", Self::Exit), ("start", Self::Start)];
}

/// Whether to wait, once the pod's record is there, until peers see it as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitPeers {
    /// Until no cache that can be asked gives peers another address.
    Auto,
    /// The same, and at least this long.
    AtLeast(Duration),
    Off,
}

/// Whether placeholders are filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenderMode {
    Auto,
    Off,
}

impl Choice for RenderMode {
    const CHOICES: &[(&str, Self)] = &[("auto", Self::Auto), ("off", Self::Off)];
}

/// What a placeholder for an unset variable is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsetMode {
    Error,
    /// Empty text.
    Empty,
}

impl Choice for UnsetMode {
    const CHOICES: &[(&str, Self)] = &[("error", Self::Error), ("empty", Self::Empty)];
}

/// What built the release, and so how it takes its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `mix release`.
    Mix,
    Distillery,
    /// relx, so rebar3 too, with its extended start script.
    Relx,
    /// A VM that is started directly, or by relx's plain start script.
    Erl,
    RabbitMq,
    /// Anything else: it is started as it is.
    Command,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] =
        [Self::Mix, Self::Distillery, Self::Relx, Self::Erl, Self::RabbitMq, Self::Command];

    /// As `BEAMINIT_KIND` and `explain` write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mix => "mix",
            Self::Distillery => "distillery",
            Self::Relx => "relx",
            Self::Erl => "erl",
            Self::RabbitMq => "rabbitmq",
            Self::Command => "command",
        }
    }
}

impl Choice for Option<Kind> {
    const CHOICES: &[(&str, Self)] = &[
        ("auto", None),
        ("mix", Some(Kind::Mix)),
        ("distillery", Some(Kind::Distillery)),
        ("relx", Some(Kind::Relx)),
        ("erl", Some(Kind::Erl)),
        ("rabbitmq", Some(Kind::RabbitMq)),
        ("command", Some(Kind::Command)),
    ];
}

/// How the VM gets the cookie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CookieMode {
    /// On the command line for mix, whose script puts one there anyway; as a file for all others, where one is possible.
    #[default]
    Auto,
    /// As a file that only its owner can read.
    File,
    /// On the command line.
    Args,
}

impl Choice for CookieMode {
    const CHOICES: &[(&str, Self)] = &[("auto", Self::Auto), ("file", Self::File), ("args", Self::Args)];
}

/// Which processes get the signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignalTarget {
    /// The release's first process. A VM ends its own children.
    Main,
    /// Every process of its group.
    Group,
}

impl Choice for SignalTarget {
    const CHOICES: &[(&str, Self)] = &[("main", Self::Main), ("group", Self::Group)];
}

impl Choice for Option<Level> {
    const CHOICES: &[(&str, Self)] = &[
        ("error", Some(Level::ERROR)),
        ("warn", Some(Level::WARN)),
        ("info", Some(Level::INFO)),
        ("debug", Some(Level::DEBUG)),
        ("trace", Some(Level::TRACE)),
        ("off", None),
    ];
}

impl Choice for LogFormat {
    const CHOICES: &[(&str, Self)] = &[("text", Self::Text), ("json", Self::Json)];
}
