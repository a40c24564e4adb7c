//! A pod that runs: its processes, its log, its end.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt as _;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fs, io};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use rustix::process::{Pid, Signal, kill_process};
use rustix_libc_wrappers::process::SignalExt;
use tempfile::TempDir;

use super::cluster::{Link, SilentAddress};
use super::launch::{BEFORE_EXEC, Context, Launch, below_a_shell, in_mounts_of};
use super::log::{Ended, Line, Log, Stream};
use super::net_namespace::NetNamespace;
use super::pod::{AsPid, Spec};
use super::processes::{Process, pid_namespace, processes_in};
use super::pty::Pty;
use super::wait_for;

/// How long a program may take from its spawn to its exec on a busy machine.
const EXEC_TIMEOUT: Duration = Duration::from_secs(10);

/// A pod whose entrypoint was started. Dropped, all its processes are killed.
pub struct RunningPod {
    /// The moment before PID 1 was spawned.
    pub started_at: Instant,
    init: i32,
    main: i32,
    pid_namespace: PathBuf,
    context: Context,
    log: Arc<Log>,
    scratch: TempDir,
    /// Until it is given to somebody else.
    plug: Option<(NetNamespace, Link)>,
    /// Closed, it lets the keeper reap PID 1 and end.
    release: Option<Sender<()>>,
    /// The thread that PID 1 is a child of.
    keeper: Option<JoinHandle<()>>,
}

impl RunningPod {
    pub(super) fn start(spec: Spec) -> Self {
        let Spec { scratch, network, link, host_name, root, context, argv, stdin, as_pid } = spec;
        let argv = if as_pid == AsPid::One { argv } else { below_a_shell(argv) };
        let (stdout_reader, stdout) = io::pipe().unwrap();
        let (stderr_reader, stderr) = io::pipe().unwrap();
        let log = Log::read(Instant::now(), stdout_reader, stderr_reader);
        let plug = Some((network.another(), link));
        let launch = Launch { network, host_name, root, context: context.clone(), argv, stdin, stdout, stderr };
        let (release, released) = mpsc::channel();
        let (report, reported) = mpsc::channel();
        let keeper = thread::spawn({
            let log = Arc::clone(&log);
            move || launch.run(&report, &log, &released)
        });
        let Ok((started_at, init)) = reported.recv() else { resume_unwind(keeper.join().unwrap_err()) };
        let init = i32::try_from(init).unwrap();
        let pid_namespace = pid_namespace(init).expect("PID 1 is there until it is released");
        let (release, keeper) = (Some(release), Some(keeper));
        let mut pod =
            Self { started_at, init, main: init, pid_namespace, context, log, scratch, plug, release, keeper };
        pod.main = pod.wait_for_exec(as_pid);
        pod
    }

    /// The entrypoint's PID, once it is itself and no longer what started it.
    fn wait_for_exec(&self, as_pid: AsPid) -> i32 {
        let is_started = |init: &Process| init.is_zombie() || init.is_past_exec(BEFORE_EXEC);
        let init = wait_for(EXEC_TIMEOUT, "PID 1 runs", || Process::read(self.init).filter(is_started));
        if as_pid == AsPid::One {
            return init.pid;
        }
        let is_main = |process: &Process| process.ppid == init.pid && process.is_past_exec("init");
        let main = wait_for(EXEC_TIMEOUT, "PID 1 has a child or has ended", || {
            let child = self.processes().into_iter().find(is_main);
            child.or_else(|| Process::read(self.init).filter(Process::is_zombie))
        });
        main.pid
    }

    /// The entrypoint's PID as the test sees it. If that is PID 1, the number stays taken until this value is dropped.
    pub fn pid(&self) -> i32 {
        self.main
    }

    /// The PID of the pod's PID 1 as the test sees it.
    pub fn init_pid(&self) -> i32 {
        self.init
    }

    /// Sends the signal with this number, real-time signals too, to the entrypoint.
    pub fn signal(&self, number: i32) {
        kill(self.main, number).expect("the pod's process can be signalled");
    }

    /// All lines so far.
    pub fn log(&self) -> Vec<Line> {
        self.log.lines()
    }

    /// What was written to stdout so far.
    pub fn stdout(&self) -> String {
        self.log().into_iter().filter(|line| line.stream == Stream::Stdout).map(|line| line.text + "\n").collect()
    }

