//! The release that runs in this container.

use super::facts::{RunningRow, Wait};
use super::{dns, epmd};
use crate::context::Context;
use crate::hand_over::state::State;
use crate::plan::Plan;
use crate::render;
use std::time::{Duration, SystemTime};

/// Says how it is.
pub(super) fn describe(state: &State, context: &Context, plan: &Plan, wait: &Wait) -> RunningRow {
    let since = SystemTime::UNIX_EPOCH + Duration::from_secs(state.written_at);
    #[expect(clippy::disallowed_methods, reason = "to be shown, not a deadline")]
    let seconds = SystemTime::now().duration_since(since).unwrap_or_default().as_secs();
    let is_looked_at = dns::host(state).is_some_and(|host| Some(host.to_string()) == wait.name);
    let port = context.environment.env.get("ERL_EPMD_PORT").and_then(|port| port.to_str());
    RunningRow {
        state: match state.main {
            None => "starting",
            Some(main) if main.lives() => "running",
            Some(_) => "ended",
        },
        pid: state.main.map(|main| main.pid),
        supervisor: state.supervisor.pid,
        since: humantime::format_rfc3339_seconds(since).to_string(),
        seconds,
        node: state.node.clone(),
        name_resolves: wait.published.filter(|_| is_looked_at),
        epmd: epmd::ask(&flags(context, plan), port, state.node.as_deref()),
    }
}

/// All texts by which the VM gets flags, those that win last.
fn flags(context: &Context, plan: &Plan) -> Vec<String> {
    let raw = &context.environment.raw;
    let own = plan.release.own_file("vm.args").and_then(|path| render::read_vm_args(&path)).map(|args| args.text);
    let files = plan.hand_over.files.iter().filter(|file| file.name == "vm.args");
    let files = files.map(|file| file.contents.clone());
    let environment = [&raw.erl_aflags, &raw.erl_flags, &raw.erl_zflags, &raw.elixir_erl_options];
    own.into_iter().chain(files).chain(environment.into_iter().flatten().cloned()).collect()
}
