//! What the release gets from us: files and variables, by its kind; and the host that its peers will look up.

use super::run_dir::RunDir;
use super::template::VmArgsTemplate;
use super::{Cookie, Home, Kind, Release};
use crate::env::RawEnv;
use crate::error::{Error, Stage};
use crate::exit;
use crate::identity::name::{Distribution, Fqdn, NodeHost, NodeName};
use crate::identity::{Identity, Source};
use crate::sys;
use std::ffi::OsString;
use std::path::Path;

/// A rendered `vm.args`, as far as it is handed over.
#[derive(Debug)]
pub struct NodeArgs {
    /// The file as a whole.
    pub text: String,
    /// The file without the node's name and cookie.
    pub without_node_flags: String,
    /// The node's name.
    pub node: Option<(Distribution, NodeName)>,
    /// The node's cookie.
    pub cookie: Option<Cookie>,
}

/// What is to be written and set before the release starts.
#[derive(Debug, Default)]
pub struct HandOver {
    /// Files of the run directory, by name.
    pub files: Vec<(&'static str, String)>,
    /// Folders of the run directory.
    pub folders: Vec<&'static str>,
    /// Variables of the release.
    pub variables: Vec<(&'static str, Value)>,
    /// The node's name, where it is known.
    pub node: Option<NodeName>,
    /// Whether the name is ours: nobody gave one.
    pub named_by_us: bool,
}

/// The value of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// This text.
    Text(String),
    /// The path of this file or folder of the run directory.
    InRunDir(&'static str),
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

const VM_ARGS: &str = "vm.args";
const TMP: &str = "tmp";

impl HandOver {
    /// Decides what `release` gets.
    ///
    /// # Errors
    /// Environment and template contradict one another: exit code 65.
    pub fn plan(
        release: &Release,
        identity: &Identity,
        raw: &RawEnv,
        template: Option<(&VmArgsTemplate, NodeArgs)>,
    ) -> Result<Self, Error> {
        let mut plan = Self { variables: identity_variables(identity), ..Self::default() };
        match (release.kind, &release.home) {
            (Kind::Mix, Some(home)) => plan.mix(release, home, identity, raw, template)?,
            _ => plan.command(template),
        }
        Ok(plan)
    }

    /// A command gets the rendered file under the name by which it knew the template.
    fn command(&mut self, template: Option<(&VmArgsTemplate, NodeArgs)>) {
        let Some((source, args)) = template else { return };
        let variable = if source.named_by == "RELEASE_VM_ARGS" { "RELEASE_VM_ARGS" } else { "VMARGS_PATH" };
        self.add_file(VM_ARGS, args.text, variable);
        self.node = args.node.map(|(_, node)| node);
    }

    /// A mix release passes a name and a cookie on its VM's command line, whatever `vm.args` says: there, a second name
    /// is without effect and a second cookie cancels both. So both go where its script looks for them.
    fn mix(
        &mut self,
        release: &Release,
        home: &Home,
        identity: &Identity,
        raw: &RawEnv,
        template: Option<(&VmArgsTemplate, NodeArgs)>,
    ) -> Result<(), Error> {
        self.move_tmp(home, raw);
        let mut node = None;
        if let Some((source, args)) = template {
            agrees(
                source,
                "-name",
                "RELEASE_NODE",
                args.node.as_ref().map(|(_, node)| node.to_string()),
                raw.release_node.as_deref(),
            )?;
            agrees(
                source,
                "-setcookie",
                "RELEASE_COOKIE",
                args.cookie.as_ref().map(|cookie| cookie.expose().to_owned()),
                raw.release_cookie.as_deref(),
            )?;
            let own = Some(home.version_dir.join(VM_ARGS)).filter(|own| source.adds_to_own && own.is_file());
            let own = own.map(|own| format!("-args_file {}\n", quoted(&own)));
            self.add_file(VM_ARGS, own.unwrap_or_default() + &args.without_node_flags, "RELEASE_VM_ARGS");
            if let Some(cookie) = args.cookie {
                self.set("RELEASE_COOKIE", cookie.expose());
            }
            node = args.node;
        }
        let unnamed = raw.release_node.is_none() && raw.release_distribution.is_none();
        if node.is_none()
            && unnamed
            && let Some(fqdn) = published_name(identity)
        {
            let name = NodeName::on_host(&release.name, fqdn)
                .map_err(|reason| node_error(format!("the node name {}@{fqdn} {reason}", release.name)))?;
            node = Some((Distribution::Long, name));
            self.named_by_us = true;
        }
        match node {
            Some((distribution, node)) => {
                self.set("RELEASE_DISTRIBUTION", if distribution == Distribution::Long { "name" } else { "sname" });
                self.set("RELEASE_NODE", &node.to_string());
                self.node = Some(node);
            }
            // Where there is no such name, the script's own checks speak.
            None => self.node = raw.release_node.as_deref().and_then(|node| NodeName::parse(node).ok()),
        }
        Ok(())
    }

    /// With a runtime configuration the script writes to `RELEASE_TMP`, which lies in the release.
    fn move_tmp(&mut self, home: &Home, raw: &RawEnv) {
        let tmp = home.root.join(TMP);
        let writable = if tmp.exists() { sys::may_write(&tmp) } else { sys::may_write(&home.root) };
        if raw.release_tmp.is_none() && !writable {
            self.folders.push(TMP);
            self.variables.push(("RELEASE_TMP", Value::InRunDir(TMP)));
        }
    }

    fn add_file(&mut self, name: &'static str, contents: String, variable: &'static str) {
        self.files.push((name, contents));
        self.variables.push((variable, Value::InRunDir(name)));
    }

    fn set(&mut self, variable: &'static str, value: &str) {
        self.variables.push((variable, Value::Text(value.to_owned())));
    }

    /// What must not be shown of what the release gets.
    #[must_use]
    pub fn secrets(&self, raw: &RawEnv) -> Vec<String> {
        let lifted = self.variables.iter().filter(|(name, _)| *name == "RELEASE_COOKIE");
        let lifted =
            lifted.filter_map(|(_, value)| if let Value::Text(text) = value { Some(text.clone()) } else { None });
        lifted.chain(raw.release_cookie.clone()).collect()
    }

    /// Writes the files to the run directory, and gives the variables as the release gets them. The directory, if one
    /// was needed, must outlive the release.
    ///
    /// # Errors
    /// There is no place to write to: exit code 73. Then no file is left half-written.
    pub fn write(self, run_dir: Option<&Path>, tmpdir: Option<&Path>) -> Result<(Variables, Option<RunDir>), Error> {
        let needed = !(self.files.is_empty() && self.folders.is_empty());
        let tmpdir = tmpdir.filter(|dir| dir.is_absolute());
        let dir = if needed { Some(RunDir::open(run_dir, tmpdir)?) } else { None };
        if let Some(dir) = &dir {
            self.folders.iter().try_for_each(|name| dir.make_dir(name).map(drop))?;
            self.files.iter().try_for_each(|(name, contents)| dir.write(name, contents.as_bytes()).map(drop))?;
        }
        let root = dir.as_ref().map_or(Path::new(""), RunDir::path);
        let value = |value| match value {
            Value::Text(text) => OsString::from(text),
            Value::InRunDir(name) => root.join(name).into(),
        };
        Ok((self.variables.into_iter().map(|(name, given)| (name, value(given))).collect(), dir))
    }

    /// What peers will look up: the host of the node's name, else the pod's own name.
    #[must_use]
    pub fn awaited(&self, release: &Release, identity: &Identity, raw: &RawEnv) -> Awaited {
        if !release.starts_node {
            let tool = release.command.get(1).map(|word| word.to_string_lossy()).unwrap_or_default();
            return Awaited::Nothing(format!("the release's command {tool:?} starts no node"));
        }
        if self.node.is_none() && raw.release_distribution.as_deref() == Some("none") {
            return Awaited::Nothing("the node is not distributed".into());
        }
        match self.node.as_ref().map(NodeName::host) {
            Some(NodeHost::Name(host)) if host.is_dotted() => Awaited::Record(host.clone()),
            Some(NodeHost::Name(host)) => Awaited::Nothing(format!("the node's host {host} is no name in full")),
            Some(NodeHost::Address(address)) => Awaited::Nothing(format!("the node is named by its address {address}")),
            Some(NodeHost::Absent) | None => match published_name(identity) {
                Some(fqdn) => Awaited::Record(fqdn.clone()),
                None => Awaited::Nothing("no headless service gives this pod a name".into()),
            },
        }
    }
}

/// The pod's name, if a headless service should publish it. A host name that somebody gave a Docker container looks
/// alike in its hosts file, but no DNS need know it.
fn published_name(identity: &Identity) -> Option<&Fqdn> {
    let fqdn = identity.fqdn.as_ref()?;
    let from_kubernetes = fqdn.value.labels().nth(3) == Some("svc");
    (fqdn.source != Source::HostsFile || from_kubernetes).then_some(&fqdn.value)
}

/// What was derived, under the names that templates know it by. What was given stands in the environment already.
fn identity_variables(identity: &Identity) -> Vec<(&'static str, Value)> {
    let derived = identity.variables().into_iter().filter(|(name, _, source)| *source != Source::Variable(name));
    derived.map(|(name, value, _)| (name, Value::Text(value))).collect()
}

/// Two settings of the same thing must agree: which one the release took would be chance to its users.
fn agrees(
    source: &VmArgsTemplate,
    flag: &str,
    variable: &str,
    in_template: Option<String>,
    in_environment: Option<&str>,
) -> Result<(), Error> {
    match (in_template, in_environment) {
        (Some(template), Some(environment)) if template != environment => {
            let message = format!("{flag} of {} and {variable} of the environment differ", source.path.display());
            Err(node_error(message).hint(format!("drop one of them, or write {flag} ${{{variable}}} in the template")))
        }
        _ => Ok(()),
    }
}

fn node_error(message: String) -> Error {
    Error::new(Stage::HandOver, exit::DATA, message)
}

/// A path as a word of `vm.args`.
fn quoted(path: &Path) -> String {
    path.to_string_lossy().chars().fold(String::new(), |mut word, character| {
        if !(character.is_ascii_alphanumeric()
            || matches!(character, '/' | '.' | '_' | '-' | '+')
            || !character.is_ascii())
        {
            word.push('\\');
        }
        word.push(character);
        word
    })
}
