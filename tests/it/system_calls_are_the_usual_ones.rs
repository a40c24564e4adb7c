//! A pod with `seccompProfile: RuntimeDefault` forbids what containers have no use for. What we call is allowed there.

use std::collections::BTreeSet;
use std::fs;

use crate::support::vm::BOOT;
use crate::support::{Cluster, DnsSettings, Ended, scratch_dir};

/// Everything that a start with a wait and a clean end may call. All of it is in the default profile of containerd and
/// Docker, for a container without any capability.
const ALLOWED: &str = "\
    access arch_prctl bind brk chdir chmod clock_gettime clone clone3 close connect epoll_create1 epoll_ctl epoll_pwait \
    epoll_wait eventfd2 execve exit exit_group faccessat faccessat2 fchmod fcntl flock fstat futex getcwd \
    getdents64 getegid geteuid getgid getpeername getpgid getpgrp getpid getppid getrandom getsid getsockname getsockopt \
    gettid getuid ioctl kill lseek lstat madvise mkdir mkdirat mmap mprotect mremap munmap newfstatat open openat \
    pipe2 poll ppoll prctl pread64 prlimit64 read readlink readlinkat readv recvfrom recvmsg rename renameat \
    renameat2 rmdir rseq rt_sigaction rt_sigprocmask rt_sigreturn sched_getaffinity sched_yield sendmmsg sendmsg \
    sendto set_robust_list set_tid_address setpgid setsockopt sigaltstack signalfd4 socket socketpair stat statx \
    tgkill tkill umask uname unlink unlinkat vfork wait4 waitid write writev";

#[test]
fn of_a_whole_start() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").entrypoint(["strace", "-f", "-qq", "-o", "/trace/of-us", "beaminit"]);
    let traces = scratch_dir();
    let pod = pod.mount_writable(traces.path(), "/trace");
    let (fqdn, address) = (pod.fqdn(), pod.address());
    let pod = pod.command(["sh", "-c", "exit 0"]).start();
    cluster.dns().wait_for_question(BOOT);
    cluster.dns().publish(&fqdn, &[address]);
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
    let trace = fs::read_to_string(traces.path().join("of-us")).unwrap();
    // The first process is ours; those that it starts call what they like, once they are themselves.
    let ours = trace.split_whitespace().next().expect("a trace").to_owned();
    let lines = trace.lines().filter_map(|line| line.strip_prefix(ours.as_str()));
    let calls: BTreeSet<_> = lines.filter_map(|line| line.trim_start().split_once('(').map(|(call, _)| call)).collect();
    let calls: BTreeSet<_> =
        calls.into_iter().filter(|call| call.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')).collect();
    assert!(calls.contains("execve") && calls.contains("connect") && calls.len() > 20, "{calls:?}");
    let allowed: BTreeSet<_> = ALLOWED.split(' ').collect();
    let strange: Vec<_> = calls.iter().filter(|call| !allowed.contains(*call)).collect();
    assert!(strange.is_empty(), "{strange:?}");
}
