//! RabbitMQ takes the node's name from its environment, else from rabbitmq-env.conf, and never from a `vm.args`; the VM, and
//! each tool that speaks to it, takes the cookie from a file.
//!
//! Without us a broker is `rabbit@` and the host's short name, which no other pod can look up, and each of its tools in a
//! `kubectl exec` believes the same.
//!
//! Left as they are: rabbitmq.conf and advanced.config, which RabbitMQ reads in another form; where it writes, which with
//! a read-only root is /var/lib/rabbitmq, and /var/log/rabbitmq or `RABBITMQ_LOG_BASE` (an upgrade log is opened there even
//! with `RABBITMQ_LOGS=-`); and its exit code, which its start script makes 0 after a TERM, but also after a boot that failed.

use super::command;
use super::cookie::choose_cookie;
use super::decide::published_name;
use super::env_sh::{self, Assignment};
use super::given_flags::given_flags;
use super::spec::{HandOverInput, KindSpec};
use crate::error::Error;
use crate::file;
use crate::hand_over::access::FileAccess;
use crate::hand_over::cookie::{CookieLookup, CookiePlacement};
use crate::hand_over::{HandOver, Value, data_error};
use crate::identity::name::{Distribution, Fqdn, NodeHost, NodeName};
use crate::release::{StartScript, locate, resolve_links};
use crate::render::vm_args::NodeFlagSources;
use crate::sys;
use crate::variables::{CookieMode, RawEnv};
use std::path::Path;

pub(super) const SPEC: KindSpec = KindSpec {
    name: "rabbitmq",
    is_beam: true,
    recognise: |script| {
        let is_it = BrokerScript::of(&script.path).is_some() || is_entrypoint(script);
        is_it.then_some(
            "COMMAND or its first argument is a script of RabbitMQ's, with rabbitmq-env and rabbitmq-defaults beside it",
        )
    },
    starts_node: |script| BrokerScript::of(&script.path) != Some(BrokerScript::Tool),
    ignores_templates: Some("a broker reads files of another form"),
    cookie_variable: Some(COOKIE),
    hand_over,
    ..command::SPEC
};

const COOKIE: &str = "RABBITMQ_ERLANG_COOKIE";
/// What RabbitMQ calls a node that nobody names.
const RABBIT: &str = "rabbit";
/// Each also without the prefix, in rabbitmq-env.conf.
const NODENAME: [&str; 2] = ["RABBITMQ_NODENAME", "NODENAME"];
const USE_LONGNAME: [&str; 2] = ["RABBITMQ_USE_LONGNAME", "USE_LONGNAME"];

/// One of the scripts that all begin with `rabbitmq-env`, as they are in the `sbin` of RabbitMQ's archive (in the stock image
/// /opt/rabbitmq/sbin) and behind the links of Debian's /usr/lib/rabbitmq/bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BrokerScript {
    /// It becomes a broker.
    Server,
    /// It speaks to one, or changes what one will read, as `rabbitmqctl` and `rabbitmq-plugins` do.
    Tool,
}

impl BrokerScript {
    /// Which one `file` is, whatever its own name. Debian's wrappers in /usr/sbin are followed to one of them.
    fn of(file: &Path) -> Option<Self> {
        let file = resolve_links(file).unwrap_or_else(|| file.to_owned());
        let siblings = ["rabbitmq-env", "rabbitmq-defaults"];
        if !siblings.iter().all(|name| file.with_file_name(name).is_file()) {
            return None;
        }
        let text = file::read_script(&file).unwrap_or_default();
        let what = if text.contains("RABBITMQ_SERVER_START_ARGS") { Self::Server } else { Self::Tool };
        text.contains("rabbitmq-env").then_some(what)
    }
}

/// Whether the script becomes the broker whose start script is its argument, once it has done what it is for: the stock
/// image's `docker-entrypoint.sh rabbitmq-server`.
fn is_entrypoint(script: &StartScript) -> bool {
    let Some(argument) = script.arguments.first() else { return false };
    script.text.starts_with("#!")
        && locate(argument, script.search_path.as_deref())
            .is_some_and(|file| BrokerScript::of(&file) == Some(BrokerScript::Server))
}

