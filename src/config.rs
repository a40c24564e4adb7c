//! Our own settings, `BEAMINIT_…`, checked: every problem is found before any is reported.
//!
//! Pure: no I/O, no clock.

use crate::env::{Env, READ, RawEnv};
use crate::error::{Error, Problem, Stage};
use crate::exit;
use crate::release::{CookieMode, Kind};
use crate::signal::Rewrites;
use crate::telemetry::{Level, LogFormat, LogSettings};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// The settings of a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `BEAMINIT_WAIT`.
    pub wait: WaitPolicy,
    /// `BEAMINIT_WAIT_TIMEOUT`; `None` waits for ever.
    pub wait_timeout: Option<Duration>,
    /// `BEAMINIT_WAIT_FAILURE`.
    pub wait_failure: WaitFailure,
    /// `BEAMINIT_RENDER`: whether placeholders are filled in.
    pub render: bool,
    /// `BEAMINIT_UNSET`: whether an unset variable is an error, else empty text.
    pub unset_is_error: bool,
    /// `BEAMINIT_KIND`; `None` finds out.
    pub kind: Option<Kind>,
    /// `BEAMINIT_COOKIE`.
    pub cookie: CookieMode,
    /// `BEAMINIT_COOKIE_FILE`.
    pub cookie_file: Option<PathBuf>,
    /// `BEAMINIT_RUN_DIR`.
    pub run_dir: Option<PathBuf>,
    /// `BEAMINIT_SIGNALS`; `None` leaves it to the kind.
    pub signals: Option<Rewrites>,
    /// `BEAMINIT_SIGNAL_TARGET`.
    pub signal_target: SignalTarget,
    /// `BEAMINIT_SUCCESS_CODES`.
    pub success_codes: Vec<u8>,
    /// `BEAMINIT_STOP_TIMEOUT`; `None` never kills.
    pub stop_timeout: Option<Duration>,
    /// `BEAMINIT_LOG`, `BEAMINIT_LOG_FORMAT`.
    pub log: LogSettings,
    /// `BEAMINIT_TERMINATION_LOG`.
    pub termination_log: PathBuf,
}

/// Whether to wait for the pod's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitPolicy {
    /// Where there is a record to wait for.
    Auto,
    /// Always: no record to wait for is an error.
    Always,
    /// Never.
    Off,
}

/// What to do when the record does not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFailure {
    /// End with 69.
    Exit,
    /// Start the release all the same.
    Start,
}

/// Who gets the signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignalTarget {
    /// The release's first process. A VM ends its own children.
    Main,
    /// Every process of its group.
    Group,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            wait: WaitPolicy::Auto,
            wait_timeout: Some(Duration::from_secs(120)),
            wait_failure: WaitFailure::Exit,
            render: true,
            unset_is_error: true,
            kind: None,
            cookie: CookieMode::default(),
            cookie_file: None,
            run_dir: None,
            signals: None,
            signal_target: SignalTarget::Main,
            success_codes: Vec::new(),
            stop_timeout: None,
            log: LogSettings::default(),
            termination_log: PathBuf::from("/dev/termination-log"),
        }
    }
}

