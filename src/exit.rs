//! Exit codes. Other files use them by name.
//!
//! Pure: no I/O, no clock.

use std::process::ExitCode;

/// The command line is wrong (sysexits' `EX_USAGE`).
pub(crate) const USAGE: u8 = 64;
/// A template or its rendered text is invalid (`EX_DATAERR`).
pub const DATA: u8 = 65;
/// A template or the release is missing or unreadable (`EX_NOINPUT`).
pub(crate) const NO_INPUT: u8 = 66;
/// The pod's record did not appear in time (`EX_UNAVAILABLE`).
pub(crate) const UNAVAILABLE: u8 = 69;
/// A bug in beaminit (`EX_SOFTWARE`).
pub(crate) const BUG: u8 = 70;
/// The system refused something that it normally grants (`EX_OSERR`).
pub(crate) const OS: u8 = 71;
/// A file could not be written (`EX_CANTCREAT`).
pub(crate) const CANNOT_CREATE: u8 = 73;
/// The environment has an invalid setting (`EX_CONFIG`).
pub(crate) const CONFIG: u8 = 78;
/// The command was found but could not be executed, as in shells.
pub(crate) const NOT_EXECUTABLE: u8 = 126;
/// The command was not found, as in shells.
pub(crate) const NOT_FOUND: u8 = 127;

/// How the release ended, or beaminit before it started the release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// By itself, with this code.
    Code(u8),
    /// By the signal of this number.
    Signal(i32),
}

impl ExitReason {
    /// The code to exit with: the code itself, or 128 + n as in shells.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => u8::try_from(signal).unwrap_or(0).saturating_add(128),
        }
    }
}

impl From<ExitReason> for ExitCode {
    fn from(reason: ExitReason) -> Self {
        reason.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_by_a_signal_is_128_and_its_number() {
        assert_eq!(ExitReason::Code(7).code(), 7);
        assert_eq!(ExitReason::Signal(15).code(), 143);
    }
}
