//! What COMMAND runs in the end: it is followed through launchers, shells and scripts to a release's start script, as
//! far as files show it.
//!
//! Nothing is run. A step that a file does not show, such as a name that a script asks the network for, ends the search
//! on that branch; a COMMAND of which nothing is known is started as it is.

mod blocks;
mod conditions;
mod expand;
mod files;
mod launchers;
mod scanner;
mod script;
mod search;
mod shell;
mod tokens;

pub(crate) use script::{CommandStep, FollowedScript, ScriptRole};

use crate::variables::ReleaseSetting;
use files::{Disk, FileView};

use expand::{ShellScope, normalised};
use search::{Found, Search};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What COMMAND runs in the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FollowedCommand {
    /// How the start script was found, from COMMAND on.
    pub steps: Vec<CommandStep>,
    /// The start script.
    pub script: Option<FollowedScript>,
    /// Whether COMMAND is something else than the start script itself.
    pub is_wrapped: bool,
    /// Whether anything on the way may change to another user.
    pub may_switch_user: bool,
    /// Whether COMMAND may become an Erlang VM: a release's files are around it, or a text on the way names the VM.
    pub has_vm_in_sight: bool,
    /// Of each text on the way that sets the name of a mix release's node its place and the lines that set variables.
    pub naming_texts: Vec<(String, String)>,
}

/// What is needed to follow COMMAND.
struct CommandSource<'a> {
    command: &'a [OsString],
    setting: &'a ReleaseSetting,
    environment: &'a dyn Fn(&str) -> Option<String>,
    /// The working directory.
    directory: &'a Path,
    files: &'a dyn FileView,
}

impl FollowedCommand {
    /// The way from COMMAND to the start script in one line, where COMMAND is something else.
    pub(crate) fn summary(&self) -> Option<String> {
        let script = self.script.as_ref().filter(|_| self.is_wrapped)?;
        let words = std::iter::once(script.path.display().to_string()).chain(script.arguments.iter().take(1).cloned());
        let last = self.steps.last()?;
        Some(format!("COMMAND leads to {} ({}: {})", words.collect::<Vec<_>>().join(" "), last.place, last.reason))
    }

    /// Follows COMMAND from the working directory, through the files of this machine.
    #[must_use]
    pub fn of(command: &[OsString], setting: &ReleaseSetting, environment: &dyn Fn(&str) -> Option<String>) -> Self {
        let directory = std::env::current_dir().unwrap_or_default();
        Self::follow(&CommandSource { command, setting, environment, directory: &directory, files: &Disk })
    }

    /// Follows COMMAND to the start script that runs in the end: the last one with a word that starts a node, else the
    /// last tool of a release.
    fn follow(source: &CommandSource<'_>) -> Self {
        let words: Vec<_> = source.command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let mut scope = ShellScope::new(Some(source.files), source.environment, Some(source.directory.to_owned()));
        let mut search = Search::new(source.files, source.directory);
        search.words(&words, "COMMAND", &mut scope);
        let found = match source.setting {
            ReleaseSetting::Off => None,
            ReleaseSetting::Script(path) => Some(asked(&source.directory.join(path), &search, source.files)),
            ReleaseSetting::Auto => search.last(),
        };
        let has_vm_in_sight = found.is_some()
            || search.has_vm_name
            || words
                .first()
                .and_then(|word| search.locate(word, false, &scope))
                .is_some_and(|program| is_near_vm(&program, source.files));
        Self {
            is_wrapped: found.as_ref().is_some_and(|found| !found.is_direct),
            may_switch_user: search.switches_user,
            steps: found.as_ref().map(|found| found.trail.clone()).unwrap_or_default(),
            script: found.map(|found| found.script),
            has_vm_in_sight,
            naming_texts: search.naming_texts,
        }
    }
}

/// The only start script of a release in `dir`, else in the nearest directory above it that has a release, with its text.
/// `None` where there are several.
pub(crate) fn only_start_script(dir: &Path) -> Option<(PathBuf, String)> {
    script::only_start_script(dir, &Disk)
}

/// The lines of a text that a shell includes, on which it may set a variable, with these variables set before. Lines in
/// a branch whose condition is known not to hold are left out.
pub(crate) fn assigned_lines(text: &str, variables: &[(&str, &str)]) -> Vec<(String, usize)> {
    let environment = |_: &str| Some(expand::UNKNOWN.to_owned());
    let mut scope = ShellScope::new(None, &environment, None);
    scope.has_unknown_variables = true;
    for (name, value) in variables {
        scope.set(name, (*value).to_owned());
    }
    let mut assignments = AssignmentLines(Vec::new());
    let (tokens, _) = scanner::tokens(text);
    shell::follow_text(&tokens, &mut scope, &mut assignments);
    assignments.0
}

/// The variables that a text sets, each with its line.
struct AssignmentLines(Vec<(String, usize)>);

impl shell::ShellVisitor for AssignmentLines {
    fn call(&mut self, _: &[String], _: usize, _: &mut ShellScope<'_>) {}

    fn assign(&mut self, name: &str, line: usize) {
        self.0.push((name.to_owned(), line));
    }

    fn spend(&mut self) -> bool {
        self.0.len() < 10_000
    }
}

/// The script that `BEAMINIT_RELEASE` names, with the words that COMMAND has for it, if that shows any.
fn asked(path: &Path, search: &Search<'_>, files: &dyn FileView) -> Found {
    let path = normalised(path);
    let behind_links = files.resolve(&path);
    let is_it = |found: &&Found| files.resolve(&found.script.path) == behind_links;
    let last_start = search.found.iter().rfind(|found| is_it(found) && found.script.role == ScriptRole::Start);
    if let Some(found) = last_start.or_else(|| search.found.iter().rfind(is_it)) {
        return found.clone();
    }
    let root = script::release_root(&path, files).or_else(|| script::release_root(&behind_links, files));
    let text = files.text(&path).unwrap_or_default();
    let release_name = root.as_ref().and_then(|root| script::release_name(&path, &text, root, files));
    let target = path.display().to_string();
    Found {
        script: FollowedScript { path, root, release_name, arguments: Vec::new(), role: ScriptRole::Start },
        trail: vec![CommandStep { place: "BEAMINIT_RELEASE".to_owned(), target, reason: "named by the setting" }],
        is_direct: false,
    }
}

/// Directories of a system, which have no release beside them and are long to read.
const SYSTEM_DIRS: [&str; 8] =
    ["/bin", "/sbin", "/usr", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/local/bin", "/usr/local"];

/// Whether there is an `erts-*` or a `releases` directory in or above the program's directory.
fn is_near_vm(program: &Path, files: &dyn FileView) -> bool {
    let resolved = files.resolve(program);
    let links_to = Some(resolved.as_path()).filter(|path| *path != program);
    let dirs = std::iter::once(program).chain(links_to).flat_map(|path| path.ancestors().skip(1));
    let dirs = dirs.filter(|dir| !SYSTEM_DIRS.iter().any(|system| dir == &Path::new(system)));
    dirs.take(40).any(|dir| {
        files.is_dir(&dir.join("releases"))
            || files.names(dir).iter().any(|name| name.starts_with("erts-") && files.is_dir(&dir.join(name)))
    })
}

#[cfg(test)]
mod tests;
