//! `beaminit`: PID 1 between a container runtime and a BEAM release.
//!
//! [`run`] is the whole program: it reads command line and environment, and hands over to one of the subcommands.
//! `start` is a start, stage by stage. Stages don't know each other; what one finds out is handed to the next here.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking"))]

mod cli;
mod command;
mod context;
mod cookie;
mod elf_file;
mod error;
mod executable;
mod exit;
mod explain;
mod file;
mod hand_over;
mod identity;
mod kind;
mod plan;
mod probe;
mod release;
mod render;
mod report;
mod running;
mod signal;
mod supervise;
mod sys;
mod telemetry;
#[doc(hidden)]
pub mod testing;
mod variables;
mod wait;

use cli::{Command, ProbeRequest};
use context::{Context, Environment};
use error::{Error, Problem, Stage};
use exit::ExitReason;
use hand_over::announced_wait::AnnouncedWait;
use hand_over::run_dir::RunDir;
use hand_over::state::{StartedRelease, State};
use hand_over::{ReleaseVariables, Written};
use kind::{Kind, find_start};
use plan::Plan;
use report::EndReport;
use running::Running;
use signal::Rewrites;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use supervise::signals::SignalQueue;
use supervise::{Launch, Policy};
use sys::SignalMask;
use variables::{Config, WaitFailure};
use wait::{WaitLimits, Waited};

/// Blocks every signal and gives the mask that was in force. To be called before anything else: the kernel drops signals
/// to a PID 1 without handlers, but keeps blocked ones.
///
/// # Errors
/// The kernel refuses, which it never does.
pub fn block_signals() -> io::Result<SignalMask> {
    sys::block_signals()
}

/// Does what the arguments say and returns how it ended. `inherited` is what [`block_signals`] gave; `args` are without
/// the program's name.
pub fn run(inherited: io::Result<SignalMask>, args: impl IntoIterator<Item = OsString>) -> ExitReason {
    report::report_bugs_as_errors(Config::default());
    let command = match cli::parse(args) {
        // Without a look at the environment: what is copied now stays as long as the release runs.
        Ok(Command::TakeUp(descriptor)) => {
            return report_error(Running::take_up(descriptor, inherited), &Config::default());
        }
        command => command,
    };
    let mut environment = Environment::read();
    if matches!(command, Ok(Command::Exec(_))) && !sys::is_pid1() {
        // The termination log is the container's, not ours.
        environment.config.termination_log = PathBuf::new();
    }
    let config = environment.config.clone();
    report::report_bugs_as_errors(config.clone());
    let ended = command.and_then(|command| match command {
        Command::Help | Command::TakeUp(_) => Ok(report::print(cli::HELP, 0)),
        Command::Version => Ok(report::print(concat!("beaminit ", env!("CARGO_PKG_VERSION"), "\n"), 0)),
        Command::CopyTo(file) => copy_to(&file),
        Command::Run(command) => start(environment, command, inherited),
        Command::Exec(command) => exec(environment, command, inherited),
        Command::Explain { json, command } => Ok(explain(environment, command, inherited, json)),
        Command::Probe(request) => Ok(probe(&environment, &request, inherited)),
    });
    report_error(ended, &config)
}

fn report_error(ended: Result<ExitReason, Error>, config: &Config) -> ExitReason {
    ended.unwrap_or_else(|error| report::report_failure(&error, config))
}

/// A start, stage by stage.
fn start(
    environment: Environment,
    command: Vec<OsString>,
    inherited: io::Result<SignalMask>,
) -> Result<ExitReason, Error> {
    let mut signals = install_signals(inherited)?;
    environment.check()?;
    telemetry::init(environment.config.log_settings());
    let context = Context::read(environment, command);
    report::log_identity(&context.identity);
    let plan = plan::plan(&context);
    tracing::debug!(target: "plan", "the plan: {}", explain::plan_as_json(&context, &plan));
    let plan = plan.into_result()?;
    report::log_followed_command(&plan.release);
    report::log_plan(&plan);
    let announced = announce_wait(&context, &plan);
    if let Some(stopped) = wait_for_record(&context, &plan, &mut signals, announced.as_ref())? {
        return Ok(stopped);
    }
    let run_dir = match announced {
        Some(AnnouncedWait { run_dir, .. }) if plan.is_joinable() => Some(run_dir),
        // A command without a node leaves nothing to join: the directory goes before another is opened.
        announced => {
            drop(announced);
            open_run_dir(&context, &plan)?
        }
    };
    let written = plan.hand_over.write(run_dir)?;
    supervise_release(&context, &plan, signals, written)
}

