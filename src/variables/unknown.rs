//! Names that look like settings and are not.
//!
//! Pure: no I/O, no clock.

use super::{Config, Env};
use crate::error::Problem;

pub(super) const PREFIX: &str = "BEAMINIT_";

/// A misspelt setting would silently have no effect, so an unknown name is an error.
pub(super) fn unknown_names(env: &Env) -> Vec<Problem> {
    let is_unknown = |name: &&str| !Config::NAMES.contains(name) && !is_service_link(name);
    env.names().filter(|name| name.starts_with(PREFIX)).filter(is_unknown).map(unknown_name).collect()
}

fn unknown_name(name: &str) -> Problem {
    let close = close_settings(name);
    let cure = match close.as_slice() {
        [one] => format!("the nearest one is {one}: write that, or remove {name}"),
        _ => format!("the nearest ones are {}: write one of them, or remove {name}", close.join(" and ")),
    };
    Problem::new(format!("{name}: no such setting")).hint(cure)
}

/// All settings that may be meant. A single one would mislead: what `BEAMINIT_TIMEOUT` should mean may be the wait's
/// limit, and `BEAMINIT_STOP_TIMEOUT` kills releases.
fn close_settings(name: &str) -> Vec<&'static str> {
    let own = |setting: &'static str| setting.trim_start_matches(PREFIX);
    let given = name.trim_start_matches(PREFIX);
    let has_its_words = |setting| given.split('_').all(|word| own(setting).split('_').any(|other| other == word));
    let is_misspelt = |setting| strsim::osa_distance(own(setting), given) <= 2;
    let close: Vec<_> =
        Config::NAMES.iter().copied().filter(|setting| has_its_words(*setting) || is_misspelt(setting)).collect();
    if !close.is_empty() {
        return close;
    }
    let likeness = |setting| strsim::jaro_winkler(own(setting), given);
    let best = Config::NAMES.iter().copied().map(likeness).fold(0.0, f64::max);
    Config::NAMES.iter().copied().filter(|setting| likeness(setting) >= best - 0.05).collect()
}

/// Kubernetes sets variables for each service of the namespace; one named `beaminit-x` looks like a setting of ours.
fn is_service_link(name: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || has_port_number(name)
}

/// `…_PORT_<n>_…`, as in `BEAMINIT_X_PORT_80_TCP_ADDR`.
fn has_port_number(name: &str) -> bool {
    name.split("_PORT_").skip(1).any(|rest| {
        rest.split_once('_')
            .is_some_and(|(number, _)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(name: &str) -> String {
        unknown_names(&Env::from_pairs([(name, "1")])).remove(0).hint.unwrap()
    }

    #[test]
    fn every_setting_that_may_be_meant_is_named() {
        let rows = [
            ("BEAMINIT_WIAT", "one is BEAMINIT_WAIT:"),
            ("BEAMINIT_WAIT_TIMEOUTS", "one is BEAMINIT_WAIT_TIMEOUT:"),
            ("BEAMINIT_TIMEOUT", "ones are BEAMINIT_WAIT_TIMEOUT and BEAMINIT_STOP_TIMEOUT:"),
            ("BEAMINIT_FAILURE", "one is BEAMINIT_WAIT_FAILURE:"),
            ("BEAMINIT_SIGNAL", "ones are BEAMINIT_SIGNALS and BEAMINIT_SIGNAL_TARGET:"),
            ("BEAMINIT_LOG_LEVEL", "one is BEAMINIT_LOG:"),
        ];
        for (name, named) in rows {
            assert!(hint(name).starts_with(&format!("the nearest {named}")), "{name}: {}", hint(name));
        }
        for odd in ["BEAMINIT_", "BEAMINIT_X", "BEAMINIT_PASSWORD", "BEAMINIT__"] {
            assert!(hint(odd).starts_with("the nearest one"), "{odd}: {}", hint(odd));
        }
    }
}
