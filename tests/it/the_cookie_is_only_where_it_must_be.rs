//! The cookie is a password for everything that the node may do. While a release runs, it is looked for in every command
//! line, every environment, every line of the most talkative log and every file that was written; what is found must be
//! in the table, and all of the table must be found.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;

use tempfile::TempDir;

use crate::support::files::directory_of;
use crate::support::vm::{BOOT, can_connect, vm, wait_for_node};
use crate::support::{Built, Cluster, DnsSettings, Ended, Pod, RunningPod, scratch_dir, wait_until};

const COOKIE: &str = "sesame-4711";
const NODE: &str = "demo@demo-0.demo.default.svc.cluster.local";
const UID: u32 = 54321;

/// Where the user put the cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// In `ERLANG_COOKIE`, of which the template makes `-setcookie`.
    Template,
    /// In a mounted Secret that `BEAMINIT_COOKIE_FILE` names.
    Secret,
}

/// One start, and all places where the cookie is then.
struct Case {
    built: Built,
    mode: &'static str,
    from: From,
    places: &'static [&'static str],
}

/// The kernel shows a command line to everybody, hence it is there only for mix, whose script has no other way, for
/// Distillery, whose tools look for it nowhere else, and on request. An environment is shown to its owner alone, who put it
/// there himself or, with mix, has the command line anyway, or with Distillery, whose script starts nothing without a cookie
/// that it sees. The file is what the VM reads, the state what `beaminit exec` reads.
const CASES: [Case; 17] = [
    case(Built::Mix, "auto", From::Template, &[ON_THE_COMMAND_LINE, AS_GIVEN, IN_MIX_VARIABLE, IN_STATE]),
    case(Built::Mix, "auto", From::Secret, &[ON_THE_COMMAND_LINE, IN_MIX_VARIABLE, IN_STATE]),
    case(Built::Mix, "file", From::Template, &[AS_GIVEN, IN_FILE]),
    case(Built::Mix, "file", From::Secret, &[IN_FILE]),
    case(Built::MixRuntimeConfig, "file", From::Secret, &[IN_FILE]),
    case(Built::Relx, "auto", From::Template, &[AS_GIVEN, IN_FILE, IN_STATE]),
    case(Built::Relx, "auto", From::Secret, &[IN_FILE, IN_STATE]),
    case(Built::Relx, "args", From::Secret, &[ON_THE_COMMAND_LINE, IN_VM_ARGS]),
    case(Built::RelxWithoutErts, "auto", From::Secret, &[IN_FILE, IN_STATE]),
    case(Built::RelxSrc, "auto", From::Template, &[AS_GIVEN, IN_FILE, IN_STATE]),
    case(Built::RelxPlain, "auto", From::Template, &[AS_GIVEN, IN_FILE]),
    case(Built::RelxPlain, "auto", From::Secret, &[IN_FILE]),
    case(Built::RelxPlain, "args", From::Secret, &[ON_THE_COMMAND_LINE, IN_VM_ARGS]),
    case(Built::Distillery, "auto", From::Template, &[ON_THE_COMMAND_LINE, AS_GIVEN, IN_VM_ARGS, IN_DISTILLERYS_COPY]),
    case(Built::Distillery, "auto", From::Secret, &[ON_THE_COMMAND_LINE, IN_VM_ARGS, IN_DISTILLERYS_COPY]),
    case(Built::Distillery, "file", From::Template, &[AS_GIVEN, IN_DISTILLERY_VARIABLE, IN_FILE, IN_STATE]),
    case(Built::Distillery, "file", From::Secret, &[IN_DISTILLERY_VARIABLE, IN_FILE, IN_STATE]),
];

const ON_THE_COMMAND_LINE: &str = "command line of beam.smp";
const AS_GIVEN: &str = "environment, ERLANG_COOKIE";
const IN_MIX_VARIABLE: &str = "environment, RELEASE_COOKIE";
const IN_DISTILLERY_VARIABLE: &str = "environment, COOKIE";
const IN_FILE: &str = "file erlang/.erlang.cookie of mode 400";
const IN_STATE: &str = "file state.json of mode 600";
const IN_VM_ARGS: &str = "file vm.args of mode 600";
/// In a directory of mode 700.
const IN_DISTILLERYS_COPY: &str = "file var/vm.args of mode 644";

