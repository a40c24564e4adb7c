//! `beaminit explain`: prints the plan of a start, and adds what only DNS and the running release can say. It writes
//! nothing, starts nothing, and asks DNS only what plants no denial.

mod dns;
mod epmd;
pub(crate) mod facts;
mod running;
mod secrets;
mod templates;
mod text;

pub(crate) use text::to_text;

use crate::command::{self, CommandStep, FollowedCommand};
use crate::context::{Context, Environment};
use crate::error::{Error, Stage};
use crate::executable;
use crate::hand_over::run_dir::RunDir;
use crate::hand_over::state::other_init::OtherInit;
use crate::hand_over::state::{Rejected, State};
use crate::hand_over::{Part, Value};
use crate::identity::Identity;
use crate::kind::{Kind, Release, find_running_release, find_start};
use crate::plan::{self, Plan};
use crate::release::{ReleaseLayout, StartScript};
use crate::render::MASK;
use crate::signal;
use crate::variables::{DERIVED, SignalTarget};
use facts::{Facts, Finding, SCHEMA};
use secrets::masked_vm_args;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use templates::name_source;

const COMMAND_LINE: &str = "the command line";

/// The release that runs here with its run directory, else why what there is says nothing.
type RunningRelease = Result<(State, PathBuf), Vec<Rejected>>;

/// Plans a start, and looks at DNS and at the release that runs.
pub(crate) fn facts(environment: Environment, command: Vec<OsString>) -> Facts {
    let running = find_running_release(&environment.run_dir_places());
    let (command, command_from) = choose_command(command, &running);
    let context = Context::read(environment, command);
    let mut plan = plan::plan(&context);
    let wait = dns::look(&context, &plan, running.as_ref().ok());
    let run_dir = find_run_dir(&context, &mut plan);
    let notes = notes(&context, &running);
    let running = running.ok().map(|(state, _)| running::describe(&state, &context, &plan, &wait));
    Facts { command_from, wait, running, notes, ..describe_plan(&context, &plan, run_dir) }
}

/// The plan of a start that has just been made, on one line.
pub(crate) fn plan_as_json(context: &Context, plan: &Plan) -> String {
    let run_dir = RunDir::foresee(&context.environment.run_dir_places()).ok();
    let json = describe_plan(context, plan, run_dir).to_json();
    // Texts in JSON have no line ends.
    json.lines().map(str::trim_start).collect::<Vec<_>>().join(" ")
}

/// What the plan alone says.
fn describe_plan(context: &Context, plan: &Plan, run_dir: Option<PathBuf>) -> Facts {
    let is_handed_over = !plan.findings.errors.iter().any(Plan::stops_hand_over);
    let hand_over = is_handed_over.then(|| describe_hand_over(plan, run_dir.as_deref()));
    Facts {
        schema: SCHEMA,
        beaminit: env!("CARGO_PKG_VERSION"),
        exit_code: plan.findings.errors.first().map_or(0, |error| error.code),
        command: (!context.command.is_empty()).then(|| executable::title(&context.command)),
        command_from: COMMAND_LINE,
        in_kubernetes: is_in_kubernetes(context),
        identity: identity_rows(&context.identity),
        release: plan.has_release.then(|| describe_release(&plan.release)),
        templates: templates::describe(context, plan),
        passed_over: plan.templates.skipped.clone(),
        hand_over,
        run_dir: run_dir.map(|dir| dir.display().to_string()),
        wait: dns::awaited(context, plan),
        signals: describe_signals(context, plan),
        running: None,
        notes: Vec::new(),
        warnings: warnings(context, plan),
        errors: errors(&plan.findings.errors),
    }
}

/// COMMAND, and where it comes from.
fn choose_command(command: Vec<OsString>, running: &RunningRelease) -> (Vec<OsString>, &'static str) {
    if !command.is_empty() {
        return (command, COMMAND_LINE);
    }
    if let Ok((state, _)) = running {
        return (state.command.iter().map(|word| word.0.clone()).collect(), "the release that runs here");
    }
    match std::env::current_dir().ok().and_then(|dir| only_command(&dir)) {
        Some(command) => (command, "the only start script of a release in or above the working directory"),
        None => (Vec::new(), "nowhere: none was named, and no start script was found by itself"),
    }
}

/// A COMMAND that starts the node of the only release around in the foreground.
fn only_command(dir: &Path) -> Option<Vec<OsString>> {
    let (path, text) = command::only_start_script(dir)?;
    let layout = ReleaseLayout::of_script(&path, None).ok().flatten();
    let shown = path.strip_prefix(dir).unwrap_or(&path).as_os_str().to_owned();
    let (kind, _) = Kind::recognise(&StartScript { path, text, layout, ..StartScript::default() });
    Some(std::iter::once(shown).chain(kind.foreground.map(Into::into)).collect())
}

/// Where rendered files would be; of a start that waits or a release that runs, where they are.
fn find_run_dir(context: &Context, plan: &mut Plan) -> Option<PathBuf> {
    let places = context.environment.run_dir_places();
    if let Ok((_, dir)) = find_start(&places) {
        return Some(dir);
    }
    match RunDir::foresee(&places) {
        Ok(dir) => Some(dir),
        Err(error) => {
            if plan.hand_over.needs_run_dir() {
                plan.findings.errors.push(error);
            }
            None
        }
    }
}

