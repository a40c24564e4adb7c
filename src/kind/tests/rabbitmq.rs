//! RabbitMQ's scripts as they lie on disk, and what a broker gets.

use super::*;
use crate::identity::Identity;
use crate::identity::name::Fqdn;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use tempfile::TempDir;

const COOKIE: &str = "RABBITMQ_ERLANG_COOKIE";
const FQDN: &str = "web-0.web.ns1.svc.cluster.local";

/// An image: RabbitMQ's own directory, one of links to it, an entrypoint and a wrapper that changes the user.
fn image() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let reads_env = "#!/bin/sh\n. \"${0%/*}\"/rabbitmq-env\n";
    for (path, text) in [
        ("opt/sbin/rabbitmq-server", &*format!("{reads_env}exec erl $RABBITMQ_SERVER_START_ARGS\n")),
        ("opt/sbin/rabbitmqctl", reads_env),
        ("opt/sbin/rabbitmq-env", ""),
        ("opt/sbin/rabbitmq-defaults", ""),
        ("bin/docker-entrypoint.sh", "#!/bin/sh\nexec \"$@\"\n"),
        ("bin/program", "\u{7f}ELF"),
        ("opt/sbin/wrapper", "#!/bin/sh\nsu rabbitmq\n"),
    ] {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    symlink(root.path().join("opt/sbin/rabbitmq-server"), root.path().join("bin/broker")).unwrap();
    symlink(root.path().join("opt/sbin/wrapper"), root.path().join("bin/rabbitmq-server")).unwrap();
    root
}

fn found(root: &TempDir, words: &[&str]) -> (Kind, bool) {
    let path = root.path().join("opt/sbin");
    let command = words.iter().map(|word| if word.contains('/') { root.path().join(word).into() } else { word.into() });
    let release = Release::find(command.collect(), &RawEnv::default(), Some(path.as_os_str()), None).unwrap();
    (release.kind, release.starts_node)
}

#[test]
fn is_known_by_what_lies_beside_it() {
    let root = image();
    for server in ["rabbitmq-server", "opt/sbin/rabbitmq-server", "bin/broker"] {
        assert_eq!(found(&root, &[server]), (kind("rabbitmq"), true), "{server}");
    }
    assert_eq!(found(&root, &["rabbitmqctl", "status"]), (kind("rabbitmq"), false));
    assert_eq!(found(&root, &["bin/docker-entrypoint.sh", "rabbitmq-server"]), (kind("rabbitmq"), true));
    assert_eq!(found(&root, &["bin/docker-entrypoint.sh", "rabbitmqctl"]), (kind("rabbitmq"), false));
    assert_eq!(found(&root, &["bin/program", "rabbitmq-server"]), (kind("rabbitmq"), true));
    for command in [
        &["bin/docker-entrypoint.sh", "rabbitmq-server-of-another-name"][..],
        &["bin/docker-entrypoint.sh"],
        &["bin/rabbitmq-server"],
    ] {
        assert_eq!(found(&root, command).0, Kind::COMMAND, "{command:?}");
    }
}

pub(super) fn broker() -> Release {
    let erts = Some(13);
    Release {
        erts,
        ..Release::find(vec!["rabbitmq-server".into()], &RawEnv::default(), None, Some(kind("rabbitmq"))).unwrap()
    }
}

/// An environment in which nothing of this machine is found.
fn nowhere() -> RawEnv {
    let nowhere = || Some("/nonexistent".to_owned());
    RawEnv { rabbitmq_conf_env_file: nowhere(), rabbitmq_mnesia_base: nowhere(), ..RawEnv::default() }
}

fn plan(identity: &Identity, raw: &RawEnv) -> Result<HandOver, Error> {
    decide(given(&broker(), identity, raw))
}

/// The variables that are set for a broker of this environment, and what it waits for.
fn named(
    identity: &Identity,
    name: Option<&str>,
    long: Option<&str>,
) -> (Option<String>, Option<String>, Result<Fqdn, String>) {
    let (name, long) = (name.map(str::to_owned), long.map(str::to_owned));
    let raw = RawEnv { rabbitmq_nodename: name, rabbitmq_use_longname: long, ..nowhere() };
    let plan = plan(identity, &raw).unwrap();
    let found = find_awaited(&plan, &broker(), identity);
    (text(&plan, "RABBITMQ_NODENAME"), text(&plan, "RABBITMQ_USE_LONGNAME"), found)
}

#[expect(clippy::unnecessary_wraps, reason = "as it is found")]
fn record(name: &str) -> Result<Fqdn, String> {
    Ok(Fqdn::parse(name).unwrap())
}

