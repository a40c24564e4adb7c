//! The releases of the tests are what they are taken for, without us: each starts and ends as its kind does, and the
//! start script in Distillery's shape looks settings up and substitutes as Distillery does, its faults included.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::vm::{BOOT, vm};
use crate::support::{Built, Cluster, DnsSettings, Ended, scratch_dir};

#[test]
fn each_starts_and_ends_without_us() {
    let cluster = Cluster::start(DnsSettings::default());
    let start = |built: Built| {
        let pod = cluster.pod("demo-0").no_entrypoint().release(built.dir()).command(built.start_command());
        let pod = match built {
            Built::MixRuntimeConfig => pod.env("RELEASE_TMP", "/tmp"),
            Built::Distillery => pod.env("RELEASE_MUTABLE_DIR", "/tmp").env("COOKIE", "sesame"),
            Built::RelxSrc => pod
                .env("RELX_OUT_FILE_PATH", "/tmp")
                .env("ERLANG_COOKIE", "sesame")
                .env("GREETING", "hello")
                .env("MY_POD_FQDN", "demo-0.demo.default.svc.cluster.local"),
            _ => pod,
        };
        (built, pod.start())
    };
    for few in Built::ALL.chunks(3) {
        let pods: Vec<_> = few.iter().copied().map(start).collect();
        for (built, pod) in &pods {
            let name = match built {
                Built::MixNamedByEnvSh => "named_by_env_sh@demo-0.demo.default.svc.cluster.local",
                Built::RelxSrc => "demo@demo-0.demo.default.svc.cluster.local",
                Built::RelxPlain => "nonode@nohost",
                _ => "demo@demo-0",
            };
            pod.expect_line(&format!("demo runs on {name}"), BOOT);
            assert_eq!(vm(pod).unwrap().pid, pod.pid(), "{built:?} ends in exec");
            pod.signal(15);
        }
        for (built, pod) in &pods {
            // Not "demo was stopped": the TERM may come before the VM counts the application as started.
            assert_eq!(pod.wait(BOOT), Ended::Code(0), "{built:?}");
        }
    }
}

