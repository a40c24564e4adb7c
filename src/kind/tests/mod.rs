//! Releases as they lie on disk, and what they get.

mod access;
mod given_flags;
mod mix;
mod rabbitmq;
mod scripts;
mod warnings;

use super::spec::*;
use super::template_search::{FoundTemplate, ReleaseFile, TemplateSearch};
use crate::cookie::Cookie;
use crate::error::Error;
use crate::exit;
use crate::hand_over::access::FileAccess;
use crate::hand_over::cookie::SecretFile;
use crate::hand_over::{HandOver, RunFile};
use crate::identity::Fact;
use crate::identity::name::Fqdn;
use crate::identity::name::{Distribution, NodeName};
use crate::identity::{Identity, Source};
use crate::plan::find_awaited;
use crate::render::VmArgsFile;
use crate::variables::{CookieMode, RawEnv};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn kind(name: &str) -> Kind {
    Kind::named(name).unwrap()
}

#[expect(clippy::needless_pass_by_value, reason = "shorter where it is called")]
fn decide(input: HandOverInput<'_>) -> Result<HandOver, Error> {
    input.decide()
}

fn vm_args_template(release: &Release, raw: &RawEnv, own_files: bool) -> FoundTemplate {
    TemplateSearch { release, raw, own_files }.find(ReleaseFile::VmArgs)
}

/// A directory with the files by which a mix release is known.
fn mix() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let version_dir = root.path().join("releases/0.1.0");
    fs::create_dir_all(&version_dir).unwrap();
    fs::create_dir(root.path().join("bin")).unwrap();
    for file in ["releases/0.1.0/elixir", "releases/0.1.0/env.sh", "releases/0.1.0/vm.args", "bin/demo"] {
        fs::write(root.path().join(file), "").unwrap();
    }
    fs::write(root.path().join("releases/start_erl.data"), "13.1.5 0.1.0").unwrap();
    root
}

fn find(root: &Path, script: &str, argument: &str, raw: &RawEnv) -> Release {
    Release::find(vec![root.join(script).into(), argument.into()], raw, None, None).unwrap()
}

pub(super) fn pod() -> Identity {
    let fqdn = Fqdn::parse("web-0.web.ns1.svc.cluster.local").unwrap();
    Identity { fqdn: Some(Fact { value: fqdn, source: Source::HostsFile }), ..Identity::default() }
}

pub(super) fn node_args(node: &str, cookie: &str) -> &'static VmArgsFile {
    keep(VmArgsFile {
        text: format!("-name {node}\n-setcookie {cookie}\n+K true\n"),
        without_node_flags: "\n\n+K true\n".into(),
        without_cookie: format!("-name {node}\n\n+K true\n"),
        node: Some((Distribution::Long, NodeName::parse(node).unwrap())),
        cookie: Cookie::parse(cookie).ok(),
        ..VmArgsFile::default()
    })
}

/// What a plan would own.
fn keep<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

pub(super) fn template(adds_to_own: bool) -> &'static Template {
    keep(Template { path: "/beamconfig/vm.args".into(), named_by: "RELEASE_CONFIG_DIR", adds_to_own, is_own: false })
}

pub(super) fn given<'a>(release: &'a Release, identity: &'a Identity, raw: &'a RawEnv) -> HandOverInput<'a> {
    let cookie_mode = CookieMode::Auto;
    HandOverInput {
        release,
        identity,
        raw,
        access: FileAccess::Private,
        cookie_mode,
        secret: None,
        render: true,
        vm_args: None,
        sys_config: None,
        own: None,
    }
}

pub(super) fn text(plan: &HandOver, name: &str) -> Option<String> {
    let (_, value) = plan.variables.iter().find(|(key, _)| *key == name)?;
    value.in_dir(Path::new("RUN")).into_string().ok()
}

pub(super) fn file<'a>(plan: &'a HandOver, name: &str) -> Option<&'a str> {
    plan.files.iter().find(|file| file.name == name).map(|file| file.contents.as_str())
}

#[test]
fn each_kind_can_be_chosen_by_its_name() {
    let mut named = crate::variables::kind_names();
    let mut all = Kind::ALL.map(|kind| kind.name);
    named.sort_unstable();
    all.sort_unstable();
    assert_eq!(named, all);
}

