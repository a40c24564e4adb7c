//! A pod's file system: the programs of the machine or of another system, read-only, below an /etc, /dev and /proc of the pod's own.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{chdir, pivot_root};

use super::wait_until;

const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// A file or directory of the machine in the pod.
#[derive(Clone, Debug)]
pub struct Bind {
    pub from: PathBuf,
    /// Absolute, in the pod.
    pub to: PathBuf,
    pub read_only: bool,
}

/// The description of a root file system.
#[derive(Debug)]
pub struct RootFs {
    /// An empty directory of the machine; it stays empty there, the mounts are seen in the pod alone.
    pub at: PathBuf,
    /// Where the programs come from.
    pub system: PathBuf,
    pub read_only: bool,
    pub binds: Vec<Bind>,
    /// Path in the pod, content.
    pub files: Vec<(&'static str, String)>,
    /// A file of the machine.
    pub termination_log: PathBuf,
}

impl RootFs {
    /// Makes it the root of the calling thread, which must have its own mount namespace.
    pub fn enter(&self) {
        umask(Mode::from_bits_truncate(0o022));
        mount_or_panic(None, Path::new("/"), None, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None);
        self.tmpfs("/", "mode=755,size=64m", MsFlags::empty());
        self.programs();
        self.etc();
        self.directory("/proc", 0o555); // mounted by PID 1
        let sys = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        self.mount_new("sysfs", "/sys", "", sys);
        self.dev();
        self.directory("/tmp", 0o1777);
        self.directory("/run", 0o755);
        self.directory("/var", 0o755);
        symlink("../run", self.path("/var/run")).unwrap(); // an absolute link leads to the machine's until we are inside
        for Bind { from, to, read_only } in &self.binds {
            self.bind(from, to, *read_only);
        }
        self.remount_read_only("/usr/local/bin");
        for (path, content) in &self.files {
            self.file(path, content);
        }
        if self.read_only {
            self.remount_read_only("/");
        }
        self.pivot();
    }

    fn programs(&self) {
        self.bind(&self.system.join("usr"), "/usr", true);
        for name in ["bin", "sbin", "lib", "lib32", "lib64"] {
            let (in_the_system, in_the_pod) = (self.system.join(name), Path::new("/").join(name));
            match fs::read_link(&in_the_system) {
                Ok(target) => symlink(target.strip_prefix("/").unwrap_or(&target), self.path(in_the_pod)).unwrap(),
                Err(_) if in_the_system.is_dir() => self.bind(&in_the_system, in_the_pod, true),
                Err(_) => {}
            }
        }
        // A place for the program under test; what the machine has there does not concern the pod.
        self.tmpfs("/usr/local/bin", "mode=755", MsFlags::empty());
    }

    fn etc(&self) {
        self.file("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n");
        self.file("/etc/group", "root:x:0:\nnogroup:x:65534:\n");
        self.file("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n");
        for name in ["etc/ld.so.cache", "etc/alternatives"] {
            let in_the_system = self.system.join(name);
            if in_the_system.exists() {
                self.bind(&in_the_system, Path::new("/").join(name), true);
            }
        }
    }

    /// As a container runtime makes it: none of the machine's disks and terminals.
    fn dev(&self) {
        self.tmpfs("/dev", "mode=755,size=64k", MsFlags::MS_NOSUID);
        for device in ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"] {
            self.bind(Path::new(device), device, false);
        }
        self.mount_new("devpts", "/dev/pts", "newinstance,ptmxmode=0666,mode=620", MsFlags::MS_NOSUID);
        for (target, name) in [
            ("pts/ptmx", "/dev/ptmx"),
            ("/proc/self/fd", "/dev/fd"),
            ("/proc/self/fd/0", "/dev/stdin"),
            ("/proc/self/fd/1", "/dev/stdout"),
            ("/proc/self/fd/2", "/dev/stderr"),
        ] {
            symlink(target, self.path(name)).unwrap();
        }
        let shm = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        self.tmpfs("/dev/shm", "mode=1777,size=64m", shm);
        self.bind(&self.termination_log, "/dev/termination-log", false);
    }

    /// The pod's path as it is while the root is not entered yet.
    fn path(&self, in_the_pod: impl AsRef<Path>) -> PathBuf {
        self.at.join(in_the_pod.as_ref().strip_prefix("/").expect("an absolute path"))
    }

    fn directory(&self, path: impl AsRef<Path>, mode: u32) {
        let path = self.path(path);
        fs::create_dir_all(&path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()));
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }

    fn file(&self, path: impl AsRef<Path>, content: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()));
    }

    /// Mounts over the path if it is there, else makes it.
    fn bind(&self, from: &Path, to: impl AsRef<Path>, read_only: bool) {
        let target = self.path(&to);
        if !target.exists() {
            if from.is_dir() {
                self.directory(&to, 0o755);
            } else {
                self.file(&to, "");
            }
        }
        mount_or_panic(Some(from), &target, None, MsFlags::MS_BIND | MsFlags::MS_REC, None);
        if read_only {
            self.remount_read_only(to);
        }
    }

    /// A file that was open for writing when another thread forked is so until the fork's exec: busy for a moment.
    fn remount_read_only(&self, path: impl AsRef<Path>) {
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
        let path = self.path(path);
        let none = None::<&str>;
        wait_until(BUSY_TIMEOUT, "nobody writes", || match mount(none, &path, none, flags, none) {
            Ok(()) => true,
            Err(Errno::EBUSY) => false,
            Err(cause) => panic!("cannot make {} read-only: {}", path.display(), cause.desc()),
        });
    }

    fn tmpfs(&self, path: &str, options: &str, flags: MsFlags) {
        self.mount_new("tmpfs", path, options, flags);
    }

    fn mount_new(&self, kind: &str, path: &str, options: &str, flags: MsFlags) {
        let target = self.path(path);
        fs::create_dir_all(&target).unwrap();
        mount_or_panic(Some(Path::new(kind)), &target, Some(kind), flags, Some(options));
    }

    /// Unlike chroot it leaves nothing of the machine's mounts in the pod's mount table.
    fn pivot(&self) {
        chdir(&self.at).unwrap();
        pivot_root(".", ".").expect("pivot_root");
        umount2(".", MntFlags::MNT_DETACH).expect("leaving the machine's root");
        chdir("/").unwrap();
    }
}

/// An empty file that any user may write, as the kubelet makes the termination log.
pub fn new_termination_log(path: &Path) {
    File::create_new(path).unwrap().set_permissions(Permissions::from_mode(0o666)).unwrap();
}

fn mount_or_panic(from: Option<&Path>, to: &Path, kind: Option<&str>, flags: MsFlags, options: Option<&str>) {
    if let Err(cause) = mount(from, to, kind, flags, options) {
        panic!("cannot mount {} ({from:?}): {}", to.display(), cause.desc());
    }
}
