//! What each kind of release gets.

use super::Template;
use super::mix::MIX;
use super::*;
use crate::identity::Identity;
use crate::identity::name::{Distribution, NodeName};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;

pub(super) const FQDN: &str = "web-0.web.ns1.svc.cluster.local";

/// A directory with these files, of these texts, and `releases/start_erl.data`.
pub(super) fn release_of(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in [("releases/start_erl.data", "13.1.5 1.0"), ("releases/1.0/start.boot", "")].iter().chain(files)
    {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

pub(super) fn find(root: &Path, script: &str, argument: &str, raw: &RawEnv) -> Release {
    Release::find(vec![root.join(script).into(), argument.into()], raw, None, None).unwrap()
}

pub(super) fn relx() -> TempDir {
    release_of(&[
        ("bin/app", "#!/bin/sh\nRELX_CONFIG_PATH=$VMARGS_PATH\nCOOKIE=$RELX_COOKIE\n"),
        ("bin/app-1.0", "#!/bin/sh\nRELX_CONFIG_PATH=$VMARGS_PATH\nCOOKIE=$RELX_COOKIE\n"),
        ("releases/1.0/vm.args", "-sname app\n-setcookie baked\n"),
    ])
}

pub(super) fn with_home(home: &Path) -> RawEnv {
    RawEnv { home: Some(home.to_str().unwrap().into()), ..RawEnv::default() }
}

#[test]
fn each_kind_is_known_by_its_files() {
    let rows: [(&[(&str, &str)], Kind); 5] = [
        (&[("bin/app", ""), ("releases/1.0/elixir", ""), ("releases/1.0/env.sh", "")], kind("mix")),
        (&[("bin/app", ""), ("releases/1.0/libexec/config.sh", "")], kind("distillery")),
        (&[("bin/app", "#!/bin/sh\nRELX_CONFIG_PATH=$VMARGS_PATH\n")], kind("relx")),
        (&[("bin/app", "#!/bin/sh\nfind_vm_args() {\n"), ("releases/1.0/vm.args", "-name a@b")], kind("erl")),
        (&[("bin/app", "#!/bin/sh\nexec sleep 1\n")], Kind::COMMAND),
    ];
    for (files, kind) in rows {
        let root = release_of(files);
        let release = find(root.path(), "bin/app", "foreground", &RawEnv::default());
        assert_eq!((release.kind, release.layout.is_some()), (kind, kind != Kind::COMMAND), "{files:?}");
        assert_eq!(release.erts, (kind != Kind::COMMAND).then_some(13));
    }
    let erl = release_of(&[("bin/erl", "")]);
    let release = find(erl.path(), "bin/erl", "-noshell", &RawEnv::default());
    assert_eq!((release.kind, release.layout), (kind("erl"), None), "Erlang's own directory is not a release");
}

#[test]
fn the_script_with_the_version_has_the_same_name() {
    let root = relx();
    assert_eq!(find(root.path(), "bin/app-1.0", "foreground", &RawEnv::default()).name, "app");
}

#[test]
fn a_release_that_is_not_whole_is_said_so() {
    let root = relx();
    for (data, cause) in [("", "names no version"), ("13.1.5 2.0", "there is no version 2.0")] {
        fs::write(root.path().join("releases/start_erl.data"), data).unwrap();
        let error =
            Release::find(vec![root.path().join("bin/app").into()], &RawEnv::default(), None, None).unwrap_err();
        assert!(error.code == exit::NO_INPUT && error.to_string().contains(cause), "{error}");
    }
    fs::remove_file(root.path().join("releases/start_erl.data")).unwrap();
    let command = || vec![root.path().join("bin/app").into()];
    assert!(Release::find(command(), &RawEnv::default(), None, None).is_err());
    assert_eq!(Release::find(command(), &RawEnv::default(), None, Some(Kind::COMMAND)).unwrap().kind, Kind::COMMAND);
}

#[test]
fn relx_gets_a_file_without_the_cookie_and_the_cookie_as_a_file() {
    let (root, home) = (relx(), tempfile::tempdir().unwrap());
    let raw = with_home(home.path());
    let release = find(root.path(), "bin/app", "foreground", &raw);
    let vm_args = Some((template(false), node_args(&format!("app@{FQDN}"), "sesame")));
    let plan = decide(HandOverInput { vm_args, ..given(&release, &pod(), &raw) }).unwrap();
    assert_eq!(text(&plan, "VMARGS_PATH").as_deref(), Some("RUN/vm.args"));
    assert_eq!(file(&plan, "vm.args"), Some(format!("-name app@{FQDN}\n\n+K true\n").as_str()));
    assert_eq!(file(&plan, "erlang/.erlang.cookie"), Some("sesame"));
    assert_eq!(text(&plan, "XDG_CONFIG_HOME").as_deref(), Some("RUN"));
    assert_eq!(plan.removed, ["REPLACE_OS_VARS", "RELX_REPLACE_OS_VARS"]);
    assert!(!format!("{plan:?}").contains("sesame"), "{plan:?}");
    assert_ne!(text(&plan, "RELX_COOKIE").as_deref(), Some("sesame"));
    assert_eq!(plan.cookie_for_tools, Some("RELX_COOKIE"));

    let tool = find(root.path(), "bin/app", "ping", &raw);
    let vm_args = Some((template(false), node_args(&format!("app@{FQDN}"), "sesame")));
    let plan = decide(HandOverInput { vm_args, ..given(&tool, &pod(), &raw) }).unwrap();
    assert_eq!(text(&plan, "RELX_COOKIE").as_deref(), Some("sesame"));
}

#[test]
fn a_release_without_template_and_secret_is_left_as_it_is() {
    let root = relx();
    let release = find(root.path(), "bin/app", "foreground", &RawEnv::default());
    let own = VmArgsFile { text: "-sname app\n".into(), cookies: 1, ..VmArgsFile::default() };
    let plan =
        decide(HandOverInput { own: Some((PathBuf::new(), own)), ..given(&release, &pod(), &RawEnv::default()) })
            .unwrap();
    assert!(plan.files.is_empty() && text(&plan, "VMARGS_PATH").is_none(), "{plan:?}");
}

#[test]
fn a_mounted_secret_replaces_the_cookie_that_was_built_in() {
    let (root, home) = (relx(), tempfile::tempdir().unwrap());
    let raw = with_home(home.path());
    let release = find(root.path(), "bin/app", "foreground", &raw);
    let own = || VmArgsFile {
        text: "-sname app\n-setcookie baked\n".into(),
        without_cookie: "-sname app\n\n".into(),
        cookies: 1,
        ..VmArgsFile::default()
    };
    let secret = || Some(SecretFile { path: "/secret".into(), cookie: Cookie::parse("sesame").unwrap() });
    let plan =
        decide(HandOverInput { own: Some((PathBuf::new(), own())), secret: secret(), ..given(&release, &pod(), &raw) })
            .unwrap();
    assert_eq!(
        (file(&plan, "vm.args"), file(&plan, "erlang/.erlang.cookie")),
        (Some("-sname app\n\n"), Some("sesame"))
    );

    let cookie_mode = CookieMode::Args;
    let pod = pod();
    let given = HandOverInput {
        own: Some((PathBuf::new(), own())),
        secret: secret(),
        cookie_mode,
        ..given(&release, &pod, &raw)
    };
    let plan = decide(given).unwrap();
    assert_eq!(plan.files.len(), 1);
    assert_eq!(file(&plan, "vm.args"), Some("-sname app\n\n\n-setcookie sesame\n"));
}

#[test]
fn the_cookie_that_was_built_in_goes_into_a_file_on_request() {
    let (root, home) = (relx(), tempfile::tempdir().unwrap());
    let raw = with_home(home.path());
    let release = find(root.path(), "bin/app", "foreground", &raw);
    let own = VmArgsFile {
        text: "-sname app\n-setcookie baked\n".into(),
        without_cookie: "-sname app\n\n".into(),
        cookie: Cookie::parse("baked").ok(),
        cookies: 1,
        ..VmArgsFile::default()
    };
    let cookie_mode = CookieMode::File;
    let plan = decide(HandOverInput { own: Some((PathBuf::new(), own)), cookie_mode, ..given(&release, &pod(), &raw) })
        .unwrap();
    assert_eq!(file(&plan, "vm.args"), Some("-sname app\n\n"));
    assert_eq!(file(&plan, "erlang/.erlang.cookie"), Some("baked"));
}

#[test]
fn a_plain_script_leaves_no_way_to_hide_the_cookie_that_was_built_in() {
    let root = release_of(&[("bin/app", "find_vm_args"), ("releases/1.0/vm.args", "")]);
    let home = tempfile::tempdir().unwrap();
    let raw = with_home(home.path());
    let release = find(root.path(), "bin/app", "", &raw);
    let own = VmArgsFile { cookie: Cookie::parse("baked").ok(), cookies: 1, ..VmArgsFile::default() };
    let cookie_mode = CookieMode::File;
    let error =
        decide(HandOverInput { own: Some((PathBuf::new(), own)), cookie_mode, ..given(&release, &pod(), &raw) })
            .unwrap_err();
    assert!(error.to_string().contains("BEAMINIT_COOKIE=file") && !error.to_string().contains("baked"), "{error}");
}

#[test]
fn the_cookie_goes_where_the_vm_will_find_it() {
    let (root, home) = (relx(), tempfile::tempdir().unwrap());
    let plan = |raw: &RawEnv, erts: u32, mode: CookieMode| {
        let release = Release { erts: Some(erts), ..find(root.path(), "bin/app", "foreground", raw) };
        let vm_args = Some((template(false), node_args(&format!("app@{FQDN}"), "sesame")));
        decide(HandOverInput { vm_args, cookie_mode: mode, ..given(&release, &pod(), raw) })
    };
    let raw = with_home(home.path());
    let in_home = home.path().join(".erlang.cookie");
    assert_eq!(plan(&raw, 12, CookieMode::Auto).unwrap().home_cookie, Some(in_home.clone()));

    let guest = plan(&raw, 12, CookieMode::Auto).unwrap().beside_an_init();
    assert_eq!((guest.home_cookie.as_ref(), text(&guest, "HOME").as_deref()), (None, Some("RUN/erlang")));
    assert_eq!(file(&guest, "erlang/.erlang.cookie"), Some("sesame"));

    // Without HOME the VM wants it on its command line.
    let on_line = plan(&RawEnv::default(), 13, CookieMode::Auto).unwrap();
    assert!(file(&on_line, "vm.args").unwrap().contains("-setcookie sesame"));
    assert!(on_line.warnings.first().is_some_and(|warning| warning.message.contains("HOME is not set")), "{on_line:?}");
    assert_eq!(plan(&RawEnv::default(), 13, CookieMode::File).unwrap_err().code, exit::CANNOT_CREATE);

    fs::write(&in_home, "sesame\n").unwrap();
    fs::set_permissions(&in_home, fs::Permissions::from_mode(0o644)).unwrap();
    let error = plan(&raw, 13, CookieMode::File).unwrap_err().to_string();
    assert!(error.contains("others may read it") && error.contains("hint: chmod 400"), "{error}");
    keeps_flag(&plan(&raw, 13, CookieMode::Auto).unwrap(), "others may read it");
    fs::set_permissions(&in_home, fs::Permissions::from_mode(0o600)).unwrap();
    let there = plan(&raw, 13, CookieMode::Auto).unwrap();
    assert!(there.home_cookie.is_none() && file(&there, "erlang/.erlang.cookie").is_none());

    fs::write(&in_home, "another").unwrap();
    let error = plan(&raw, 13, CookieMode::File).unwrap_err().to_string();
    assert!(error.contains("/beamconfig/vm.args") && error.contains(in_home.to_str().unwrap()), "{error}");
    assert!(!error.contains("sesame") && !error.contains("another"), "{error}");
    keeps_flag(&plan(&raw, 13, CookieMode::Auto).unwrap(), "differ");
}

/// The VM reads no cookie file as long as it has a flag, so the flag stays, with one log line.
fn keeps_flag(plan: &HandOver, why: &str) {
    assert!(file(plan, "vm.args").unwrap().contains("-setcookie sesame"), "{plan:?}");
    let [warning] = plan.warnings.as_slice() else { panic!("{plan:?}") };
    assert!(warning.message.contains(why) && warning.hint.is_some(), "{warning:?}");
    assert!(plan.home_cookie.is_none() && file(plan, "erlang/.erlang.cookie").is_none());
}

#[test]
fn what_the_start_script_reads_decides_where_the_cookie_goes() {
    let home = tempfile::tempdir().unwrap();
    let raw = with_home(home.path());
    let plan = |text: &str, mode: CookieMode| {
        let root = release_of(&[("bin/app", &format!("#!/bin/sh\n$RELX_CONFIG_PATH $VMARGS_PATH\n{text}"))]);
        let release = find(root.path(), "bin/app", "foreground", &raw);
        let vm_args = Some((template(false), node_args(&format!("app@{FQDN}"), "sesame")));
        decide(HandOverInput { vm_args, cookie_mode: mode, ..given(&release, &pod(), &raw) })
    };
    let newest = plan("COOKIE=$RELX_COOKIE; cat ~/.erlang.cookie\n", CookieMode::Auto).unwrap();
    assert_eq!(file(&newest, "erlang/.erlang.cookie"), Some("sesame"));
    let third = plan("cat ~/.erlang.cookie\n", CookieMode::Auto).unwrap();
    assert_eq!(third.home_cookie, Some(home.path().join(".erlang.cookie")));
    assert_eq!(text(&third, "RELX_COOKIE"), None);
    let first = plan("grep -setcookie\n", CookieMode::Auto).unwrap();
    assert!(file(&first, "vm.args").unwrap().contains("-setcookie sesame") && first.warnings.is_empty());
    assert_eq!(plan("grep -setcookie\n", CookieMode::File).unwrap_err().code, exit::CANNOT_CREATE);
}

#[test]
fn a_script_that_asks_the_node_itself_sees_the_cookie() {
    let (root, home) = (relx(), tempfile::tempdir().unwrap());
    let raw = with_home(home.path());
    let release = find(root.path(), "bin/app", "daemon", &raw);
    let vm_args = Some((template(false), node_args(&format!("app@{FQDN}"), "sesame")));
    let plan = decide(HandOverInput { vm_args, ..given(&release, &pod(), &raw) }).unwrap();
    assert_eq!(text(&plan, "RELX_COOKIE").as_deref(), Some("sesame"));
}

#[test]
fn a_mix_release_whose_cookie_cannot_be_read_is_an_error_with_the_variable() {
    let newer = "RELEASE_COOKIE=\"${RELEASE_COOKIE:-\"$(cat \"$RELEASE_ROOT/releases/COOKIE\")\"}\"\n";
    let older = format!("export {newer}");
    let plan = |script: &str, env_sh: &str, raw: &RawEnv| {
        let root = release_of(&[("bin/app", script), ("releases/1.0/elixir", ""), ("releases/1.0/env.sh", env_sh)]);
        decide(given(&find(root.path(), "bin/app", "start", raw), &pod(), raw))
    };
    let nothing = RawEnv::default();
    let error = plan(newer, "", &nothing).unwrap_err();
    assert_eq!(error.code, exit::NO_INPUT);
    assert!(error.to_string().contains("releases/COOKIE: no such file"), "{error}");
    assert!(error.to_string().contains("hint: set RELEASE_COOKIE from a Secret"), "{error}");
    assert!(format!("{:?}", plan(&older, "", &nothing).unwrap().warnings).contains("releases/COOKIE"));
    let given = RawEnv { release_cookie: Some("sesame".into()), ..RawEnv::default() };
    plan(newer, "", &given).unwrap();
    plan(newer, ". ./settings\n", &nothing).unwrap();
    plan(newer, "export RELEASE_COOKIE=$(cat /secret)\n", &nothing).unwrap();
    plan("a script that makes one up\n", "", &nothing).unwrap();
}

#[test]
fn a_vm_gets_flags_from_its_environment() {
    let raw = RawEnv { erl_zflags: Some("+A 1".into()), ..RawEnv::default() };
    let release = Release::find(vec!["/usr/bin/erl".into(), "-noshell".into()], &raw, None, Some(kind("erl"))).unwrap();
    let args = node_args(&format!("app@{FQDN}"), "sesame");
    let vm_args = Some((template(false), args));
    let plan = decide(HandOverInput { vm_args, ..given(&release, &pod(), &raw) }).unwrap();
    assert_eq!(text(&plan, "ERL_ZFLAGS").as_deref(), Some("+A 1 -args_file RUN/vm.args"));
    assert_eq!(plan.not_for_tools, ["ERL_ZFLAGS"]);

    let plan = decide(given(&release, &pod(), &raw)).unwrap();
    assert!(find_awaited(&plan, &release, &pod()).is_err());
    let command = vec!["/usr/bin/erl".into(), "-name".into(), format!("x@{FQDN}").into()];
    let release = Release { command, ..release };
    let error = decide(given(&release, &pod(), &raw)).unwrap_err();
    assert!(error.to_string().contains("HOME is not set"), "a named VM wants a cookie: {error}");
    let home = tempfile::tempdir().unwrap();
    let raw = with_home(home.path());
    let plan = decide(given(&release, &pod(), &raw)).unwrap();
    assert!(find_awaited(&plan, &release, &pod()).is_ok());
}

#[test]
fn a_plain_script_passes_on_its_own_file_and_ours_goes_around_it() {
    let root = release_of(&[("bin/app", "find_vm_args"), ("releases/1.0/vm.args", "-name a@b\n-setcookie baked\n")]);
    let home = tempfile::tempdir().unwrap();
    let raw = with_home(home.path());
    let release = find(root.path(), "bin/app", "", &raw);
    let own = |has_sname| Some((PathBuf::new(), VmArgsFile { cookies: 1, has_sname, ..VmArgsFile::default() }));
    let vm_args = || Some((template(false), node_args(&format!("app@{FQDN}"), "sesame")));
    let plan = decide(HandOverInput { vm_args: vm_args(), own: own(false), ..given(&release, &pod(), &raw) }).unwrap();
    assert_eq!(text(&plan, "ERL_AFLAGS").as_deref(), Some(format!("-name app@{FQDN}").as_str()));
    assert_eq!(file(&plan, "vm.args"), Some("\n\n+K true\n-setcookie this-one-cancels-the-other\n"));
    assert_eq!(file(&plan, "erlang/.erlang.cookie"), Some("sesame"));

    let error =
        decide(HandOverInput { vm_args: vm_args(), own: own(true), ..given(&release, &pod(), &raw) }).unwrap_err();
    assert!(error.to_string().contains("has -sname"), "{error}");
}

#[test]
fn a_plain_script_gets_a_short_name_as_one() {
    let root = release_of(&[("bin/app", "find_vm_args"), ("releases/1.0/vm.args", "-sname a\n")]);
    let raw = with_home(root.path());
    let release = find(root.path(), "bin/app", "", &raw);
    let args = VmArgsFile {
        node: Some((Distribution::Short, NodeName::parse("app@web-0").unwrap())),
        ..VmArgsFile::default()
    };
    let own = Some((PathBuf::new(), VmArgsFile { has_sname: true, ..VmArgsFile::default() }));
    let plan =
        decide(HandOverInput { vm_args: Some((template(false), keep(args))), own, ..given(&release, &pod(), &raw) });
    assert_eq!(text(&plan.unwrap(), "ERL_AFLAGS").as_deref(), Some("-sname app@web-0"));
}

#[test]
fn a_flag_of_ours_begins_a_line_whatever_the_template_ends_with() {
    let home = tempfile::tempdir().unwrap();
    let raw = with_home(home.path());
    let args = || VmArgsFile {
        without_node_flags: "+K true".into(),
        without_cookie: "+K true".into(),
        cookie: Cookie::parse("sesame").ok(),
        ..VmArgsFile::default()
    };
    let erl = Release::find(vec!["erl".into()], &raw, None, Some(kind("erl"))).unwrap();
    let root = release_of(&MIX);
    let mix = find(root.path(), "bin/app", "start", &raw);
    for (release, cookie_mode, flag) in
        [(erl, CookieMode::Args, "sesame"), (mix, CookieMode::File, "this-one-cancels-the-other")]
    {
        let vm_args = Some((template(false), keep(args())));
        let plan = decide(HandOverInput { cookie_mode, vm_args, ..given(&release, &pod(), &raw) }).unwrap();
        assert_eq!(file(&plan, "vm.args"), Some(format!("+K true\n-setcookie {flag}\n").as_str()));
    }
}

#[test]
fn a_command_gets_the_files_under_the_names_by_which_it_knew_the_templates() {
    let command = Release::find(vec!["/bin/ls".into()], &RawEnv::default(), None, None).unwrap();
    for (named_by, variable, value) in [
        ("RELEASE_SYS_CONFIG", "RELEASE_SYS_CONFIG", "RUN/sys"),
        ("RELX_CONFIG_PATH", "RELX_CONFIG_PATH", "RUN/sys.config"),
        ("SYS_CONFIG_PATH", "SYS_CONFIG_PATH", "RUN/sys.config"),
        ("RELEASE_CONFIG_DIR", "SYS_CONFIG_PATH", "RUN/sys.config"),
    ] {
        let sys_config = Some((keep(Template { named_by, ..template(false).clone() }), "[].\n"));
        let plan =
            decide(HandOverInput { sys_config, ..given(&command, &Identity::default(), &RawEnv::default()) }).unwrap();
        let given: Vec<_> = plan.variables.iter().map(|(name, _)| *name).collect();
        assert_eq!((given, text(&plan, variable).as_deref()), (vec![variable], Some(value)), "{named_by}");
        assert_eq!(file(&plan, "sys.config"), Some("[].\n"));
    }
}
