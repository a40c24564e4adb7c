//! `mix release`. Its script passes a name and a cookie on its VM's command line, whatever `vm.args` says: there, a second
//! name is without effect and a second cookie cancels both. So both go where the script looks for them.

use super::command;
use super::cookie::{NamedCookie, choose_cookie};
use super::decide::published_name;
use super::env_sh::{self, Assignment};
use super::given_flags::named_by_variables;
use super::spec::{HandOverInput, KindSpec, LayoutUse, ScriptRendering, Template};
use crate::cookie;
use crate::error::{Error, Problem, Stage, cause};
use crate::exit;
use crate::file::{self, vm_args_word};
use crate::hand_over::cookie::{CookieLookup, find_in_files};
use crate::hand_over::{CANCELLING_COOKIE, COOKIE_IN_A_FILE, HandOver, SYS_CONFIG, VM_ARGS, Value, data_error};
use crate::identity::name::{Distribution, NodeHost, NodeName};
use crate::release::ReleaseLayout;
use crate::render::vm_args::NamedNode;
use crate::render::{self, VmArgsFile};
use crate::variables::CookieMode;
use std::path::{Path, PathBuf};

pub(super) const SPEC: KindSpec = KindSpec {
    name: "mix",
    is_beam: true,
    layout: LayoutUse::Required,
    recognise: |script| {
        let has_both = script.has_version_file("elixir") && script.has_version_file("env.sh");
        // EMQX is built by mix, but has another script, which starts the VM and reads none of mix's variables.
        let has_own_script = script.text.contains("erlexec") && !script.text.contains("RELEASE_VM_ARGS");
        (has_both && !has_own_script).then_some("its version's directory has elixir and env.sh")
    },
    starts_node: |script| script.has_argument_of(&["start", "start_iex", "daemon", "daemon_iex"]),
    foreground: Some("start"),
    background: &["daemon", "daemon_iex"],
    script_rendering: ScriptRendering::Never,
    cookie_variable: Some(COOKIE),
    hand_over,
    ..command::SPEC
};

const COOKIE: &str = "RELEASE_COOKIE";
/// What we set and its env.sh may set otherwise.
const SET_BY_US: [&str; 4] = ["RELEASE_NODE", "RELEASE_DISTRIBUTION", COOKIE, "RELEASE_VM_ARGS"];
const TMP: &str = "tmp";
const REMOTE_VM_ARGS: &str = "remote.vm.args";
const NAME_CURE: &str = "set RELEASE_NAME to letters, digits, - and _, or RELEASE_NODE=NAME@HOST";
const LEFT_NAME_CURE: &str =
    "for the pod's name write export RELEASE_NODE=\"${RELEASE_NODE:-…}\" there, or remove the line";

fn hand_over(plan: &mut HandOver, input: &HandOverInput<'_>) -> Result<(), Error> {
    let Some(layout) = input.release.layout.as_ref() else { return Ok(()) };
    let env_sh_text = file::read_text(&layout.version_dir.join("env.sh")).unwrap_or_default();
    plan.not_distributed = env_sh::not_distributed(&env_sh_text);
    let env_sh = env_sh::assignments(&env_sh_text, &SET_BY_US);
    let set_in_env_sh = |variable: &str| env_sh.iter().find(|found| found.variable == variable);
    // With a runtime configuration the script writes to RELEASE_TMP, which is in the release.
    if input.raw.release_tmp.is_none() && !input.release.can_write_in_root(TMP) {
        plan.directories.push(TMP);
        plan.set("RELEASE_TMP", Value::in_run_dir(TMP));
    }
    check_one_name(input)?;
    if set_in_env_sh("RELEASE_NODE").is_none() {
        name_node(plan, input, &env_sh_text)?;
    }
    hand_over_cookie(plan, input, set_in_env_sh(COOKIE).or_else(|| set_in_env_sh("RELEASE_VM_ARGS")))?;
    if plan.cookie.is_none() && !env_sh::may_set(&env_sh_text, COOKIE) {
        check_built_in_cookie(plan, input, layout)?;
    }
    hand_over_vm_args(plan, input, layout);
    share_distribution_with_tools(plan, input, layout);
    if let Some((template, text)) = &input.sys_config {
        plan.warnings.extend(missing_marker(layout, template, text));
        plan.pass_file("RELEASE_SYS_CONFIG", SYS_CONFIG, (*text).to_owned());
    }
    for found in &env_sh {
        give_way_to_env_sh(plan, found, layout);
    }
    Ok(())
}