#[test]
fn a_mix_release_is_known_by_its_files() {
    let root = mix();
    let release = find(root.path(), "bin/demo", "start", &RawEnv::default());
    assert_eq!((release.kind, release.name.as_str(), release.starts_node), (kind("mix"), "demo", true));
    assert_eq!(release.layout.unwrap().version, "0.1.0");

    std::os::unix::fs::symlink(root.path().join("bin/demo"), root.path().join("link")).unwrap();
    assert_eq!(find(root.path(), "link", "start", &RawEnv::default()).kind, kind("mix"));
    fs::remove_file(root.path().join("releases/0.1.0/env.sh")).unwrap();
    assert_eq!(find(root.path(), "bin/demo", "start", &RawEnv::default()).kind, Kind::COMMAND);
}

#[test]
fn what_is_not_a_release_is_a_command() {
    for command in ["/bin/ls", "ls", "/nonexistent", "bin/nothing", ""] {
        let release = Release::find(vec![command.into()], &RawEnv::default(), Some(OsStr::new("/bin")), None).unwrap();
        assert_eq!(release.kind, Kind::COMMAND, "{command}");
        assert!(release.layout.is_none());
    }
    let beside = tempfile::tempdir().unwrap();
    for directory in ["bin", "releases/of-something-else"] {
        fs::create_dir_all(beside.path().join(directory)).unwrap();
    }
    fs::write(beside.path().join("bin/app"), "").unwrap();
    let release = find(beside.path(), "bin/app", "start", &RawEnv::default());
    assert_eq!(
        (release.kind, release.layout),
        (Kind::COMMAND, None),
        "a directory of that name alone is not a release"
    );
    let error = Release::find(vec!["/bin/ls".into()], &RawEnv::default(), None, Some(kind("mix"))).unwrap_err();
    assert_eq!(error.code, exit::NO_INPUT);
}

#[test]
fn a_tool_of_the_release_is_not_waited_for() {
    let root = mix();
    for (argument, starts) in
        [("start_iex", true), ("daemon", true), ("eval", false), ("rpc", false), ("version", false)]
    {
        let release = find(root.path(), "bin/demo", argument, &RawEnv::default());
        let plan = decide(given(&release, &pod(), &RawEnv::default())).unwrap();
        let found = find_awaited(&plan, &release, &pod());
        assert_eq!(found.is_ok(), starts, "{argument}: {found:?}");
    }
}

#[test]
fn a_template_is_what_a_variable_names() {
    let root = mix();
    let config = tempfile::tempdir().unwrap();
    let dir = config.path().to_str().unwrap().to_owned();
    let found = |raw: &RawEnv| vm_args_template(&find(root.path(), "bin/demo", "start", raw), raw, true);
    let by_dir = RawEnv { release_config_dir: Some(dir.clone()), ..RawEnv::default() };

    assert_eq!(found(&RawEnv::default()).template, None);
    assert!(found(&by_dir).warning.unwrap().message.contains("has neither vm.args nor sys.config"));
    fs::write(config.path().join("sys.config"), "").unwrap();
    assert!(found(&by_dir).warning.unwrap().message.contains("has no vm.args"));
    fs::write(config.path().join("vm.args"), "").unwrap();
    let template = found(&by_dir).template.unwrap();
    assert_eq!((template.named_by, template.adds_to_own), ("RELEASE_CONFIG_DIR", true));
    fs::write(config.path().join("vm.args.src"), "").unwrap();
    assert!(found(&by_dir).template.unwrap().path.ends_with("vm.args.src"));

    let by_path = RawEnv { vmargs_path: Some(format!("{dir}/vm.args")), ..by_dir.clone() };
    assert!(!found(&by_path).template.unwrap().adds_to_own);
    let own = RawEnv { replace_os_vars: Some("true".into()), ..RawEnv::default() };
    assert!(found(&own).template.unwrap().path.starts_with(root.path()));
    let release = find(root.path(), "bin/demo", "start", &own);
    let not_rendered = vm_args_template(&release, &own, false);
    assert_eq!((not_rendered.template, not_rendered.warning, not_rendered.error), (None, None, None));
}

