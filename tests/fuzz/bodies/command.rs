//! Any text as an entrypoint, and behind `sh -c`: it is followed to a release's start script, or to nothing, in time.

use std::ffi::OsString;
use std::fs;
use std::time::{Duration, Instant};

use beaminit::testing::FollowedCommand;
use beaminit::testing::variables::ReleaseSetting;

/// The text is that of the entrypoint, whose directory has a release in it.
pub fn body(data: &[u8]) {
    let root = tempfile::tempdir().expect("a scratch directory");
    let root = root.path();
    let start_script: &[u8] = b"#!/bin/sh\nREL_NAME=app\nstart_erl.data\ncase $1 in start) x ;; esac\n";
    for (path, text) in [("entrypoint", data), ("bin/app", start_script), ("releases/1.0/app.rel", b"")] {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
    let begun = Instant::now();
    let text = String::from_utf8_lossy(data).into_owned();
    let entrypoint = root.join("entrypoint").into_os_string();
    let commands: [Vec<OsString>; 2] =
        [vec![entrypoint, "bin/app".into(), "start".into()], vec!["sh".into(), "-c".into(), text.into()]];
    let path = root.join("bin").display().to_string();
    let environment = |name: &str| if name == "PATH" { Some(path.clone()) } else { None };
    for command in commands {
        let followed = FollowedCommand::of(&command, &ReleaseSetting::Auto, &environment);
        let Some(script) = &followed.script else { continue };
        assert!(script.path.is_file() && followed.has_vm_in_sight, "{followed:?}");
        assert!(!followed.steps.is_empty() && followed.steps[0].place.starts_with("COMMAND"), "{followed:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}
