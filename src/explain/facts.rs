//! The report as `--format json` prints it: one object, described here field by field. What is absent is `null` or an
//! empty list; no field is left out. Secrets are `******` throughout. A field may be added in any version; when one goes
//! or changes its meaning, [`SCHEMA`] is counted up.
//!
//! Pure: no I/O, no clock.

use crate::error::{Error, Problem, Stage};
use serde::Serialize;

/// The version of this form.
pub const SCHEMA: u32 = 1;

/// What a start would do here.
#[derive(Debug, Serialize)]
pub struct Facts {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of beaminit.
    pub beaminit: &'static str,
    /// 0 if a start would get past all stages but the wait, else the code that it would end with.
    pub exit_code: u8,
    /// The first two words of COMMAND; others may be secrets.
    pub command: Option<String>,
    /// Where COMMAND comes from, in words.
    pub command_from: &'static str,
    /// Whether a kubelet made the files here. If not, what the cluster's DNS says cannot be known.
    pub in_kubernetes: bool,
    /// Who the pod is: a row for each variable.
    pub identity: Vec<Known>,
    /// The release; absent without a COMMAND, or if it was not found.
    pub release: Option<Release>,
    /// The templates that count.
    pub templates: Vec<Template>,
    /// What might have been a template and is none.
    pub passed_over: Vec<PassedOver>,
    /// What the release gets; absent, if an error is in the way.
    pub hand_over: Option<HandOver>,
    /// Where rendered files would lie.
    pub run_dir: Option<String>,
    /// What is waited for.
    pub wait: Wait,
    /// What becomes of signals.
    pub signals: Signals,
    /// The release that runs in this container; absent if none does, or if that cannot be known.
    pub running: Option<Running>,
    /// What else there is to know, a sentence each.
    pub notes: Vec<String>,
    /// What works, but is hardly meant.
    pub warnings: Vec<Finding>,
    /// What is wrong, in the order of the stages.
    pub errors: Vec<Finding>,
}

/// A value of the identity.
#[derive(Debug, Serialize)]
pub struct Known {
    /// The variable by which templates and the release know it.
    pub variable: &'static str,
    /// The value; absent if nothing tells it.
    pub value: Option<String>,
    /// Where it comes from: a variable's name, a file, or words.
    pub source: Option<String>,
}

/// The release.
#[derive(Debug, Serialize)]
pub struct Release {
    /// As `BEAMINIT_KIND` has it.
    pub kind: &'static str,
    /// What tells the kind.
    pub why: &'static str,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// The folder with `bin` and `releases`.
    pub root: Option<String>,
    /// The major version of its runtime system.
    pub erts: Option<u32>,
    /// Whether COMMAND starts a node.
    pub starts_node: bool,
}

/// A template that counts.
#[derive(Debug, Serialize)]
pub struct Template {
    /// `vm.args` or `sys.config`.
    pub file: &'static str,
    /// Where it is.
    pub path: String,
    /// The variable that names it or its folder, or `the suffix .src`.
    pub named_by: &'static str,
    /// The file with its placeholders filled in; absent if that fails. Comments and, in `sys.config`, quoted texts are
    /// shown as asterisks.
    pub rendered: Option<String>,
    /// Its placeholders.
    pub placeholders: Vec<Placeholder>,
}

/// A placeholder.
#[derive(Debug, Serialize)]
pub struct Placeholder {
    /// Its line, from 1.
    pub line: usize,
    /// Its column, from 1.
    pub column: usize,
    /// The variable that it names.
    pub name: String,
    /// Where its value comes from, in words.
    pub source: String,
}

/// Something that did not count.
#[derive(Debug, Serialize)]
pub struct PassedOver {
    /// A variable with its value, or a file.
    pub what: String,
    /// Why it does not count.
    pub why: String,
}

