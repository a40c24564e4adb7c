//! A life, led as its schedule says.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::schedule::{Event, Schedule, Surroundings};
use super::support::talk::{self, config_map};
use super::support::vm::{environment, vm};
use super::support::{Cluster, DnsSettings, Ended, Process, RunningPod, scratch_dir, wait_for};

/// A VM that got TERM on two busy cores does so by then; one that hangs does not.
const PATIENCE: Duration = Duration::from_secs(40);

/// What a life left.
pub(crate) struct Life {
    pod: RunningPod,
    config: TempDir,
    shared: Option<TempDir>,
    _pids: Option<PidsGroup>,
    /// `None`: it had to be killed.
    pub(crate) ended: Option<Ended>,
    pub(crate) published: Instant,
    /// A VM was seen before its record was published.
    pub(crate) was_early: bool,
    /// As many VMs were seen at once.
    pub(crate) vms: usize,
    /// Zombies of ours that stayed.
    pub(crate) zombies: Vec<Process>,
    /// What the VM was given as `RELEASE_VM_ARGS`, if it could be read.
    pub(crate) vm_args: Option<String>,
    /// Files that others can read and that hold the cookie.
    pub(crate) leaks: Vec<PathBuf>,
}

impl Life {
    pub(crate) fn lead(schedule: &Schedule) -> Self {
        let config = config_map(talk::VM_ARGS);
        let cluster = Cluster::start(DnsSettings::default());
        schedule.dns.iter().for_each(|fault| cluster.dns().fault(*fault));
        let shared = schedule.shared_memory.then(scratch_dir);
        let pids = match schedule.surroundings {
            Surroundings::Pids(most) => Some(PidsGroup::new(most)),
            _ => None,
        };
        let pod = pod(schedule, &cluster, "pairing-0", config.path(), shared.as_ref());
        let pod = match &pids {
            Some(group) => pod.mount_writable(&group.0, "/pids"),
            None => pod,
        };
        let (fqdn, address) = (pod.fqdn(), pod.address());
        if schedule.predecessor {
            cluster.dns().publish(&fqdn, &[IpAddr::V4(Ipv4Addr::new(10, 88, 0, 251))]);
        }
        let neighbour = shared.as_ref().map(|shared| {
            let pod = pod_of_neighbour(&cluster, config.path(), shared.path(), schedule.uid);
            cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
            pod.start()
        });
        let pod = pod.start();
        // The shell that makes the surroundings has no handlers. Nor have we while our libraries are loaded, which takes
        // long where files are slow; what is delivered has none.
        let is_slow = matches!(schedule.surroundings, Surroundings::SlowFiles(_));
        let is_ours = |process: &Process| process.comm == "beaminit" && (!is_slow || blocks_term(process.pid));
        wait_for(PATIENCE, "beaminit", || {
            Process::read(pod.pid()).filter(|process| is_ours(process) || process.is_zombie())
        });
        let mut life = Self {
            pod,
            config,
            shared,
            _pids: pids,
            ended: None,
            published: Instant::now(),
            was_early: false,
            vms: 0,
            zombies: Vec::new(),
            vm_args: None,
            leaks: Vec::new(),
        };
        life.play(schedule, &cluster, &fqdn, address);
        life.ended = life.wait_for_end();
        drop(neighbour);
        life
    }

    /// The events in their order.
    fn play(&mut self, schedule: &Schedule, cluster: &Cluster, fqdn: &str, address: IpAddr) {
        let start = Instant::now();
        let mut steps: Vec<(Duration, Step)> =
            schedule.events.iter().map(|(at, event)| (*at, Step::Event(*event))).collect();
        steps.push((schedule.recovered_at, Step::Recover));
        steps.push((schedule.published_at, Step::Publish));
        steps.push((schedule.term_at, Step::Term));
        steps.sort_by_key(|(at, _)| *at);
        for (at, step) in steps {
            thread::sleep(at.saturating_sub(start.elapsed()));
            if self.pod.ended().is_some() {
                return;
            }
            match step {
                Step::Recover => cluster.dns().recover(),
                Step::Publish => {
                    self.was_early = vm(&self.pod).is_some();
                    self.published = Instant::now();
                    cluster.dns().publish(fqdn, &[address]);
                }
                Step::Event(event) => self.happen(event),
                Step::Term => {
                    self.look();
                    self.pod.signal(15);
                }
            }
        }
    }

