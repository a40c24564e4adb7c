//! What the operator reads: the lines of a healthy start, and the last line of a failed one.

use crate::error::{self, Error, Problem, Stage};
use crate::exit::{self, ExitReason};
use crate::hand_over::HandOver;
use crate::hand_over::access::FileAccess;
use crate::hand_over::state::other_init::OtherInit;
use crate::hand_over::state::{Rejected, State};
use crate::identity::Identity;
use crate::identity::name::Fqdn;
use crate::kind::Release;
use crate::plan::Plan;
use crate::signal;
use crate::supervise::Ended;
use crate::sys;
use crate::telemetry::{self, Level, LogFormat, LogLine};
use crate::variables::Config;
use crate::wait::list;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Reports a bug of beaminit as an error like all others, instead of a backtrace in the release's log.
///
/// In the hook, since the delivered binary aborts on a panic; as PID 1 it would then end with the code of a crash.
#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "after a panic nothing else can be relied on to end the process"
)]
pub(crate) fn report_bugs_as_errors(config: Config) {
    std::panic::set_hook(Box::new(move |panic| {
        report_failure(&bug(panic.location(), panic.payload()), &config);
        std::process::exit(exit::BUG.into());
    }));
}

fn bug(place: Option<&Location<'_>>, payload: &dyn Any) -> Error {
    let place = place.map(ToString::to_string).unwrap_or_default();
    let cause = payload.downcast_ref::<&str>().copied();
    let cause = cause.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given");
    Error::new(Stage::Bug, exit::BUG, format!("{place}: {cause}")).hint("please report it, with the pod's manifest")
}

/// Prints what was asked for, whose exit code is `code`. That nobody reads it is not an error.
pub(crate) fn print(text: &str, code: u8) -> ExitReason {
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitReason::Code(code)
}

/// Whether stdout shows colours and they are not switched off (no-color.org).
pub(crate) fn is_colour_wanted() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::IsTerminal::is_terminal(&std::io::stdout()) && !refused
}

/// Reports a start that failed: on stderr, and where `kubectl describe pod` finds it.
pub(crate) fn report_failure(error: &Error, config: &Config) -> ExitReason {
    match config.log_format {
        LogFormat::Text => telemetry::write_line(&error.to_string()),
        LogFormat::Json => in_json(error).iter().for_each(|line| telemetry::write_line(line)),
    }
    // A mistyped `kubectl exec` must not overwrite what the container itself reported last.
    if error.stage != Stage::Cli || sys::is_pid1() {
        write_termination_log(&error.to_string(), &config.termination_log);
    }
    ExitReason::Code(error.code)
}

fn in_json(error: &Error) -> Vec<String> {
    let line = |problem: &Problem| {
        let mut line = LogLine::new(Level::ERROR, error.stage.name());
        line.add("message", problem.message.as_str());
        line.add("code", error.code);
        problem.excerpt.iter().for_each(|excerpt| line.add("excerpt", excerpt.as_str()));
        problem.hint.iter().for_each(|hint| line.add("hint", hint.as_str()));
        line.to_json()
    };
    error.problems.iter().map(line).collect()
}

pub(crate) fn log_warning(stage: Stage, problem: &Problem) {
    tracing::warn!(target: "stage", stage = stage.name(), hint = problem.hint.as_deref(), "{}", problem.message);
}

pub(crate) fn log_identity(identity: &Identity) {
    for (name, value, source) in identity.variables() {
        tracing::debug!(target: "identity", "{name} is {value}, from {source}");
    }
    identity.warnings.iter().for_each(|problem| log_warning(Stage::Identity, problem));
    let addresses = list(identity.own_addresses(), ", ");
    match (&identity.fqdn, &identity.pod_name) {
        (Some(fqdn), _) => {
            let (fqdn, source) = (&fqdn.value, fqdn.source);
            tracing::info!(target: "identity", %fqdn, addresses, "this pod is {fqdn} at {addresses} (from {source})");
        }
        (None, Some(pod)) => {
            let pod = &pod.value;
            tracing::info!(target: "identity", %pod, addresses, "this is {pod} at {addresses}, without a name in a cluster's DNS");
        }
        (None, None) => tracing::info!(target: "identity", "neither a pod's name nor a name in DNS is known here"),
    }
}

pub(crate) fn log_plan(plan: &Plan) {
    for view in plan.templates.views().filter(|view| view.is_handed_over(&plan.release)) {
        let placeholders = view.rendered.map_or(0, |(_, filled)| filled.values.len());
        let (path, plural) = (view.template.path.display(), if placeholders == 1 { "" } else { "s" });
        let node = view.node.map(|(_, node)| format!(", node {node}")).unwrap_or_default();
        tracing::info!(target: "render", %path, placeholders, "{path} rendered with {placeholders} placeholder{plural}{node}");
    }
    plan.findings.warnings.iter().for_each(|(stage, problem)| log_warning(*stage, problem));
    let access = plan.hand_over.access;
    if access != FileAccess::Private && !plan.hand_over.files.is_empty() {
        let cure = "; BEAMINIT_RUN_OWNER=USER closes them to all others than that user";
        let cure = if access == FileAccess::EveryUser { cure } else { "" };
        tracing::info!(target: "hand-over", "rendered files may be read by {access}{cure}");
    }
}

