//! Anything else is started as it is. It gets the rendered files under the names by which it knew the templates.
//!
//! Pure: no I/O, no clock.

use super::env_sh::names_address;
use super::given_flags::given_flags;
use super::spec::{FileVariable, HandOverInput, KindSpec, LayoutUse, OwnVmArgs, ScriptRendering, Template};
use crate::error::Error;
use crate::hand_over::{HandOver, SYS_CONFIG, VM_ARGS, Value};
use crate::identity::name::Distribution;

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
    vm_args_variables: FileVariable::VM_ARGS_AS_IN_MIX,
    sys_config_variables: FileVariable::SYS_CONFIG_AS_IN_MIX,
    own_vm_args: OwnVmArgs::UnlessReplaced,
    cookie_variable: None,
    hand_over,
};

#[expect(clippy::unnecessary_wraps, reason = "for other kinds it may fail")]
fn hand_over(plan: &mut HandOver, input: &HandOverInput<'_>) -> Result<(), Error> {
    name_from_flags(plan, input);
    if input.secret.is_some() {
        let message = "BEAMINIT_COOKIE_FILE is not passed on: where COMMAND reads a cookie is not known";
        plan.warn(message, "if COMMAND runs a release in the end, set BEAMINIT_RELEASE to that release's bin/NAME");
    }
    if let Some((template, args)) = &input.vm_args {
        plan.add_file(VM_ARGS, args.text.clone());
        let variable = if template.named_by == "RELEASE_VM_ARGS" { "RELEASE_VM_ARGS" } else { "VMARGS_PATH" };
        plan.set(variable, Value::in_run_dir(VM_ARGS));
        if let Some((distribution, node)) = &args.node {
            plan.node = Some(node.clone());
            plan.has_short_name = *distribution == Distribution::Short;
        }
        warn_if_unread(plan, input, template, variable);
        plan.cookie.clone_from(&args.cookie);
    }
    if let Some((template, text)) = &input.sys_config {
        plan.add_file(SYS_CONFIG, (*text).to_owned());
        let (variable, name) = match template.named_by {
            "RELEASE_SYS_CONFIG" => ("RELEASE_SYS_CONFIG", "sys"),
            "RELX_CONFIG_PATH" => ("RELX_CONFIG_PATH", SYS_CONFIG),
            _ => ("SYS_CONFIG_PATH", SYS_CONFIG),
        };
        plan.set(variable, Value::in_run_dir(name));
        warn_if_unread(plan, input, template, variable);
    }
    Ok(())
}

/// The name in `sh -c "exec erl -name …"`, behind a launcher, or in `ERL_FLAGS` and its like.
fn name_from_flags(plan: &mut HandOver, input: &HandOverInput<'_>) {
    let has_vm_in_sight = input.release.followed.has_vm_in_sight;
    let words = input.release.command.iter().map(|word| word.to_string_lossy().into_owned());
    let words: Vec<_> = words.filter(|_| has_vm_in_sight).collect();
    let mut flags = given_flags(input, ("COMMAND", &words));
    for text in words.iter().filter(|word| word.contains(char::is_whitespace)) {
        flags.add_command_text("COMMAND", text);
    }
    let Some(named) = flags.named_node() else { return };
    plan.node = named.parse();
    plan.has_short_name = named.distribution == Distribution::Short;
    // A command's substitution is several words.
    let is_substitution = named.name.contains(['(', '`']);
    let names_it = |text: &String| {
        let Some((_, behind)) = text.split_once(&named.name) else { return false };
        let rest = behind.split([')', '`']).next().filter(|_| is_substitution).unwrap_or_default();
        names_address(&format!("{}{rest}", named.name))
    };
    if plan.node.is_none() && words.iter().any(names_it) {
        plan.not_distributed = Some("COMMAND names it by an address");
    }
}

/// A program that is not known promises nothing.
fn warn_if_unread(plan: &mut HandOver, input: &HandOverInput<'_>, template: &Template, variable: &str) {
    let path = template.path.display();
    let hint = match input.release.followed.script {
        Some(_) => "give it the file under the variable that it reads, or let it render its own",
        None => "if COMMAND runs a release in the end, set BEAMINIT_RELEASE to that release's bin/NAME",
    };
    plan.warn(format!("{path} is passed as {variable}; whether COMMAND reads it is not known"), hint);
}
