//! Set-ups as people have them in their repositories and report them in issues: what worked bare works behind beaminit, with
//! no setting, or the difference is one of those that README's section "What is different from before" lists.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::support::Built::{Distillery, Mix, RelxWithoutErts};
use crate::support::drop_in::{FQDN, SetUp};
use crate::support::{Pod, PodFile};

const START: &[&str] = &["bin/demo", "start"];
const FOREGROUND: &[&str] = &["bin/demo", "foreground"];
const RPC: &[&str] = &["bin/demo", "rpc", "IO.puts(node())"];
const PING: &[&str] = &["bin/demo", "ping"];
/// An entrypoint's text.
const BY_ADDRESS: &str = "if [ -n \"$POD_NAMESPACE\" ]; then\n  HOST_IP=$(hostname -i)\n  export RELEASE_DISTRIBUTION=name\n  export \
     RELEASE_NODE=\"demo@${HOST_IP}\"\nelse\n  export RELEASE_DISTRIBUTION=sname\n  export RELEASE_NODE=demo@localhost\nfi\nexec \
     \"$@\"\n";
/// A mix release's files.
const ENV_SH: &str = "releases/0.1.0/env.sh";
const VM_ARGS: &str = "releases/0.1.0/vm.args";
const SYS_CONFIG: &str = "releases/0.1.0/sys.config";

/// Rows that are all tried, whatever one of them shows.
#[derive(Default)]
struct Table(Vec<String>);

impl Table {
    #[track_caller]
    fn check(self) {
        assert!(self.0.is_empty(), "{}", self.0.join("\n\n"));
    }
}

trait Row {
    fn row_of(self, table: &mut Table);
}

impl Row for SetUp {
    fn row_of(self, table: &mut Table) {
        if let Err(cause) = catch_unwind(AssertUnwindSafe(|| self.changes_nothing())) {
            table.0.push(cause.downcast_ref::<String>().cloned().unwrap_or_default());
        }
    }
}

fn mix(what: &str) -> SetUp {
    SetUp::new(what, Mix, START)
}

/// Under a name that no DNS need know.
fn local_mix(what: &str) -> SetUp {
    mix(what).env("RELEASE_DISTRIBUTION", "name").env("RELEASE_NODE", "demo@127.0.0.1")
}

fn shell(what: &str, text: &str) -> SetUp {
    SetUp::new(what, Mix, &["sh", "-c", text])
}

/// As Distillery's images have it: a ConfigMap of templates, and variables.
fn distillery(what: &str, vm_args: &str, sys_config: &str) -> SetUp {
    let vm_args = format!("-name demo@{FQDN}\n-setcookie sesame-4711\n{vm_args}");
    let set_up = SetUp::new(what, Distillery, FOREGROUND).config("vm.args", &vm_args).config("sys.config", sys_config);
    // The VM reads its files from elsewhere, and the release has no placeholders to replace.
    let changed = ["VMARGS_PATH", "SYS_CONFIG_PATH", "REPLACE_OS_VARS", "RELEASE_CONFIG_DIR"];
    set_up.env("RELEASE_CONFIG_DIR", "/beamconfig").env("REPLACE_OS_VARS", "true").may_change(&changed)
}

fn relx(what: &str, command: &[&str]) -> SetUp {
    SetUp::new(what, RelxWithoutErts, command)
}

/// Its address as the downward API gives it; each of the two pods has another one.
fn with_pod_ip(set_up: SetUp) -> SetUp {
    let set_up = set_up.pod(|pod| {
        let address = pod.address().to_string();
        pod.env("POD_IP", &address)
    });
    set_up.may_change(&["POD_IP", "RELEASE_NODE"])
}

fn hosts(line: &'static str) -> impl Fn(Pod) -> Pod {
    move |pod| {
        let text = format!("127.0.0.1\tlocalhost\n{}\t{line}\n", pod.address());
        pod.hosts(PodFile::Custom(text))
    }
}