/// Each file and variable that is not used, and why.
#[test]
fn candidates_are_skipped_for_a_reason() {
    let (root, config) = (mix(), tempfile::tempdir().unwrap());
    let (dir, own) = (config.path().to_str().unwrap(), root.path().join("releases/0.1.0/vm.args"));
    let by_dir = RawEnv { release_config_dir: Some(dir.into()), ..RawEnv::default() };
    let raw = RawEnv { vmargs_path: Some("/x".into()), ..by_dir.clone() };
    let why = |release: &Release, raw: &RawEnv, own_files: bool| {
        let skipped = vm_args_template(release, raw, own_files).skipped;
        skipped.into_iter().map(|skipped| (skipped.what, skipped.why)).collect::<Vec<_>>()
    };
    let pair = |what: &str, why: &str| (what.to_owned(), why.to_owned());
    let (variable, directory) = ("VMARGS_PATH=/x", format!("RELEASE_CONFIG_DIR={dir}"));
    let mix = find(root.path(), "bin/demo", "start", &raw);
    let broker = Release::find(vec!["rabbitmq-server".into()], &raw, None, Some(kind("rabbitmq"))).unwrap();
    let brokers = "a broker reads files of another form";
    assert_eq!(why(&broker, &raw, true), [pair(variable, brokers), pair(&directory, brokers)]);
    let as_it_is = pair(own.to_str().unwrap(), "BEAMINIT_RENDER is off: the release reads it as it is");
    assert_eq!(
        why(&mix, &raw, false),
        [pair(variable, "there is no such file"), pair(&directory, "it has no vm.args"), as_it_is.clone()]
    );
    assert_eq!(why(&mix, &by_dir, false), [pair(&directory, "it has no vm.args"), as_it_is]);

    let in_dir = |name: &str| config.path().join(name);
    fs::write(in_dir("vm.args"), "").unwrap();
    fs::write(in_dir("vm.args.src"), "").unwrap();
    assert_eq!(
        why(&mix, &by_dir, true),
        [
            pair(in_dir("vm.args").to_str().unwrap(), "its .src wins over it"),
            pair(own.to_str().unwrap(), "not a template, but read before the one of RELEASE_CONFIG_DIR, which wins"),
        ]
    );
    let by_path = RawEnv {
        release_vm_args: Some(in_dir("vm.args").to_str().unwrap().into()),
        vmargs_path: Some("/x".into()),
        ..by_dir
    };
    let skipped = why(&mix, &by_path, true);
    assert_eq!(skipped[0], pair(variable, "RELEASE_VM_ARGS counts before it"));
    assert_eq!(skipped[1], pair(&directory, "RELEASE_VM_ARGS names vm.args itself"));
    let replaced = pair(own.to_str().unwrap(), "the template of RELEASE_VM_ARGS takes its place");
    assert_eq!(skipped.last(), Some(&replaced));
}

#[test]
fn a_template_that_is_missing_stops_a_release_and_not_a_command() {
    let root = mix();
    for raw in [
        RawEnv { release_config_dir: Some("/nonexistent".into()), ..RawEnv::default() },
        RawEnv { release_vm_args: Some("/nonexistent".into()), ..RawEnv::default() },
    ] {
        let error = vm_args_template(&find(root.path(), "bin/demo", "start", &raw), &raw, true).error.unwrap();
        assert_eq!(error.code, exit::NO_INPUT);
        let command = Release::find(vec!["/bin/ls".into()], &raw, None, None).unwrap();
        assert!(vm_args_template(&command, &raw, true).warning.is_some());
    }
}

