//! What the release gets from us: files and variables, by its kind; and the host that its peers will look up.

mod command;
mod cookie;
mod erl;
mod mix;
mod rabbitmq;
mod scripts;
mod value;

pub use value::{Part, Value};

use super::cookie_file::{self, HomeCookie};
use super::run_dir::RunDir;
use super::template::Template;
use super::{Cookie, CookieMode, Kind, Release, SecretFile};
use crate::error::{Error, Problem, Stage};
use crate::exit;
use crate::identity::name::{Distribution, Fqdn, NodeHost, NodeName};
use crate::identity::{Identity, Source};
use crate::variables::RawEnv;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A `vm.args` as it will be, as far as it is handed over. It holds secrets.
#[derive(Default)]
pub struct NodeArgs {
    /// The file as a whole.
    pub text: String,
    /// The file without the node's name and cookie.
    pub without_node_flags: String,
    /// The file without the node's cookie.
    pub without_cookie: String,
    /// The node's name.
    pub node: Option<(Distribution, NodeName)>,
    /// The node's cookie.
    pub cookie: Option<Cookie>,
}

/// A release's own `vm.args`, which is no template: as much as can be told of it.
#[derive(Default)]
pub struct OwnArgs {
    /// Where it is.
    pub path: PathBuf,
    /// The file as a whole.
    pub text: String,
    /// The file without the node's cookie.
    pub without_cookie: String,
    /// The node's name, if it is one that the VM accepts.
    pub node: Option<(Distribution, NodeName)>,
    /// Whether it has `-sname`.
    pub has_sname: bool,
    /// The node's cookie, if it is one that the VM accepts.
    pub cookie: Option<Cookie>,
    /// How many cookies of the node it has.
    pub cookies: usize,
}

/// All that decides what a release gets.
pub struct Given<'a> {
    /// The release.
    pub release: &'a Release,
    /// The pod.
    pub identity: &'a Identity,
    /// The environment.
    pub raw: &'a RawEnv,
    /// `BEAMINIT_COOKIE`.
    pub cookie_mode: CookieMode,
    /// `BEAMINIT_COOKIE_FILE`, read.
    pub secret: Option<SecretFile>,
    /// Whether we render what the release's own scripts would.
    pub render: bool,
    /// The rendered `vm.args`, with its template.
    pub vm_args: Option<(Template, NodeArgs)>,
    /// The rendered `sys.config`, with its template.
    pub sys_config: Option<(Template, String)>,
    /// The release's own `vm.args`.
    pub own: Option<OwnArgs>,
}

/// What is to be written and set before the release starts.
#[derive(Debug, Default)]
pub struct HandOver {
    /// Files of the run directory.
    pub files: Vec<File>,
    /// Folders of the run directory.
    pub folders: Vec<&'static str>,
    /// Variables of the release.
    pub variables: Vec<(&'static str, Value)>,
    /// Those of them that a tool of the release must not have: it would start a second node of that name.
    pub not_for_tools: Vec<&'static str>,
    /// The variable in which its tools look for the cookie, where the release itself has none there.
    pub cookie_for_tools: Option<&'static str>,
    /// Variables that the release must not have: we did what they ask for.
    pub removed: Vec<&'static str>,
    /// The node's name, where it is known.
    pub node: Option<NodeName>,
    /// Whether the name is ours: nobody gave one.
    pub named_by_us: bool,
    /// Why the node has no name that a peer could look up, where that is known.
    pub not_distributed: Option<&'static str>,
    /// The cookie, where we hand it over.
    pub cookie: Option<Cookie>,
    /// Where the cookie is to be written in HOME.
    pub home_cookie: Option<PathBuf>,
    /// What the operator should know.
    pub warnings: Vec<Problem>,
}

/// A file of the run directory.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// Its name, in the run directory.
    pub name: &'static str,
    /// What it holds: secrets too.
    pub contents: String,
}

/// What is waited for before the release starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// This name must answer with an address of ours.
    Record(Fqdn),
    /// Nothing, for this reason.
    Nothing(String),
}

