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

#[expect(clippy::needless_pass_by_value, reason = "as map_err calls it")]
pub(super) fn wrong(error: lexopt::Error) -> Error {
    usage(error.to_string()).hint("see beaminit --help")
}

pub(super) fn usage(message: String) -> Error {
    Error::new(Stage::Cli, exit::USAGE, message)
}