/// What the release gets.
#[derive(Debug, Serialize)]
pub struct HandOver {
    /// The node's name, where it is known.
    pub node: Option<String>,
    /// Variables that are set, besides those that the container has.
    pub variables: Vec<Variable>,
    /// Variables that are taken away.
    pub removed: Vec<&'static str>,
    /// Files of the run directory.
    pub files: Vec<File>,
    /// Folders of the run directory.
    pub folders: Vec<&'static str>,
    /// The cookie file that would be made in HOME.
    pub home_cookie: Option<String>,
}

/// A variable.
#[derive(Debug, Serialize)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

/// A file of the run directory.
#[derive(Debug, Serialize)]
pub struct File {
    /// Its name.
    pub name: &'static str,
    /// What it holds, as [`Template::rendered`] shows it.
    pub contents: String,
}

/// What is waited for.
#[derive(Debug, Default, Serialize)]
pub struct Wait {
    /// The name that peers look up, and for which a start waits.
    pub name: Option<String>,
    /// Why a start waits for nothing, where that is so.
    pub nothing_because: Option<String>,
    /// This pod's addresses, one of which the name must have.
    pub addresses: Vec<String>,
    /// The name servers.
    pub servers: Vec<String>,
    /// Whether the name has one of the addresses now; absent if that cannot be told.
    pub published: Option<bool>,
    /// What DNS says of it now.
    pub says: Option<String>,
    /// What to do about that.
    pub hint: Option<String>,
}

/// What becomes of signals.
#[derive(Debug, Serialize)]
pub struct Signals {
    /// Who decides, in words.
    pub decided_by: &'static str,
    /// `main` or `group`.
    pub target: &'static str,
    /// Those that do not arrive as they are.
    pub rewritten: Vec<Rewritten>,
}

/// A signal that does not arrive as it is.
#[derive(Debug, Serialize)]
pub struct Rewritten {
    /// Its name, without `SIG`.
    pub signal: String,
    /// What the release gets in its place; absent if nothing.
    pub becomes: Option<String>,
}

/// The release that runs in this container.
#[derive(Debug, Serialize)]
pub struct Running {
    /// `running`, `starting`, or `ended`, when its beaminit has not noticed yet.
    pub state: &'static str,
    /// Its first process.
    pub pid: Option<i32>,
    /// The process that is its beaminit.
    pub supervisor: i32,
    /// When it was handed over to, in UTC.
    pub since: String,
    /// How long ago that is.
    pub seconds: u64,
    /// Its node, where it is known.
    pub node: Option<String>,
    /// Whether the node's host name has an address of this pod in DNS now; absent if that cannot be told.
    pub name_resolves: Option<bool>,
    /// By which its peers find the node's port.
    pub epmd: Epmd,
}

/// The port mapper.
#[derive(Debug, Serialize)]
pub struct Epmd {
    /// Its port; absent if the node uses none.
    pub port: Option<u16>,
    /// Whether it answers.
    pub answers: bool,
    /// Whether it knows the node.
    pub knows_node: Option<bool>,
    /// What is to be said of it, in words.
    pub says: String,
}

/// A warning or an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The stage that finds it.
    pub stage: &'static str,
    /// The exit code of an error; absent for a warning.
    pub code: Option<u8>,
    /// What is wrong, as a sentence.
    pub message: String,
    /// Lines of the file in question.
    pub excerpt: Option<String>,
    /// The cure.
    pub hint: Option<String>,
}

impl Finding {
    /// A warning.
    pub(super) fn warning(stage: Stage, problem: &Problem) -> Self {
        Self::new(stage, None, problem)
    }

    /// The problems of an error.
    pub(super) fn of(error: &Error) -> impl Iterator<Item = Self> {
        error.problems.iter().map(|problem| Self::new(error.stage, Some(error.code), problem))
    }

    fn new(stage: Stage, code: Option<u8>, problem: &Problem) -> Self {
        let Problem { message, excerpt, hint, .. } = problem.clone();
        Self { stage: stage.name(), code, message, excerpt, hint }
    }
}

impl Facts {
    /// The object as text.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Nothing in it can fail: no map has other keys than strings.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}