fn check_one_name(input: &HandOverInput<'_>) -> Result<(), Error> {
    let Some((template, args)) = &input.vm_args else { return Ok(()) };
    let (Some((_, in_template)), Some(in_environment)) = (&args.node, &input.raw.release_node) else { return Ok(()) };
    if in_template.to_string() == *in_environment {
        return Ok(());
    }
    let message = format!("-name of {} and RELEASE_NODE of the environment differ", template.path.display());
    Err(data_error(message).hint("drop one of them, or write -name ${RELEASE_NODE} in the template"))
}

/// The template names the node, else the environment, else the pod's own name does.
fn name_node(plan: &mut HandOver, input: &HandOverInput<'_>, env_sh: &str) -> Result<(), Error> {
    let raw = input.raw;
    let named = named_by_variables(input);
    let in_template = input.vm_args.as_ref().and_then(|(_, args)| args.node.clone());
    if let Some((distribution, node)) = in_template {
        warn_of_other_name(plan, named.as_ref(), &node.to_string());
        set_node(plan, distribution, node);
        return Ok(());
    }
    if raw.release_distribution.as_deref() == Some("none") {
        // The script gives the VM no name then, so that others can.
        if let Some(named) = named {
            plan.take_name(&named);
            return Ok(());
        }
        plan.not_distributed = Some("RELEASE_DISTRIBUTION=none");
    }
    warn_of_other_name(plan, named.as_ref(), raw.release_node.as_deref().unwrap_or("the script's own"));
    if let Some(name) = &raw.release_node {
        match NodeName::parse(name) {
            Ok(node) => plan.node = Some(node),
            Err(reason) if input.release.starts_node && plan.not_distributed.is_none() => {
                return Err(data_error(format!("RELEASE_NODE={name} {reason}"))
                    .hint("set RELEASE_NODE=NAME@$(MY_POD_FQDN), or leave it unset: then the pod's name is taken"));
            }
            Err(_) => {}
        }
        set_distribution_of_given_node(plan, input)?;
        warn_of_short_name(plan, input);
        return Ok(());
    }
    plan.has_short_name = raw.release_distribution.as_deref() == Some("sname");
    warn_of_short_name(plan, input);
    let texts = &input.release.followed.naming_texts;
    if plan.not_distributed.is_none() {
        plan.not_distributed = texts.iter().find_map(|(_, text)| env_sh::not_distributed(text));
    }
    if plan.not_distributed.is_none() && raw.release_distribution.is_none() && named.is_none() {
        name_after_pod(plan, input, env_sh)?;
    }
    Ok(())
}

/// The pod's own name, unless a text that is read after us gives a short one.
fn name_after_pod(plan: &mut HandOver, input: &HandOverInput<'_>, env_sh: &str) -> Result<(), Error> {
    let Some(fqdn) = published_name(input.identity) else { return Ok(()) };
    if let Some(place) = env_sh::other_name_in(&input.release.followed.naming_texts, env_sh) {
        plan.has_short_name = true;
        let message = format!("{place} names the node, so beaminit leaves the node name to it");
        plan.warn(message, LEFT_NAME_CURE);
        return Ok(());
    }
    let name = &input.release.name;
    let node = NodeName::on_host(name, fqdn)
        .map_err(|reason| data_error(format!("the node name {name}@{fqdn} {reason}")).hint(NAME_CURE))?;
    plan.named_by_us = true;
    set_node(plan, Distribution::Long, node);
    Ok(())
}

fn warn_of_other_name(plan: &mut HandOver, named: Option<&NamedNode>, other: &str) {
    if let Some(named) = named.filter(|named| named.name != other) {
        let message = format!("the VM gets two names, {} of {} and {other}", named.name, named.place);
        plan.warn(message, "set RELEASE_DISTRIBUTION=none, so that the script gives none; or RELEASE_NODE alone");
    }
}

fn warn_of_short_name(plan: &mut HandOver, input: &HandOverInput<'_>) {
    let is_asked_for = input.raw.release_distribution.as_deref() == Some("sname");
    if let Some(fqdn) = published_name(input.identity).filter(|_| plan.has_short_name && is_asked_for) {
        let message =
            format!("RELEASE_DISTRIBUTION=sname: peers cannot look up a host without a dot; this pod is {fqdn}");
        plan.warn(message, "set RELEASE_DISTRIBUTION=name, or neither it nor RELEASE_NODE");
    }
}

fn set_node(plan: &mut HandOver, distribution: Distribution, node: NodeName) {
    plan.set("RELEASE_DISTRIBUTION", if distribution == Distribution::Long { "name" } else { "sname" });
    plan.set("RELEASE_NODE", node.to_string());
    plan.has_short_name = distribution == Distribution::Short;
    plan.node = Some(node);
}

