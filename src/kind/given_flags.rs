//! Names and cookies that others than beaminit give to the VM, in `ERL_FLAGS` and its like.
//!
//! Pure: no I/O, no clock.

use super::spec::HandOverInput;
use crate::hand_over::HandOver;
use crate::identity::name::{Distribution, NodeName};
use crate::render::vm_args::{NamedNode, NodeFlagSources};

/// All flags that the VM gets from others, in the order in which it reads them. `command_line` is what comes between,
/// by its name for messages.
pub(super) fn given_flags(input: &HandOverInput<'_>, command_line: (&str, &[String])) -> NodeFlagSources {
    let mut flags = NodeFlagSources::default();
    let add = |flags: &mut NodeFlagSources, variable: &str| {
        flags.add_variable(variable, input.raw.get(variable).unwrap_or_default());
    };
    add(&mut flags, "ERL_AFLAGS");
    add(&mut flags, "ELIXIR_ERL_OPTIONS");
    flags.add_command(command_line.0, command_line.1);
    add(&mut flags, "ERL_FLAGS");
    add(&mut flags, "ERL_ZFLAGS");
    flags
}

/// The node's name in `ERL_FLAGS` and its like.
pub(super) fn named_by_variables(input: &HandOverInput<'_>) -> Option<NamedNode> {
    given_flags(input, ("", &[])).named_node()
}

impl HandOver {
    /// Takes the name that flags give the node.
    pub(super) fn take_name(&mut self, named: &NamedNode) {
        self.has_short_name = named.distribution == Distribution::Short;
        self.node = named.parse();
    }
}

impl NamedNode {
    /// The name, if the VM accepts it.
    pub(super) fn parse(&self) -> Option<NodeName> {
        NodeName::parse(&self.name).ok()
    }
}

/// The start script gives the VM a name too.
pub(super) fn warn_of_second_name(plan: &mut HandOver, named: &NamedNode, other: &str) {
    let NamedNode { name, place, .. } = named;
    let message =
        format!("the VM gets two names, {name} of {place} and {other}; the release's tools look for the latter");
    plan.warn(message, format!("remove -name or -sname from {place}"));
}
