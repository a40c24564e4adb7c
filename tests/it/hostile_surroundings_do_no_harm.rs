//! Others may write beside beaminit, or the container lacks something: it uses no file of theirs, they get no secret,
//! and what has no end costs no memory.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use crate::support::files::directory_of;
use crate::support::talk::{self, COOKIE, config_map};
use crate::support::vm::{BOOT, environment, vm, wait_for_node};
use crate::support::{Cluster, DnsSettings, Ended, Pod, PodFile, RunningPod, scratch_dir};

/// The entrypoint does not go on before the test has prepared the pod's file system.
fn held(pod: Pod) -> RunningPod {
    let script = "until [ -s /dev/termination-log ]; do sleep 0.01; done; exec beaminit \"$@\"";
    pod.entrypoint(["sh", "-c", script, "sh"]).start()
}

fn let_go(pod: &RunningPod) {
    fs::write(format!("/proc/{}/root/dev/termination-log", pod.pid()), "go").unwrap();
}

/// A file of this many MiB that takes no room.
fn sparse(path: &Path, mebibytes: u64) {
    File::create(path).unwrap().set_len(mebibytes << 20).unwrap();
}

#[test]
fn without_proc_a_command_starts_and_ends_as_ever() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = held(cluster.pod("web-0").without_subdomain().command(["sh", "-c", "echo runs; exit 7"]));
    pod.unmount("/proc");
    let_go(&pod);
    assert_eq!(pod.wait(BOOT), Ended::Code(7), "{:#?}", pod.log());
}

#[test]
fn where_nothing_can_be_written_a_release_is_not_started() {
    let cluster = Cluster::start(DnsSettings::default());
    let config = config_map(talk::VM_ARGS);
    let pod = talk::pod(&cluster, "pairing-0", config.path()).without_uid();
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let pod = held(pod);
    pod.remount_read_only("/dev/shm");
    let_go(&pod);
    assert_eq!(pod.wait(BOOT), Ended::Code(73), "{:#?}", pod.log());
    let said = pod.termination_log();
    assert!(said.contains("no directory to write to") && said.contains("hint: mount an emptyDir"), "{said}");
}

#[test]
fn files_without_end_cost_neither_memory_nor_time() {
    let cluster = Cluster::start(DnsSettings::default());
    let files = scratch_dir();
    let large = files.path().join("large");
    sparse(&large, 2000);
    let limited = ["sh", "-c", "ulimit -v 32768; exec beaminit \"$@\"", "sh"];
    let pod = || cluster.pod("web-0").entrypoint(limited).command(["echo", "runs"]);

    let hosts = pod().hosts(PodFile::Missing).mount(&large, "/etc/hosts").env("BEAMINIT_WAIT", "off").start();
    assert_eq!(hosts.wait(BOOT), Ended::Code(0), "{:#?}", hosts.log());
    let resolv_conf = pod().resolv_conf(PodFile::Missing).mount(&large, "/etc/resolv.conf").start();
    assert_eq!(resolv_conf.wait(BOOT), Ended::Code(78));
    resolv_conf.expect_line("/etc/resolv.conf: larger than 1048576 bytes", BOOT);

    let config = scratch_dir();
    fs::set_permissions(config.path(), Permissions::from_mode(0o755)).unwrap();
    sparse(&config.path().join("vm.args"), 2000);
    let template = talk::pod(&cluster, "pairing-0", config.path()).entrypoint(limited).start();
    assert_eq!(template.wait(BOOT), Ended::Code(65));
    template.expect_line("/beamconfig/vm.args: larger than 131072 bytes", BOOT);

    let secret = talk::pod(&cluster, "pairing-1", config.path()).entrypoint(limited);
    let secret = secret.env("RELEASE_CONFIG_DIR", "").env("BEAMINIT_COOKIE_FILE", "/beamconfig/vm.args").start();
    assert_eq!(secret.wait(BOOT), Ended::Code(66));
    secret.expect_line("BEAMINIT_COOKIE_FILE=/beamconfig/vm.args: larger than", BOOT);
}

/// The longest files that are taken, of what costs most: the fewest characters a flag, a word, a term, a placeholder.
#[test]
fn no_configuration_takes_more_memory_than_a_small_container_has() {
    let cluster = Cluster::start(DnsSettings::default());
    let flags = "-name a@b.c\n-setcookie x\n";
    let filled = |head: &str, part: &str, tail: &str, size: usize| {
        format!("{head}{}{tail}", part.repeat((size - head.len() - tail.len()) / part.len()))
    };
    let (words, terms) = (128 << 10, 1 << 20);
    let cases = [
        [filled(flags, "-a ", "\n", words), "[].\n".to_owned()],
        [filled(flags, "-a b ", "\n", words), "[].\n".to_owned()],
        [flags.to_owned() + &"-env A ${LONG}\n".repeat(4), "[].\n".to_owned()],
        [flags.to_owned(), filled("[", "1,", "1].\n", terms)],
        [flags.to_owned(), filled("[", "${A},", "1].\n", terms)],
        [flags.to_owned(), filled("[", "[", &("]".repeat(terms / 2 - 2) + "].\n"), terms)],
        [flags.to_owned(), format!("[{}1].\n", "<<\"${LONG}\">>,".repeat(30))],
    ];
    let limited = ["sh", "-c", "ulimit -v 32768; exec beaminit \"$@\"", "sh"];
    for [vm_args, sys_config] in cases {
        let config = directory_of(&[("vm.args", &vm_args), ("sys.config", &sys_config)]);
        let pod = talk::pod(&cluster, "pairing-0", config.path()).entrypoint(limited).env("BEAMINIT_WAIT", "off");
        let pod = pod.env("A", "1").env("LONG", &"é".repeat(15_000)).start();
        pod.expect_line(": started mix release", BOOT);
    }
}

