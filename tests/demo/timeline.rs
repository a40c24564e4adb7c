//! The story as a picture: a lane for each pod, time from left to right.

use std::fmt;
use std::time::Duration;

const COLUMNS: usize = 84;
/// From one number of the scale to the next.
const TICK: usize = 10;

/// What a pod does from some moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Until its record is seen.
    Waits,
    /// From the sighting on.
    Runs,
    Gone,
}

impl Phase {
    fn mark(self) -> char {
        match self {
            Self::Waits => '.',
            Self::Runs => '#',
            Self::Gone => ' ',
        }
    }
}

/// When each pod's phases began and its records were published.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    phases: Vec<(&'static str, Vec<(Duration, Phase)>)>,
    published: Vec<(&'static str, Duration)>,
}

impl Timeline {
    pub(crate) fn enter(&mut self, pod: &'static str, at: Duration, phase: Phase) {
        match self.phases.iter_mut().find(|(own, _)| *own == pod) {
            Some((_, phases)) => phases.push((at, phase)),
            None => self.phases.push((pod, vec![(at, phase)])),
        }
    }

    pub(crate) fn publish(&mut self, pod: &'static str, at: Duration) {
        self.published.push((pod, at));
    }

    /// Time for one column: half a second, or so many seconds that all fits.
    fn step(&self) -> Duration {
        let end = self.phases.iter().flat_map(|(_, phases)| phases).map(|(at, _)| *at).max().unwrap_or_default();
        let fits = |step: &Duration| end.as_secs_f64() / step.as_secs_f64() < COLUMNS as f64;
        (1..100).map(|halves| Duration::from_millis(500 * halves)).find(fits).unwrap_or(end)
    }

    fn lane(&self, pod: &str, phases: &[(Duration, Phase)], step: Duration) -> String {
        let column = |at: &Duration| (at.as_secs_f64() / step.as_secs_f64()) as usize;
        let phase_at = |index: usize| phases.iter().rev().find(|(at, _)| column(at) <= index).map(|(_, phase)| *phase);
        let published: Vec<usize> =
            self.published.iter().filter(|(own, _)| *own == pod).map(|(_, at)| column(at)).collect();
        let mark = |index| match phase_at(index) {
            _ if published.contains(&index) => '^',
            Some(phase) => phase.mark(),
            None => ' ',
        };
        (0..COLUMNS).map(mark).collect::<String>().trim_end().to_owned()
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = self.step();
        let seconds = |column: usize| column as f64 * step.as_secs_f64();
        write!(f, "{:11}", "")?;
        for column in (0..COLUMNS).step_by(TICK) {
            write!(f, "{:<TICK$}", format!("{} s", seconds(column)))?;
        }
        writeln!(f)?;
        for (pod, phases) in &self.phases {
            writeln!(f, "{pod:11}{}", self.lane(pod, phases, step))?;
        }
        write!(f, "{:11}. waits   ^ its record is published   # has seen it, and runs", "")
    }
}
