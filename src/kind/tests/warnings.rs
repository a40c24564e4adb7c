//! What the log says when what was given cannot be handed over, or not as it was meant.

use super::*;
use crate::command::FollowedCommand;
use crate::error::Problem;
use crate::identity::name::{Distribution, NodeName};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use tempfile::TempDir;

const FQDN: &str = "web-0.web.ns1.svc.cluster.local";

/// A release of this kind, with these files in its version's directory.
fn release(kind: Kind, files: &[(&str, &str)]) -> (TempDir, Release) {
    let root = tempfile::tempdir().unwrap();
    let version_dir = root.path().join("releases/1.0");
    for (path, text) in [("bin/app", ""), ("releases/start_erl.data", "13.1.5 1.0"), ("releases/1.0/start.boot", "")] {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    for (name, text) in files {
        fs::write(version_dir.join(name), text).unwrap();
    }
    let command = vec![root.path().join("bin/app").into(), kind.foreground.unwrap_or_default().into()];
    let release = Release::find(command, &RawEnv::default(), None, Some(kind)).unwrap();
    (root, release)
}

fn with_home(home: &Path) -> RawEnv {
    RawEnv { home: Some(home.to_str().unwrap().into()), ..RawEnv::default() }
}

/// A template that names this node, if any, and no cookie.
fn names(node: Option<&str>) -> (&'static Template, &'static VmArgsFile) {
    let node = node.map(|node| (Distribution::Long, NodeName::parse(node).unwrap()));
    (template(false), keep(VmArgsFile { node, ..VmArgsFile::default() }))
}

/// Some problem has this cause, and a hint that begins with this cure. None has the secret.
#[track_caller]
fn expect_problem(problems: &[Problem], cause: &str, cure: &str) {
    let is_it = |problem: &Problem| {
        problem.message.contains(cause) && problem.hint.as_deref().is_some_and(|hint| hint.starts_with(cure))
    };
    assert!(problems.iter().any(is_it), "{cause:?} and {cure:?} in {problems:#?}");
    assert!(!format!("{problems:?}").contains("sesame"), "{problems:#?}");
}

/// The same of an error with this code.
#[track_caller]
fn fails<T: std::fmt::Debug>(result: Result<T, Error>, code: u8, cause: &str, cure: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.code, code, "{error}");
    expect_problem(&error.problems, cause, cure);
}

#[test]
fn the_command_and_the_template_name_two_nodes() {
    let (_root, release) = release(kind("erl"), &[]);
    let command = vec!["erl".into(), "-sname".into(), "x@y".into()];
    let release = Release { command, followed: FollowedCommand::default(), ..release };
    let plan = decide(HandOverInput {
        vm_args: Some(names(Some(&format!("app@{FQDN}")))),
        ..given(&release, &pod(), &RawEnv::default())
    });
    let cause = format!("-name of /beamconfig/vm.args is app@{FQDN}, but COMMAND names the node x@y");
    fails(plan, exit::DATA, &cause, "the VM would take the latter; drop one of them");
}

#[test]
fn the_script_passes_on_a_cookie_beside_the_one_that_was_given() {
    let (_root, release) = release(kind("erl"), &[]);
    // Without HOME there is no file even where `args` was not asked for.
    for (cookie_mode, cure) in [
        (CookieMode::Args, "set BEAMINIT_COOKIE=file, or drop -setcookie from the release's vm.args"),
        (CookieMode::Auto, "drop -setcookie from the release's vm.args"),
    ] {
        let plan = decide(HandOverInput {
            vm_args: Some((template(false), node_args(&format!("app@{FQDN}"), "sesame"))),
            own: Some(("/app/vm.args".into(), VmArgsFile { cookies: 1, ..VmArgsFile::default() })),
            cookie_mode,
            ..given(&release, &pod(), &RawEnv::default())
        });
        let cause = "/app/vm.args has a cookie too: with the one of -setcookie of /beamconfig/vm.args the VM would use";
        fails(plan, exit::DATA, cause, cure);
    }
}

