//! RabbitMQ's scripts take the node's name from the environment, and the VM its cookie from a file.

use super::{Given, HandOver, Value, data_error, published_name};
use crate::error::Error;
use crate::identity::name::{NodeHost, NodeName};

impl HandOver {
    pub(super) fn rabbitmq(&mut self, given: &Given<'_>) -> Result<(), Error> {
        let node = match (given.raw.rabbitmq_nodename.as_deref(), published_name(given.identity)) {
            (Some(given), _) => NodeName::parse(given)
                .map(Some)
                .map_err(|reason| data_error(format!("RABBITMQ_NODENAME={given} {reason}")))?,
            (None, Some(fqdn)) => {
                let node = NodeName::on_host("rabbit", fqdn)
                    .map_err(|reason| data_error(format!("the node name rabbit@{fqdn} {reason}")))?;
                self.set("RABBITMQ_NODENAME", node.to_string());
                self.named_by_us = true;
                Some(node)
            }
            (None, None) => None,
        };
        let is_long = node.as_ref().is_some_and(|node| matches!(node.host(), NodeHost::Name(host) if host.is_dotted()));
        if is_long && given.raw.rabbitmq_use_longname.is_none() {
            self.set("RABBITMQ_USE_LONGNAME", "true");
        }
        self.node = node;
        if let Some((cookie, named_by)) = Self::the_cookie(given, ("RABBITMQ_ERLANG_COOKIE", None))? {
            if self.cookie_as_asked(given, &cookie, &named_by)?.is_err() {
                self.set("RABBITMQ_ERLANG_COOKIE", Value::secret(&cookie));
            }
            self.cookie = Some(cookie);
        }
        Ok(())
    }
}
