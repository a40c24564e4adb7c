//! We end as the release ends, and say by the shells' codes if it could not start.

use std::time::Duration;

use crate::support::files::set_mode;
use crate::support::vm::BOOT;
use crate::support::{AsPid, Cluster, DnsSettings, Ended, Pod, demo_release, scratch_dir};

const SOON: Duration = Duration::from_secs(10);

fn ends(pod: Pod, command: &[&str]) -> Ended {
    // No name in DNS: nothing to wait for.
    pod.without_subdomain().command(command).start().wait(SOON)
}

#[test]
fn codes_come_out_as_they_are() {
    let cluster = Cluster::start(DnsSettings::default());
    for as_pid in [AsPid::One, AsPid::NotOne] {
        for code in [0, 1, 7, 255] {
            let ended = ends(cluster.pod("web-0").runs_as(as_pid), &["sh", "-c", &format!("exit {code}")]);
            assert_eq!(ended, Ended::Code(code), "{as_pid:?}");
        }
    }
}

#[test]
fn death_by_a_signal_is_128_and_its_number() {
    let cluster = Cluster::start(DnsSettings::default());
    for as_pid in [AsPid::One, AsPid::NotOne] {
        for signal in [9, 15, 11, 40] {
            let ended = ends(cluster.pod("web-0").runs_as(as_pid), &["sh", "-c", &format!("kill -{signal} $$")]);
            assert_eq!(ended, Ended::Code(128 + signal), "{as_pid:?}");
        }
    }
}

#[test]
fn a_program_that_is_not_there_is_127() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").without_subdomain().command(["bin/nothing"]).start();
    assert_eq!(pod.wait(SOON), Ended::Code(127));
    pod.expect_line("beaminit: supervise: cannot start bin/nothing: no such file or directory", SOON);
    pod.expect_line("hint: ", SOON);
    assert!(pod.termination_log().contains("cannot start bin/nothing"), "for kubectl describe pod");
}

#[test]
fn what_a_program_lacks_is_named() {
    let cluster = Cluster::start(DnsSettings::default());
    let dir = scratch_dir();
    let files: [(&str, &[u8], &str); 3] = [
        ("script", b"#!/bin/nosh\n", "cannot start /files/script: its interpreter /bin/nosh is not in this image"),
        ("crlf", b"#!/bin/sh\r\nexit 0\r\n", "cannot start /files/crlf: its first line ends with a carriage return"),
        (
            "other",
            b"\x7fELF\x02\x01\x01 of no machine",
            "cannot start /files/other: it is a binary for another machine",
        ),
    ];
    set_mode(dir.path(), 0o755);
    for (name, contents, message) in files {
        std::fs::write(dir.path().join(name), contents).unwrap();
        set_mode(dir.path().join(name), 0o755);
        let pod = cluster.pod("web-0").without_subdomain().mount(dir.path(), "/files");
        let pod = pod.command([format!("/files/{name}")]).start();
        assert_eq!(pod.wait(SOON), Ended::Code(if name == "other" { 126 } else { 127 }), "{name}");
        pod.expect_line(message, SOON);
    }
}

#[test]
fn a_release_that_fails_by_itself_says_why_in_the_termination_log() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod =
        || cluster.pod("demo-0").env("BEAMINIT_WAIT", "off").release(demo_release()).env("RELEASE_COOKIE", "sesame");
    let failing = pod()
        .env("ERL_CRASH_DUMP", "/tmp/dump")
        .command(["bin/demo", "eval", ":erlang.halt(~c\"out of sesame\")"])
        .start();
    assert_eq!(failing.wait(BOOT), Ended::Code(1));
    failing.expect_line("error: mix release demo 0.1.0 ended with code 1 after", SOON);
    let last = failing.termination_log();
    assert!(last.lines().next().is_some_and(|line| line.ends_with("; crash dump: out of …")), "{last}");
    assert!(last.contains("\nhint: "), "{last}");

    let stopped = pod().command(["bin/demo", "start"]).start();
    stopped.expect_line("started mix release", SOON);
    stopped.signal(15);
    stopped.wait(SOON);
    assert_eq!(stopped.termination_log(), "");
}

