//! The wait for the pod's own DNS record. Tokio runs only during the wait.

pub(crate) mod answers;
mod awaited;
mod diagnosis;
mod driver;
mod error;
mod glance;
mod log;
mod lookup;
pub(crate) mod machine;
mod pace;
mod peers;
pub(crate) mod questions;
mod servers;
pub(crate) mod sighting;
mod stop;
pub(crate) mod tally;
#[cfg(test)]
mod tests;
mod text;

use std::time::{Duration, Instant};

use tracing::warn;

use crate::error::Error;

pub use self::awaited::Awaited;
pub(crate) use self::glance::{Glance, glance};
pub use self::machine::WaitLimits;
pub use self::stop::StopRequests;
pub(crate) use self::text::list;

use self::driver::{Driver, runtime};
use self::log::WaitLog;
use self::machine::{Action, Event};
use self::sighting::Sighting;

/// A diagnosis takes no longer than this.
const DIAGNOSIS: Duration = Duration::from_secs(3);
/// When a wait that looks hopeless is diagnosed. It continues: the DNS of some clusters serves pods by their names.
const HOPELESS_AFTER: Duration = Duration::from_secs(10);

/// How the wait ended, if not with an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waited {
    /// The record was seen.
    Published(Sighting),
    /// A signal asked beaminit to end.
    Stopped {
        /// The number of the signal that asked for it.
        signal: i32,
        after: Duration,
    },
}

/// Waits until the record `awaited` has one of our own addresses and, as `limits` say, until peers see it as well, or
/// until `stop` asks for the end. `on_peers` is called when the wait for peers begins, with how long that may take. It starts
/// no thread and leaves nothing open.
///
/// # Errors
/// There is nothing to ask or nothing to look for, the time is over, or the system refuses what the wait itself needs.
pub fn for_own_record(
    awaited: &Awaited,
    limits: WaitLimits,
    stop: &mut dyn StopRequests,
    on_peers: &mut dyn FnMut(Duration),
) -> Result<Waited, Error> {
    let driver = Driver::start(awaited, limits)?;
    let log = WaitLog::begin(awaited, limits, &driver.awaited.servers);
    let start = Instant::now();
    runtime()?.block_on(async {
        tokio::select! {
            biased;
            signal = stop::requested(stop) => {
                let signal = signal.map_err(|error| error::refused_by_system(&error))?;
                Ok(Waited::Stopped { signal, after: start.elapsed() })
            }
            sighting = wait(driver, log, on_peers) => sighting.map(Waited::Published),
        }
    })
}

async fn wait(mut driver: Driver, mut log: WaitLog<'_>, on_peers: &mut dyn FnMut(Duration)) -> Result<Sighting, Error> {
    let mut is_hopeless = driver.awaited.without_subdomain;
    let mut event = Event::Due;
    loop {
        let now = driver.elapsed();
        let action = driver.machine.on(event, now);
        if let Some(limit) = log.decided(&driver.machine, &action, now) {
            on_peers(limit);
            log.begin_with_peers(&driver.machine, now);
        }
        event = match action {
            Action::Published(sighting) => return Ok(sighting),
            Action::GiveUp | Action::Nothing => {
                let after = driver.elapsed();
                let cause = driver.diagnose(DIAGNOSIS).await;
                return Err(error::timed_out(&driver.awaited, after, driver.machine.tally(), cause));
            }
            Action::Ask { .. } | Action::Sleep(_) => driver.carry_out(action, log.progress.next).await,
        };
        log.passed(&driver.machine, driver.elapsed());
        if is_hopeless && driver.machine.sighting().is_none() && driver.elapsed() >= HOPELESS_AFTER {
            is_hopeless = false;
            let cause = driver.diagnose(DIAGNOSIS).await;
            warn!(target: "wait", "{}; {}", cause.sentence, cause.cure);
        }
    }
}
