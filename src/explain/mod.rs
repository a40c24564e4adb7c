//! `beaminit explain`: what a start would do here, and why, by the decisions of a start itself. It writes nothing, starts
//! nothing, and asks DNS only what plants no denial.

mod dns;
mod epmd;
pub mod facts;
mod hand_over;
mod mask;
mod rendered;
mod running;
mod text;

use crate::error::{Error, Problem, Stage};
use crate::identity::{Identity, Source, Sources};
use crate::plan::Known;
use crate::release::run_dir::Places;
use crate::release::state::{Rejected, State};
use crate::release::{Release, start_script};
use crate::signal;
use crate::supervise::launch;
use crate::variables::{Config, SignalTarget};
use crate::variables::{DERIVED, Env, RawEnv};
use facts::{Facts, Finding, SCHEMA, Signals};
use std::ffi::OsString;
use std::path::PathBuf;

pub use text::to_text;

/// What the report is made of.
#[derive(Debug)]
pub struct Asked<'a> {
    /// COMMAND, empty if none was named.
    pub command: Vec<OsString>,
    /// The environment.
    pub env: &'a Env,
    /// The variables of it that we read.
    pub raw: &'a RawEnv,
    /// Our settings.
    pub config: &'a Config,
    /// What is wrong with them.
    pub config_error: Option<Error>,
    /// Where run directories may lie.
    pub places: Places,
}

/// The release that runs here with its run directory, else why what there is tells nothing.
type Running = Result<(State, PathBuf), Vec<Rejected>>;

/// What is wrong and what is odd, as far as it is known.
#[derive(Default)]
struct Findings {
    /// What a start would end with: the first error's.
    code: u8,
    errors: Vec<Finding>,
    warnings: Vec<Finding>,
}

impl Findings {
    fn error(&mut self, error: &Error) {
        if self.code == 0 {
            self.code = error.code;
        }
        for problem in Finding::of(error) {
            if !self.errors.contains(&problem) {
                self.errors.push(problem);
            }
        }
    }

    fn warn(&mut self, stage: Stage, problem: &Problem) {
        let warning = Finding::warning(stage, problem);
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// What went well, the error noted otherwise.
    fn ok<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        result.map_err(|error| self.error(&error)).ok()
    }
}

/// Finds out what a start would do: stage by stage, each as far as it can go without what failed before it.
#[must_use]
pub fn facts(asked: Asked<'_>) -> Facts {
    let Asked { command, env, raw, config, config_error, places } = asked;
    let mut findings = Findings::default();
    if let Some(error) = config_error {
        findings.error(&error);
    }
    let running = State::find_with_place(&places);
    let (command, command_from) = choose(command, &running);
    let sources = Sources::read();
    let identity = Identity::find(raw, &sources);
    identity.warnings.iter().for_each(|problem| findings.warn(Stage::Identity, problem));
    let found = match command.as_slice() {
        [] => None,
        _ => findings.ok(Release::find(command.clone(), raw, env.get("PATH"), config.kind)),
    };
    // Without a COMMAND the templates are still worth a look; with one that cannot be found they would be another kind's.
    let is_worth_a_plan = found.is_some() || command.is_empty();
    let release = found.unwrap_or_else(|| Release::none(raw));
    let known = Known { env, raw, config, sources, identity, release };

    // A start gives up where the plan does; the templates one by one tell what else is wrong.
    let planned = if is_worth_a_plan { findings.ok(known.plan()) } else { None };
    planned.iter().flat_map(|plan| &plan.warnings).for_each(|(stage, problem)| findings.warn(*stage, problem));
    let templates =
        if is_worth_a_plan { rendered::templates(&known, &mut findings) } else { rendered::Templates::default() };
    let secrets = hand_over::secrets(&known, &templates, planned.as_ref(), &mut findings);
    let planned = planned.map(|plan| plan.hand_over);
    let wait = dns::look(&known, planned.as_ref(), running.as_ref().ok(), &mut findings);
    let run_dir = hand_over::run_dir(running.as_ref().ok(), &places, planned.as_ref(), &mut findings);
    let is_found = is_worth_a_plan && !command.is_empty();
    let unstartable = if is_found { launch::foreseen(&command, known.release.file.as_deref()) } else { None };
    if let Some(error) = unstartable {
        findings.error(&error);
    }
    let notes = notes(&known, &running, &command);
    let running = running.ok().map(|(state, _)| running::describe(&state, &known, planned.as_ref(), &wait));
    Facts {
        schema: SCHEMA,
        beaminit: env!("CARGO_PKG_VERSION"),
        exit_code: findings.code,
        command: (!command.is_empty()).then(|| launch::title(&command)),
        command_from,
        in_kubernetes: is_in_kubernetes(&known),
        identity: identity_rows(&known.identity),
        release: is_found.then(|| release_facts(&known.release)),
        templates: templates.describe(&known, &secrets),
        passed_over: templates.passed_over,
        hand_over: planned.as_ref().map(|plan| hand_over::describe(plan, run_dir.as_deref(), &secrets)),
        run_dir: run_dir.map(|dir| dir.display().to_string()),
        wait,
        signals: signals(&known),
        running,
        notes,
        warnings: findings.warnings,
        errors: findings.errors,
    }
}