#[test]
fn a_record_that_nobody_asked_for_is_not_missed() {
    let mut table = Table::default();
    mix("env.sh turns distribution off")
        .file(ENV_SH, "export RELEASE_DISTRIBUTION=none\n")
        .without_record()
        .row_of(&mut table);
    with_pod_ip(mix("env.sh names the node by POD_IP"))
        .file(ENV_SH, "export RELEASE_DISTRIBUTION=name\nexport RELEASE_NODE=demo@${POD_IP}\n")
        .without_record()
        .tool(RPC)
        .row_of(&mut table);
    mix("env.sh names the node by hostname -i")
        .file(ENV_SH, "export RELEASE_DISTRIBUTION=name\nexport RELEASE_NODE=demo@$(hostname -i)\n")
        .may_change(&["RELEASE_NODE"])
        .without_record()
        .row_of(&mut table);
    mix("env.sh names the node by a variable of a platform")
        .file(ENV_SH, "export RELEASE_DISTRIBUTION=name\nexport RELEASE_NODE=demo@${PLATFORM_INTERNAL_IP}\n")
        .env("PLATFORM_INTERNAL_IP", "127.0.0.1")
        .without_record()
        .tool(RPC)
        .row_of(&mut table);
    for (what, file) in [
        ("an entrypoint names the node by its address, and a laptop's by localhost", BY_ADDRESS),
        (
            "an entrypoint names the node by an address that is given",
            "export RELEASE_DISTRIBUTION=name RELEASE_NODE=demo@$POD_IP\nexec \"$@\"\n",
        ),
    ] {
        let set_up = SetUp::new(what, Mix, &["/app/entrypoint.sh", "bin/demo", "start"]);
        let set_up = set_up.file("entrypoint.sh", &format!("#!/bin/sh\n{file}")).env("POD_NAMESPACE", "default");
        with_pod_ip(set_up).without_record().row_of(&mut table);
    }
    mix("docker run --hostname foo.local")
        .pod(hosts("foo.local foo"))
        .env("RELEASE_DISTRIBUTION", "name")
        .env("RELEASE_NODE", "demo@foo.local")
        .without_record()
        .tool(RPC)
        .row_of(&mut table);
    mix("hostAliases")
        .pod(hosts("demo-0.demo.default.svc.cluster.local demo-0 demo.corp.example"))
        .env("RELEASE_DISTRIBUTION", "name")
        .env("RELEASE_NODE", "demo@demo.corp.example")
        .without_record()
        .row_of(&mut table);
    mix("a StatefulSet whose Service is missing")
        .named_by_us()
        .setting("BEAMINIT_WAIT_TIMEOUT", "1s")
        .without_record()
        .row_of(&mut table);
    shell("a shell that starts no VM", "echo demo; exit 3").without_record().ends_by_itself().row_of(&mut table);
    table.check();
}

#[test]
fn tools_jobs_and_other_programs_run_as_before() {
    let mut table = Table::default();
    for (what, command) in [
        ("a migration", &["bin/demo", "eval", "IO.puts(:migrated)"] as &[&str]),
        ("a migration that fails", &["bin/demo", "eval", "System.halt(3)"]),
        ("a migration that crashes", &["bin/demo", "eval", "raise \"no database\""]),
        ("the version", &["bin/demo", "version"]),
        ("no word for the script", &["bin/demo"]),
        ("a program without a VM", &["printenv", "HOME"]),
        ("a script of erl", &["erl", "-noshell", "-eval", "io:format(\"done~n\"), halt(4)."]),
        ("a script of elixir", &["elixir", "-e", "IO.puts(node())"]),
    ] {
        SetUp::new(what, Mix, command).without_record().ends_by_itself().row_of(&mut table);
    }
    table.check();
}

