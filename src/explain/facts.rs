//! The report as `--format json` prints it: one object, described here field by field. What is absent is `null` or an
//! empty list; no field is left out. Secrets are `******` throughout. A field may be added in any version; when one goes
//! or changes its meaning, [`SCHEMA`] is counted up.
//!
//! Pure: no I/O, no clock.

use crate::error::{Problem, Stage};
use crate::kind::template_search::SkippedTemplate;
use serde::Serialize;

/// The version of this form.
pub const SCHEMA: u32 = 1;

/// What a start would do here.
#[derive(Debug, Serialize)]
pub(crate) struct Facts {
    /// [`SCHEMA`].
    pub(crate) schema: u32,
    /// The version of beaminit.
    pub(crate) beaminit: &'static str,
    /// 0 if a start would get past all stages but the wait, else the code that it would end with.
    pub(crate) exit_code: u8,
    /// The first two words of COMMAND; others may be secrets.
    pub(crate) command: Option<String>,
    /// Where COMMAND comes from, in words.
    pub(crate) command_from: &'static str,
    /// Whether a kubelet made the files here. If not, what the cluster's DNS says cannot be known.
    pub(crate) in_kubernetes: bool,
    /// Who the pod is: a row for each variable.
    pub(crate) identity: Vec<IdentityRow>,
    /// The release; absent without a COMMAND, or if it was not found.
    pub(crate) release: Option<ReleaseRow>,
    /// The templates that count.
    pub(crate) templates: Vec<TemplateRow>,
    /// What might have been a template and is not.
    pub(crate) passed_over: Vec<SkippedTemplate>,
    /// What the release gets; absent, if an error is in the way.
    pub(crate) hand_over: Option<HandOverRow>,
    /// Where rendered files would lie.
    pub(crate) run_dir: Option<String>,
    /// What is waited for.
    pub(crate) wait: Wait,
    /// What becomes of signals.
    pub(crate) signals: Signals,
    /// The release that runs in this container; absent if none does, or if that cannot be known.
    pub(crate) running: Option<RunningRow>,
    /// What else there is to know, a sentence each.
    pub(crate) notes: Vec<String>,
    /// What works, but is hardly meant.
    pub(crate) warnings: Vec<Finding>,
    /// What is wrong, in the order of the stages.
    pub(crate) errors: Vec<Finding>,
}

/// A value of the identity.
#[derive(Debug, Serialize)]
pub(crate) struct IdentityRow {
    /// The variable by which templates and the release know it.
    pub(crate) variable: &'static str,
    /// The value; absent if nothing has it.
    pub(crate) value: Option<String>,
    /// Where it comes from: a variable's name, a file, or words.
    pub(crate) source: Option<String>,
}

/// The release.
#[derive(Debug, Serialize)]
pub(crate) struct ReleaseRow {
    /// As `BEAMINIT_KIND` has it.
    pub(crate) kind: &'static str,
    /// By what it was recognised.
    pub(crate) why: &'static str,
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: Option<String>,
    /// The directory with `bin` and `releases`.
    pub(crate) root: Option<String>,
    /// The major version of its runtime system.
    pub(crate) erts: Option<u32>,
    /// Whether COMMAND starts a node.
    pub(crate) starts_node: bool,
    /// From COMMAND to the start script that runs in the end.
    pub(crate) steps: Vec<Step>,
    /// Whether COMMAND may become an Erlang VM.
    pub(crate) vm_in_sight: bool,
}

/// A step from COMMAND to the start script.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    /// Where it was seen: COMMAND, or a line of a script.
    pub(crate) place: String,
    /// What it leads to.
    pub(crate) target: String,
    /// What that is.
    pub(crate) reason: &'static str,
}

/// A template that counts.
#[derive(Debug, Serialize)]
pub(crate) struct TemplateRow {
    /// `vm.args`, `sys.config`, or the flag of `vm.args` that names it.
    pub(crate) file: &'static str,
    /// Where it is.
    pub(crate) path: String,
    /// The variable that names it or its directory, or `the suffix .src`.
    pub(crate) named_by: &'static str,
    /// The file with its placeholders filled in; absent if that fails. Comments and, in `sys.config`, quoted texts are
    /// shown as asterisks.
    pub(crate) rendered: Option<String>,
    /// Its placeholders.
    pub(crate) placeholders: Vec<PlaceholderRow>,
}

/// A placeholder.
#[derive(Debug, Serialize)]
pub(crate) struct PlaceholderRow {
    /// Its line, from 1.
    pub(crate) line: usize,
    /// Its column, from 1.
    pub(crate) column: usize,
    /// The variable that it names.
    pub(crate) name: String,
    /// Where its value comes from, in words.
    pub(crate) source: String,
}

