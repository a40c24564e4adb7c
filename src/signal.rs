//! Signals by name and number, and what is to become of each.
//!
//! Pure: no I/O, no clock.

use serde::{Deserialize, Serialize};

/// Names and numbers of Linux on x86 and ARM; both have the same.
const NAMES: [(&str, i32); 31] = [
    ("HUP", HUP),
    ("INT", INT),
    ("QUIT", QUIT),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", KILL),
    ("USR1", USR1),
    ("SEGV", 11),
    ("USR2", USR2),
    ("PIPE", PIPE),
    ("ALRM", ALRM),
    ("TERM", TERM),
    ("STKFLT", 16),
    ("CHLD", CHLD),
    ("CONT", CONT),
    ("STOP", 19),
    ("TSTP", TSTP),
    ("TTIN", TTIN),
    ("TTOU", TTOU),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("PWR", 30),
    ("SYS", 31),
];

/// SIGHUP.
pub const HUP: i32 = 1;
/// SIGINT.
pub const INT: i32 = 2;
/// SIGQUIT.
pub const QUIT: i32 = 3;
/// SIGKILL.
pub const KILL: i32 = 9;
/// SIGUSR1.
pub const USR1: i32 = 10;
/// SIGUSR2.
pub const USR2: i32 = 12;
/// SIGPIPE.
pub const PIPE: i32 = 13;
/// SIGALRM.
pub const ALRM: i32 = 14;
/// SIGTERM.
pub const TERM: i32 = 15;
/// SIGCHLD.
pub const CHLD: i32 = 17;
/// SIGCONT.
pub const CONT: i32 = 18;
/// SIGTSTP.
pub const TSTP: i32 = 20;
/// SIGTTIN.
pub const TTIN: i32 = 21;
/// SIGTTOU.
pub const TTOU: i32 = 22;
/// The first real-time signal that is not the C library's own.
const RTMIN: i32 = 34;
/// The last signal.
pub const MAX: i32 = 64;

/// ILL, FPE and SEGV: whoever runs into one of them is told at once, blocked or not.
pub const OWN_FAULTS: [i32; 3] = [4, 8, 11];

/// Neither can be caught (KILL, STOP), nor is it anybody else's (ILL, FPE, SEGV are our own faults; 32 and 33 the C
/// library's; CHLD is about our children).
const NOT_FORWARDED: [i32; 8] = [4, 8, KILL, 11, CHLD, 19, 32, 33];

/// The signal's name, without `SIG`; its number, where it has no name.
#[must_use]
pub fn name(signal: i32) -> String {
    let known = NAMES.iter().find(|(_, number)| *number == signal).map(|(name, _)| (*name).to_owned());
    known.unwrap_or_else(|| if signal >= RTMIN { format!("RTMIN+{}", signal - RTMIN) } else { signal.to_string() })
}

/// The number behind `TERM`, `SIGTERM`, `15`, `RTMIN+3` or `RTMAX-2`.
#[must_use]
pub fn parse(text: &str) -> Option<i32> {
    let text = text.strip_prefix("SIG").unwrap_or(text);
    let offset = |text: &str| text.parse::<u8>().ok().map(i32::from);
    let number = if let Some(above) = text.strip_prefix("RTMIN+") {
        RTMIN + offset(above)?
    } else if let Some(below) = text.strip_prefix("RTMAX-") {
        MAX - offset(below)?
    } else {
        match NAMES.iter().find(|(name, _)| *name == text) {
            Some((_, number)) => *number,
            None => offset(text)?,
        }
    };
    (1..=MAX).contains(&number).then_some(number)
}

/// What becomes of the signals that come to us: forwarded as they are, but for these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrites(Vec<(i32, Option<i32>)>);

/// What becomes of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// A child has news.
    Reap,
    /// The release gets this signal.
    Forward(i32),
    /// Nobody gets it.
    Drop,
}

impl Rewrites {
    /// What a VM without a terminal wants. Only TERM stops it cleanly; INT, QUIT, HUP, USR2 and ALRM would kill it, and
    /// TSTP would freeze it under a living init.
    #[must_use]
    pub fn for_beam() -> Self {
        let to_term = [INT, QUIT, HUP].map(|signal| (signal, Some(TERM)));
        Self([to_term, [USR2, ALRM, TSTP].map(|signal| (signal, None))].concat())
    }

    /// Reads `INT=TERM,QUIT=TERM,USR2=`. An empty right side drops the signal. An empty text changes nothing.
    ///
    /// # Errors
    /// The part that is no such pair.
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

    /// The signals that do not arrive as they are, with what becomes of them. `None`: they are dropped.
    pub fn rules(&self) -> impl Iterator<Item = (i32, Option<i32>)> {
        self.0.iter().copied()
    }

    /// What becomes of `signal`.
    #[must_use]
    pub fn disposition(&self, signal: i32) -> Disposition {
        match self.0.iter().find(|(from, _)| *from == signal) {
            _ if signal == CHLD => Disposition::Reap,
            Some((_, Some(to))) => Disposition::Forward(*to),
            Some((_, None)) => Disposition::Drop,
            None => Disposition::Forward(signal),
        }
    }

    /// Whether `signal` asks us to end while the release does not run yet.
    #[must_use]
    pub fn is_stop_request(&self, signal: i32) -> bool {
        matches!(signal, TERM | INT | QUIT) || self.disposition(signal) == Disposition::Forward(TERM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_each_others() {
        for signal in 1..=MAX {
            assert_eq!(parse(&name(signal)), Some(signal), "{}", name(signal));
        }
        assert_eq!(
            (parse("SIGTERM"), parse("15"), parse("RTMAX-2"), parse("RTMIN+3")),
            (Some(15), Some(15), Some(62), Some(37))
        );
        for none in ["", "0", "65", "TERMINATE", "-1", "RTMIN+31", "RTMIN+", "RTMAX-x", "SIG", "term"] {
            assert_eq!(parse(none), None, "{none}");
        }
    }

    #[test]
    fn without_a_rule_every_signal_is_forwarded_as_it_is() {
        for signal in (1..=MAX).filter(|signal| *signal != CHLD) {
            assert_eq!(Rewrites::default().disposition(signal), Disposition::Forward(signal));
        }
        assert_eq!(Rewrites::default().disposition(CHLD), Disposition::Reap);
    }

    #[test]
    fn a_vm_is_stopped_by_term_alone_and_never_killed_or_frozen() {
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
    fn a_stop_is_asked_for_by_term_int_quit_and_what_becomes_term() {
        let stops = |rules: &Rewrites| (1..=MAX).filter(|signal| rules.is_stop_request(*signal)).collect::<Vec<_>>();
        assert_eq!(stops(&Rewrites::default()), [INT, QUIT, TERM]);
        assert_eq!(stops(&Rewrites::parse("PWR=TERM,INT=").unwrap()), [INT, QUIT, TERM, 30]);
    }
}
