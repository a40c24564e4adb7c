//! The kernel's calls without `unsafe`. Only this directory uses `nix` and `rustix`.

mod clock;
mod private_file;
mod process;
mod signal_fd;
mod signal_mask;
mod spawn;
mod user;

pub(crate) use clock::time_since_boot;
pub(crate) use private_file::open_private;
pub(crate) use process::{Process, TICKS_PER_SECOND, below, boot_ticks, children, ignored_signals, living_since};
pub(crate) use process::{processes, survives_term};
pub(crate) use signal_fd::SignalFd;
pub(crate) use signal_mask::{SignalMask, block_signals};
pub(crate) use spawn::Spawn;
pub(crate) use user::{check_writable, may_execute, may_write, uid};

use crate::exit::ExitReason;
use nix::fcntl::{Flock, FlockArg};
use nix::poll::{PollFd, PollFlags, PollTimeout};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};
use rustix_libc_wrappers::process::SignalExt as _;
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

/// An end, a stop or a continuation of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChildEvent {
    Ended(ExitReason),
    /// The signal of this number stopped it.
    Stopped(i32),
    Continued,
}

/// A lock on a directory. The kernel releases it when this process ends, however that happens.
#[derive(Debug)]
pub(crate) struct DirectoryLock(Flock<File>);

impl AsFd for DirectoryLock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Sends a signal to one process. That a process has ended may be ignored.
///
/// # Errors
/// The number is not a signal, or we may not signal the process.
pub(crate) fn kill(pid: i32, signal: i32) -> io::Result<()> {
    send(rustix::process::kill_process, pid, signal)
}

/// Sends a signal to every process of a group, named by its leader.
///
/// # Errors
/// The number is not a signal, or the group does not exist any more.
pub(crate) fn kill_group(leader: i32, signal: i32) -> io::Result<()> {
    send(rustix::process::kill_process_group, leader, signal)
}

fn send(call: fn(Pid, Signal) -> rustix::io::Result<()>, pid: i32, signal: i32) -> io::Result<()> {
    // `rustix` itself has names only; real-time signals come in by number.
    let signal = Signal::from_named_raw(signal).or_else(|| Signal::from_raw(signal));
    let (Some(pid), Some(signal)) = (Pid::from_raw(pid), signal) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    Ok(call(pid, signal)?)
}

/// The next child with news, if there is one now. Never blocks.
pub(crate) fn next_child_event() -> Option<(i32, ChildEvent)> {
    let options = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
    // The only error is that there is no child at all: a call that does not wait is not interrupted.
    let (pid, status) = rustix::process::wait(options).ok().flatten()?;
    Some((pid.as_raw_nonzero().get(), ChildEvent::from(status)))
}

impl From<WaitStatus> for ChildEvent {
    fn from(status: WaitStatus) -> Self {
        if let Some(signal) = status.stopping_signal() {
            Self::Stopped(signal)
        } else if let Some(signal) = status.terminating_signal() {
            Self::Ended(ExitReason::Signal(signal))
        } else if status.continued() {
            Self::Continued
        } else {
            let code = status.exit_status().and_then(|code| u8::try_from(code).ok());
            Self::Ended(ExitReason::Code(code.unwrap_or(u8::MAX)))
        }
    }
}

/// Whether this is the first process of its PID namespace.
pub(crate) fn is_pid1() -> bool {
    std::process::id() == 1
}

/// Whether this process leads its session: a container's first process does, a shell's job does not.
pub(crate) fn is_session_leader() -> bool {
    rustix::process::getsid(None).is_ok_and(|session| session == rustix::process::getpid())
}

pub(crate) fn own_group() -> i32 {
    rustix::process::getpgrp().as_raw_nonzero().get()
}

/// Makes `group` the foreground of the terminal at stdin. TTOU must be blocked, or it would stop this process.
///
/// # Errors
/// It is not a terminal, or that of another session, or there is no such group.
pub(crate) fn set_foreground(group: i32) -> io::Result<()> {
    let group = Pid::from_raw(group).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(rustix::termios::tcsetpgrp(io::stdin(), group)?)
}

/// Whether our group is the foreground of the terminal at stdin.
pub(crate) fn is_foreground() -> bool {
    rustix::termios::tcgetpgrp(io::stdin()).is_ok_and(|group| group == rustix::process::getpgrp())
}

pub(crate) fn stop_ourselves() {
    // Cannot fail: a process may signal itself.
    let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::STOP);
}

/// Lets a descriptor stay open in the program that this process executes.
///
/// # Errors
/// The kernel refuses, which it never does.
pub(crate) fn keep_over_exec(fd: BorrowedFd<'_>) -> io::Result<()> {
    Ok(rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::empty())?)
}

/// Closes a descriptor that an earlier image of this process has left open, and that nobody owns.
pub(crate) fn close(descriptor: i32) {
    let _ = nix::unistd::close(descriptor);
}

/// What `ps` and /proc call this process.
pub(crate) fn set_name(name: &CStr) {
    // Only for people: without it the name is that of the executed file.
    let _ = nix::sys::prctl::set_name(name);
}

