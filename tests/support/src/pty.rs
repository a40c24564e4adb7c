//! A terminal with a program at it, typed at and read from.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::Pid;

use super::processes::living_in_session;
use super::{Process, wait_until};

/// The terminal; its session is killed when it is dropped.
pub struct Pty {
    /// None once it has hung up.
    keyboard: Option<File>,
    screen: Arc<Mutex<String>>,
    child: Child,
}

impl Pty {
    /// Starts `words` as the leader of a session whose terminal this is.
    pub fn start(words: &[impl AsRef<OsStr>]) -> Self {
        let (keyboard, slave) = open().expect("a pseudo-terminal");
        let end = || Stdio::from(slave.try_clone().unwrap());
        // As a login has them: HUP would be ignored behind nohup.
        let mut setsid = Command::new("env");
        setsid.args(["--default-signal", "setsid", "--ctty"]).args(words).env("PS1", "prompt> ").env("TERM", "dumb");
        let child = setsid.stdin(end()).stdout(end()).stderr(end()).spawn().expect("setsid");
        drop(slave);
        let screen = Arc::default();
        let (mut output, text) = (keyboard.try_clone().unwrap(), Arc::downgrade(&screen));
        thread::spawn(move || read(&mut output, &text));
        Self { keyboard: Some(keyboard), screen, child }
    }

    /// Types; `\x03` is Ctrl-C, `\x1a` Ctrl-Z, `\x1c` Ctrl-\.
    pub fn type_in(&mut self, keys: &str) {
        self.keyboard.as_mut().expect("a line").write_all(keys.as_bytes()).unwrap();
    }

    /// Lets go of the terminal, as an `ssh` or `kubectl attach` that ends.
    pub fn hang_up(&mut self) {
        self.keyboard = None;
        self.screen = Arc::default(); // nobody looks at the old one: its reader lets go too
    }

    /// All that was printed so far.
    pub fn screen(&self) -> String {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until `text` has been printed `times` times.
    #[track_caller]
    pub fn expect(&self, text: &str, times: usize, timeout: Duration) {
        let deadline = std::time::Instant::now() + timeout;
        wait_until(timeout + Duration::from_secs(1), text, || {
            let found = self.screen().matches(text).count() >= times;
            assert!(found || std::time::Instant::now() < deadline, "no {text:?} {times} times in:\n{}", self.screen());
            found
        });
    }

    /// Waits until the process of this name leads the foreground group and is not stopped: what is typed is its own.
    #[track_caller]
    pub fn expect_foreground(&self, comm: &str, timeout: Duration) {
        wait_until(timeout, comm, || {
            let keyboard = self.keyboard.as_ref().expect("a line");
            let leader = nix::unistd::tcgetpgrp(keyboard).ok().and_then(|group| Process::read(group.as_raw()));
            leader.is_some_and(|leader| leader.comm == comm && leader.state != 'T')
        });
    }

    /// Waits for the end of the session's leader.
    #[track_caller]
    pub fn wait(&mut self, timeout: Duration) -> Option<i32> {
        super::wait_for(timeout, "the end", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Pty {
    /// A job in the background would outlive its shell. What is started meanwhile is found in the next round.
    fn drop(&mut self) {
        let session = i32::try_from(self.child.id()).unwrap();
        while let members @ [_, ..] = living_in_session(session).as_slice() {
            for pid in members {
                let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
            }
            self.child.try_wait().ok();
        }
        self.child.wait().ok();
    }
}

/// Both ends. No other test's process may inherit one: it would keep the line up.
fn open() -> nix::Result<(File, File)> {
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let master = nix::pty::posix_openpt(flags)?;
    nix::pty::grantpt(&master)?;
    nix::pty::unlockpt(&master)?;
    let slave = nix::fcntl::open(nix::pty::ptsname_r(&master)?.as_str(), flags, Mode::empty())?;
    Ok((OwnedFd::from(master).into(), slave.into()))
}

fn read(output: &mut File, screen: &Weak<Mutex<String>>) {
    let mut bytes = [0; 1024];
    while let Some(screen) = screen.upgrade() {
        let mut ready = [PollFd::new(output.as_fd(), PollFlags::POLLIN)];
        if nix::poll::poll(&mut ready, 20_u16).is_ok_and(|ready| ready > 0) {
            // An error is the end: the last process has closed its side.
            let Ok(count @ 1..) = output.read(&mut bytes) else { return };
            screen.lock().unwrap_or_else(PoisonError::into_inner).push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    }
}
