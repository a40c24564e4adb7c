//! Stage 7: what the release gets, files and variables, and how it is written. The kinds of releases decide what that is.

pub(crate) mod access;
pub(crate) mod announced_wait;
mod contents;
pub(crate) mod cookie;
pub(crate) mod run_dir;
pub(crate) mod state;
mod value;
mod write;

pub(crate) use contents::{
    CANCELLING_COOKIE, COOKIE_IN_A_FILE, HandOver, ReleaseVariables, RunFile, SYS_CONFIG, VM_ARGS, data_error,
    suffix_of,
};
pub(crate) use value::{Part, Value};
pub(crate) use write::{CleanupPaths, Written};
