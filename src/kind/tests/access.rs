//! What a COMMAND gets that may become another user.

use super::*;
use crate::hand_over::access::Owner;
use crate::kind::tests::scripts::relx;

const OTHERS: Owner = Owner { uid: 54321, gid: 54321 };

fn texts(plan: &HandOver) -> String {
    plan.files.iter().filter(|file| !file.is_private).map(|file| file.contents.as_str()).collect()
}

fn relx_for(access: FileAccess, home: &Path, cookie_mode: CookieMode) -> HandOver {
    let root = relx();
    let raw = RawEnv { home: home.to_str().map(str::to_owned), erl_zflags: Some("+P 9".into()), ..RawEnv::default() };
    let release = find(root.path(), "bin/app", "foreground", &raw);
    let vm_args = Some((template(false), node_args("app@web-0.web", "sesame-4711")));
    decide(HandOverInput { access, cookie_mode, vm_args, ..given(&release, &pod(), &raw) }).unwrap()
}

#[test]
fn for_every_user_the_cookie_is_in_variables_alone() {
    let home = tempfile::tempdir().unwrap();
    for mode in [CookieMode::Auto, CookieMode::Args] {
        let plan = relx_for(FileAccess::EveryUser, home.path(), mode);
        assert!(!texts(&plan).contains("sesame"), "{plan:?}");
        assert!(file(&plan, "erlang/.erlang.cookie").is_none() && plan.home_cookie.is_none());
        assert_eq!(text(&plan, "ERL_ZFLAGS").as_deref(), Some("+P 9 -setcookie sesame-4711"));
        assert_eq!(text(&plan, "RELX_COOKIE").as_deref(), Some("sesame-4711"));
        assert!(plan.not_for_tools.contains(&"ERL_ZFLAGS") && !format!("{plan:?}").contains("sesame"), "{plan:?}");
    }
}

#[test]
fn a_cookie_file_that_was_asked_for_stays_roots_with_a_warning() {
    let home = tempfile::tempdir().unwrap();
    let plan = relx_for(FileAccess::EveryUser, home.path(), CookieMode::File);
    assert_eq!(file(&plan, "erlang/.erlang.cookie"), Some("sesame-4711"));
    assert!(!texts(&plan).contains("sesame"), "{plan:?}");
    assert!(plan.warnings.iter().any(|warning| warning.message.contains("only root may read erlang/.erlang.cookie")));
}

#[test]
fn an_owner_gets_a_cookie_file_where_its_vm_may_look_for_one() {
    let home = tempfile::tempdir().unwrap();
    let open = |mode| fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    open(0o755);
    let plan = relx_for(FileAccess::Owner(OTHERS), home.path(), CookieMode::Auto);
    assert_eq!(file(&plan, "erlang/.erlang.cookie"), Some("sesame-4711"));
    open(0o700);
    let plan = relx_for(FileAccess::Owner(OTHERS), home.path(), CookieMode::Auto);
    assert!(file(&plan, "erlang/.erlang.cookie").is_none());
    assert!(file(&plan, "vm.args").unwrap().contains("-setcookie sesame-4711"), "it is that user's alone");
}

#[test]
fn a_cookie_in_another_file_closes_that_file() {
    let command = Release::find(vec!["/usr/bin/env".into()], &RawEnv::default(), None, None).unwrap();
    for (config, is_private) in [
        ("[{app, [{cookie, \"sesame-4711\"}]}].", true),
        ("[{app, [{cookie, \"sesame-47111\"}]}].", false),
        ("[{app, []}].", false),
    ] {
        let raw = RawEnv { release_cookie: Some("sesame-4711".into()), ..RawEnv::default() };
        let sys_config = Some((template(false), config));
        let access = FileAccess::EveryUser;
        let plan = decide(HandOverInput { access, sys_config, ..given(&command, &pod(), &raw) }).unwrap();
        assert_eq!(plan.files[0].is_private, is_private, "{config}");
        assert_eq!(
            plan.warnings.iter().filter(|warning| warning.message.contains("only root may read")).count(),
            usize::from(is_private)
        );
    }
}

/// RabbitMQ reads its cookie from HOME, which images give to its user.
#[test]
fn a_broker_gets_the_variable_where_home_is_roots() {
    let broker = super::rabbitmq::broker();
    let data = tempfile::tempdir().unwrap();
    let secret = || Some(SecretFile { path: "/secret".into(), cookie: Cookie::parse("sesame").unwrap() });
    for (home, has_variable) in [(Some("/root"), true), (Some("/"), true), (None, true), (data.path().to_str(), false)]
    {
        let raw = RawEnv { home: home.map(str::to_owned), ..RawEnv::default() };
        let access = FileAccess::EveryUser;
        let plan = decide(HandOverInput { access, secret: secret(), ..given(&broker, &pod(), &raw) }).unwrap();
        assert_eq!(text(&plan, "RABBITMQ_ERLANG_COOKIE").is_some(), has_variable, "{home:?}");
        assert_eq!(plan.home_cookie.is_some(), !has_variable, "{home:?}");
    }
}
