//! What the release gets.

use super::access::FileAccess;
use super::value::{Part, Value};
use crate::cookie::Cookie;
use crate::error::{Error, Problem, Stage};
use crate::exit;
use crate::file::{BESIDE, vm_args_word};
use crate::identity::name::NodeName;
use crate::variables::RawEnv;
use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub(crate) const VM_ARGS: &str = "vm.args";
/// The cookie file in the run directory, below the directory that becomes `XDG_CONFIG_HOME`.
pub(crate) const IN_RUN_DIR: &str = "erlang/.erlang.cookie";
pub(crate) const SYS_CONFIG: &str = "sys.config";
/// Not a secret: with the one that is on the command line already it makes two, which cancel each other, and the VM reads
/// its cookie file.
pub(crate) const CANCELLING_COOKIE: &str = "-setcookie this-one-cancels-the-other\n";
/// Not a secret: it is where a script looks for the cookie, when the VM finds it elsewhere.
pub(crate) const COOKIE_IN_A_FILE: &str = "the-cookie-is-in-a-file";

/// What is to be written and set before the release starts.
#[derive(Debug, Default)]
pub(crate) struct HandOver {
    /// Files of the run directory.
    pub(crate) files: Vec<RunFile>,
    /// Who may read them.
    pub(crate) access: FileAccess,
    /// Directories in the run directory.
    pub(crate) directories: Vec<&'static str>,
    /// Variables of the release.
    pub(crate) variables: Vec<(&'static str, Value)>,
    /// Those of them that a tool of the release must not have: it would start a second node of that name.
    pub(crate) not_for_tools: Vec<&'static str>,
    /// The variable in which its tools look for the cookie, where the release itself has none there.
    pub(crate) cookie_for_tools: Option<&'static str>,
    /// Variables that the release must not have: we did what they ask for.
    pub(crate) removed: Vec<&'static str>,
    /// The node's name, where it is known.
    pub(crate) node: Option<NodeName>,
    /// Whether its name is a short one: no DNS need know the host that the VM gives it.
    pub(crate) has_short_name: bool,
    /// Whether beaminit chose the name because nobody gave one.
    pub(crate) named_by_us: bool,
    /// Why the node has no name that a peer could look up, where that is known.
    pub(crate) not_distributed: Option<&'static str>,
    /// The cookie, where we hand it over.
    pub(crate) cookie: Option<Cookie>,
    /// Where the cookie is to be written in HOME.
    pub(crate) home_cookie: Option<PathBuf>,
    /// What the operator should know.
    pub(crate) warnings: Vec<Problem>,
}

/// A file of the run directory.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RunFile {
    /// Its name, in the run directory.
    pub(crate) name: Cow<'static, str>,
    /// What it holds: secrets too.
    pub(crate) contents: String,
    /// Whether no other user may read it, even where others may read the rest: it has the cookie.
    pub(crate) is_private: bool,
}

