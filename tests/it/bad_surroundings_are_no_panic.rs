//! Whatever the environment and the files of the pod hold: a clear error or a start, never a panic.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::support::talk::{self, config_map};
use crate::support::vm::BOOT;
use crate::support::{Cluster, DnsSettings, Ended, Pod, PodFile, scratch_dir};

const NOT_UTF8: &[u8] = b"\xff\xfe";

/// Starts `env` behind us and gives what it prints.
fn starts(pod: Pod) -> String {
    let pod = pod.command(["env"]).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(0), "{:#?}", pod.log());
    assert!(!pod.log().iter().any(|line| line.text.contains("beaminit: bug")), "{:#?}", pod.log());
    pod.stdout()
}

#[test]
fn a_variable_that_is_not_utf8_reaches_the_release() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").without_subdomain();
    let pod = pod.env_os("LATIN", OsStr::from_bytes(NOT_UTF8)).env_os(OsStr::from_bytes(b"\xffNAME"), "x");
    let script = "env | od -An -c | tr -d ' \\n'";
    let pod = pod.env_os("MY_POD_NAME", OsStr::from_bytes(NOT_UTF8)).command(["sh", "-c", script]).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
    pod.expect_line("MY_POD_NAME is not UTF-8", BOOT);
    let dump = pod.stdout();
    assert!(dump.contains(r"LATIN=377376\n"), "{dump}");
    assert!(dump.contains("MY_POD_NAME=web-0"), "found elsewhere: {dump}");
}

#[test]
fn a_mebibyte_of_environment_reaches_the_release() {
    let cluster = Cluster::start(DnsSettings::default());
    let value = "x".repeat(64 * 1024);
    let pod = (0..16).fold(cluster.pod("web-0").without_subdomain(), |pod, n| pod.env(&format!("LINK_{n}"), &value));
    assert_eq!(starts(pod).matches(&value).count(), 16);
}

#[test]
fn an_empty_pod_name_is_not_a_pod_name() {
    let cluster = Cluster::start(DnsSettings::default());
    assert!(starts(cluster.pod("web-0").without_subdomain().env("MY_POD_NAME", "")).contains("MY_POD_NAME=web-0\n"));
}

#[test]
fn missing_and_garbled_files_say_nothing() {
    let cluster = Cluster::start(DnsSettings::default());
    let garbage = || PodFile::Custom("\u{0}\u{feff}10.88.0.2\n%%%\n10.0.0.1 \u{7f}..\u{fffd} a..b -x\n::1%x".into());
    for hosts in [PodFile::Missing, garbage(), PodFile::Custom("x".repeat(1 << 20))] {
        starts(cluster.pod("web-0").hosts(hosts));
    }
    for resolv_conf in [PodFile::Missing, garbage()] {
        starts(cluster.pod("web-0").without_subdomain().resolv_conf(resolv_conf));
    }
}

/// A descriptor more than these is refused; as a low limit of the runtime, or a leak in what starts us, would have it.
#[test]
fn without_descriptors_to_spare_the_kernel_is_quoted() {
    let cluster = Cluster::start(DnsSettings::default());
    let reported = |limit: &str, code| {
        // The loader of a dynamic binary takes one for a moment.
        let script = format!("exec <&-; ulimit -n {limit}; exec beaminit \"$@\"");
        let pod = cluster.pod("web-0").entrypoint(["sh", "-c", &script, "sh"]).command(["env"]).start();
        assert_eq!(pod.wait(BOOT), Ended::Code(code), "{:#?}", pod.log());
        pod.expect_line("hint: see whether the container has reached a limit on open files or memory", BOOT);
        pod
    };
    reported("3", 71).expect_line("beaminit: signals: cannot install handlers: too many open files", BOOT);
    reported("5", 71).expect_line("beaminit: wait: the system refuses what the wait needs: too many open files", BOOT);
}

#[test]
fn a_machine_that_is_not_a_pod_has_no_name() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("Build_Host").hosts(PodFile::Missing).resolv_conf(PodFile::Missing).command(["true"]).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
    pod.expect_line("beaminit: identity: neither a pod's name nor a name in DNS is known here", BOOT);
}

#[test]
fn without_a_name_server_the_wait_is_impossible_and_said_so() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").resolv_conf(PodFile::Missing).command(["env"]).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(78));
    pod.expect_line("there is no name server to ask", BOOT);
}

#[test]
fn a_resolv_conf_that_cannot_be_read_is_named() {
    let cluster = Cluster::start(DnsSettings::default());
    let directory = scratch_dir();
    let pod = cluster.pod("web-0").resolv_conf(PodFile::Missing).mount(directory.path(), "/etc/resolv.conf");
    let pod = pod.command(["env"]).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(78));
    pod.expect_line("there is no name server to ask: /etc/resolv.conf: is a directory", BOOT);
    pod.expect_line("hint: ", BOOT);
}

#[test]
fn a_resolv_conf_as_the_world_writes_it_serves() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0");
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let directory = scratch_dir();
    let file = directory.path().join("resolv.conf");
    let label = "y".repeat(70);
    let text = format!(
        "# R\u{e9}seau\r\nsearch {label}.x default.svc.cluster.local\r\nnameserver fe80::1%nowhere\r\n\
         nameserver 10.96.0.10 # kube-dns\r\noptions timeout:0 attempts:0 rotate use-vc ndots:99999999999\r\n\
         nameserver nonsense\r\nnameserver 10.96.0.11\r\nnameserver 10.96.0.12\r\n"
    );
    let latin1: Vec<u8> = text.chars().map(|character| u8::try_from(character).unwrap()).collect();
    std::fs::write(&file, latin1).unwrap();
    starts(pod.resolv_conf(PodFile::Missing).mount(&file, "/etc/resolv.conf"));
    assert!(!cluster.dns().questions().is_empty());
}

#[test]
fn a_bad_value_is_fatal_only_where_it_is_needed() {
    let cluster = Cluster::start(DnsSettings::default());
    let bad = |pod: Pod| pod.hosts(PodFile::Missing).env("MY_POD_BASE_DNS", "a..b").env("MY_POD_IP", "10.0.0");
    starts(bad(cluster.pod("web-0")));
    let config = config_map(talk::VM_ARGS);
    let pod = bad(talk::pod(&cluster, "pairing-0", config.path())).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(65));
    pod.expect_line("MY_POD_BASE_DNS cannot be used: MY_POD_BASE_DNS=\"a..b\" has an empty label", BOOT);
}

#[test]
fn every_wrong_setting_is_named_at_once() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod =
        cluster.pod("web-0").env("BEAMINIT_WAIT", "maybe").env("BEAMINIT_WAIT_TIMEOT", "1s").command(["env"]).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(78));
    for part in
        ["BEAMINIT_WAIT=\"maybe\"", "BEAMINIT_WAIT_TIMEOT: no such setting", "nearest one is BEAMINIT_WAIT_TIMEOUT"]
    {
        pod.expect_line(part, BOOT);
    }
}
