//! Settings that are one of a few words.
//!
//! Pure: no I/O, no clock.

use crate::telemetry::{Level, LogFormat};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
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

/// `BEAMINIT_RELEASE`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ReleaseSetting {
    /// Follow COMMAND.
    #[default]
    Auto,
    /// Do not look for a release.
    Off,
    /// This is the start script that COMMAND runs in the end.
    Script(PathBuf),
}

/// `BEAMINIT_RUN_OWNER`: a user and perhaps a group, by name or number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunOwner {
    pub(crate) user: String,
    pub(crate) group: Option<String>,
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

/// The name of a kind of release: one of `kind::Kind::ALL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindName(pub &'static str);

impl Choice for Option<KindName> {
    const CHOICES: &[(&str, Self)] = &[
        ("auto", None),
        ("mix", Some(KindName("mix"))),
        ("distillery", Some(KindName("distillery"))),
        ("relx", Some(KindName("relx"))),
        ("erl", Some(KindName("erl"))),
        ("rabbitmq", Some(KindName("rabbitmq"))),
        ("command", Some(KindName("command"))),
    ];
}

#[cfg(test)]
pub(crate) fn kind_names() -> Vec<&'static str> {
    Option::<KindName>::CHOICES.iter().filter_map(|(_, kind)| Some((*kind)?.0)).collect()
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
