//! What `explain` says is what the start that follows does: for every kind of release the same identity, the same name
//! that is awaited, the same files byte for byte, the same variables; and no secret is shown.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use beaminit::testing::render::masked_text;
use beaminit::testing::render::{sys_config, vm_args};
use serde_json::Value;

use crate::every_release_kind_starts_under_its_name::{ALL, COOKIE, Kind};
use crate::support::files::files_of;
use crate::support::vm::{BOOT, environment, vm, wait_for_node};
use crate::support::{Cluster, DnsSettings, Ended, RunningPod, scratch_dir};

/// In one and the same pod: first the report, then the start.
const EXPLAIN_THEN_START: &str = "beaminit explain --format json -- \"$@\"; echo \"=== $?\"; exec beaminit \"$@\"";
const MASK: &str = "******";

fn entrypoint() -> [&'static str; 4] {
    ["sh", "-c", EXPLAIN_THEN_START, "sh"]
}

/// The report, once it is whole.
fn report(pod: &RunningPod) -> Value {
    pod.expect_line("=== 0", BOOT);
    let stdout = pod.stdout();
    let report = stdout.split("=== 0").next().unwrap();
    assert!(!report.contains(COOKIE), "{report}");
    serde_json::from_str(report).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

macro_rules! each {
    ($($test:ident: $index:expr,)*) => {
        $(#[test]
        fn $test() {
            agrees(&ALL[$index]);
        })*
    };
}

each! {
    mix: 0,
    mix_without_erts: 1,
    mix_with_a_runtime_configuration: 2,
    mix_whose_env_sh_names_the_node: 3,
    relx: 4,
    relx_without_erts: 5,
    relx_with_its_own_templates: 6,
    relx_with_its_plain_script: 7,
    distillery: 8,
    erl: 9,
    elixir: 10,
}

fn agrees(kind: &Kind) {
    let (config, cluster) = (kind.config_map(), Cluster::start(DnsSettings::default()));
    let pod = kind.pod(&cluster, config.path());
    // An empty directory is a ConfigMap whose keys were forgotten.
    let pod = if files_of(config.path()).is_empty() { pod.env("RELEASE_CONFIG_DIR", "") } else { pod };
    let pod = pod.env("BEAMINIT_LOG", "debug").entrypoint(entrypoint()).start();
    let report = report(&pod);
    // One with a runtime configuration boots twice.
    pod.expect_line("demo runs on ", BOOT);
    wait_for_node(&pod, kind.node);

    assert_eq!((&report["exit_code"], &report["errors"]), (&0.into(), &Value::Array(vec![])));
    assert_eq!(text(&report["release"]["kind"]), kind.name);
    pod.expect_line(&format!("beaminit: supervise: started {} ", kind.name), BOOT);
    the_whole_plan_is_the_same(&pod, &report);
    awaited_is_the_same(&pod, &report);
    warnings_are_the_same(&pod, &report);
    identity_is_the_same(&pod, &report);

    let hand_over = &report["hand_over"];
    let state: Value = serde_json::from_str(&read(&pod, &format!("{}/state.json", text(&report["run_dir"])))).unwrap();
    if !hand_over["node"].is_null() {
        assert_eq!(hand_over["node"], state["node"]);
        assert!(text(&hand_over["node"]).starts_with(&format!("{}@", kind.node)));
    }
    let main = environment(vm(&pod).unwrap().pid);
    for variable in list(&hand_over["variables"]) {
        let (name, value) = (text(&variable["name"]), text(&variable["value"]));
        let of_tools = list(&state["variables"]).iter().find(|pair| pair[0] == name);
        // The tools of a relx release get the cookie itself, the release a word in its place.
        let of_tools = of_tools.filter(|_| name != "RELX_COOKIE");
        let given = of_tools.map(|pair| text(&pair[1]).to_owned());
        // Flags of the node alone are not for tools, and no script changes them.
        let given = given.or_else(|| main.get(name).cloned()).unwrap_or_else(|| panic!("{name} was not set"));
        assert_eq!(given.replace(COOKIE, MASK), value, "{name}");
    }
    for removed in list(&hand_over["removed"]) {
        assert!(list(&state["unset"]).contains(removed), "{removed}");
    }
    let files = list(&hand_over["files"]);
    assert!(!files.is_empty());
    for file in files {
        let name = text(&file["name"]);
        let written = read(&pod, &format!("{}/{name}", text(&report["run_dir"])));
        assert_eq!(text(&file["contents"]), shown(name, &written), "{name}");
    }
    pod.signal(15);
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
    assert!(!pod.log().iter().any(|line| line.text.contains(COOKIE)));
}

fn read(pod: &RunningPod, path: &str) -> String {
    let output = pod.exec(["cat", path]);
    assert!(output.status.success(), "{path}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A file as the report may show it.
fn shown(name: &str, contents: &str) -> String {
    match name {
        "sys.config" => masked_text(contents, &mut sys_config::SysConfigScanner::default(), &[]),
        "erlang/.erlang.cookie" => contents.replace(COOKIE, MASK),
        _ => masked_text(contents, &mut vm_args::VmArgsScanner::default(), &[]),
    }
}

/// Field by field, but for what only `explain` adds, and what the shell of this test changes.
fn the_whole_plan_is_the_same(pod: &RunningPod, report: &Value) {
    let line = pod.expect_line("beaminit: plan: debug: the plan: ", BOOT).text;
    let mut planned: Value = serde_json::from_str(line.split_once("the plan: ").unwrap().1).unwrap();
    let mut reported = report.clone();
    for plan in [&mut planned, &mut reported] {
        for added in ["published", "says", "hint"] {
            plan["wait"][added].take();
        }
        for added in ["running", "notes"] {
            plan[added].take();
        }
        let warnings = plan["warnings"].as_array_mut().unwrap();
        warnings.retain(|warning| !text(&warning["message"]).starts_with("PID 1 is a shell"));
    }
    assert_eq!(planned, reported);
}

fn awaited_is_the_same(pod: &RunningPod, report: &Value) {
    let wait = &report["wait"];
    let line = pod.expect_line("beaminit: wait: waiting until ", BOOT).text;
    assert!(
        line.contains(&format!("until {} answers with {}", text(&wait["name"]), text(&wait["addresses"][0]))),
        "{line}"
    );
    assert_eq!((&wait["published"], &wait["nothing_because"]), (&true.into(), &Value::Null));
}

fn warnings_are_the_same(pod: &RunningPod, report: &Value) {
    let logged: Vec<_> = pod
        .log()
        .iter()
        .filter_map(|line| line.text.split_once(": warning: ").map(|(_, text)| text.to_owned()))
        .collect();
    // The shell of this test is a start's only as long as it has not become it.
    let reported = list(&report["warnings"]).iter().map(|warning| {
        let hint = warning["hint"].as_str().map(|hint| format!("; hint: {hint}"));
        text(&warning["message"]).to_owned() + &hint.unwrap_or_default()
    });
    let reported: Vec<_> = reported.filter(|message| !message.starts_with("PID 1 is a shell")).collect();
    assert_eq!(reported, logged);
}

fn identity_is_the_same(pod: &RunningPod, report: &Value) {
    let row = |name: &str| list(&report["identity"]).iter().find(|row| row["variable"] == name).unwrap().clone();
    let (fqdn, addresses) = (row("MY_POD_FQDN"), row("MY_POD_IPS"));
    pod.expect_line(
        &format!(
            "this pod is {} at {} (from {})",
            text(&fqdn["value"]),
            text(&addresses["value"]),
            text(&fqdn["source"])
        ),
        BOOT,
    );
}

/// A program that is not a release, and prints what it got.
#[test]
fn a_command_gets_the_variables_that_were_reported() {
    prints_its_variables(&["/app/show"], &[("VMARGS_PATH", "/beamconfig/vm.args")], "command");
}

#[test]
fn so_does_a_broker() {
    prints_its_variables(&["/app/rabbitmq-server"], &[("BEAMINIT_COOKIE_FILE", "/beamconfig/cookie")], "rabbitmq");
}

fn prints_its_variables(command: &[&str], env: &[(&str, &str)], kind: &str) {
    let release = scratch_dir();
    fs::set_permissions(release.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let broker = "#!/bin/sh\n# rabbitmq-env, RABBITMQ_SERVER_START_ARGS\nexec env\n";
    let scripts = [
        ("show", "#!/bin/sh\nexec env\n"),
        ("rabbitmq-server", broker),
        ("rabbitmq-env", ""),
        ("rabbitmq-defaults", ""),
    ];
    for (name, script) in scripts {
        fs::write(release.path().join(name), script).unwrap();
        fs::set_permissions(release.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(release.path().join("vm.args"), "-name x@${MY_POD_FQDN}\n-setcookie ${ERLANG_COOKIE}\n").unwrap();
    fs::write(release.path().join("cookie"), COOKIE).unwrap();
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").release(release.path()).mount_config(release.path()).env("SECRET", COOKIE);
    let pod = env.iter().fold(pod, |pod, (name, value)| pod.env(name, value));
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let pod =
        pod.env("ERLANG_COOKIE", COOKIE).env("BEAMINIT_LOG", "debug").entrypoint(entrypoint()).command(command).start();
    let report = report(&pod);
    assert_eq!(pod.wait(BOOT), Ended::Code(0));
    the_whole_plan_is_the_same(&pod, &report);

    assert_eq!(text(&report["release"]["kind"]), kind);
    let stdout = pod.stdout();
    let set: Vec<_> = stdout.split("=== 0\n").nth(1).unwrap().lines().filter_map(|line| line.split_once('=')).collect();
    let variables = list(&report["hand_over"]["variables"]);
    assert!(variables.len() > 3, "{variables:?}");
    for variable in variables {
        let found = set.iter().find(|(name, _)| variable["name"] == *name).unwrap_or_else(|| panic!("{variable}"));
        assert_eq!(found.1, text(&variable["value"]));
    }
    for removed in list(&report["hand_over"]["removed"]) {
        assert!(!set.iter().any(|(name, _)| removed == name), "{removed}");
    }
}
