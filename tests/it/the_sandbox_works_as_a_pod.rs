//! The test bed that the other tests rely on, tried with ordinary programs.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{
    AsPid, Cluster, DnsSettings, Ended, Pod, PodFile, RunningPod, Stream, demo_release, pid_namespace, processes_in,
    scratch_dir, wait_until,
};

const SOON: Duration = Duration::from_secs(10);

const INT: i32 = 2;
const KILL: i32 = 9;
const TERM: i32 = 15;
const RT_MIN_AND_3: i32 = 37;

fn cluster() -> Cluster {
    Cluster::start(DnsSettings::default())
}

/// A program without any init in front.
fn shell(pod: Pod, script: &str) -> RunningPod {
    pod.no_entrypoint().command(["sh", "-c", script]).start()
}

/// The stdout of a script that must succeed.
#[track_caller]
fn said(pod: Pod, script: &str) -> String {
    let pod = shell(pod, script);
    assert_eq!(pod.wait(SOON), Ended::Code(0), "{:#?}", pod.log());
    pod.stdout()
}

#[test]
fn the_entrypoint_is_pid_1_of_its_container() {
    let started = Instant::now();
    let pod = shell(cluster().pod("web-0"), "echo $$ $(hostname) $PWD; exec sleep 1000");
    let line = pod.expect_line("web-0", SOON);
    assert_eq!((line.text.as_str(), line.stream), ("1 web-0 /", Stream::Stdout));
    assert!(started <= pod.started_at && pod.started_at <= line.at);
    wait_until(SOON, "the exec", || pod.processes()[0].cmdline == ["sleep", "1000"]);
    let processes = pod.processes();
    assert_eq!((processes.len(), processes[0].pid, pod.init_pid()), (1, pod.pid(), pod.pid()));
    assert_eq!(processes[0].comm, "sleep");
}

#[test]
fn nothing_leaks_into_a_pod() {
    let odd = OsStr::from_bytes(b"\xff=1");
    let pod = cluster().pod("web-0").env("GIVEN", "a b").env_os("ODD", odd).env("BEAMINIT_WAIT", "off");
    let script =
        "env -0 | sort -z | tr '\\0' '\\n'; ls /proc/self/fd | wc -l; grep -E '^Sig(Blk|Ign)' /proc/self/status";
    let text = said(pod.no_entrypoint(), script);
    let expected = "BEAMINIT_WAIT=off\nGIVEN=a b\nHOME=/\nHOSTNAME=web-0\nODD=\u{fffd}=1\n\
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nPWD=/\n4\n";
    let signals = text.strip_prefix(expected).unwrap_or_else(|| panic!("{text}"));
    // glibc's posix_spawn ignores its own signals 32 and 33.
    assert_eq!(signals, "SigBlk:\t0000000000000000\nSigIgn:\t0000000180000000\n");
}

#[test]
fn an_entrypoint_can_run_below_another_pid_1() {
    let pod =
        shell(cluster().pod("web-0").runs_as(AsPid::NotOne), "trap 'exit 3' TERM; echo $$ $PPID; sleep 1000 & wait");
    let line = pod.expect_line(" 1", SOON);
    assert_ne!(line.text, "1 1");
    assert_ne!(pod.pid(), pod.init_pid());
    pod.signal(TERM);
    assert_eq!(pod.wait(SOON), Ended::Code(3));
}

#[test]
fn codes_and_signals_come_out() {
    let cluster = cluster();
    assert_eq!(shell(cluster.pod("a"), "exit 42").wait(SOON), Ended::Code(42));
    assert_eq!(cluster.pod("b").no_entrypoint().command(["no-such-program"]).start().wait(SOON), Ended::Code(127));
    let pod =
        cluster.pod("c").entrypoint(["env", "A=1"]).command(["sh", "-c", "echo A=$A >&2; exec sleep 1000"]).start();
    assert_eq!(pod.expect_line("A=1", SOON).stream, Stream::Stderr);
    pod.signal(TERM); // dropped by the kernel, as PID 1 has no handler
    assert_eq!(pod.ended(), None);
    pod.signal(KILL);
    assert_eq!(pod.wait(SOON), Ended::Signal(KILL));
}

#[test]
fn signals_of_all_kinds_reach_the_entrypoint() {
    let script = "trap 'echo int' INT; trap 'echo rt' RTMIN+3; trap 'exit 5' TERM; sleep 1000 & echo ready; \
        while :; do wait; done";
    let pod = cluster().pod("web-0").no_entrypoint().command(["bash", "-c", script]).start();
    pod.expect_line("ready", SOON);
    pod.signal(INT);
    pod.expect_line("int", SOON);
    pod.signal(RT_MIN_AND_3);
    pod.expect_line("rt", SOON);
    pod.signal(TERM);
    assert_eq!(pod.wait(SOON), Ended::Code(5));
}