    fn happen(&self, event: Event) {
        match event {
            Event::Signal(number) => self.pod.signal(number),
            Event::Freeze(pause) => {
                self.pod.signal(19);
                thread::sleep(pause);
                self.pod.signal(18);
            }
            Event::Orphans(number) => {
                let script = format!("i=0; while [ $i -lt {number} ]; do (:) & i=$((i+1)); done");
                self.pod.exec(["sh", "-c", &script]);
            }
            Event::OrphansWithoutEnd => {
                self.pod.exec(["sh", "-c", "while :; do sh -c ': &'; done >/dev/null 2>&1 &"]);
            }
            Event::RemoveRunDir => {
                for dir in self.run_dirs() {
                    fs::remove_dir_all(dir).ok();
                }
            }
            Event::FillDisk => {
                // A pod's /dev/shm has 64 MiB.
                for size in [32 << 20, 16 << 20, 16 << 20, 1 << 20, 4096] {
                    let file = self.inside("/dev/shm").join(format!("full-{size}-{}", fastrand::u32(..)));
                    if self.shared.is_none() {
                        fs::write(file, vec![0; size]).ok();
                    }
                }
            }
            Event::ReadOnlyDisk => self.pod.remount_read_only("/dev/shm"),
            Event::NoProc => self.pod.unmount("/proc"),
        }
    }

    /// What there is to see while it runs.
    fn look(&mut self) {
        let ours = self.pod.pid();
        let all = self.pod.processes();
        let running = all.iter().filter(|process| process.comm == "beam.smp" && !process.is_zombie());
        self.vms = running.filter(|vm| !vm.cmdline.iter().any(|word| word == "-remsh")).count();
        let zombies = |process: &Process| process.is_zombie() && process.ppid == ours;
        let first: Vec<_> = all.into_iter().filter(zombies).collect();
        if !first.is_empty() {
            // They may have ended just now; what is there a second later was not waited for.
            thread::sleep(Duration::from_secs(1));
            self.zombies = self.pod.processes().into_iter().filter(|process| first.contains(process)).collect();
        }
        if let Some(vm) = vm(&self.pod) {
            let file = environment(vm.pid).remove("RELEASE_VM_ARGS");
            self.vm_args = file.and_then(|file| fs::read_to_string(self.inside(&file)).ok());
        }
        self.leaks = ["/tmp", "/dev/shm", "/run", "/dev/termination-log"]
            .iter()
            .flat_map(|place| open_files_with(&self.inside(place), talk::COOKIE))
            .collect();
    }

    fn wait_for_end(&self) -> Option<Ended> {
        self.pod.try_wait(PATIENCE)
    }

    /// A path of the pod as the test can open it.
    fn inside(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.pod.pid()))
    }

    fn run_dirs(&self) -> Vec<PathBuf> {
        let places = ["/dev/shm", "/tmp", "/run"].iter().flat_map(|place| fs::read_dir(self.inside(place)));
        let entries = places.flatten().flatten().map(|entry| entry.path());
        entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("beaminit")).collect()
    }

    /// How it ended, in a word.
    pub(crate) fn end(&self) -> String {
        match self.ended {
            Some(Ended::Code(code)) => format!("code {code}"),
            Some(Ended::Signal(signal)) => format!("signal {signal}"),
            None => "hung".into(),
        }
    }

    pub(crate) fn log(&self) -> String {
        self.pod.log().iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// When the log said that the release was started, each time.
    pub(crate) fn starts(&self) -> Vec<Instant> {
        let log = self.pod.log();
        log.into_iter().filter(|line| line.text.contains(": started mix release")).map(|line| line.at).collect()
    }

    /// The VM that is still there, of a life that had to be killed.
    pub(crate) fn vm(&self) -> Option<Process> {
        vm(&self.pod)
    }

    pub(crate) fn config(&self) -> String {
        fs::read_to_string(self.config.path().join("vm.args")).unwrap()
    }
}

enum Step {
    Recover,
    Publish,
    Event(Event),
    Term,
}

