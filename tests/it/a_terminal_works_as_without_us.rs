//! With a terminal (`docker run -it`) the release is its foreground: it reads, Ctrl-C and Ctrl-\ reach it, Ctrl-Z does not
//! leave it standing where nobody could continue it, and under a shell it is an ordinary job.

use std::io::Write as _;
use std::time::Duration;

use crate::support::pty::Pty;
use crate::support::{demo_release, scratch_dir};

const BEAMINIT: &str = env!("CARGO_BIN_EXE_beaminit");
const SOON: Duration = Duration::from_secs(15);

/// A shell as the release, that shows when it gets signals, and echoes lines.
const ECHO: &str = "trap 'echo got INT' INT; trap 'echo got QUIT' QUIT; echo ready; \
                    while :; do read line && echo \"read $line\" && [ \"$line\" = end ] && exit 7; done";

#[test]
fn it_reads_and_gets_the_keyboards_signals() {
    let mut pty = Pty::start(&[BEAMINIT, "bash", "-c", ECHO]);
    pty.expect("ready", 1, SOON);
    pty.type_in("hello\n");
    pty.expect("read hello", 1, SOON);
    pty.type_in("\x03");
    pty.expect("got INT", 1, SOON);
    pty.type_in("\x1c");
    pty.expect("got QUIT", 1, SOON);
    pty.type_in("end\n");
    assert_eq!(pty.wait(SOON), Some(7));
}

#[test]
fn a_release_that_touches_the_terminal_at_once_is_not_left_standing() {
    for _ in 0..10 {
        let mut pty = Pty::start(&[BEAMINIT, "sh", "-c", "stty -echo; stty echo; echo done; exit 3"]);
        pty.expect("done", 1, SOON);
        assert_eq!(pty.wait(SOON), Some(3));
    }
}

#[test]
fn ctrl_z_is_undone_where_no_shell_could_continue() {
    let mut pty = Pty::start(&[BEAMINIT, "sh", "-c", "echo ready; while :; do read line && echo \"read $line\"; done"]);
    pty.expect("ready", 1, SOON);
    pty.type_in("\x1a");
    pty.type_in("still here\n");
    pty.expect("read still here", 1, SOON);
}

#[test]
fn a_terminal_of_another_session_is_left_to_it() {
    // ENOTTY for us, and no failure.
    let script = format!("setsid --wait {BEAMINIT} sh -c 'echo from afar; exit 5'; echo code $?");
    let mut pty = Pty::start(&["sh", "-c", &script]);
    pty.expect("from afar", 1, SOON);
    pty.expect("code 5", 1, SOON);
    assert_eq!(pty.wait(SOON), Some(0));
}

#[test]
fn under_a_shell_it_is_a_job_like_any_other() {
    let mut pty = Pty::start(&["bash", "--norc", "--noprofile", "-i"]);
    pty.expect("prompt>", 1, SOON);
    pty.type_in(&format!("{BEAMINIT} cat\n"));
    pty.expect_foreground("cat", SOON);
    pty.type_in("one\n");
    pty.expect("one\r\none", 1, SOON);
    pty.type_in("\x1a");
    pty.expect("Stopped", 1, SOON);
    pty.expect("prompt>", 2, SOON);
    pty.type_in("fg\n");
    pty.expect_foreground("cat", SOON);
    pty.type_in("two\n");
    pty.expect("two\r\ntwo", 1, SOON);
    pty.type_in("\x03");
    pty.expect("ended by signal INT", 1, SOON);
    pty.type_in("echo code $?\n");
    pty.expect("code 130", 1, SOON);
}

/// All of its group is, as under the shell alone: else `head` would not read on.
#[test]
fn a_job_that_is_continued_in_the_background_runs_there() {
    let dir = scratch_dir();
    let path = dir.path().join("fifo");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut fifo = std::fs::File::options().read(true).write(true).open(&path).unwrap();
    let mut pty = Pty::start(&["bash", "--norc", "--noprofile", "-i"]);
    pty.expect("prompt>", 1, SOON);
    // The command itself is on the screen too.
    let reader = format!("(echo rea''dy; exec head -n 1 {}) &", path.display());
    let release = format!("trap 'echo go''es on' CONT; {reader} while :; do sleep 0.1; done");
    pty.type_in(&format!("{BEAMINIT} sh -c \"{release}\"\n"));
    pty.expect("ready", 1, SOON);
    pty.expect_foreground("sh", SOON);
    pty.type_in("\x1a");
    pty.expect("Stopped", 1, SOON);
    pty.type_in("bg\n");
    pty.expect("goes on", 1, SOON);
    pty.expect_foreground("bash", SOON);
    pty.type_in("echo $((6 * 111))\n");
    pty.expect("666", 1, SOON);
    fifo.write_all(b"read on\n").unwrap();
    pty.expect("read on", 1, SOON);
}

#[test]
fn a_hang_up_ends_it() {
    // What reads from the terminal would find its end there.
    let mut pty = Pty::start(&[BEAMINIT, "sh", "-c", "echo ready; exec sleep 1000"]);
    pty.expect("ready", 1, SOON);
    // The kernel informs the session's leader alone, which is us.
    pty.expect_foreground("sleep", SOON);
    pty.hang_up();
    assert_eq!(pty.wait(SOON), Some(129));
}

#[test]
fn an_interactive_iex_takes_input_and_ctrl_c() {
    let script = demo_release().join("bin/demo");
    let mut pty = Pty::start(&[BEAMINIT, script.to_str().unwrap(), "start_iex"]);
    pty.expect("iex(", 1, SOON);
    pty.type_in("6 * 111\n");
    pty.expect("666", 1, SOON);
    pty.type_in("\x03");
    pty.expect("BREAK:", 1, SOON);
    pty.type_in("a\n");
    assert_eq!(pty.wait(SOON), Some(0));
}
