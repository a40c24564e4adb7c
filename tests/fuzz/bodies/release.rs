//! Any `start_erl.data`, any `env.sh`, any start script: a release is found, or said not to be whole.

use std::fs;
use std::path::Path;

use beaminit::testing::Release;
use beaminit::testing::variables::RawEnv;

use super::input::Input;

/// The first byte says which file the rest is.
pub fn body(data: &[u8]) {
    let mut input = Input::new(data);
    let which = input.number(3);
    let text = input.take(usize::MAX);
    let root = tempfile::tempdir().expect("a scratch directory");
    let files: [(&str, &[u8]); 5] = [
        ("bin/app", b"#!/bin/sh\n"),
        ("releases/start_erl.data", b"13.1.5 1.0"),
        ("releases/1.0/env.sh", b""),
        ("releases/1.0/elixir", b""),
        ("releases/1.0/start.boot", b""),
    ];
    for (index, (path, usual)) in files.into_iter().enumerate() {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, if index == which { text } else { usual }).expect("a file");
    }
    let command = vec![root.path().join("bin/app").into(), "start".into()];
    match Release::find(command, &RawEnv::default(), None, None) {
        Ok(release) => {
            let layout = release.layout.expect("there is one");
            assert!(layout.version_dir.is_dir() && layout.version_dir.starts_with(root.path()), "{layout:?}");
            assert!(!Path::new(&layout.version).is_absolute());
        }
        Err(error) => assert!(which < 2 && error.to_string().contains("beaminit: release: "), "{error}"),
    }
}
