//! Where a release is, which start script it has, which runtime system, and whether that can run here.

mod erts;
mod layout;
mod start_script;

pub use layout::ReleaseLayout;

pub(crate) use erts::{check_vm, installed_erts};
pub(crate) use layout::{locate, resolve_links};
pub(crate) use start_script::StartScript;
