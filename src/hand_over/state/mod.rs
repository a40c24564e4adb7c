//! What a start leaves behind for those who come later: `state.json` in its run directory, by which `exec` joins the
//! release that runs. It may hold the cookie, so it is as closed as that, and believed only if nobody else can have
//! written it and its writer lives in this container.

pub(crate) mod other_init;
mod phase;

pub(crate) use self::phase::Phase;
use super::contents::{HandOver, ReleaseVariables};
use super::run_dir::{RunDir, RunDirPlaces, RunFileMode};
use crate::error::{Error, cause};
use crate::release::ReleaseLayout;
use crate::sys;
use crate::variables::{Env, RawEnv};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A start, as it was handed over to the release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    version: u32,
    /// The beaminit that wrote it.
    pub(crate) supervisor: RecordedProcess,
    /// The release's first process, once it was started.
    pub(crate) main: Option<RecordedProcess>,
    /// The mount namespace of both: what distinguishes containers.
    pub(crate) mount_namespace: u64,
    /// How far the start has come.
    pub(crate) phase: Phase,
    /// When the release was handed over to, in seconds since 1970.
    pub(crate) written_at: u64,
    /// The name of the release's kind.
    pub(crate) kind: String,
    /// The release's name.
    pub(crate) name: String,
    /// The directory with `bin` and `releases`.
    pub(crate) root: Option<Word>,
    /// The release's version.
    pub(crate) release_version: Option<String>,
    /// COMMAND.
    pub command: Vec<Word>,
    /// The node's name, where it is known.
    pub(crate) node: Option<String>,
    /// The pod's name in DNS.
    pub(crate) fqdn: Option<String>,
    /// The variables by which the release knows who it is, given or derived.
    pub variables: Vec<(Word, Word)>,
    /// Variables that the release did not get, though the container has them.
    pub(crate) unset: Vec<Word>,
}

/// What is started, as its state describes it.
pub(crate) struct StartedRelease<'a> {
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
    pub(crate) layout: Option<&'a ReleaseLayout>,
    pub(crate) command: &'a [OsString],
    pub(crate) fqdn: Option<String>,
}

/// A process, and when it was started in the kernel's ticks since boot: numbers alone come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RecordedProcess {
    /// Its number.
    pub(crate) pid: i32,
    /// Field 22 of /proc/PID/stat.
    pub(crate) started: u64,
}

/// A word of a command line, a variable's name or its value, with its bytes. Never shown: it may be a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Form", into = "Form")]
pub struct Word(pub(crate) OsString);

/// A state that is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejected {
    /// The file.
    pub(crate) path: PathBuf,
    /// Why, as the end of a sentence that begins with the file.
    pub(crate) reason: String,
}

const FILE: &str = "state.json";

/// Of the file's form. A container has one beaminit, so no form but this need be read.
const VERSION: u32 = 1;

/// More than the kernel takes for a command line and an environment, every byte of them escaped.
const MAX_SIZE: u64 = 64 << 20;

