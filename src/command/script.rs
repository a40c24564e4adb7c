//! A release's start script, and what else is in its `bin`.
//!
//! Pure: no I/O, no clock.

use super::files::FileView;
use std::path::{Path, PathBuf};

/// What a start script of any generation has: it finds out which version of the release to start, or starts the VM.
const START_SCRIPT_MARKS: [&str; 5] = ["start_erl.data", "find_vm_args", "RELX_CONFIG_PATH", "_rc_exec.sh", "erlexec"];
/// A script that has these looks at its first argument, or hands it to one that does.
const DISPATCH_MARKS: [&str; 6] = ["start)", "foreground)", "console)", "start|", "foreground|", "_rc_exec.sh"];
/// What tools have: they look at no argument but the first.
const GENERATED_MARKS: [&str; 4] = ["RELEASE_COMMAND", "RELX_CONFIG_PATH", "libexec", "_rc_exec.sh"];
/// Distillery's `commands/start.sh` and the like, found by the argument.
const COMMANDS_MARK: &str = "commands/$";

/// Arguments with which a start script becomes a node, in the foreground or not.
const START_WORDS: [&str; 13] = [
    "start",
    "start_iex",
    "daemon",
    "daemon_iex",
    "daemon_boot",
    "foreground",
    "console",
    "console_boot",
    "console_clean",
    "start_boot",
    "live",
    "iexlive",
    "server",
];

/// A start script, its release and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowedScript {
    /// The script.
    pub path: PathBuf,
    /// The directory with `bin` and `releases`; `None` for RabbitMQ and for a VM that is started directly.
    pub root: Option<PathBuf>,
    /// The release that the script is written for.
    pub release_name: Option<String>,
    /// The words behind the script.
    pub arguments: Vec<String>,
    /// What it does with them.
    pub role: ScriptRole,
}

/// One step from COMMAND to the start script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandStep {
    /// Where the step was seen: COMMAND, or a line of a script.
    pub place: String,
    /// What it leads to.
    pub target: String,
    /// What the target is.
    pub reason: &'static str,
}

/// What a script does with its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptRole {
    /// It becomes a node.
    Start,
    /// It runs a tool of the release, such as `eval`.
    Tool,
}

/// The root of the release in whose own `bin`, or `releases/VSN`, a file is.
pub(crate) fn release_root(path: &Path, files: &dyn FileView) -> Option<PathBuf> {
    let above = path.parent()?.parent()?;
    let root = if above.file_name().is_some_and(|name| name == "releases") { above.parent()? } else { above };
    files.is_dir(&root.join("releases")).then(|| root.to_owned())
}

/// Whether a text in a release's `bin` is that of a start script.
pub(crate) fn is_start_script(text: &str) -> bool {
    text.starts_with("#!") && START_SCRIPT_MARKS.iter().any(|mark| text.contains(mark))
}

/// What a start script does with these arguments.
pub(crate) fn role(text: &str, arguments: &[String]) -> ScriptRole {
    let has = |marks: &[&str]| marks.iter().any(|mark| text.contains(mark));
    if !has(&DISPATCH_MARKS) && !text.contains(COMMANDS_MARK) {
        return ScriptRole::Start;
    }
    let looked_at = if has(&GENERATED_MARKS) { arguments.get(..1).unwrap_or_default() } else { arguments };
    if looked_at.iter().any(|word| is_start_word(word)) { ScriptRole::Start } else { ScriptRole::Tool }
}

pub(crate) fn is_start_word(word: &str) -> bool {
    START_WORDS.contains(&word)
}

/// The release that a start script is written for: by its text, else by the release's boot files, else by the name of
/// the script.
pub(crate) fn release_name(script: &Path, text: &str, root: &Path, files: &dyn FileView) -> Option<String> {
    name_in(text).or_else(|| name_of_boot_file(root, files)).or_else(|| {
        let name = script.file_name()?.to_str()?;
        // relx makes the same script a second time as NAME-VSN.
        let is_version = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
        let versioned = name.split_once('-').filter(|(_, version)| is_version(version));
        Some(versioned.map_or(name, |(name, _)| name).to_owned())
    })
}

