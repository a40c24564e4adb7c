//! What is not a template is named, what only looks odd is read as the VM reads it, and either way the disk stays as it is.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use beaminit::testing::render::{TemplateVariables, UnsetVariable, VmSurroundings, sys_config, vm_args};
use beaminit::testing::variables::Env;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::support::scratch_dir;

/// The variable that names the template, and what such a file may hold.
const KINDS: [(&str, &str); 2] = [("VMARGS_PATH", "-x ${V}\n"), ("SYS_CONFIG_PATH", "[{x, [{y, \"${V}\"}]}].\n")];

/// Starts a VM behind us that prints its flag `-x` and the setting `y` of `x`.
fn start(variable: &str, template: &Path, run_dir: &Path) -> Output {
    command(variable, template, run_dir).output().unwrap()
}

fn command(variable: &str, template: &Path, run_dir: &Path) -> Command {
    let eval = "application:load({application, x, []}), io:format(\"~p ~p~n\", [init:get_argument(x), \
                application:get_env(x, y)]), halt().";
    let mut command = Command::new(env!("CARGO_BIN_EXE_beaminit"));
    command.args(["erl", "-noinput", "-eval", eval]).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    command.env("HOME", run_dir.parent().unwrap()).env("V", "v").env("BEAMINIT_RUN_DIR", run_dir);
    command.env("BEAMINIT_WAIT", "off").env(variable, template).stdin(Stdio::null());
    command
}

/// Each entry of the directory: name, kind and mode, inode, size and when it was changed.
fn listing(directory: &Path) -> Vec<String> {
    let entry = |entry: fs::DirEntry| {
        let data = entry.metadata().unwrap();
        let changed = (data.ctime(), data.ctime_nsec());
        format!("{} {:o} {} {} {changed:?}", entry.file_name().display(), data.mode(), data.ino(), data.len())
    };
    let mut entries: Vec<_> = fs::read_dir(directory).unwrap().map(|result| entry(result.unwrap())).collect();
    entries.sort();
    entries
}

/// Makes a file at the path, starts, and expects this code and these words.
#[track_caller]
fn refused(make: impl Fn(&Path, &str), code: i32, words: &str) {
    for (variable, text) in KINDS {
        is_refused(variable, |path| make(path, text), code, words);
    }
}

/// The same of one kind.
#[track_caller]
fn is_refused(variable: &str, make: impl FnOnce(&Path), code: i32, words: &str) {
    let directory = scratch_dir();
    let template = directory.path().join("template");
    make(&template);
    let before = listing(directory.path());
    let output = start(variable, &template, &directory.path().join("run"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{variable}: {stderr}");
    assert!(stderr.contains("template") && stderr.contains(words), "{variable}: {stderr}");
    assert_eq!(listing(directory.path()), before, "{variable}");
}

#[test]
fn a_directory_is_not_a_template() {
    refused(|path, _| fs::create_dir(path).unwrap(), 66, "is a directory");
}

#[test]
fn a_fifo_is_not_waited_for() {
    refused(|path, _| mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap(), 66, "not a file");
}

#[test]
fn a_device_is_not_read() {
    refused(|path, _| std::os::unix::fs::symlink("/dev/zero", path).unwrap(), 66, "not a file");
}

#[test]
fn a_hundred_megabytes_are_not_read() {
    let make = |path: &Path| File::create(path).unwrap().set_len(100 << 20).unwrap();
    let words = |longest: usize| format!("larger than {longest} bytes\nhint: is this the right file?");
    is_refused("VMARGS_PATH", make, 65, &words(131_072));
    is_refused("SYS_CONFIG_PATH", make, 65, &words(1_048_576));
}

#[test]
fn what_is_not_utf8_is_named_by_its_line() {
    refused(|path, text| fs::write(path, [text.as_bytes(), b"\xff\n"].concat()).unwrap(), 65, "line 2 is not UTF-8");
}

/// The VM reads comments of any bytes, and files of any length.
#[test]
fn what_is_not_to_be_rendered_is_handed_over_whatever_it_is_made_of() {
    for (variable, text, comment, printed) in [
        ("VMARGS_PATH", "-x ${V}\n", "#", "{ok,[[\"${V}\"]]} undefined\n"),
        ("SYS_CONFIG_PATH", "[{x, [{y, \"${V}\"}]}].\n", "%% coding: latin-1\n%", "error {ok,\"${V}\"}\n"),
    ] {
        for rest in [b"\xff\n".to_vec(), [b" long".repeat(1 << 18), b"\n".to_vec()].concat()] {
            let directory = scratch_dir();
            let template = directory.path().join("template.config");
            fs::write(&template, [comment.as_bytes(), &rest, text.as_bytes()].concat()).unwrap();
            let mut command = command(variable, &template, &directory.path().join("run"));
            let output = command.env("BEAMINIT_RENDER", "off").output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(String::from_utf8_lossy(&output.stdout), printed, "{variable}: {stderr}");
        }
    }
}

#[test]
fn a_byte_order_mark_is_named() {
    refused(|path, text| fs::write(path, format!("\u{feff}{text}")).unwrap(), 65, "byte order mark");
}

#[test]
fn line_ends_of_windows_and_none_at_the_end_are_read() {
    for (variable, text) in KINDS {
        let text = text.trim_end().replace(' ', "\r\n");
        let directory = scratch_dir();
        let template = directory.path().join("template");
        fs::write(&template, &text).unwrap();
        let before = listing(directory.path());
        let output = start(variable, &template, &directory.path().join("run"));
        let expected = if variable == "VMARGS_PATH" { "{ok,[[\"v\"]]} undefined\n" } else { "error {ok,\"v\"}\n" };
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(listing(directory.path()), before, "what we wrote is gone with us");
        assert_eq!(fs::read_to_string(&template).unwrap(), text);
    }
}

#[test]
fn an_empty_file_is_read() {
    let directory = scratch_dir();
    let template = directory.path().join("template");
    fs::write(&template, "").unwrap();
    assert!(start("VMARGS_PATH", &template, &directory.path().join("run")).status.success());
}

/// As large as it may be, and made of what takes a reader long that looks at everything behind everything.
#[test]
fn no_text_takes_long() {
    const LIMIT: Duration = Duration::from_secs(60);
    let directory = scratch_dir();
    let file = directory.path().join("template");
    let long = "\u{e9}\"".repeat(30_000);
    let env = Env::from_pairs([("V", "v"), ("LONG", &long)]);
    let variables = TemplateVariables { env: &env, derived: vec![], refused: vec![], unset: UnsetVariable::Error };
    for part in [
        "${V}",
        "${V} ",
        "${",
        "${NONE}\n",
        "\"${LONG}\" ",
        "-setcookie ",
        "-name a@b\n",
        "\"",
        "'${V}",
        "$",
        "~",
        "<<\"${V}\">>",
        "\"\"\"\n",
        "{[<<",
        "1e",
        "16#",
    ] {
        fs::write(&file, part.repeat((1 << 20) / part.len())).unwrap();
        let start = Instant::now();
        let _ = vm_args(&file, Some(&variables), VmSurroundings::default());
        let _ = sys_config(&file, Some(&variables));
        assert!(start.elapsed() < LIMIT, "{part:?}: {:?}", start.elapsed());
    }
}
