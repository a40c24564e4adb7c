//! The search for start scripts in the words of COMMAND and of the texts that it runs.
//!
//! Pure: no I/O, no clock.

use super::expand::{ShellScope, UNKNOWN, is_known};
use super::files::FileView;
use super::launchers::{
    ERLANG_TOOLS, NO_LAUNCHERS, SHELLS, USER_KEEPERS, USER_SWITCHES, VM_PROGRAMS, file_name, is_of_system,
    is_text_option,
};
use super::scanner::tokens;
use super::script::{self, CommandStep, FollowedScript, ScriptRole};
use super::shell::{ShellVisitor, follow_text};
use std::path::{Path, PathBuf};

/// A start script, and how it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) script: FollowedScript,
    pub(crate) trail: Vec<CommandStep>,
    /// Whether it is the first word of COMMAND.
    pub(crate) is_direct: bool,
}

/// More than any entrypoint has.
const MAX_COMMANDS: usize = 2000;
const MAX_LOOKUPS: usize = 2000;
const MAX_TEXTS: usize = 64;
const MAX_DEPTH: usize = 10;

pub(crate) struct Search<'a> {
    files: &'a dyn FileView,
    /// The working directory that COMMAND begins in.
    directory: &'a Path,
    pub(crate) found: Vec<Found>,
    trail: Vec<CommandStep>,
    /// The scripts that are being read, one within the other.
    active: Vec<PathBuf>,
    /// The text that is being read, as messages name it.
    place: String,
    commands: usize,
    lookups: usize,
    texts: usize,
    /// Whether a text or a word names the Erlang VM.
    pub(crate) has_vm_name: bool,
    pub(crate) switches_user: bool,
    /// Where the text that is being read sets variables: the line, and whether it is the node's name.
    assigned: Vec<(usize, bool)>,
    /// Of each text that sets the name of a mix release's node its place and the lines that set variables.
    pub(crate) naming_texts: Vec<(String, String)>,
}

impl ShellVisitor for Search<'_> {
    fn call(&mut self, words: &[String], line: usize, scope: &mut ShellScope<'_>) {
        let place = format!("{}:{line}", self.place);
        self.words(words, &place, scope);
    }

    fn assign(&mut self, name: &str, line: usize) {
        self.assigned.push((line, matches!(name, "RELEASE_NODE" | "RELEASE_DISTRIBUTION")));
    }

    fn spend(&mut self) -> bool {
        self.commands += 1;
        self.commands <= MAX_COMMANDS
    }
}

/// A program among the words of a command.
struct Program<'w> {
    file: PathBuf,
    /// Behind all links.
    resolved: PathBuf,
    /// Where it was seen.
    place: &'w str,
    /// Its place among the words.
    index: usize,
    arguments: &'w [String],
    /// Whether a part of the word is not known: `bin/$STEP`.
    is_guess: bool,
}

impl<'a> Search<'a> {
    pub(crate) fn new(files: &'a dyn FileView, directory: &'a Path) -> Self {
        Self {
            files,
            directory,
            found: Vec::new(),
            trail: Vec::new(),
            active: Vec::new(),
            place: "COMMAND".to_owned(),
            commands: 0,
            lookups: 0,
            texts: 0,
            has_vm_name: false,
            switches_user: false,
            assigned: Vec::new(),
            naming_texts: Vec::new(),
        }
    }

    /// The one that counts.
    pub(crate) fn last(&self) -> Option<Found> {
        let last_start = self.found.iter().rfind(|found| found.script.role == ScriptRole::Start);
        last_start.or(self.found.last()).cloned()
    }

    /// Follows the words of one command, which was seen at `place`.
    pub(crate) fn words(&mut self, words: &[String], place: &str, scope: &mut ShellScope<'_>) {
        let Some(first) = words.first() else { return };
        match file_name(first) {
            "." | "source" => return self.include(&words[1..], scope),
            "eval" if !first.contains('/') => return self.text(&words[1..].join(" "), place, scope),
            "command" if words.get(1).is_some_and(|word| word.starts_with('-')) => return,
            name if NO_LAUNCHERS.contains(&name) && is_of_system(first) => return,
            _ => {}
        }
        let mut is_after_shell = false;
        for (index, word) in words.iter().enumerate() {
            self.switches_user |= USER_SWITCHES.contains(&file_name(word));
            if index > 0 && is_text_option(word, is_after_shell) {
                if self.option_text(&words[index + 1..], place, scope) {
                    return;
                }
                continue;
            }
            // `env RELEASE_NODE=…`
            if word.starts_with("RELEASE_NODE=") || word.starts_with("RELEASE_DISTRIBUTION=") {
                self.naming_texts.push((place.to_owned(), word.clone()));
            }
            if word.is_empty() || word.starts_with('-') || word.contains('=') {
                continue;
            }
            if SHELLS.contains(&file_name(word)) {
                is_after_shell = true;
                continue;
            }
            let Some(file) = self.locate(word, is_after_shell, scope) else { continue };
            let resolved = self.files.resolve(&file);
            let is_guess = !is_known(word);
            let program = Program { file, resolved, place, index, arguments: &words[index + 1..], is_guess };
            if self.program(&program, scope) {
                return;
            }
        }
    }

