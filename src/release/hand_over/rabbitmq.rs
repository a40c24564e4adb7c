//! RabbitMQ takes the node's name from its environment, else from rabbitmq-env.conf, and never from a `vm.args`; the VM, and
//! each tool that speaks to it, takes the cookie from a file.
//!
//! Without us a broker is `rabbit@` and the host's short name, which no other pod can look up, and each of its tools in a
//! `kubectl exec` believes the same.
//!
//! Left as they are: rabbitmq.conf and advanced.config, which RabbitMQ reads in a form of its own; where it writes, which with
//! a read-only root is /var/lib/rabbitmq, and /var/log/rabbitmq or `RABBITMQ_LOG_BASE` (an upgrade log is opened there even
//! with `RABBITMQ_LOGS=-`); and its exit code, which its start script makes 0 after a TERM, but also after a boot that failed.

use super::{Given, HandOver, Value, data_error, published_name};
use crate::error::{Error, Problem};
use crate::file;
use crate::identity::name::{Fqdn, NodeHost, NodeName};
use crate::release::CookieMode;
use crate::release::env_sh::{self, Assignment};
use crate::variables::RawEnv;
use std::path::Path;

/// What RabbitMQ calls a node that nobody names.
const RABBIT: &str = "rabbit";
/// Each also without the prefix, in rabbitmq-env.conf.
const NODENAME: [&str; 2] = ["RABBITMQ_NODENAME", "NODENAME"];
const USE_LONGNAME: [&str; 2] = ["RABBITMQ_USE_LONGNAME", "USE_LONGNAME"];

impl HandOver {
    pub(super) fn rabbitmq(&mut self, given: &Given<'_>) -> Result<(), Error> {
        let conf = given.raw.rabbitmq_conf_env_file.as_deref().unwrap_or("/etc/rabbitmq/rabbitmq-env.conf");
        let text = file::read_text(Path::new(conf)).unwrap_or_default();
        let [names, styles] = [NODENAME, USE_LONGNAME].map(|variables| env_sh::assignments(&text, &variables));
        // With the prefix it changes what we export, without it it is what counts when nothing was exported.
        let decides = |found: &&Assignment| found.variable == NODENAME[0] || given.raw.rabbitmq_nodename.is_none();
        if let Some(found) = names.iter().find(decides) {
            let (variable, line) = (found.variable, found.line);
            let message = format!("{conf}:{line} sets {variable}: the node's name is its affair");
            self.warnings.push(Problem::new(message).hint("remove the line: beaminit names the broker by its pod"));
        } else {
            self.rabbitmq_node(given, !styles.is_empty())?;
        }
        self.rabbitmq_cookie(given)
    }

    /// `style_is_set`: rabbitmq-env.conf says whether names are long.
    fn rabbitmq_node(&mut self, given: &Given<'_>, style_is_set: bool) -> Result<(), Error> {
        let (raw, fqdn) = (given.raw, published_name(given.identity));
        let style = raw.rabbitmq_use_longname.as_deref();
        if style.is_some_and(|style| !is_yes(style)) {
            // Whoever wants short names has made peers find them.
            self.node = raw.rabbitmq_nodename.as_deref().and_then(|name| NodeName::parse(name).ok());
            return Ok(());
        }
        let name = raw.rabbitmq_nodename.as_deref();
        let node = match (name, fqdn) {
            (Some(name), _) if name.contains('@') => NodeName::parse(name).map_err(|reason| {
                let hint = "set RABBITMQ_NODENAME=rabbit@$(MY_POD_FQDN), or leave it unset";
                data_error(format!("RABBITMQ_NODENAME={name} {reason}")).hint(hint)
            })?,
            (_, Some(fqdn)) => {
                let name = name.unwrap_or(RABBIT);
                let node = NodeName::on_host(name, fqdn).map_err(|reason| {
                    let hint = "set RABBITMQ_NODENAME=rabbit@HOST, of letters, digits, - and _ before the @";
                    data_error(format!("the node name {name}@{fqdn} {reason}")).hint(hint)
                })?;
                has_no_data_elsewhere(raw, name, fqdn)?;
                self.set("RABBITMQ_NODENAME", node.to_string());
                self.named_by_us = true;
                node
            }
            (_, None) => return Ok(()),
        };
        let is_long = matches!(node.host(), NodeHost::Name(host) if host.is_dotted());
        if is_long && style.is_none() && !style_is_set {
            self.set("RABBITMQ_USE_LONGNAME", "true");
        }
        self.node = Some(node);
        Ok(())
    }

    /// Where no file can be, in the variable that broker and tools read too: on no command line in any case.
    fn rabbitmq_cookie(&mut self, given: &Given<'_>) -> Result<(), Error> {
        const VARIABLE: &str = "RABBITMQ_ERLANG_COOKIE";
        const WRITABLE_HOME: &str = "set HOME to a folder that the user may write";
        let in_environment = given.raw.rabbitmq_erlang_cookie.as_deref();
        let Some((cookie, named_by)) = Self::the_cookie(given, (VARIABLE, in_environment))? else { return Ok(()) };
        let no_file = match given.cookie_mode {
            CookieMode::Args => Some(("BEAMINIT_COOKIE is args".to_owned(), "leave BEAMINIT_COOKIE unset")),
            _ => self.cookie_file(given, &cookie, &named_by)?.err().map(|reason| (reason, WRITABLE_HOME)),
        };
        match no_file {
            // It would win over the file, and each tool warns of it.
            None => self.removed.push(VARIABLE),
            Some((reason, hint)) => {
                let message = format!("the cookie stands in {VARIABLE}, which RabbitMQ means to drop: {reason}");
                self.warnings.push(Problem::new(message).hint(hint));
                self.set(VARIABLE, Value::secret(&cookie));
            }
        }
        self.cookie = Some(cookie);
        Ok(())
    }
}

/// As RabbitMQ reads a switch.
fn is_yes(text: &str) -> bool {
    ["1", "yes", "true"].iter().any(|yes| text.trim().eq_ignore_ascii_case(yes))
}

/// The node's name is the name of its data's folder as well: under another one a broker begins anew, without a word.
///
/// # Errors
/// There is data of the name that the broker had without us, and none of its new one.
fn has_no_data_elsewhere(raw: &RawEnv, name: &str, fqdn: &Fqdn) -> Result<(), Error> {
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
        "to go on as {short}, set RABBITMQ_NODENAME={short} and RABBITMQ_USE_LONGNAME=false; to begin anew, remove that folder"
    )))
}
