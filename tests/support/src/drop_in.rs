//! One set-up, run as it is and behind beaminit: what differs between the two runs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::files::{directory_of, files_of, set_mode, shared_dir};
use super::vm::{BOOT, environment, vm, wait_until_idle};
use super::{Built, Cluster, DnsSettings, Ended, Pod, RunningPod, scratch_dir};

/// The pod of each set-up, in the namespace `default`.
pub const POD: &str = "demo-0";
pub const FQDN: &str = "demo-0.demo.default.svc.cluster.local";
/// The node's name without beaminit, and the one that beaminit gives it.
pub const NAMES: (&str, &str) = ("demo@demo-0", "demo@demo-0.demo.default.svc.cluster.local");

/// How a run ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// By itself.
    Itself,
    /// By a TERM to the entrypoint, as the kubelet sends it.
    Term,
    /// By a TERM to the VM: where the entrypoint would not pass one on.
    VmStopped,
}

type Described = Box<dyn Fn(Pod) -> Pod>;

/// An image, a manifest, and in what the two runs may differ.
pub struct SetUp {
    what: String,
    release: Built,
    command: Vec<String>,
    /// Path in the release, text.
    files: Vec<(String, String)>,
    /// Name in /beamconfig, text.
    config: Vec<(String, String)>,
    described: Vec<Described>,
    settings: Vec<(String, String)>,
    tools: Vec<Vec<String>>,
    marker: String,
    end: End,
    has_record: bool,
    names: Option<(String, String)>,
    may_change: Vec<String>,
    /// Where files have names by chance.
    random_names_in: Option<String>,
    may_leave: Vec<String>,
}

/// What one run shows.
#[derive(Debug)]
struct Seen {
    ended: Ended,
    /// Sorted, since several processes write.
    output: Vec<String>,
    /// Path, mode and owner of what is left.
    left: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    /// Exit code and output of each tool.
    tools: Vec<String>,
}

impl SetUp {
    /// A release in /app, which the user may write, and its command. It runs when its application says so, and is ended by
    /// a TERM.
    pub fn new(what: &str, release: Built, command: &[&str]) -> Self {
        Self {
            what: what.to_owned(),
            release,
            command: owned(command),
            files: Vec::new(),
            config: Vec::new(),
            described: Vec::new(),
            settings: Vec::new(),
            tools: Vec::new(),
            marker: "demo runs on".to_owned(),
            end: End::Term,
            has_record: true,
            names: None,
            may_change: Vec::new(),
            random_names_in: None,
            may_leave: Vec::new(),
        }
    }

