//! What a plan holds whatever fails.

use super::*;
use crate::context::Environment;
use crate::identity::{Identity, Sources};
use crate::variables::Config;
use crate::variables::Env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// A release with both templates, in a pod of which nothing is known.
fn release(vm_args: &str, sys_config: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("releases/start_erl.data", "13.1.5 1.0"),
        ("releases/1.0/elixir", ""),
        ("releases/1.0/env.sh", ""),
        ("bin/app", "#!/bin/sh\n"),
        ("config/vm.args", vm_args),
        ("config/sys.config", sys_config),
    ] {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::create_dir(root.path().join("erts-13.1.5")).unwrap();
    fs::set_permissions(root.path().join("bin/app"), fs::Permissions::from_mode(0o755)).unwrap();
    root
}

fn context(root: &Path, variables: &[(&str, &str)]) -> Context {
    let config_dir = root.join("config").into_os_string();
    let given = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let env = Env::from_pairs(given.chain([("RELEASE_CONFIG_DIR".into(), config_dir)]));
    let raw = env.raw();
    let (config, config_error) = Config::from_env(&env);
    let environment = Environment { env, raw, config, config_error };
    let command = vec![root.join("bin/app").into(), "start".into()];
    Context { environment, sources: Sources::default(), identity: Identity::default(), command }
}

fn stages(plan: &Plan) -> Vec<Stage> {
    plan.findings.errors.iter().map(|error| error.stage).collect()
}

#[test]
fn a_plan_goes_on_behind_each_error_and_a_start_ends_with_the_first_stage_of_them() {
    let root = release("-name ${A}@${B}\n", "[{a, ${C}}].\n");
    let variables = [("BEAMINIT_COOKIE_FILE", "/nonexistent"), ("BEAMINIT_LOG", "loud")];
    let plan = plan(&context(root.path(), &variables));
    assert_eq!(stages(&plan), [Stage::Config, Stage::Render, Stage::Render, Stage::HandOver]);
    assert_eq!(plan.templates.views().filter(|view| view.rendered.is_none()).count(), 2);
    assert_eq!(plan.into_result().unwrap_err().stage, Stage::Config);

    let error = super::plan(&context(root.path(), &variables[..1])).into_result().unwrap_err();
    assert_eq!((error.stage, error.problems.len()), (Stage::Render, 3), "the problems of both templates: {error}");
}

#[test]
fn a_release_that_is_not_found_has_no_templates_and_one_that_nobody_named_has() {
    let root = release("-name a@b.c\n", "[].\n");
    let mut missing = context(root.path(), &[("BEAMINIT_KIND", "mix")]);
    missing.command = vec!["/bin/ls".into()];
    let planned = plan(&missing);
    assert_eq!((stages(&planned), planned.has_release), (vec![Stage::Release], false));
    assert_eq!(planned.templates.views().count(), 0);
    missing.command.clear();
    let planned = plan(&missing);
    assert_eq!((stages(&planned), planned.templates.views().count()), (vec![], 2));
}

#[test]
fn a_start_that_must_wait_fails_without_a_record_unless_it_does_not_wait_at_all() {
    let root = release("-name a@10.0.0.1\n", "[].\n");
    let context = context(root.path(), &[("BEAMINIT_WAIT", "always")]);
    assert_eq!(plan(&context).into_result().unwrap_err().stage, Stage::Wait);
    assert!(plan(&context).without_wait().into_result().is_ok());
}

#[test]
fn a_start_script_that_cannot_be_executed_is_an_error_before_the_wait() {
    let root = release("-name a@10.0.0.1\n", "[].\n");
    fs::set_permissions(root.path().join("bin/app"), fs::Permissions::from_mode(0o644)).unwrap();
    let error = plan(&context(root.path(), &[])).into_result().unwrap_err();
    assert_eq!((error.stage, error.code), (Stage::Supervise, 126));
}
