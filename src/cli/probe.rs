//! The words behind `beaminit probe`.
//!
//! Pure: no I/O, no clock.

use super::options::{is_json, usage, wrong};
use crate::error::Error;
use lexopt::Arg;
use std::ffi::OsString;
use std::time::Duration;

/// What a probe is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProbeRequest {
    /// The question.
    pub question: ProbeQuestion,
    /// How long the whole probe may take.
    pub timeout: Duration,
    /// How long a VM may take to boot.
    pub boot: Duration,
    /// Whether the verdict is JSON, else a line for people.
    pub json: bool,
}

/// The question of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProbeQuestion {
    /// Is the node alive, or on its way?
    Live,
    /// Has the node started, and do these applications run?
    Ready(Vec<String>),
}

/// Below the kubelet's `timeoutSeconds: 1`, so that our reason comes before its own.
const TIMEOUT: Duration = Duration::from_millis(900);
const BOOT: Duration = Duration::from_secs(60);

/// Reads a question and its options, in any order. `None`: help is asked for.
///
/// # Errors
/// There is no such question or option, or too much.
pub(super) fn parse(mut parser: lexopt::Parser) -> Result<Option<ProbeRequest>, Error> {
    let (mut timeout, mut boot, mut json) = (TIMEOUT, BOOT, false);
    let mut words = Vec::new();
    while let Some(argument) = parser.next().map_err(wrong)? {
        match argument {
            Arg::Long("timeout") => timeout = duration("--timeout", &parser.value().map_err(wrong)?)?,
            Arg::Long("boot") => boot = duration("--boot", &parser.value().map_err(wrong)?)?,
            Arg::Long("format") => json = is_json(&mut parser)?,
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Value(word) => words.push(text(word)?),
            option => return Err(wrong(option.unexpected())),
        }
    }
    if timeout.is_zero() {
        return Err(usage("--timeout 0s: a probe needs some time".into()).hint("for example: --timeout 900ms"));
    }
    Ok(Some(ProbeRequest { question: question(words)?, timeout, boot, json }))
}

fn question(words: Vec<String>) -> Result<ProbeQuestion, Error> {
    let mut words = words.into_iter();
    match words.next().as_deref() {
        Some("live") => match words.next() {
            None => Ok(ProbeQuestion::Live),
            Some(word) => Err(usage(format!("probe live {word}: live takes no application"))
                .hint(format!("beaminit probe ready {word} asks whether it runs"))),
        },
        Some("ready") => Ok(ProbeQuestion::Ready(words.collect())),
        Some(other) => Err(usage(format!("probe {other}: no such probe")).hint("one of: live, ready")),
        None => Err(usage("no probe is named".into()).hint("one of: beaminit probe live, beaminit probe ready")),
    }
}

fn duration(option: &str, value: &OsString) -> Result<Duration, Error> {
    let value = value.to_string_lossy();
    humantime::parse_duration(&value).map_err(|_| {
        usage(format!("{option} {value}: not a duration")).hint(format!("for example: {option} 900ms, {option} 2s"))
    })
}

fn text(word: OsString) -> Result<String, Error> {
    word.into_string().map_err(|word| usage(format!("{}: not an application's name", word.to_string_lossy())))
}

#[cfg(test)]
mod tests {
    use super::super::{Command, parse};
    use super::*;

    fn read(args: &[&str]) -> Result<Command, u8> {
        let args = ["probe"].iter().chain(args);
        parse(args.map(OsString::from)).map_err(|error| error.code)
    }

    fn request(question: ProbeQuestion) -> ProbeRequest {
        ProbeRequest { question, timeout: TIMEOUT, boot: BOOT, json: false }
    }

    #[test]
    fn a_question_has_options_before_and_behind_it() {
        assert_eq!(read(&["live"]), Ok(Command::Probe(request(ProbeQuestion::Live))));
        let live = ProbeRequest { timeout: Duration::from_secs(2), json: true, ..request(ProbeQuestion::Live) };
        assert_eq!(read(&["--timeout", "2s", "live", "--format=json"]), Ok(Command::Probe(live)));
        let applications = ProbeQuestion::Ready(vec!["shop".into(), "mnesia".into()]);
        let ready = ProbeRequest { boot: Duration::from_secs(300), ..request(applications) };
        assert_eq!(read(&["ready", "shop", "--boot=5m", "mnesia"]), Ok(Command::Probe(ready)));
        assert_eq!(read(&["ready"]), Ok(Command::Probe(request(ProbeQuestion::Ready(Vec::new())))));
        assert_eq!(read(&["live", "--help"]), Ok(Command::Help));
    }

    #[test]
    fn an_unknown_question_is_wrong_usage() {
        for wrong in [
            &[] as &[&str],
            &["alive"],
            &["live", "shop"],
            &["live", "--timeout"],
            &["live", "--timeout", "soon"],
            &["live", "--timeout", "0s"],
            &["live", "--boot=1"],
            &["ready", "--format=xml"],
            &["ready", "-x"],
        ] {
            assert_eq!(read(wrong), Err(64), "{wrong:?}");
        }
    }

    #[test]
    fn a_program_of_that_name_is_started_behind_two_dashes() {
        let command = parse(["--", "probe", "live"].map(OsString::from));
        assert_eq!(command.unwrap(), Command::Run(["probe", "live"].map(OsString::from).into()));
    }
}