    /// Follows the text behind `-c`; the words behind that are its `$0` and its arguments.
    fn option_text(&mut self, words: &[String], place: &str, scope: &mut ShellScope<'_>) -> bool {
        let Some(at) = words.iter().position(|word| !word.starts_with(['-', '+'])) else { return false };
        let before = self.found.len();
        let mut inner = scope.clone();
        inner.nesting += 1;
        inner.script = words.get(at + 1).cloned().unwrap_or_else(|| "sh".to_owned());
        inner.arguments = words.get(at + 2..).unwrap_or_default().to_vec();
        let target = words[at].clone();
        self.step(place, target, "the text of a shell");
        self.text(&words[at], &format!("{place} -c"), &mut inner);
        self.trail.pop();
        self.found.len() > before
    }

    fn include(&mut self, words: &[String], scope: &mut ShellScope<'_>) {
        let file = words.first().and_then(|word| self.locate(word, true, scope));
        let resolved = file.as_ref().map(|file| self.files.resolve(file)).filter(|file| !self.active.contains(file));
        let text = resolved.as_ref().and_then(|file| self.files.text(file));
        let (Some(file), Some(resolved), Some(text)) = (file, resolved, text) else {
            scope.has_unknown_variables = true;
            return;
        };
        self.active.push(resolved);
        self.text(&text, &file.display().to_string(), scope);
        self.active.pop();
    }

    fn text(&mut self, text: &str, place: &str, scope: &mut ShellScope<'_>) {
        self.texts += 1;
        if self.texts > MAX_TEXTS || self.active.len() + scope.nesting > MAX_DEPTH {
            return;
        }
        self.has_vm_name |= script::names_a_vm(text);
        let (tokens, _) = tokens(text);
        let outer = std::mem::replace(&mut self.place, place.to_owned());
        let outer_assigned = std::mem::take(&mut self.assigned);
        follow_text(&tokens, scope, self);
        let assigned = std::mem::replace(&mut self.assigned, outer_assigned);
        if assigned.iter().any(|(_, is_name)| *is_name) {
            let lines: Vec<_> = text.lines().collect();
            let assigned: Vec<_> =
                assigned.iter().filter_map(|(line, _)| lines.get(line.saturating_sub(1)).copied()).collect();
            self.naming_texts.push((place.to_owned(), assigned.join("\n")));
        }
        self.place = outer;
    }

    fn step(&mut self, place: &str, target: String, reason: &'static str) {
        self.trail.push(CommandStep { place: place.to_owned(), target, reason });
    }

    /// Looks at a program. `true`: what it runs is known, and the words behind it are its own.
    fn program(&mut self, program: &Program<'_>, scope: &ShellScope<'_>) -> bool {
        let Program { file, resolved, index, arguments, is_guess, .. } = program;
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if VM_PROGRAMS.contains(&name) || ERLANG_TOOLS.contains(&name) {
            self.has_vm_name = true;
            // A text may give the VM another file by a variable: a second one from us would double its flags.
            let is_vm = VM_PROGRAMS.contains(&name) && self.active.is_empty() && scope.nesting == 0;
            if is_vm {
                self.add(program, None, (ScriptRole::Start, "the Erlang VM itself"));
            }
            return is_vm;
        }
        if self.active.contains(resolved) {
            return false;
        }
        let text = self.files.text(file);
        if let Some(role) = text.as_deref().and_then(|text| self.rabbitmq_role(resolved, text)) {
            self.add(program, None, (role, "a script of RabbitMQ"));
            return true;
        }
        let root = [file, resolved].into_iter().find_map(|path| script::release_root(path, self.files));
        let Some(text) = text else {
            self.switches_user |= *index == 0 && !USER_KEEPERS.contains(&name);
            return root.is_some_and(|root| self.unread_program(program, &root));
        };
        if let Some(root) = root.as_deref().filter(|_| script::is_start_script(&text)) {
            let role = script::role(&text, arguments);
            // A file of that name may be an operand of any program; `bin/$STEP` without a word may be any script in `bin`.
            if role == ScriptRole::Start || !arguments.is_empty() || *index == 0 && !is_guess {
                self.add(program, Some((root, &text)), (role, "the release's start script"));
            }
            return true;
        }
        let before = self.found.len();
        self.script(program, &text, scope);
        if self.found.len() == before
            && let Some(root) = root
        {
            return self.unread_program(program, &root);
        }
        self.found[before..].iter().any(|found| found.script.role == ScriptRole::Start) || root.is_some()
    }