/// The script takes `sname` unless a variable says otherwise, and with it the VM refuses a host with dots.
fn set_distribution_of_given_node(plan: &mut HandOver, input: &HandOverInput<'_>) -> Result<(), Error> {
    let Some(node) = plan.node.clone() else { return Ok(()) };
    let is_long = match node.host() {
        NodeHost::Name(host) => host.is_dotted(),
        NodeHost::Address(_) => true,
        NodeHost::Absent => false,
    };
    let distribution = input.raw.release_distribution.as_deref();
    plan.has_short_name = !is_long && distribution.is_none_or(|distribution| distribution == "sname");
    match distribution {
        None if is_long => plan.set("RELEASE_DISTRIBUTION", "name"),
        Some("sname") if is_long => {
            let message = format!("RELEASE_NODE={node} has a host with dots, which RELEASE_DISTRIBUTION=sname refuses");
            return Err(data_error(message).hint("set RELEASE_DISTRIBUTION=name"));
        }
        _ => {}
    }
    Ok(())
}

/// On its command line by default: the script passes one there in any case.
fn hand_over_cookie(plan: &mut HandOver, input: &HandOverInput<'_>, env_sh: Option<&Assignment>) -> Result<(), Error> {
    let Some(layout) = input.release.layout.as_ref() else { return Ok(()) };
    let given = input.raw.release_cookie.as_deref().unwrap_or_default();
    let without_newline = given.trim_end_matches(['\r', '\n']);
    let chosen = choose_cookie(input, COOKIE, Some(without_newline).filter(|cookie| !cookie.is_empty()))?;
    if input.cookie_mode != CookieMode::File {
        if chosen.as_ref().is_some_and(|chosen| chosen.cookie.expose().starts_with('-')) {
            let message = "the cookie begins with -: the VM takes it for a flag, and makes up another cookie";
            plan.warn(message, cookie::CURE);
        }
        // All peers have it alike, so it stays.
        if !without_newline.is_empty() && without_newline.len() < given.len() {
            let message =
                "RELEASE_COOKIE has a newline at its end, as echo makes it, which the VM takes for a part of it";
            plan.warn(message, cookie::CURE);
        } else if let Some(chosen) = chosen {
            plan.set(COOKIE, Value::secret(&chosen.cookie));
            plan.cookie = Some(chosen.cookie);
        }
        return Ok(());
    }
    let Some(chosen) = chosen.or_else(|| cookie_of_image(input, layout)) else { return Ok(()) };
    if let Some(found) = env_sh {
        let place = format!("{}/env.sh:{}", layout.version_dir.display(), found.line);
        let message = format!("BEAMINIT_COOKIE=file, but {place} sets {}", found.variable);
        return Err(data_error(message).hint("remove that line, or set BEAMINIT_COOKIE=args"));
    }
    plan.place_cookie(&chosen.request(input, CookieLookup::Anywhere))?;
    cancel_cookie_of_script(plan, input, layout);
    plan.set(COOKIE, COOKIE_IN_A_FILE);
    plan.cookie = Some(chosen.cookie);
    Ok(())
}

/// The script passes a cookie to each of its VMs. That of Elixir 1.10 gives its remote tools no `vm.args`, which leaves no
/// way to their command line but the variable that every VM reads, which serves for the node as well.
fn cancel_cookie_of_script(plan: &mut HandOver, input: &HandOverInput<'_>, layout: &ReleaseLayout) {
    if !layout.version_dir.join(REMOTE_VM_ARGS).is_file() {
        let theirs = input.raw.erl_zflags.as_ref().map(|flags| format!("{flags} ")).unwrap_or_default();
        plan.set("ERL_ZFLAGS", theirs + CANCELLING_COOKIE.trim_end());
        return;
    }
    for (variable, name) in [("RELEASE_VM_ARGS", VM_ARGS), ("RELEASE_REMOTE_VM_ARGS", REMOTE_VM_ARGS)] {
        let theirs = input.raw.get(variable).map_or_else(|| layout.version_dir.join(name), PathBuf::from);
        plan.pass_file(variable, name, include_line(&theirs) + CANCELLING_COOKIE);
    }
}

