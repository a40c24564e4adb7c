//! The cases. Each panics where an init fails it.

use std::time::Duration;

use crate::Group;
use crate::support::{AsPid, Cluster, Ended, Pod, RunningPod, wait_until};

const SOON: Duration = Duration::from_secs(5);

/// An init and how it is called.
#[derive(Clone, Copy)]
pub(crate) struct Init {
    pub(crate) name: &'static str,
    /// As `ENTRYPOINT`, without options.
    pub(crate) entrypoint: &'static [&'static str],
    /// So that signals go to the whole group.
    pub(crate) group: Group,
    /// So that orphans come to it though it is not PID 1.
    pub(crate) subreaper: &'static [&'static str],
}

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Cluster, Init),
}

pub(crate) const CASES: [Case; 27] = [
    Case { name: "exit codes come out", run: exit_codes },
    Case { name: "death by a signal is 128+n", run: signal_deaths },
    Case { name: "death with a core dump is 128+n", run: core_dump },
    Case { name: "a missing program is 127, one without x 126", run: not_executable },
    Case { name: "sh -c without -- before it", run: shell_options },
    Case { name: "a script without #! runs", run: script_without_interpreter },
    Case { name: "HUP INT QUIT USR1 USR2 ALRM TERM WINCH are forwarded", run: forwards },
    Case { name: "ABRT is forwarded", run: forwards_abrt },
    Case { name: "PIPE is forwarded", run: forwards_pipe },
    Case { name: "real-time signals are forwarded", run: forwards_real_time },
    Case { name: "a TERM from before the start is kept", run: early_term },
    Case { name: "the same, to the group", run: early_term_to_group },
    Case { name: "no stray HUP or CONT at the start", run: no_stray_signals },
    Case { name: "no signal is blocked in the child", run: clean_mask },
    Case { name: "a blocked signal stays blocked in the child", run: mask_passed_on },
    Case { name: "an ignored signal stays ignored in the child (nohup)", run: ignored_passed_on },
    Case { name: "works though CHLD was ignored", run: ignored_child_signal },
    Case { name: "a child that suspends itself goes on", run: self_suspend },
    Case { name: "a stopped child can be ended", run: stopped_child_ends },
    Case { name: "a child that TERM does not end goes on, and its code comes out", run: survives_term },
    Case { name: "the child's death among 1,000 others is seen", run: death_among_others },
    Case { name: "orphans are reaped", run: reaps },
    Case { name: "orphans in separate sessions are reaped", run: reaps_other_sessions },
    Case { name: "10,000 orphans at once, while it was stopped", run: reaps_a_storm },
    Case { name: "orphans are reaped where it is not PID 1", run: reaps_as_subreaper },
    Case { name: "stdin, stdout and stderr closed", run: closed_streams },
    Case { name: "stderr is a full pipe that nobody reads", run: full_pipe },
];

fn pod(cluster: &Cluster, init: Init) -> Pod {
    cluster.pod("web-0").without_subdomain().entrypoint(init.entrypoint.iter().copied())
}

fn ends(pod: Pod, command: &[&str]) -> Ended {
    pod.command(command).start().wait(SOON)
}

/// `init` behind a program that prepares something and becomes it.
fn behind(cluster: &Cluster, words: &[&'static str], init: &[&'static str]) -> Pod {
    cluster.pod("web-0").without_subdomain().entrypoint([words, init].concat())
}

fn ready(pod: Pod, script: &str) -> RunningPod {
    let pod = pod.command(["bash", "-c", script]).start();
    pod.expect_line("ready", SOON);
    pod
}

fn exit_codes(cluster: &Cluster, init: Init) {
    for code in [0, 1, 7, 126, 127, 143, 255] {
        assert_eq!(ends(pod(cluster, init), &["/bin/bash", "-c", &format!("exit {code}")]), Ended::Code(code));
    }
}

fn signal_deaths(cluster: &Cluster, init: Init) {
    for signal in [9, 15, 6, 11, 1] {
        let ended = ends(pod(cluster, init), &["/usr/bin/perl", "-e", &format!("kill {signal}, $$; sleep 9")]);
        assert_eq!(ended, Ended::Code(128 + signal));
    }
}