    /// An executable file in the release's directory, in place of what is there.
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }

    /// A file of the ConfigMap, which is mounted in /beamconfig.
    pub fn config(mut self, name: &str, text: &str) -> Self {
        self.config.push((name.to_owned(), text.to_owned()));
        self
    }

    pub fn env(self, name: &str, value: &str) -> Self {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.pod(move |pod| pod.env(&name, &value))
    }

    /// Whatever else is to be said of the pod.
    pub fn pod(mut self, described: impl Fn(Pod) -> Pod + 'static) -> Self {
        self.described.push(Box::new(described));
        self
    }

    /// A variable that only the run behind beaminit has. A set-up that needs one to work is not a drop-in: for limits only.
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A program that is run beside the release, without `beaminit exec`, as probes and hooks are.
    pub fn tool(mut self, words: &[&str]) -> Self {
        self.tools.push(owned(words));
        self
    }

    /// The line from which on it runs.
    pub fn runs_when(mut self, line: &str) -> Self {
        line.clone_into(&mut self.marker);
        self
    }

    pub fn ends_by_itself(mut self) -> Self {
        self.end = End::Itself;
        self
    }

    /// The TERM goes to the VM: without beaminit the entrypoint would swallow it.
    pub fn ends_with_its_vm(mut self) -> Self {
        self.end = End::VmStopped;
        self
    }

    /// The pod never gets a record.
    pub fn without_record(mut self) -> Self {
        self.has_record = false;
        self
    }

    /// beaminit gives the node its name, as README says.
    pub fn named_by_us(self) -> Self {
        self.renamed(NAMES.0, NAMES.1).may_change(&["RELEASE_DISTRIBUTION", "RELEASE_NODE"])
    }

    pub fn renamed(mut self, bare: &str, ours: &str) -> Self {
        self.names = Some((bare.to_owned(), ours.to_owned()));
        self
    }

    /// Variables of the VM that beaminit changes, as README says.
    pub fn may_change(mut self, names: &[&str]) -> Self {
        self.may_change.extend(owned(names));
        self
    }

    /// A directory, in a path of the pod, in which files get names by chance.
    pub fn random_names_in(mut self, dir: &str) -> Self {
        self.random_names_in = Some(format!("{dir}/"));
        self
    }

    /// A file that the release's own rendering leaves, and ours does not.
    pub fn may_leave(mut self, path: &str) -> Self {
        self.may_leave.push(path.to_owned());
        self
    }

    /// Runs it twice, and panics if the runs differ.
    #[track_caller]
    pub fn changes_nothing(self) {
        let cluster = Cluster::start(DnsSettings::default());
        let pod = cluster.pod(POD);
        let address = pod.address();
        // Without it a pod of a system's program asks for a wait.
        let bare = self.run(&cluster, pod.no_entrypoint().env("BEAMINIT_WAIT", "auto"));
        let pod = cluster.pod(POD).at_address(address).env("BEAMINIT_WAIT", "auto");
        let ours = self.run(&cluster, self.settings.iter().fold(pod, |pod, (name, value)| pod.env(name, value)));
        let differences = self.differences(&bare, &ours);
        let (bare, ours) = (bare.output, ours.output);
        assert!(differences.is_empty(), "{}: {differences:#?}\nbare: {bare:#?}\nours: {ours:#?}", self.what);
    }

    fn differences(&self, bare: &Seen, ours: &Seen) -> Vec<String> {
        let mut found = Vec::new();
        if bare.ended != ours.ended {
            found.push(format!("it ended with {:?}, bare with {:?}", ours.ended, bare.ended));
        }
        let renamed = |text: &String| match &self.names {
            Some((bare, ours)) => text.replace(ours, bare).replace(&masked(ours), &masked(bare)),
            None => text.clone(),
        };
        let output: Vec<_> = ours.output.iter().map(renamed).collect();
        found.extend(only_in(&bare.output, &output).map(|line| format!("a line is missing: {line}")));
        found.extend(only_in(&output, &bare.output).map(|line| format!("a line is new: {line}")));
        for (path, file) in &bare.left {
            match ours.left.get(path) {
                Some(other) if other == file => {}
                None if self.may_leave.contains(path) => {}
                other => found.push(format!("{path} is left as {other:?}, bare {file}")),
            }
        }
        found.extend(
            ours.left.keys().filter(|path| !bare.left.contains_key(*path)).map(|path| format!("{path} is left")),
        );
        for (name, value) in &bare.environment {
            let other = ours.environment.get(name).map(renamed);
            if other.as_ref() != Some(value) && !self.may_change.contains(name) {
                found.push(format!("{name} is {other:?}, bare {value:?}"));
            }
        }
        for (bare, ours) in bare.tools.iter().zip(&ours.tools) {
            if *bare != renamed(ours) {
                found.push(format!("a tool says {ours}, bare {bare}"));
            }
        }
        found
    }

    fn run(&self, cluster: &Cluster, pod: Pod) -> Seen {
        let image = self.image();
        let config: Vec<_> = self.config.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let (config, home, tmp, shm) = (directory_of(&config), shared_dir(), shared_dir(), shared_dir());
        let pod = pod.release(self.release.dir()).mount_writable(image.path(), "/app");
        let pod = pod.mount_config(config.path()).mount_writable(home.path(), "/home").env("HOME", "/home");
        let pod = pod.mount_writable(tmp.path(), "/tmp").mount_writable(shm.path(), "/dev/shm");
        // The pod would else ask for a wait with some programs that stand in for a release.
        let pod = pod.env("BEAMINIT_WAIT", "auto");
        let pod = self.described.iter().fold(pod.command(&self.command), |pod, described| described(pod));
        if self.has_record {
            cluster.dns().publish(FQDN, &[pod.address()]);
        }
        let pod = pod.start();
        let mut seen = self.watch(&pod);
        drop(pod);
        for (name, dir) in [("/app", &image), ("/home", &home), ("/tmp", &tmp), ("/dev/shm", &shm)] {
            let left = left_in(name, dir.path()).into_iter();
            seen.left.extend(left.map(|(path, file)| (self.without_chance(path), file)));
        }
        seen
    }

    fn without_chance(&self, path: String) -> String {
        match &self.random_names_in {
            Some(dir) if path.starts_with(dir) => format!("{dir}…"),
            _ => path,
        }
    }

    /// A copy of the release, with its further files, that every user may write.
    fn image(&self) -> TempDir {
        let dir = scratch_dir();
        let copied = Command::new("cp").arg("-R").arg(self.release.dir().join(".")).arg(dir.path()).status();
        assert!(copied.unwrap().success(), "{}", self.what);
        for (path, text) in &self.files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            set_mode(&path, 0o755);
        }
        let opened = Command::new("chmod").args(["-R", "a+rwX"]).arg(dir.path()).status();
        assert!(opened.unwrap().success(), "{}", self.what);
        dir
    }

    /// From the start to the end of a run.
    fn watch(&self, pod: &RunningPod) -> Seen {
        let (mut variables, mut tools) = (BTreeMap::new(), Vec::new());
        if !matches!(self.end, End::Itself) {
            pod.expect_line(&self.marker, 3 * BOOT);
            wait_until_idle(pod);
            variables = vm(pod).map(|vm| environment(vm.pid)).unwrap_or_default();
            tools.extend(self.tools.iter().map(|words| run_tool(pod, words)));
        }
        let ended = self.end(pod);
        let mut output: Vec<_> = pod.log().into_iter().map(|line| masked(&line.text)).collect();
        // In front of an error beaminit ends a line that the release may have left open.
        output.retain(|line| !is_of_the_supervisor(line));
        output.sort();
        Seen { ended, output, left: BTreeMap::new(), environment: variables, tools }
    }

    /// A VM drops a TERM that arrives while it boots: bare it gets another one until it ends.
    fn end(&self, pod: &RunningPod) -> Ended {
        for _ in 0..30 {
            match self.end {
                End::Itself => {}
                End::Term => pod.signal(15),
                End::VmStopped => {
                    if let Some(vm) = vm(pod) {
                        Command::new("kill").arg(vm.pid.to_string()).status().ok();
                    }
                }
            }
            if let Some(ended) = pod.try_wait(Duration::from_secs(2)) {
                return ended;
            }
        }
        panic!("{}: it does not end: {:#?}", self.what, pod.log())
    }
}

