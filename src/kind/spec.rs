//! What a kind of release is described by.

use crate::command::FollowedCommand;
use crate::error::Error;
use crate::hand_over::HandOver;
use crate::hand_over::access::FileAccess;
use crate::hand_over::cookie::SecretFile;
use crate::identity::Identity;
use crate::release::{ReleaseLayout, StartScript};
use crate::render::VmArgsFile;
use crate::variables::{CookieMode, RawEnv};
use std::ffi::OsString;
use std::fmt;
use std::ops::Deref;
use std::path::PathBuf;

/// What is special about a kind of release. What one does not say is as with a plain command.
pub struct KindSpec {
    /// The kind as settings and messages name it.
    pub(crate) name: &'static str,
    /// Whether COMMAND becomes a BEAM, whose ways with signals are known.
    pub(crate) is_beam: bool,
    pub(crate) layout: LayoutUse,
    /// Whether a start script is of this kind: what shows it, as the end of a sentence. Files and what the script reads
    /// decide, never the release's name.
    pub(crate) recognise: fn(&StartScript) -> Option<&'static str>,
    /// Whether the script's arguments make it a node. Others, such as `eval`, run a tool of the release.
    pub(crate) starts_node: fn(&StartScript) -> bool,
    /// The argument with which the start script makes a node in the foreground.
    pub(crate) foreground: Option<&'static str>,
    /// Those with which it sends the VM to the background and ends at once.
    pub(crate) background: &'static [&'static str],
    /// Why no file of ours is a template to it, where that is so.
    pub(crate) ignores_templates: Option<&'static str>,
    pub(crate) script_rendering: ScriptRendering,
    /// The variables that may name `vm.args`, the one that counts first.
    pub(crate) vm_args_variables: &'static [&'static str],
    /// The variables that may name `sys.config`, the one that counts first.
    pub(crate) sys_config_variables: &'static [&'static str],
    pub(crate) own_vm_args: OwnVmArgs,
    /// The variable in which the start script looks for the cookie.
    pub(crate) cookie_variable: Option<&'static str>,
    /// Decides what the release gets.
    pub(crate) hand_over: fn(&mut HandOver, &HandOverInput<'_>) -> Result<(), Error>,
}

/// What the directories around the start script are to a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LayoutUse {
    /// It does not start without a release around it. The VM stays in the working directory.
    Required,
    /// As [`LayoutUse::Required`], but the script changes to the release's root before it starts the VM.
    RequiredAndEntered,
    /// It may be a release's plain script, or any other program.
    IfItIsARelease,
    /// They mean nothing to it.
    Ignored,
}

/// What becomes of the release's own `vm.args`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnVmArgs {
    /// A template takes its place, unless that is one which adds to it.
    UnlessReplaced,
    /// A template takes its place; without one it is handed over.
    HandedOverWithoutTemplate,
    /// The script puts it on the command line whatever we hand over.
    AlwaysRead,
}

/// Which placeholders the start script itself fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScriptRendering {
    Never,
    /// Those of the release's own files, where `REPLACE_OS_VARS` is set.
    ReplaceOsVars,
    /// Those of files with the suffix `.src` too. It also looks for its files in the release's root.
    SrcFiles,
}

/// A row of the table of kinds.
#[derive(Clone, Copy)]
pub struct Kind(pub(super) &'static KindSpec);

impl Deref for Kind {
    type Target = KindSpec;

    fn deref(&self) -> &KindSpec {
        self.0
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Kind {}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// What COMMAND starts.
#[derive(Debug)]
pub struct Release {
    pub(crate) kind: Kind,
    /// What shows the kind.
    pub(crate) why: &'static str,
    /// `RELEASE_NAME`, else the name that the start script is written for.
    pub(crate) name: String,
    /// Where it is; absent for commands, and for a VM that is started directly.
    pub layout: Option<ReleaseLayout>,
    /// Whether COMMAND starts a node, as against a tool of the release such as `eval`.
    pub(crate) starts_node: bool,
    /// What was given to run.
    pub(crate) command: Vec<OsString>,
    /// What that runs in the end.
    pub(crate) followed: FollowedCommand,
    /// The file that its first word is, if there is one.
    pub(crate) file: Option<PathBuf>,
    /// The major version of the runtime system, if it is known.
    pub(crate) erts: Option<u32>,
}

/// A file that is a template, and why it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    /// The file.
    pub(crate) path: PathBuf,
    /// The variable that named it.
    pub(crate) named_by: &'static str,
    /// Whether the release's own file holds as well, with this file's flags behind its own: so for `vm.args` in a
    /// directory of configuration, whose template is about the node; a file that is named by its path replaces the whole.
    pub(crate) adds_to_own: bool,
    /// Whether it is the release's own file.
    pub(crate) is_own: bool,
}

/// All that decides what a release gets.
pub(crate) struct HandOverInput<'a> {
    pub(crate) release: &'a Release,
    pub(crate) identity: &'a Identity,
    /// The environment.
    pub(crate) raw: &'a RawEnv,
    /// Who may read the files that are written.
    pub(crate) access: FileAccess,
    /// `BEAMINIT_COOKIE`.
    pub(crate) cookie_mode: CookieMode,
    /// `BEAMINIT_COOKIE_FILE`, read.
    pub(crate) secret: Option<SecretFile>,
    /// Whether we render what the release's own scripts would.
    pub(crate) render: bool,
    /// The rendered `vm.args`, with its template.
    pub(crate) vm_args: Option<(&'a Template, &'a VmArgsFile)>,
    /// The rendered `sys.config`, with its template.
    pub(crate) sys_config: Option<(&'a Template, &'a str)>,
    /// The release's own `vm.args`, where what it says counts.
    pub(crate) own: Option<(PathBuf, VmArgsFile)>,
}