fn core_dump(cluster: &Cluster, init: Init) {
    let script = "cd /tmp; ulimit -c unlimited; exec /usr/bin/perl -e 'kill SEGV => $$; sleep 9'";
    assert_eq!(ends(pod(cluster, init), &["/bin/bash", "-c", script]), Ended::Code(139));
}

fn not_executable(cluster: &Cluster, init: Init) {
    assert_eq!(ends(pod(cluster, init), &["/nothing"]), Ended::Code(127));
    assert_eq!(ends(pod(cluster, init), &["/etc/hosts"]), Ended::Code(126));
}

fn shell_options(cluster: &Cluster, init: Init) {
    let pod = cluster.pod("web-0").without_subdomain().entrypoint([init.name]);
    assert_eq!(ends(pod, &["sh", "-c", "exit 7"]), Ended::Code(7));
}

fn script_without_interpreter(cluster: &Cluster, init: Init) {
    let script = "echo 'exit 9' > /tmp/script; chmod +x /tmp/script; exec \"$@\"";
    let pod = behind(cluster, &["sh", "-c", script, "sh"], init.entrypoint);
    assert_eq!(ends(pod, &["/tmp/script"]), Ended::Code(9));
}

/// A program that names each signal that it gets. Perl does not put off a handler until a child has ended.
fn listener(pod: Pod, names: &[&str]) -> RunningPod {
    let traps: Vec<_> =
        names.iter().map(|name| format!("$SIG{{{name}}} = sub {{ print \"got {name}\\n\" }};")).collect();
    let script = format!("$| = 1; {} print \"ready\\n\"; sleep 1 while 1;", traps.join(" "));
    let pod = pod.command(["/usr/bin/perl", "-e", &script]).start();
    pod.expect_line("ready", SOON);
    pod
}

fn each_comes_through(pod: &RunningPod, signals: &[(i32, &str)]) {
    for (number, name) in signals {
        pod.signal(*number);
        pod.expect_line(&format!("got {name}"), SOON);
    }
}

fn forwards(cluster: &Cluster, init: Init) {
    let signals =
        [(1, "HUP"), (2, "INT"), (3, "QUIT"), (10, "USR1"), (12, "USR2"), (14, "ALRM"), (15, "TERM"), (28, "WINCH")];
    each_comes_through(&listener(pod(cluster, init), &signals.map(|(_, name)| name)), &signals);
}

fn forwards_abrt(cluster: &Cluster, init: Init) {
    each_comes_through(&listener(pod(cluster, init), &["ABRT"]), &[(6, "ABRT")]);
}

fn forwards_pipe(cluster: &Cluster, init: Init) {
    each_comes_through(&listener(pod(cluster, init), &["PIPE"]), &[(13, "PIPE")]);
}

fn forwards_real_time(cluster: &Cluster, init: Init) {
    let signals = [(40, "NUM40"), (64, "RTMAX")];
    each_comes_through(&listener(pod(cluster, init), &signals.map(|(_, name)| name)), &signals);
}

/// Blocks TERM, sends it to itself, and becomes the init: TERM waits there from its first instruction on.
const TERM_PENDING: &str =
    "use POSIX; sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM)); kill TERM => $$; exec @ARGV;";

fn early_term(cluster: &Cluster, init: Init) {
    for _ in 0..10 {
        let pod = behind(cluster, &["/usr/bin/perl", "-e", TERM_PENDING], init.entrypoint);
        // The child may inherit TERM blocked; it unblocks it, as a program does that wants to be stopped.
        let unblock = "use POSIX; sigprocmask(SIG_UNBLOCK, POSIX::SigSet->new(SIGTERM)); sleep 1000";
        assert_eq!(ends(pod, &["/usr/bin/perl", "-e", unblock]), Ended::Code(143));
    }
}

fn early_term_to_group(cluster: &Cluster, init: Init) {
    for _ in 0..10 {
        let prepare = ["/usr/bin/perl", "-e", TERM_PENDING];
        let pod = match init.group {
            Group::Words(words) => behind(cluster, &prepare, words),
            Group::Setting(name) => behind(cluster, &prepare, init.entrypoint).env(name, "group"),
        };
        let unblock = "use POSIX; sigprocmask(SIG_UNBLOCK, POSIX::SigSet->new(SIGTERM)); sleep 1000";
        assert_eq!(ends(pod, &["/usr/bin/perl", "-e", unblock]), Ended::Code(143));
    }
}