#[test]
fn stdin_is_empty_or_what_is_given() {
    let scratch = scratch_dir();
    let path = scratch.path().join("input");
    fs::write(&path, "given\n").unwrap();
    let cluster = cluster();
    assert_eq!(said(cluster.pod("a"), "cat"), "");
    assert_eq!(said(cluster.pod("b").stdin(File::open(path).unwrap()), "cat"), "given\n");
}

#[test]
fn etc_is_as_the_kubelet_writes_it() {
    let pod = cluster().pod("web-0").service("web").namespace("ns1").service_account();
    assert_eq!(pod.fqdn(), "web-0.web.ns1.svc.cluster.local");
    let script =
        "cat /etc/hosts /etc/resolv.conf /etc/hostname /var/run/secrets/kubernetes.io/serviceaccount/namespace";
    let expected = "# Kubernetes-managed hosts file.\n\
        127.0.0.1\tlocalhost\n\
        ::1\tlocalhost ip6-localhost ip6-loopback\n\
        fe00::\tip6-localnet\nfe00::\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n\
        10.88.0.2\tweb-0.web.ns1.svc.cluster.local\tweb-0\n\
        search ns1.svc.cluster.local svc.cluster.local cluster.local\n\
        nameserver 10.96.0.10\n\
        options ndots:5\n\
        web-0\n\
        ns1";
    assert_eq!(said(pod, script).trim_end(), expected);
}

#[test]
fn etc_can_differ() {
    let cluster = cluster();
    let pod = cluster.pod("dep-7d9f-x2x").without_subdomain();
    assert_eq!(said(pod, "tail -n 1 /etc/hosts"), "10.88.0.2\tdep-7d9f-x2x\n");
    let pod = cluster.pod("web-1").hosts(PodFile::Custom("own\n".to_owned())).resolv_conf(PodFile::Missing);
    assert_eq!(said(pod, "cat /etc/hosts; ls /etc/resolv.conf || true"), "own\n");
    assert_eq!(said(cluster.pod("web-2").hosts(PodFile::Missing), "test ! -e /etc/hosts && echo none"), "none\n");
}

#[test]
fn a_read_only_root_is_one() {
    let cluster = cluster();
    let script = "for dir in / /etc /run /tmp /usr /usr/local/bin /dev/shm; do touch $dir/x 2>&- && echo $dir; done; \
        echo last words > /dev/termination-log";
    let pod = shell(cluster.pod("web-0").read_only_root(true), script);
    assert_eq!(pod.wait(SOON), Ended::Code(0));
    assert_eq!((pod.stdout().as_str(), pod.termination_log().as_str()), ("/dev/shm\n", "last words\n"));
    assert_eq!(said(cluster.pod("web-1"), script), "/\n/etc\n/run\n/tmp\n/dev/shm\n");
    assert_eq!(said(cluster.pod("web-2").uid(54321), script), "/tmp\n/dev/shm\n");
}

#[test]
fn a_restricted_user_has_no_capability() {
    let pod = cluster().pod("web-0").uid(54321);
    let text = said(pod, "id; grep -E '^(Cap|NoNewPrivs|Groups)' /proc/self/status; echo err > /dev/stderr");
    let none = "0000000000000000";
    let expected = format!(
        "uid=54321 gid=0(root) groups=0(root)\nGroups:\t \nCapInh:\t{none}\nCapPrm:\t{none}\nCapEff:\t{none}\n\
         CapBnd:\t{none}\nCapAmb:\t{none}\nNoNewPrivs:\t1\n"
    );
    assert_eq!(text, expected);
}

#[test]
fn mounts_are_read_only_by_default() {
    let (config, data) = (scratch_dir(), scratch_dir());
    fs::write(config.path().join("vm.args"), "-name x\n").unwrap();
    let pod = cluster().pod("web-0").mount_config(config.path()).mount_writable(data.path(), "/data");
    let script = "cat /beamconfig/vm.args; touch /beamconfig/x || echo refused; echo kept > /data/file";
    assert_eq!(said(pod, script), "-name x\nrefused\n");
    assert_eq!(fs::read_to_string(data.path().join("file")).unwrap(), "kept\n");
}

#[test]
fn the_entrypoint_is_the_program_under_test() {
    let under_test = Path::new(env!("CARGO_BIN_EXE_beaminit"));
    let pod = cluster().pod("web-0").mount(under_test, "/under-test");
    assert_eq!(said(pod, "cmp /under-test $(command -v beaminit) && command -v beaminit"), "/usr/local/bin/beaminit\n");
}