impl Config {
    /// Reads the settings. What is well is in force even if something else is wrong, so that an error is reported as
    /// the settings for reports say.
    #[must_use]
    pub fn from_env(env: &Env, raw: &RawEnv) -> (Self, Option<Error>) {
        let mut reader = Reader { problems: unknown_names(env) };
        for name in raw.not_utf8.iter().filter(|name| name.starts_with(PREFIX)) {
            reader
                .problems
                .push(Problem::new(format!("{name} is not UTF-8")).hint(format!("set {name} to ASCII text")));
        }
        let default = Self::default();
        let level = reader.one_of("BEAMINIT_LOG", raw.beaminit_log.as_deref(), &LEVELS);
        let format = reader.one_of("BEAMINIT_LOG_FORMAT", raw.beaminit_log_format.as_deref(), &FORMATS);
        let config = Self {
            wait: reader.one_of("BEAMINIT_WAIT", raw.beaminit_wait.as_deref(), &WAITS).unwrap_or(default.wait),
            wait_timeout: reader
                .duration("BEAMINIT_WAIT_TIMEOUT", raw.beaminit_wait_timeout.as_deref())
                .map_or(default.wait_timeout, |given| (!given.is_zero()).then_some(given)),
            wait_failure: reader
                .one_of("BEAMINIT_WAIT_FAILURE", raw.beaminit_wait_failure.as_deref(), &FAILURES)
                .unwrap_or(default.wait_failure),
            render: reader
                .one_of("BEAMINIT_RENDER", raw.beaminit_render.as_deref(), &RENDERS)
                .unwrap_or(default.render),
            unset_is_error: reader
                .one_of("BEAMINIT_UNSET", raw.beaminit_unset.as_deref(), &UNSETS)
                .unwrap_or(default.unset_is_error),
            kind: reader.one_of("BEAMINIT_KIND", raw.beaminit_kind.as_deref(), &kinds()).flatten(),
            cookie: reader
                .one_of("BEAMINIT_COOKIE", raw.beaminit_cookie.as_deref(), &COOKIES)
                .unwrap_or(default.cookie),
            cookie_file: reader.absolute("BEAMINIT_COOKIE_FILE", raw.beaminit_cookie_file.as_deref()),
            run_dir: reader.absolute("BEAMINIT_RUN_DIR", raw.beaminit_run_dir.as_deref()),
            signals: reader.signals("BEAMINIT_SIGNALS", raw.beaminit_signals.as_deref()),
            signal_target: reader
                .one_of("BEAMINIT_SIGNAL_TARGET", raw.beaminit_signal_target.as_deref(), &TARGETS)
                .unwrap_or(default.signal_target),
            success_codes: reader.codes("BEAMINIT_SUCCESS_CODES", raw.beaminit_success_codes.as_deref()),
            stop_timeout: reader
                .duration("BEAMINIT_STOP_TIMEOUT", raw.beaminit_stop_timeout.as_deref())
                .filter(|given| !given.is_zero()),
            log: LogSettings {
                level: level.unwrap_or(default.log.level),
                format: format.unwrap_or(default.log.format),
            },
            termination_log: reader
                .absolute("BEAMINIT_TERMINATION_LOG", raw.beaminit_termination_log.as_deref())
                .unwrap_or(default.termination_log),
        };
        let problems = reader.problems;
        let error = (!problems.is_empty()).then_some(Error { stage: Stage::Config, code: exit::CONFIG, problems });
        (config, error)
    }
}

const PREFIX: &str = "BEAMINIT_";
const LEVELS: [(&str, Option<Level>); 6] = [
    ("error", Some(Level::ERROR)),
    ("warn", Some(Level::WARN)),
    ("info", Some(Level::INFO)),
    ("debug", Some(Level::DEBUG)),
    ("trace", Some(Level::TRACE)),
    ("off", None),
];
const FORMATS: [(&str, LogFormat); 2] = [("text", LogFormat::Text), ("json", LogFormat::Json)];
const WAITS: [(&str, WaitPolicy); 3] =
    [("auto", WaitPolicy::Auto), ("always", WaitPolicy::Always), ("off", WaitPolicy::Off)];
const FAILURES: [(&str, WaitFailure); 2] = [("exit", WaitFailure::Exit), ("start", WaitFailure::Start)];
const TARGETS: [(&str, SignalTarget); 2] = [("main", SignalTarget::Main), ("group", SignalTarget::Group)];
const RENDERS: [(&str, bool); 2] = [("auto", true), ("off", false)];
const COOKIES: [(&str, CookieMode); 3] =
    [("auto", CookieMode::Auto), ("file", CookieMode::File), ("args", CookieMode::Args)];
const UNSETS: [(&str, bool); 2] = [("error", true), ("empty", false)];

fn kinds() -> Vec<(&'static str, Option<Kind>)> {
    std::iter::once(("auto", None)).chain(Kind::ALL.map(|kind| (kind.name(), Some(kind)))).collect()
}

