//! The command line.
//!
//! Pure: no I/O, no clock.

use crate::error::{Error, Stage};
use crate::exit;
use std::ffi::OsString;

/// What we are asked to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Start and supervise this program with these arguments.
    Run(Vec<OsString>),
    /// Run this program with these arguments in the environment of the release that runs here.
    Exec(Vec<OsString>),
    /// Print [`HELP`].
    Help,
    /// Print the version.
    Version,
    /// Take up the supervision of a release that this process has started: what is known stands behind this descriptor.
    /// Only we ourselves ask for it.
    TakeUp(i32),
}

/// The option that makes [`Command::TakeUp`].
pub const TAKE_UP: &str = "supervise";

/// What `--help` prints.
pub const HELP: &str = "\
beaminit: PID 1 for Erlang and Elixir releases on Kubernetes

usage: beaminit [--] COMMAND [ARG...]
       beaminit exec [--] COMMAND [ARG...]
       beaminit --help | --version

Finds out who the pod is, renders vm.args, waits until the pod's own DNS record
is there, starts COMMAND, forwards signals, reaps orphans, and ends with
COMMAND's exit code.

exec is for kubectl exec and docker exec: it runs COMMAND, such as bin/app
remote, with the node name, cookie and files of the release that runs here.
Where none runs it does what a start does, without the wait.

Settings are environment variables, BEAMINIT_...; the README describes them.
";

/// Ours alone as the first word, so that a later version may give it its meaning.
const RESERVED: &str = "explain";

/// Reads the arguments, without the program's name.
///
/// Options end at the first word: what follows is the release's, dashes and all.
///
/// # Errors
/// There is no command, or an option that we don't have.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, Error> {
    let mut parser = lexopt::Parser::from_args(args);
    let dashes = parser.try_raw_args().is_some_and(|raw| raw.peek().is_some_and(|first| first == "--"));
    match read(parser, "beaminit bin/app start")? {
        Command::Run(words) if !dashes && words.first().is_some_and(|word| word == "exec") => {
            let parser = lexopt::Parser::from_args(words.into_iter().skip(1));
            match read(parser, "beaminit exec bin/app remote")? {
                Command::Run(words) => Ok(Command::Exec(words)),
                other => Ok(other),
            }
        }
        Command::Run(words) if !dashes && words.first().is_some_and(|word| word == RESERVED) => {
            Err(usage(format!("{RESERVED}: this version has no such subcommand"))
                .hint(format!("to start a program of that name: beaminit -- {RESERVED}")))
        }
        other => Ok(other),
    }
}

/// Options up to the first word, and from there on a command.
fn read(mut parser: lexopt::Parser, example: &str) -> Result<Command, Error> {
    match parser.next() {
        Ok(Some(lexopt::Arg::Value(program))) => {
            let rest = parser.raw_args().map_err(|error| usage(error.to_string()).hint("see beaminit --help"))?;
            Ok(Command::Run(std::iter::once(program).chain(rest).collect()))
        }
        Ok(Some(lexopt::Arg::Long("help") | lexopt::Arg::Short('h'))) => Ok(Command::Help),
        Ok(Some(lexopt::Arg::Long("version") | lexopt::Arg::Short('V'))) => Ok(Command::Version),
        Ok(Some(lexopt::Arg::Long(TAKE_UP))) => {
            let descriptor = parser.value().and_then(|value| lexopt::ValueExt::parse(&value));
            descriptor.map(Command::TakeUp).map_err(|error| usage(error.to_string()))
        }
        Ok(Some(option)) => Err(usage(option.unexpected().to_string()).hint("see beaminit --help")),
        Ok(None) => Err(usage("no command to start".into()).hint(format!("for example: {example}"))),
        Err(error) => Err(usage(error.to_string()).hint("see beaminit --help")),
    }
}

fn usage(message: String) -> Error {
    Error::new(Stage::Cli, exit::USAGE, message)
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
    fn our_own_options_come_first() {
        assert_eq!(run(&["--help"]), Ok(Command::Help));
        assert_eq!(run(&["-V"]), Ok(Command::Version));
    }

    #[test]
    fn what_an_image_of_ours_hands_on_comes_before_the_command() {
        assert_eq!(run(&["--supervise=5", "app", "start"]), Ok(Command::TakeUp(5)));
        assert_eq!(run(&["--supervise=x"]), Err(64));
        assert_eq!(run(&["app", "--supervise=5"]), Ok(command(&["app", "--supervise=5"])));
    }

    #[test]
    fn a_subcommands_name_starts_a_program_only_behind_two_dashes() {
        assert_eq!(run(&["explain"]), Err(64));
        assert_eq!(run(&["--", "exec", "x"]), Ok(command(&["exec", "x"])));
    }

    #[test]
    fn exec_takes_a_command_of_its_own() {
        let exec = |args: &[&str]| Ok(Command::Exec(args.iter().map(OsString::from).collect()));
        assert_eq!(run(&["exec", "bin/app", "rpc", "--", "x"]), exec(&["bin/app", "rpc", "--", "x"]));
        assert_eq!(run(&["exec", "--", "-odd", "exec"]), exec(&["-odd", "exec"]));
        assert_eq!(run(&["exec", "explain"]), exec(&["explain"]));
        assert_eq!(run(&["exec", "--help"]), Ok(Command::Help));
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
