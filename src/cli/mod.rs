//! The command line.
//!
//! Pure: no I/O, no clock.

mod options;
mod probe;

pub(crate) use probe::{ProbeQuestion, ProbeRequest};

use crate::error::Error;
use options::{is_json, usage, wrong};
use std::ffi::OsString;
use std::path::PathBuf;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Start and supervise this program with these arguments.
    Run(Vec<OsString>),
    /// Run this program with these arguments in the running release's environment.
    Exec(Vec<OsString>),
    /// Report what a start of this program would do.
    Explain {
        /// As JSON, else as text.
        json: bool,
        /// The program with its arguments; empty if none was named.
        command: Vec<OsString>,
    },
    /// Ask the node that runs here how it is.
    Probe(ProbeRequest),
    /// Copy beaminit's own binary there, for images without `cp`.
    CopyTo(PathBuf),
    /// Print [`HELP`].
    Help,
    /// Print the version.
    Version,
    /// Continue to supervise a release that this process has started; this descriptor has what is known of it. Only
    /// beaminit itself uses this.
    TakeUp(i32),
}

/// The option that makes [`Command::TakeUp`].
pub(crate) const TAKE_UP: &str = "supervise";

/// What `--help` prints.
pub const HELP: &str = "\
beaminit: PID 1 for Erlang and Elixir releases on Kubernetes

usage: beaminit [--] COMMAND [ARG...]
       beaminit exec [--] COMMAND [ARG...]
       beaminit explain [--format text|json] [[--] COMMAND [ARG...]]
       beaminit probe live|ready [--timeout DURATION] [--boot DURATION]
                      [--format text|json] [APP...]
       beaminit --copy-to FILE
       beaminit --help | --version

Determines the pod's identity, renders vm.args, waits until the pod's own DNS
record is published, starts COMMAND, forwards signals, reaps orphans, and exits
with COMMAND's exit code.

exec is for kubectl exec and docker exec: it runs COMMAND, such as bin/app
remote, with the node name, cookie and files of the running release. If none
runs, it does what a start does, without the wait.

explain reports what a start of COMMAND would do here and why, and how the
running release is doing. It changes nothing, and shows no secret. Without
COMMAND it takes the running one, else the only start script around.

probe is for Kubernetes' probes: it asks the running node in the node's own
protocol. live: it answers, or waits, or boots. ready: it has started, and each
APP runs. Exit code 0 or 1, and one line that says why.

--copy-to is for an init container that brings beaminit into a pod whose image
has none.

Settings are environment variables, BEAMINIT_...; the README describes them.
";

/// Reads the arguments, without the program's name.
///
/// Options end at the first word; everything after it is the release's.
///
/// # Errors
/// There is no command, or an unknown option.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, Error> {
    let mut parser = lexopt::Parser::from_args(args);
    let dashes = parser.try_raw_args().is_some_and(|raw| raw.peek().is_some_and(|first| first == "--"));
    let words = match parse_command(parser, "beaminit bin/app start")? {
        Command::Run(words) => words,
        other => return Ok(other),
    };
    let rest = lexopt::Parser::from_args(words.iter().skip(1).cloned());
    match words.first().and_then(|word| word.to_str()).filter(|_| !dashes) {
        Some("exec") => match parse_command(rest, "beaminit exec bin/app remote")? {
            Command::Run(words) => Ok(Command::Exec(words)),
            other => Ok(other),
        },
        Some("explain") => parse_explain(rest),
        Some("probe") => Ok(probe::parse(rest)?.map_or(Command::Help, Command::Probe)),
        _ => Ok(Command::Run(words)),
    }
}

/// Options up to the first word, then a command.
fn parse_command(mut parser: lexopt::Parser, example: &str) -> Result<Command, Error> {
    match parser.next().map_err(wrong)? {
        Some(lexopt::Arg::Value(program)) => {
            let rest = parser.raw_args().map_err(wrong)?;
            Ok(Command::Run(std::iter::once(program).chain(rest).collect()))
        }
        Some(lexopt::Arg::Long("help") | lexopt::Arg::Short('h')) => Ok(Command::Help),
        Some(lexopt::Arg::Long("version") | lexopt::Arg::Short('V')) => Ok(Command::Version),
        Some(lexopt::Arg::Long("copy-to")) => Ok(Command::CopyTo(parser.value().map_err(wrong)?.into())),
        Some(lexopt::Arg::Long(TAKE_UP)) => {
            let descriptor = parser.value().and_then(|value| lexopt::ValueExt::parse(&value));
            descriptor.map(Command::TakeUp).map_err(wrong)
        }
        Some(option) => Err(wrong(option.unexpected())),
        None => Err(usage("no command to start".into()).hint(format!("for example: {example}"))),
    }
}

