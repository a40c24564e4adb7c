//! Each kind has its own variables for `vm.args` and `sys.config`, and an order among them. With us before it, a release
//! takes the files that it takes by itself.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use crate::support::files::directory_of;
use crate::support::vm::{BOOT, vm};
use crate::support::{Built, Cluster, DnsSettings, Pod, RunningPod, scratch_dir};

const OWN: &str = "the release's own";

/// Which files are taken for which variables.
struct Case {
    built: Built,
    variables: &'static [(&'static str, &'static str)],
    /// What is in the file of flags that is taken.
    flags: &'static str,
    /// What is in the file of settings that is taken.
    settings: &'static str,
    /// Whether the kind has these variables itself. The others' are ours.
    itself: bool,
}

const fn of(
    built: Built,
    itself: bool,
    variables: &'static [(&'static str, &'static str)],
    flags: &'static str,
    settings: &'static str,
) -> Case {
    Case { built, variables, flags, settings, itself }
}

const IN_CONFIG_DIR: (&str, &str) = ("RELEASE_CONFIG_DIR", "/beamconfig");
const VM_ARGS: (&str, &str) = ("VMARGS_PATH", "/named/vm.args");

const CASES: [Case; 19] = [
    of(Built::MixWithoutErts, true, &[], OWN, OWN),
    of(Built::MixWithoutErts, false, &[IN_CONFIG_DIR], "directory", "directory"),
    of(Built::MixWithoutErts, false, &[IN_CONFIG_DIR, VM_ARGS], "named", "directory"),
    of(Built::MixWithoutErts, false, &[VM_ARGS, ("RELEASE_VM_ARGS", "/other/vm.args")], "other", OWN),
    of(Built::MixWithoutErts, true, &[("RELEASE_SYS_CONFIG", "/named/sys")], OWN, "named"),
    of(Built::MixWithoutErts, false, &[IN_CONFIG_DIR, ("RELEASE_SYS_CONFIG", "/other/sys")], "directory", "other"),
    of(Built::RelxWithoutErts, true, &[], OWN, OWN),
    of(Built::RelxWithoutErts, false, &[IN_CONFIG_DIR], "directory", "directory"),
    of(Built::RelxWithoutErts, true, &[VM_ARGS], "named", OWN),
    of(Built::RelxWithoutErts, true, &[VM_ARGS, ("RELX_CONFIG_PATH", "/named/sys.config")], "named", "named"),
    of(
        Built::RelxWithoutErts,
        false,
        &[IN_CONFIG_DIR, ("RELX_CONFIG_PATH", "/named/sys.config")],
        "directory",
        "named",
    ),
    of(Built::RelxWithoutErts, true, &[("VMARGS_PATH", "/with_src/vm.args")], "src", OWN),
    of(Built::RelxPlain, true, &[], OWN, OWN),
    of(Built::RelxPlain, false, &[IN_CONFIG_DIR], "directory", "directory"),
    of(Built::Distillery, true, &[], OWN, OWN),
    of(Built::Distillery, true, &[IN_CONFIG_DIR], "directory", "directory"),
    of(Built::Distillery, true, &[IN_CONFIG_DIR, VM_ARGS], "named", "directory"),
    of(Built::Distillery, true, &[IN_CONFIG_DIR, ("SYS_CONFIG_PATH", "/named/sys.config")], "directory", "named"),
    of(Built::Distillery, true, &[VM_ARGS, ("SYS_CONFIG_PATH", "/other/sys.config")], "named", "other"),
];

/// A directory with both files, which say where they come from.
fn directory(origin: &str) -> TempDir {
    let flags = format!("-name demo@127.0.0.1\n-setcookie sesame\n-origin {origin}\n");
    let settings = format!("[{{demo, [{{greeting, \"{origin}\"}}]}}].\n");
    directory_of(&[("vm.args", &flags), ("sys.config", &settings)])
}

#[test]
fn each_kind_takes_the_files_that_it_takes_by_itself() {
    let cluster = Cluster::start(DnsSettings::default());
    let directories = ["directory", "named", "other"].map(directory);
    let with_src = directory("not the template");
    fs::copy(directory("src").path().join("vm.args"), with_src.path().join("vm.args.src")).unwrap();
    let at = ["/beamconfig", "/named", "/other", "/with_src"];
    let directories: Vec<&Path> = directories.iter().chain([&with_src]).map(TempDir::path).collect();

    let describe = |case: &Case| -> Pod {
        let pod =
            cluster.pod("demo-0").without_subdomain().release(case.built.dir()).command(case.built.start_command());
        let pod = directories.iter().zip(at).fold(pod, |pod, (from, to)| pod.mount(from, to));
        let pod = case.variables.iter().fold(pod, |pod, (name, value)| pod.env(name, value));
        // For the scripts alone: a directory that can be written, and a cookie for Distillery's.
        let pod = pod.env("RELX_OUT_FILE_PATH", "/tmp").env("RELEASE_MUTABLE_DIR", "/tmp");
        if case.flags == OWN { pod.env("COOKIE", "the_releases_own") } else { pod }
    };
    for chunk in CASES.chunks(5) {
        let started: Vec<_> = chunk
            .iter()
            .map(|case| {
                let alone = case.itself.then(|| describe(case).no_entrypoint().start());
                (case, alone, describe(case).start())
            })
            .collect();
        for (case, alone, with_us) in started {
            let what = format!("{:?} with {:?}", case.built, case.variables);
            let expected = (case.flags.to_owned(), case.settings.to_owned());
            if let Some(alone) = alone {
                assert_eq!(taken(&alone), expected, "{what}, by itself");
            }
            assert_eq!(taken(&with_us), expected, "{what}");
        }
    }
}