#[test]
fn the_release_or_the_broker_has_a_name_that_no_node_can_have() {
    let (_root, release) = release(kind("mix"), &[]);
    let release = Release { name: "my app".into(), ..release };
    let plan = decide(given(&release, &pod(), &RawEnv::default()));
    fails(plan, exit::DATA, &format!("the node name my app@{FQDN} "), "set RELEASE_NAME to letters, digits");

    let broker =
        Release::find(vec!["rabbitmq-server".into()], &RawEnv::default(), None, Some(kind("rabbitmq"))).unwrap();
    let nowhere = Some("/nonexistent".to_owned());
    let raw =
        RawEnv { rabbitmq_conf_env_file: nowhere, rabbitmq_nodename: Some("my rabbit".into()), ..RawEnv::default() };
    let plan = decide(given(&broker, &pod(), &raw));
    fails(plan, exit::DATA, &format!("the node name my rabbit@{FQDN} "), "set RABBITMQ_NODENAME=rabbit@HOST");
}

#[test]
fn env_sh_sets_what_would_hide_the_cookie() {
    for variable in ["RELEASE_COOKIE", "RELEASE_VM_ARGS"] {
        let (root, release) = release(kind("mix"), &[("env.sh", &format!("\nexport {variable}=x\n"))]);
        let raw = RawEnv { release_cookie: Some("sesame".into()), ..with_home(root.path()) };
        let plan = decide(HandOverInput { cookie_mode: CookieMode::File, ..given(&release, &pod(), &raw) });
        let cause =
            format!("BEAMINIT_COOKIE=file, but {}/releases/1.0/env.sh:2 sets {variable}", root.path().display());
        fails(plan, exit::DATA, &cause, "remove that line, or set BEAMINIT_COOKIE=args");
    }
}

#[test]
fn a_sys_config_without_the_line_that_has_runtime_exs_read() {
    let own = "%% coding: utf-8\n%% RUNTIME_CONFIG=true\n[].\n";
    for (own, text, lacks) in [(own, "[].\n", true), (own, own, false), ("[].\n", "[].\n", false)] {
        let (_root, release) = release(kind("mix"), &[("sys.config", own)]);
        let template = keep(Template { path: "/beamconfig/sys.config".into(), ..template(false).clone() });
        let sys_config = Some((template, text));
        let plan = decide(HandOverInput { sys_config, ..given(&release, &pod(), &RawEnv::default()) }).unwrap();
        assert_eq!(!plan.warnings.is_empty(), lacks, "{own} and {text}");
        if lacks {
            let cause = "/beamconfig/sys.config lacks the line %% RUNTIME_CONFIG=true of the release's own";
            expect_problem(&plan.warnings, cause, "write %% RUNTIME_CONFIG=true as its first line");
        }
    }
}

/// Distillery's script takes the name of a variable, so it is not an error as it is for relx's.
#[test]
fn a_template_of_distillery_names_no_node() {
    let (root, release) = release(kind("distillery"), &[]);
    let raw = with_home(root.path());
    let plan = decide(HandOverInput { vm_args: Some(names(None)), ..given(&release, &pod(), &raw) }).unwrap();
    let cause = "/beamconfig/vm.args names no node: neither -name nor -sname";
    expect_problem(&plan.warnings, cause, "write -name ${RELEASE_NAME}@${MY_POD_FQDN}");
}

#[test]
fn a_broker_has_its_cookie_as_a_variable_because_it_was_asked_for() {
    let broker =
        Release::find(vec!["rabbitmq-server".into()], &RawEnv::default(), None, Some(kind("rabbitmq"))).unwrap();
    let home = tempfile::tempdir().unwrap();
    let raw = RawEnv { rabbitmq_erlang_cookie: Some("sesame".into()), ..with_home(home.path()) };
    let plan = decide(HandOverInput { cookie_mode: CookieMode::Args, ..given(&broker, &pod(), &raw) }).unwrap();
    expect_problem(
        &plan.warnings,
        "which RabbitMQ means to drop: BEAMINIT_COOKIE is args",
        "leave BEAMINIT_COOKIE unset",
    );
    assert!(plan.home_cookie.is_none() && !plan.removed.contains(&"RABBITMQ_ERLANG_COOKIE"), "{plan:?}");
}

