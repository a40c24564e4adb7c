//! `beaminit`: PID 1 between a container runtime and a BEAM release.
//!
//! [`run`] is the whole program, stage by stage: command line, signals, settings, identity, plan, wait, hand-over,
//! supervision. Stages don't know each other; what one finds out is handed to the next here.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking"))]

pub mod cli;
pub mod config;
pub mod env;
pub mod error;
pub mod exit;
pub mod identity;
pub mod release;
pub mod render;
mod report;
pub mod signal;
pub mod supervise;
pub mod sys;
pub mod telemetry;
pub mod wait;

use cli::Command;
use config::{Config, WaitFailure, WaitPolicy};
use env::{Env, RawEnv};
use error::{Error, Stage};
use exit::ExitReason;
use identity::name::Fqdn;
use identity::resolv_conf::{NameServer, ResolvConf};
use identity::{Identity, Sources};
use release::Release;
use release::hand_over::{Awaited, HandOver, NodeArgs, Value};
use render::file::RunDir;
use render::template::Variables;
use signal::Rewrites;
use std::ffi::OsString;
use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::BorrowedFd;
use std::path::Path;
use supervise::signals::SignalQueue;
use supervise::{Launch, Policy};
use sys::SignalMask;
use wait::{Awaited as AwaitedRecord, WaitError, Waited};

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
    report::panics_in_one_line();
    let env = Env::from_os();
    let raw = env.raw();
    let (config, config_error) = Config::from_env(&env, &raw);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match cli::parse(args)? {
        Command::Help => Ok(report::print(cli::HELP)),
        Command::Version => Ok(report::print(concat!("beaminit ", env!("CARGO_PKG_VERSION"), "\n"))),
        Command::Run(command) => start(command, inherited, &env, &raw, &config, config_error),
    }));
    match outcome {
        Ok(Ok(reason)) => reason,
        Ok(Err(error)) => report::failure(&error, &config),
        Err(_) => ExitReason::Code(exit::BUG),
    }
}

/// A start, stage by stage.
fn start(
    command: Vec<OsString>,
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
    telemetry::init(config.log);
    let sources = Sources::read();
    let identity = Identity::find(raw, &sources);
    report::identity(&identity);

    let release = Release::find(command, raw, env.get("PATH"), config.kind)?;
    let hand_over = plan(&release, &identity, env, raw, config)?;
    let rewrites = rewrites(&release, config);

    let mut stop = StopRequests { signals: &mut signals, rewrites: &rewrites };
    if let Some(stopped) = wait_for_record(&hand_over, &release, &identity, &sources, raw, config, &mut stop)? {
        return Ok(stopped);
    }
    let (launch, _run_dir) = write(hand_over, &release, env, config)?;
    if let Some(signal) = wait::StopRequests::take(&mut stop) {
        return Ok(report::stopped_before_start(signal, None));
    }
    let secrets = launch.variables.iter().filter(|(name, _)| *name == "RELEASE_COOKIE").map(|(_, value)| value.clone());
    let secrets: Vec<_> = secrets.chain(raw.release_cookie.as_ref().map(OsString::from)).collect();
    let policy = Policy { rewrites, target: config.signal_target, stop_timeout: config.stop_timeout };
    let ended = supervise::run(&launch, &release.title(), policy, signals)?;
    Ok(report::ended(&release.title(), &ended, config, &secrets))
}

/// INT and QUIT mean "end cleanly" to whoever sends them to a container; a person at a terminal speaks to the VM.
fn rewrites(release: &Release, config: &Config) -> Rewrites {
    let beam = release.kind.is_beam() && !io::IsTerminal::is_terminal(&io::stdin());
    let by_kind = || if beam { Rewrites::for_beam() } else { Rewrites::default() };
    config.signals.clone().unwrap_or_else(by_kind)
}

/// Renders in memory, checks, and decides what the release gets. Nothing is written and nothing is asked yet.
fn plan(release: &Release, identity: &Identity, env: &Env, raw: &RawEnv, config: &Config) -> Result<HandOver, Error> {
    let found = if config.render { release.vm_args_template(raw)? } else { release::template::Found::default() };
    report::warning("release", found.warning.as_deref());
    let Some(template) = found.template else {
        return HandOver::plan(release, identity, raw, None);
    };
    let variables = Variables {
        env,
        derived: derived_variables(identity, release),
        refused: identity.refused.iter().map(|(name, reason)| ((*name).to_owned(), reason.clone())).collect(),
        unset_is_error: config.unset_is_error,
    };
    let own = identity.own_addresses();
    let ipv6_only = !own.is_empty() && own.iter().all(std::net::IpAddr::is_ipv6);
    let rendered = render::vm_args(&template.path, &variables, ipv6_only)?;
    report::rendered(&template.path, &rendered, identity);
    let args = NodeArgs {
        text: rendered.text,
        without_node_flags: rendered.without_node_flags,
        node: rendered.node,
        cookie: rendered.cookie,
    };
    HandOver::plan(release, identity, raw, Some((&template, args)))
}

/// What templates may name besides the environment.
fn derived_variables(identity: &Identity, release: &Release) -> Vec<(String, String)> {
    let name = ("RELEASE_NAME".to_owned(), release.name.clone());
    identity.variables().into_iter().map(|(name, value, _)| (name.to_owned(), value)).chain([name]).collect()
}