/// Reads single values and keeps what is wrong with them.
struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    fn one_of<T: Copy>(&mut self, name: &str, value: Option<&str>, choices: &[(&str, T)]) -> Option<T> {
        let value = value?;
        let found = choices.iter().find(|(word, _)| *word == value).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            self.problems.push(
                Problem::new(format!("{name}={value:?}: no such setting"))
                    .hint(format!("one of: {}", words.join(", "))),
            );
        }
        found
    }

    fn duration(&mut self, name: &str, value: Option<&str>) -> Option<Duration> {
        let value = value?;
        if value == "0" {
            return Some(Duration::ZERO);
        }
        let parsed = humantime::parse_duration(value);
        if let Err(error) = &parsed {
            self.problems.push(
                Problem::new(format!("{name}={value:?}: no duration: {error}"))
                    .hint("write 90s, 2m or 1h 30m; 0 for no limit"),
            );
        }
        parsed.ok()
    }

    fn signals(&mut self, name: &str, value: Option<&str>) -> Option<Rewrites> {
        let parsed = Rewrites::parse(value?);
        if let Err(part) = &parsed {
            self.problems.push(
                Problem::new(format!("{name}: {part:?} is no pair of signals that can be forwarded"))
                    .hint("write INT=TERM,QUIT=TERM,USR2=; an empty right side drops the signal"),
            );
        }
        parsed.ok()
    }

    fn codes(&mut self, name: &str, value: Option<&str>) -> Vec<u8> {
        let parsed: Result<_, _> = value
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|code| !code.is_empty())
            .map(str::parse)
            .collect();
        if parsed.is_err() {
            self.problems.push(
                Problem::new(format!("{name}={:?}: no exit codes", value.unwrap_or_default()))
                    .hint("write 143 or 130,143"),
            );
        }
        parsed.unwrap_or_default()
    }

    fn absolute(&mut self, name: &str, value: Option<&str>) -> Option<PathBuf> {
        let path = PathBuf::from(value?);
        if !path.is_absolute() {
            self.problems.push(
                Problem::new(format!("{name}={}: not an absolute path", path.display()))
                    .hint(format!("set {name}=/{}", path.display())),
            );
            return None;
        }
        Some(path)
    }
}

/// A misspelt setting would be silently without effect; so an unknown name is an error.
fn unknown_names(env: &Env) -> Vec<Problem> {
    let ours = READ.into_iter().filter(|name| name.starts_with(PREFIX));
    let unknown = env.names().filter(|name| name.starts_with(PREFIX) && !READ.contains(name) && !is_service_link(name));
    unknown
        .map(|name| {
            let problem = Problem::new(format!("{name}: no such setting"));
            let nearest =
                ours.clone().max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
            let nearest = nearest.unwrap_or_default();
            problem.hint(format!("the nearest one is {nearest}: write that, or remove {name}"))
        })
        .collect()
}

/// Kubernetes sets variables for each service of the namespace; one named `beaminit-x` looks like a setting of ours.
fn is_service_link(name: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || has_port_number(name)
}