const fn case(built: Built, mode: &'static str, from: From, places: &'static [&'static str]) -> Case {
    Case { built, mode, from, places }
}

#[test]
fn of_a_mix_release() {
    check(|built| matches!(built, Built::Mix | Built::MixRuntimeConfig));
}

#[test]
fn of_a_relx_release() {
    check(|built| matches!(built, Built::Relx | Built::RelxWithoutErts | Built::RelxSrc));
}

#[test]
fn of_a_vm_that_is_started_directly() {
    check(|built| built == Built::RelxPlain);
}

#[test]
fn of_a_distillery_release() {
    check(|built| built == Built::Distillery);
}

fn check(is_chosen: impl Fn(Built) -> bool) {
    let started: Vec<_> = CASES.iter().filter(|case| is_chosen(case.built)).map(start).collect();
    for Started { case, peer, pod, .. } in &started {
        let what = format!("{:?} {} {:?}", case.built, case.mode, case.from);
        wait_for_node(pod, "demo");
        pod.expect_line("demo runs on", BOOT);
        assert!(can_connect(peer, NODE, COOKIE), "{what}");
        assert!(!can_connect(peer, NODE, "another-cookie"), "{what}");
        let expected: BTreeSet<String> = case.places.iter().map(|place| (*place).to_owned()).collect();
        assert_eq!(places(pod), expected, "{what}");
        pod.signal(15);
    }
    for Started { pod, .. } in &started {
        assert_eq!(pod.wait(BOOT), Ended::Code(0));
        assert!(!pod.log().iter().any(|line| line.text.contains(COOKIE)), "the log after the end");
        assert!(!pod.termination_log().contains(COOKIE));
    }
}

/// A case in a separate cluster.
struct Started {
    case: &'static Case,
    peer: RunningPod,
    pod: RunningPod,
    _mounted: [TempDir; 2],
    _cluster: Cluster,
}

fn start(case: &'static Case) -> Started {
    let cluster = Cluster::start(DnsSettings::default());
    let peer = cluster.pod("peer-0").no_entrypoint().command(["sleep", "1000"]).start();
    let (config, secret) = (config_map(case.from), secret_volume(0o644));
    let pod = pod(&cluster, case.built, &config).env("BEAMINIT_COOKIE", case.mode).env("BEAMINIT_LOG", "trace");
    let pod = match case.from {
        From::Template => pod.env("ERLANG_COOKIE", COOKIE),
        From::Secret => pod.mount(secret.path(), "/secrets").env("BEAMINIT_COOKIE_FILE", "/secrets/cookie"),
    };
    let pod = if case.built == Built::RelxSrc { pod.env("GREETING", "hello") } else { pod };
    Started { case, peer, pod: pod.start(), _mounted: [config, secret], _cluster: cluster }
}

/// All places in a pod where the cookie is.
fn places(pod: &RunningPod) -> BTreeSet<String> {
    let mut places = BTreeSet::new();
    let processes = pod.processes();
    assert!(processes.iter().any(|process| process.comm == "epmd"), "{processes:?}");
    for process in processes {
        if process.cmdline.iter().any(|word| word.contains(COOKIE)) {
            places.insert(format!("command line of {}", process.comm));
        }
        let environ = fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
        for pair in String::from_utf8_lossy(&environ).split('\0').filter(|pair| pair.contains(COOKIE)) {
            places.insert(format!("environment, {}", pair.split('=').next().unwrap()));
        }
    }
    if pod.log().iter().any(|line| line.text.contains(COOKIE)) {
        places.insert("log".to_owned());
    }
    if pod.termination_log().contains(COOKIE) {
        places.insert("termination log".to_owned());
    }
    let root = format!("/proc/{}/root", pod.init_pid());
    let written = files_written(Path::new(&root));
    assert!(written.iter().any(|path| path.ends_with("vm.args") || path.ends_with(".erlang.cookie")), "{written:?}");
    for path in written {
        if String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(COOKIE) {
            let mode = fs::metadata(&path).unwrap().mode() & 0o777;
            let path = path.strip_prefix(&root).unwrap().display().to_string();
            // Its name ends in a number that is another one each time.
            let run_dir = path.strip_prefix(&format!("dev/shm/beaminit-{UID}-"));
            let path = run_dir.and_then(|path| path.split_once('/')).map_or(path.as_str(), |(_number, path)| path);
            places.insert(format!("file {path} of mode {mode:o}"));
        }
    }
    places
}

/// All files in the pod but those that were mounted.
fn files_written(root: &Path) -> Vec<std::path::PathBuf> {
    let mounted = ["proc", "sys", "usr", "app", "beamconfig", "secrets", "bin", "sbin", "lib", "lib32", "lib64"];
    let mut files = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for path in fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()) {
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            let is_mounted = directory == root && mounted.iter().any(|name| path.ends_with(name));
            if kind.is_dir() && !is_mounted {
                directories.push(path);
            } else if kind.is_file() {
                files.push(path);
            }
        }
    }
    files
}