fn no_stray_signals(cluster: &Cluster, init: Init) {
    for _ in 0..5 {
        let script = "use POSIX; my $got = ''; $SIG{HUP} = sub { $got .= 'HUP' }; $SIG{CONT} = sub { $got .= 'CONT' }; \
                      sigprocmask(SIG_UNBLOCK, POSIX::SigSet->new(SIGHUP)); select(undef, undef, undef, 0.05); \
                      print \"[$got]\\n\"";
        let pod = pod(cluster, init).command(["/usr/bin/perl", "-e", script]).start();
        pod.expect_line("[]", SOON);
    }
}

fn status_field(pod: Pod, field: &str) -> u64 {
    let pod = pod.command(["grep", &format!("^{field}:"), "/proc/self/status"]).start();
    assert_eq!(pod.wait(SOON), Ended::Code(0));
    let mask = pod.stdout().trim_start_matches(&format!("{field}:")).trim().to_owned();
    u64::from_str_radix(&mask, 16).unwrap()
}

fn clean_mask(cluster: &Cluster, init: Init) {
    assert_eq!(status_field(pod(cluster, init), "SigBlk"), 0);
}

fn mask_passed_on(cluster: &Cluster, init: Init) {
    let block = "use POSIX; sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGUSR1, SIGTTIN)); exec @ARGV;";
    let blocked = status_field(behind(cluster, &["/usr/bin/perl", "-e", block], init.entrypoint), "SigBlk");
    assert_eq!(blocked, 1 << 9 | 1 << 20);
}

fn ignored_passed_on(cluster: &Cluster, init: Init) {
    let ignore = ["sh", "-c", "trap '' HUP; exec \"$@\"", "nohup"];
    let ignored = status_field(behind(cluster, &ignore, init.entrypoint), "SigIgn");
    assert_eq!(ignored & 1, 1);
}

fn ignored_child_signal(cluster: &Cluster, init: Init) {
    let ignore = ["/usr/bin/perl", "-e", "$SIG{CHLD} = 'IGNORE'; exec @ARGV;"];
    assert_eq!(ends(behind(cluster, &ignore, init.entrypoint), &["/bin/bash", "-c", "exit 7"]), Ended::Code(7));
}

fn self_suspend(cluster: &Cluster, init: Init) {
    assert_eq!(ends(pod(cluster, init), &["/bin/bash", "-c", "kill -TSTP $$; exit 7"]), Ended::Code(7));
}

fn stopped_child_ends(cluster: &Cluster, init: Init) {
    let pod = ready(pod(cluster, init), "echo ready; kill -STOP $$; exit 7");
    wait_until(SOON, "the stop", || pod.processes().iter().any(|process| process.state == 'T'));
    pod.signal(15);
    assert!(matches!(pod.wait(SOON), Ended::Code(143 | 7)));
}

fn survives_term(cluster: &Cluster, init: Init) {
    let script = "$| = 1; $SIG{TERM} = sub { print \"got TERM\\n\" }; $SIG{CONT} = sub { print \"got CONT\\n\" }; $SIG{USR1} = sub { exit 7 }; print \"ready\\n\"; sleep 1 while 1;";
    let pod = pod(cluster, init).command(["/usr/bin/perl", "-e", script]).start();
    pod.expect_line("ready", SOON);
    pod.signal(15);
    pod.expect_line("got TERM", SOON);
    pod.signal(10);
    assert_eq!(pod.wait(SOON), Ended::Code(7));
    assert!(!pod.stdout().contains("CONT"), "a signal that nobody sent");
}

