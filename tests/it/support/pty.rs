//! A terminal with a program at it, typed at and read from.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::{Process, wait_until};

/// The terminal; its session is killed when it is dropped.
pub(crate) struct Pty {
    keyboard: File,
    screen: Arc<Mutex<String>>,
    child: Child,
}

impl Pty {
    /// Starts `words` as the leader of a session whose terminal this is.
    pub(crate) fn start(words: &[impl AsRef<OsStr>]) -> Self {
        let pair = nix::pty::openpty(None, None).expect("a pseudo-terminal");
        let end = || Stdio::from(pair.slave.try_clone().unwrap());
        let mut setsid = Command::new("setsid");
        setsid.arg("--ctty").args(words).env("PS1", "prompt> ").env("TERM", "dumb");
        let child = setsid.stdin(end()).stdout(end()).stderr(end()).spawn().expect("setsid");
        drop(pair.slave);
        let keyboard = File::from(pair.master);
        let screen = Arc::default();
        let (mut output, text) = (keyboard.try_clone().unwrap(), Arc::clone(&screen));
        thread::spawn(move || read(&mut output, &text));
        Self { keyboard, screen, child }
    }

    /// Types; `\x03` is Ctrl-C, `\x1a` Ctrl-Z, `\x1c` Ctrl-\.
    pub(crate) fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// All that was printed so far.
    pub(crate) fn screen(&self) -> String {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until `text` has been printed `times` times.
    #[track_caller]
    pub(crate) fn expect(&self, text: &str, times: usize, timeout: Duration) {
        let deadline = std::time::Instant::now() + timeout;
        wait_until(timeout + Duration::from_secs(1), text, || {
            let found = self.screen().matches(text).count() >= times;
            assert!(found || std::time::Instant::now() < deadline, "no {text:?} {times} times in:\n{}", self.screen());
            found
        });
    }

    /// Waits until the process of this name leads the foreground group and is not stopped: what is typed is its own.
    #[track_caller]
    pub(crate) fn expect_foreground(&self, comm: &str, timeout: Duration) {
        wait_until(timeout, comm, || {
            let leader = nix::unistd::tcgetpgrp(&self.keyboard).ok().and_then(|group| Process::read(group.as_raw()));
            leader.is_some_and(|leader| leader.comm == comm && leader.state != 'T')
        });
    }

    /// Waits for the end of the session's leader.
    #[track_caller]
    pub(crate) fn wait(&mut self, timeout: Duration) -> Option<i32> {
        super::wait_for(timeout, "the end", || self.child.try_wait().unwrap()).code()
    }

    /// The process id of the session's leader.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn read(output: &mut File, screen: &Mutex<String>) {
    let mut bytes = [0; 1024];
    // An error is the end: the last process has closed its side.
    while let Ok(count @ 1..) = output.read(&mut bytes) {
        screen.lock().unwrap_or_else(PoisonError::into_inner).push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
}
