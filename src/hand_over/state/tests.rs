//! What is believed of a state on disk, and what is not.

use super::*;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use tempfile::TempDir;

fn ours() -> State {
    let command = ["bin/demo".into(), "start".into()];
    let started = StartedRelease { kind: "mix", name: "demo", layout: None, command: &command, fqdn: None };
    let env = [("RELEASE_NODE", "given@host"), ("RELEASE_NAME", "demo"), ("BEAMINIT_WAIT", "off"), ("ERL_FLAGS", "-x")];
    let given = vec![
        ("RELEASE_NODE", "demo@web-0.web".into()),
        ("RELEASE_COOKIE", "sesame".into()),
        ("XDG_CONFIG_HOME", "for the node alone".into()),
    ];
    let hand_over =
        HandOver { removed: vec!["REPLACE_OS_VARS"], not_for_tools: vec!["XDG_CONFIG_HOME"], ..HandOver::default() };
    State::of_this_start(started, &Env::from_pairs(env), &hand_over, &given).unwrap()
}

/// A run directory, as a start has it, with this text as its state.
fn with(text: &str) -> (TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("run");
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();
    fs::write(dir.join(FILE), text).unwrap();
    fs::set_permissions(dir.join(FILE), Permissions::from_mode(0o600)).unwrap();
    (parent, dir)
}

fn find_in(places: &RunDirPlaces) -> Result<State, Vec<Rejected>> {
    State::find(places, |kind| kind == "mix").map(|(state, _)| state)
}

fn find(dir: &Path) -> Result<State, Vec<Rejected>> {
    find_in(&RunDirPlaces::new(Some(dir), None))
}

/// Why the only state there is not believed.
#[track_caller]
fn reason(dir: &Path) -> String {
    let [Rejected { path, reason }] = find(dir).unwrap_err().try_into().unwrap();
    assert_eq!(path, dir.join(FILE));
    reason
}

#[test]
fn what_a_start_writes_is_found() {
    let parent = tempfile::tempdir().unwrap();
    let places = RunDirPlaces::new(Some(&parent.path().join("run")), None);
    assert_eq!(find_in(&places), Err(Vec::new()));
    let dir = RunDir::open(&places).unwrap();
    let state = ours();
    state.write(&dir).unwrap();
    assert_eq!(find_in(&places), Ok(state.clone()));
    state.clone().with_main(state.supervisor.pid).write(&dir).unwrap();
    assert_eq!(find_in(&places).unwrap().main, Some(state.supervisor));
    assert_eq!(fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode() & 0o777, 0o600);
    drop(dir);
    assert_eq!(find_in(&places), Err(Vec::new()));
}

#[test]
fn a_volume_is_looked_into_one_deeper() {
    let volume = tempfile::tempdir().unwrap();
    fs::set_permissions(volume.path(), Permissions::from_mode(0o777)).unwrap();
    let places = RunDirPlaces::new(Some(volume.path()), None);
    assert_eq!(find_in(&places), Err(Vec::new()));
    let dir = RunDir::open(&places).unwrap();
    let state = ours();
    state.write(&dir).unwrap();
    assert_eq!(find_in(&places), Ok(state));
}

#[test]
fn the_variables_are_the_releases() {
    let state = ours();
    let text = |word: &Word| word.0.clone().into_string().unwrap();
    let variables: Vec<_> = state.variables.iter().map(|(name, value)| (text(name), text(value))).collect();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        variables,
        [pair("RELEASE_NAME", "demo"), pair("RELEASE_NODE", "demo@web-0.web"), pair("RELEASE_COOKIE", "sesame")]
    );
}

#[test]
fn the_tools_get_a_cookie_that_the_release_has_as_a_file() {
    let cookie = crate::cookie::Cookie::parse("sesame").ok();
    let hand_over = HandOver { cookie_for_tools: Some("RELX_COOKIE"), cookie, ..HandOver::default() };
    let given = vec![("RELX_COOKIE", "in a file".into())];
    let variables = variables_for_tools(&Env::from_pairs([("RELX_COOKIE", "before")]), &hand_over, &given);
    assert_eq!(variables, [(Word("RELX_COOKIE".into()), Word("sesame".into()))]);
}