/// The variables that a release gets besides ours.
pub type Variables = Vec<(&'static str, OsString)>;

/// What was written. It must outlive the release.
#[derive(Debug)]
pub struct Written {
    /// The variables, as the release gets them.
    pub variables: Variables,
    /// The run directory, if one was needed.
    pub run_dir: Option<Rc<RunDir>>,
    /// The cookie file in HOME, if one was made.
    home_cookie: Option<HomeCookie>,
}

/// Where it is, for another image of this process: that one is to remove it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Leavings {
    run_dir: Option<PathBuf>,
    home_cookie: Option<PathBuf>,
}

impl Written {
    /// Lets what was written outlive this image.
    ///
    /// # Errors
    /// The kernel refuses, which it never does.
    pub fn hand_on(&self) -> io::Result<Leavings> {
        self.run_dir.as_ref().map_or(Ok(()), |dir| dir.hand_on())?;
        let run_dir = self.run_dir.as_ref().map(|dir| dir.path().to_owned());
        Ok(Leavings { run_dir, home_cookie: self.home_cookie.as_ref().and_then(|cookie| cookie.ours.clone()) })
    }
}

impl From<Leavings> for Written {
    /// Without the variables: the release has them.
    fn from(left: Leavings) -> Self {
        let run_dir = left.run_dir.map(RunDir::handed_on).map(Rc::new);
        Self {
            variables: Vec::new(),
            run_dir,
            home_cookie: left.home_cookie.map(|path| HomeCookie { ours: Some(path) }),
        }
    }
}

const VM_ARGS: &str = "vm.args";
/// No secret: with the one that is on the command line already it makes two, which cancel each other, and the VM reads its
/// cookie file.
const CANCELLING: &str = "-setcookie this-one-cancels-the-other\n";
/// No secret: what stands where a script looks for the cookie, when the VM finds it elsewhere.
const IN_A_FILE: &str = "the-cookie-is-in-a-file";
const SYS_CONFIG: &str = "sys.config";

impl HandOver {
    /// Decides what the release gets.
    ///
    /// # Errors
    /// Environment, secrets and templates contradict one another: exit code 65.
    pub fn plan(mut given: Given<'_>) -> Result<Self, Error> {
        let mut plan = Self { variables: identity_variables(given.identity), ..Self::default() };
        if given.render && given.release.kind.is_beam() {
            plan.removed = vec!["REPLACE_OS_VARS", "RELX_REPLACE_OS_VARS"];
        }
        match given.release.kind {
            Kind::Mix => plan.mix(&mut given)?,
            Kind::Distillery | Kind::Relx => plan.scripts(&mut given)?,
            Kind::Erl => plan.erl(&mut given)?,
            Kind::RabbitMq => plan.rabbitmq(&given)?,
            Kind::Command => plan.command(&mut given),
        }
        Ok(plan)
    }

    fn add_file(&mut self, name: &'static str, contents: String) {
        self.files.push(File { name, contents });
    }

    fn set(&mut self, variable: &'static str, value: impl Into<Value>) {
        self.variables.push((variable, value.into()));
    }

    /// The same for a guest in a container. HOME is not its own: a cookie there would be in the way of the init's. So
    /// where it would get one there it gets a HOME of its own.
    #[must_use]
    pub fn for_a_guest(mut self) -> Self {
        if let (Some(_), Some(cookie)) = (self.home_cookie.take(), &self.cookie) {
            let cookie = cookie.expose().to_owned();
            self.folders.push(cookie_file::FOLDER);
            self.add_file(cookie_file::IN_RUN_DIR, cookie);
            self.set("HOME", Value::in_run_dir(cookie_file::FOLDER));
        }
        self
    }

    /// What must not be shown of what the release gets.
    #[must_use]
    pub fn secrets(&self, raw: &RawEnv) -> Vec<String> {
        let ours = self.cookie.iter().map(|cookie| cookie.expose().to_owned());
        let theirs = [&raw.release_cookie, &raw.relx_cookie, &raw.cookie, &raw.rabbitmq_erlang_cookie];
        ours.chain(theirs.into_iter().flatten().cloned()).collect()
    }

