//! What all subcommands read their options with.
//!
//! Pure: no I/O, no clock.

use crate::error::{Error, Stage};
use crate::exit;

/// The value of `--format`.
pub(super) fn is_json(parser: &mut lexopt::Parser) -> Result<bool, Error> {
    let format = parser.value().map_err(wrong)?;
    match format.to_str() {
        Some("json") => Ok(true),
        Some("text") => Ok(false),
        _ => {
            let message = format!("--format {}: no such format", format.to_string_lossy());
            Err(usage(message).hint("one of: text, json"))
        }
    }
}

/// Options that the entrypoint of an image may still have from another init (tini, dumb-init), and what to do about them.
const OPTIONS_OF_OTHER_INITS: [(&[&str], &str); 5] = [
    (&["-g"], "in place of tini's -g set BEAMINIT_SIGNAL_TARGET=group"),
    (&["-e"], "in place of tini's -e CODE set BEAMINIT_SUCCESS_CODES=CODE"),
    (&["-r", "--rewrite"], "in place of dumb-init's --rewrite 15:3 set BEAMINIT_SIGNALS=TERM=QUIT"),
    (&["-v", "--verbose"], "leave it out, and set BEAMINIT_LOG=debug to see more"),
    (&["-s", "-w", "-p", "-c", "--single-child"], "leave it out: beaminit needs no such option of tini or dumb-init"),
];

#[expect(clippy::needless_pass_by_value, reason = "as map_err calls it")]
pub(super) fn wrong(error: lexopt::Error) -> Error {
    let of_other_init = match &error {
        lexopt::Error::UnexpectedOption(option) => {
            OPTIONS_OF_OTHER_INITS.iter().find(|(options, _)| options.contains(&option.as_str()))
        }
        _ => None,
    };
    usage(error.to_string()).hint(of_other_init.map_or("see beaminit --help", |(_, hint)| hint))
}

pub(super) fn usage(message: String) -> Error {
    Error::new(Stage::Cli, exit::USAGE, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_of_another_init_is_answered_with_the_setting() {
        let answer = |option: &str| wrong(lexopt::Error::UnexpectedOption(option.into())).to_string();
        assert!(answer("-g").contains("BEAMINIT_SIGNAL_TARGET=group"));
        assert!(answer("--rewrite").contains("BEAMINIT_SIGNALS=TERM=QUIT"));
        assert!(answer("--frobnicate").contains("see beaminit --help"));
    }
}
