//! What happens in a life, and when: all of it follows from one number.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use hickory_resolver::proto::op::ResponseCode;

use super::support::{Denier, Fault, Forgery, To};

/// A life.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// `runAsUser`; as root unless given.
    pub(crate) uid: Option<u32>,
    pub(crate) read_only_root: bool,
    /// Another pod has the same /dev/shm at the same time.
    pub(crate) shared_memory: bool,
    pub(crate) surroundings: Surroundings,
    /// Faults of the cluster's DNS, from the start on.
    pub(crate) dns: Vec<Fault>,
    /// When the DNS recovers.
    pub(crate) recovered_at: Duration,
    /// The record shows another pod's address first.
    pub(crate) predecessor: bool,
    pub(crate) published_at: Duration,
    pub(crate) events: Vec<(Duration, Event)>,
    pub(crate) term_at: Duration,
}

/// What is wrong from the first moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surroundings {
    Healthy,
    /// `stderr` is closed.
    NoStderr,
    /// `stdin` and `stdout` are closed.
    NoStdinAndStdout,
    /// `stderr` is a pipe that nobody reads, and it is full.
    FullStderr,
    /// This many descriptors may be open.
    Descriptors(u32),
    /// No file may grow.
    NoFileSize,
    /// This much address space, in KiB; with less the kernel cannot even load a binary with its symbols.
    Memory(u32),
    /// This many processes and threads of the user.
    Processes(u32),
    /// This many processes and threads in the container, as a cgroup counts them.
    Pids(u32),
    /// Every file takes this long to be opened, those of /proc too.
    SlowFiles(Duration),
}

/// What happens on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Signal(i32),
    /// We are stopped, for this long.
    Freeze(Duration),
    /// This many processes lose their parent at once.
    Orphans(u32),
    /// From now on one process after the other loses its parent.
    OrphansWithoutEnd,
    /// What we wrote is deleted.
    RemoveRunDir,
    /// /dev/shm takes nothing more.
    FillDisk,
    /// /dev/shm becomes read-only.
    ReadOnlyDisk,
    /// /proc is gone.
    NoProc,
}

/// Forwarded or dropped, and no end of a VM.
const HARMLESS: [i32; 7] = [28, 18, 23, 17, 12, 14, 20]; // WINCH, CONT, URG, CHLD; USR2, ALRM, TSTP are dropped for a VM
/// Each ends the release one way or another, or makes its TERM follow a stop.
const ENDING: [i32; 11] = [2, 3, 1, 15, 6, CRASH_DUMP, 13, 21, 22, 34 + 6, 29]; // INT, QUIT, HUP, TERM, ABRT, PIPE, TTIN, TTOU, a real-time signal, IO
/// USR1 lets a VM write a crash dump and end with code 1.
pub(crate) const CRASH_DUMP: i32 = 10;

impl Schedule {
    pub(crate) fn of(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let term_at = millis(&mut random, 5, 5000);
        let uid = random.bool().then(|| 50_000 + u32::try_from(seed % 10_000).unwrap());
        let read_only_root = random.bool();
        let surroundings = surroundings(&mut random, uid, read_only_root);
        let events = (0..random.usize(..4)).map(|_| (millis(&mut random, 0, 5000), event(&mut random)));
        let mut events: Vec<_> = events.filter(|(at, _)| *at < term_at).collect();
        events.sort_by_key(|(at, _)| *at);
        Self {
            uid,
            read_only_root,
            shared_memory: random.u8(..4) == 0,
            surroundings,
            dns: (0..random.usize(..3)).map(|_| dns(&mut random)).collect(),
            recovered_at: millis(&mut random, 100, 2500),
            predecessor: random.u8(..4) == 0,
            published_at: millis(&mut random, 0, 2000),
            events,
            term_at,
        }
    }

    /// Whether something may keep the release from being started, or from living.
    pub(crate) fn is_hard(&self) -> bool {
        use Surroundings::{Descriptors, Memory, NoFileSize, NoStdinAndStdout, Pids, Processes};
        let hard = matches!(
            self.surroundings,
            Descriptors(_) | NoFileSize | Memory(_) | Processes(_) | Pids(_) | NoStdinAndStdout
        );
        hard || self.events.iter().any(|(_, event)| {
            matches!(event, Event::FillDisk | Event::ReadOnlyDisk | Event::NoProc | Event::RemoveRunDir)
        })
    }

    /// The signals that were sent, TERM at the end included.
    pub(crate) fn signals(&self) -> impl Iterator<Item = i32> {
        let sent = self.events.iter().filter_map(|(_, event)| match event {
            Event::Signal(number) => Some(*number),
            _ => None,
        });
        sent.chain([15])
    }
}

fn millis(random: &mut fastrand::Rng, from: u64, to: u64) -> Duration {
    Duration::from_millis(random.u64(from..to))
}

fn surroundings(random: &mut fastrand::Rng, uid: Option<u32>, read_only_root: bool) -> Surroundings {
    match random.u8(..16) {
        0 => Surroundings::NoStderr,
        1 => Surroundings::NoStdinAndStdout,
        // The pipe needs a place in the file system.
        2 if !read_only_root => Surroundings::FullStderr,
        3 => Surroundings::Descriptors(random.u32(5..40)),
        4 => Surroundings::NoFileSize,
        5 => Surroundings::Memory(random.u32(32_000..120_000)),
        // Root has no such limit.
        6 if uid.is_some() => Surroundings::Processes(random.u32(1..40)),
        7 => Surroundings::Pids(random.u32(1..40)),
        8 => Surroundings::SlowFiles(millis(random, 1, 100)),
        _ => Surroundings::Healthy,
    }
}

fn event(random: &mut fastrand::Rng) -> Event {
    match random.u8(..13) {
        0..=3 => Event::Signal(HARMLESS[random.usize(..HARMLESS.len())]),
        4 => Event::Signal(ENDING[random.usize(..ENDING.len())]),
        5..=6 => Event::Freeze(millis(random, 10, 1500)),
        7 => Event::Orphans(random.u32(1..1000)),
        8 => Event::RemoveRunDir,
        9 => Event::FillDisk,
        10 => Event::ReadOnlyDisk,
        11 => Event::OrphansWithoutEnd,
        _ => Event::NoProc,
    }
}

fn dns(random: &mut fastrand::Rng) -> Fault {
    let foreign = IpAddr::V4(Ipv4Addr::new(10, 88, 0, 250));
    match random.u8(..14) {
        0 => Fault::Drop(To::All),
        1 => Fault::DropFirst(random.usize(1..4)),
        2 => Fault::Delay(millis(random, 1, 1500)),
        3 => Fault::Forged(Forgery::Id, foreign),
        4 => Fault::Forged(Forgery::Question, foreign),
        5 => Fault::Forged(Forgery::Source, foreign),
        6 => Fault::Garbage,
        7 => Fault::Truncated { tcp: random.bool() },
        8 => Fault::Code(ResponseCode::ServFail, To::All),
        9 => Fault::Code(ResponseCode::Refused, To::UnknownTypes),
        10 => Fault::Denied(To::UnknownTypes, Denier::Root),
        11 => Fault::Wildcard(foreign),
        12 => Fault::Flapping,
        _ => Fault::Code(ResponseCode::FormErr, To::Edns),
    }
}
