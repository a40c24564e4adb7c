//! `beaminit`: PID 1 between a container runtime and a BEAM release.
//!
//! [`run`] is the whole program, stage by stage: command line, signals, settings, identity, plan, wait, hand-over,
//! supervision. Stages don't know each other; what one finds out is handed to the next here.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking"))]

pub mod cli;
pub mod command;
pub mod elf;
pub mod error;
pub mod exit;
pub mod explain;
pub mod file;
pub mod identity;
pub mod plan;
pub mod probe;
pub mod release;
pub mod render;
mod report;
mod running;
pub mod signal;
pub mod supervise;
pub mod sys;
pub mod telemetry;
pub mod variables;
pub mod wait;

use cli::{Command, ProbeRequest};
use error::{Error, Problem, Stage};
use exit::ExitReason;
use identity::{Identity, Sources};
use plan::Known;
use release::Release;
use release::hand_over::{Awaited, HandOver, Written};
use release::run_dir::{Places, RunDir};
use release::state::{Record, State};
use report::LastWord;
use running::Running;
use signal::Rewrites;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use supervise::signals::SignalQueue;
use supervise::{Launch, Policy};
use sys::SignalMask;
use variables::{Config, Env, RawEnv, WaitFailure};
use wait::{WaitLimits, Waited};

/// Blocks every signal and gives the mask that was in force. To be called before anything else: the kernel drops signals
/// to a PID 1 without handlers, but keeps blocked ones.
///
/// # Errors
/// The kernel refuses, which it never does.
pub fn block_signals() -> io::Result<SignalMask> {
    sys::block_signals()
}

/// Does what the arguments say and tells how it ended. `inherited` is what [`block_signals`] gave; `args` are without
/// the program's name.
pub fn run(inherited: io::Result<SignalMask>, args: impl IntoIterator<Item = OsString>) -> ExitReason {
    report::bugs_are_errors(Config::default());
    let command = cli::parse(args);
    if let Ok(Command::TakeUp(descriptor)) = command {
        // Without a look at the environment: what is copied now stays as long as the release runs.
        return told(Config::default(), |_| Running::take_up(descriptor, inherited));
    }
    let env = Env::from_os();
    let raw = env.raw();
    let (config, config_error) = Config::from_env(&env);
    report::bugs_are_errors(config.clone());
    told(config, |config| match command? {
        Command::Help | Command::TakeUp(_) => Ok(report::print(cli::HELP)),
        Command::Version => Ok(report::print(concat!("beaminit ", env!("CARGO_PKG_VERSION"), "\n"))),
        Command::CopyTo(file) => copy_to(&file),
        Command::Run(command) => start(command, Manner::Start, inherited, &env, &raw, config, config_error),
        Command::Explain { json, command } => {
            // Nobody need be told when the reader of a report ends it.
            let _ = inherited.and_then(|mask| mask.set());
            let (env, raw, config) = (&env, &raw, &*config);
            let places = places(env, config);
            Ok(explain(explain::Asked { command, env, raw, config, config_error, places }, json))
        }
        Command::Probe(request) => {
            let _ = inherited.and_then(|mask| mask.set());
            Ok(probe(&request, places(&env, config)))
        }
        Command::Exec(command) => exec(command, inherited, &env, &raw, config, config_error),
    })
}

/// How `run` ended; an error is told first.
fn told(mut config: Config, run: impl FnOnce(&mut Config) -> Result<ExitReason, Error>) -> ExitReason {
    run(&mut config).unwrap_or_else(|error| report::failure(&error, &config))
}

/// Copies our own binary, mode and all, as `cp` would if our image had it.
fn copy_to(file: &Path) -> Result<ExitReason, Error> {
    match fs::copy("/proc/self/exe", file) {
        Ok(_) => Ok(ExitReason::Code(0)),
        Err(error) => {
            let message = format!("cannot copy beaminit to {}: {}", file.display(), error::cause(&error));
            Err(Error::new(Stage::HandOver, exit::CANNOT_CREATE, message)
                .hint("name a file in a volume that this user may write, such as an emptyDir of the pod"))
        }
    }
}

