//! What a mix release gets, and where its cookie goes.

use super::scripts::{FQDN, find, release_of, with_home};
use super::*;

pub(super) const MIX: [(&str, &str); 4] =
    [("bin/app", ""), ("releases/1.0/elixir", ""), ("releases/1.0/env.sh", ""), ("releases/1.0/remote.vm.args", "")];

#[test]
fn mix_hides_the_cookie_on_request() {
    let root = release_of(&MIX);
    let home = tempfile::tempdir().unwrap();
    let raw = RawEnv { release_cookie: Some("sesame".into()), ..with_home(home.path()) };
    let release = find(root.path(), "bin/app", "start", &raw);
    let plan = decide(HandOverInput { cookie_mode: CookieMode::File, ..given(&release, &pod(), &raw) }).unwrap();
    assert_eq!(file(&plan, "erlang/.erlang.cookie"), Some("sesame"));
    for name in ["vm.args", "remote.vm.args"] {
        assert!(file(&plan, name).unwrap().contains("-setcookie "), "{name}");
    }
    assert_ne!(text(&plan, "RELEASE_COOKIE").as_deref(), Some("sesame"));
}

#[test]
fn mix_hides_the_cookie_from_tools_that_read_no_vm_args() {
    let root = release_of(&MIX[..3]);
    let home = tempfile::tempdir().unwrap();
    let raw =
        RawEnv { release_cookie: Some("sesame".into()), erl_zflags: Some("+A 1".into()), ..with_home(home.path()) };
    let release = find(root.path(), "bin/app", "start", &raw);
    let plan = decide(HandOverInput { cookie_mode: CookieMode::File, ..given(&release, &pod(), &raw) }).unwrap();
    assert_eq!(file(&plan, "erlang/.erlang.cookie"), Some("sesame"));
    assert_eq!(text(&plan, "ERL_ZFLAGS").as_deref(), Some("+A 1 -setcookie this-one-cancels-the-other"));
    // With one more, the two would not be two.
    assert_eq!(file(&plan, "vm.args"), None);
}

#[test]
fn mix_hides_the_cookie_that_it_was_built_with() {
    let files =
        [("bin/app", ""), ("releases/1.0/elixir", ""), ("releases/1.0/env.sh", ""), ("releases/COOKIE", "built")];
    let (root, home) = (release_of(&files), tempfile::tempdir().unwrap());
    let raw = with_home(home.path());
    let release = find(root.path(), "bin/app", "start", &raw);
    let plan = |mode: CookieMode| decide(HandOverInput { cookie_mode: mode, ..given(&release, &pod(), &raw) }).unwrap();
    assert_eq!(file(&plan(CookieMode::File), "erlang/.erlang.cookie"), Some("built"));
    assert_eq!(text(&plan(CookieMode::Auto), "RELEASE_COOKIE"), None, "its script finds it");
    let in_home = home.path().join(".erlang.cookie");
    fs::write(&in_home, "own\n").unwrap();
    fs::set_permissions(&in_home, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
    let plan = plan(CookieMode::File);
    assert_eq!(file(&plan, "erlang/.erlang.cookie"), None);
    assert_eq!(plan.cookie.as_ref().map(Cookie::expose), Some("own"));
}

#[test]
fn what_env_sh_sets_is_left_to_it() {
    let root = release_of(&[
        ("bin/app", ""),
        ("releases/1.0/elixir", ""),
        ("releases/1.0/env.sh", "# x\nexport RELEASE_NODE=a@$(hostname -f)\nexport RELEASE_DISTRIBUTION=name\n"),
    ]);
    let release = find(root.path(), "bin/app", "start", &RawEnv::default());
    let plan = decide(given(&release, &pod(), &RawEnv::default())).unwrap();
    assert_eq!(text(&plan, "RELEASE_NODE"), None);
    let messages: Vec<_> = plan.warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert!(messages.iter().any(|message| message.contains("env.sh:2 sets RELEASE_NODE")), "{messages:?}");
    assert!(
        !messages.iter().any(|message| message.contains("RELEASE_DISTRIBUTION")),
        "beaminit sets none: {messages:?}"
    );
    assert!(matches!(find_awaited(&plan, &release, &pod()), Ok(name) if name.to_string() == FQDN));
}