/// COMMAND, and where it comes from.
fn choose(command: Vec<OsString>, running: &Running) -> (Vec<OsString>, &'static str) {
    if !command.is_empty() {
        return (command, "the command line");
    }
    if let Ok((state, _)) = running {
        return (state.command.iter().map(|word| word.0.clone()).collect(), "the release that runs here");
    }
    match std::env::current_dir().ok().and_then(|dir| start_script::only_one(&dir)) {
        Some(command) => (command, "the only start script of a release in or above the working directory"),
        None => (Vec::new(), "nowhere: none was named, and no start script was found by itself"),
    }
}

fn identity_rows(identity: &Identity) -> Vec<facts::Known> {
    let known = identity.variables();
    let row = |variable| {
        let found = known.iter().find(|(name, ..)| *name == variable);
        let value = found.map(|(_, value, _)| value.clone());
        facts::Known { variable, value, source: found.map(|(.., source)| named(*source)) }
    };
    DERIVED.map(row).into()
}

fn named(source: Source) -> String {
    match source {
        Source::Variable(name) => format!("the environment variable {name}"),
        other => other.to_string(),
    }
}

fn release_facts(release: &Release) -> facts::Release {
    facts::Release {
        kind: release.kind.name(),
        why: release.why,
        name: release.name.clone(),
        version: release.home.as_ref().map(|home| home.version.clone()),
        root: release.home.as_ref().map(|home| home.root.display().to_string()),
        erts: release.erts,
        starts_node: release.starts_node,
    }
}

fn signals(known: &Known<'_>) -> Signals {
    let decided_by = if known.config.signals.is_some() {
        "BEAMINIT_SIGNALS"
    } else if !known.release.kind.is_beam() {
        "the kind: a plain command gets them as they are"
    } else if known.rewrites().rules().next().is_some() {
        "the kind: a VM without a terminal at its standard input"
    } else {
        "the terminal at standard input: a VM there gets them as they are"
    };
    let name =
        |(from, to): (i32, Option<i32>)| facts::Rewritten { signal: signal::name(from), becomes: to.map(signal::name) };
    let target = if known.config.signal_target == SignalTarget::Main { "main" } else { "group" };
    Signals { decided_by, target, rewritten: known.rewrites().rules().map(name).collect() }
}

fn is_in_kubernetes(known: &Known<'_>) -> bool {
    known.sources.are_a_pods() || known.env.get("KUBERNETES_SERVICE_HOST").is_some()
}

fn notes(known: &Known<'_>, running: &Running, command: &[OsString]) -> Vec<String> {
    let mut notes = Vec::new();
    if command.is_empty() {
        notes.push(
            "no COMMAND was named: what a start would make of it cannot be known; write it behind explain".into(),
        );
    }
    if !is_in_kubernetes(known) {
        notes.push(
            "this is no pod of a cluster: names and addresses are this machine's, and what the cluster's DNS will say cannot be known here"
                .into(),
        );
    }
    if let Err(rejected) = running {
        notes.extend(rejected.iter().map(|rejected| format!("no state of a start: {rejected}")));
        notes.extend(running::of_somebody_else());
    }
    notes
}