/// What the release gets.
#[derive(Debug, Serialize)]
pub(crate) struct HandOverRow {
    /// The node's name, where it is known.
    pub(crate) node: Option<String>,
    /// Variables that are set, besides those that the container has.
    pub(crate) variables: Vec<VariableRow>,
    /// Variables that are taken away.
    pub(crate) removed: Vec<&'static str>,
    /// Who may read these files, in words.
    pub(crate) readable_by: String,
    /// Files of the run directory.
    pub(crate) files: Vec<File>,
    /// Directories in the run directory.
    pub(crate) folders: Vec<&'static str>,
    /// The cookie file that would be made in HOME.
    pub(crate) home_cookie: Option<String>,
}

/// A variable.
#[derive(Debug, Serialize)]
pub(crate) struct VariableRow {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its value.
    pub(crate) value: String,
}

/// A file of the run directory.
#[derive(Debug, Serialize)]
pub(crate) struct File {
    /// Its name.
    pub(crate) name: String,
    /// What it holds, as [`TemplateRow::rendered`] shows it.
    pub(crate) contents: String,
}

/// What is waited for.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Wait {
    /// The name that peers look up, and for which a start waits.
    pub(crate) name: Option<String>,
    /// Why a start waits for nothing, where that is so.
    pub(crate) nothing_because: Option<String>,
    /// This pod's addresses, one of which the name must have.
    pub(crate) addresses: Vec<String>,
    /// The name servers.
    pub(crate) servers: Vec<String>,
    /// Whether the name has one of the addresses now; absent if that is not known.
    pub(crate) published: Option<bool>,
    /// What DNS says of it now.
    pub(crate) says: Option<String>,
    /// What to do about that.
    pub(crate) hint: Option<String>,
}

/// What becomes of signals.
#[derive(Debug, Serialize)]
pub(crate) struct Signals {
    /// Who decides, in words.
    pub(crate) decided_by: &'static str,
    /// `main` or `group`.
    pub(crate) target: &'static str,
    /// Those that do not arrive as they are.
    pub(crate) rewritten: Vec<Rewritten>,
}

/// A signal that does not arrive as it is.
#[derive(Debug, Serialize)]
pub(crate) struct Rewritten {
    /// Its name, without `SIG`.
    pub(crate) signal: String,
    /// What the release gets in its place; absent if nothing.
    pub(crate) becomes: Option<String>,
}

/// The release that runs in this container.
#[derive(Debug, Serialize)]
pub(crate) struct RunningRow {
    /// `running`, `starting`, or `ended`, when its beaminit has not noticed yet.
    pub(crate) state: &'static str,
    /// Its first process.
    pub(crate) pid: Option<i32>,
    /// The process that is its beaminit.
    pub(crate) supervisor: i32,
    /// When it was handed over to, in UTC.
    pub(crate) since: String,
    /// How long ago that is.
    pub(crate) seconds: u64,
    /// Its node, where it is known.
    pub(crate) node: Option<String>,
    /// Whether the node's host name has an address of this pod in DNS now; absent if that is not known.
    pub(crate) name_resolves: Option<bool>,
    /// By which its peers find the node's port.
    pub(crate) epmd: Epmd,
}

/// The port mapper.
#[derive(Debug, Serialize)]
pub(crate) struct Epmd {
    /// Its port; absent if the node uses none.
    pub(crate) port: Option<u16>,
    /// Whether it answers.
    pub(crate) answers: bool,
    /// Whether it knows the node.
    pub(crate) knows_node: Option<bool>,
    /// What is to be said of it, in words.
    pub(crate) says: String,
}

/// A warning or an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// The stage that finds it.
    pub(crate) stage: &'static str,
    /// The exit code of an error; absent for a warning.
    pub(crate) code: Option<u8>,
    /// What is wrong, as a sentence.
    pub(crate) message: String,
    /// Lines of the file in question.
    pub(crate) excerpt: Option<String>,
    /// The cure.
    pub(crate) hint: Option<String>,
}

impl Finding {
    /// A warning, or a problem of an error that ends a start with `code`.
    pub(super) fn new(stage: Stage, code: Option<u8>, problem: &Problem) -> Self {
        let Problem { message, excerpt, hint, .. } = problem.clone();
        Self { stage: stage.name(), code, message, excerpt, hint }
    }
}

impl Facts {
    /// The object as text.
    pub(crate) fn to_json(&self) -> String {
        // Nothing in it can fail: no map has other keys than strings.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}
