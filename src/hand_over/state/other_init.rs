//! A beaminit that is process 1 and runs something that this process cannot join.

use super::{Phase, State};
use crate::hand_over::run_dir::RunDirPlaces;
use crate::sys;
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Why it cannot be joined.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OtherInit {
    /// It belongs to another user, who alone may read its state.
    OfUser(u32),
    /// It belongs to another container, whose processes a debug container sees. What it is doing, if it can be read.
    OfContainer(Option<Phase>),
}

impl OtherInit {
    /// Looks at process 1.
    pub(crate) fn find() -> Option<Self> {
        let name = fs::read_to_string("/proc/1/comm").ok()?;
        if name.trim() != "beaminit" || sys::is_pid1() {
            return None;
        }
        let namespace = fs::metadata("/proc/1/ns/mnt").map(|namespace| namespace.ino()).ok();
        if let Some(namespace) = namespace.filter(|namespace| *namespace != sys::mount_namespace()) {
            return Some(Self::OfContainer(read_phase(namespace)));
        }
        let uid = fs::metadata("/proc/1").ok()?.uid();
        (uid != sys::uid()).then_some(Self::OfUser(uid))
    }
}

/// The places where a start has its directory unless a setting says otherwise, in the file system of process 1.
fn read_phase(namespace: u64) -> Option<Phase> {
    let places = RunDirPlaces::new(None, None);
    let dirs = places.of_a_start_in(namespace);
    let read = |dir: &Path| {
        let dir = Path::new("/proc/1/root").join(dir.strip_prefix("/").ok()?);
        State::read_text(&dir).ok().flatten()
    };
    let states = dirs.filter_map(|dir| read(&dir)).filter_map(|json| State::parse(&json).ok());
    states.into_iter().find(|state| state.mount_namespace == namespace).map(|state| state.phase)
}

impl fmt::Display for OtherInit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfUser(uid) => {
                write!(f, "process 1 is a beaminit of user {uid}, whose state only that user may read")
            }
            Self::OfContainer(phase) => {
                f.write_str("process 1 is the beaminit of another container")?;
                let phase = phase.as_ref().filter(|phase| phase.is_wait());
                phase.map_or(Ok(()), |phase| write!(f, ", which is {phase}"))
            }
        }
    }
}

impl OtherInit {
    /// How what it runs can be reached.
    pub(crate) fn cure(&self) -> String {
        match self {
            Self::OfUser(uid) => format!("do this as user {uid}, as kubectl exec does"),
            Self::OfContainer(_) => "do this by kubectl exec in that container, not in a debug container".to_owned(),
        }
    }
}
