//! What is waited for, and what DNS says of it now.

use super::facts::Wait;
use crate::context::Context;
use crate::hand_over::state::State;
use crate::identity::name::{Fqdn, NodeHost, NodeName};
use crate::plan::{self, Plan};
use crate::wait::sighting::{Confirmation, Observation, Sighting};
use crate::wait::{self, Awaited, Glance, list};
use std::path::PathBuf;

/// What a start waits for.
pub(super) fn awaited(context: &Context, plan: &Plan) -> Wait {
    let nothing_because = plan.wait.nothing_because.clone();
    let record = plan.wait.name.clone().map(|name| plan::record_to_await(context, name));
    Wait { nothing_because, ..record.as_ref().map(describe).unwrap_or_default() }
}

/// Looks once. What cannot be seen now is not an error: a start would wait for it.
pub(super) fn look(context: &Context, plan: &Plan, running: Option<&(State, PathBuf)>) -> Wait {
    // What runs may have a name, whatever the command that is asked about.
    let name = plan.wait.name.clone().or_else(|| running.and_then(|(state, _)| host(state)));
    let Some(name) = name else { return awaited(context, plan) };
    let awaited = plan::record_to_await(context, name);
    let wait = Wait { nothing_because: plan.wait.nothing_because.clone(), ..describe(&awaited) };
    match wait::glance(&awaited) {
        Ok(Glance::Published(sighting)) => Wait { published: Some(true), says: Some(seen(&sighting)), ..wait },
        Ok(Glance::Missing { observation, cause }) => Wait {
            published: (observation != Observation::Silence).then_some(false),
            says: Some(cause.sentence),
            hint: Some(cause.cure),
            ..wait
        },
        Err(error) => {
            let problem = error.problems.into_iter().next();
            let (says, hint) = problem.map_or((None, None), |problem| (Some(problem.message), problem.hint));
            Wait { says, hint, ..wait }
        }
    }
}

fn describe(awaited: &Awaited) -> Wait {
    Wait {
        name: Some(awaited.name.to_string()),
        addresses: awaited.own.iter().map(ToString::to_string).collect(),
        servers: awaited.servers.iter().map(ToString::to_string).collect(),
        ..Wait::default()
    }
}

/// The host of the node that runs.
pub(super) fn host(state: &State) -> Option<Fqdn> {
    match NodeName::parse(state.node.as_deref()?).ok()?.host() {
        NodeHost::Name(host) if host.is_dotted() => Some(host.clone()),
        _ => None,
    }
}

fn seen(sighting: &Sighting) -> String {
    let missing = sighting.missing.iter().map(|family| format!(", and no {family} address of this pod"));
    let missing: String = missing.collect();
    let others = match &sighting.confirmation {
        Confirmation::Agrees | Confirmation::Unknown => String::new(),
        Confirmation::Denied { ttl } => format!("; a cache denies it to others for up to {ttl}s"),
        Confirmation::Others { addresses, ttl } => {
            format!("; a cache gives others {} for up to {ttl}s", list(addresses, ", "))
        }
    };
    format!("it answers with {}{missing}{others}", list(&sighting.addresses, ", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::questions::Family;
    use std::net::IpAddr;
    use std::time::Duration;

    #[test]
    fn what_others_may_still_see_is_reported_beside_what_is_seen_here() {
        let [own, old]: [IpAddr; 2] = ["10.0.0.5", "10.0.0.9"].map(|text| text.parse().unwrap());
        let says = |confirmation, missing| {
            seen(&Sighting { addresses: vec![own], missing, after: Duration::ZERO, confirmation })
        };
        for nothing_to_say in [Confirmation::Agrees, Confirmation::Unknown] {
            assert_eq!(says(nothing_to_say, vec![]), "it answers with 10.0.0.5");
        }
        assert_eq!(
            says(Confirmation::Denied { ttl: 7 }, vec![Family::V6]),
            "it answers with 10.0.0.5, and no IPv6 address of this pod; a cache denies it to others for up to 7s"
        );
        assert_eq!(
            says(Confirmation::Others { addresses: vec![old], ttl: 9 }, vec![]),
            "it answers with 10.0.0.5; a cache gives others 10.0.0.9 for up to 9s"
        );
    }
}