/// The variables that a release gets besides ours.
pub(crate) type ReleaseVariables = Vec<(&'static str, OsString)>;

impl HandOver {
    /// The same without the node name that beaminit would choose for a start.
    pub(crate) fn without_chosen_name(mut self) -> Self {
        const NAMES: [&str; 4] = ["RELEASE_NODE", "RELEASE_DISTRIBUTION", "RABBITMQ_NODENAME", "RABBITMQ_USE_LONGNAME"];
        if std::mem::take(&mut self.named_by_us) {
            self.variables.retain(|(name, _)| !NAMES.contains(name));
            self.node = None;
        }
        self
    }

    pub(crate) fn add_file(&mut self, name: impl Into<Cow<'static, str>>, contents: String) {
        let name = name.into();
        let is_private = name == IN_RUN_DIR;
        self.files.push(RunFile { name, contents, is_private });
    }

    /// Adds a file, and sets the variable by which a start script finds it.
    pub(crate) fn pass_file(&mut self, variable: &'static str, name: &'static str, contents: String) {
        self.add_file(name, contents);
        self.set(variable, Value::in_run_dir(name.strip_suffix(suffix_of(variable)).unwrap_or(name)));
    }

    /// Adds flags behind all others of the VM, by way of its environment. `theirs` are those that are in it already.
    pub(crate) fn add_flags(&mut self, theirs: Option<&str>, flags: Vec<Part>) {
        const FLAGS: &str = "ERL_ZFLAGS";
        if let Some((_, value)) = self.variables.iter_mut().find(|(name, _)| *name == FLAGS) {
            value.0.push(Part::Text(" ".into()));
            value.0.extend(flags);
            return;
        }
        let theirs = theirs.map(|theirs| Part::Text(format!("{theirs} ")));
        self.set(FLAGS, Value(theirs.into_iter().chain(flags).collect()));
        self.not_for_tools.push(FLAGS);
    }

    /// Closes the files that have the cookie to other users, whatever the rest is, and says so.
    pub(crate) fn keep_cookie_private(&mut self, secrets: &[String]) {
        if self.access != FileAccess::EveryUser {
            return;
        }
        let mut closed = Vec::new();
        for file in &mut self.files {
            file.is_private |= file.has_cookie(secrets);
            closed.extend(file.is_private.then(|| file.name.clone()));
        }
        for name in closed {
            let message =
                format!("only root may read {name}, which has the cookie, but COMMAND may switch to another user");
            self.warn(message, "set BEAMINIT_RUN_OWNER=USER to the user that COMMAND switches to");
        }
    }

    pub(crate) fn set(&mut self, variable: &'static str, value: impl Into<Value>) {
        self.variables.push((variable, value.into()));
    }

    pub(crate) fn warn(&mut self, message: impl Into<String>, hint: impl Into<String>) {
        self.warnings.push(Problem::new(message).hint(hint));
    }

    /// What must not be shown of what the release gets.
    pub(crate) fn secrets(&self, raw: &RawEnv) -> Vec<String> {
        let ours = self.cookie.iter().map(|cookie| cookie.expose().to_owned());
        let theirs = [&raw.release_cookie, &raw.relx_cookie, &raw.cookie, &raw.rabbitmq_erlang_cookie];
        ours.chain(theirs.into_iter().flatten().cloned()).collect()
    }

    /// Whether anything is to be written to the run directory.
    pub(crate) fn needs_run_dir(&self) -> bool {
        !(self.files.is_empty() && self.directories.is_empty())
    }
}

impl RunFile {
    /// What it holds, now that the run directory is known.
    pub(crate) fn contents_in(&self, run_dir: &Path) -> Cow<'_, str> {
        if !self.name.ends_with(VM_ARGS) || !self.contents.contains(BESIDE) {
            return Cow::Borrowed(&self.contents);
        }
        Cow::Owned(self.contents.replace(BESIDE, &vm_args_word(&run_dir.join("beside-"))))
    }

    /// A short secret is too likely to be something else: in `vm.args` only its own flag counts.
    fn has_cookie(&self, secrets: &[String]) -> bool {
        const SHORT: usize = 6;
        let text = &self.contents;
        let flags = text.matches("-setcookie").count() - text.matches(CANCELLING_COOKIE).count();
        let is_word = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
        let has_word = |secret: &String| {
            text.match_indices(secret.as_str()).any(|(at, _)| {
                let (before, after) =
                    (text.get(..at).unwrap_or_default(), text.get(at + secret.len()..).unwrap_or_default());
                !before.ends_with(is_word) && !after.starts_with(is_word)
            })
        };
        flags > 0 || secrets.iter().any(|secret| secret.len() >= SHORT && has_word(secret))
    }
}

impl std::fmt::Debug for RunFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (…)", self.name)
    }
}

/// What a start script puts behind the value of a variable that names a file.
pub(crate) fn suffix_of(variable: &str) -> &'static str {
    if variable == "RELEASE_SYS_CONFIG" { ".config" } else { "" }
}

/// Environment, secrets and templates contradict each other: exit code 65.
pub(crate) fn data_error(message: String) -> Error {
    Error::new(Stage::HandOver, exit::DATA, message)
}
