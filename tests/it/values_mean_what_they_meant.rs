//! A start that worked with a plain substitution of `${VAR}`, as Distillery and relx do it, works behind beaminit, and the
//! VM has the same values. Each set-up is started both ways.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::vm::BOOT;
use crate::support::{Cluster, DnsSettings, scratch_dir};

struct SetUp {
    what: &'static str,
    vm_args: &'static str,
    sys_config: &'static str,
    values: &'static [(&'static str, &'static str)],
}

const fn in_vm_args(
    what: &'static str,
    vm_args: &'static str,
    values: &'static [(&'static str, &'static str)],
) -> SetUp {
    SetUp { what, vm_args, sys_config: "[].\n", values }
}

const fn in_sys_config(
    what: &'static str,
    sys_config: &'static str,
    values: &'static [(&'static str, &'static str)],
) -> SetUp {
    SetUp { what, vm_args: "", sys_config, values }
}

const SET_UPS: [SetUp; 12] = [
    in_sys_config("an escape", "[{x, [{y, \"${V}\"}]}].\n", &[("V", r"ab\ncd")]),
    in_sys_config("JSON with escaped quotes", "[{x, [{y, <<\"${V}\">>}]}].\n", &[("V", r#"{\"a\":1}"#)]),
    in_sys_config("a dropped backslash", "[{x, [{y, '${V}'}]}].\n", &[("V", r"a\b\'c")]),
    in_sys_config("a port with a newline", "[{x, [{y, ${V}}]}].\n", &[("V", "4369\n")]),
    in_sys_config("a term of many lines", "[{x, [{y, ${V}}]}].\n", &[("V", "[a,\n\t{b, \"c\"}, % d\r\n 5]\n")]),
    in_sys_config("empty on purpose", "[{x, [{y, \"${V}\"}${V}]}].\n", &[("V", "")]),
    in_sys_config("an included file", "[{x, [{z, 1}]}, \"extra\"].\n", &[]),
    in_sys_config("an included file by its whole name", "[{x, [{z, 1}]}, \"extra.config\"].\n", &[]),
    in_vm_args("flags that are empty on purpose", "-x 1\n${V}\n-y ${V} 2\n", &[("V", "")]),
    in_vm_args("flags with a newline", "-x 1 ${V} -y\n", &[("V", "-z 2\n")]),
    in_vm_args("a cookie with a newline", "-x ${V}\n-setcookie ${V}\n", &[("V", "sesame\n")]),
    in_vm_args("a file of flags in the directory of the start", "-x 1\n-args_file more.args\n", &[]),
];

/// Prints what the VM has of the set-ups.
const EVAL: &str = "application:load({application, x, []}), io:format(\"~0p~n\", [[[init:get_argument(Flag) || \
                    Flag <- [x, y, z, setcookie, more]], lists:sort(application:get_all_env(x))]]), halt().";

/// Erlang's start in this directory, with files of these names.
fn start(program: &[&str], directory: &Path, set_up: &SetUp) -> Command {
    let mut command = Command::new(program[0]);
    command.args(&program[1..]).args(["-noinput", "-eval", EVAL]).current_dir(directory.join("work"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", directory).stdin(Stdio::null());
    command.envs(set_up.values.iter().copied());
    command
}

fn printed(what: &str, output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {stderr}{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A start script may make a file of flags just before it starts the VM.
#[test]
fn a_file_of_flags_that_the_start_script_makes_is_read() {
    let set_up = in_vm_args("", "-x 1\n-args_file made.args\n", &[]);
    let directory = scratch_dir();
    fs::create_dir(directory.path().join("work")).unwrap();
    fs::write(directory.path().join("vm.args"), set_up.vm_args).unwrap();
    let script = "echo '-y made' > made.args; exec erl -args_file \"$VMARGS_PATH\" \"$@\"";
    let with = |program: &[&str]| {
        let program = [program, &["sh", "-c", script, "sh"]].concat();
        let mut command = start(&program, directory.path(), &set_up);
        command.env("VMARGS_PATH", directory.path().join("vm.args")).env("BEAMINIT_WAIT", "off");
        command.env("BEAMINIT_RUN_DIR", directory.path().join("run")).output().unwrap()
    };
    let (ours, bare) = (with(&[env!("CARGO_BIN_EXE_beaminit")]), with(&[]));
    assert_eq!(printed("ours", &ours), printed("bare", &bare));
    let said = String::from_utf8_lossy(&ours.stderr);
    assert!(said.contains("vm.args: line 2: -args_file made.args: no such file"), "{said}");
}

#[test]
fn each_set_up_means_the_same_behind_beaminit() {
    for set_up in &SET_UPS {
        let directory = scratch_dir();
        for dir in ["work", "config", "bare", "run"] {
            fs::create_dir(directory.path().join(dir)).unwrap();
        }
        fs::write(directory.path().join("work/more.args"), "-more true\n").unwrap();
        let replaced = |text: &str| {
            set_up
                .values
                .iter()
                .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
        };
        for (name, text) in [("vm.args", set_up.vm_args), ("sys.config", set_up.sys_config)] {
            fs::write(directory.path().join("config").join(name), text).unwrap();
            fs::write(directory.path().join("bare").join(name), replaced(text)).unwrap();
        }
        for dir in ["config", "bare"] {
            fs::write(directory.path().join(dir).join("extra.config"), "[{x, [{y, extra}]}].\n").unwrap();
        }
        let bare = start(&["erl"], directory.path(), set_up)
            .args(["-args_file", "../bare/vm.args", "-config", "../bare/sys"])
            .output()
            .unwrap();
        let ours = start(&[env!("CARGO_BIN_EXE_beaminit"), "erl"], directory.path(), set_up)
            .env("VMARGS_PATH", directory.path().join("config/vm.args"))
            .env("SYS_CONFIG_PATH", directory.path().join("config/sys.config"))
            .env("BEAMINIT_RUN_DIR", directory.path().join("run/ours"))
            .env("BEAMINIT_WAIT", "off")
            .env("BEAMINIT_COOKIE", "args")
            .output()
            .unwrap();
        assert_eq!(printed(set_up.what, &ours), printed(set_up.what, &bare), "{}", set_up.what);
    }
}

/// A start that is named by its address does not wait.
#[test]
fn a_node_is_named_wherever_its_name_is_given() {
    let cluster = Cluster::start(DnsSettings::default());
    let erl = ["erl", "-noinput", "-eval", "timer:sleep(60000)."];
    let elixir = ["elixir", "--erl", "-name demo@127.0.0.1 -setcookie x", "-e", "Process.sleep(60000)"];
    for (command, variable, flags) in [
        (&erl[..], "ERL_FLAGS", "-name demo@127.0.0.1 -setcookie x"),
        (&erl[..], "ERL_AFLAGS", "+K true -name demo@127.0.0.1 -setcookie x"),
        (&elixir[..], "ERL_FLAGS", "+K true"),
    ] {
        let pod =
            cluster.pod("demo-0").env("HOME", "/tmp").env(variable, flags).command(command.iter().copied()).start();
        pod.expect_line("named by its address 127.0.0.1", BOOT);
    }
}