/// What Distillery's substitution makes of a line, `V` having this value.
#[derive(Clone, Copy)]
enum Makes {
    Line(&'static str),
    /// It runs for ever.
    NoEnd,
}

/// Template, value, result.
const SUBSTITUTIONS: [(&str, &str, Makes); 27] = [
    ("<${V}>\n", "a|b/c\"d'e#f g$h}i%s é", Makes::Line("<a|b/c\"d'e#f g$h}i%s é>\n")),
    ("<${V}>\n", "", Makes::Line("<>\n")),
    ("<${UNSET}>\n", "q", Makes::Line("<>\n")),
    ("<${V}>\n", "a&b", Makes::Line("<a&b>\n")),
    ("<${V}>\n", "a\\b", Makes::Line("<a\\b>\n")),
    ("<${V}>\n", "a\\", Makes::Line("<a\\>\n")),
    ("<${V}>\n", "a\\&b", Makes::NoEnd),
    ("<${V}>\n", "a\nb", Makes::Line("<a\nb>\n")),
    ("<${V}>\n", "${W}", Makes::Line("<another>\n")),
    ("<${V}>\n", "${V}", Makes::NoEnd),
    ("<${V*}>\n", "q", Makes::NoEnd),
    ("<${}>\n", "q", Makes::Line("<>\n")),
    ("<${ V }>\n", "q", Makes::Line("<>\n")),
    ("<${V.W}>\n", "q", Makes::Line("<>\n")),
    ("<${V-d}>\n", "q", Makes::Line("<>\n")),
    ("<${V:-d}>\n", "q", Makes::Line("<>\n")),
    ("<${V>\n", "q", Makes::Line("<${V>\n")),
    ("<${V\n}>\n", "q", Makes::Line("<${V\n}>\n")),
    ("<$V>\n", "q", Makes::Line("<$V>\n")),
    ("<$(V)>\n", "q", Makes::Line("<$(V)>\n")),
    ("<$<V>>\n", "q", Makes::Line("<$<V>>\n")),
    ("<{V}>\n", "q", Makes::Line("<{V}>\n")),
    ("<\\${V}>\n", "q", Makes::Line("<\\q>\n")),
    ("<$${V}>\n", "q", Makes::Line("<$q>\n")),
    ("## ${V}\n", "q", Makes::Line("## q\n")),
    ("<${V}>", "q", Makes::Line("<q>\n")),
    ("<${V}>\r\n", "q", Makes::Line("<q>\r\n")),
];

#[test]
fn the_script_in_distillerys_shape_substitutes_as_distillery_does() {
    for (template, value, makes) in SUBSTITUTIONS {
        let made = distillery(&[("V", value), ("W", "another")], template);
        match makes {
            Makes::Line(line) => assert_eq!(made.as_deref(), Some(line), "{template:?} with {value:?}"),
            Makes::NoEnd => assert_eq!(made, None, "{template:?} with {value:?} came to an end"),
        }
    }
}

/// Substitutes with the fixture's own function. None if a second of CPU time, many times what it takes, was too little.
fn distillery(variables: &[(&str, &str)], template: &str) -> Option<String> {
    let libexec = Built::Distillery.dir().join("releases/0.1.0/libexec/config.sh");
    let mut bash = Command::new("bash");
    bash.args(["-c", ". \"$0\"; ulimit -t 1; replace_os_vars"]).arg(libexec).env_clear();
    bash.env("PATH", "/usr/bin:/bin").envs(variables.iter().copied());
    let mut child = bash.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(template.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let killed = output.status.signal().is_some() || output.status.code().is_some_and(|code| code > 128);
    (!killed).then(|| String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_script_in_distillerys_shape_looks_settings_up_as_distillery_does() {
    let scratch = scratch_dir();
    let [release, config, named, mutable] = ["release", "config", "named", "var"].map(|name| scratch.path().join(name));
    for directory in [&config, &named, &mutable] {
        fs::create_dir(directory).unwrap();
    }
    let file = |path: &Path, name: &str| fs::write(path, format!("-name {name}@${{HOST}}\n")).unwrap();
    file(&config.join("vm.args"), "of_the_directory");
    file(&named.join("vm.args"), "named");
    fs::write(config.join("sys.config"), "[].\n").unwrap();
    let release_dir = release.join("releases/0.1.0");
    fs::create_dir_all(&release_dir).unwrap();
    file(&release_dir.join("vm.args"), "of_the_release");
    fs::write(release_dir.join("sys.config"), "[].\n").unwrap();

    let generated = |variables: &[(&str, &Path)]| {
        let mut bash = Command::new("bash");
        let script = ". \"$0\"; configure_release >/dev/null; echo $VMARGS_PATH; echo $NAME; head -n 1 $VMARGS_PATH";
        bash.args(["-c", script]).arg(Built::Distillery.dir().join("releases/0.1.0/libexec/config.sh")).env_clear();
        bash.env("PATH", "/usr/bin:/bin").env("HOST", "h.i").env("REPLACE_OS_VARS", "true");
        bash.env("RELEASE_MUTABLE_DIR", &mutable).env("REL_DIR", &release_dir).env("RELEASE_CONFIG_DIR", &release);
        let output = bash.envs(variables.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let at = mutable.join("vm.args").display().to_string();
    let note = |directory: &Path| format!("#### Generated - change {}/vm.args, not this file\n", directory.display());
    let own = generated(&[]);
    assert_eq!(own, format!("{at}\nof_the_release@h.i\n{}", note(&release)));
    let directory = generated(&[("RELEASE_CONFIG_DIR", &config)]);
    assert_eq!(directory, format!("{at}\nof_the_directory@h.i\n{}", note(&config)));
    let path = generated(&[("RELEASE_CONFIG_DIR", &config), ("VMARGS_PATH", &named.join("vm.args"))]);
    assert_eq!(path, format!("{at}\nnamed@h.i\n{}", note(&config)));
    assert_eq!(
        fs::read_to_string(named.join("vm.args")).unwrap(),
        "-name named@${HOST}\n",
        "the source is not changed"
    );
}