fn pod(cluster: &Cluster, built: Built, config: &TempDir) -> Pod {
    let pod = cluster.pod("demo-0").uid(UID).read_only_root(true).release(built.dir()).command(built.start_command());
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let pod = pod.env("BEAMINIT_WAIT", "off");
    if built == Built::RelxSrc {
        return pod; // it has its own template
    }
    pod.mount_config(config.path()).env("RELEASE_CONFIG_DIR", "/beamconfig").env("REPLACE_OS_VARS", "true")
}

fn config_map(from: From) -> TempDir {
    let cookie = if from == From::Template { "-setcookie ${ERLANG_COOKIE}\n" } else { "" };
    directory_of(&[("vm.args", &format!("-name demo@${{MY_POD_FQDN}}\n{cookie}"))])
}

/// A Secret as the kubelet mounts it: `cookie` is a link through `..data`, and with it the files change all at once.
fn secret_volume(mode: u32) -> TempDir {
    let dir = directory_of(&[]);
    let data = dir.path().join("..2026_11_22");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(data.join("cookie"), format!("{COOKIE}\n")).unwrap();
    fs::set_permissions(data.join("cookie"), fs::Permissions::from_mode(mode)).unwrap();
    symlink("..2026_11_22", dir.path().join("..data")).unwrap();
    symlink("..data/cookie", dir.path().join("cookie")).unwrap();
    dir
}

/// A home with a cookie file of this mode.
fn home(cookie: &str, mode: u32) -> TempDir {
    let dir = scratch_dir();
    let file = dir.path().join(".erlang.cookie");
    fs::write(&file, cookie).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    for path in [dir.path(), &file] {
        chown(path, Some(UID), Some(0)).unwrap();
    }
    dir
}

#[test]
fn of_a_secret_that_only_the_group_may_read() {
    let cluster = Cluster::start(DnsSettings::default());
    let (config, secret) = (config_map(From::Secret), secret_volume(0o440));
    let pod = pod(&cluster, Built::RelxWithoutErts, &config).mount(secret.path(), "/secrets");
    let pod = pod.env("BEAMINIT_COOKIE_FILE", "/secrets/cookie").start();
    wait_for_node(&pod, "demo");
    assert!(places(&pod).contains(IN_FILE));
}

/// As the VM itself refuses it, which kubelets' `fsGroup` leads many into.
#[test]
fn a_cookie_file_in_home_that_others_may_read_is_refused_with_the_cure() {
    for (cookie_in_template, mode) in [(false, 0o644), (false, 0o440), (true, 0o640)] {
        let cluster = Cluster::start(DnsSettings::default());
        let from = if cookie_in_template { From::Template } else { From::Secret };
        let (config, home) = (config_map(from), home(COOKIE, mode));
        let pod = pod(&cluster, Built::RelxWithoutErts, &config).mount_writable(home.path(), "/home/demo");
        let pod = pod.env("HOME", "/home/demo").env("ERLANG_COOKIE", COOKIE).env("BEAMINIT_COOKIE", "file");
        let pod = pod.start();
        assert_eq!(pod.wait(BOOT), Ended::Code(65));
        let said = pod.termination_log();
        assert!(said.contains("/home/demo/.erlang.cookie") && said.contains("others may read it"), "{said}");
        assert!(said.contains("hint: chmod 400 /home/demo/.erlang.cookie"), "{said}");
        assert!(said.contains("named by BEAMINIT_COOKIE_FILE"), "{said}");
        assert!(!said.contains(COOKIE), "{said}");
        let kept = fs::metadata(home.path().join(".erlang.cookie")).unwrap();
        assert_eq!(kept.mode() & 0o777, mode);
    }
}

