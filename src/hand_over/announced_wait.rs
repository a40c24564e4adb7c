//! What probes know of a start that waits.

use super::run_dir::{RunDir, RunDirPlaces};
use super::state::{Phase, State};
use std::time::Duration;

/// A wait that probes find in the run directory.
pub(crate) struct AnnouncedWait {
    state: State,
    /// Open for what the start writes later.
    pub(crate) run_dir: RunDir,
}

impl AnnouncedWait {
    /// Writes that the start of this state waits for its record. `None` where nothing can be written: what needs the run
    /// directory reports that later.
    pub(crate) fn begin(state: State, limit: Option<Duration>, places: &RunDirPlaces) -> Option<Self> {
        let run_dir = RunDir::open(places).ok()?;
        let state = state.in_phase(Phase::record(limit));
        state.write(&run_dir).ok()?;
        Some(Self { state, run_dir })
    }

    /// Writes that it waits for peers now. If that fails, probes go on to find the wait for the record, whose limit is not
    /// shorter.
    pub(crate) fn continue_with_peers(&self, limit: Duration) {
        let _ = self.state.clone().in_phase(Phase::peers(limit)).write(&self.run_dir);
    }
}
