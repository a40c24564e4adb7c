//! A secret is hidden where it is used as one. Where the same letters are something else, such as the release's name, they are
//! shown: with the cookie `demo` a report about `demo` still says what it is about.

use serde_json::Value;

use crate::support::files::directory_of;
use crate::support::vm::BOOT;
use crate::support::{Built, Cluster, DnsSettings, Ended};

const VM_ARGS: &str = "-name ${RELEASE_NAME}@${MY_POD_FQDN} # demo\n-setcookie ${ERLANG_COOKIE}\n\
                       -demo password ${DB_PASSWORD} of ${RELEASE_NAME} ${ERLANG_COOKIE}\n";
const SYS_CONFIG: &str = "[{demo, [{greeting, \"${DB_PASSWORD}\"}, {'x', ${API_TOKEN}}]}]. % demo\n";

#[test]
fn a_cookie_that_is_the_releases_name_leaves_the_report_readable() {
    let node = "demo@demo-0.demo.default.svc.cluster.local";
    for (built, kind) in [(Built::Mix, "mix"), (Built::RelxWithoutErts, "relx"), (Built::Distillery, "distillery")] {
        let cluster = Cluster::start(DnsSettings::default());
        let config = directory_of(&[("vm.args", VM_ARGS), ("sys.config", SYS_CONFIG)]);
        let explain = |format: &str| {
            let pod = cluster.pod("demo-0").release(built.dir()).mount_config(config.path());
            let pod = pod.env("RELEASE_CONFIG_DIR", "/beamconfig").env("ERLANG_COOKIE", "demo");
            let pod = pod.env("DB_PASSWORD", "demo").env("API_TOKEN", "demo").env("HOME", "/tmp");
            let [program, argument] = built.start_command();
            let pod = pod.command(["explain", "--format", format, "--", program, argument]).start();
            assert_eq!(pod.wait(BOOT), Ended::Code(0), "{:?}", pod.log());
            pod.stdout()
        };
        let report: Value = serde_json::from_str(&explain("json")).unwrap();
        assert_eq!((&report["release"]["name"], &report["hand_over"]["node"]), (&"demo".into(), &node.into()));
        let rendered: Vec<_> =
            report["templates"].as_array().unwrap().iter().map(|row| row["rendered"].as_str().unwrap()).collect();
        let rest = "-demo password ****** of demo ******\n";
        assert_eq!(rendered[0], format!("-name {node} # ******\n-setcookie ******\n{rest}"), "{kind}");
        assert_eq!(rendered[1], "[{demo, [{greeting, \"******\"}, {'******', ******}]}]. % ******\n", "{kind}");
        for file in report["hand_over"]["files"].as_array().unwrap() {
            let contents = file["contents"].as_str().unwrap();
            match file["name"].as_str().unwrap() {
                "vm.args" => assert!(contents.ends_with(rest) || contents.contains(&format!("{rest}-")), "{contents}"),
                "sys.config" => assert_eq!(contents, rendered[1], "{kind}"),
                _ => assert_eq!(contents, "******", "{kind}"),
            }
        }
        let text = report["hand_over"].to_string() + &explain("text");
        for shown in ["-setcookie demo", "password demo", "of demo demo", "# demo", "x, demo", "RELEASE_COOKIE=demo"] {
            assert!(!text.contains(shown), "{kind} {shown}: {text}");
        }
        assert!(text.contains(node), "{kind}: {text}");
    }
}

/// A cookie that the template has itself is a secret too, where the flag has it.
#[test]
fn a_literal_cookie_is_hidden_behind_its_flag_alone() {
    let text = "-name demo@${MY_POD_FQDN}\n-setcookie demo\n-demo greeting demo\n";
    let node = "demo@demo-0.demo.default.svc.cluster.local";
    for (built, kind) in [(Built::Mix, "mix"), (Built::RelxWithoutErts, "relx"), (Built::Distillery, "distillery")] {
        let cluster = Cluster::start(DnsSettings::default());
        let config = directory_of(&[("vm.args", text)]);
        let pod = cluster.pod("demo-0").release(built.dir()).mount_config(config.path()).env("HOME", "/tmp");
        let pod = pod.env("RELEASE_CONFIG_DIR", "/beamconfig");
        let [program, argument] = built.start_command();
        let pod = pod.command(["explain", "--format", "json", "--", program, argument]).start();
        assert_eq!(pod.wait(BOOT), Ended::Code(0), "{:?}", pod.log());
        let report: Value = serde_json::from_str(&pod.stdout()).unwrap();
        assert_eq!((&report["release"]["name"], &report["hand_over"]["node"]), (&"demo".into(), &node.into()));
        let rendered = format!("-name {node}\n-setcookie ******\n-demo greeting demo\n");
        assert_eq!(report["templates"][0]["rendered"], rendered.as_str(), "{kind}");
        let variables = report["hand_over"]["variables"].as_array().unwrap();
        for variable in variables.iter().filter(|row| row["name"].as_str().unwrap().ends_with("COOKIE")) {
            assert_ne!(variable["value"], "demo", "{kind}: {variable}");
        }
        for file in report["hand_over"]["files"].as_array().unwrap() {
            let contents = file["contents"].as_str().unwrap();
            assert!(!contents.contains("-setcookie demo"), "{kind}: {contents}");
        }
    }
}
