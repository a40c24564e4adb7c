use super::*;
use crate::signal::Rewrites;
use crate::telemetry::LogFormat;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

fn read(pairs: &[(&str, &str)]) -> (Config, Option<String>) {
    let env = Env::from_pairs(pairs.iter().copied());
    let (config, error) = Config::from_env(&env);
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
    for bad in [" ", "90", "-1s", "1.5.2s", "ten", "90 s s", "99999999999999999999s", "0x10s", "\u{663}s", "1s\n2"] {
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
    assert_eq!(["auto", "exit", "start"].map(failure), [WaitFailure::Auto, WaitFailure::Exit, WaitFailure::Start]);
    for (name, bad) in [("BEAMINIT_WAIT", "Always"), ("BEAMINIT_WAIT", "on"), ("BEAMINIT_WAIT_FAILURE", "0")] {
        assert!(read(&[(name, bad)]).1.is_some_and(|error| error.contains("hint: one of: ")), "{name}={bad}");
    }
}

#[test]
fn peers_are_waited_for_by_word_or_time() {
    let peers = |text| read(&[("BEAMINIT_WAIT_PEERS", text)]);
    let rows = [
        ("auto", WaitPeers::Auto),
        ("off", WaitPeers::Off),
        ("45s", WaitPeers::AtLeast(Duration::from_secs(45))),
        ("1m 30s", WaitPeers::AtLeast(Duration::from_secs(90))),
    ];
    for (text, expected) in rows {
        let (config, error) = peers(text);
        assert_eq!((config.wait_peers, error), (expected, None), "{text:?}");
    }
    for bad in ["0", "0s", "45", "on", "Auto", "-1s"] {
        let (config, error) = peers(bad);
        assert_eq!(config.wait_peers, WaitPeers::Auto, "{bad:?}");
        assert!(error.is_some_and(|error| error.contains("hint: auto, off, or the shortest time")), "{bad:?}");
    }
}

#[test]
fn all_problems_are_reported_at_once_and_valid_settings_are_in_force() {
    let (config, error) = read(&[
        ("BEAMINIT_WAIT", "sometimes"),
        ("BEAMINIT_WAIT_TIMEOUT", "90"),
        ("BEAMINIT_RUN_DIR", "run"),
        ("BEAMINIT_WIAT_FAILURE", "start"),
        ("BEAMINIT_LOG_FORMAT", "json"),
    ]);
    let error = error.unwrap();
    for part in
        ["BEAMINIT_WAIT=\"sometimes\"", "auto, always, off", "BEAMINIT_WAIT_TIMEOUT", "BEAMINIT_RUN_DIR=\"run\""]
    {
        assert!(error.contains(part), "{part} in {error}");
    }
    assert!(error.contains("BEAMINIT_WIAT_FAILURE: no such setting\nhint: the nearest one is BEAMINIT_WAIT_FAILURE"));
    assert_eq!(config.log_format, LogFormat::Json);
    assert_eq!(config.run_dir, None, "an invalid value is not in force");
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
    assert!(
        error.contains("\"INT=TREM\" is not a signal rewrite") && error.contains("\"256\": not a list of exit codes"),
        "{error}"
    );
}

#[test]
fn a_setting_that_is_not_text_is_named_and_another_variable_is_not() {
    let not_utf8 = OsStr::from_bytes(b"off\xff");
    let env = Env::from_pairs(["BEAMINIT_WAIT", "RELEASE_NAME"].map(|name| (name, not_utf8)));
    let (config, error) = Config::from_env(&env);
    let expected = "beaminit: config: BEAMINIT_WAIT is not UTF-8\nhint: set BEAMINIT_WAIT to ASCII text";
    assert_eq!((config, error.map(|error| error.to_string())), (Config::default(), Some(expected.to_owned())));
}

#[test]
fn kubernetes_service_links_are_not_settings() {
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

/// The table has the default twice: as the code takes it, and as people read it.
#[test]
fn the_default_is_the_one_that_is_described() {
    for row in SETTINGS {
        let described: Vec<_> = row.default.split('`').collect();
        let [_, described, ""] = described.as_slice() else { continue };
        let (config, error) = read(&[(row.names[0], described)]);
        assert_eq!((config, error), (Config::default(), None), "{}={described}", row.names[0]);
    }
}

#[test]
fn no_name_is_in_two_rows() {
    let rows = || [POD, RELEASE, OTHERS, SETTINGS].into_iter().flatten();
    let mut names: Vec<_> = rows().flat_map(|row| row.names).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    for (name, row) in Config::NAMES.iter().zip(SETTINGS) {
        assert_eq!(row.names, [*name]);
        assert!(name.starts_with("BEAMINIT_"));
    }
}