/// Any named VM leaves such a file. A VM with `-setcookie` reads none, whatever it holds and whatever its mode.
#[test]
fn a_cookie_file_in_home_that_the_vm_would_not_read_keeps_the_flag_where_it_was() {
    for built in [Built::RelxWithoutErts, Built::RelxPlain, Built::Distillery, Built::Mix] {
        for (in_home, mode, why) in [("another", 0o400, "differ"), (COOKIE, 0o644, "others may read it")] {
            let cluster = Cluster::start(DnsSettings::default());
            let peer = cluster.pod("peer-0").no_entrypoint().command(["sleep", "1000"]).start();
            let (config, home) = (config_map(From::Template), home(in_home, mode));
            let pod = pod(&cluster, built, &config).mount_writable(home.path(), "/home/demo");
            let pod = pod.env("HOME", "/home/demo").env("ERLANG_COOKIE", COOKIE).start();
            wait_for_node(&pod, "demo");
            assert!(can_connect(&peer, NODE, COOKIE), "{built:?} {why}");
            let said: Vec<_> = pod.log().into_iter().filter(|line| line.text.contains(".erlang.cookie")).collect();
            let has_always_a_flag = matches!(built, Built::Mix | Built::Distillery);
            assert_eq!(said.len(), usize::from(!has_always_a_flag), "{built:?} {said:?}");
            assert!(said.iter().all(|line| line.text.contains(why) && line.text.contains("; hint: ")), "{said:?}");
            assert_eq!(fs::read_to_string(home.path().join(".erlang.cookie")).unwrap(), in_home, "{built:?}");
        }
    }
}

#[test]
fn a_cookie_file_in_home_with_the_same_cookie_is_used_and_kept() {
    let cluster = Cluster::start(DnsSettings::default());
    let (config, home) = (config_map(From::Template), home(&format!("{COOKIE}\n"), 0o400));
    let peer = cluster.pod("peer-0").no_entrypoint().command(["sleep", "1000"]).start();
    let pod = pod(&cluster, Built::RelxWithoutErts, &config).mount_writable(home.path(), "/home/demo");
    let pod = pod.env("HOME", "/home/demo").env("ERLANG_COOKIE", COOKIE).start();
    wait_for_node(&pod, "demo");
    assert!(can_connect(&peer, NODE, COOKIE));
    assert!(!places(&pod).contains(ON_THE_COMMAND_LINE));
    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
    assert_eq!(fs::read_to_string(home.path().join(".erlang.cookie")).unwrap(), format!("{COOKIE}\n"));
}

/// Where the release needs `XDG_CONFIG_HOME` for itself, HOME is what is left; and where that cannot be written, the
/// command line, which is said.
#[test]
fn with_another_xdg_config_home_it_goes_into_home_or_the_log_says_that_it_cannot() {
    let cluster = Cluster::start(DnsSettings::default());
    let (config, home) = (config_map(From::Template), scratch_dir());
    chown(home.path(), Some(UID), Some(0)).unwrap();
    let described = || {
        let pod = pod(&cluster, Built::RelxWithoutErts, &config).env("ERLANG_COOKIE", COOKIE);
        pod.env("XDG_CONFIG_HOME", "/beamconfig")
    };
    let with_home = described().mount_writable(home.path(), "/home/demo").env("HOME", "/home/demo").start();
    wait_for_node(&with_home, "demo");
    let file = home.path().join(".erlang.cookie");
    assert_eq!(fs::read_to_string(&file).unwrap(), COOKIE);
    let metadata = fs::metadata(&file).unwrap();
    assert_eq!((metadata.mode() & 0o777, metadata.uid()), (0o400, UID));
    assert!(!places(&with_home).contains(ON_THE_COMMAND_LINE));
    with_home.signal(15);
    assert_eq!(with_home.wait(BOOT), Ended::Code(0));
    assert!(!file.exists(), "left behind");

    let without = described().start();
    without.expect_line("the cookie is passed on the VM's command line", BOOT);
    wait_for_node(&without, "demo");
    assert!(places(&without).contains(ON_THE_COMMAND_LINE));
}

#[test]
fn two_different_cookies_are_an_error_that_names_both_places() {
    let secret = secret_volume(0o644);
    let home = home("another", 0o400);
    let template = "-setcookie of /beamconfig/vm.args";
    let of = |built: Built, change: &dyn Fn(Pod) -> Pod, places: [&str; 2]| {
        let cluster = Cluster::start(DnsSettings::default());
        let config = config_map(From::Template);
        let pod = change(pod(&cluster, built, &config).env("ERLANG_COOKIE", "first-cookie")).start();
        assert_eq!(pod.wait(BOOT), Ended::Code(65), "{built:?}");
        let said = pod.termination_log();
        for place in places {
            assert!(said.contains(place), "{place} in {said}");
        }
        assert!(said.contains("differ") && said.contains("hint: "), "{said}");
        assert!(![COOKIE, "first-cookie", "another"].iter().any(|cookie| said.contains(cookie)), "{said}");
        assert!(vm(&pod).is_none());
    };
    let variable = |name: &'static str| move |pod: Pod| pod.env(name, "another");
    let with_secret = |pod: Pod| pod.mount(secret.path(), "/secrets").env("BEAMINIT_COOKIE_FILE", "/secrets/cookie");
    let with_home = |pod: Pod| pod.mount_writable(home.path(), "/home/demo").env("HOME", "/home/demo");
    of(Built::Mix, &variable("RELEASE_COOKIE"), [template, "RELEASE_COOKIE of the environment"]);
    for built in [Built::Mix, Built::RelxWithoutErts, Built::RelxPlain, Built::Distillery] {
        of(built, &with_secret, [template, "/secrets/cookie"]);
    }
    let asked_with_home = |pod: Pod| with_home(pod.env("BEAMINIT_COOKIE", "file"));
    for built in [Built::Mix, Built::RelxWithoutErts, Built::RelxPlain, Built::Distillery] {
        of(built, &asked_with_home, [template, "/home/demo/.erlang.cookie"]);
    }
}