#[test]
fn bytes_come_back_as_they_were() {
    let odd = OsString::from_vec(b"\xff\"\\\n\xc3".to_vec());
    let state = State { command: vec![Word(odd.clone()), Word("\u{e9}\u{1}\"\n".into())], ..ours() };
    assert_eq!(State::parse(state.to_json().as_bytes()), Ok(state));
}

#[test]
fn no_secret_is_shown() {
    let shown = format!("{:?}", ours());
    assert!(!shown.contains("sesame") && shown.contains("mix"), "{shown}");
    let reason = State::parse(ours().to_json().replace("\"command\": [", "\"command\": \"sesame\", [").as_bytes());
    assert!(!reason.clone().unwrap_err().contains("sesame"), "{reason:?}");
}

#[test]
fn what_others_may_have_written_is_not_believed() {
    let state = ours();
    let (_parent, dir) = with(&state.to_json());
    assert_eq!(find(&dir), Ok(state));
    let file = dir.join(FILE);
    for mode in [0o604, 0o620, 0o666] {
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        assert_eq!(reason(&dir), "it is not ours alone");
    }
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(&dir, Permissions::from_mode(0o777)).unwrap();
    assert_eq!(reason(&dir), "its directory is not ours alone");
    fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();
    fs::hard_link(&file, dir.join("second")).unwrap();
    assert_eq!(reason(&dir), "it is not ours alone");
}

#[test]
fn a_link_is_not_followed() {
    let (_parent, elsewhere) = with(&ours().to_json());
    let (_other_parent, dir) = with("");
    fs::remove_file(dir.join(FILE)).unwrap();
    symlink(elsewhere.join(FILE), dir.join(FILE)).unwrap();
    assert_eq!(reason(&dir), "it is a link");
    let link = dir.with_file_name("link");
    symlink(&elsewhere, &link).unwrap();
    assert_eq!(find(&link).unwrap_err()[0].reason, "it is a link");
}

#[test]
fn what_is_not_a_file_is_not_waited_for() {
    let (_parent, dir) = with("");
    fs::remove_file(dir.join(FILE)).unwrap();
    fs::create_dir(dir.join(FILE)).unwrap();
    assert_eq!(reason(&dir), "it is not ours alone");
    fs::remove_dir(dir.join(FILE)).unwrap();
    let status = std::process::Command::new("mkfifo").arg("-m600").arg(dir.join(FILE)).status().unwrap();
    assert!(status.success());
    assert_eq!(reason(&dir), "it is not ours alone");
}

#[test]
fn the_writer_must_live_in_this_container() {
    let state = ours();
    let with_state = |state: &State| reason(&with(&state.to_json()).1);
    let elsewhere = State { mount_namespace: state.mount_namespace + 1, ..state.clone() };
    assert_eq!(with_state(&elsewhere), "it is of another container");
    let started = state.supervisor.started;
    for supervisor in [
        RecordedProcess { pid: 1, started },
        RecordedProcess { started: started + 1, ..state.supervisor },
        RecordedProcess { pid: i32::MAX, started },
        RecordedProcess { pid: -1, started },
    ] {
        let dead = with_state(&State { supervisor, ..state.clone() });
        assert!(dead.starts_with("the beaminit that wrote it, process "), "{dead}");
    }
}

#[test]
fn a_text_of_another_form_is_refused_as_such() {
    let wrong = |from: &str, to: &str| {
        let json = ours().to_json();
        assert!(json.contains(from), "{json}");
        State::parse(json.replace(from, to).as_bytes()).unwrap_err()
    };
    assert_eq!(wrong("\"version\": 1", "\"version\": 2"), "it has form 2, this beaminit reads form 1");
    for (from, to) in [("\"version\": 1", "\"version\": -1"), ("\"unset\"", "\"onset\"")] {
        assert!(wrong(from, to).starts_with("it is not the state of a start: line "), "{from}");
    }
    let (_parent, dir) = with(&ours().to_json().replace("\"mix\"", "\"mox\""));
    assert_eq!(reason(&dir), "it is of a kind of release that this beaminit does not know");
    for bad in ["", "A=B", "a\\u0000b"] {
        assert_eq!(wrong("\"RELEASE_NAME\"", &format!("\"{bad}\"")), "it has a variable that no environment can have");
    }
    for text in ["", "{", "null", "[]", "\u{feff}{}"] {
        assert!(State::parse(text.as_bytes()).is_err());
    }
}
