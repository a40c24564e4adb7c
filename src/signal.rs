//! Signals by name and number, and the rules for rewriting them.
//!
//! Pure: no I/O, no clock.

use serde::{Deserialize, Serialize};

/// From 1 on. Linux has the same numbers on x86 and ARM.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
];

pub(crate) const HUP: i32 = 1;
pub(crate) const INT: i32 = 2;
pub(crate) const QUIT: i32 = 3;
pub(crate) const ABRT: i32 = 6;
pub(crate) const KILL: i32 = 9;
pub(crate) const USR1: i32 = 10;
pub(crate) const USR2: i32 = 12;
pub(crate) const PIPE: i32 = 13;
pub(crate) const ALRM: i32 = 14;
pub(crate) const TERM: i32 = 15;
pub(crate) const CHLD: i32 = 17;
pub(crate) const CONT: i32 = 18;
pub(crate) const TSTP: i32 = 20;
pub(crate) const TTIN: i32 = 21;
pub(crate) const TTOU: i32 = 22;
/// The first real-time signal that the C library does not use itself.
const RTMIN: i32 = 34;
/// The last signal.
pub(crate) const MAX: i32 = 64;

/// ILL, FPE and SEGV: raised by a process's own fault, they are delivered even if blocked.
pub(crate) const OWN_FAULTS: [i32; 3] = [4, 8, 11];

/// KILL and STOP cannot be caught; ILL, FPE and SEGV are beaminit's own faults; 32 and 33 are the C library's; CHLD is
/// about beaminit's children.
const NOT_FORWARDED: [i32; 8] = [4, 8, KILL, 11, CHLD, 19, 32, 33];

/// The signal's name without `SIG`, else its number.
#[must_use]
pub(crate) fn name(signal: i32) -> String {
    let index = usize::try_from(signal).ok().and_then(|number| number.checked_sub(1));
    match index.and_then(|index| NAMES.get(index)) {
        Some(name) => (*name).to_owned(),
        None if signal >= RTMIN => format!("RTMIN+{}", signal - RTMIN),
        None => signal.to_string(),
    }
}

/// The number of `TERM`, `SIGTERM`, `15`, `RTMIN+3` or `RTMAX-2`.
#[must_use]
pub(crate) fn parse(text: &str) -> Option<i32> {
    let text = text.strip_prefix("SIG").unwrap_or(text);
    let offset = |text: &str| text.parse::<u8>().ok().map(i32::from);
    let number = if let Some(above) = text.strip_prefix("RTMIN+") {
        RTMIN + offset(above)?
    } else if let Some(below) = text.strip_prefix("RTMAX-") {
        MAX - offset(below)?
    } else if let Some(number) = (1..).zip(NAMES).find_map(|(number, name)| (name == text).then_some(number)) {
        number
    } else {
        offset(text)?
    };
    (1..=MAX).contains(&number).then_some(number)
}

/// Signals that are not forwarded unchanged, with their replacement; `None` drops the signal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrites(Vec<(i32, Option<i32>)>);

/// What to do with a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// A child changed its state.
    Reap,
    /// Send this signal to the release.
    Forward(i32),
    /// Ignore it.
    Drop,
}

impl Rewrites {
    /// The default for a VM without a terminal. Only TERM stops it cleanly; INT, QUIT, HUP, USR2 and ALRM would kill it,
    /// and TSTP would freeze it while its init lives on.
    #[must_use]
    pub fn for_beam() -> Self {
        let to_term = [INT, QUIT, HUP].map(|signal| (signal, Some(TERM)));
        let dropped = [USR2, ALRM, TSTP].map(|signal| (signal, None));
        Self(to_term.into_iter().chain(dropped).collect())
    }