/// Waits until peers can look this node up. `Some` says how we end because we were told to meanwhile.
fn wait_for_record(
    hand_over: &HandOver,
    release: &Release,
    identity: &Identity,
    sources: &Sources,
    raw: &RawEnv,
    config: &Config,
    stop: &mut StopRequests<'_>,
) -> Result<Option<ExitReason>, Error> {
    report::node(hand_over);
    let name = match (config.wait, hand_over.awaited(release, identity, raw)) {
        (WaitPolicy::Off, _) => return Ok(report::no_wait("BEAMINIT_WAIT is off")),
        (WaitPolicy::Auto, Awaited::Nothing(reason)) => return Ok(report::no_wait(&reason)),
        (WaitPolicy::Always, Awaited::Nothing(reason)) => {
            let message = format!("BEAMINIT_WAIT=always, but {reason}");
            return Err(Error::new(Stage::Wait, exit::CONFIG, message)
                .hint("name the headless service in the StatefulSet's serviceName, or in MY_POD_SERVICE"));
        }
        (_, Awaited::Record(name)) => name,
    };
    report::awaited(&name, identity);
    let awaited = resolve(name, identity, &sources.resolv_conf);
    match wait::for_own_record(&awaited, config.wait_timeout, stop) {
        Ok(Waited::Published(_)) => Ok(None),
        Ok(Waited::Stopped { signal, after }) => Ok(Some(report::stopped_before_start(signal, Some(after)))),
        Err(error) if config.wait_failure == WaitFailure::Start => {
            report::warning("wait", Some(&format!("{error}; hint: {}", error.hint())));
            report::warning("wait", Some("starting all the same, as BEAMINIT_WAIT_FAILURE says"));
            Ok(None)
        }
        Err(error) => Err(wait_error(&error, sources)),
    }
}

const DNS_PORT: u16 = 53;

/// What is to be waited for, and whom to ask.
fn resolve(name: Fqdn, identity: &Identity, resolv_conf: &ResolvConf) -> AwaitedRecord {
    AwaitedRecord {
        search_domain: resolv_conf.cluster().1,
        without_subdomain: identity.has_no_host_name(&name),
        name,
        cluster_domain: identity.cluster_domain.as_ref().map(|domain| domain.value.clone()),
        own: identity.own_addresses().to_vec(),
        servers: resolv_conf.servers.iter().filter_map(socket_address).collect(),
    }
}

/// None for a link-local server on an interface that is not there. Other addresses need no zone.
fn socket_address(server: &NameServer) -> Option<SocketAddr> {
    let zone = server.zone.as_deref().and_then(sys::interface_index);
    match server.address {
        IpAddr::V6(address) if server.zone.is_some() && address.is_unicast_link_local() => {
            Some(SocketAddrV6::new(address, DNS_PORT, 0, zone?).into())
        }
        address => Some(SocketAddr::new(address, DNS_PORT)),
    }
}

/// Writes the files and completes the release's environment. The run directory must outlive the release.
fn write(
    hand_over: HandOver,
    release: &Release,
    env: &Env,
    config: &Config,
) -> Result<(Launch, Option<RunDir>), Error> {
    let run_dir = if hand_over.files.is_empty() && hand_over.folders.is_empty() {
        None
    } else {
        Some(RunDir::open(config.run_dir.as_deref(), env.get("TMPDIR").map(Path::new).filter(|dir| dir.is_absolute()))?)
    };
    if let Some(dir) = &run_dir {
        hand_over.folders.iter().try_for_each(|name| dir.make_dir(name).map(drop))?;
        hand_over.files.iter().try_for_each(|(name, contents)| dir.write(name, contents.as_bytes()).map(drop))?;
    }
    let root = run_dir.as_ref().map_or(Path::new(""), RunDir::path);
    let value = |value| match value {
        Value::Text(text) => OsString::from(text),
        Value::InRunDir(name) => root.join(name).into(),
    };
    let variables = hand_over.variables.into_iter().map(|(name, given)| (name, value(given))).collect();
    let launch = Launch {
        command: release.command.clone(),
        file: release.file.clone(),
        crash_dump: std::path::absolute(env.get("ERL_CRASH_DUMP").unwrap_or("erl_crash.dump".as_ref()))
            .unwrap_or_default(),
        variables,
        is_beam: release.kind.is_beam(),
    };
    Ok((launch, run_dir))
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
        self.signals.take().into_iter().find(|signal| self.rewrites.is_stop_request(*signal))
    }
}

fn wait_error(error: &WaitError, sources: &Sources) -> Error {
    let code = match error {
        WaitError::NoServer | WaitError::NoOwnAddress => exit::CONFIG,
        WaitError::TimedOut(_) => exit::UNAVAILABLE,
        WaitError::Os(_) => exit::OS,
    };
    let message = match (error, &sources.resolv_conf_error) {
        (WaitError::NoServer, Some(cause)) => format!("{error}: /etc/resolv.conf: {cause}"),
        _ => error.to_string(),
    };
    Error::new(Stage::Wait, code, message).hint(error.hint())
}

fn signals_error(error: &io::Error) -> Error {
    Error::new(Stage::Signals, exit::OS, format!("cannot install handlers: {}", error::cause(error)))
}