fn hand_over(plan: &mut HandOver, input: &HandOverInput<'_>) -> Result<(), Error> {
    let conf = input.raw.rabbitmq_conf_env_file.as_deref().unwrap_or("/etc/rabbitmq/rabbitmq-env.conf");
    let text = file::read_text(Path::new(conf)).unwrap_or_default();
    let [names, styles] = [NODENAME, USE_LONGNAME].map(|variables| env_sh::assignments(&text, &variables));
    // With the prefix it changes what we export, without it it is what counts when nothing was exported.
    let decides = |found: &&Assignment| found.variable == NODENAME[0] || input.raw.rabbitmq_nodename.is_none();
    if let Some(found) = names.iter().find(decides) {
        let (variable, line) = (found.variable, found.line);
        plan.warn(
            format!("{conf}:{line} sets {variable}, so beaminit leaves the node name to it"),
            "remove the line: beaminit names the broker by its pod",
        );
    } else if input.raw.rabbitmq_use_longname.as_deref().is_some_and(|style| !is_yes(style)) {
        // An operator who wants short names has made peers find them.
        plan.has_short_name = true;
        plan.node = input.raw.rabbitmq_nodename.as_deref().and_then(|name| NodeName::parse(name).ok());
    } else if let Some(node) = choose_name(plan, input)? {
        let is_long = matches!(node.host(), NodeHost::Name(host) if host.is_dotted());
        if is_long && input.raw.rabbitmq_use_longname.is_none() && styles.is_empty() {
            plan.set("RABBITMQ_USE_LONGNAME", "true");
        }
        plan.node = Some(node);
    }
    hand_over_cookie(plan, input)
}

/// The whole name that was given; else the pod's, which the broker then gets.
fn choose_name(plan: &mut HandOver, input: &HandOverInput<'_>) -> Result<Option<NodeName>, Error> {
    let given = input.raw.rabbitmq_nodename.as_deref();
    if let (None, Some(named)) = (given, flags_of_vm(input).named_node()) {
        plan.has_short_name = named.distribution == Distribution::Short;
        return Ok(named.parse());
    }
    if let Some(name) = given.filter(|name| name.contains('@')) {
        let node = NodeName::parse(name).map_err(|reason| {
            data_error(format!("RABBITMQ_NODENAME={name} {reason}"))
                .hint("set RABBITMQ_NODENAME=rabbit@$(MY_POD_FQDN), or leave it unset")
        })?;
        return Ok(Some(node));
    }
    let Some(fqdn) = published_name(input.identity) else { return Ok(None) };
    let name = given.unwrap_or(RABBIT);
    let node = NodeName::on_host(name, fqdn).map_err(|reason| {
        data_error(format!("the node name {name}@{fqdn} {reason}"))
            .hint("set RABBITMQ_NODENAME=rabbit@HOST, of letters, digits, - and _ before the @")
    })?;
    check_no_data_elsewhere(input.raw, name, fqdn)?;
    plan.set("RABBITMQ_NODENAME", node.to_string());
    plan.named_by_us = true;
    Ok(Some(node))
}

