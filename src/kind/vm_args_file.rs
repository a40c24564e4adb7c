//! Distillery's and relx's start scripts read name and cookie out of `vm.args` themselves, line by line, so the file that
//! they get is whole but for the cookie. That goes into a file where the VM looks for it, and no command line shows it.

use super::cookie::choose_cookie;
use super::given_flags::{given_flags, named_by_variables, warn_of_second_name};
use super::spec::{HandOverInput, Template};
use crate::cookie::Cookie;
use crate::error::Error;
use crate::hand_over::access::FileAccess;
use crate::hand_over::cookie::{CookieLookup, CookiePlacement, check_vm_finds_one};
use crate::hand_over::{HandOver, VM_ARGS, Value};
use crate::identity::name::{Distribution, NodeName};
use crate::render::VmArgsFile;

/// In what the two scripts differ.
pub(super) struct ScriptDifferences {
    /// The variable in which the script looks for the cookie.
    pub(super) cookie_variable: &'static str,
    pub(super) cookie_value: Option<String>,
    pub(super) cookie_lookup: CookieLookup,
    /// What to do about a template that names no node.
    pub(super) check_unnamed: fn(&mut HandOver, &Template, &VmArgsFile) -> Result<(), Error>,
    /// Shows the script a cookie that the VM finds in a file.
    pub(super) show_cookie: fn(&mut HandOver, &HandOverInput<'_>, &Cookie),
}

/// What is said of a template that names no node.
pub(super) fn unnamed(template: &Template) -> (String, &'static str) {
    let message = format!("{} names no node: neither -name nor -sname", template.path.display());
    (message, "write -name ${RELEASE_NAME}@${MY_POD_FQDN}")
}

/// A `vm.args` that the script will read.
struct ScriptVmArgs<'a> {
    text: &'a str,
    without_cookie: &'a str,
    node: Option<&'a (Distribution, NodeName)>,
    cookie: Option<&'a Cookie>,
}

pub(super) fn hand_over_vm_args(
    plan: &mut HandOver,
    input: &HandOverInput<'_>,
    script: &ScriptDifferences,
) -> Result<(), Error> {
    let cookie_value = cookie_value_that_counts(plan, input, script);
    let cookie = choose_cookie(input, script.cookie_variable, cookie_value)?;
    if let Some((template, args)) = &input.vm_args
        && args.node.is_none()
    {
        (script.check_unnamed)(plan, template, args)?;
    }
    let Some(args) = script_vm_args(input) else { return Ok(()) };
    let mut text = args.text.to_owned();
    if let Some(cookie) = cookie {
        let placement = cookie.place(plan, input, script.cookie_lookup)?;
        let is_on_command_line = matches!(placement, CookiePlacement::CommandLine { .. });
        if is_on_command_line && input.access != FileAccess::EveryUser {
            text = text_with_cookie(&args, &cookie.cookie);
        } else {
            args.without_cookie.clone_into(&mut text);
            if is_on_command_line {
                cookie.pass_as_flag(plan, input);
                plan.set(script.cookie_variable, Value::secret(&cookie.cookie));
            } else {
                (script.show_cookie)(plan, input, &cookie.cookie);
            }
        }
        plan.cookie = Some(cookie.cookie);
    } else if text == args.without_cookie && args.node.is_some() && input.release.starts_node {
        check_vm_finds_one(input.raw, input.release.erts)?;
    }
    if input.vm_args.is_some() || plan.cookie.is_some() {
        plan.add_file(VM_ARGS, text);
        plan.set("VMARGS_PATH", Value::in_run_dir(VM_ARGS));
    }
    let flags = args.node.map(|(distribution, node)| [distribution.flag().to_owned(), node.to_string()]);
    let named = given_flags(input, ("vm.args", flags.as_ref().map_or(&[], |flags| flags))).named_node();
    plan.has_short_name = named.is_some_and(|named| named.distribution == Distribution::Short);
    plan.node = name_of_vm(plan, input, args.node);
    Ok(())
}

/// The script gives the variable to its remote commands, and the VM has `-setcookie` of its `vm.args` all the same.
fn cookie_value_that_counts<'a>(
    plan: &mut HandOver,
    input: &HandOverInput<'_>,
    script: &'a ScriptDifferences,
) -> Option<&'a str> {
    let (variable, value) = (script.cookie_variable, script.cookie_value.as_deref()?);
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

/// The name that the VM takes of those in its `vm.args` and in `ERL_FLAGS` and its like.
fn name_of_vm(
    plan: &mut HandOver,
    input: &HandOverInput<'_>,
    in_vm_args: Option<&(Distribution, NodeName)>,
) -> Option<NodeName> {
    let Some(named) = named_by_variables(input) else { return in_vm_args.map(|(_, node)| node.clone()) };
    let Some((distribution, node)) = in_vm_args else { return named.parse() };
    if named.name == node.to_string() {
        return Some(node.clone());
    }
    warn_of_second_name(plan, &named, &format!("{node} of vm.args"));
    let flag = distribution.flag();
    let taken = given_flags(input, ("vm.args", &[flag.to_owned(), node.to_string()])).named_node()?;
    taken.parse()
}

/// The template's, else the release's own.
fn script_vm_args<'a>(input: &'a HandOverInput<'_>) -> Option<ScriptVmArgs<'a>> {
    if let Some((_, args)) = &input.vm_args {
        let (text, without_cookie) = (&args.text, &args.without_cookie);
        return Some(ScriptVmArgs { text, without_cookie, node: args.node.as_ref(), cookie: args.cookie.as_ref() });
    }
    let (_, own) = input.own.as_ref()?;
    // With another cookie the file is rewritten, as it is with none.
    Some(ScriptVmArgs { text: &own.text, without_cookie: &own.without_cookie, node: own.node.as_ref(), cookie: None })
}

fn text_with_cookie(args: &ScriptVmArgs<'_>, cookie: &Cookie) -> String {
    if args.cookie == Some(cookie) {
        return args.text.to_owned();
    }
    format!("{}\n-setcookie {}\n", args.without_cookie, cookie.expose())
}
