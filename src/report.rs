//! What the operator reads: the lines of a healthy start, and the last word of a failed one.

use crate::config::Config;
use crate::error::Error;
use crate::exit::ExitReason;
use crate::identity::Identity;
use crate::identity::name::Fqdn;
use crate::plan::Planned;
use crate::release::hand_over::HandOver;
use crate::release::state::{Rejected, State};
use crate::signal;
use crate::supervise::Ended;
use crate::telemetry;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::IpAddr;
use std::time::Duration;

/// A bug of ours is one line, not a backtrace in the middle of the release's log.
pub(crate) fn panics_in_one_line() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let cause = panic.payload().downcast_ref::<&str>().copied();
        let cause =
            cause.or_else(|| panic.payload().downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given");
        telemetry::write_line(&format!("beaminit: bug: {place}: {}\nhint: please report it", cause.replace('\n', " ")));
    }));
}

/// Prints what was asked for. Whether anybody reads it is their affair.
pub(crate) fn print(text: &str) -> ExitReason {
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitReason::Code(0)
}

/// The last word of a start that failed: on stderr, and where `kubectl describe pod` finds it.
pub(crate) fn failure(error: &Error, config: &Config) -> ExitReason {
    telemetry::write_line(&error.to_string());
    write_termination_log(&error.to_string(), config);
    ExitReason::Code(error.code)
}

pub(crate) fn warning(stage: &str, sentence: Option<&str>) {
    if let Some(sentence) = sentence {
        // A target must be a constant.
        match stage {
            "release" => tracing::warn!(target: "release", "{sentence}"),
            "render" => tracing::warn!(target: "render", "{sentence}"),
            "hand-over" => tracing::warn!(target: "hand-over", "{sentence}"),
            "wait" => tracing::warn!(target: "wait", "{sentence}"),
            _ => tracing::warn!(target: "identity", "{sentence}"),
        }
    }
}

pub(crate) fn identity(identity: &Identity) {
    for (name, value, source) in identity.variables() {
        tracing::debug!(target: "identity", "{name} is {value}, from {source}");
    }
    identity.warnings.iter().for_each(|sentence| warning("identity", Some(sentence)));
    let addresses = list(identity.own_addresses());
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

pub(crate) fn planned(planned: &Planned) {
    for filled in &planned.templates {
        let (path, placeholders) = (filled.template.path.display(), filled.placeholders);
        let plural = if placeholders == 1 { "" } else { "s" };
        let node = filled.node.as_ref().map(|node| format!(", node {node}")).unwrap_or_default();
        tracing::info!(target: "render", %path, placeholders, "{path} rendered with {placeholders} placeholder{plural}{node}");
    }
    planned.warnings.iter().for_each(|(stage, sentence)| warning(stage.name(), Some(sentence)));
}

/// What looks hopeless is said before it is tried: some clusters' DNS serve such names all the same.
pub(crate) fn awaited(name: &Fqdn, identity: &Identity) {
    if identity.has_no_host_name(name) {
        tracing::warn!(
            target: "wait",
            "/etc/hosts gives this pod no subdomain, so hardly any DNS will have {name}: set the StatefulSet's serviceName"
        );
    }
}

pub(crate) fn node(hand_over: &HandOver) {
    if let Some(node) = hand_over.node.as_ref().filter(|_| hand_over.named_by_us) {
        tracing::info!(target: "hand-over", %node, "nothing names the node: it becomes {node}");
    }
}

pub(crate) fn no_wait(reason: &str) -> Option<ExitReason> {
    tracing::info!(target: "wait", "nothing to wait for: {reason}");
    None
}

pub(crate) fn joined(state: &State) {
    let pid = state.supervisor.pid;
    tracing::debug!(target: "exec", pid, "joining {} {} of process {pid}", state.kind.name(), state.name);
}

/// Nobody runs here whom we could join, as far as we may know.
pub(crate) fn nothing_to_join(rejected: &[Rejected]) {
    for rejected in rejected {
        tracing::warn!(target: "exec", "not used: {rejected}");
    }
    tracing::info!(target: "exec", "no release of this user runs here: planned afresh, without a wait");
}

/// The release runs as well without what could not be written for `exec` alone.
pub(crate) fn unwritten<T>(written: Result<T, Error>) -> Option<T> {
    written.inspect_err(|error| tracing::warn!(target: "hand-over", "exec will not find this release: {}", error.problems[0].message)).ok()
}

/// We end because we were told to, `after` so long a wait.
pub(crate) fn stopped_before_start(signal: i32, after: Option<Duration>) -> ExitReason {
    let waited = after.map(|after| format!(" after {:.1} s of waiting", after.as_secs_f64())).unwrap_or_default();
    let name = signal::name(signal);
    tracing::info!(target: "wait", signal, "signal {name} came{waited}, before the release was started: ending");
    ExitReason::Signal(signal)
}

/// How the release ended, and the code that we end with. A failure that nobody asked for goes to the termination log.
pub(crate) fn ended(title: &str, ended: &Ended, config: &Config, secrets: &[String]) -> ExitReason {
    let (code, seconds) = (ended.reason.code(), ended.after.as_secs_f64());
    let how = match ended.reason {
        ExitReason::Code(code) => format!("with code {code}"),
        ExitReason::Signal(signal) => format!("by signal {}", signal::name(signal)),
    };
    let slogan = ended.slogan.as_ref().map(|slogan| format!("; crash dump: {slogan}")).unwrap_or_default();
    let sentence = mask(format!("{title} ended {how} after {seconds:.1} s{slogan}"), secrets);
    if config.success_codes.contains(&code) {
        tracing::info!(target: "supervise", code, seconds, "{sentence}: a success, as BEAMINIT_SUCCESS_CODES says");
        return ExitReason::Code(0);
    }
    if code == 0 || ended.was_asked {
        tracing::info!(target: "supervise", code, seconds, "{sentence}");
    } else {
        tracing::error!(target: "supervise", code, seconds, "{sentence}");
        write_termination_log(&format!("beaminit: supervise: {sentence}"), config);
    }
    ended.reason
}

/// A crash dump may quote what the VM was given.
fn mask(text: String, secrets: &[String]) -> String {
    secrets.iter().filter(|secret| !secret.is_empty()).fold(text, |text, secret| text.replace(secret, "…"))
}

/// Where `kubectl describe pod` finds it. In place: it is a mounted file, there only if somebody wants to read it.
fn write_termination_log(text: &str, config: &Config) {
    // More the kubelet does not read.
    const MAX: usize = 4096;
    if let Ok(mut log) = OpenOptions::new().write(true).truncate(true).open(&config.termination_log) {
        let _ = log.write_all(text.as_bytes().get(..MAX).unwrap_or(text.as_bytes()));
    }
}

fn list(addresses: &[IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