/// `…_PORT_<n>_…`, as in `BEAMINIT_X_PORT_80_TCP_ADDR`.
fn has_port_number(name: &str) -> bool {
    name.split("_PORT_").skip(1).any(|rest| {
        rest.split_once('_')
            .is_some_and(|(number, _)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    fn read(pairs: &[(&str, &str)]) -> (Config, Option<String>) {
        let env = Env::from_pairs(pairs.iter().copied());
        let (config, error) = Config::from_env(&env, &env.raw());
        (config, error.map(|error| error.to_string()))
    }

    #[test]
    fn defaults_without_a_setting() {
        assert_eq!(read(&[("PATH", "/bin")]), (Config::default(), None));
    }

    #[test]
    fn durations_are_written_as_people_write_them() {
        let timeout = |text| read(&[("BEAMINIT_WAIT_TIMEOUT", text)]);
        let rows = [
            ("90s", Some(90_000)),
            ("2m", Some(120_000)),
            ("1h 30m", Some(5_400_000)),
            ("1h30m", Some(5_400_000)),
            ("500ms", Some(500)),
            ("0", None),
            ("0s", None),
            ("0m", None),
        ];
        for (text, millis) in rows {
            let (config, error) = timeout(text);
            assert_eq!((config.wait_timeout, error), (millis.map(Duration::from_millis), None), "{text:?}");
        }
        for bad in [" ", "90", "-1s", "1.5.2s", "ten", "90 s s", "99999999999999999999s", "0x10s", "\u{663}s", "1s\n2"]
        {
            let (config, error) = timeout(bad);
            assert_eq!(config.wait_timeout, Some(Duration::from_secs(120)), "{bad:?}");
            assert!(error.is_some_and(|error| error.contains("hint: write 90s, 2m")), "{bad:?}");
        }
    }

    #[test]
    fn the_waits_settings_are_words() {
        let wait = |text| read(&[("BEAMINIT_WAIT", text)]).0.wait;
        assert_eq!(["auto", "always", "off"].map(wait), [WaitPolicy::Auto, WaitPolicy::Always, WaitPolicy::Off]);
        let failure = |text| read(&[("BEAMINIT_WAIT_FAILURE", text)]).0.wait_failure;
        assert_eq!(["exit", "start"].map(failure), [WaitFailure::Exit, WaitFailure::Start]);
        for (name, bad) in [("BEAMINIT_WAIT", "Always"), ("BEAMINIT_WAIT", "on"), ("BEAMINIT_WAIT_FAILURE", "0")] {
            assert!(read(&[(name, bad)]).1.is_some_and(|error| error.contains("hint: one of: ")), "{name}={bad}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once_and_the_rest_is_in_force() {
        let (config, error) = read(&[
            ("BEAMINIT_WAIT", "sometimes"),
            ("BEAMINIT_WAIT_TIMEOUT", "90"),
            ("BEAMINIT_RUN_DIR", "run"),
            ("BEAMINIT_WIAT_FAILURE", "start"),
            ("BEAMINIT_LOG_FORMAT", "json"),
        ]);
        let error = error.unwrap();
        for part in
            ["BEAMINIT_WAIT=\"sometimes\"", "auto, always, off", "BEAMINIT_WAIT_TIMEOUT", "BEAMINIT_RUN_DIR=run"]
        {
            assert!(error.contains(part), "{part} in {error}");
        }
        assert!(
            error.contains("BEAMINIT_WIAT_FAILURE: no such setting\nhint: the nearest one is BEAMINIT_WAIT_FAILURE")
        );
        assert_eq!(config.log.format, LogFormat::Json);
        assert_eq!(config.run_dir, None, "what is wrong is not in force");
    }

    #[test]
    fn signals_and_codes_are_lists() {
        let (config, error) = read(&[
            ("BEAMINIT_SIGNALS", "INT=TERM,USR2="),
            ("BEAMINIT_SIGNAL_TARGET", "group"),
            ("BEAMINIT_SUCCESS_CODES", "143, 0"),
            ("BEAMINIT_STOP_TIMEOUT", "25s"),
        ]);
        assert_eq!(error, None);
        assert_eq!(config.signals, Rewrites::parse("INT=TERM,USR2=").ok());
        assert_eq!((config.signal_target, config.success_codes), (SignalTarget::Group, vec![143, 0]));
        assert_eq!(config.stop_timeout, Some(Duration::from_secs(25)));
        let error = read(&[("BEAMINIT_SIGNALS", "INT=TREM"), ("BEAMINIT_SUCCESS_CODES", "256")]).1.unwrap();
        assert!(error.contains("\"INT=TREM\" is no pair") && error.contains("\"256\": no exit codes"), "{error}");
    }

    #[test]
    fn a_setting_that_is_no_text_is_named_and_a_strangers_is_not() {
        let not_utf8 = OsStr::from_bytes(b"off\xff");
        let env = Env::from_pairs(["BEAMINIT_WAIT", "RELEASE_NAME"].map(|name| (name, not_utf8)));
        let (config, error) = Config::from_env(&env, &env.raw());
        let told = "beaminit: config: BEAMINIT_WAIT is not UTF-8\nhint: set BEAMINIT_WAIT to ASCII text";
        assert_eq!((config, error.map(|error| error.to_string())), (Config::default(), Some(told.to_owned())));
    }

    #[test]
    fn kubernetes_service_links_are_no_settings() {
        let links = [
            ("BEAMINIT_X_SERVICE_HOST", "10.0.0.1"),
            ("BEAMINIT_X_SERVICE_PORT_HTTP", "80"),
            ("BEAMINIT_X_PORT", "tcp://10.0.0.1:80"),
            ("BEAMINIT_X_PORT_80_TCP_ADDR", "10.0.0.1"),
        ];
        assert_eq!(read(&links).1, None);
        assert!(read(&[("BEAMINIT_PORTS", "1")]).1.is_some());
        assert!(read(&[("BEAMINIT_PORT_X_Y", "1")]).1.is_some());
    }
}
