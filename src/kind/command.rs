//! Anything else is started as it is. It gets the rendered files under the names by which it knew the templates.
//!
//! Pure: no I/O, no clock.

use super::env_sh::names_address;
use super::given_flags::given_flags;
use super::spec::{HandOverInput, KindSpec, LayoutUse, OwnVmArgs, ScriptRendering, Template};
use crate::error::Error;
use crate::hand_over::{HandOver, SYS_CONFIG, VM_ARGS};
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
    vm_args_variables: &["RELEASE_VM_ARGS", "VMARGS_PATH"],
    sys_config_variables: &["RELEASE_SYS_CONFIG", "SYS_CONFIG_PATH", "RELX_CONFIG_PATH"],
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
        let variable = variable_of(template, SPEC.vm_args_variables, "VMARGS_PATH");
        plan.pass_file(variable, VM_ARGS, args.text.clone());
        if let Some((distribution, node)) = &args.node {
            plan.node = Some(node.clone());
            plan.has_short_name = *distribution == Distribution::Short;
        }
        warn_if_unread(plan, input, template, variable);
        plan.cookie.clone_from(&args.cookie);
    }
    if let Some((template, text)) = &input.sys_config {
        let variable = variable_of(template, SPEC.sys_config_variables, "SYS_CONFIG_PATH");
        plan.pass_file(variable, SYS_CONFIG, (*text).to_owned());
        warn_if_unread(plan, input, template, variable);
    }
    Ok(())
}

/// The variable that named the template, if it was one of these.
fn variable_of(template: &Template, variables: &[&'static str], otherwise: &'static str) -> &'static str {
    if variables.contains(&template.named_by) { template.named_by } else { otherwise }
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
    plan.take_name(&named);
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