/// What COMMAND runs in the end, where that is not obvious.
pub(crate) fn log_followed_command(release: &Release) {
    if let Some(summary) = release.followed.summary() {
        let name = &release.name;
        tracing::info!(target: "release", %name, "{summary}");
    }
}

/// Warns before the wait, which is tried nevertheless: the DNS of some clusters serves such names.
pub(crate) fn warn_if_hopeless(name: &Fqdn, identity: &Identity) {
    if identity.has_no_host_name(name) {
        let message = format!("/etc/hosts gives this pod no subdomain, so hardly any DNS will have {name}");
        let hint = "set serviceName in the StatefulSet, or subdomain in the pod's spec";
        log_warning(Stage::Wait, &Problem::new(message).hint(hint));
    }
}

pub(crate) fn log_chosen_name(hand_over: &HandOver, release: &Release) {
    let Some(node) = hand_over.node.as_ref().filter(|_| hand_over.named_by_us) else { return };
    let script = release.followed.script.as_ref().filter(|_| release.kind.name == "mix");
    // A probe or a hook that has called the script itself until now finds no node of the old name.
    let cure = script.map(|script| {
        let script = script.path.display();
        format!(
            "; call it by beaminit exec {script} rpc, as in kubectl exec POD -- beaminit exec {script} rpc; \
             RELEASE_DISTRIBUTION=sname keeps the name that it had without beaminit"
        )
    });
    let is_certain = release.followed.naming_texts.is_empty();
    let why = if is_certain { "nothing names the node:" } else { "unless a script of COMMAND names the node," };
    tracing::info!(target: "hand-over", %node, "{why} it becomes {node}{}", cure.unwrap_or_default());
}

pub(crate) fn log_no_wait(reason: &str) {
    tracing::info!(target: "wait", "not waiting: {reason}");
}

pub(crate) fn log_join(state: &State) {
    let pid = state.supervisor.pid;
    tracing::debug!(target: "exec", pid, "joining {} {} of process {pid}", state.kind, state.name);
}

/// Why COMMAND joins no release, and what it gets instead.
pub(crate) fn log_nothing_to_join(found: &Result<(State, PathBuf), Vec<Rejected>>, has_identity_alone: bool) {
    let instead = if has_identity_alone {
        "COMMAND gets the pod's identity alone"
    } else {
        "COMMAND is planned and started without a wait"
    };
    let rejected = match found {
        Ok((state, _)) => {
            let (phase, name) = (&state.phase, &state.name);
            tracing::info!(target: "exec", "{name} does not run yet: beaminit is {phase}; {instead}");
            return;
        }
        Err(rejected) => rejected,
    };
    for rejected in rejected {
        tracing::warn!(target: "exec", "not used: {rejected}");
    }
    if let Some(init) = OtherInit::find() {
        let hint = init.cure();
        tracing::warn!(target: "exec", hint, "no release of this user runs here: {init}; {instead}");
    } else {
        tracing::info!(target: "exec", "no release of this user runs here: {instead}");
    }
}

/// The release runs without what could not be written: only `exec` needs it.
pub(crate) fn warn_if_unwritten<T>(written: Result<T, Error>) -> Option<T> {
    let warn = |error: &Error| {
        for Problem { message, hint, .. } in &error.problems {
            let message = format!("exec will not find this release: {message}");
            log_warning(error.stage, &Problem { hint: hint.clone(), ..Problem::new(message) });
        }
    };
    written.inspect_err(warn).ok()
}

/// Reports that a signal ended the start, `after` this long a wait.
pub(crate) fn report_stop_before_start(signal: i32, after: Option<Duration>, config: &Config) -> ExitReason {
    let waited = after.map(|after| format!(" after {:.1} s of waiting", after.as_secs_f64())).unwrap_or_default();
    let name = signal::name(signal);
    let mut problem = Problem::new(format!("signal {name} came{waited}, before the release was started: ending"));
    if let Some(limit) = after.and(config.wait_timeout) {
        problem = problem.hint(format!(
            "if a livenessProbe did it (kubectl describe pod), give the container a startupProbe that allows more than \
             BEAMINIT_WAIT_TIMEOUT={}",
            humantime::format_duration(limit)
        ));
    }
    log_warning(Stage::Wait, &problem);
    write_termination_log(&format!("beaminit: wait: {problem}"), &config.termination_log);
    ExitReason::Signal(signal)
}