#[test]
fn a_broker_gets_the_pods_name_unless_it_has_one() {
    let ours = format!("rabbit@{FQDN}");
    let yes = || Some("true".to_owned());
    assert_eq!(named(&pod(), None, None), (Some(ours.clone()), yes(), record(FQDN)));
    assert_eq!(named(&pod(), None, Some("Yes ")), (Some(ours), None, record(FQDN)));
    assert_eq!(named(&pod(), Some("hare"), None), (Some(format!("hare@{FQDN}")), yes(), record(FQDN)));
    assert_eq!(named(&pod(), Some("hare@other.net"), None), (None, yes(), record("other.net")));
    // As the cluster operator has it: the search list makes it the pod's name.
    assert_eq!(named(&pod(), Some("hare@web-0.web.ns1"), None), (None, yes(), record(FQDN)));
    assert!(matches!(named(&pod(), Some("hare@web-0"), None), (None, None, Err(_))));
    let nobody = Identity::default();
    assert!(matches!(named(&nobody, None, None), (None, None, Err(_))));

    let raw = RawEnv { rabbitmq_nodename: Some("ha re@x".into()), ..nowhere() };
    assert_eq!(plan(&pod(), &raw).unwrap_err().code, exit::DATA);
}

#[test]
fn short_names_stay_short() {
    assert!(matches!(named(&pod(), None, Some("false")), (None, None, Err(_))));
    assert!(matches!(named(&pod(), Some("hare@web-0"), Some("0")), (None, None, Err(_))));
}

#[test]
fn what_rabbitmq_env_conf_sets_is_left_to_it() {
    let conf = tempfile::NamedTempFile::new().unwrap();
    let path = conf.path().to_str().unwrap().to_owned();
    let plan = |text: &str, name: Option<&str>| {
        fs::write(conf.path(), text).unwrap();
        let name = name.map(str::to_owned);
        plan(&pod(), &RawEnv { rabbitmq_conf_env_file: Some(path.clone()), rabbitmq_nodename: name, ..nowhere() })
            .unwrap()
    };
    let with = plan("# NODENAME=x\nNODENAME=hare\n", None);
    assert_eq!(text(&with, "RABBITMQ_NODENAME"), None);
    assert!(with.warnings.iter().any(|warning| warning.message.contains(":2 sets NODENAME")), "{with:?}");
    assert_eq!(find_awaited(&with, &broker(), &pod()), record(FQDN));
    // Without the prefix it is for a broker that nobody named.
    let with = plan("NODENAME=hare\n", Some("toad@web-0.web.ns1"));
    assert_eq!((with.node.unwrap().to_string(), with.warnings.len()), ("toad@web-0.web.ns1".to_owned(), 0));
    assert_eq!(plan("RABBITMQ_NODENAME=hare\n", Some("toad@web-0.web.ns1")).node, None);

    let with = plan("#NODENAME=rabbit\nUSE_LONGNAME=true\n", None);
    assert!(text(&with, "RABBITMQ_NODENAME").is_some() && text(&with, "RABBITMQ_USE_LONGNAME").is_none(), "{with:?}");
}

#[test]
fn data_of_the_name_without_us_is_not_forgotten() {
    let base = tempfile::tempdir().unwrap();
    let raw = RawEnv { rabbitmq_mnesia_base: Some(base.path().to_str().unwrap().to_owned()), ..nowhere() };
    fs::create_dir(base.path().join("rabbit@web-0")).unwrap();
    let error = plan(&pod(), &raw).unwrap_err();
    assert!(error.code == exit::DATA && error.to_string().contains("RABBITMQ_USE_LONGNAME=false"), "{error}");
    for raw in [
        RawEnv { rabbitmq_nodename: Some("rabbit@web-0".into()), ..raw.clone() },
        RawEnv { rabbitmq_mnesia_dir: Some("/data".into()), ..raw.clone() },
    ] {
        plan(&pod(), &raw).unwrap();
    }
    fs::create_dir(base.path().join(format!("rabbit@{FQDN}"))).unwrap();
    plan(&pod(), &raw).unwrap();
}