/// Joins the release that runs here: becomes COMMAND with its variables. Where none runs, COMMAND is planned and started
/// without a wait.
fn exec(
    environment: Environment,
    command: Vec<OsString>,
    inherited: io::Result<SignalMask>,
) -> Result<ExitReason, Error> {
    environment.check()?;
    telemetry::init(environment.config.log_settings());
    let found = match find_start(&environment.run_dir_places()) {
        Ok((state, _)) if !state.phase.is_wait() => {
            report::log_join(&state);
            let mask = inherited.map_err(|error| signals_error(&error))?;
            return Err(join(state, command, &environment).exec(mask));
        }
        found => found,
    };
    let signals = install_signals(inherited)?;
    let context = Context::read(environment, command);
    report::log_identity(&context.identity);
    let plan = plan::plan(&context).without_wait();
    let plan = if sys::is_pid1() { plan } else { plan.of_guest(&context) };
    report::log_nothing_to_join(&found, plan.has_identity_alone);
    let plan = plan.into_result()?;
    report::log_plan(&plan);
    let written = plan.hand_over.write(open_run_dir(&context, &plan)?)?;
    supervise_release(&context, &plan, signals, written)
}

/// Reports what a start would do. The report is on stdout whatever it says; the exit code is the start's.
fn explain(
    environment: Environment,
    command: Vec<OsString>,
    inherited: io::Result<SignalMask>,
    json: bool,
) -> ExitReason {
    // A reader that ends the report early is not an error.
    let _ = inherited.and_then(|mask| mask.set());
    let facts = explain::facts(environment, command);
    let text = if json { facts.to_json() } else { explain::to_text(&facts, report::is_colour_wanted()) };
    report::print(&text, facts.exit_code)
}

