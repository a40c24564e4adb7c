//! Which cookie the node has.

use super::flags::VmFlags;
use crate::error::cause;
use crate::file;
use crate::hand_over::state::State;
use std::path::{Path, PathBuf};

/// The variables by which a release's tools find its cookie.
const VARIABLES: [&str; 3] = ["RELEASE_COOKIE", "RELX_COOKIE", "COOKIE"];
/// The broker itself takes the cookie from there once its VM runs, whatever flags and files say.
const OF_BROKER: &str = "RABBITMQ_ERLANG_COOKIE";

/// The cookie of a broker's variable, otherwise on the VM's command line, otherwise in a file where the VM looks for it, otherwise in the state: the VM may run
/// as another user, whose files cannot be read.
///
/// # Errors
/// None is known. The reason has no part of a cookie.
pub(super) fn of_node(flags: &VmFlags, state: &State, run_dir: &Path) -> Result<String, String> {
    let of_broker = variable(state, OF_BROKER).filter(|cookie| state.kind == "rabbitmq" && !cookie.is_empty());
    if let Some(cookie) = of_broker.as_ref().or(flags.cookie.as_ref()) {
        return Ok(cookie.clone());
    }
    let mut reason = "the cookie is not known: the VM has no -setcookie and no cookie file".to_owned();
    for path in files(flags, state, run_dir) {
        match file::read_text(&path) {
            Ok(text) => return Ok(text.trim_end_matches(['\n', '\r']).to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => reason = format!("the cookie cannot be read: {}: {}", path.display(), cause(&error)),
        }
    }
    VARIABLES.iter().find_map(|name| variable(state, name)).ok_or(reason)
}

/// In the order in which the VM reads them.
fn files(flags: &VmFlags, state: &State, run_dir: &Path) -> Vec<PathBuf> {
    let home = flags.home.as_deref().map(Path::new);
    let config = variable(state, "XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.or_else(|| home.map(|home| home.join(".config")));
    let in_home = home.map(|home| home.join(".erlang.cookie"));
    // In the run directory if beaminit has written it.
    let in_config = [Some(run_dir), config.as_deref()].into_iter().flatten();
    in_home.into_iter().chain(in_config.map(|config| config.join("erlang/.erlang.cookie"))).collect()
}

fn variable(state: &State, name: &str) -> Option<String> {
    let (_, value) = state.variables.iter().find(|(found, _)| found.0 == name)?;
    value.0.to_str().map(ToOwned::to_owned)
}
