//! Network namespaces, entered by threads: a process or a socket that a thread makes belongs to the thread's network.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::panic::resume_unwind;
use std::process::{self, Command, Output, Stdio};
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

/// A separate network. It ends with this value and the processes inside.
#[derive(Debug)]
pub struct NetNamespace {
    file: File,
}

impl NetNamespace {
    pub fn new() -> Self {
        let file = on_a_thread(|| {
            if let Err(cause) = unshare(CloneFlags::CLONE_NEWNET) {
                panic!(
                    "cannot make a network namespace: {}; run the tests as root or in a privileged container",
                    cause.desc()
                );
            }
            File::open("/proc/thread-self/ns/net").expect("the thread's own network namespace")
        });
        Self { file }
    }

    /// Keeps it, whatever becomes of this value.
    pub fn another(&self) -> Self {
        Self { file: self.file.try_clone().unwrap() }
    }

    /// Moves the calling thread, and with it whatever it starts from now on, into this network.
    pub fn enter(&self) {
        setns(&self.file, CloneFlags::CLONE_NEWNET).expect("entering a network namespace");
    }

    /// Runs `work` inside, on a separate thread.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        on_a_thread(|| {
            self.enter();
            work()
        })
    }

    /// Where `ip link set … netns` finds this network.
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", process::id(), self.file.as_raw_fd())
    }

    /// Runs `ip` with all these lines inside, and panics if one fails.
    pub fn ip(&self, lines: &[String]) {
        let output = self.try_ip(lines);
        assert!(output.status.success(), "ip: {}in {lines:#?}", String::from_utf8_lossy(&output.stderr));
    }

    /// One process does it all: one for each line would cost most of a pod's start.
    pub fn try_ip(&self, lines: &[String]) -> Output {
        self.run(|| {
            let mut ip = Command::new("ip")
                .args(["-batch", "-"])
                .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("`ip` of iproute2 is installed");
            ip.stdin.take().unwrap().write_all(lines.join("\n").as_bytes()).unwrap();
            ip.wait_with_output().unwrap()
        })
    }
}

/// Runs `work` on a new thread, since the namespaces of the caller's thread must stay as they are.
pub fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(work).join().unwrap_or_else(|panic| resume_unwind(panic)))
}