/// Left empty, `terminationMessagePolicy: FallbackToLogsOnError` puts the release's own last words there.
#[test]
fn a_failure_whose_cause_is_not_known_leaves_the_termination_log_to_the_releases_own_words() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = || cluster.pod("web-0").without_subdomain();
    let dump = "printf 'x\\ny\\nSlogan: of another process\\n' >/tmp/dump";
    let old = "touch -d '1 minute ago' /tmp/dump; exit 1";
    for script in ["exit 3".to_owned(), format!("{dump}; exit 3"), format!("{dump}; {old}"), "kill -9 $$".to_owned()] {
        let failing = pod().env("ERL_CRASH_DUMP", "/tmp/dump").command(["sh", "-c", &script]).start();
        failing.wait(SOON);
        failing.expect_line(" ended ", SOON);
        assert_eq!(failing.termination_log(), "", "{script}");
        assert!(!failing.log().iter().any(|line| line.text.contains("of another process")), "{:#?}", failing.log());
    }
}

#[test]
fn the_report_of_a_failure_is_on_a_separate_line() {
    let cluster = Cluster::start(DnsSettings::default());
    for (format, beginning) in [("text", "beaminit: supervise: error: "), ("json", "{")] {
        let pod = cluster.pod("web-0").without_subdomain().env("BEAMINIT_LOG_FORMAT", format);
        let pod = pod.command(["sh", "-c", "printf 'half a line' >&2; exit 3"]).start();
        assert_eq!(pod.wait(SOON), Ended::Code(3));
        let line = pod.expect_line("ended with code 3", SOON);
        assert!(line.text.starts_with(beginning), "{:#?}", pod.log());
    }
}

/// The release's name is not secret because somebody chose it as the cookie.
#[test]
fn a_cookie_that_is_the_releases_name_does_not_hide_the_name() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("demo-0").env("BEAMINIT_WAIT", "off").release(demo_release()).env("RELEASE_COOKIE", "demo");
    let pod = pod.command(["bin/demo", "eval", "System.halt(3)"]).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(3));
    pod.expect_line("error: mix release demo 0.1.0 ended with code 3 after", SOON);
}

#[test]
fn a_program_that_cannot_be_executed_is_126() {
    let cluster = Cluster::start(DnsSettings::default());
    for command in ["/etc/hosts", "/etc"] {
        assert_eq!(ends(cluster.pod("web-0"), &[command]), Ended::Code(126), "{command}");
    }
}

#[test]
fn a_script_without_its_first_line_runs_as_under_a_shell() {
    let cluster = Cluster::start(DnsSettings::default());
    let dir = scratch_dir();
    std::fs::write(dir.path().join("script"), "exit 9\n").unwrap();
    set_mode(dir.path(), 0o755);
    set_mode(dir.path().join("script"), 0o755);
    let pod = || cluster.pod("web-0").mount(dir.path(), "/scripts");
    assert_eq!(ends(pod(), &["/scripts/script"]), Ended::Code(9));

    let without_bin = ["/usr/bin/bash", "-c", "mv /bin /elsewhere && exec beaminit \"$@\"", "bash"];
    for words in [&["/scripts/script"][..], &["explain", "/scripts/script"]] {
        let without_shell = pod().without_subdomain().entrypoint(without_bin).command(words).start();
        assert_eq!(without_shell.wait(SOON), Ended::Code(126), "{words:?}: {:#?}", without_shell.log());
        let cause = "cannot start /scripts/script: it has no first line #! and there is no /bin/sh to take it";
        without_shell.expect_line(cause, SOON);
    }
}

#[test]
fn wrong_usage_is_64() {
    let cluster = Cluster::start(DnsSettings::default());
    assert_eq!(ends(cluster.pod("web-0"), &[]), Ended::Code(64));
    assert_eq!(ends(cluster.pod("web-0"), &["--frobnicate"]), Ended::Code(64));
    assert_eq!(ends(cluster.pod("web-0"), &["--version"]), Ended::Code(0));
}