    /// The first line of stdout or stderr that contains `part`, from the start on. Panics with the whole log after
    /// `timeout`, or at once when the pod ended without it.
    #[track_caller]
    pub fn expect_line(&self, part: &str, timeout: Duration) -> Line {
        let line = self.log.find(part, timeout);
        line.unwrap_or_else(|| panic!("no line with {part:?} ({:?}, {timeout:?}); log:\n{}", self.ended(), self.log))
    }

    /// How PID 1 ended, if it did.
    pub fn ended(&self) -> Option<Ended> {
        self.log.ended()
    }

    /// Waits for the end of the pod and of its log. Panics with the whole log after `timeout`.
    #[track_caller]
    pub fn wait(&self, timeout: Duration) -> Ended {
        self.try_wait(timeout).unwrap_or_else(|| panic!("still running after {timeout:?}; log:\n{}", self.log))
    }

    /// Waits for the end of the pod and of its log. None after `timeout`.
    pub fn try_wait(&self, timeout: Duration) -> Option<Ended> {
        self.log.wait_for_end(timeout)
    }

    /// Kills what is left of the pod. Its address is still there, and takes packets without a word: no answer, no reset, no
    /// ICMP, as where a machine is lost or a network drops what is for a pod that it no longer knows.
    pub fn into_silence(mut self) -> SilentAddress {
        let (network, link) = self.plug.take().expect("it is taken but once");
        drop(self);
        SilentAddress::new(network, link)
    }

    /// Runs `work`, which may open sockets, in the pod's network.
    pub fn on_its_network<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.plug.as_ref().expect("it is taken with the pod").0.run(work)
    }

    /// All processes of the pod, zombies too.
    pub fn processes(&self) -> Vec<Process> {
        processes_in(&self.pid_namespace)
    }

    /// The pod's PID namespace, as [`processes_in`] takes it.
    pub fn pid_namespace(&self) -> &Path {
        &self.pid_namespace
    }

    /// The number of the pod's mount namespace.
    pub fn mount_namespace(&self) -> u64 {
        fs::metadata(format!("/proc/{}/ns/mnt", self.init)).unwrap().ino()
    }

    /// What the directory is called that this user's start in the pod makes in a directory that everybody may write.
    pub fn run_dir(&self, uid: u32) -> String {
        format!("beaminit-{uid}-{}", self.mount_namespace())
    }

    /// What is in /dev/termination-log.
    pub fn termination_log(&self) -> String {
        fs::read_to_string(self.scratch.path().join("termination-log")).unwrap()
    }

    /// Where the pod's own files lie on the machine; its root file system is not visible there.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Takes a mount away from the pod, in use as it may be.
    pub fn unmount(&self, path: &str) {
        // It may have ended meanwhile.
        in_mounts_of(self.init, || umount2(path, MntFlags::MNT_DETACH).ok());
    }

    /// Makes a mount of the pod read-only.
    pub fn remount_read_only(&self, path: &str) {
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
        in_mounts_of(self.init, || mount(None::<&str>, path, None::<&str>, flags, None::<&str>).ok());
    }

    /// `kubectl exec`: the same user and environment as the container's, another process tree.
    pub fn exec<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Output {
        self.context.exec(self.init, &owned(words))
    }

    /// `docker exec --user`.
    pub fn exec_as<W: AsRef<OsStr>>(&self, uid: u32, words: impl IntoIterator<Item = W>) -> Output {
        Context { uid: Some(uid), ..self.context.clone() }.exec(self.init, &owned(words))
    }

    /// `kubectl exec -it`; runtimes say to the program what terminal it has.
    pub fn exec_on_terminal<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Pty {
        let enter = ["nsenter", "--all", "--target"].map(OsString::from);
        let mut context = self.context.clone();
        context.env.insert("TERM".into(), "xterm".into());
        let argv = context.argv(&owned(words));
        Pty::start(&[enter.to_vec(), vec![self.init.to_string().into(), "--".into()], argv].concat())
    }
}

impl Drop for RunningPod {
    fn drop(&mut self) {
        kill(self.init, 9).ok();
        self.release.take();
        if let Some(keeper) = self.keeper.take() {
            keeper.join().ok();
        }
    }
}

fn owned<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> Vec<OsString> {
    words.into_iter().map(|word| word.as_ref().to_owned()).collect()
}

fn kill(pid: i32, number: i32) -> rustix::io::Result<()> {
    let signal = Signal::from_raw(number).expect("the number of a signal");
    kill_process(Pid::from_raw(pid).expect("a PID"), signal)
}
