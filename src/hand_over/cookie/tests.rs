use super::*;
use tempfile::TempDir;

fn directory_with_cookie(path: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "sesame").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    dir
}

fn text(dir: &TempDir) -> String {
    dir.path().to_str().unwrap().to_owned()
}

#[test]
fn a_cookie_that_cannot_be_written_to_home_is_an_error_with_its_cure() {
    let path = Path::new("/nonexistent/.erlang.cookie");
    let error = HomeCookie::write(path, &Cookie::parse("sesame").unwrap(), None).unwrap_err();
    assert_eq!(error.code, exit::CANNOT_CREATE);
    let text = error.to_string();
    assert!(text.contains("cannot write /nonexistent/.erlang.cookie: no such file"), "{text}");
    assert!(text.contains("hint: give the user its own HOME that it may write"), "{text}");
    assert!(!text.contains("sesame"));
}

#[test]
fn only_since_otp_25_a_cookie_in_the_users_configuration_is_found() {
    let config = directory_with_cookie(IN_RUN_DIR);
    let raw = RawEnv { home: Some("/nonexistent".into()), xdg_config_home: Some(text(&config)), ..RawEnv::default() };
    assert_eq!(check_vm_finds_one(&raw, Some(13)), Ok(()));
    for older in [Some(12), None] {
        assert_eq!(check_vm_finds_one(&raw, older).unwrap_err().code, exit::CANNOT_CREATE);
    }
}

#[test]
fn a_brokers_cookie_behind_a_link_is_nothing_that_we_left() {
    let elsewhere = directory_with_cookie(".erlang.cookie");
    let home = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join(".erlang.cookie"), home.path().join(".erlang.cookie")).unwrap();
    let cookie = Cookie::parse("sesame").unwrap();
    let found = |home: &TempDir| {
        let raw = RawEnv { home: Some(text(home)), ..RawEnv::default() };
        let request = CookieRequest {
            raw: &raw,
            erts: Some(13),
            mode: CookieMode::Auto,
            cookie: &cookie,
            named_by: "ERLANG_COOKIE",
            lookup: CookieLookup::HomeFirst,
            access: FileAccess::Private,
        };
        request.find_placement().unwrap()
    };
    assert_eq!(found(&elsewhere), CookiePlacement::HomeFile(elsewhere.path().join(".erlang.cookie")));
    assert_eq!(found(&home), CookiePlacement::Existing);
}