/// relx's and Distillery's scripts have the variable for their remote commands alone.
#[test]
fn beside_a_cookie_in_the_template_the_variable_of_the_tools_is_a_warning() {
    for (built, variable) in [(Built::RelxWithoutErts, "RELX_COOKIE"), (Built::Distillery, "COOKIE")] {
        let cluster = Cluster::start(DnsSettings::default());
        let peer = cluster.pod("peer-0").no_entrypoint().command(["sleep", "1000"]).start();
        let config = config_map(From::Template);
        let pod = pod(&cluster, built, &config).env("ERLANG_COOKIE", COOKIE).env(variable, "another").start();
        pod.expect_line(&format!("{variable} of the environment differ: the VM takes the former"), BOOT);
        wait_for_node(&pod, "demo");
        assert!(can_connect(&peer, NODE, COOKIE), "{built:?}");
    }
}

/// What nobody gives was built in, and is on the command line unless a file is asked for.
#[test]
fn of_a_release_that_was_built_with_it() {
    let of_mix = fs::read_to_string(Built::Mix.dir().join("releases/COOKIE")).unwrap();
    for (built, cookie) in [(Built::Mix, of_mix.as_str()), (Built::RelxWithoutErts, "the_releases_own")] {
        let cluster = Cluster::start(DnsSettings::default());
        let pod = cluster.pod("demo-0").uid(UID).read_only_root(true).release(built.dir());
        let pod = pod.command(built.start_command()).env("BEAMINIT_COOKIE", "file").env("BEAMINIT_WAIT", "off");
        let pod = pod.env("RELEASE_NODE", "demo@demo-0").env("RELEASE_DISTRIBUTION", "sname").start();
        pod.expect_line("demo runs on demo@demo-0", BOOT);
        wait_for_node(&pod, "demo");
        let mut words = pod.processes().into_iter().flat_map(|process| process.cmdline);
        assert!(!words.any(|word| word.contains(cookie)), "{built:?}");
        let eval = "io:format(\"~s~n\",[net_adm:ping('demo@demo-0')]),halt().";
        let words = ["erl", "-noinput", "-sname", "tool", "-setcookie", cookie, "-eval", eval];
        assert_eq!(String::from_utf8_lossy(&pod.exec(words).stdout), "pong\n", "{built:?}");
    }
}

/// The dump as a whole has all atoms, and with them the cookie; who may read it may do so because the VM says so.
#[test]
fn a_crash_dumps_head_does_not_show_it() {
    for (built, mode) in [(Built::Mix, "file"), (Built::Relx, "auto"), (Built::Distillery, "auto")] {
        let cluster = Cluster::start(DnsSettings::default());
        let (config, dumps) = (config_map(From::Template), scratch_dir());
        chown(dumps.path(), Some(UID), Some(0)).unwrap();
        let pod = pod(&cluster, built, &config).env("ERLANG_COOKIE", COOKIE).env("BEAMINIT_COOKIE", mode);
        let pod = pod.mount_writable(dumps.path(), "/dumps").env("ERL_CRASH_DUMP", "/dumps/erl_crash.dump").start();
        pod.expect_line("demo runs on", BOOT); // before, a VM drops signals
        pod.signal(10);
        assert_eq!(pod.wait(BOOT), Ended::Code(1), "{built:?}");
        wait_until(BOOT, "a dump", || dumps.path().join("erl_crash.dump").exists());
        let dump = fs::read(dumps.path().join("erl_crash.dump")).unwrap();
        let text = String::from_utf8_lossy(&dump);
        let (head, rest) = text.split_once("=memory").unwrap();
        assert!(head.contains("Slogan:") && !rest.is_empty());
        assert!(!head.contains(COOKIE), "{head}");
        assert!(!pod.termination_log().contains(COOKIE) && !pod.log().iter().any(|line| line.text.contains(COOKIE)));
    }
}