/// Asks the node that runs here. The verdict is on stdout whatever it is.
fn probe(environment: &Environment, request: &ProbeRequest, inherited: io::Result<SignalMask>) -> ExitReason {
    let _ = inherited.and_then(|mask| mask.set());
    let verdict = probe::probe(request, environment.run_dir_places());
    report::print(&if request.json { verdict.to_json() } else { verdict.to_text() }, verdict.exit_code())
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

/// COMMAND with the variables of the release that runs.
fn join(state: State, command: Vec<OsString>, environment: &Environment) -> Launch {
    let path = environment.env.get("PATH");
    Launch {
        file: command.first().and_then(|program| release::locate(program, path)),
        command,
        crash_dump: PathBuf::new(),
        variables: state.variables.into_iter().map(|(name, value)| (name.0, value.0)).collect(),
        removed: state.unset.into_iter().map(|name| name.0).collect(),
        is_beam: Kind::named(&state.kind).is_some_and(|kind| kind.is_beam),
    }
}

/// Lets probes know that this start waits, if it does.
fn announce_wait(context: &Context, plan: &Plan) -> Option<AnnouncedWait> {
    plan.wait.record()?;
    let state = describe(context, plan, &Vec::new())?;
    AnnouncedWait::begin(state, context.environment.config.wait_timeout, &context.environment.run_dir_places())
}

/// Waits until peers can look this node up. `Some` says how we end because a signal asked for it meanwhile.
fn wait_for_record(
    context: &Context,
    plan: &Plan,
    signals: &mut SignalQueue,
    announced: Option<&AnnouncedWait>,
) -> Result<Option<ExitReason>, Error> {
    report::log_chosen_name(&plan.hand_over, &plan.release);
    let Some(name) = plan.wait.record() else {
        report::log_no_wait(plan.wait.nothing_because.as_deref().unwrap_or_default());
        return Ok(None);
    };
    report::warn_if_hopeless(name, &context.identity);
    let config = &context.environment.config;
    let mut stop = SignalStopRequests { signals, rewrites: &plan.rewrites };
    let limits = WaitLimits { timeout: config.wait_timeout, peers: config.wait_peers };
    let mut on_peers = |limit| announced.into_iter().for_each(|wait| wait.continue_with_peers(limit));
    match wait::for_own_record(&plan::record_to_await(context, name.clone()), limits, &mut stop, &mut on_peers) {
        Ok(Waited::Published(_)) => Ok(None),
        Ok(Waited::Stopped { signal, after }) => {
            Ok(Some(report::report_stop_before_start(signal, Some(after), config)))
        }
        Err(error) if !plan.is_record_demanded(config) => {
            error.problems.iter().for_each(|problem| report::log_warning(error.stage, problem));
            report::log_warning(Stage::Wait, &Problem::new(starting_anyway(config)));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn starting_anyway(config: &Config) -> &'static str {
    match config.wait_failure {
        WaitFailure::Start => "starting anyway, as BEAMINIT_WAIT_FAILURE says",
        _ => "starting anyway: nobody asked for a name in the cluster; BEAMINIT_WAIT_FAILURE=exit ends with 69 instead",
    }
}

/// The last stage of a start.
fn supervise_release(
    context: &Context,
    plan: &Plan,
    mut signals: SignalQueue,
    written: Written,
) -> Result<ExitReason, Error> {
    let config = &context.environment.config;
    let state = write_state(context, plan, &written);
    let mut stop = SignalStopRequests { signals: &mut signals, rewrites: &plan.rewrites };
    if let Some(signal) = wait::StopRequests::take(&mut stop) {
        return Ok(report::report_stop_before_start(signal, None, config));
    }
    let policy = Policy {
        rewrites: plan.rewrites.clone(),
        target: config.signal_target,
        stop_timeout: config.stop_timeout,
        is_init: !plan.is_guest,
    };
    let launch = launch(context, plan, &written);
    let watched = supervise::start(&launch, &plan.release.title(), policy, &signals)?;
    if let (Some(state), Some(dir)) = (state, &written.run_dir) {
        report::warn_if_unwritten(state.with_main(watched.main).write(dir));
    }
    let end_report = EndReport::of(plan, config, plan.hand_over.secrets(&context.environment.raw));
    let running = Running { watched, end_report, log: config.log_settings() };
    let has_waited = plan.wait.record().is_some();
    Ok(if has_waited { running.watch_afresh(written, signals) } else { running.watch(written, signals) })
}

/// Opens the run directory if anything is to be written there. For the state alone it is not needed.
fn open_run_dir(context: &Context, plan: &Plan) -> Result<Option<RunDir>, Error> {
    let places = context.environment.run_dir_places();
    let open = || if plan.is_guest { RunDir::open_beside_an_init(&places) } else { RunDir::open(&places) };
    if plan.hand_over.needs_run_dir() {
        open().map(Some)
    } else if !plan.is_guest && plan.is_joinable() {
        Ok(report::warn_if_unwritten(open()))
    } else {
        Ok(None)
    }
}

/// Writes down what `exec` and probes are to find, if this start makes a node that they could ask.
fn write_state(context: &Context, plan: &Plan, written: &Written) -> Option<State> {
    let dir = written.run_dir.as_ref().filter(|_| !plan.is_guest && plan.is_joinable())?;
    let state = describe(context, plan, &written.variables)?;
    report::warn_if_unwritten(state.write(dir))?;
    Some(state)
}

/// The state of this start, with the variables that the release gets. `None` without /proc.
fn describe(context: &Context, plan: &Plan, given: &ReleaseVariables) -> Option<State> {
    let (release, fqdn) = (&plan.release, &context.identity.fqdn);
    let started = StartedRelease {
        kind: release.kind.name,
        name: &release.name,
        layout: release.layout.as_ref(),
        command: &release.command,
        fqdn: fqdn.as_ref().map(|fqdn| fqdn.value.to_string()),
    };
    State::of_this_start(started, &context.environment.env, &plan.hand_over, given)
}

fn launch(context: &Context, plan: &Plan, written: &Written) -> Launch {
    let release = &plan.release;
    let asked = context.environment.env.get("ERL_CRASH_DUMP").unwrap_or("erl_crash.dump".as_ref());
    let crash_dump = release.working_dir().unwrap_or(Path::new("")).join(asked);
    Launch {
        command: release.command.clone(),
        file: release.file.clone(),
        // Before our working directory changes.
        crash_dump: std::path::absolute(crash_dump).unwrap_or_default(),
        variables: written.variables.iter().map(|(name, value)| (name.into(), value.clone())).collect(),
        removed: plan.hand_over.removed.iter().map(Into::into).collect(),
        is_beam: release.kind.is_beam,
    }
}

fn install_signals(inherited: io::Result<SignalMask>) -> Result<SignalQueue, Error> {
    inherited.and_then(SignalQueue::install).map_err(|error| signals_error(&error))
}

/// The signals that end us as long as nothing is started. Others are dropped: nobody is there to get them.
struct SignalStopRequests<'a> {
    signals: &'a mut SignalQueue,
    rewrites: &'a Rewrites,
}

impl wait::StopRequests for SignalStopRequests<'_> {
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
