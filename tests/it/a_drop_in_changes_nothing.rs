//! What works without beaminit works behind it, with no setting: each set-up runs twice, as it is and behind beaminit, and the
//! two runs have the same exit code, output, environment of the VM, tools and files left, and the same name, unless we give it.

use crate::support::Accounts;
use crate::support::Built::{self, Distillery, Mix, MixNamedByEnvSh, MixRuntimeConfig, Relx, RelxPlain};
use crate::support::drop_in::{FQDN, SetUp};

const IN_ITS_DIRECTORY: &str = "#!/bin/sh\nset -eu\n\ncd -P -- \"$(dirname -- \"$0\")\"\n";
const ENTRYPOINT: &str = "#!/bin/sh\nset -e\necho prepared > /tmp/prepared\nexec \"$@\"\n";
const SWITCH: &str =
    "#!/bin/sh\nset -e\nif [ \"$(id -u)\" = 0 ]; then\n  exec su-exec shop \"$0\" \"$@\"\nfi\nexec \"$@\"\n";

fn phoenix(what: &str, command: &[&str]) -> SetUp {
    SetUp::new(what, Mix, command)
        .file("bin/server", &format!("{IN_ITS_DIRECTORY}PHX_SERVER=true exec ./demo start\n"))
        .file("bin/migrate", &format!("{IN_ITS_DIRECTORY}exec ./demo eval 'IO.puts(\"migrated\")'\n"))
        .file("entrypoint.sh", ENTRYPOINT)
}

#[test]
fn phoenix_as_it_is_generated() {
    phoenix("bin/server", &["/app/bin/server"]).named_by_us().changes_nothing();
    phoenix("bin/migrate", &["/app/bin/migrate"]).ends_by_itself().changes_nothing();
}

#[test]
fn phoenix_behind_shells() {
    let migrates = "bin/migrate && exec bin/server";
    phoenix("a shell with exec", &["sh", "-c", migrates]).named_by_us().changes_nothing();
    phoenix("a shell that waits", &["sh", "-c", "bin/migrate; bin/server; exit 7"])
        .named_by_us()
        .ends_with_its_vm()
        .changes_nothing();
    phoenix("CMD in shell form", &["/bin/sh", "-c", "$SERVICE_CMD"])
        .env("SERVICE_CMD", "/app/bin/server")
        .named_by_us()
        .ends_with_its_vm()
        .changes_nothing();
    phoenix("a shell without a release", &["sh", "-c", "echo done >&2; exit 3"]).ends_by_itself().changes_nothing();
}

#[test]
fn phoenix_behind_entrypoints_and_launchers() {
    phoenix("an entrypoint", &["/app/entrypoint.sh", "bin/server"]).named_by_us().changes_nothing();
    phoenix("env", &["env", "A=1", "bin/demo", "start"]).named_by_us().changes_nothing();
    phoenix("an entrypoint without a release", &["/app/entrypoint.sh", "echo", "hello"])
        .ends_by_itself()
        .changes_nothing();
    phoenix("a program that fails", &["/app/entrypoint.sh", "false"]).ends_by_itself().changes_nothing();
}

#[test]
fn a_name_that_was_given_stays() {
    let rpc = ["bin/demo", "rpc", "IO.puts(node())"];
    phoenix("sname", &["bin/server"]).env("RELEASE_DISTRIBUTION", "sname").tool(&rpc).changes_nothing();
    phoenix("none", &["bin/server"]).env("RELEASE_DISTRIBUTION", "none").changes_nothing();
    phoenix("RELEASE_NODE", &["bin/server"])
        .env("RELEASE_DISTRIBUTION", "name")
        .env("RELEASE_NODE", &format!("shop@{FQDN}"))
        .tool(&rpc)
        .changes_nothing();
    SetUp::new("env.sh", MixNamedByEnvSh, &["bin/demo", "start"]).tool(&rpc).changes_nothing();
    phoenix("outside of Kubernetes", &["bin/server"])
        .pod(crate::support::Pod::without_subdomain)
        .tool(&rpc)
        .changes_nothing();
}

#[test]
fn a_release_with_a_runtime_configuration() {
    SetUp::new("runtime.exs", MixRuntimeConfig, &["bin/demo", "start"])
        .named_by_us()
        .may_change(&["RELEASE_SYS_CONFIG"])
        .random_names_in("/app/tmp")
        .changes_nothing();
}

/// Releases whose name is in a file of theirs.
fn each_launcher(built: Built, set_up: impl Fn(&str, &[&str]) -> SetUp) {
    let start = built.start_command();
    let in_shell = start.join(" ");
    set_up("direct", &start).changes_nothing();
    set_up("a shell", &["sh", "-c", &format!("exec {in_shell}")]).changes_nothing();
    set_up("a shell that waits", &["sh", "-c", &format!("{in_shell}; exit $?")]).ends_with_its_vm().changes_nothing();
    set_up("an entrypoint", &["/app/entrypoint.sh", start[0], start[1]]).changes_nothing();
    set_up("env", &["env", "A=1", start[0], start[1]]).changes_nothing();
}

#[test]
fn relx() {
    each_launcher(Relx, |what, command| {
        SetUp::new(&format!("relx, {what}"), Relx, command)
            .file("entrypoint.sh", ENTRYPOINT)
            .tool(&["bin/demo", "ping"])
            .tool(&["bin/demo", "eval", "node()."])
    });
}

#[test]
fn relx_with_its_plain_script() {
    let plain = |command: &[&str]| SetUp::new(&format!("relx plain, {command:?}"), RelxPlain, command);
    plain(&RelxPlain.start_command()).changes_nothing();
    plain(&["sh", "-c", "exec bin/demo -noinput"]).changes_nothing();
}

#[test]
fn distillery() {
    each_launcher(Distillery, |what, command| {
        SetUp::new(&format!("distillery, {what}"), Distillery, command)
            .file("entrypoint.sh", ENTRYPOINT)
            .tool(&["bin/demo", "ping"])
            .env("COOKIE", "sesame-4711")
    });
}

/// What root's entrypoint starts as another user, with a template that Distillery fills in and mix does not know.
#[test]
fn behind_a_switch_of_users() {
    for (built, word) in [(Mix, "start"), (Relx, "foreground"), (Distillery, "foreground")] {
        let accounts = Accounts::new();
        let set_up = SetUp::new(&format!("{built:?} behind su-exec"), built, &["/app/switch.sh", "bin/demo", word])
            .file("switch.sh", SWITCH)
            .env("COOKIE", "sesame-4711")
            .pod(move |pod| accounts.mounted(pod));
        let set_up = if built == Mix { set_up.named_by_us() } else { set_up };
        set_up.changes_nothing();
    }
}

#[test]
fn programs_that_are_no_release() {
    for (what, command) in [
        ("echo", &["echo", "a", "b c"] as &[_]),
        ("false", &["false"]),
        ("a code", &["sh", "-c", "exit 9"]),
        ("a background job", &["sh", "-c", "sleep 0.1 & wait; echo done"]),
        ("an Erlang program", &["erl", "-noshell", "-eval", "io:format(\"~p~n\", [node()]), halt(4)."]),
    ] {
        SetUp::new(what, Mix, command).ends_by_itself().changes_nothing();
    }
}
