//! RabbitMQ's scripts, as they lie in the `sbin` of its own archive (in the stock image /opt/rabbitmq/sbin) and behind the
//! links of Debian's /usr/lib/rabbitmq/bin.

use super::home::{behind_links, locate};
use super::kind::beginning;
use std::ffi::OsStr;
use std::path::Path;

/// One of the scripts that all begin with `rabbitmq-env`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// It becomes a broker.
    Server,
    /// It speaks to one, or changes what one will read, as `rabbitmqctl` and `rabbitmq-plugins` do.
    Tool,
}

impl Script {
    /// Which one `file` is, whatever its own name. Debian's wrappers in /usr/sbin are none: as root they change the user,
    /// and their broker gets neither our signals nor our stdout.
    pub(super) fn of(file: &Path) -> Option<Self> {
        let file = behind_links(file).unwrap_or_else(|| file.to_owned());
        let siblings = ["rabbitmq-env", "rabbitmq-defaults"];
        if !siblings.iter().all(|name| file.with_file_name(name).is_file()) {
            return None;
        }
        let text = beginning(&file);
        let what = if text.contains("RABBITMQ_SERVER_START_ARGS") { Self::Server } else { Self::Tool };
        text.contains("rabbitmq-env").then_some(what)
    }
}

/// Whether `program` is a script that becomes the broker whose start script is its `argument`, once it has done what it is
/// for: the stock image's `docker-entrypoint.sh rabbitmq-server`.
pub(super) fn is_entrypoint(program: &Path, argument: &OsStr, path: Option<&OsStr>) -> bool {
    beginning(program).starts_with("#!")
        && locate(argument, path).is_some_and(|given| Script::of(&given) == Some(Script::Server))
}
