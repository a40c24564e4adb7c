//! Distillery's and relx's start scripts read name and cookie out of `vm.args` themselves, line by line, so the file that
//! they get is whole but for the cookie. That goes into a file where the VM looks for it, and no command line shows it.

use super::cookie::choose_cookie;
use super::given_flags::{given_flags, named_by_variables, warn_of_second_name};
use super::spec::{HandOverInput, Template};
use crate::cookie::Cookie;
use crate::error::Error;
use crate::hand_over::access::FileAccess;
use crate::hand_over::cookie::{CookieLookup, CookiePlacement, check_vm_finds_one};
use crate::hand_over::{HandOver, VM_ARGS, Value, data_error};
use crate::identity::name::{Distribution, NodeName};
use crate::render::VmArgsFile;

/// In what the two scripts differ.
pub(super) struct ScriptDifferences {
    /// The variable in which the script looks for the cookie.
    pub(super) cookie_variable: &'static str,
    pub(super) cookie_lookup: CookieLookup,
    /// Whether the script ends at once if it finds no name in `vm.args`.
    pub(super) needs_name: bool,
    /// Shows the script a cookie that the VM finds in a file, where the script knows the variable.
    pub(super) show_cookie: fn(&mut HandOver, &HandOverInput<'_>, &Cookie),
}

pub(super) fn hand_over_vm_args(
    plan: &mut HandOver,
    input: &HandOverInput<'_>,
    script: &ScriptDifferences,
) -> Result<(), Error> {
    let cookie_value = cookie_value_that_counts(plan, input, script);
    let cookie = choose_cookie(input, script.cookie_variable, cookie_value)?;
    if let Some((template, args)) = input.vm_args.filter(|(_, args)| args.node.is_none()) {
        check_unnamed(plan, script, template, args)?;
    }
    // The template, else the release's own file.
    let template = input.vm_args.map(|(_, args)| args);
    let Some(args) = template.or(input.own.as_ref().map(|(_, own)| own)) else { return Ok(()) };
    let mut text = args.text.clone();
    if let Some(cookie) = cookie {
        let placement = cookie.place(plan, input, script.cookie_lookup)?;
        let is_on_command_line = matches!(placement, CookiePlacement::CommandLine { .. });
        if is_on_command_line && input.access != FileAccess::EveryUser {
            // With another cookie the file is rewritten, as it is with none; the release's own always.
            if template.is_none() || args.cookie.as_ref() != Some(&cookie.cookie) {
                text = format!("{}\n-setcookie {}\n", args.without_cookie, cookie.cookie.expose());
            }
        } else {
            args.without_cookie.clone_into(&mut text);
            if is_on_command_line {
                cookie.pass_as_flag(plan, input);
                plan.set(script.cookie_variable, Value::secret(&cookie.cookie));
            } else if script.cookie_lookup == CookieLookup::Anywhere {
                (script.show_cookie)(plan, input, &cookie.cookie);
            }
        }
        plan.cookie = Some(cookie.cookie);
    } else if text == args.without_cookie && args.node.is_some() && input.release.starts_node {
        check_vm_finds_one(input.raw, input.release.erts)?;
    }
    if input.vm_args.is_some() || plan.cookie.is_some() {
        plan.pass_file("VMARGS_PATH", VM_ARGS, text);
    }
    name_node(plan, input, args.node.as_ref());
    Ok(())
}

fn check_unnamed(
    plan: &mut HandOver,
    script: &ScriptDifferences,
    template: &Template,
    args: &VmArgsFile,
) -> Result<(), Error> {
    let message = format!("{} names no node: neither -name nor -sname", template.path.display());
    let hint = "write -name ${RELEASE_NAME}@${MY_POD_FQDN}";
    if !script.needs_name {
        plan.warn(message, hint);
    } else if !args.text.contains("-args_file") {
        return Err(data_error(message).hint(hint));
    }
    Ok(())
}

/// The script gives the variable to its remote commands, and the VM has `-setcookie` of its `vm.args` all the same.
fn cookie_value_that_counts<'a>(
    plan: &mut HandOver,
    input: &HandOverInput<'a>,
    script: &ScriptDifferences,
) -> Option<&'a str> {
    let variable = script.cookie_variable;
    let value = input.raw.get(variable)?;
    let in_template = input.vm_args.as_ref().map(|(template, args)| (&template.path, *args));
    let in_own = || input.own.as_ref().map(|(path, own)| (path, own));
    let Some((path, VmArgsFile { cookie: Some(cookie), .. })) = in_template.or_else(in_own) else { return Some(value) };
    if cookie.expose() == value {
        return Some(value);
    }
    let path = path.display();
    plan.warn(
        format!("-setcookie of {path} and {variable} of the environment differ: the VM takes the former"),
        format!("write -setcookie ${{{variable}}} in a template, or unset {variable}"),
    );
    None
}

/// The VM takes one of the names in its `vm.args` and in `ERL_FLAGS` and its like.
fn name_node(plan: &mut HandOver, input: &HandOverInput<'_>, in_vm_args: Option<&(Distribution, NodeName)>) {
    let flags = in_vm_args.map(|(distribution, node)| [distribution.flag().to_owned(), node.to_string()]);
    let taken = given_flags(input, ("vm.args", flags.as_ref().map_or(&[], |flags| flags))).named_node();
    if let (Some(named), Some((_, node))) = (named_by_variables(input), in_vm_args)
        && named.name != node.to_string()
    {
        warn_of_second_name(plan, &named, &format!("{node} of vm.args"));
    }
    if let Some(taken) = taken {
        plan.take_name(&taken);
    }
}
