//! Kinds of releases. Everything that is special about one is in its file: how it is recognised, which words of its
//! start script start a node, under which variables it finds vm.args, sys.config and cookie, and what it gets from us.
//!
//! To add a kind, write its file with a `KindSpec` and add it to `Kind::ALL` in table.rs.

mod command;
mod cookie;
mod decide;
mod distillery;
mod env_sh;
mod erl;
mod given_flags;
mod mix;
mod rabbitmq;
mod release;
mod relx;
mod spec;
mod table;
pub(crate) mod template_search;
#[cfg(test)]
mod tests;
mod vm_args_file;

pub(crate) use decide::{identity_variables, pass_unread, published_name};
pub(crate) use release::ReleaseQuery;
pub(crate) use spec::{HandOverInput, OwnVmArgs, ScriptRendering, Template};
pub use spec::{Kind, Release};
pub(crate) use table::{find_running_release, find_start};
