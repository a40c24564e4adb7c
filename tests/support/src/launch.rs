//! How a pod's processes are started: namespaces, root file system, security context, and then the program itself.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::PipeWriter;
use std::os::unix::fs::fchown;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Instant;

use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{Pid, sethostname};

use super::log::{Ended, Log};
use super::net_namespace::{NetNamespace, on_a_thread};
use super::root_fs::RootFs;

/// The capabilities that container runtimes give to root.
const ROOTS_CAPABILITIES: &str = "-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,\
    +net_bind_service,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap";

/// A new /proc shows the PID namespace of the process that mounts it, so PID 1 has to do it.
const MOUNT_PROC: &str = "/usr/bin/mount -t proc -o nosuid,nodev,noexec proc /proc || exit 125\n";

/// Whatever the test itself has inherited stays outside; dash cannot close a descriptor above 9.
const CLOSE_AND_EXEC: &str = r#"
for fd in /proc/self/fd/*; do
    fd=${fd##*/}
    [ "$fd" -gt 2 ] && eval "exec $fd>&-"
done
exec "$@"
"#;

/// A word of setpriv's command line, which shows that a process is not the program itself yet.
pub(super) const BEFORE_EXEC: &str = "--pdeathsig";

/// What each process of a container has in common, `kubectl exec`'s as well.
#[derive(Clone, Debug)]
pub struct Context {
    pub env: BTreeMap<OsString, OsString>,
    pub uid: Option<u32>,
    /// Of a process that is not root's.
    pub gid: u32,
    pub work_dir: PathBuf,
}

impl Context {
    /// bash runs `first` and becomes env, which becomes setpriv, which becomes the program. Signals are not ignored as
    /// they may be in the test. The kernel kills the process when the calling thread ends, so that nothing outlives a
    /// test that was killed.
    fn command(&self, first: &str, argv: &[OsString]) -> Command {
        let mut command = Command::new("/bin/bash");
        command.args(["-c", &format!("{first}{CLOSE_AND_EXEC}"), "start"]).env_clear();
        command.args(self.argv(argv));
        command
    }

    /// env, which becomes setpriv, which becomes the program.
    pub(super) fn argv(&self, program: &[OsString]) -> Vec<OsString> {
        let mut argv: Vec<OsString> =
            ["/usr/bin/env", "--ignore-environment", "--default-signal"].map(Into::into).into();
        argv.extend(["--chdir".into(), self.work_dir.clone().into(), "--".into()]);
        argv.extend(self.assignments());
        argv.extend(["/usr/bin/setpriv", BEFORE_EXEC, "KILL", "--inh-caps=-all"].map(Into::into));
        match self.uid {
            Some(uid) => argv.extend(
                [
                    &format!("--reuid={uid}"),
                    &format!("--regid={}", self.gid),
                    "--clear-groups",
                    "--bounding-set=-all",
                    "--no-new-privs",
                ]
                .map(Into::into),
            ),
            None => argv.push(format!("--bounding-set={ROOTS_CAPABILITIES}").into()),
        }
        argv.push("--".into());
        argv.extend_from_slice(program);
        argv
    }

    fn assignments(&self) -> impl Iterator<Item = OsString> {
        self.env.iter().map(|(name, value)| [name.as_os_str(), OsStr::new("="), value].into_iter().collect())
    }

    /// Runs a further program in the pod of PID 1 `init`.
    pub(super) fn exec(&self, init: i32, argv: &[OsString]) -> Output {
        on_a_thread(|| {
            enter_namespaces_of(init);
            self.command("", argv).stdin(Stdio::null()).output().expect("bash")
        })
    }
}

/// All that PID 1 needs.
pub struct Launch {
    pub network: NetNamespace,
    pub host_name: String,
    pub root: RootFs,
    pub context: Context,
    pub argv: Vec<OsString>,
    pub stdin: Stdio,
    pub stdout: PipeWriter,
    pub stderr: PipeWriter,
}

impl Launch {
    /// Spawns PID 1 from the calling thread, which becomes part of the pod and must end soon after it. `report` gets the
    /// moment before and the PID; `log` gets the end. The zombie, and so the PID's number, stays until `released`.
    pub(super) fn run(self, report: &Sender<(Instant, u32)>, log: &Log, released: &Receiver<()>) {
        self.network.enter();
        enter_new_namespaces(&self.host_name);
        self.root.enter();
        let mut command = self.context.command(MOUNT_PROC, &self.argv);
        command.stdin(self.stdin).stdout(owned(self.stdout, self.context.uid));
        command.stderr(owned(self.stderr, self.context.uid));
        let started_at = Instant::now();
        let mut child = command.spawn().expect("bash");
        drop(command); // and with it our ends of the pipes
        report.send((started_at, child.id())).ok();
        log.set_ended(end_of(&child));
        released.recv().ok();
        child.wait().ok();
    }
}

/// A shell as PID 1. What follows the program's run keeps the shell from exec.
pub(super) fn below_a_shell(argv: Vec<OsString>) -> Vec<OsString> {
    let shell = ["/bin/sh", "-c", "\"$@\"; exit $?", "init"].map(OsString::from);
    shell.into_iter().chain(argv).collect()
}

/// A pipe that the container's user may open again through /dev/stdout, as container runtimes see to.
fn owned(pipe: PipeWriter, uid: Option<u32>) -> Stdio {
    fchown(&pipe, uid, None).unwrap();
    pipe.into()
}

/// For the calling thread; the PID namespace is for its next child.
fn enter_new_namespaces(host_name: &str) {
    let own = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWPID;
    unshare(own).expect("namespaces for a pod");
    sethostname(host_name).unwrap();
}

/// Runs `work` with the mounts of a process that may have ended.
pub(super) fn in_mounts_of<T: Send>(pid: i32, work: impl FnOnce() -> Option<T> + Send) -> Option<T> {
    on_a_thread(|| {
        let namespace = File::open(format!("/proc/{pid}/ns/mnt")).ok()?;
        unshare(CloneFlags::CLONE_FS).unwrap();
        setns(namespace, CloneFlags::CLONE_NEWNS).ok()?;
        work()
    })
}

fn enter_namespaces_of(pid: i32) {
    let kinds = [
        ("net", CloneFlags::CLONE_NEWNET),
        ("uts", CloneFlags::CLONE_NEWUTS),
        ("ipc", CloneFlags::CLONE_NEWIPC),
        ("pid", CloneFlags::CLONE_NEWPID),
        ("mnt", CloneFlags::CLONE_NEWNS),
    ];
    // All are opened first: the pod's own /proc knows PID 1 by another number.
    let namespaces =
        kinds.map(|(name, kind)| (File::open(format!("/proc/{pid}/ns/{name}")).expect("a pod that runs"), kind));
    unshare(CloneFlags::CLONE_FS).unwrap(); // a root directory that is shared with other threads cannot be changed
    for (file, kind) in namespaces {
        setns(file, kind).expect("entering the pod");
    }
}

/// Waits for the end of the process without reaping it.
fn end_of(child: &Child) -> Ended {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    match waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {
        Ok(WaitStatus::Exited(_, code)) => Ended::Code(code),
        Ok(WaitStatus::Signaled(_, signal, _)) => Ended::Signal(signal as i32),
        other => panic!("waitid: {other:?}"),
    }
}