/// What a report of the release's end needs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EndReport {
    title: String,
    is_beam: bool,
    /// Whether its start script sends the VM to the background and ends at once.
    in_background: bool,
    success_codes: Vec<u8>,
    termination_log: PathBuf,
    secrets: Vec<String>,
}

impl EndReport {
    /// The user of a command beside the container's own sees its output, which `kubectl logs` does not have.
    pub(crate) fn of(plan: &Plan, config: &Config, secrets: Vec<String>) -> Self {
        let (release, title) = (&plan.release, plan.release.title());
        Self {
            is_beam: release.kind.is_beam && !plan.is_guest,
            in_background: release.foreground_instead().is_some() && !plan.is_guest,
            success_codes: config.success_codes.clone(),
            termination_log: config.termination_log.clone(),
            // What is in every line is not a secret, and a slogan without it would be useless.
            secrets: secrets.into_iter().filter(|secret| !title.contains(secret.as_str())).collect(),
            title,
        }
    }
}

/// Only memory is lost.
pub(crate) fn log_no_fresh_image(error: &std::io::Error) {
    tracing::debug!(target: "supervise", "supervising from the image of the start: {}", error::cause(error));
}

/// Reports how the release ended, and returns what beaminit ends with. The termination log is written only where its cause is known:
/// left empty, `terminationMessagePolicy: FallbackToLogsOnError` shows the release's own last words.
pub(crate) fn report_end(ended: &Ended, end_report: &EndReport) -> ExitReason {
    let (code, seconds) = (ended.reason.code(), ended.after.as_secs_f64());
    let how = match ended.reason {
        ExitReason::Code(code) => format!("with code {code}"),
        ExitReason::Signal(signal) => format!("by signal {}", signal::name(signal)),
    };
    // The VM's words may quote a secret; beaminit's own only contain the same letters by chance.
    let slogan = ended.slogan.as_ref().map(|slogan| mask(format!("; crash dump: {slogan}"), &end_report.secrets));
    let slogan = slogan.unwrap_or_default();
    let sentence = format!("{} ended {how} after {seconds:.1} s{slogan}", end_report.title);
    if end_report.success_codes.contains(&code) {
        tracing::info!(target: "supervise", code, seconds, "{sentence}: a success, as BEAMINIT_SUCCESS_CODES says");
        return ExitReason::Code(0);
    }
    if ended.was_asked || code == 0 && !end_report.in_background {
        tracing::info!(target: "supervise", code, seconds, "{sentence}");
        return ended.reason;
    }
    let hint = hint_after(ended, end_report.is_beam);
    if tracing::enabled!(target: "supervise", Level::ERROR) {
        // A release that fails may leave half a line. To a log collector an empty line is at most an empty record; an
        // error that is appended to another line is not found, and as JSON cannot be parsed.
        telemetry::write_line("");
    }
    tracing::error!(target: "supervise", code, seconds, hint, "{sentence}");
    if ended.slogan.is_some() || end_report.in_background {
        let hint = hint.map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        write_termination_log(&format!("beaminit: supervise: {sentence}{hint}"), &end_report.termination_log);
    }
    ended.reason
}

/// What to do about an end that nobody asked for.
fn hint_after(ended: &Ended, is_beam: bool) -> Option<&'static str> {
    let slogan = ended.slogan.as_deref().unwrap_or_default();
    let of_memory = ["Cannot allocate", "Cannot reallocate"].iter().any(|words| slogan.contains(words));
    match ended.reason {
        ExitReason::Code(0) => {
            Some("it went to the background, where it ends with the container: see the warning at the start")
        }
        ExitReason::Signal(signal::KILL) => {
            Some("kubectl describe pod says whether it was OOMKilled: then raise resources.limits.memory")
        }
        _ if of_memory => Some("raise resources.limits.memory"),
        _ if is_beam => Some("the release's own last lines should say why: kubectl logs --previous POD"),
        _ => None,
    }
}

/// A crash dump may quote what the VM was given.
fn mask(text: String, secrets: &[String]) -> String {
    secrets.iter().filter(|secret| !secret.is_empty()).fold(text, |text, secret| text.replace(secret, "…"))
}

/// Where `kubectl describe pod` finds it. Written in place, because it is a mounted file, and only if it exists.
fn write_termination_log(text: &str, path: &Path) {
    // The kubelet does not read more.
    const MAX: usize = 4096;
    if let Ok(mut log) = OpenOptions::new().write(true).truncate(true).open(path) {
        let end = (0..=MAX).rev().find(|end| text.is_char_boundary(*end)).filter(|end| *end < text.len());
        let _ = log.write_all(end.and_then(|end| text.get(..end)).unwrap_or(text).as_bytes());
    }
}

#[cfg(test)]
mod tests;