    /// Follows a script's text.
    fn script(&mut self, program: &Program<'_>, text: &str, scope: &ShellScope<'_>) {
        let shown = program.file.display().to_string();
        let is_shell =
            text.strip_prefix("#!").is_none_or(|line| line.lines().next().is_some_and(|line| line.contains("sh")));
        if !is_shell {
            self.has_vm_name |= script::names_a_vm(text);
            return;
        }
        let mut inner = scope.clone();
        inner.script.clone_from(&shown);
        inner.arguments = program.arguments.to_vec();
        self.step(program.place, shown.clone(), "a script, whose text is followed");
        self.active.push(program.resolved.clone());
        self.text(text, &shown, &mut inner);
        self.active.pop();
        self.trail.pop();
    }

    /// A program in a release's own `bin` of which neither start nor tool was seen: it is that release's start.
    fn unread_program(&mut self, program: &Program<'_>, root: &Path) -> bool {
        const REASON: &str = "in the release's own bin, so it starts that release";
        // In an image whose release is at its root that would be every program.
        if root.parent().is_none() || program.index > 0 {
            return false;
        }
        let mut scripts = script::start_scripts(root, self.files);
        let place = program.place;
        self.step(place, program.file.display().to_string(), REASON);
        if scripts.len() == 1 {
            let (file, text) = scripts.remove(0);
            let start = Program { resolved: file.clone(), file, place, index: 1, arguments: &[], is_guess: false };
            self.add(&start, Some((root, &text)), (ScriptRole::Start, "the release's start script"));
        } else {
            self.add(program, Some((root, "")), (ScriptRole::Start, REASON));
        }
        self.trail.pop();
        true
    }

    fn rabbitmq_role(&self, resolved: &Path, text: &str) -> Option<ScriptRole> {
        let siblings = ["rabbitmq-env", "rabbitmq-defaults"];
        if !text.contains(siblings[0])
            || !siblings.iter().all(|name| self.files.is_file(&resolved.with_file_name(name)))
        {
            return None;
        }
        let is_server = text.contains("RABBITMQ_SERVER_START_ARGS");
        Some(if is_server { ScriptRole::Start } else { ScriptRole::Tool })
    }

    /// Keeps a start script, with the release's root and its own text where it is one of a release.
    fn add(&mut self, program: &Program<'_>, release: Option<(&Path, &str)>, what: (ScriptRole, &'static str)) {
        let is_direct = program.index == 0 && self.trail.is_empty() && self.active.is_empty();
        let path = program.file.clone();
        let release_name = release.and_then(|(root, text)| script::release_name(&path, text, root, self.files));
        let root = release.map(|(root, _)| root.to_owned());
        let (role, reason) = what;
        let mut trail = self.trail.clone();
        let words = std::iter::once(path.display().to_string()).chain(program.arguments.iter().take(1).cloned());
        let target = words.collect::<Vec<_>>().join(" ");
        trail.push(CommandStep { place: program.place.to_owned(), target, reason });
        let arguments = program.arguments.to_vec();
        let script = FollowedScript { path, root, release_name, arguments, role };
        self.found.push(Found { script, trail, is_direct });
    }

    /// The file that a word names, as a program or as a shell's script.
    pub(crate) fn locate(&mut self, word: &str, is_for_shell: bool, scope: &ShellScope<'_>) -> Option<PathBuf> {
        self.lookups += 1;
        if self.lookups > MAX_LOOKUPS || word.len() > 4096 {
            return None;
        }
        let in_directory = |path: PathBuf| self.files.is_file(&path).then_some(path);
        if word.contains('/') {
            let known = scope.path(word).and_then(in_directory);
            return known.or_else(|| self.locate_nearby(word, scope));
        }
        if is_for_shell && let Some(path) = scope.path(word).and_then(in_directory) {
            return Some(path);
        }
        if !is_known(word) {
            return None;
        }
        let path = scope.get("PATH").unwrap_or_default();
        let dirs = path.split(':').filter(|dir| is_known(dir) && dir.starts_with('/')).take(40);
        dirs.map(|dir| Path::new(dir).join(word)).find(|path| self.files.is_file(path))
    }

    /// A path of which the beginning or the last part is not known: it is looked for around the script that names it.
    fn locate_nearby(&self, word: &str, scope: &ShellScope<'_>) -> Option<PathBuf> {
        let (before, after) = word.rsplit_once(UNKNOWN).unwrap_or((UNKNOWN, word));
        if after.is_empty() {
            // `bin/$APP`
            let bin = scope.path(before.strip_suffix('/')?)?;
            let root = script::release_root(&bin.join("x"), self.files)?;
            let mut scripts = script::start_scripts(&root, self.files);
            return if scripts.len() == 1 { scripts.pop().map(|(path, _)| path) } else { None };
        }
        let is_whole = !word.contains(UNKNOWN);
        if is_whole == after.starts_with('/') {
            return None;
        }
        let after = after.trim_start_matches('/');
        let beside = Path::new(&scope.script).parent().filter(|dir| dir.is_absolute());
        let dirs = [scope.directory.as_deref(), beside, beside.and_then(Path::parent), Some(self.directory)];
        let paths = dirs.into_iter().flatten().map(|dir| super::expand::normalised(&dir.join(after)));
        paths.into_iter().find(|path| self.files.is_file(path))
    }
}
