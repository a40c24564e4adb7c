//! One look at the record, as the wait looks at it: without the wait.

use std::time::{Duration, Instant};

use crate::variables::WaitPeers;

use super::diagnose::Cause;
use super::lookup::Lookup;
use super::machine::{Action, Event};
use super::sighting::{Observation, Sighting};
use super::{Awaited, WaitError, WaitLimits, carry_out, diagnose, machine_for, runtime, usable};

/// How long it takes to look, at most, and to find out why there is nothing to see.
const LOOK: Duration = Duration::from_millis(1500);
const DIAGNOSIS: Duration = Duration::from_millis(1500);
/// The wait makes shorter pauses only within a round of questions.
const PAUSE: Duration = Duration::from_millis(100);

/// What DNS says now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Glance {
    /// The record is there.
    Published(Sighting),
    /// It is not.
    Missing {
        /// What is seen of it.
        observation: Observation,
        /// Why.
        cause: Cause,
    },
}

/// Asks for the record once, by the wait's own questions: so no denial is planted in any cache. It takes 3 s at most.
///
/// # Errors
/// There is nothing to ask or nothing to look for, or the system refuses what the questions need.
pub fn glance(awaited: &Awaited) -> Result<Glance, WaitError> {
    let awaited = usable(awaited)?;
    runtime()?.block_on(look(awaited))
}

async fn look(awaited: Awaited) -> Result<Glance, WaitError> {
    let start = Instant::now();
    let lookup = Lookup::of(&awaited.name)?;
    let limits = WaitLimits { timeout: Some(LOOK), peers: WaitPeers::Auto };
    let mut machine = machine_for(&awaited, limits);
    let mut event = Event::Due;
    loop {
        let action = machine.on(event, start.elapsed());
        if let (Action::Sleep(_), Some(sighting)) = (&action, machine.sighting()) {
            return Ok(Glance::Published(sighting.clone()));
        }
        match action {
            Action::Published(sighting) => return Ok(Glance::Published(sighting)),
            Action::GiveUp | Action::Nothing => break,
            // A round is over, and it told something.
            Action::Sleep(until)
                if until > start.elapsed() + PAUSE && *machine.observation() != Observation::Silence =>
            {
                break;
            }
            action => event = carry_out(action, &awaited, &lookup, start, LOOK).await,
        }
    }
    let cause = diagnose(&awaited, &machine, start, DIAGNOSIS).await;
    Ok(Glance::Missing { observation: machine.observation().clone(), cause })
}