    /// Reads `INT=TERM,QUIT=TERM,USR2=`. An empty right side drops the signal.
    ///
    /// # Errors
    /// The part that is not a rewrite.
    pub fn parse(text: &str) -> Result<Self, String> {
        let pair = |part: &str| {
            let (from, to) = part.split_once('=')?;
            let from = parse(from.trim()).filter(|signal| !NOT_FORWARDED.contains(signal))?;
            let to = Some(to.trim()).filter(|to| !to.is_empty());
            Some((from, to.map(parse).map_or(Some(None), |signal| signal.map(Some))?))
        };
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| pair(part).ok_or_else(|| part.to_owned())).collect::<Result<_, _>>().map(Self)
    }

    /// Each rewritten signal with its replacement; `None` drops it.
    pub fn rules(&self) -> impl Iterator<Item = (i32, Option<i32>)> {
        self.0.iter().copied()
    }

    pub(crate) fn disposition(&self, signal: i32) -> Disposition {
        match self.0.iter().find(|(from, _)| *from == signal) {
            _ if signal == CHLD => Disposition::Reap,
            Some((_, Some(to))) => Disposition::Forward(*to),
            Some((_, None)) => Disposition::Drop,
            None => Disposition::Forward(signal),
        }
    }

    /// Whether `signal` ends beaminit before the release runs.
    #[must_use]
    pub fn is_stop_request(&self, signal: i32) -> bool {
        matches!(signal, TERM | INT | QUIT) || self.disposition(signal) == Disposition::Forward(TERM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_its_number_and_each_number_its_name() {
        for signal in 1..=MAX {
            assert_eq!(parse(&name(signal)), Some(signal), "{}", name(signal));
        }
        let named = [("HUP", HUP), ("ABRT", ABRT), ("USR2", USR2), ("CHLD", CHLD), ("TTOU", TTOU), ("SYS", 31)];
        assert!(named.iter().all(|(text, signal)| parse(text) == Some(*signal)), "{named:?}");
        assert_eq!(
            (parse("SIGTERM"), parse("15"), parse("RTMAX-2"), parse("RTMIN+3")),
            (Some(15), Some(15), Some(62), Some(37))
        );
        for none in ["", "0", "65", "TERMINATE", "-1", "RTMIN+31", "RTMIN+", "RTMAX-x", "SIG", "term"] {
            assert_eq!(parse(none), None, "{none}");
        }
    }

    #[test]
    fn without_a_rule_every_signal_is_forwarded_unchanged() {
        for signal in (1..=MAX).filter(|signal| *signal != CHLD) {
            assert_eq!(Rewrites::default().disposition(signal), Disposition::Forward(signal));
        }
        assert_eq!(Rewrites::default().disposition(CHLD), Disposition::Reap);
    }

    #[test]
    fn a_vm_is_stopped_only_by_term_and_never_killed_or_frozen() {
        let beam = Rewrites::for_beam();
        for signal in [TERM, INT, QUIT, HUP] {
            assert_eq!(beam.disposition(signal), Disposition::Forward(TERM));
            assert!(beam.is_stop_request(signal));
        }
        for signal in [USR2, ALRM, TSTP] {
            assert_eq!(beam.disposition(signal), Disposition::Drop);
        }
        assert_eq!(beam.disposition(USR1), Disposition::Forward(USR1));
    }

    #[test]
    fn rules_are_pairs() {
        let rules = Rewrites::parse("INT=TERM, SIGHUP = 10,USR2=,").unwrap();
        assert_eq!(rules, Rewrites(vec![(INT, Some(TERM)), (HUP, Some(USR1)), (USR2, None)]));
        assert_eq!(Rewrites::parse(""), Ok(Rewrites::default()));
        for (bad, part) in [
            ("INT", "INT"),
            ("INT=NO,HUP=", "INT=NO"),
            ("USR2=,X=TERM", "X=TERM"),
            ("KILL=TERM", "KILL=TERM"),
            ("CHLD=", "CHLD="),
        ] {
            assert_eq!(Rewrites::parse(bad), Err(part.to_owned()));
        }
    }

    #[test]
    fn term_int_quit_and_whatever_becomes_term_are_stop_requests() {
        let stops = |rules: &Rewrites| (1..=MAX).filter(|signal| rules.is_stop_request(*signal)).collect::<Vec<_>>();
        assert_eq!(stops(&Rewrites::default()), [INT, QUIT, TERM]);
        assert_eq!(stops(&Rewrites::parse("PWR=TERM,INT=").unwrap()), [INT, QUIT, TERM, 30]);
    }
}
