//! A VM that is started directly, or by a script that takes no file of ours, reads flags from its environment: those of
//! `ERL_AFLAGS` come before the command line's, those of `ERL_ZFLAGS` behind all others. The first name counts; two
//! cookies cancel each other.

use super::command;
use super::cookie::{NamedCookie, choose_cookie};
use super::given_flags::given_flags;
use super::spec::{HandOverInput, KindSpec, LayoutUse, OwnVmArgs};
use crate::error::Error;
use crate::hand_over::access::FileAccess;
use crate::hand_over::cookie::{CookieLookup, CookiePlacement, CookieRequest, check_vm_finds_one};
use crate::hand_over::{CANCELLING_COOKIE, HandOver, Part, SYS_CONFIG, VM_ARGS, data_error};
use crate::identity::name::Distribution;
use crate::render::VmArgsFile;
use crate::render::vm_args::NamedNode;
use crate::variables::CookieMode;

pub(super) const SPEC: KindSpec = KindSpec {
    name: "erl",
    is_beam: true,
    layout: LayoutUse::IfItIsARelease,
    recognise: |script| {
        if script.release_text_has("find_vm_args") {
            return Some("its start script is relx's plain one, which has find_vm_args");
        }
        let is_vm = ["erl", "elixir", "iex"].iter().any(|name| script.is_named(name));
        is_vm.then_some("COMMAND is erl, elixir or iex")
    },
    vm_args_variables: &["VMARGS_PATH", "RELEASE_VM_ARGS"],
    own_vm_args: OwnVmArgs::AlwaysRead,
    hand_over,
    ..command::SPEC
};

fn hand_over(plan: &mut HandOver, input: &HandOverInput<'_>) -> Result<(), Error> {
    let cookie = choose_cookie(input, "ERLANG_COOKIE", None)?;
    let command = input.release.started_words();
    let given = given_flags(input, ("COMMAND", &command));
    let named = given.named_node();
    check_cookie_file_is_possible(input, cookie.as_ref())?;
    check_one_name(input, named.as_ref())?;
    if input.own.is_some() {
        put_name_before_own(plan, input)?;
    }
    let text = match cookie {
        Some(cookie) => text_with_cookie(plan, input, cookie)?,
        None => text_without_cookie(input).to_owned(),
    };
    let in_template = input.vm_args.as_ref().and_then(|(_, args)| args.node.clone());
    let in_own = input.own.as_ref().and_then(|(_, own)| own.node.clone());
    let in_flags = named.and_then(|named| Some((named.distribution, named.parse()?)));
    let counts = in_template.or(in_flags).or(in_own);
    plan.has_short_name = counts.as_ref().is_some_and(|(distribution, _)| *distribution == Distribution::Short);
    plan.node = counts.map(|(_, node)| node);
    if plan.node.is_none() {
        plan.not_distributed = Some("neither COMMAND nor a template names it");
    } else if plan.cookie.is_none() && own_cookies(input) == 0 && given.cookie_place().is_none() {
        check_vm_finds_one(input.raw, input.release.erts)?;
    }
    pass_files_as_flags(plan, input, text);
    Ok(())
}

/// relx's plain script passes the release's own `vm.args` on the command line, with a cookie in it.
fn check_cookie_file_is_possible(input: &HandOverInput<'_>, cookie: Option<&NamedCookie>) -> Result<(), Error> {
    let (Some(cookie), Some((path, own)), CookieMode::File) = (cookie, &input.own, input.cookie_mode) else {
        return Ok(());
    };
    if own.cookie.as_ref() != Some(&cookie.cookie) {
        return Ok(());
    }
    let message = format!(
        "BEAMINIT_COOKIE=file, but the release's script puts -setcookie of {} on the command line",
        path.display()
    );
    Err(data_error(message)
        .hint("drop it from the release's vm.args, or build the release with extended_start_script true"))
}

fn check_one_name(input: &HandOverInput<'_>, named: Option<&NamedNode>) -> Result<(), Error> {
    let Some((template, args)) = &input.vm_args else { return Ok(()) };
    let (Some((_, node)), Some(NamedNode { name, place, .. })) = (&args.node, named) else { return Ok(()) };
    if node.to_string() == *name {
        return Ok(());
    }
    let path = template.path.display();
    let message = format!("-name of {path} is {node}, but {place} names the node {name}");
    Err(data_error(message).hint("the VM would take the latter; drop one of them"))
}