/// Where the flags and the settings of the VM in this pod come from.
fn taken(pod: &RunningPod) -> (String, String) {
    let line = pod.expect_line("demo runs on", BOOT).text;
    let settings = line.split_once(" says ").unwrap().1.to_owned();
    let flags = vm(pod).unwrap().cmdline;
    let origin = flags.iter().position(|word| word == "-origin").map(|at| flags[at + 1].clone());
    (origin.unwrap_or_else(|| OWN.to_owned()), settings)
}

#[test]
fn with_rendering_off_they_arrive_as_they_stand() {
    let (cluster, config) = (Cluster::start(DnsSettings::default()), directory("$<HOME>"));
    let kinds = [Built::MixWithoutErts, Built::RelxWithoutErts, Built::RelxPlain, Built::Distillery];
    let start = |built: Built, env: &[(&str, &str)]| {
        let pod = cluster.pod("demo-0").without_subdomain().release(built.dir()).command(built.start_command());
        let pod = pod.mount_config(config.path()).env("BEAMINIT_RENDER", "off");
        let pod = pod.env("RELX_OUT_FILE_PATH", "/tmp").env("RELEASE_MUTABLE_DIR", "/tmp");
        env.iter().fold(pod, |pod, (name, value)| pod.env(name, value)).start()
    };
    let started = kinds.map(|built| (built, start(built, &[("RELEASE_CONFIG_DIR", "/beamconfig")])));
    for (built, pod) in started {
        assert_eq!(taken(&pod), ("$<HOME>".to_owned(), "$<HOME>".to_owned()), "{built:?}");
    }
    let started = kinds.map(|built| (built, start(built, &[("COOKIE", "the_releases_own")])));
    for (built, pod) in started {
        assert_eq!(taken(&pod), (OWN.to_owned(), OWN.to_owned()), "{built:?}");
    }
}

#[test]
fn a_file_that_is_named_but_not_there_is_an_error() {
    let cluster = Cluster::start(DnsSettings::default());
    for (built, variable) in [
        (Built::MixWithoutErts, "RELEASE_VM_ARGS"),
        (Built::MixWithoutErts, "RELEASE_SYS_CONFIG"),
        (Built::RelxWithoutErts, "VMARGS_PATH"),
        (Built::RelxWithoutErts, "RELX_CONFIG_PATH"),
        (Built::Distillery, "SYS_CONFIG_PATH"),
        (Built::RelxPlain, "RELEASE_CONFIG_DIR"),
    ] {
        let pod = cluster.pod("demo-0").without_subdomain().release(built.dir()).command(built.start_command());
        let pod = pod.env(variable, "/beamconfig/absent").start();
        assert_eq!(pod.wait(BOOT), crate::support::Ended::Code(66), "{variable}");
        let said = pod.termination_log();
        assert!(said.contains(&format!("{variable}=/beamconfig/absent")) && said.contains("hint: "), "{said}");
    }
}

/// What its script writes at each start. A volume may be mounted there, or else the run directory serves.
#[test]
fn a_directory_of_the_release_is_left_to_it_if_it_can_be_written() {
    let cluster = Cluster::start(DnsSettings::default());
    for (marks, argument, directory, variable) in [
        (["releases/1/elixir", "releases/1/env.sh"], "start", "tmp", "RELEASE_TMP"),
        (["releases/1/libexec/config.sh", "releases/1/vm.args"], "foreground", "var", "RELEASE_MUTABLE_DIR"),
    ] {
        let volume = scratch_dir();
        fs::set_permissions(volume.path(), Permissions::from_mode(0o777)).unwrap();
        let script = format!("#!/bin/sh\necho \"writes to ${{{variable}-its own directory}}\"\n");
        let files = [("bin/demo", script.as_str()), ("releases/start_erl.data", "13 1")];
        let release = directory_of(&[files, marks.map(|mark| (mark, ""))].concat());
        fs::set_permissions(release.path().join("bin/demo"), Permissions::from_mode(0o755)).unwrap();
        let pod = || {
            let pod = cluster.pod("demo-0").uid(54321).release(release.path()).command(["bin/demo", argument]);
            pod.env("BEAMINIT_WAIT", "off").env("HOME", "/dev/shm")
        };
        let says = |pod: Pod, what: &str| pod.start().expect_line(&format!("writes to {what}"), BOOT);
        says(pod(), "/dev/shm/beaminit-54321-");
        fs::create_dir(release.path().join(directory)).unwrap();
        says(pod(), "/dev/shm/beaminit-54321-");
        says(pod().mount_writable(volume.path(), &format!("/app/{directory}")), "its own directory");
    }
}
