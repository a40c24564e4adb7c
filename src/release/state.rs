//! What a start leaves behind for those who come later: `state.json` in its run directory, by which `exec` joins the
//! release that runs. It may hold the cookie, so it is as closed as that, and believed only if nobody else can have
//! written it and its writer lives in this container.

use super::hand_over::{HandOver, Variables};
use super::run_dir::{Places, RunDir};
use super::{Kind, Release};
use crate::error::{Error, cause};
use crate::identity::Identity;
use crate::sys;
use crate::variables::{Env, RawEnv};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

/// A start, as it was handed over to the release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    version: u32,
    /// The beaminit that wrote it.
    pub supervisor: Process,
    /// The release's first process, once it was started.
    pub main: Option<Process>,
    /// The mount namespace of both: what tells containers apart.
    pub mount_namespace: u64,
    /// When the release was handed over to, in seconds since 1970.
    pub written_at: u64,
    /// The release's kind.
    #[serde(with = "kind_by_name")]
    pub kind: Kind,
    /// The release's name.
    pub name: String,
    /// The folder with `bin` and `releases`.
    pub root: Option<Word>,
    /// The release's version.
    pub release_version: Option<String>,
    /// COMMAND.
    pub command: Vec<Word>,
    /// The node's name, where it is known.
    pub node: Option<String>,
    /// The pod's name in DNS.
    pub fqdn: Option<String>,
    /// The variables by which the release was told who it is, given or found out.
    pub variables: Vec<(Word, Word)>,
    /// Variables that the release did not get, though the container has them.
    pub unset: Vec<Word>,
}

/// A process, and when it was started in the kernel's ticks since boot: numbers alone come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// Field 22 of /proc/PID/stat.
    pub started: u64,
}

/// A word of a command line, a variable's name or its value, with its bytes. Never shown: it may be a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Form", into = "Form")]
pub struct Word(pub OsString);

/// A state that is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The file.
    pub path: PathBuf,
    /// Why, as the end of a sentence that begins with the file.
    pub reason: String,
}

const FILE: &str = "state.json";

/// Of the file's form. A container has one beaminit, so no form but this need be read.
const VERSION: u32 = 1;

/// More than the kernel takes for a command line and an environment, every byte of them escaped.
const MAX_SIZE: u64 = 64 << 20;

impl State {
    /// A start of ours that is about to happen. `None` where the kernel does not tell who we are: without /proc.
    #[must_use]
    pub fn of_this_start(
        release: &Release,
        identity: &Identity,
        env: &Env,
        hand_over: &HandOver,
        given: &Variables,
    ) -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "to be shown, not a deadline")]
        let written_at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        Some(Self {
            version: VERSION,
            supervisor: Process::living(i32::try_from(std::process::id()).ok()?)?,
            main: None,
            mount_namespace: sys::mount_namespace(),
            written_at,
            kind: release.kind,
            name: release.name.clone(),
            root: release.home.as_ref().map(|home| Word(home.root.clone().into())),
            release_version: release.home.as_ref().map(|home| home.version.clone()),
            command: release.command.iter().cloned().map(Word).collect(),
            node: hand_over.node.as_ref().map(ToString::to_string),
            fqdn: identity.fqdn.as_ref().map(|fqdn| fqdn.value.to_string()),
            variables: variables(env, hand_over, given),
            unset: hand_over.removed.iter().map(|name| Word(name.into())).collect(),
        })
    }

    /// Finds the state of the release that runs in this container. Without one: those that are there, but not to be
    /// believed.
    ///
    /// # Errors
    /// There is none to be believed.
    pub fn find(places: &Places) -> Result<Self, Vec<Rejected>> {
        Self::find_with_place(places).map(|(state, _)| state)
    }

    /// The same, with the run directory that it is in.
    ///
    /// # Errors
    /// There is none to be believed.
    pub fn find_with_place(places: &Places) -> Result<(Self, PathBuf), Vec<Rejected>> {
        let mut rejected = Vec::new();
        for dir in places.of_a_start() {
            match Self::read(&dir) {
                Ok(Some(state)) => return Ok((state, dir)),
                Ok(None) => {}
                Err(reason) => rejected.push(Rejected { path: dir.join(FILE), reason }),
            }
        }
        Err(rejected)
    }

    /// The state in this directory, if there is one; else why it is not to be believed.
    fn read(dir: &Path) -> Result<Option<Self>, String> {
        let missing =
            |error: &io::Error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        let file = match sys::open_private(dir, FILE) {
            Err(error) if missing(&error) => return Ok(None),
            opened => opened.map_err(|error| cause(&error))?,
        };
        let mut json = Vec::new();
        file.take(MAX_SIZE).read_to_end(&mut json).map_err(|error| cause(&error))?;
        let state = Self::parse(&json)?;
        state.is_of_this_container()?;
        Ok(Some(state))
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
            format!("it is no state of a start: line {}, column {}", error.line(), error.column())
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

    /// Whether its writer lives in this container: else it is another's with whom we share a volume, or left over.
    fn is_of_this_container(&self) -> Result<(), String> {
        if self.mount_namespace != sys::mount_namespace() {
            return Err("it is of another container".into());
        }
        if Process::living(self.supervisor.pid) != Some(self.supervisor) {
            return Err(format!("the beaminit that wrote it, process {}, has ended", self.supervisor.pid));
        }
        Ok(())
    }
}