/// Joins the release that runs here: becomes COMMAND with its variables. Where none runs, COMMAND is planned afresh.
fn exec(
    command: Vec<OsString>,
    inherited: io::Result<SignalMask>,
    env: &Env,
    raw: &RawEnv,
    config: &mut Config,
    config_error: Option<Error>,
) -> Result<ExitReason, Error> {
    if !sys::is_pid1() {
        // The container's last word is not ours.
        config.termination_log = PathBuf::new();
    }
    if let Some(error) = config_error {
        return Err(error);
    }
    telemetry::init(config.log_settings());
    match State::find(&places(env, config)) {
        Ok(state) => {
            report::joined(&state);
            let mask = inherited.map_err(|error| signals_error(&error))?;
            Err(joining(state, command, env).exec(mask))
        }
        Err(rejected) => {
            report::nothing_to_join(&rejected);
            start(command, Manner::Exec, inherited, env, raw, config, None)
        }
    }
}

/// Says what a start would do. The report is on stdout whatever it says; the exit code is the start's.
fn explain(asked: explain::Asked<'_>, json: bool) -> ExitReason {
    let facts = explain::facts(asked);
    let text = if json { facts.to_json() } else { explain::to_text(&facts, report::is_colour_wanted()) };
    report::print(&text);
    ExitReason::Code(facts.exit_code)
}

/// Asks the node that runs here. The verdict is on stdout whatever it is.
fn probe(request: &ProbeRequest, places: Places) -> ExitReason {
    let verdict = probe::probe(request, places);
    report::print(&if request.json { verdict.to_json() } else { verdict.to_text() });
    ExitReason::Code(verdict.exit_code())
}

/// COMMAND with the variables of the release that runs.
fn joining(state: State, command: Vec<OsString>, env: &Env) -> Launch {
    Launch {
        file: command.first().and_then(|program| release::locate(program, env.get("PATH"))),
        command,
        crash_dump: PathBuf::new(),
        variables: state.variables.into_iter().map(|(name, value)| (name.0, value.0)).collect(),
        removed: state.unset.into_iter().map(|name| name.0).collect(),
        is_beam: state.kind.is_beam(),
    }
}

/// How COMMAND is started.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// For its container: as its init, once the pod can be looked up.
    Start,
    /// At once, maybe as a guest in a container whose init is another process.
    Exec,
}

fn places(env: &Env, config: &Config) -> Places {
    Places::new(config.run_dir.as_deref(), env.get("TMPDIR").map(Path::new))
}

/// A start, stage by stage.
fn start(
    command: Vec<OsString>,
    manner: Manner,
    inherited: io::Result<SignalMask>,
    env: &Env,
    raw: &RawEnv,
    config: &Config,
    config_error: Option<Error>,
) -> Result<ExitReason, Error> {
    let mut signals = inherited.and_then(SignalQueue::install).map_err(|error| signals_error(&error))?;
    if let Some(error) = config_error {
        return Err(error);
    }
    telemetry::init(config.log_settings());
    let sources = Sources::read();
    let identity = Identity::find(raw, &sources);
    report::identity(&identity);
    let release = Release::find(command, raw, env.get("PATH"), config.kind)?;
    let known = Known { env, raw, config, sources, identity, release };

    let planned = known.plan()?;
    report::planned(&planned);
    let is_guest = manner == Manner::Exec && !sys::is_pid1();
    let hand_over = if is_guest { planned.hand_over.for_a_guest() } else { planned.hand_over };
    let rewrites = known.rewrites();
    let mut stop = StopRequests { signals: &mut signals, rewrites: &rewrites };
    if manner == Manner::Start
        && let Some(stopped) = known.wait(&hand_over, &mut stop)?
    {
        return Ok(stopped);
    }
    let places = places(env, config);
    let open = || if is_guest { RunDir::open_as_guest(&places) } else { RunDir::open(&places) };
    let secrets = hand_over.secrets(raw);
    let mut written = hand_over.write(open)?;
    let record = if is_guest { None } else { known.record(&hand_over, &written, open) };
    written.run_dir = written.run_dir.or_else(|| record.as_ref().map(Record::dir));
    if let Some(signal) = wait::StopRequests::take(&mut stop) {
        return Ok(report::stopped_before_start(signal, None, config));
    }
    let policy =
        Policy { rewrites, target: config.signal_target, stop_timeout: config.stop_timeout, is_init: !is_guest };
    let launch = known.launch(&hand_over, &written);
    let watched = supervise::start(&launch, &known.release.title(), policy, &signals)?;
    record.as_ref().map(|record| report::unwritten(record.started(watched.main)));
    let last_word = LastWord::of(&known.release, config, secrets);
    let running = Running { watched, last_word, log: config.log_settings() };
    let has_waited = manner == Manner::Start && matches!(known.expected(&hand_over), Ok(Awaited::Record(_)));
    Ok(if has_waited { running.watch_afresh(written, signals) } else { running.watch(written, signals) })
}