/// Our own lines, with the empty one before an error's; and what a VM says whose logger has gone, if another TERM comes
/// while it stops.
fn is_of_the_supervisor(line: &str) -> bool {
    line.is_empty()
        || ["beaminit: ", "hint: ", "Logger - error: ", "{removed_failing_handler"]
            .iter()
            .any(|of| line.starts_with(of))
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn run_tool(pod: &RunningPod, words: &[String]) -> String {
    let output = pod.exec(words);
    let text = [output.stdout, output.stderr].concat();
    format!("{words:?}: {:?} {}", output.status.code(), String::from_utf8_lossy(&text).trim())
}

/// Times and numbers of processes differ from run to run.
fn masked(line: &str) -> String {
    let mut text = String::new();
    for part in line.split_inclusive(|character: char| !character.is_ascii_digit()) {
        let digits = part.trim_start_matches(|character: char| character.is_ascii_digit());
        if digits.len() < part.len() {
            text.push('#');
        }
        text.push_str(digits);
    }
    text
}

fn only_in<'a>(these: &'a [String], others: &'a [String]) -> impl Iterator<Item = &'a String> {
    let mut left: Vec<_> = others.to_vec();
    these.iter().filter(move |line| match left.iter().position(|other| other == *line) {
        Some(at) => {
            left.swap_remove(at);
            false
        }
        None => true,
    })
}

fn left_in(name: &str, dir: &Path) -> BTreeMap<String, String> {
    let described = |path: &Path| {
        let metadata = fs::symlink_metadata(path).unwrap();
        format!("{:o} {}:{}", metadata.mode(), metadata.uid(), metadata.gid())
    };
    let files = files_of(dir).into_keys();
    files.map(|path| (format!("{name}/{}", path.strip_prefix(dir).unwrap().display()), described(&path))).collect()
}