#[test]
fn exec_joins_the_pod() {
    let pod = cluster().pod("web-0").uid(54321).env("GIVEN", "1").read_only_root(true);
    let pod = shell(pod, "exec sleep 1000");
    wait_until(SOON, "the exec", || pod.processes()[0].comm == "sleep");
    let output = pod.exec([
        "sh",
        "-c",
        "cat /proc/1/comm; echo $(id -u) $GIVEN $(hostname) $(cut -f1 /etc/hosts | tail -n 1); exit 9",
    ]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!((text.as_str(), output.status.code()), ("sleep\n54321 1 web-0 10.88.0.2\n", Some(9)));
}

#[test]
fn a_published_name_resolves_in_a_pod() {
    let cluster = cluster();
    let pod = cluster.pod("web-1").service("web").namespace("ns1").hosts(PodFile::Missing);
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let text = said(pod, "getent ahosts web-1.web.ns1.svc.cluster.local; getent ahosts web-2.web || true");
    let found = text.split_whitespace().next();
    assert_eq!(found, Some("10.88.0.2"), "{text}");
    assert!(text.lines().all(|line| line.starts_with("10.88.0.2 ")), "{text}");
}

const ONE_GUEST: &str = "use IO::Socket::INET; $| = 1; my $l = IO::Socket::INET->new(Listen => 1, LocalPort => 4369); \
    print qq(ready\n); my $c = $l->accept; print $c->peerhost, qq(\n); print $c qq($ENV{HOSTNAME}\n)";

#[test]
fn pods_reach_each_other_by_address() {
    let cluster = cluster();
    let guest = shell(cluster.pod("web-1"), "exec sleep 1000");
    let host = cluster.pod("web-0").no_entrypoint().command(["perl", "-e", ONE_GUEST]);
    let address = host.address();
    let visit = ["bash".to_owned(), "-c".to_owned(), format!("cat < /dev/tcp/{address}/4369")];
    let host = host.start();
    host.expect_line("ready", SOON);
    assert_eq!(guest.exec(&visit).stdout, b"web-0\n");
    host.expect_line("10.88.0.2", SOON);
    assert_eq!(host.wait(SOON), Ended::Code(0));
    drop(host);

    let next = cluster.pod("web-2").at_address(address).no_entrypoint().command(["perl", "-e", ONE_GUEST]).start();
    next.expect_line("ready", SOON);
    assert_eq!(guest.exec(&visit).stdout, b"web-2\n");
}

#[test]
fn zombies_are_seen() {
    let pod = shell(cluster().pod("web-0"), "sh -c 'sh -c \"exit\" & exec sleep 1000' & wait");
    wait_until(SOON, "a zombie", || pod.processes().iter().any(|process| process.state == 'Z'));
    assert!(pod.processes().iter().any(|process| process.ppid == pod.pid()));
}

fn links(cluster: &Cluster) -> usize {
    cluster.on_the_node(|| fs::read_to_string("/proc/thread-self/net/dev").unwrap().matches("veth").count())
}

#[test]
fn nothing_is_left_of_a_dropped_pod() {
    let cluster = cluster();
    let pod = shell(cluster.pod("web-0"), "setsid sleep 1000 & sleep 1000 & wait");
    wait_until(SOON, "three processes", || pod.processes().len() == 3);
    let (namespace, scratch) = (pod.pid_namespace().to_owned(), pod.scratch().to_owned());
    assert_ne!(Some(&namespace), pid_namespace(1).as_ref());
    let _number_is_not_reused = File::open(format!("/proc/{}/ns/pid", pod.pid())).unwrap();
    assert_eq!((scratch.exists(), links(&cluster)), (true, 1));
    let mounts = || fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts().contains(scratch.to_str().unwrap()));
    drop(pod);
    assert_eq!(processes_in(&namespace), []);
    assert!(!scratch.exists());
    assert_eq!(links(&cluster), 0);
}

#[test]
fn without_privileges_a_test_fails_and_says_why() {
    let output = Command::new("setpriv")
        .args(["--inh-caps=-all", "--bounding-set=-all", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "the_sandbox_works_as_a_pod::codes_and_signals_come_out"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(101));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let reason = "cannot make a network namespace: Operation not permitted; run the tests as root";
    assert!(text.contains(reason), "{text}");
}

#[test]
fn a_mix_release_starts_and_stops_in_a_restricted_pod() {
    let settings = BTreeMap::from([
        ("RELEASE_TMP", "/dev/shm"),
        ("RELEASE_DISTRIBUTION", "none"),
        ("ERL_ZFLAGS", "-eval erlang:display(booted)"), // runs when all applications are started
    ]);
    let pod = cluster().pod("demo-0").release(demo_release()).uid(54321).read_only_root(true);
    let pod = settings.iter().fold(pod, |pod, (name, value)| pod.env(name, value));
    let pod = pod.no_entrypoint().command(["bin/demo", "start"]).start();
    pod.expect_line("booted", Duration::from_secs(30));
    assert_eq!(pod.processes()[0].comm, "beam.smp");
    pod.signal(TERM);
    assert_eq!(pod.wait(Duration::from_secs(30)), Ended::Code(0));
}