#[test]
fn a_mounted_secret_that_is_none() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    for (text, cause) in [("\n", "the cookie is empty"), ("sesame\u{e9}", "the cookie has a character")] {
        fs::write(secret.path(), text).unwrap();
        let cause = format!("BEAMINIT_COOKIE_FILE={}: {cause}", secret.path().display());
        fails(SecretFile::read(secret.path()), exit::DATA, &cause, "recreate the Secret");
    }
    let cause = "BEAMINIT_COOKIE_FILE=/nonexistent: no such file";
    fails(SecretFile::read(Path::new("/nonexistent")), exit::NO_INPUT, cause, "mount the Secret there");
}

#[test]
fn a_cookie_file_in_home_that_the_vm_cannot_read() {
    let (_root, release) = release(kind("mix"), &[]);
    let home = tempfile::tempdir().unwrap();
    let raw = RawEnv { release_cookie: Some("sesame".into()), ..with_home(home.path()) };
    let in_home = home.path().join(".erlang.cookie");
    let plan = || decide(HandOverInput { cookie_mode: CookieMode::File, ..given(&release, &pod(), &raw) });
    let cure = format!("remove {}", in_home.display());

    symlink("/nonexistent", &in_home).unwrap();
    let cause = format!("{}: it cannot be read, so the VM refuses it", in_home.display());
    fails(plan(), exit::DATA, &cause, &cure);
    fs::remove_file(&in_home).unwrap();
    fs::create_dir(&in_home).unwrap();
    fails(plan(), exit::DATA, &format!("{}: it is not a file, so the VM refuses it", in_home.display()), &cure);
}

#[test]
fn a_cookie_file_in_home_without_a_cookie_beside_the_one_that_was_built_in() {
    let (root, release) = release(kind("mix"), &[]);
    fs::write(root.path().join("releases/COOKIE"), "sesame").unwrap();
    let in_home = root.path().join(".erlang.cookie");
    fs::write(&in_home, "\n").unwrap();
    fs::set_permissions(&in_home, fs::Permissions::from_mode(0o400)).unwrap();
    let raw = with_home(root.path());
    let plan = decide(HandOverInput { cookie_mode: CookieMode::File, ..given(&release, &pod(), &raw) });
    let cause = format!("the cookies of {0}/releases/COOKIE and {0}/.erlang.cookie differ", root.path().display());
    fails(plan, exit::DATA, &cause, &format!("remove {}", in_home.display()));
}

#[test]
fn an_old_erlang_whose_home_cannot_be_written() {
    let (_root, mut release) = release(kind("relx"), &[]);
    fs::write(release.file.as_ref().unwrap(), "COOKIE=$RELX_COOKIE").unwrap();
    let raw = with_home(Path::new("/nonexistent"));
    let refused = "HOME=/nonexistent cannot be written, and this Erlang knows no other place";
    for (erts, why) in [(12, Some(refused)), (13, None)] {
        release.erts = Some(erts);
        let vm_args = Some((template(false), node_args(&format!("app@{FQDN}"), "sesame")));
        let plan = decide(HandOverInput { vm_args, ..given(&release, &pod(), &raw) }).unwrap();
        match why {
            Some(why) => expect_problem(&plan.warnings, why, "give the user its own HOME that it may write"),
            None => assert!(plan.warnings.is_empty(), "{:?}", plan.warnings),
        }
    }
}

#[test]
fn a_cookie_for_a_command_that_is_not_known() {
    let command = Release::find(vec!["/bin/sleep".into()], &RawEnv::default(), None, None).unwrap();
    let secret = Some(SecretFile { path: "/secret".into(), cookie: Cookie::parse("sesame").unwrap() });
    let raw = RawEnv::default();
    let plan = decide(HandOverInput { secret, ..given(&command, &pod(), &raw) }).unwrap();
    expect_problem(&plan.warnings, "BEAMINIT_COOKIE_FILE is not passed on", "if COMMAND runs a release in the end");
}