impl State {
    /// A start of ours that is about to happen. `None` without /proc, which says who we are.
    pub(crate) fn of_this_start(
        started: StartedRelease<'_>,
        env: &Env,
        hand_over: &HandOver,
        given: &ReleaseVariables,
    ) -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "to be shown, not a deadline")]
        let written_at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        Some(Self {
            version: VERSION,
            supervisor: RecordedProcess::living(i32::try_from(std::process::id()).ok()?)?,
            main: None,
            mount_namespace: sys::mount_namespace(),
            phase: Phase::started(),
            written_at,
            kind: started.kind.to_owned(),
            name: started.name.to_owned(),
            root: started.layout.map(|layout| Word(layout.root.clone().into())),
            release_version: started.layout.map(|layout| layout.version.clone()),
            command: started.command.iter().cloned().map(Word).collect(),
            node: hand_over.node.as_ref().map(ToString::to_string),
            fqdn: started.fqdn,
            variables: variables_for_tools(env, hand_over, given),
            unset: hand_over.removed.iter().map(|name| Word(name.into())).collect(),
        })
    }

    pub(super) fn in_phase(self, phase: Phase) -> Self {
        Self { phase, ..self }
    }

    /// Finds the state of this container's start, waiting or not, with the run directory that it is in; `is_kind` says
    /// which kinds of releases there are.
    ///
    /// # Errors
    /// No state can be used: those that were found, with the reason.
    pub(crate) fn find(
        places: &RunDirPlaces,
        is_kind: impl Fn(&str) -> bool,
    ) -> Result<(Self, PathBuf), Vec<Rejected>> {
        let mut rejected = Vec::new();
        for dir in places.of_a_start() {
            let reason = match Self::read(&dir) {
                Ok(Some(state)) if is_kind(&state.kind) => return Ok((state, dir)),
                Ok(Some(_)) => "it is of a kind of release that this beaminit does not know".into(),
                Ok(None) => continue,
                Err(reason) => reason,
            };
            rejected.push(Rejected { path: dir.join(FILE), reason });
        }
        Err(rejected)
    }

    /// The state in this directory, if there is one; else why it is not to be believed.
    fn read(dir: &Path) -> Result<Option<Self>, String> {
        let Some(json) = Self::read_text(dir)? else { return Ok(None) };
        let state = Self::parse(&json)?;
        state.is_of_this_container()?;
        Ok(Some(state))
    }

    fn read_text(dir: &Path) -> Result<Option<Vec<u8>>, String> {
        let missing =
            |error: &io::Error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        let file = match sys::open_private(dir, FILE) {
            Err(error) if missing(&error) => return Ok(None),
            opened => opened.map_err(|error| cause(&error))?,
        };
        let mut json = Vec::new();
        file.take(MAX_SIZE).read_to_end(&mut json).map_err(|error| cause(&error))?;
        Ok(Some(json))
    }

    /// Reads a state's text.
    ///
    /// # Errors
    /// What is wrong with it. The text is not quoted.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        // serde_json's own sentences may quote values.
        let wrong = |error: serde_json::Error| {
            format!("it is not the state of a start: line {}, column {}", error.line(), error.column())
        };
        let Version { version } = serde_json::from_slice(json).map_err(wrong)?;
        if version != VERSION {
            return Err(format!("it has form {version}, this beaminit reads form {VERSION}"));
        }
        let state: Self = serde_json::from_slice(json).map_err(wrong)?;
        let names = state.variables.iter().map(|(name, _)| name).chain(&state.unset);
        let values = state.variables.iter().map(|(_, value)| value).chain(&state.command);
        if names.into_iter().all(Word::is_name) && values.into_iter().all(Word::is_value) {
            Ok(state)
        } else {
            Err("it has a variable that no environment can have".into())
        }
    }

    /// The text that [`State::parse`] reads.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Nothing in it can fail: no map has other keys than strings.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Writes it for `exec` and probes to find.
    ///
    /// # Errors
    /// It cannot be written; then it is as before.
    pub(crate) fn write(&self, dir: &RunDir) -> Result<(), Error> {
        dir.write(FILE, self.to_json().as_bytes(), RunFileMode::PRIVATE).map(drop)
    }

    /// The same once the release's first process is started.
    pub(crate) fn with_main(self, main: i32) -> Self {
        Self { main: RecordedProcess::living(main), ..self }
    }

    /// Whether its writer lives in this container: else it is another's with whom we share a volume, or left over.
    fn is_of_this_container(&self) -> Result<(), String> {
        if self.mount_namespace != sys::mount_namespace() {
            return Err("it is of another container".into());
        }
        if !self.supervisor.lives() {
            return Err(format!("the beaminit that wrote it, process {}, has ended", self.supervisor.pid));
        }
        Ok(())
    }
}

/// The variables by which tools of the release find its node: what we gave it, and what it knows from our environment,
/// since a script before us may have set that, of which `kubectl exec` knows nothing.
fn variables_for_tools(env: &Env, hand_over: &HandOver, given: &ReleaseVariables) -> Vec<(Word, Word)> {
    let mut variables = Vec::new();
    for name in RawEnv::NAMES.iter().copied() {
        let is_changed = given.iter().any(|(given, _)| *given == name) || hand_over.removed.contains(&name);
        if FLAGS.contains(&name) || is_changed {
            continue;
        }
        if let Some(value) = env.get(name) {
            variables.push((Word(name.into()), Word(value.to_owned())));
        }
    }
    for (name, value) in given {
        if !hand_over.not_for_tools.contains(name) && hand_over.cookie_for_tools != Some(name) {
            variables.push((Word(name.into()), Word(value.clone())));
        }
    }
    if let (Some(name), Some(cookie)) = (hand_over.cookie_for_tools, &hand_over.cookie) {
        variables.push((Word(name.into()), Word(cookie.expose().into())));
    }
    variables
}

/// Flags of the node alone: a tool with its name would be a second one.
const FLAGS: [&str; 4] = ["ERL_AFLAGS", "ERL_FLAGS", "ERL_ZFLAGS", "ELIXIR_ERL_OPTIONS"];

impl RecordedProcess {
    /// Whether it still lives.
    pub(crate) fn lives(self) -> bool {
        Self::living(self.pid) == Some(self)
    }

    /// The process of this number, if it lives.
    fn living(pid: i32) -> Option<Self> {
        Some(Self { pid, started: sys::living_since(pid)? })
    }
}

impl Word {
    fn is_value(&self) -> bool {
        !self.0.as_encoded_bytes().contains(&0)
    }

    fn is_name(&self) -> bool {
        !self.0.is_empty() && self.is_value() && !self.0.as_encoded_bytes().contains(&b'=')
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

/// JSON has text only; bytes that are not text are written as numbers.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<Form> for Word {
    fn from(form: Form) -> Self {
        use std::os::unix::ffi::OsStringExt as _;
        match form {
            Form::Text(text) => Self(text.into()),
            Form::Bytes(bytes) => Self(OsString::from_vec(bytes)),
        }
    }
}

impl From<Word> for Form {
    fn from(Word(word): Word) -> Self {
        word.into_string().map_or_else(|word| Self::Bytes(word.into_encoded_bytes()), Self::Text)
    }
}

#[cfg(test)]
mod tests;