#[test]
fn a_configuration_that_is_too_long_is_named() {
    let cluster = Cluster::start(DnsSettings::default());
    let start = |vm_args: &str, sys_config: &str, said: &str| {
        let config = directory_of(&[("vm.args", vm_args), ("sys.config", sys_config)]);
        let pod = talk::pod(&cluster, "pairing-0", config.path()).env("LONG", &"x".repeat(100_000)).start();
        assert_eq!(pod.wait(BOOT), Ended::Code(65), "{:#?}", pod.log());
        pod.expect_line(said, BOOT);
    };
    let name = "-name a@b.c\n-setcookie x\n";
    start(&(name.to_owned() + &" ".repeat(128 << 10)), "[].\n", "/beamconfig/vm.args: larger than 131072 bytes");
    start(
        &(name.to_owned() + "-a ${LONG}\n-a ${LONG}\n"),
        "[].\n",
        "vm.args:4:4: the file grows beyond 131072 bytes here",
    );
    let list = format!("[{}].\n", ["\"${LONG}\""; 11].join(",\n"));
    start(name, &list, "sys.config:11:2: the file grows beyond 1048576 bytes here");
}

#[test]
fn a_run_directory_that_somebody_else_has_made_is_not_taken() {
    let cluster = Cluster::start(DnsSettings::default());
    let config = config_map(talk::VM_ARGS);
    let pod = talk::pod(&cluster, "pairing-0", config.path()).read_only_root(false);
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let pod = held(pod);
    // As a neighbour of another user could make it, who knows the name beforehand: open to all, and a link.
    let (root, name) = (format!("/proc/{}/root", pod.pid()), pod.run_dir(54321));
    let in_memory = format!("{root}/dev/shm/{name}");
    fs::create_dir(&in_memory).unwrap();
    fs::set_permissions(&in_memory, Permissions::from_mode(0o777)).unwrap();
    std::os::unix::fs::symlink("/dev/shm", format!("{root}/tmp/{name}")).unwrap();
    let_go(&pod);
    assert_eq!(pod.wait(BOOT), Ended::Code(73), "{:#?}", pod.log());
    let said = pod.termination_log();
    assert!(said.contains(&format!("/dev/shm/{name}: it is not ours alone")), "{said}");
    assert!(said.contains(&format!("/tmp/{name}: it is not ours alone")), "{said}");
    assert!(!said.contains(COOKIE), "{said}");
}

#[test]
fn not_even_root_takes_a_run_directory_of_another_user_or_one_that_others_may_read() {
    for (owner, mode) in [(1, 0o700), (0, 0o750)] {
        let cluster = Cluster::start(DnsSettings::default());
        let config = config_map(talk::VM_ARGS);
        let pod = talk::pod(&cluster, "pairing-0", config.path()).without_uid();
        cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
        let pod = held(pod);
        let name = pod.run_dir(0);
        let path = format!("/proc/{}/root/dev/shm/{name}", pod.pid());
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        chown(&path, Some(owner), None).unwrap();
        let_go(&pod);
        assert_eq!(pod.wait(BOOT), Ended::Code(73), "{:#?}", pod.log());
        let why = format!("/dev/shm/{name}: it is not ours alone: it belongs to user {owner} with mode {mode:o}");
        assert!(pod.termination_log().contains(&why), "{}", pod.termination_log());
    }
}

#[test]
fn a_user_without_an_entry_in_passwd_starts_a_release() {
    let cluster = Cluster::start(DnsSettings::default());
    let config = config_map(talk::VM_ARGS);
    let pod = talk::pod(&cluster, "pairing-0", config.path()).uid(1_000_690_000);
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let pod = pod.start();
    wait_for_node(&pod, "astarte_pairing");
    let file = environment(vm(&pod).unwrap().pid).remove("RELEASE_VM_ARGS").unwrap();
    assert!(file.starts_with("/dev/shm/beaminit-1000690000-"), "{file}");
    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
}

/// The words that go before ours, so that they still run as PID 1.
fn starts_and_ends_behind(words: &[&str]) {
    let cluster = Cluster::start(DnsSettings::default());
    let config = config_map(talk::VM_ARGS);
    let pod = talk::pod(&cluster, "pairing-0", config.path()).entrypoint([words, &["beaminit"]].concat());
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let pod = pod.start();
    wait_for_node(&pod, "astarte_pairing");
    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(0), "{:#?}", pod.log());
}

#[test]
fn in_a_separate_user_namespace_a_release_starts_and_ends() {
    starts_and_ends_behind(&["unshare", "--user", "--map-root-user"]);
}

#[test]
fn without_a_way_to_new_privileges_a_release_starts_and_ends() {
    starts_and_ends_behind(&["setpriv", "--no-new-privs"]);
}