#[test]
fn the_cookie_lies_in_home_where_every_tool_finds_it() {
    let home = tempfile::tempdir().unwrap();
    let in_home = home.path().join(".erlang.cookie");
    let raw = RawEnv {
        home: Some(home.path().to_str().unwrap().to_owned()),
        rabbitmq_erlang_cookie: Some("sesame".into()),
        ..nowhere()
    };
    let write = |raw: &RawEnv| plan(&pod(), raw).map(|plan| (plan.removed.clone(), plan.write(None).unwrap()));
    let mode = || fs::metadata(&in_home).unwrap().mode() & 0o777;

    let (removed, written) = write(&raw).unwrap();
    assert!(removed.contains(&"RABBITMQ_ERLANG_COOKIE"));
    assert_eq!((fs::read_to_string(&in_home).unwrap(), mode()), ("sesame".to_owned(), 0o400));
    drop(written);
    assert!(!in_home.exists(), "a new secret finds none of the old");

    // What a broker that was killed has left, after the kubelet's fsGroup.
    fs::write(&in_home, "sesame").unwrap();
    fs::set_permissions(&in_home, fs::Permissions::from_mode(0o660)).unwrap();
    drop(write(&raw).unwrap());
    assert_eq!(mode(), 0o400);

    let other = RawEnv { rabbitmq_erlang_cookie: Some("another".into()), ..raw.clone() };
    let beside = plan(&pod(), &other).unwrap();
    let said = format!("{:?}", beside.warnings);
    assert!(said.contains("RABBITMQ_ERLANG_COOKIE") && said.contains(in_home.to_str().unwrap()), "{said}");
    assert_eq!(text(&beside, "RABBITMQ_ERLANG_COOKIE").as_deref(), Some("another"), "as the broker without us");
}

#[test]
fn what_runs_before_the_broker_keeps_the_variable() {
    let (root, home) = (image(), tempfile::tempdir().unwrap());
    let raw = RawEnv {
        home: Some(home.path().to_str().unwrap().to_owned()),
        rabbitmq_erlang_cookie: Some("sesame".into()),
        ..nowhere()
    };
    let path = root.path().join("opt/sbin");
    for (program, mode, is_file) in [
        ("bin/docker-entrypoint.sh", CookieMode::Auto, false),
        ("bin/docker-entrypoint.sh", CookieMode::File, true),
        ("opt/sbin/rabbitmq-server", CookieMode::Auto, true),
    ] {
        let command = vec![root.path().join(program).into(), "rabbitmq-server".into()];
        let release = Release::find(command, &RawEnv::default(), Some(path.as_os_str()), None).unwrap();
        let plan = decide(HandOverInput { cookie_mode: mode, ..given(&release, &pod(), &raw) }).unwrap();
        assert_eq!(
            (plan.home_cookie.is_some(), plan.removed.contains(&COOKIE)),
            (is_file, is_file),
            "{program}: {plan:?}"
        );
        assert_eq!(text(&plan, COOKIE).as_deref(), Some("sesame").filter(|_| !is_file), "{program}");
    }
}

#[test]
fn flags_of_the_vm_name_it_and_give_it_a_cookie() {
    let home = tempfile::tempdir().unwrap();
    let raw = |flags: &str| RawEnv {
        home: Some(home.path().to_str().unwrap().to_owned()),
        rabbitmq_erlang_cookie: Some("sesame".into()),
        rabbitmq_server_start_args: Some(flags.to_owned()),
        ..nowhere()
    };
    let short = plan(&pod(), &raw("+P 5000 -sname hare")).unwrap();
    assert_eq!((short.has_short_name, text(&short, "RABBITMQ_NODENAME")), (true, None));
    let long = plan(&pod(), &raw("-name hare@other.net -setcookie another")).unwrap();
    assert_eq!((text(&long, "RABBITMQ_NODENAME"), find_awaited(&long, &broker(), &pod())), (None, record("other.net")));
    assert_eq!((text(&long, COOKIE).as_deref(), &long.home_cookie), (Some("sesame"), &None), "as without us");
    let mut other = raw("");
    (other.rabbitmq_server_additional_erl_args, other.rabbitmq_server_start_args) = (Some("-name a@b.c".into()), None);
    assert_eq!(plan(&pod(), &other).unwrap().node.unwrap().to_string(), "a@b.c");
}

#[test]
fn the_cookie_is_never_a_flag() {
    let raw = RawEnv { rabbitmq_erlang_cookie: Some("sesame".into()), ..nowhere() };
    let cannot = plan(&pod(), &raw).unwrap();
    assert_eq!(text(&cannot, "RABBITMQ_ERLANG_COOKIE").as_deref(), Some("sesame"));
    assert!(cannot.warnings.iter().any(|warning| warning.message.contains("HOME is not set")), "{cannot:?}");
    let nothing_to_write = RawEnv { home: Some("/nonexistent".into()), ..raw };
    assert_eq!(file(&plan(&pod(), &nothing_to_write).unwrap(), "erlang/.erlang.cookie"), Some("sesame"));

    let secret = SecretFile { path: "/secret/cookie".into(), cookie: Cookie::parse("another").unwrap() };
    let error =
        decide(HandOverInput { secret: Some(secret), ..given(&broker(), &pod(), &nothing_to_write) }).unwrap_err();
    assert!(error.to_string().contains("/secret/cookie") && !error.to_string().contains("sesame"), "{error}");
}
