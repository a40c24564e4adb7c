//! One look at the record, as the wait sees it, without waiting.

use std::time::Duration;

use crate::error::Error;
use crate::variables::WaitPeers;

use super::awaited::Awaited;
use super::diagnosis::Cause;
use super::driver::{Driver, runtime};
use super::machine::{Action, Event, WaitLimits};
use super::sighting::{Observation, Sighting};

/// How long a look may take, and the diagnosis if the record is not there.
const LOOK: Duration = Duration::from_millis(1500);
const DIAGNOSIS: Duration = Duration::from_millis(1500);
/// The wait makes shorter pauses only within a round of questions.
const PAUSE: Duration = Duration::from_millis(100);

/// What DNS says now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Glance {
    /// The record is there.
    Published(Sighting),
    /// It is not.
    Missing { observation: Observation, cause: Cause },
}

/// Asks for the record once, with the wait's own questions, so that no cache keeps a denial of it. Takes 3 s at most.
///
/// # Errors
/// There is nothing to ask or nothing to look for, or the system refuses what the questions need.
pub(crate) fn glance(awaited: &Awaited) -> Result<Glance, Error> {
    let driver = Driver::start(awaited, WaitLimits { timeout: Some(LOOK), peers: WaitPeers::Auto })?;
    Ok(runtime()?.block_on(look(driver)))
}

async fn look(mut driver: Driver) -> Glance {
    let mut event = Event::Due;
    loop {
        let now = driver.elapsed();
        let action = driver.machine.on(event, now);
        if let (Action::Sleep(_), Some(sighting)) = (&action, driver.machine.sighting()) {
            return Glance::Published(sighting.clone());
        }
        match action {
            Action::Published(sighting) => return Glance::Published(sighting),
            Action::GiveUp | Action::Nothing => break,
            // A round is over, and something was learned.
            Action::Sleep(until) if until > now + PAUSE && driver.machine.observation != Observation::Silence => {
                break;
            }
            action => event = driver.carry_out(action, LOOK).await,
        }
    }
    let cause = driver.diagnose(DIAGNOSIS).await;
    Glance::Missing { observation: driver.machine.observation.clone(), cause }
}
