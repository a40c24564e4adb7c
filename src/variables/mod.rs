//! Every variable that is read or set, in one table (`table`): name, meaning, default, who else reads it.
//!
//! What the table yields: [`RawEnv`] and [`Config`], the names that are known, the rows of `explain`, and the tables of
//! the README's section on the environment. A new setting is one row of `table` and its use.

mod choices;
mod config;
mod env;
mod setting;
mod table;
#[cfg(test)]
mod tests;
mod unknown;

#[cfg(test)]
pub(crate) use choices::kind_names;
pub(crate) use choices::{CookieMode, RenderMode, RunOwner, SignalTarget, UnsetMode, WaitFailure, WaitPolicy};
pub use choices::{ReleaseSetting, WaitPeers};
pub use env::Env;
pub(crate) use table::DERIVED;
pub use table::{Config, OTHERS, POD, RELEASE, RawEnv, SETTINGS, Variable};