/// The script reads the cookie that `mix release` has made up, where nobody gives one.
///
/// # Errors
/// It cannot, and would end at once: exit code 66. Before Elixir 1.11 it went on without one.
fn check_built_in_cookie(plan: &mut HandOver, input: &HandOverInput<'_>, layout: &ReleaseLayout) -> Result<(), Error> {
    if input.raw.release_cookie.as_deref().is_some_and(|cookie| !cookie.is_empty()) {
        return Ok(());
    }
    let path = layout.root.join("releases/COOKIE");
    let Err(error) = file::read_text(&path) else { return Ok(()) };
    let script = input.release.script_text();
    if !script.contains("$(cat \"$RELEASE_ROOT/releases/COOKIE\")") {
        return Ok(());
    }
    let message = format!("nothing gives the node a cookie: {}: {}", path.display(), cause(&error));
    let hint = "set RELEASE_COOKIE from a Secret, or let the user read that file: COPY --chown in the Dockerfile";
    if script.contains("export RELEASE_COOKIE=") {
        plan.warn(message, hint);
        return Ok(());
    }
    Err(Error::new(Stage::HandOver, exit::NO_INPUT, message).hint(hint))
}

/// The cookie that the release has when nobody gives one: in HOME, else where `mix release` put it.
fn cookie_of_image(input: &HandOverInput<'_>, layout: &ReleaseLayout) -> Option<NamedCookie> {
    let in_home = input.raw.home.as_deref().map(|home| Path::new(home).join(".erlang.cookie"));
    let (cookie, named_by) = find_in_files(in_home.into_iter().chain([layout.root.join("releases/COOKIE")]))?;
    Some(NamedCookie { cookie, named_by })
}

fn hand_over_vm_args(plan: &mut HandOver, input: &HandOverInput<'_>, layout: &ReleaseLayout) {
    let Some((template, args)) = &input.vm_args else { return };
    let own = if template.adds_to_own { include_line(&layout.version_dir.join(VM_ARGS)) } else { String::new() };
    let mut text = own + &args.without_node_flags;
    // The cookie has made one already.
    if let Some(file) = plan.files.iter_mut().find(|file| file.name == VM_ARGS) {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        file.contents = text + CANCELLING_COOKIE;
    } else {
        plan.pass_file("RELEASE_VM_ARGS", VM_ARGS, text);
    }
}

/// Its remote tools connect as the node does, by flags in a file of theirs.
fn share_distribution_with_tools(plan: &mut HandOver, input: &HandOverInput<'_>, layout: &ReleaseLayout) {
    let Some((_, VmArgsFile { distribution, .. })) = &input.vm_args else { return };
    let own = layout.version_dir.join(REMOTE_VM_ARGS);
    let has_own = render::read_vm_args(&own).is_none_or(|own| !own.distribution.is_empty());
    if distribution.is_empty() || has_own || input.raw.release_remote_vm_args.is_some() {
        return;
    }
    if let Some(file) = plan.files.iter_mut().find(|file| file.name == REMOTE_VM_ARGS) {
        file.contents += distribution;
        return;
    }
    plan.pass_file("RELEASE_REMOTE_VM_ARGS", REMOTE_VM_ARGS, include_line(&own) + distribution);
}

/// Without its marker the script does not read `config/runtime.exs`.
fn missing_marker(layout: &ReleaseLayout, template: &Template, text: &str) -> Option<Problem> {
    const MARKER: &str = "RUNTIME_CONFIG=true";
    let own = file::read_text(&layout.version_dir.join(SYS_CONFIG)).unwrap_or_default();
    if !own.contains(MARKER) || text.contains(MARKER) {
        return None;
    }
    let path = template.path.display();
    let message =
        format!("{path} lacks the line %% {MARKER} of the release's own: config/runtime.exs will not be read");
    Some(Problem::new(message).hint(format!("write %% {MARKER} as its first line")))
}

/// The script reads env.sh after us, and what that sets wins.
fn give_way_to_env_sh(plan: &mut HandOver, found: &Assignment, layout: &ReleaseLayout) {
    let (variable, line) = (found.variable, found.line);
    let set_before = plan.variables.len();
    plan.variables.retain(|(name, _)| *name != variable);
    let what = match variable {
        "RELEASE_NODE" => "so beaminit leaves the node name to it",
        _ if plan.variables.len() < set_before => "which wins over what beaminit sets",
        _ => return,
    };
    plan.warn(
        format!("{}/env.sh:{line} sets {variable}, {what}", layout.version_dir.display()),
        format!("write export {variable}=\"${{{variable}:-…}}\" in rel/env.sh.eex, or remove the line"),
    );
}

/// A line that includes another file, if there is one.
fn include_line(file: &Path) -> String {
    if file.is_file() { format!("-args_file {}\n", vm_args_word(file)) } else { String::new() }
}