/// Makes orphans below this process its children.
///
/// # Errors
/// The kernel is older than 3.4.
pub(crate) fn become_subreaper() -> io::Result<()> {
    Ok(nix::sys::prctl::set_child_subreaper(true)?)
}

/// Waits until there is something to read, at most for `timeout`; `None` waits for ever. A signal ends it early.
pub(crate) fn poll_readable(fd: BorrowedFd<'_>, timeout: Option<Duration>) -> bool {
    // Rounded up: a deadline that is 0.4 ms ahead must not become a busy loop.
    let timeout = timeout.map_or(PollTimeout::NONE, |timeout| {
        PollTimeout::try_from(timeout + Duration::from_micros(999)).unwrap_or(PollTimeout::MAX)
    });
    poll(fd, PollFlags::POLLIN, timeout)
}

/// Whether a write of a few bytes would not block.
pub(crate) fn is_writable(fd: BorrowedFd<'_>) -> bool {
    poll(fd, PollFlags::POLLOUT, PollTimeout::ZERO)
}

fn poll(fd: BorrowedFd<'_>, flags: PollFlags, timeout: PollTimeout) -> bool {
    let mut fds = [PollFd::new(fd, flags)];
    nix::poll::poll(&mut fds, timeout).is_ok_and(|ready| ready > 0)
        && fds.iter().any(|fd| fd.revents().is_some_and(|events| events.intersects(flags)))
}

/// The addresses of all interfaces, without zones.
pub(crate) fn interface_addresses() -> Vec<IpAddr> {
    let Ok(interfaces) = nix::ifaddrs::getifaddrs() else { return Vec::new() };
    let address = |interface: nix::ifaddrs::InterfaceAddress| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::from(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::from(v6.ip())))
    };
    interfaces.filter_map(address).collect()
}

/// The number of a network interface, for link-local addresses.
pub(crate) fn interface_index(name: &str) -> Option<u32> {
    name.parse().ok().or_else(|| nix::net::if_::if_nametoindex(name).ok())
}

/// How many files a process may have open; `None`: as many as it likes.
pub(crate) fn open_files_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

pub(crate) fn host_name() -> Option<String> {
    nix::unistd::gethostname().ok()?.into_string().ok()
}

/// The inode of the mount namespace, which differs between the containers of one pod, though they share /dev/shm. Without
/// /proc: 0.
pub(crate) fn mount_namespace() -> u64 {
    std::fs::metadata("/proc/self/ns/mnt").map_or(0, |namespace| namespace.ino())
}

/// Takes a directory for this process alone, unless a living process has it.
///
/// # Errors
/// It cannot be opened, another process has it, or one that had it has removed it.
pub(crate) fn lock_directory(path: &Path) -> io::Result<DirectoryLock> {
    let lock = Flock::lock(File::open(path)?, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| errno)?;
    // A directory that was removed after it was opened can still be locked, but that does not keep others from the one
    // that has the path now.
    let (locked, found) = (lock.metadata()?, std::fs::symlink_metadata(path)?);
    if (locked.dev(), locked.ino()) == (found.dev(), found.ino()) {
        Ok(DirectoryLock(lock))
    } else {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Writes to stderr as much as goes without blocking: a supervisor that waits for a reader of its log forwards no signal.
/// The rest is dropped.
pub(crate) fn write_stderr(mut bytes: &[u8]) {
    // A pipe that polls as writable takes this much at once (POSIX: at least 512). O_NONBLOCK would be simpler, but it
    // is a property of the open file, which the release shares.
    const AT_ONCE: usize = 512;
    let stderr = io::stderr();
    while !bytes.is_empty() && is_writable(stderr.as_fd()) {
        match rustix::io::write(&stderr, bytes.get(..AT_ONCE).unwrap_or(bytes)) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => break,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal;

    fn start(words: &[&str], variable: &str) -> io::Result<i32> {
        let words = words.iter().map(AsRef::as_ref).collect();
        let environment = vec![("NAME".into(), variable.into())];
        Spawn { words, environment, mask: SignalMask::only(&[]), not_ignored: &[] }.start()
    }

    /// To the kernel 0 is the caller's own group.
    #[test]
    fn only_signals_are_sent_and_only_to_processes() {
        let own = std::process::id().cast_signed();
        for (pid, signal) in [(0, signal::CONT), (own, 0), (own, signal::MAX + 1)] {
            for send in [kill, kill_group] {
                assert_eq!(send(pid, signal).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{pid} {signal}");
            }
        }
    }

    #[test]
    fn a_program_is_not_started_with_words_that_it_cannot_be_given() {
        let kind = |word: &str, variable: &str| start(&["/nonexistent", word], variable).unwrap_err().kind();
        assert_eq!(kind("a\0b", "x"), io::ErrorKind::InvalidInput);
        assert_eq!(kind("a", "x\0y"), io::ErrorKind::InvalidInput);
        assert_eq!(kind("a", "x"), io::ErrorKind::NotFound);
    }
}
