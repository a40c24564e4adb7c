//! The inits, and how one of them becomes PID 1.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns, unshare};

use crate::results::Row;

#[derive(Clone, Copy)]
pub(crate) struct Init {
    pub(crate) name: &'static str,
    pub(crate) words: &'static [&'static str],
}

const BASH: &str = "trap 'kill -TERM $child' TERM; \"$@\" & child=$!; wait $child; wait $child";

pub(crate) const INITS: [Init; 7] = [
    Init { name: "none", words: &[] },
    Init { name: "tini", words: &["/usr/bin/tini", "--"] },
    Init { name: "tini-static", words: &["/usr/bin/tini-static", "--"] },
    Init { name: "dumb-init", words: &["/usr/bin/dumb-init", "--"] },
    Init { name: "catatonit", words: &["/usr/bin/catatonit", "--"] },
    Init { name: "bash", words: &["/bin/bash", "-c", BASH, "bash"] },
    Init { name: "beaminit", words: &[OURSELVES, "--"] },
];

const OURSELVES: &str = env!("CARGO_BIN_EXE_beaminit");

/// A copy in one piece, as an image's layer is unpacked. What a linker has written is in the page cache page by page,
/// and costs each start a tenth.
fn unpacked() -> &'static Path {
    static COPY: LazyLock<PathBuf> = LazyLock::new(|| {
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("beaminit");
        fs::write(&copy, fs::read(OURSELVES).unwrap()).unwrap();
        fs::set_permissions(&copy, Permissions::from_mode(0o755)).unwrap();
        nix::unistd::sync();
        copy
    });
    &COPY
}

impl Init {
    /// Starts `command` behind it, as PID 1 of a new namespace.
    pub(crate) fn start(self, command: &[&str], stdin: Stdio, stdout: Stdio) -> Child {
        let mut init = self.as_pid_1(command);
        // Inherited by the child; the spawn returns when it has become the init.
        run_on(THEIRS);
        let child = init.stdin(stdin).stdout(stdout).spawn().unwrap();
        run_on(OURS);
        // A thread can be made only where children stay in its namespace.
        enter_own_namespace();
        child
    }

    /// How long it takes from its start to its end, behind which `command` succeeds. We only wait meanwhile, on its CPU: to
    /// go to another one takes a time as well.
    pub(crate) fn time(self, command: &[&str]) -> Duration {
        let mut init = self.as_pid_1(command);
        init.stdin(Stdio::null()).stdout(Stdio::null());
        run_on(THEIRS);
        let start = Instant::now();
        let status = init.status().unwrap();
        let took = start.elapsed();
        run_on(OURS);
        enter_own_namespace();
        assert!(status.success(), "{}: {status}", self.name);
        took
    }

    fn as_pid_1(self, command: &[&str]) -> Command {
        unshare(CloneFlags::CLONE_NEWPID).expect("a namespace; run as root");
        let words: Vec<_> = self.words.iter().chain(command).collect();
        let mut init = Command::new(if *words[0] == OURSELVES { unpacked() } else { Path::new(words[0]) });
        init.args(&words[1..])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("BEAMINIT_LOG", "off")
            .stderr(Stdio::null());
        init
    }
}

fn enter_own_namespace() {
    setns(File::open("/proc/self/ns/pid").unwrap(), CloneFlags::CLONE_NEWPID).unwrap();
}

pub(crate) fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

pub(crate) fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// The CPU of what measures, and that of what is measured: neither waits for the other to be done.
const OURS: usize = 0;
const THEIRS: usize = 1;

fn run_on(cpu: usize) {
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu);
    // A machine with one CPU has no choice.
    rustix::thread::sched_setaffinity(None, &set).ok();
}

pub(crate) fn sizes() -> Vec<Row> {
    let size = |init: Init| {
        init.words.first().map_or(f64::NAN, |file| fs::metadata(Path::new(file)).unwrap().len() as f64 / 1024.0)
    };
    vec![Row::of("size of the file, KiB", &INITS.map(size))]
}