#[test]
fn mix_gets_name_and_cookie_as_variables_and_the_rest_as_a_file() {
    let root = mix();
    let release = find(root.path(), "bin/demo", "start", &RawEnv::default());
    let args = node_args("app@web-0.web", "secret");
    let plan = decide(HandOverInput {
        vm_args: Some((template(true), args)),
        ..given(&release, &Identity::default(), &RawEnv::default())
    })
    .unwrap();
    let own = root.path().join("releases/0.1.0/vm.args");
    let contents = format!("-args_file {}\n\n\n+K true\n", own.display());
    assert_eq!(plan.files, [RunFile { name: "vm.args".into(), contents, is_private: false }]);
    for (name, value) in [
        ("RELEASE_DISTRIBUTION", "name"),
        ("RELEASE_NODE", "app@web-0.web"),
        ("RELEASE_COOKIE", "secret"),
        ("RELEASE_VM_ARGS", "RUN/vm.args"),
    ] {
        assert_eq!(text(&plan, name).as_deref(), Some(value));
    }
    assert_eq!(find_awaited(&plan, &release, &Identity::default()), Ok(Fqdn::parse("web-0.web").unwrap()));
}

#[test]
fn mix_without_a_name_gets_the_pods() {
    let root = mix();
    let release = find(root.path(), "bin/demo", "start", &RawEnv::default());
    let plan = decide(given(&release, &pod(), &RawEnv::default())).unwrap();
    assert_eq!(text(&plan, "RELEASE_NODE").as_deref(), Some("demo@web-0.web.ns1.svc.cluster.local"));
    assert_eq!(text(&plan, "RELEASE_VM_ARGS"), None);

    for raw in [
        RawEnv { release_node: Some("own@10.0.0.1".into()), ..RawEnv::default() },
        RawEnv { release_distribution: Some("none".into()), ..RawEnv::default() },
    ] {
        let plan = decide(given(&release, &pod(), &raw)).unwrap();
        assert_eq!(text(&plan, "RELEASE_NODE"), None);
        assert!(find_awaited(&plan, &release, &pod()).is_err());
    }
}

#[test]
fn a_node_that_was_named_is_long_or_short_as_its_host_is_unless_that_is_said_too() {
    let root = mix();
    let release = find(root.path(), "bin/demo", "start", &RawEnv::default());
    for (node, distribution, set, is_awaited) in [
        ("own@web-9.web", None, Some("name"), true),
        ("own@web-9.web", Some("name"), None, true),
        ("own@web-9.web", Some("none"), None, false),
        ("own@web-9", None, None, false),
        // A short name's host has no dot, so no DNS need know it; of a long one the VM takes the pod's name for its host.
        ("own", None, None, false),
        ("own", Some("name"), None, true),
    ] {
        let (name, distribution) = (Some(node.to_owned()), distribution.map(str::to_owned));
        let raw = RawEnv { release_node: name, release_distribution: distribution, ..RawEnv::default() };
        let plan = decide(given(&release, &pod(), &raw)).unwrap();
        assert_eq!(text(&plan, "RELEASE_DISTRIBUTION").as_deref(), set, "{raw:?}");
        assert_eq!(find_awaited(&plan, &release, &pod()).is_ok(), is_awaited, "{raw:?}");
    }
}

#[test]
fn a_host_name_of_docker_is_not_a_record() {
    let root = mix();
    let release = find(root.path(), "bin/demo", "start", &RawEnv::default());
    let fqdn = Fqdn::parse("app.example.com").unwrap();
    let docker = Identity { fqdn: Some(Fact { value: fqdn, source: Source::HostsFile }), ..Identity::default() };
    let plan = decide(given(&release, &docker, &RawEnv::default())).unwrap();
    assert_eq!(text(&plan, "RELEASE_NODE"), None);
    assert!(find_awaited(&plan, &release, &docker).is_err());
}

#[test]
fn two_names_or_cookies_that_differ_are_an_error_without_the_secret() {
    let root = mix();
    let release = find(root.path(), "bin/demo", "start", &RawEnv::default());
    for raw in [
        RawEnv { release_cookie: Some("sesame".into()), ..RawEnv::default() },
        RawEnv { release_node: Some("other@web-0.web".into()), ..RawEnv::default() },
    ] {
        let args = node_args("app@web-0.web", "secret");
        let error = decide(HandOverInput { vm_args: Some((template(true), args)), ..given(&release, &pod(), &raw) })
            .unwrap_err();
        assert_eq!(error.code, exit::DATA);
        assert!(!error.to_string().contains("sesame") && !error.to_string().contains("secret"), "{error}");
    }
}