fn parse_explain(mut parser: lexopt::Parser) -> Result<Command, Error> {
    let mut json = false;
    while let Some(argument) = parser.next().map_err(wrong)? {
        match argument {
            lexopt::Arg::Long("format") => json = is_json(&mut parser)?,
            lexopt::Arg::Long("help") | lexopt::Arg::Short('h') => return Ok(Command::Help),
            lexopt::Arg::Value(program) => {
                let rest = parser.raw_args().map_err(wrong)?;
                return Ok(Command::Explain { json, command: std::iter::once(program).chain(rest).collect() });
            }
            option => return Err(wrong(option.unexpected())),
        }
    }
    Ok(Command::Explain { json, command: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(args: &[&str]) -> Result<Command, u8> {
        parse(args.iter().map(OsString::from)).map_err(|error| error.code)
    }

    fn command(args: &[&str]) -> Command {
        Command::Run(args.iter().map(OsString::from).collect())
    }

    #[test]
    fn options_end_at_the_first_word() {
        assert_eq!(run(&["sh", "-c", "exit 7"]), Ok(command(&["sh", "-c", "exit 7"])));
        assert_eq!(run(&["--", "sh", "--help"]), Ok(command(&["sh", "--help"])));
        assert_eq!(run(&["app", "--", "x"]), Ok(command(&["app", "--", "x"])));
        assert_eq!(run(&["--", "--", "x"]), Ok(command(&["--", "x"])));
    }

    #[test]
    fn beaminits_own_options_come_first() {
        assert_eq!(run(&["--help"]), Ok(Command::Help));
        assert_eq!(run(&["-V"]), Ok(Command::Version));
        assert_eq!(run(&["--copy-to", "/shared/beaminit"]), Ok(Command::CopyTo("/shared/beaminit".into())));
        assert_eq!(run(&["--copy-to"]), Err(64));
    }

    #[test]
    fn the_option_to_continue_supervising_comes_before_the_command() {
        assert_eq!(run(&["--supervise=5", "app", "start"]), Ok(Command::TakeUp(5)));
        assert_eq!(run(&["--supervise=x"]), Err(64));
        assert_eq!(run(&["app", "--supervise=5"]), Ok(command(&["app", "--supervise=5"])));
    }

    #[test]
    fn a_subcommands_name_is_a_program_only_after_two_dashes() {
        assert_eq!(run(&["--", "explain"]), Ok(command(&["explain"])));
        assert_eq!(run(&["--", "exec", "x"]), Ok(command(&["exec", "x"])));
    }

    #[test]
    fn exec_takes_a_command() {
        let exec = |args: &[&str]| Ok(Command::Exec(args.iter().map(OsString::from).collect()));
        assert_eq!(run(&["exec", "bin/app", "rpc", "--", "x"]), exec(&["bin/app", "rpc", "--", "x"]));
        assert_eq!(run(&["exec", "--", "-odd", "exec"]), exec(&["-odd", "exec"]));
        assert_eq!(run(&["exec", "explain"]), exec(&["explain"]));
        assert_eq!(run(&["exec", "--help"]), Ok(Command::Help));
    }

    #[test]
    fn explain_takes_a_format_and_an_optional_command() {
        let explain =
            |json, args: &[&str]| Ok(Command::Explain { json, command: args.iter().map(OsString::from).collect() });
        assert_eq!(run(&["explain"]), explain(false, &[]));
        assert_eq!(run(&["explain", "--format=json", "--"]), explain(true, &[]));
        assert_eq!(run(&["explain", "--format", "json", "--", "-x", "--y"]), explain(true, &["-x", "--y"]));
        assert_eq!(run(&["explain", "--format=json", "--format=text", "app"]), explain(false, &["app"]));
        assert_eq!(
            run(&["explain", "bin/app", "start", "--format"]),
            explain(false, &["bin/app", "start", "--format"])
        );
        assert_eq!(run(&["explain", "-h"]), Ok(Command::Help));
        for wrong in [&["explain", "--format"] as &[&str], &["explain", "--format", "xml"], &["explain", "-x"]] {
            assert_eq!(run(wrong), Err(64), "{wrong:?}");
        }
    }

    #[test]
    fn wrong_usage_is_64() {
        for args in
            [&[] as &[&str], &["--"], &["-x", "app"], &["--frobnicate"], &["exec"], &["exec", "--"], &["exec", "-it"]]
        {
            assert_eq!(run(args), Err(64), "{args:?}");
        }
    }
}
