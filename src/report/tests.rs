use super::*;
use std::sync::{Arc, Mutex};

#[test]
fn a_bug_is_reported_with_its_place_and_with_whatever_a_panic_says() {
    let report = |payload: &dyn Any| bug(Some(Location::caller()), payload).to_string();
    let rows: [(&dyn Any, &str); 3] =
        [(&"a word", "a word"), (&"a sentence".to_owned(), "a sentence"), (&7, "no reason given")];
    for (payload, cause) in rows {
        let lines = report(payload);
        assert!(lines.starts_with(&format!("beaminit: bug: {}:", file!())), "{lines}");
        let end = format!(": {cause}\nhint: please report it, with the pod's manifest");
        assert!(lines.ends_with(&end), "{lines}");
    }
    assert_eq!(bug(None, &"x").code, 70);
}

#[test]
fn a_warning_is_logged_under_the_name_of_its_stage() {
    let stages = [
        Stage::Cli,
        Stage::Signals,
        Stage::Config,
        Stage::Identity,
        Stage::Release,
        Stage::Render,
        Stage::Wait,
        Stage::HandOver,
        Stage::Supervise,
        Stage::Exec,
        Stage::Bug,
    ];
    let targets = Arc::new(Mutex::new(Vec::new()));
    let log = telemetry::Log {
        level: Level::TRACE,
        write: {
            let targets = Arc::clone(&targets);
            move |line: LogLine| targets.lock().unwrap().push(line.target)
        },
    };
    tracing::subscriber::with_default(log, || {
        for stage in stages {
            log_warning(stage, &Problem::new("odd"));
        }
    });
    assert_eq!(*targets.lock().unwrap(), stages.map(Stage::name));
}

#[test]
fn an_end_that_nobody_asked_for_has_a_hint_where_there_is_something_to_do() {
    let hint = |reason, slogan: Option<&str>, is_beam| {
        let slogan = slogan.map(str::to_owned);
        let ended = Ended { reason, after: Duration::ZERO, was_asked: false, slogan };
        hint_after(&ended, is_beam).unwrap_or_default()
    };
    let (failed, killed) = (ExitReason::Code(1), ExitReason::Signal(signal::KILL));
    let rows = [
        (hint(killed, None, true), "OOMKilled"),
        (hint(failed, Some("eheap_alloc: Cannot allocate 9 bytes"), true), "raise resources.limits.memory"),
        (hint(failed, Some("eheap_alloc: Cannot reallocate 9 bytes"), true), "raise resources.limits.memory"),
        (hint(failed, Some("no such luck"), true), "kubectl logs --previous POD"),
        (hint(ExitReason::Code(0), None, true), "it went to the background"),
    ];
    for (hint, part) in rows {
        assert!(hint.contains(part), "{part} in {hint}");
    }
    assert_eq!(hint(failed, None, false), "");
}

#[test]
fn the_termination_log_gets_what_the_kubelet_reads_of_it_and_no_half_character() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let written = |text: &str| {
        write_termination_log(text, log.path());
        std::fs::read_to_string(log.path()).unwrap()
    };
    for text in ["x".repeat(4096), "…".repeat(3), String::new()] {
        assert_eq!(written(&text), text);
    }
    assert_eq!(written(&"x".repeat(4097)), "x".repeat(4096));
    assert_eq!(written(&"…".repeat(2000)), "…".repeat(4096 / "…".len()));
}

#[test]
fn a_problem_in_json_has_the_fields_of_a_line_of_the_log() {
    let error = Error::new(Stage::Wait, 69, "a \"name\" is missing").hint("create it");
    let [line] = in_json(&error).try_into().unwrap();
    let (timestamp, rest) = line.split_once(',').unwrap();
    assert!(timestamp.starts_with("{\"timestamp\":\"20") && timestamp.ends_with("Z\""), "{line}");
    let expected = r#""level":"ERROR","message":"a \"name\" is missing","code":69,"hint":"create it","target":"wait"}"#;
    assert_eq!(rest, expected);
}
