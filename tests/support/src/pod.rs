//! The description of a pod: what a manifest says, and what the kubelet makes of it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use tempfile::TempDir;

use super::cluster::{CLUSTER_DNS, Link, Network};
use super::launch::Context;
use super::net_namespace::NetNamespace;
use super::root_fs::{Bind, RootFs, new_termination_log};
use super::running_pod::RunningPod;
use super::scratch_dir;
use crate::places;

const BEAMINIT: &str = "/usr/local/bin/beaminit";

/// A file in /etc that the kubelet writes.
#[derive(Clone, Debug)]
pub enum PodFile {
    /// As the kubelet does.
    Kubelet,
    /// With this text.
    Custom(String),
    /// It does not exist.
    Missing,
}

impl PodFile {
    fn content(&self, kubelets: impl FnOnce() -> String) -> Option<String> {
        match self {
            Self::Kubelet => Some(kubelets()),
            Self::Custom(text) => Some(text.clone()),
            Self::Missing => None,
        }
    }
}

/// Which process the entrypoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsPid {
    /// The first one of its container.
    One,
    /// The child of a shell that is PID 1, waits for it alone and ends with its code.
    NotOne,
}

/// What is left of the description when the kubelet's part is done.
pub(super) struct Spec {
    /// Where the root file system is mounted and the termination log is.
    pub(super) scratch: TempDir,
    pub(super) network: NetNamespace,
    pub(super) link: Link,
    pub(super) host_name: String,
    pub(super) root: RootFs,
    pub(super) context: Context,
    pub(super) argv: Vec<OsString>,
    pub(super) stdin: Stdio,
    pub(super) as_pid: AsPid,
}

/// A pod that can be started. By default it runs as root, belongs to a `StatefulSet` and its headless
/// service (`web-0` to `web`) in the namespace `default`, and its entrypoint is the beaminit under test.
pub struct Pod {
    network: Arc<Network>,
    address: Ipv4Addr,
    name: String,
    service: Option<String>,
    namespace: String,
    service_account: bool,
    hosts: PodFile,
    resolv_conf: PodFile,
    env: BTreeMap<OsString, OsString>,
    uid: Option<u32>,
    gid: u32,
    read_only_root: bool,
    system: PathBuf,
    binds: Vec<Bind>,
    work_dir: PathBuf,
    entrypoint: Vec<OsString>,
    command: Vec<OsString>,
    stdin: Stdio,
    as_pid: AsPid,
}

impl Pod {
    pub fn new(network: Arc<Network>, name: &str) -> Self {
        let service = name.rsplit_once('-').map_or(name, |(service, _ordinal)| service);
        let env = [("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/")];
        Self {
            address: network.new_address(),
            network,
            name: name.to_owned(),
            service: Some(service.to_owned()),
            namespace: "default".to_owned(),
            service_account: false,
            hosts: PodFile::Kubelet,
            resolv_conf: PodFile::Kubelet,
            env: env.map(|(name, value)| (name.into(), value.into())).into(),
            uid: None,
            gid: 0,
            read_only_root: false,
            system: "/".into(),
            binds: Vec::new(),
            work_dir: "/".into(),
            entrypoint: vec!["beaminit".into()],
            command: Vec::new(),
            stdin: Stdio::null(),
            as_pid: AsPid::One,
        }
        .env("HOSTNAME", name)
        .mount(places::beaminit(), BEAMINIT)
    }

    /// The headless service, `spec.subdomain`.
    pub fn service(mut self, service: &str) -> Self {
        self.service = Some(service.to_owned());
        self
    }

    /// As a `Deployment`'s pod: it has no name below a service, and its hosts line none with a dot.
    pub fn without_subdomain(mut self) -> Self {
        self.service = None;
        self
    }

    pub fn namespace(mut self, namespace: &str) -> Self {
        namespace.clone_into(&mut self.namespace);
        self
    }

    /// Mounts the service account's namespace file.
    pub fn service_account(mut self) -> Self {
        self.service_account = true;
        self
    }

    /// Takes this address in place of the next free one: that of an earlier pod, which must have been dropped.
    pub fn at_address(mut self, address: IpAddr) -> Self {
        let IpAddr::V4(address) = address else { panic!("the pod network is IPv4: {address}") };
        self.address = address;
        self
    }

    /// /etc/hosts.
    pub fn hosts(mut self, hosts: PodFile) -> Self {
        self.hosts = hosts;
        self
    }

    /// /etc/resolv.conf.
    pub fn resolv_conf(mut self, resolv_conf: PodFile) -> Self {
        self.resolv_conf = resolv_conf;
        self
    }

    /// Adds to PATH, HOME and HOSTNAME, which a runtime sets.
    pub fn env(self, name: &str, value: &str) -> Self {
        self.env_os(name, value)
    }

    /// The same for a name or value that is not UTF-8.
    pub fn env_os(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.insert(name.as_ref().to_owned(), value.as_ref().to_owned());
        self
    }

    /// `runAsUser`, with all that a `restricted` namespace demands: no capability, no new privileges. The group stays
    /// 0, as Kubernetes has it without `runAsGroup`.
    pub fn uid(mut self, uid: u32) -> Self {
        self.uid = Some(uid);
        self
    }

    /// `runAsGroup`.
    pub fn gid(mut self, gid: u32) -> Self {
        self.gid = gid;
        self
    }

    /// Without `runAsUser`.
    pub fn without_uid(mut self) -> Self {
        self.uid = None;
        self
    }

    /// `readOnlyRootFilesystem`; /dev/shm and /dev/termination-log stay writable.
    pub fn read_only_root(mut self, read_only: bool) -> Self {
        self.read_only_root = read_only;
        self
    }