    /// Whether anything is to be written to the run directory.
    #[must_use]
    pub fn needs_run_dir(&self) -> bool {
        !(self.files.is_empty() && self.folders.is_empty())
    }

    /// Writes the files to the run directory, which is opened only if one is needed, and gives the variables as the release gets them.
    ///
    /// # Errors
    /// There is no place to write to: exit code 73. Then no file is left half-written.
    pub fn write(&self, open: impl FnOnce() -> Result<RunDir, Error>) -> Result<Written, Error> {
        let dir = if self.needs_run_dir() { Some(open()?) } else { None };
        if let Some(dir) = &dir {
            self.folders.iter().try_for_each(|name| dir.make_dir(name).map(drop))?;
            for file in &self.files {
                let mode = if file.name == cookie_file::IN_RUN_DIR { 0o400 } else { 0o600 };
                dir.write(file.name, file.contents.as_bytes(), mode)?;
            }
        }
        let home_cookie = match (&self.home_cookie, &self.cookie) {
            (Some(path), Some(cookie)) => Some(HomeCookie::write(path, cookie)?),
            _ => None,
        };
        let root = dir.as_ref().map_or(Path::new(""), RunDir::path);
        let variables = self.variables.iter().map(|(name, value)| (*name, value.in_dir(root))).collect();
        Ok(Written { variables, run_dir: dir.map(Rc::new), home_cookie })
    }

    /// What peers will look up: the host of the node's name, else the pod's own name.
    #[must_use]
    pub fn awaited(&self, release: &Release, identity: &Identity) -> Awaited {
        if !release.starts_node {
            let tool = release.command.get(1).map(|word| word.to_string_lossy()).unwrap_or_default();
            return Awaited::Nothing(format!("the release's command {tool:?} starts no node"));
        }
        if let Some(reason) = self.not_distributed {
            return Awaited::Nothing(format!("the node is not distributed: {reason}"));
        }
        match self.node.as_ref().map(NodeName::host) {
            Some(NodeHost::Name(host)) if host.is_dotted() => Awaited::Record(in_full(host, identity)),
            Some(NodeHost::Name(host)) => Awaited::Nothing(format!("the node's host {host} is no name in full")),
            Some(NodeHost::Address(address)) => Awaited::Nothing(format!("the node is named by its address {address}")),
            Some(NodeHost::Absent) | None => match published_name(identity) {
                Some(fqdn) => Awaited::Record(fqdn.clone()),
                None => Awaited::Nothing("no headless service gives this pod a name".into()),
            },
        }
    }
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (…)", self.name)
    }
}

/// The pod's name, if a headless service should publish it. A host name that somebody gave a Docker container looks
/// alike in its hosts file, but no DNS need know it.
fn published_name(identity: &Identity) -> Option<&Fqdn> {
    let fqdn = identity.fqdn.as_ref()?;
    let from_kubernetes = fqdn.value.labels().nth(3) == Some("svc");
    (fqdn.source != Source::HostsFile || from_kubernetes).then_some(&fqdn.value)
}

/// What `web-0.web.ns` means to the resolvers of a pod and of its peers, whose search list completes it.
fn in_full(host: &Fqdn, identity: &Identity) -> Fqdn {
    let completed = |fqdn: &&Fqdn| fqdn.as_str().strip_prefix(host.as_str()).is_some_and(|rest| rest.starts_with('.'));
    published_name(identity).filter(completed).unwrap_or(host).clone()
}

/// What was derived, under the names that templates know it by. What was given stands in the environment already.
fn identity_variables(identity: &Identity) -> Vec<(&'static str, Value)> {
    let derived = identity.variables().into_iter().filter(|(name, _, source)| *source != Source::Variable(name));
    derived.map(|(name, value, _)| (name, value.into())).collect()
}

fn data_error(message: String) -> Error {
    Error::new(Stage::HandOver, exit::DATA, message)
}