/// Where no file can be, in the variable that broker and tools read too: on no command line in any case.
fn hand_over_cookie(plan: &mut HandOver, input: &HandOverInput<'_>) -> Result<(), Error> {
    let Some(chosen) = choose_cookie(input, COOKIE, input.raw.rabbitmq_erlang_cookie.as_deref())? else {
        return Ok(());
    };
    if let Some((why, cure)) = why_not_in_a_file(input) {
        plan.warn(format!("the cookie is passed in {COOKIE}: {why}"), cure);
        plan.set(COOKIE, Value::secret(&chosen.cookie));
        plan.cookie = Some(chosen.cookie);
        return Ok(());
    }
    let request = chosen.request(input, CookieLookup::HomeFirst);
    if let CookiePlacement::CommandLine { why } = plan.place_cookie(&request)? {
        let (why, hint) = match why {
            Some(problem) => (problem.message, problem.hint.unwrap_or_default()),
            None => ("BEAMINIT_COOKIE is args".to_owned(), "leave BEAMINIT_COOKIE unset".to_owned()),
        };
        plan.warn(format!("the cookie is passed in {COOKIE}, which RabbitMQ means to drop: {why}"), hint);
        plan.set(COOKIE, Value::secret(&chosen.cookie));
    } else {
        // It would win over the file, and each tool warns of it.
        plan.removed.push(COOKIE);
    }
    plan.cookie = Some(chosen.cookie);
    Ok(())
}

/// Why the variable has to carry the cookie, and what would change that.
fn why_not_in_a_file(input: &HandOverInput<'_>) -> Option<(&'static str, &'static str)> {
    if input.access == FileAccess::EveryUser && !is_home_of_the_broker(input.raw.home.as_deref()) {
        return Some((
            "COMMAND may switch to a user who has another HOME, or may not read root's",
            "set HOME to the broker's directory, as /var/lib/rabbitmq, which that user owns",
        ));
    }
    if input.cookie_mode != CookieMode::Auto {
        return None;
    }
    // Entrypoints make the cookie's file of the variable themselves, and make up another cookie if they find none.
    let runs_first = input.release.file.as_deref().is_some_and(|file| BrokerScript::of(file).is_none());
    if runs_first && input.raw.rabbitmq_erlang_cookie.is_some() {
        return Some(("COMMAND may read it before it becomes the broker", "set BEAMINIT_COOKIE=file if it does not"));
    }
    let is_flag = flags_of_vm(input).cookie_place().is_some();
    is_flag.then_some(("-setcookie of the VM's flags would win over a file", "remove -setcookie"))
}

/// The VM's flags, where the start script puts more than its own between them, split as its shell does.
fn flags_of_vm(input: &HandOverInput<'_>) -> NodeFlagSources {
    let given = [&input.raw.rabbitmq_server_additional_erl_args, &input.raw.rabbitmq_server_start_args];
    let words = given.into_iter().flatten().flat_map(|text| text.split_ascii_whitespace());
    given_flags(input, ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", &words.map(str::to_owned).collect::<Vec<_>>()))
}

/// Whether a cookie file in HOME is the broker's too, although another user runs it: images set HOME to its data, and
/// give that to its user.
fn is_home_of_the_broker(home: Option<&str>) -> bool {
    home.is_some_and(|home| !matches!(home.trim_end_matches('/'), "" | "/root") && sys::may_write(Path::new(home)))
}

/// As RabbitMQ reads a switch.
fn is_yes(text: &str) -> bool {
    ["1", "yes", "true"].iter().any(|yes| text.trim().eq_ignore_ascii_case(yes))
}

/// The node's name is the name of its data directory as well: under another name a broker starts with an empty database,
/// without a word.
///
/// # Errors
/// There is data of the name that the broker had without us, and none of its new one.
fn check_no_data_elsewhere(raw: &RawEnv, name: &str, fqdn: &Fqdn) -> Result<(), Error> {
    if raw.rabbitmq_mnesia_dir.is_some() {
        return Ok(());
    }
    let base = Path::new(raw.rabbitmq_mnesia_base.as_deref().unwrap_or("/var/lib/rabbitmq/mnesia"));
    let short = format!("{name}@{}", fqdn.first_label());
    let (old, new) = (base.join(&short), base.join(format!("{name}@{fqdn}")));
    if new.exists() || !old.exists() {
        return Ok(());
    }
    let message = format!("{} has the data of {short}, which the node {name}@{fqdn} would not use", old.display());
    Err(data_error(message).hint(format!(
        "to go on as {short}, set RABBITMQ_NODENAME={short} and RABBITMQ_USE_LONGNAME=false; to start with an empty \
         database, delete that directory"
    )))
}
