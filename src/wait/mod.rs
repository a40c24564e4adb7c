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

use std::net::IpAddr;
use std::time::Duration;

use tracing::warn;

pub use self::awaited::Awaited;
pub(crate) use self::error::{TimedOut, WaitError};
pub(crate) use self::glance::{Glance, glance};
pub use self::machine::WaitLimits;
pub use self::stop::StopRequests;

use self::driver::{Driver, runtime};
use self::log::WaitLog;
use self::machine::{Action, Event};
use self::questions::Family;
use self::sighting::{Confirmation, Sighting};
use self::stop::StopWatch;

/// A diagnosis takes no longer than this.
const DIAGNOSIS: Duration = Duration::from_secs(3);
/// When a wait that looks hopeless is diagnosed. It continues: the DNS of some clusters serves pods by their names.
const HOPELESS_AFTER: Duration = Duration::from_secs(10);

/// How the wait ended, if not with an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waited {
    Published(Published),
    /// A signal asked beaminit to end.
    Stopped {
        /// The number of the signal that asked for it.
        signal: i32,
        after: Duration,
    },
}

/// The record, and what it took to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Which of our own addresses it has.
    pub addresses: Vec<IpAddr>,
    /// The families of which the pod has addresses and the record has none.
    pub missing: Vec<Family>,
    /// How long it took to see it.
    pub after: Duration,
    /// How many questions were asked, including those after it had been seen.
    pub questions: u32,
    /// What other clients of the name server see.
    pub confirmation: Confirmation,
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
) -> Result<Waited, WaitError> {
    let driver = Driver::start(awaited, limits)?;
    let log = WaitLog::begin(awaited, limits, &driver.awaited.servers);
    runtime()?.block_on(wait(driver, log, stop, on_peers))
}

async fn wait(
    mut driver: Driver,
    mut log: WaitLog<'_>,
    stop: &mut dyn StopRequests,
    on_peers: &mut dyn FnMut(Duration),
) -> Result<Waited, WaitError> {
    let mut stop = StopWatch::over(stop)?;
    let mut is_hopeless = driver.awaited.without_subdomain;
    let mut event = Event::Due;
    loop {
        let now = driver.elapsed();
        let action = driver.machine.on(event, now);
        if let Some(limit) = log.decided(&driver.machine, &action, now) {
            on_peers(limit);
            log.begin_with_peers(&driver.machine, now);
        }
        match action {
            Action::Published(sighting) => {
                return Ok(Waited::Published(published(sighting, driver.machine.tally().questions())));
            }
            Action::GiveUp | Action::Nothing => return give_up(&driver, &mut stop).await,
            Action::Ask { .. } | Action::Sleep(_) => {}
        }
        event = tokio::select! {
            biased;
            signal = stop.requested() => return Ok(stopped(signal?, &driver)),
            event = driver.carry_out(action, log.next()) => event,
        };
        log.passed(&driver.machine, driver.elapsed());
        if is_hopeless && driver.machine.sighting().is_none() && driver.elapsed() >= HOPELESS_AFTER {
            is_hopeless = false;
            tokio::select! {
                biased;
                signal = stop.requested() => return Ok(stopped(signal?, &driver)),
                cause = driver.diagnose(DIAGNOSIS) => warn!(target: "wait", "{}; {}", cause.sentence, cause.cure),
            }
        }
    }
}

/// The time is over: finds out why the record is missing.
async fn give_up(driver: &Driver, stop: &mut StopWatch<'_>) -> Result<Waited, WaitError> {
    let after = driver.elapsed();
    let cause = tokio::select! {
        biased;
        signal = stop.requested() => return Ok(stopped(signal?, driver)),
        cause = driver.diagnose(DIAGNOSIS) => cause,
    };
    let (awaited, tally) = (driver.awaited.clone(), driver.machine.tally().clone());
    Err(WaitError::TimedOut(Box::new(TimedOut { awaited, after, tally, cause })))
}

fn stopped(signal: i32, driver: &Driver) -> Waited {
    Waited::Stopped { signal, after: driver.elapsed() }
}

fn published(sighting: Sighting, questions: u32) -> Published {
    let Sighting { addresses, missing, after, confirmation, .. } = sighting;
    Published { addresses, missing, after, questions, confirmation }
}