/// The kernel reports all these deaths with one signal.
fn death_among_others(cluster: &Cluster, init: Init) {
    let (reader, writer) = std::io::pipe().unwrap();
    let script = "for i in {1..1000}; do (read <&3 &) done; echo ready; read <&3; exit 7";
    let script = format!("exec 3<&0; {script}");
    let pod = pod(cluster, init).stdin(reader).command(["/bin/bash", "-c", &script]).start();
    pod.expect_line("ready", SOON);
    pod.signal(19);
    drop(writer);
    wait_until(SOON, "all dead", || pod.processes().iter().filter(|process| process.state == 'Z').count() == 1001);
    pod.signal(18);
    assert_eq!(pod.wait(SOON), Ended::Code(7));
}

fn no_zombies(pod: &RunningPod, expected: usize) {
    wait_until(Duration::from_secs(20), "no zombie", || {
        let processes = pod.processes();
        processes.iter().all(|process| process.state != 'Z') && processes.len() == expected
    });
}

fn reaps(cluster: &Cluster, init: Init) {
    let pod = ready(pod(cluster, init), "for i in {1..300}; do (sleep 0.01 &); done; echo ready; exec sleep 1000");
    no_zombies(&pod, 2);
}

fn reaps_other_sessions(cluster: &Cluster, init: Init) {
    let pod =
        ready(pod(cluster, init), "for i in {1..100}; do (setsid sleep 0.01 &); done; echo ready; exec sleep 1000");
    no_zombies(&pod, 2);
}

/// Forks as many children, which wait for the end of a pipe, and leaves them to the init; then closes the pipe.
const STORM: &str = "$| = 1; pipe(R, W); if (!fork) { for (1..10000) { if (!fork) { close W; sysread(R, $_, 1); POSIX::_exit(0) } } \
                     POSIX::_exit(0) } wait; close R; print \"ready\\n\"; <STDIN>; close W; print \"storm\\n\"; sleep 1000";

fn reaps_a_storm(cluster: &Cluster, init: Init) {
    let (reader, writer) = std::io::pipe().unwrap();
    let pod = pod(cluster, init).stdin(reader).command(["/usr/bin/perl", "-MPOSIX", "-e", STORM]).start();
    pod.expect_line("ready", Duration::from_secs(60));
    pod.signal(19);
    std::io::Write::write_all(&mut &writer, b"\n").unwrap();
    pod.expect_line("storm", SOON);
    wait_until(Duration::from_secs(60), "all dead", || {
        pod.processes().iter().filter(|process| process.state == 'Z').count() == 10_000
    });
    pod.signal(18);
    no_zombies(&pod, 2);
}

fn reaps_as_subreaper(cluster: &Cluster, init: Init) {
    let pod =
        cluster.pod("web-0").without_subdomain().runs_as(AsPid::NotOne).entrypoint(init.subreaper.iter().copied());
    // The orphan's parent is asked for: it must be the init, which is not PID 1.
    let script = "(sh -c 'sleep 0.2; echo parent $(cut -d\" \" -f4 /proc/$$/stat)' &); sleep 0.4; echo init $PPID; exec sleep 1000";
    let pod = pod.command(["bash", "-c", script]).start();
    let number =
        |line: &str, word: &str| line.trim().strip_prefix(word).and_then(|rest| rest.trim().parse::<i32>().ok());
    let init = number(&pod.expect_line("init ", SOON).text, "init").unwrap();
    let parent = number(&pod.expect_line("parent ", SOON).text, "parent").unwrap();
    assert_eq!(parent, init);
    no_zombies(&pod, 3);
}

fn closed_streams(cluster: &Cluster, init: Init) {
    let close = ["bash", "-c", "exec \"$@\" <&- >&- 2>&-", "close"];
    assert_eq!(ends(behind(cluster, &close, init.entrypoint), &["/bin/bash", "-c", "exit 7"]), Ended::Code(7));
}

fn full_pipe(cluster: &Cluster, init: Init) {
    let fill = "mkfifo /tmp/full; exec 3<>/tmp/full; dd if=/dev/zero of=/tmp/full bs=4096 count=16 oflag=nonblock status=none; \
                exec \"$@\" 2>&3 3<&-";
    let pod = behind(cluster, &["bash", "-c", fill, "fill"], init.entrypoint);
    let pod = ready(pod, "trap 'exit 3' TERM; echo ready; sleep 1000 & wait");
    pod.signal(15);
    assert_eq!(pod.wait(SOON), Ended::Code(3));
}
