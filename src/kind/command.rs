//! Anything else is started as it is. It gets the rendered files under the names by which it knew the templates.
//!
//! Pure: no I/O, no clock.

use super::given_flags::named_by_variables;
use super::spec::{FileVariable, HandOverInput, KindSpec, LayoutUse, OwnVmArgs, ScriptRendering};
use crate::error::Error;
use crate::hand_over::{HandOver, SYS_CONFIG, VM_ARGS, Value};

pub(super) const SPEC: KindSpec = KindSpec {
    name: "command",
    is_beam: false,
    layout: LayoutUse::Ignored,
    recognise: |_| None,
    starts_node: |_| true,
    foreground: None,
    background: &[],
    ignores_templates: None,
    script_rendering: ScriptRendering::ReplaceOsVars,
    vm_args_variables: &[FileVariable::RELEASE_VM_ARGS, FileVariable::VMARGS_PATH],
    sys_config_variables: &[
        FileVariable::RELEASE_SYS_CONFIG,
        FileVariable::SYS_CONFIG_PATH,
        FileVariable::RELX_CONFIG_PATH,
    ],
    own_vm_args: OwnVmArgs::UnlessReplaced,
    cookie_variable: None,
    hand_over,
};

#[expect(clippy::unnecessary_wraps, reason = "for other kinds it may fail")]
fn hand_over(plan: &mut HandOver, input: &HandOverInput<'_>) -> Result<(), Error> {
    plan.node = named_by_variables(input).and_then(|named| named.parse());
    if let Some((template, args)) = &input.vm_args {
        plan.add_file(VM_ARGS, args.text.clone());
        let variable = if template.named_by == "RELEASE_VM_ARGS" { "RELEASE_VM_ARGS" } else { "VMARGS_PATH" };
        plan.set(variable, Value::in_run_dir(VM_ARGS));
        if let Some((_, node)) = &args.node {
            plan.node = Some(node.clone());
        }
        plan.cookie.clone_from(&args.cookie);
    }
    if let Some((template, text)) = &input.sys_config {
        plan.add_file(SYS_CONFIG, (*text).to_owned());
        match template.named_by {
            "RELEASE_SYS_CONFIG" => plan.set("RELEASE_SYS_CONFIG", Value::in_run_dir("sys")),
            "RELX_CONFIG_PATH" => plan.set("RELX_CONFIG_PATH", Value::in_run_dir(SYS_CONFIG)),
            _ => plan.set("SYS_CONFIG_PATH", Value::in_run_dir(SYS_CONFIG)),
        }
    }
    Ok(())
}