/// Each tool writes the name into its script, as a default or for good.
fn name_in(text: &str) -> Option<String> {
    let assigned = text.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line);
        ["RELEASE_NAME", "REL_NAME"].into_iter().find_map(|variable| {
            let value = line.strip_prefix(variable)?.strip_prefix('=')?.trim_matches('"');
            let default = value.strip_prefix("${").and_then(|rest| rest.strip_prefix(variable)?.strip_prefix(":-"));
            Some(default.unwrap_or(value).trim_end_matches(['}', '"']).trim_matches('"').to_owned())
        })
    });
    let is_name = |name: &String| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    };
    assigned.into_iter().find(is_name)
}

/// `releases/VSN/NAME.rel`
fn name_of_boot_file(root: &Path, files: &dyn FileView) -> Option<String> {
    let releases = root.join("releases");
    let mut found: Vec<String> = files
        .names(&releases)
        .iter()
        .take(20)
        .flat_map(|version| files.names(&releases.join(version)))
        .filter_map(|name| Some(name.strip_suffix(".rel")?.to_owned()))
        .filter(|name| name != "start" && name != "start_clean")
        .collect();
    found.sort();
    found.dedup();
    if found.len() == 1 { found.pop() } else { None }
}

/// The start scripts in a release's `bin`, without relx's copies `NAME-VSN` and Distillery's parts.
pub(crate) fn start_scripts(root: &Path, files: &dyn FileView) -> Vec<(PathBuf, String)> {
    let bin = root.join("bin");
    let names = files.names(&bin);
    let is_copy = |name: &str| {
        names.iter().any(|other| name.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('-')))
    };
    let own = names.iter().filter(|name| !is_copy(name) && !name.contains('.')).take(50);
    own.filter_map(|name| {
        let path = bin.join(name);
        let text = files.text(&path).filter(|text| is_start_script(text))?;
        Some((path, text))
    })
    .collect()
}

pub(crate) fn only_start_script(dir: &Path, files: &dyn FileView) -> Option<(PathBuf, String)> {
    let releases = dir.ancestors().filter(|root| files.is_dir(&root.join("releases")));
    let mut scripts = releases.map(|root| start_scripts(root, files)).find(|found| !found.is_empty())?;
    if scripts.len() == 1 { scripts.pop() } else { None }
}

/// Whether a text names the Erlang VM, or what becomes one.
pub(crate) fn names_a_vm(text: &str) -> bool {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.into_iter().any(|word| ["erl", "erlexec", "beam", "elixir", "iex"].contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tool_writes_the_name_in_its_way() {
        for text in [
            "RELEASE_NAME=\"${RELEASE_NAME:-\"shop\"}\"\n",
            "export RELEASE_NAME=\"${RELEASE_NAME:-\"shop\"}\"\n",
            "REL_NAME=\"${REL_NAME:-shop}\"\n",
            "export REL_NAME=\"shop\"\n",
            "REL_NAME=shop\n",
            "#REL_NAME=other\n  REL_NAME=\"shop\"\n",
        ] {
            assert_eq!(name_in(text).as_deref(), Some("shop"), "{text}");
        }
        for text in ["REL_NAME=\"$1\"\n", "REL_NAME=\n", "MY_REL_NAME=shop\n", "RELEASE_NAME=$(basename \"$0\")\n"] {
            assert_eq!(name_in(text), None, "{text}");
        }
    }

    #[test]
    fn a_text_names_a_vm_or_not() {
        assert!(names_a_vm("exec \"$BINDIR/erlexec\" -noinput"));
        assert!(names_a_vm("exec erl -sname x"));
        assert!(names_a_vm("pkill beam.smp"));
        assert!(!names_a_vm("perl -e 1; overlay; beams"));
    }
}