/// relx's plain script passes the release's own `vm.args` on the command line, with a name in it.
fn put_name_before_own(plan: &mut HandOver, input: &HandOverInput<'_>) -> Result<(), Error> {
    let (Some((template, args)), Some((path, own))) = (&input.vm_args, &input.own) else { return Ok(()) };
    let Some((distribution, node)) = &args.node else { return Ok(()) };
    if own.has_sname && *distribution == Distribution::Long {
        let message =
            format!("{} has -sname, which the VM prefers to -name of {}", path.display(), template.path.display());
        return Err(data_error(message)
            .hint("drop -sname from the release's vm.args, or build it with extended_start_script true"));
    }
    plan.set("ERL_AFLAGS", format!("{} {node}", distribution.flag()));
    plan.not_for_tools.push("ERL_AFLAGS");
    Ok(())
}

/// The template's flags. Beside the release's own file they come without the name, which is in front of both.
fn text_without_cookie<'a>(input: &'a HandOverInput<'_>) -> &'a str {
    let Some((_, args)) = &input.vm_args else { return "" };
    if input.own.is_some() { &args.without_node_flags } else { &args.text }
}

/// Puts the cookie into a file, else into the text that is handed over.
fn text_with_cookie(plan: &mut HandOver, input: &HandOverInput<'_>, cookie: NamedCookie) -> Result<String, Error> {
    let mut text = match &input.vm_args {
        None => String::new(),
        Some((_, args)) if input.own.is_some() => args.without_node_flags.clone(),
        Some((_, args)) => args.without_cookie.clone(),
    };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let is_for_every_user = input.access == FileAccess::EveryUser;
    let placement = if is_for_every_user && own_cookies(input) > 0 {
        // A second flag would cancel the one that the script passes.
        let request = cookie.request(input, CookieLookup::Anywhere);
        plan.place_cookie(&CookieRequest { access: FileAccess::Private, ..request })?
    } else {
        cookie.place(plan, input, CookieLookup::Anywhere)?
    };
    let is_in_file = !matches!(placement, CookiePlacement::CommandLine { .. });
    match &input.own {
        Some((_, VmArgsFile { cookies: 1, .. })) if is_in_file => text.push_str(CANCELLING_COOKIE),
        _ if is_in_file => {}
        Some((path, own)) if own.cookies > 0 => {
            let (path, named_by) = (path.display(), &cookie.named_by);
            let message = format!("{path} has a cookie too: with the one of {named_by} the VM would use neither");
            let hint = if input.cookie_mode == CookieMode::Args { "set BEAMINIT_COOKIE=file, or " } else { "" };
            return Err(data_error(message).hint(format!("{hint}drop -setcookie from the release's vm.args")));
        }
        _ if is_for_every_user => cookie.pass_as_flag(plan, input),
        _ => text.extend(["-setcookie ", cookie.cookie.expose(), "\n"]),
    }
    plan.cookie = Some(cookie.cookie);
    Ok(text)
}

fn own_cookies(input: &HandOverInput<'_>) -> usize {
    input.own.as_ref().map_or(0, |(_, own)| own.cookies)
}

fn pass_files_as_flags(plan: &mut HandOver, input: &HandOverInput<'_>, text: String) {
    let mut flags = Vec::new();
    if !text.trim().is_empty() {
        plan.add_file(VM_ARGS, text);
        flags.extend([Part::Text("-args_file ".into()), Part::Word(VM_ARGS)]);
    }
    if let Some((_, text)) = &input.sys_config {
        plan.add_file(SYS_CONFIG, (*text).to_owned());
        let space = if flags.is_empty() { "" } else { " " };
        flags.extend([Part::Text(format!("{space}-config ")), Part::Word(SYS_CONFIG)]);
    }
    if !flags.is_empty() {
        plan.add_flags(input.raw.erl_zflags.as_deref(), flags);
    }
}