#[test]
fn values_mean_what_they_meant() {
    let mut table = Table::default();
    let greeting = |value: &str| format!("[{{demo, [{{greeting, {value}}}]}}].\n");
    for (what, vm_args, sys_config, value) in [
        ("an escape in a string", "", greeting("\"${V}\""), r"ab\ncd"),
        ("escaped JSON in a binary", "", greeting("<<\"${V}\">>"), r#"{\"a\":1}"#),
        ("a term of several lines", "", greeting("${V}"), "[$a,\n $b]\n"),
        ("a number with a newline", "", "[{demo, [{port, ${V}}]}].\n".to_owned(), "4000\n"),
        ("flags that are empty on purpose", "${V}\n-demo x ${V}\n", "[].\n".to_owned(), ""),
        ("several flags in one variable", "${V}\n", "[].\n".to_owned(), "-demo a -demo b"),
    ] {
        let port = &["bin/demo", "rpc", "application:get_env(demo, port)"];
        let flags = &["bin/demo", "rpc", "init:get_argument(demo)"];
        distillery(what, vm_args, &sys_config).env("V", value).tool(port).tool(flags).row_of(&mut table);
    }
    distillery("a placeholder that is the release's own to fill in", "-demo x ${V}\n", &greeting("\"${V}\""))
        .env("V", "a")
        .setting("BEAMINIT_RENDER", "off")
        .tool(PING)
        .row_of(&mut table);
    SetUp::new("a tab behind -name", Distillery, FOREGROUND)
        .file(VM_ARGS, &format!("-name\tdemo@{FQDN}\n-setcookie\tsesame-4711\n"))
        .tool(PING)
        .row_of(&mut table);
    local_mix("a leftover REPLACE_OS_VARS=true")
        .file(SYS_CONFIG, "[{demo, [{greeting, <<\"hello ${name}\">>}]}].\n")
        .env("REPLACE_OS_VARS", "true")
        .may_change(&["REPLACE_OS_VARS", "RELEASE_VM_ARGS"])
        .row_of(&mut table);
    local_mix("a placeholder that nobody renders").file(VM_ARGS, "-x ${FOO}\n").row_of(&mut table);
    local_mix("a dash from a slide").file(VM_ARGS, "-x 1\n\u{2013}y 2\n").row_of(&mut table);
    table.check();
}

#[test]
fn files_are_found_where_they_were() {
    let mut table = Table::default();
    for (what, set_up) in [("Distillery", Distillery), ("mix", Mix)] {
        let command = if set_up == Mix { START } else { FOREGROUND };
        let set_up = SetUp::new(&format!("a RELEASE_CONFIG_DIR with neither file: {what}"), set_up, command);
        let set_up = set_up.config("other", "x").env("RELEASE_CONFIG_DIR", "/beamconfig").env("HOME", "/tmp");
        let set_up = set_up.env("RELEASE_DISTRIBUTION", "name").env("RELEASE_NODE", "demo@127.0.0.1");
        set_up.row_of(&mut table);
    }
    let script = "#!/bin/sh\ncd /app\necho '-demo made by a hook' >made.args\nexec bin/demo foreground\n";
    relx("a file of flags that a hook makes", &["/app/bin/start"])
        .file("bin/start", script)
        .file(VM_ARGS, &format!("-name demo@{FQDN}\n-setcookie sesame\n-args_file made.args\n"))
        .tool(&["bin/demo", "eval", "init:get_argument(demo)."])
        .row_of(&mut table);
    local_mix("another vm.args by RELEASE_VM_ARGS")
        .file("my.args", "-demo x 1\n")
        .env("RELEASE_VM_ARGS", "/app/my.args")
        .may_change(&["RELEASE_VM_ARGS"])
        .tool(&["bin/demo", "rpc", "IO.inspect(:init.get_argument(:demo))"])
        .row_of(&mut table);
    table.check();
}

/// The greeting is in a file that lies beside the sys.config which includes it, and the application says it.
#[test]
fn files_that_a_sys_config_includes_are_found() {
    let mut table = Table::default();
    let greets = |set_up: SetUp| {
        let set_up = set_up.config("extra.config", "[{demo, [{greeting, \"of the included file\"}]}].\n");
        set_up.runs_when("says of the included file")
    };
    for included in ["extra", "extra.config", "./extra", "/beamconfig/extra"] {
        let sys_config = format!("[{{demo, [{{greeting, \"of sys.config\"}}]}}, \"{included}\"].\n");
        greets(local_mix(&format!("it includes {included}")))
            .config("sys.config", &sys_config)
            .env("RELEASE_SYS_CONFIG", "/beamconfig/sys")
            .may_change(&["RELEASE_SYS_CONFIG"])
            .tool(RPC)
            .row_of(&mut table);
    }
    // The other way round: the release's own file includes the mounted one.
    greets(local_mix("the release's own sys.config includes the mounted one"))
        .file(SYS_CONFIG, "[\"/beamconfig/sys.config\"].\n")
        .config("sys.config", "[{demo, [{greeting, \"of the included file\"}]}].\n")
        .row_of(&mut table);
    table.check();
}

#[test]
fn names_are_taken_from_where_people_put_them() {
    let mut table = Table::default();
    for (variable, flags) in [
        ("ERL_FLAGS", "-name demo@127.0.0.1 -setcookie sesame"),
        ("ERL_AFLAGS", "-sname demo -setcookie sesame"),
        ("ELIXIR_ERL_OPTIONS", "-name demo@127.0.0.1"),
    ] {
        mix(variable).env("RELEASE_DISTRIBUTION", "none").env(variable, flags).without_record().row_of(&mut table);
    }
    let says = "io:format(\"demo runs on ~s~n\", [node()]).";
    let name = format!("demo@{FQDN}");
    let elixir = "IO.puts(\"demo runs on #{node()}\")";
    for (what, command) in [
        ("erl -sname", &["erl", "-noinput", "-sname", "demo", "-eval", says] as &[&str]),
        ("erl -name", &["erl", "-noinput", "-name", &name, "-setcookie", "sesame", "-eval", says]),
        ("erl without a name", &["erl", "-noinput", "-eval", says]),
        ("elixir --name", &["elixir", "--name", "demo@127.0.0.1", "--no-halt", "-e", elixir]),
        ("elixir --erl", &["elixir", "--erl", "-name demo@127.0.0.1 -setcookie sesame", "--no-halt", "-e", elixir]),
    ] {
        SetUp::new(what, Mix, command).row_of(&mut table);
    }
    for (distribution, node) in
        [("sname", "demo"), ("sname", "demo@demo-0"), ("name", "demo@127.0.0.1"), ("name", &name)]
    {
        mix(node).env("RELEASE_DISTRIBUTION", distribution).env("RELEASE_NODE", node).tool(RPC).row_of(&mut table);
    }
    for text in [
        "export RELEASE_NODE=demo@ip-10-1-2-3; exec bin/demo start",
        "RELEASE_NODE=demo@$(hostname -s) exec bin/demo start",
        "export RELEASE_DISTRIBUTION=sname; exec bin/demo start",
        "exec env RELEASE_NODE=shop bin/demo start",
    ] {
        shell(text, text).row_of(&mut table);
    }
    SetUp::new("env", Mix, &["env", "RELEASE_NODE=shop", "bin/demo", "start"]).row_of(&mut table);
    mix("README's way back to the old name").setting("RELEASE_DISTRIBUTION", "sname").tool(RPC).row_of(&mut table);
    with_pod_ip(mix("env.sh that keeps a given name"))
        .file(ENV_SH, "export RELEASE_DISTRIBUTION=name\nexport RELEASE_NODE=${RELEASE_NODE:-demo@$POD_IP}\n")
        .env("RELEASE_NODE", "demo@127.0.0.1")
        .tool(RPC)
        .row_of(&mut table);
    table.check();
}

#[test]
fn cookies_and_their_tools_stay() {
    let mut table = Table::default();
    local_mix("a cookie with a newline").env("RELEASE_COOKIE", "sesame\n").tool(RPC).row_of(&mut table);
    local_mix("a cookie that begins with a dash").env("RELEASE_COOKIE", "-abc").row_of(&mut table);
    local_mix("the cookie that was built in").tool(RPC).row_of(&mut table);
    // All files here are open to others, so a VM that looked at it would end.
    for set_up in [
        relx("another cookie in HOME", FOREGROUND).tool(PING),
        distillery("another cookie in HOME", "", "[].\n").tool(PING),
        local_mix("another cookie in HOME").tool(RPC),
    ] {
        set_up.file("home/.erlang.cookie", "another").env("HOME", "/app/home").row_of(&mut table);
    }
    distillery("its own ping", "", "[].\n").tool(PING).row_of(&mut table);
    relx("a daemon", &["sh", "-c", "bin/demo daemon && bin/demo ping && bin/demo stop && echo stopped"])
        .file(VM_ARGS, &format!("-name demo@{FQDN}\n-setcookie ${{COOKIE}}\n"))
        .env("COOKIE", "sesame-4711")
        .env("VMARGS_PATH", "/app/releases/0.1.0/vm.args")
        .env("RELX_REPLACE_OS_VARS", "true")
        .ends_by_itself()
        .may_leave("/app/releases/0.1.0/vm.args.orig")
        .may_leave("/app/releases/0.1.0/sys.config.orig")
        .row_of(&mut table);
    for (variable, value) in [("COOKIE", "of-the-website"), ("ERLANG_COOKIE", "unused")] {
        distillery("a variable that is something else", "", "[].\n").env(variable, value).row_of(&mut table);
    }
    table.check();
}

#[test]
fn a_cookie_of_vm_args_wins_over_the_variable() {
    let mut table = Table::default();
    // The VM takes the flag, and relx's tools the variable.
    for (what, set_up, variable) in [
        ("relx", relx("a cookie of vm.args and another variable: relx", FOREGROUND), "RELX_COOKIE"),
        ("Distillery", SetUp::new("the same: Distillery", Distillery, FOREGROUND), "COOKIE"),
    ] {
        let ask = format!(
            "erl -noinput -name peer@127.0.0.1 -setcookie of-vm-args \
            -eval \"io:put_chars(net_adm:ping('demo@{FQDN}')), halt().\""
        );
        set_up
            .file(VM_ARGS, &format!("-name demo@{FQDN}\n-setcookie of-vm-args\n"))
            .env(variable, "of-the-variable")
            .pod(hosts("demo-0.demo.default.svc.cluster.local demo-0"))
            .tool(&["sh", "-c", &format!("{ask} # {what}")])
            .row_of(&mut table);
    }
    table.check();
}

#[test]
fn an_entrypoint_makes_the_cookies_file_of_the_variable() {
    let mut table = Table::default();
    let ask = format!(
        "erl -noinput -name peer@127.0.0.1 -setcookie sesame-4711 \
        -eval \"io:put_chars(net_adm:ping('demo@{FQDN}')), halt().\""
    );
    relx("an entrypoint writes ~/.erlang.cookie", &["/app/entrypoint.sh", "bin/demo", "foreground"])
        .file(
            "entrypoint.sh",
            "#!/bin/sh\nexport HOME=/home/demo-of-entrypoint\nmkdir -p $HOME\nprintf %s \"$RELX_COOKIE\" > $HOME/.erlang.cookie\n\
             chmod 400 $HOME/.erlang.cookie\nexec \"$@\"\n",
        )
        .file(VM_ARGS, &format!("-name demo@{FQDN}\n"))
        .env("RELX_COOKIE", "sesame-4711")
        .pod(hosts("demo-0.demo.default.svc.cluster.local demo-0"))
        .tool(&["sh", "-c", &ask])
        .renamed("/app/releases/#.#.#/vm.args", "/run/beaminit/vm.args")
        .row_of(&mut table);
    table.check();
}

#[test]
fn entrypoints_shells_and_launchers_do_their_work() {
    let mut table = Table::default();
    let entrypoint = "#!/bin/sh\nset -e\nulimit -n 4096\n[ -z \"$MIGRATE\" ] || /app/bin/demo eval 'IO.puts(:migrated)'\n\
                      exec \"$@\"\n";
    for (what, command) in [
        ("an entrypoint that migrates", &["/app/entrypoint.sh", "bin/demo", "start"] as &[&str]),
        ("a shell that migrates", &["sh", "-c", "bin/demo eval 'IO.puts(:migrated)' && exec bin/demo start"]),
        ("a shell that waits for a database", &["sh", "-c", "until true; do sleep 1; done; exec bin/demo start"]),
        ("a command in a variable", &["sh", "-c", "exec $SERVICE_CMD"]),
        ("env", &["env", "PORT=4000", "bin/demo", "start"]),
        ("nice", &["nice", "-n", "1", "/app/bin/demo", "start"]),
        ("bash", &["bash", "-lc", "exec bin/demo start"]),
    ] {
        SetUp::new(what, Mix, command)
            .file("entrypoint.sh", entrypoint)
            .env("MIGRATE", "yes")
            .env("SERVICE_CMD", "bin/demo start")
            .env("RELEASE_DISTRIBUTION", "name")
            .env("RELEASE_NODE", "demo@127.0.0.1")
            .tool(RPC)
            .row_of(&mut table);
    }
    shell("a shell that stays", "bin/demo start; echo the end")
        .env("RELEASE_DISTRIBUTION", "none")
        .ends_with_its_vm()
        .row_of(&mut table);
    table.check();
}

#[test]
fn surroundings_of_images_do_no_harm() {
    let mut table = Table::default();
    local_mix("a user without a home")
        .pod(|pod| pod.uid(65534))
        .env("HOME", "/nonexistent")
        .tool(RPC)
        .row_of(&mut table);
    local_mix("flags for IPv4 and the shell")
        .env("ERL_AFLAGS", "-kernel shell_history enabled -proto_dist inet_tcp")
        .row_of(&mut table);
    local_mix("fixed ports")
        .file(VM_ARGS, "-kernel inet_dist_listen_min 9100 inet_dist_listen_max 9105\n")
        .tool(RPC)
        .row_of(&mut table);
    local_mix("variables of services")
        .env("BEAMINIT_SERVICE_HOST", "10.96.0.1")
        .env("BEAMINIT_PORT_4000_TCP_ADDR", "10.96.0.1")
        .env("DEMO_PORT", "tcp://10.96.0.2:4000")
        .row_of(&mut table);
    local_mix("no crash dumps")
        .env("ERL_CRASH_DUMP", "/dev/null")
        .env("RELEASE_MODE", "interactive")
        .env("LANG", "C.UTF-8")
        .row_of(&mut table);
    local_mix("variables that are not UTF-8")
        .pod(|pod| pod.env_os("ODD", std::ffi::OsStr::new("a\u{1}b")))
        .row_of(&mut table);
    local_mix("a directory for what is written").env("RELEASE_TMP", "/tmp/demo").row_of(&mut table);
    mix("phx_server").env("PHX_SERVER", "true").env("PORT", "4000").named_by_us().row_of(&mut table);
    table.check();
}
