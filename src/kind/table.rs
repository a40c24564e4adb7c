//! The table of kinds.

use super::spec::Kind;
use super::{command, distillery, erl, mix, rabbitmq, relx};
use crate::hand_over::run_dir::RunDirPlaces;
use crate::hand_over::state::{Rejected, State};
use crate::release::StartScript;
use std::path::PathBuf;

impl Kind {
    /// All kinds, in the order in which they are tried: the first that recognises a script counts.
    pub(crate) const ALL: [Self; 6] =
        [Self(&mix::SPEC), Self(&distillery::SPEC), Self(&relx::SPEC), Self::ERL, Self(&rabbitmq::SPEC), Self::COMMAND];
    /// A VM that takes its flags from the environment.
    pub(crate) const ERL: Self = Self(&erl::SPEC);
    /// Anything that no other kind recognises.
    pub(crate) const COMMAND: Self = Self(&command::SPEC);

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name == name)
    }

    /// The kind of a start script, and what shows it.
    pub(crate) fn recognise(script: &StartScript) -> (Self, &'static str) {
        let found = Self::ALL.into_iter().find_map(|kind| Some((kind, (kind.recognise)(script)?)));
        found.unwrap_or((Self::COMMAND, "nothing of a release was found around it"))
    }
}

/// The state of the release that runs in this container, with its run directory.
///
/// # Errors
/// No state can be used: those that were found, with the reason.
pub(crate) fn find_running_release(places: &RunDirPlaces) -> Result<(State, PathBuf), Vec<Rejected>> {
    match find_start(places)? {
        // Nothing to join yet.
        (state, _) if state.phase.is_wait() => Err(Vec::new()),
        found => Ok(found),
    }
}

/// The state of this container's start, which may still wait, with its run directory.
///
/// # Errors
/// No state can be used: those that were found, with the reason.
pub(crate) fn find_start(places: &RunDirPlaces) -> Result<(State, PathBuf), Vec<Rejected>> {
    State::find(places, |kind| Kind::named(kind).is_some())
}
