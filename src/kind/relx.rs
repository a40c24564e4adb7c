//! relx, so rebar3 too, with its extended start script.

use super::command;
use super::spec::{HandOverInput, KindSpec, LayoutUse, OwnVmArgs, ScriptRendering};
use super::vm_args_file::{ScriptDifferences, hand_over_vm_args};
use crate::cookie::Cookie;
use crate::error::Error;
use crate::hand_over::cookie::CookieLookup;
use crate::hand_over::{COOKIE_IN_A_FILE, HandOver, SYS_CONFIG, Value};

const COOKIE: &str = "RELX_COOKIE";

pub(super) const SPEC: KindSpec = KindSpec {
    name: "relx",
    is_beam: true,
    layout: LayoutUse::RequiredAndEntered,
    recognise: |script| {
        let reads_both = script.release_text_has("RELX_CONFIG_PATH") && script.release_text_has("VMARGS_PATH");
        reads_both.then_some("its start script reads RELX_CONFIG_PATH and VMARGS_PATH")
    },
    starts_node: |script| {
        script.has_argument_of(&[
            "foreground",
            "console",
            "console_boot",
            "console_clean",
            "daemon",
            "daemon_boot",
            "start",
            "start_boot",
        ])
    },
    foreground: Some("foreground"),
    background: &["start", "start_boot", "daemon", "daemon_boot"],
    script_rendering: ScriptRendering::SrcFiles,
    vm_args_variables: &["VMARGS_PATH", "RELEASE_VM_ARGS"],
    sys_config_variables: &["RELX_CONFIG_PATH", "SYS_CONFIG_PATH", "RELEASE_SYS_CONFIG"],
    own_vm_args: OwnVmArgs::HandedOverWithoutTemplate,
    cookie_variable: Some(COOKIE),
    hand_over,
    ..command::SPEC
};

fn hand_over(plan: &mut HandOver, input: &HandOverInput<'_>) -> Result<(), Error> {
    let cookie_lookup = cookie_lookup(&input.release.script_text());
    let script = ScriptDifferences { cookie_variable: COOKIE, cookie_lookup, needs_name: true, show_cookie };
    hand_over_vm_args(plan, input, &script)?;
    if let Some((_, text)) = &input.sys_config {
        plan.pass_file("RELX_CONFIG_PATH", SYS_CONFIG, (*text).to_owned());
    }
    Ok(())
}

/// Since relx 4 the script knows the variable, since 3.20 the file in HOME.
fn cookie_lookup(script: &str) -> CookieLookup {
    let names = |place: &str| script.lines().any(|line| !line.trim_start().starts_with('#') && line.contains(place));
    if names(COOKIE) {
        CookieLookup::Anywhere
    } else if names(".erlang.cookie") {
        CookieLookup::HomeOnly
    } else {
        CookieLookup::VmArgsOnly
    }
}

/// The script hands the cookie to its remote commands, and looks for a file in HOME alone. Without one it only says so. In
/// the background it asks the node itself, again and again, until that has booted. An entrypoint may make a file of the
/// variable that it was given.
fn show_cookie(plan: &mut HandOver, input: &HandOverInput<'_>, cookie: &Cookie) {
    let release = input.release;
    let is_read_before = release.followed.is_wrapped && input.raw.get(COOKIE).is_some();
    if release.starts_node && release.foreground_instead().is_none() && !is_read_before {
        plan.set(COOKIE, COOKIE_IN_A_FILE);
        plan.cookie_for_tools = Some(COOKIE);
    } else {
        plan.set(COOKIE, Value::secret(cookie));
    }
}
