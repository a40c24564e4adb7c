//! The promises that depend on the system: on its VM, with the Erlangs and Elixirs of Debian's releases, and on what else
//! an image has. `make test` runs those of OTP 23 and 27, `make otp` all.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test ends with a panic, waits for its own children and polls with a deadline"
)]

/// Tests of functions that take an [`Otp`](crate::support::Otp).
macro_rules! on_each_otp {
    ($($promise:ident),+) => {
        on_each_otp!(always otp_23 V23 $($promise)+);
        on_each_otp!(asked otp_25 V25 $($promise)+);
        on_each_otp!(always otp_27 V27 $($promise)+);
        on_each_otp!(asked newest_otp Newest $($promise)+);
    };
    (always $module:ident $otp:ident $($promise:ident)+) => {
        mod $module {
            $(#[test]
            fn $promise() {
                super::$promise(crate::support::Otp::$otp);
            })+
        }
    };
    (asked $module:ident $otp:ident $($promise:ident)+) => {
        mod $module {
            $(#[test]
            #[ignore = "make otp runs it"]
            fn $promise() {
                super::$promise(crate::support::Otp::$otp);
            })+
        }
    };
}

mod a_term_at_any_moment_ends_it;
mod exit_codes_and_crash_dumps;
mod images;
mod rabbitmq;
mod the_cookie_in_every_mode;
mod the_talks_configmap;
mod values_arrive;
mod words_are_those_of_erlexec;

use test_support as support;