impl Known<'_> {
    /// Waits until peers can look this node up. `Some` says how we end because we were told to meanwhile.
    fn wait(&self, hand_over: &HandOver, stop: &mut StopRequests<'_>) -> Result<Option<ExitReason>, Error> {
        report::node(hand_over);
        let name = match self.expected(hand_over)? {
            Awaited::Nothing(reason) => return Ok(report::no_wait(&reason)),
            Awaited::Record(name) => name,
        };
        report::awaited(&name, &self.identity);
        let limits = WaitLimits { timeout: self.config.wait_timeout, peers: self.config.wait_peers };
        match wait::for_own_record(&self.awaited(name), limits, stop) {
            Ok(Waited::Published(_)) => Ok(None),
            Ok(Waited::Stopped { signal, after }) => {
                Ok(Some(report::stopped_before_start(signal, Some(after), self.config)))
            }
            Err(error) if self.config.wait_failure == WaitFailure::Start => {
                report::warning(Stage::Wait, &Problem::new(error.to_string()).hint(error.hint()));
                report::warning(Stage::Wait, &Problem::new("starting all the same, as BEAMINIT_WAIT_FAILURE says"));
                Ok(None)
            }
            Err(error) => Err(self.wait_error(&error)),
        }
    }

    /// Writes down what `exec` is to find, if this start makes a node that it could join.
    fn record(
        &self,
        hand_over: &HandOver,
        written: &Written,
        open: impl FnOnce() -> Result<RunDir, Error>,
    ) -> Option<Record> {
        if !self.release.kind.is_beam() || !self.release.starts_node {
            return None;
        }
        let Self { env, identity, release, .. } = self;
        let state = State::of_this_start(release, identity, env, hand_over, &written.variables)?;
        let dir = match &written.run_dir {
            Some(dir) => Rc::clone(dir),
            None => Rc::new(report::unwritten(open())?),
        };
        report::unwritten(Record::write(state, dir))
    }

    fn launch(&self, hand_over: &HandOver, written: &Written) -> Launch {
        let crash_dump = Path::new(self.env.get("ERL_CRASH_DUMP").unwrap_or("erl_crash.dump".as_ref()));
        let crash_dump = self.release.working_dir().map_or_else(|| crash_dump.to_owned(), |dir| dir.join(crash_dump));
        Launch {
            command: self.release.command.clone(),
            file: self.release.file.clone(),
            // Before our working directory changes.
            crash_dump: std::path::absolute(crash_dump).unwrap_or_default(),
            variables: written.variables.iter().map(|(name, value)| (name.into(), value.clone())).collect(),
            removed: hand_over.removed.iter().map(Into::into).collect(),
            is_beam: self.release.kind.is_beam(),
        }
    }
}

/// The signals that end us as long as nothing is started. Others are dropped: nobody is there to get them.
struct StopRequests<'a> {
    signals: &'a mut SignalQueue,
    rewrites: &'a Rewrites,
}

impl wait::StopRequests for StopRequests<'_> {
    fn readable(&self) -> BorrowedFd<'_> {
        self.signals.readable()
    }

    fn take(&mut self) -> Option<i32> {
        let came = self.signals.take();
        if came.contains(&signal::CHLD) {
            supervise::reaper::reap_orphans();
        }
        came.into_iter().find(|signal| self.rewrites.is_stop_request(*signal))
    }
}

fn signals_error(error: &io::Error) -> Error {
    Error::new(Stage::Signals, exit::OS, format!("cannot install handlers: {}", error::cause(error)))
        .hint("see whether the container has reached a limit on open files or memory")
}
