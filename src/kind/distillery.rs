//! Distillery.

use super::command;
use super::spec::{HandOverInput, KindSpec, LayoutUse, OwnVmArgs};
use super::vm_args_file::{ScriptDifferences, hand_over_vm_args};
use crate::cookie::Cookie;
use crate::error::Error;
use crate::hand_over::cookie::CookieLookup;
use crate::hand_over::{HandOver, SYS_CONFIG, Value};
use crate::variables::CookieMode;

const COOKIE: &str = "COOKIE";
/// Where the script writes what it makes of its configuration.
const VAR: &str = "var";

pub(super) const SPEC: KindSpec = KindSpec {
    name: "distillery",
    is_beam: true,
    layout: LayoutUse::RequiredAndEntered,
    recognise: |script| {
        script.has_version_file("libexec/config.sh").then_some("its version's directory has libexec/config.sh")
    },
    starts_node: |script| {
        script.has_argument_of(&["foreground", "console", "console_boot", "console_clean", "start", "start_boot"])
    },
    foreground: Some("foreground"),
    background: &["start", "start_boot"],
    vm_args_variables: &["VMARGS_PATH", "RELEASE_VM_ARGS"],
    sys_config_variables: &["SYS_CONFIG_PATH", "RELX_CONFIG_PATH", "RELEASE_SYS_CONFIG"],
    own_vm_args: OwnVmArgs::HandedOverWithoutTemplate,
    cookie_variable: Some(COOKIE),
    hand_over,
    ..command::SPEC
};

fn hand_over(plan: &mut HandOver, input: &HandOverInput<'_>) -> Result<(), Error> {
    if input.raw.release_mutable_dir.is_none() && !input.release.can_write_in_root(VAR) {
        plan.directories.push(VAR);
        plan.set("RELEASE_MUTABLE_DIR", Value::in_run_dir(VAR));
    }
    // Its tools look into the file that the start has made of vm.args, and know the variable only where we set it.
    let cookie_lookup =
        if input.cookie_mode == CookieMode::File { CookieLookup::Anywhere } else { CookieLookup::VmArgsOnly };
    // The script takes the name from a variable `NAME` if it finds no other.
    let script = ScriptDifferences { cookie_variable: COOKIE, cookie_lookup, needs_name: false, show_cookie };
    hand_over_vm_args(plan, input, &script)?;
    if let Some((_, text)) = &input.sys_config {
        plan.pass_file("SYS_CONFIG_PATH", SYS_CONFIG, (*text).to_owned());
    }
    Ok(())
}

/// The script hands the cookie to its remote commands, and looks for a file in HOME alone. It starts nothing without one,
/// and has hooks that call those commands once the node runs.
fn show_cookie(plan: &mut HandOver, _: &HandOverInput<'_>, cookie: &Cookie) {
    plan.set(COOKIE, Value::secret(cookie));
}