fn identity_rows(identity: &Identity) -> Vec<facts::IdentityRow> {
    let known = identity.variables();
    let row = |variable| {
        let found = known.iter().find(|(name, ..)| *name == variable);
        let value = found.map(|(_, value, _)| value.clone());
        facts::IdentityRow { variable, value, source: found.map(|(.., source)| name_source(*source)) }
    };
    DERIVED.map(row).into()
}

fn describe_release(release: &Release) -> facts::ReleaseRow {
    let layout = release.layout.as_ref();
    facts::ReleaseRow {
        kind: release.kind.name,
        why: release.why,
        name: release.name.clone(),
        version: layout.map(|layout| layout.version.clone()),
        root: layout.map(|layout| layout.root.display().to_string()),
        erts: release.erts,
        starts_node: release.starts_node,
        steps: describe_steps(&release.followed),
        vm_in_sight: release.kind.is_beam || release.followed.has_vm_in_sight,
    }
}

/// Texts of a command line may hold secrets: of those only the beginning is shown.
fn describe_steps(followed: &FollowedCommand) -> Vec<facts::Step> {
    let shown = |target: &str| {
        let mut words = target.split_whitespace();
        let first: Vec<_> = words.by_ref().take(2).collect();
        first.join(" ") + if words.next().is_some() { " …" } else { "" }
    };
    let step = |step: &CommandStep| facts::Step {
        place: step.place.clone(),
        target: shown(&step.target),
        reason: step.reason,
    };
    followed.steps.iter().map(step).collect()
}

fn describe_hand_over(plan: &Plan, run_dir: Option<&Path>) -> facts::HandOverRow {
    let hand_over = &plan.hand_over;
    let dir = run_dir.unwrap_or(Path::new("<run directory>"));
    let variables = hand_over.variables.iter();
    let files = hand_over.files.iter();
    facts::HandOverRow {
        node: hand_over.node.as_ref().map(ToString::to_string),
        variables: variables.map(|(name, value)| facts::VariableRow { name, value: show(value, dir) }).collect(),
        removed: hand_over.removed.clone(),
        readable_by: hand_over.access.to_string(),
        files: files
            .map(|file| {
                let contents = templates::masked_file(plan, file, dir);
                facts::File { name: file.name.to_string(), contents }
            })
            .collect(),
        folders: hand_over.directories.clone(),
        home_cookie: hand_over.home_cookie.as_ref().map(|path| path.display().to_string()),
    }
}

/// Others' flags may have a cookie too.
fn show(value: &Value, dir: &Path) -> String {
    let part = |part: &Part| match part {
        Part::Secret(_) => Part::Text(MASK.to_owned()),
        Part::Text(text) => Part::Text(masked_vm_args(text, None)),
        other => other.clone(),
    };
    Value(value.0.iter().map(part).collect()).in_dir(dir).to_string_lossy().into_owned()
}

fn describe_signals(context: &Context, plan: &Plan) -> facts::Signals {
    let config = &context.environment.config;
    let decided_by = if config.signals.is_some() {
        "BEAMINIT_SIGNALS"
    } else if !plan.release.kind.is_beam {
        "the kind: a plain command gets them as they are"
    } else if plan.rewrites.rules().next().is_some() {
        "the kind: a VM without a terminal at its standard input"
    } else {
        "the terminal at standard input: a VM there gets them as they are"
    };
    let name =
        |(from, to): (i32, Option<i32>)| facts::Rewritten { signal: signal::name(from), becomes: to.map(signal::name) };
    let target = if config.signal_target == SignalTarget::Main { "main" } else { "group" };
    facts::Signals { decided_by, target, rewritten: plan.rewrites.rules().map(name).collect() }
}

fn is_in_kubernetes(context: &Context) -> bool {
    context.sources.are_a_pods() || context.environment.env.get("KUBERNETES_SERVICE_HOST").is_some()
}

fn notes(context: &Context, running: &RunningRelease) -> Vec<String> {
    let mut notes = Vec::new();
    if context.command.is_empty() {
        let note = "no COMMAND was named: what a start would make of it cannot be known; write it behind explain";
        notes.push(note.into());
    }
    if !is_in_kubernetes(context) {
        let note = "not running in Kubernetes: names and addresses are this machine's, and what the cluster's DNS will \
                    say cannot be known here";
        notes.push(note.into());
    }
    if let Err(rejected) = running {
        notes.extend(rejected.iter().map(|rejected| format!("not used: {rejected}")));
        notes.extend(OtherInit::find().map(|init| format!("{init}; {}", init.cure())));
    }
    notes
}

fn warnings(context: &Context, plan: &Plan) -> Vec<Finding> {
    let of_identity = context.identity.warnings.iter().map(|problem| (Stage::Identity, problem));
    let of_plan = plan.findings.warnings.iter().map(|(stage, problem)| (*stage, problem));
    without_repetition(of_identity.chain(of_plan).map(|(stage, problem)| Finding::new(stage, None, problem)))
}

fn errors(errors: &[Error]) -> Vec<Finding> {
    let problems = errors.iter().flat_map(|error| error.problems.iter().map(move |problem| (error, problem)));
    without_repetition(problems.map(|(error, problem)| Finding::new(error.stage, Some(error.code), problem)))
}

fn without_repetition(findings: impl Iterator<Item = Finding>) -> Vec<Finding> {
    let mut all = Vec::new();
    for finding in findings {
        if !all.contains(&finding) {
            all.push(finding);
        }
    }
    all
}
