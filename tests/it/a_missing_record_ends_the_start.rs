//! A record that does not come in time ends the start with 69, or lets it go on, as asked.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::exec_joins_the_running_release::fake_release;
use crate::support::talk::config_map;
use crate::support::vm::BOOT;
use crate::support::{Cluster, DnsSettings, Ended, PodFile};

#[test]
fn with_69_and_what_was_asked() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").env("BEAMINIT_WAIT_TIMEOUT", "2s").command(["echo", "started"]).start();
    let started = Instant::now();
    assert_eq!(pod.wait(BOOT), Ended::Code(69));
    assert!(
        started.elapsed() >= Duration::from_secs(2) && started.elapsed() < Duration::from_secs(4),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(pod.stdout(), "");
    pod.expect_line("beaminit: wait: web-0.web.default.svc.cluster.local", BOOT);
    pod.expect_line("NXDOMAIN", BOOT);
    pod.expect_line("hint: ", BOOT);
    assert!(pod.termination_log().contains("NXDOMAIN"));
}

#[test]
fn or_with_the_release_if_that_is_wanted() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").env("BEAMINIT_WAIT_TIMEOUT", "1s").env("BEAMINIT_WAIT_FAILURE", "start");
    let pod = pod.command(["echo", "started"]).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
    assert_eq!(pod.stdout().trim(), "started");
}

#[test]
fn without_a_limit_there_is_no_deadline() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").env("BEAMINIT_WAIT_TIMEOUT", "0").command(["echo", "started"]);
    let (fqdn, address) = (pod.fqdn(), pod.address());
    let pod = pod.start();
    cluster.dns().wait_for_question(BOOT);
    let line = pod.expect_line("beaminit: wait: waiting until ", BOOT).text;
    assert!(!line.contains("at most"), "{line}");
    cluster.dns().publish(&fqdn, &[address]);
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
}

#[test]
fn no_wait_at_all_where_it_is_off_or_there_is_nothing_to_wait_for() {
    let cluster = Cluster::start(DnsSettings::default());
    let off = cluster.pod("web-0").env("BEAMINIT_WAIT", "off");
    let unnamed = cluster.pod("web-7d9f").without_subdomain();
    for pod in [off, unnamed] {
        let pod = pod.command(["echo", "started"]).start();
        assert_eq!(pod.wait(BOOT), Ended::Code(0));
        pod.expect_line("not waiting: ", BOOT);
    }
    assert!(cluster.dns().questions().is_empty());
}

#[test]
fn a_wait_that_is_demanded_but_impossible_is_78() {
    let cluster = Cluster::start(DnsSettings::default());
    let unnamed = cluster.pod("web-7d9f").without_subdomain().env("BEAMINIT_WAIT", "always");
    let no_server = cluster.pod("web-0").resolv_conf(PodFile::Custom("search x\n".into()));
    for pod in [unnamed, no_server] {
        let pod = pod.command(["echo", "started"]).start();
        assert_eq!(pod.wait(BOOT), Ended::Code(78));
        assert_eq!(pod.stdout(), "");
    }
}

/// What it is, the text of env.sh, variables, COMMAND, and whether the missing record is fatal.
type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [&'a str], bool);

/// What asks for a name in the cluster, and whether the start ends without its record.
#[test]
fn by_default_only_where_somebody_asked_for_the_name() {
    let cluster = Cluster::start(DnsSettings::default());
    let fqdn = "web-0.web.default.svc.cluster.local";
    let node = &*format!("app@{fqdn}");
    let template = config_map("-name ${RELEASE_NAME}@${MY_POD_FQDN}\n");
    let env_sh = "export RELEASE_DISTRIBUTION=name\nexport RELEASE_NODE=\"app@$(somehow)\"\n";
    let rows: [Row<'_>; 8] = [
        ("beaminit's own choice", "", &[], &["bin/app", "start"], false),
        ("behind a shell", "", &[], &["sh", "-c", "bin/app start"], false),
        ("env.sh, in a way that nobody foresees", env_sh, &[], &["bin/app", "start"], false),
        ("a command that names a VM", "", &[], &["sh", "-c", "echo start erl"], false),
        ("a template", "", &[("RELEASE_CONFIG_DIR", "/beamconfig")], &["bin/app", "start"], true),
        ("RELEASE_NODE", "", &[("RELEASE_NODE", node)], &["bin/app", "start"], true),
        ("BEAMINIT_WAIT=always", "", &[("BEAMINIT_WAIT", "always")], &["bin/app", "start"], true),
        ("BEAMINIT_WAIT_FAILURE=exit", "", &[("BEAMINIT_WAIT_FAILURE", "exit")], &["bin/app", "start"], true),
    ];
    thread::scope(|scope| {
        for (what, env_sh, env, command, is_fatal) in rows {
            let (cluster, template) = (&cluster, &template);
            scope.spawn(move || {
                let release = fake_release();
                fs::write(release.path().join("releases/1/env.sh"), env_sh).unwrap();
                let pod = cluster.pod("web-0").release(release.path()).mount_config(template.path());
                let pod = pod.env("BEAMINIT_WAIT", "auto");
                let pod = env.iter().fold(pod, |pod, (name, value)| pod.env(name, value));
                let pod = pod.env("BEAMINIT_WAIT_TIMEOUT", "1s").command(command).start();
                if is_fatal {
                    assert_eq!(pod.wait(BOOT), Ended::Code(69), "{what}");
                    return;
                }
                pod.expect_line("start ", BOOT);
                let cause =
                    pod.expect_line("beaminit: wait: warning: web-0.web.default.svc.cluster.local did not", BOOT);
                assert!(cause.text.contains("; hint: "), "{what}: {}", cause.text);
                pod.expect_line("starting anyway: nobody asked for a name in the cluster", BOOT);
                assert_eq!(pod.termination_log(), "", "{what}");
            });
        }
    });
}