    /// The programs of another system than the machine's, in a directory. beaminit is there as it is delivered.
    pub fn system(mut self, root: &Path) -> Self {
        root.clone_into(&mut self.system);
        self.binds.retain(|bind| bind.to != Path::new(BEAMINIT));
        self.mount(places::static_beaminit(), BEAMINIT)
    }

    /// A `ConfigMap`: the directory's files, read-only, in /beamconfig.
    pub fn mount_config(self, dir: &Path) -> Self {
        self.mount(dir, "/beamconfig")
    }

    /// A release, read-only, in /app, which becomes the working directory.
    pub fn release(mut self, dir: &Path) -> Self {
        self.work_dir = "/app".into();
        self.mount(dir, "/app")
    }

    /// A file or directory of the machine, read-only. Below /usr only /usr/local/bin takes new names.
    pub fn mount(self, from: &Path, to: &str) -> Self {
        self.mounted(from, to, true)
    }

    /// The same, writable.
    pub fn mount_writable(self, from: &Path, to: &str) -> Self {
        self.mounted(from, to, false)
    }

    fn mounted(mut self, from: &Path, to: &str, read_only: bool) -> Self {
        self.binds.push(Bind { from: from.to_owned(), to: to.into(), read_only });
        self
    }

    /// Another `ENTRYPOINT`, such as a peer's.
    pub fn entrypoint<W: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.entrypoint = words.into_iter().map(|word| word.as_ref().to_owned()).collect();
        self
    }

    /// The command runs as it is.
    pub fn no_entrypoint(self) -> Self {
        self.entrypoint::<OsString>([])
    }

    /// `CMD`.
    pub fn command<W: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.command = words.into_iter().map(|word| word.as_ref().to_owned()).collect();
        self
    }

    /// Standard input; empty unless given.
    pub fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.stdin = stdin.into();
        self
    }

    pub fn runs_as(mut self, as_pid: AsPid) -> Self {
        self.as_pid = as_pid;
        self
    }

    /// The pod's own address.
    pub fn address(&self) -> IpAddr {
        self.address.into()
    }

    /// The name that its record has. Panics for a pod without subdomain.
    pub fn fqdn(&self) -> String {
        self.subdomain_name().expect("a pod with a subdomain")
    }

    fn subdomain_name(&self) -> Option<String> {
        let service = self.service.as_ref()?;
        Some(format!("{}.{service}.{}.svc.cluster.local", self.name, self.namespace))
    }

    fn kubelets_hosts(&self) -> String {
        let names = self.subdomain_name().map_or_else(|| self.name.clone(), |fqdn| format!("{fqdn}\t{}", self.name));
        format!(
            "# Kubernetes-managed hosts file.\n\
             127.0.0.1\tlocalhost\n\
             ::1\tlocalhost ip6-localhost ip6-loopback\n\
             fe00::\tip6-localnet\n\
             fe00::\tip6-mcastprefix\n\
             fe00::1\tip6-allnodes\n\
             fe00::2\tip6-allrouters\n\
             {}\t{names}\n",
            self.address
        )
    }

    fn kubelets_resolv_conf(&self) -> String {
        format!(
            "search {}.svc.cluster.local svc.cluster.local cluster.local\n\
             nameserver {CLUSTER_DNS}\n\
             options ndots:5\n",
            self.namespace
        )
    }

    /// Whether a program of the system has the place of a release: beaminit waits for such a program only if it is asked to.
    fn has_stand_in(&self) -> bool {
        let stand_ins = ["echo", "env", "sh", "sleep", "true", "cat", "printenv", "id"];
        let program = self.command.first().and_then(|word| word.to_str()).unwrap_or_default();
        let has = |name: &str| self.env.contains_key(OsStr::new(name));
        let is_in_dns = self.service.is_some() && matches!(self.hosts, PodFile::Kubelet);
        let is_in_dns = is_in_dns || has("MY_POD_FQDN") || has("MY_POD_SERVICE");
        is_in_dns && !has("BEAMINIT_WAIT") && stand_ins.contains(&program)
    }

    /// Starts it; returns as soon as the entrypoint runs.
    pub fn start(self) -> RunningPod {
        let this = if self.has_stand_in() { self.env("BEAMINIT_WAIT", "always") } else { self };
        this.run()
    }

    fn run(self) -> RunningPod {
        let token = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
        let files = [
            ("/etc/hosts", self.hosts.content(|| self.kubelets_hosts())),
            ("/etc/resolv.conf", self.resolv_conf.content(|| self.kubelets_resolv_conf())),
            ("/etc/hostname", Some(format!("{}\n", self.name))),
            (token, self.service_account.then(|| self.namespace.clone())),
        ];
        let files = files.into_iter().filter_map(|(path, content)| Some((path, content?))).collect();
        let (network, link) = self.network.plug(self.address);
        let scratch = scratch_dir();
        let (at, termination_log) = (scratch.path().join("root"), scratch.path().join("termination-log"));
        fs::create_dir(&at).unwrap();
        new_termination_log(&termination_log);
        RunningPod::start(Spec {
            scratch,
            network,
            link,
            host_name: self.name,
            root: RootFs {
                at,
                system: self.system,
                read_only: self.read_only_root,
                binds: self.binds,
                files,
                termination_log,
            },
            context: Context { env: self.env, uid: self.uid, gid: self.gid, work_dir: self.work_dir },
            argv: [self.entrypoint, self.command].concat(),
            stdin: self.stdin,
            as_pid: self.as_pid,
        })
    }
}