fn pod(
    schedule: &Schedule,
    cluster: &Cluster,
    name: &str,
    config: &Path,
    shared: Option<&TempDir>,
) -> super::support::Pod {
    let setup = match schedule.surroundings {
        Surroundings::Healthy | Surroundings::SlowFiles(_) => "",
        Surroundings::NoStderr => "exec 2>&-;",
        Surroundings::NoStdinAndStdout => "exec <&- >&-;",
        Surroundings::FullStderr => {
            "mkfifo /tmp/full; exec 3<>/tmp/full; \
             dd if=/dev/zero of=/tmp/full bs=4096 count=16 oflag=nonblock status=none; exec 2>&3;"
        }
        Surroundings::Descriptors(number) => &format!("ulimit -n {number};"),
        Surroundings::NoFileSize => "ulimit -f 0;",
        Surroundings::Memory(kib) => &format!("ulimit -v {kib};"),
        Surroundings::Processes(number) => &format!("ulimit -p {number};"),
        Surroundings::Pids(_) => "echo 0 >/pids/cgroup.procs;",
    };
    // A tracer that is the child, so that PID 1 is still ours.
    let tracer = match schedule.surroundings {
        Surroundings::SlowFiles(delay) => {
            format!("strace -D -qq -o /dev/null -e trace=openat -e inject=openat:delay_enter={}", delay.as_micros())
        }
        _ => String::new(),
    };
    let pod = talk::pod(cluster, name, config).read_only_root(schedule.read_only_root).entrypoint([
        "sh",
        "-c",
        &format!("{setup} exec {tracer} beaminit \"$@\""),
        "sh",
    ]);
    let pod = match schedule.uid {
        Some(uid) => pod.uid(uid),
        None => pod.without_uid(),
    };
    match shared {
        Some(shared) => {
            fs::set_permissions(shared.path(), std::os::unix::fs::PermissionsExt::from_mode(0o1777)).unwrap();
            pod.mount_writable(shared.path(), "/dev/shm")
        }
        None => pod,
    }
}

/// Whether TERM would wait for this process to take it.
fn blocks_term(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).map(str::trim);
    blocked.and_then(|mask| u64::from_str_radix(mask, 16).ok()).is_some_and(|mask| mask & 1 << (15 - 1) != 0)
}

/// A cgroup that lets no more than some processes and threads be, as Kubernetes makes one for each pod.
struct PidsGroup(PathBuf);

impl PidsGroup {
    fn new(most: u32) -> Self {
        let of_version_1 = Path::new("/sys/fs/cgroup/pids");
        let all = if of_version_1.is_dir() { of_version_1 } else { Path::new("/sys/fs/cgroup") };
        let group = Self(all.join(format!("beaminit-{:016x}", fastrand::u64(..))));
        fs::create_dir(&group.0).expect("a cgroup");
        // In version 2 the controller has to be let in; in version 1 there is no such file.
        fs::write(all.join("cgroup.subtree_control"), "+pids").ok();
        fs::write(group.0.join("pids.max"), most.to_string()).expect("a cgroup that counts processes");
        // What starts in the pod enters by itself.
        let anybody = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        fs::set_permissions(group.0.join("cgroup.procs"), anybody).unwrap();
        group
    }
}

impl Drop for PidsGroup {
    /// The kernel lets go of its processes some time after their end.
    fn drop(&mut self) {
        wait_for(PATIENCE, "an empty cgroup", || fs::remove_dir(&self.0).ok());
    }
}

/// Another container of the same pod, as far as /dev/shm goes.
fn pod_of_neighbour(cluster: &Cluster, config: &Path, shared: &Path, uid: Option<u32>) -> super::support::Pod {
    let pod = talk::pod(cluster, "neighbour-0", config).mount_writable(shared, "/dev/shm");
    match uid {
        Some(uid) => pod.uid(uid),
        None => pod.without_uid(),
    }
}

/// Files below `place` that hold `secret` and can be read by others than their owner.
fn open_files_with(place: &Path, secret: &str) -> Vec<PathBuf> {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(metadata) = fs::symlink_metadata(place) else { return Vec::new() };
    if metadata.is_dir() {
        // Nobody else can enter it.
        if metadata.mode().trailing_zeros() >= 6 {
            return Vec::new();
        }
        let entries = fs::read_dir(place).into_iter().flatten().flatten();
        return entries.flat_map(|entry| open_files_with(&entry.path(), secret)).collect();
    }
    let holds = metadata.is_file()
        && metadata.len() < 1 << 20
        && metadata.mode() & 0o077 != 0
        && fs::read(place).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(secret));
    if holds { vec![place.to_owned()] } else { Vec::new() }
}