/// The state of this start on disk. It keeps the run directory.
#[derive(Debug)]
pub struct Record {
    state: State,
    dir: Rc<RunDir>,
}

impl Record {
    /// Writes it for the first time: the release is not started yet.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(state: State, dir: Rc<RunDir>) -> Result<Self, Error> {
        dir.write(FILE, state.to_json().as_bytes(), 0o600)?;
        Ok(Self { state, dir })
    }

    /// Where it stands.
    #[must_use]
    pub fn dir(&self) -> Rc<RunDir> {
        Rc::clone(&self.dir)
    }

    /// Writes it again, with the release's first process.
    ///
    /// # Errors
    /// It cannot be written; then it stands as before.
    pub fn started(&self, main: i32) -> Result<(), Error> {
        let state = State { main: Process::living(main), ..self.state.clone() };
        self.dir.write(FILE, state.to_json().as_bytes(), 0o600).map(drop)
    }
}

/// The variables by which tools of the release find its node: what we gave it, and what it knows from our environment,
/// since a script before us may have set that, of which `kubectl exec` knows nothing.
fn variables(env: &Env, hand_over: &HandOver, given: &Variables) -> Vec<(Word, Word)> {
    let theirs = RawEnv::NAMES.iter().copied().filter(|name| !FLAGS.contains(name));
    let theirs = theirs.filter_map(|name| Some((name, env.get(name)?.to_owned())));
    let changed = |name: &str| given.iter().any(|(given, _)| *given == name) || hand_over.removed.contains(&name);
    let cookie = hand_over.cookie_for_tools.zip(hand_over.cookie.as_ref());
    let cookie = cookie.map(|(name, cookie)| (name, OsString::from(cookie.expose())));
    let is_theirs = |name: &str| hand_over.not_for_tools.contains(&name) || hand_over.cookie_for_tools == Some(name);
    let given_to_tools = given.iter().filter(|(name, _)| !is_theirs(name)).cloned().chain(cookie);
    let all = theirs.filter(|(name, _)| !changed(name)).chain(given_to_tools);
    all.map(|(name, value)| (Word(name.into()), Word(value))).collect()
}

/// Flags of the node alone: a tool with its name would be a second one.
const FLAGS: [&str; 4] = ["ERL_AFLAGS", "ERL_FLAGS", "ERL_ZFLAGS", "ELIXIR_ERL_OPTIONS"];

impl Process {
    /// Whether it still lives.
    #[must_use]
    pub fn lives(self) -> bool {
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

/// JSON has text only; what is none goes as numbers.
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

mod kind_by_name {
    use super::Kind;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "so serde calls it")]
    pub(super) fn serialize<S: Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
        kind.name().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
        let name = String::deserialize(deserializer)?;
        Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| D::Error::custom("no such kind"))
    }
}

#[cfg(test)]
mod tests;
