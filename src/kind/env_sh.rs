//! Shell files that a start script reads after us, a mix release's `env.sh` and RabbitMQ's `rabbitmq-env.conf`: what they
//! set, wins.
//!
//! Pure: no I/O, no clock.

use crate::command::assigned_lines;
use std::net::IpAddr;

/// A variable that the file sets, whatever it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    /// The variable.
    pub(super) variable: &'static str,
    /// The line's number, from 1.
    pub(super) line: usize,
}

/// The assignments to `ours`, the variables that we would set too, that override what is given. One that keeps a given
/// value (`${RELEASE_NODE:-…}`) is not one.
#[must_use]
pub(super) fn assignments(text: &str, ours: &[&'static str]) -> Vec<Assignment> {
    // Who asks whether it is given, keeps what is given.
    let asks = |variable: &str| {
        ["-z \"$", "-z \"${", "-z $", "-z ${"].iter().any(|test| text.contains(&format!("{test}{variable}")))
    };
    // What only a tool's branch sets is not the start's.
    let of_start = assigned_lines(text, &[("RELEASE_COMMAND", "start")]);
    let mut found = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        for variable in ours.iter().copied().filter(|variable| overrides(content, variable) && !asks(variable)) {
            if of_start.iter().any(|(name, at)| name == variable && *at == line) {
                found.push(Assignment { variable, line });
            }
        }
    }
    found
}

/// Whether the file might set this variable: it names it, or reads another file.
pub(super) fn may_set(text: &str, variable: &str) -> bool {
    let mut lines = text.lines().map(str::trim_start).filter(|line| !line.starts_with('#'));
    let reads_file = |line: &str| {
        let mut words = line.split([' ', '\t', ';', '&', '|']).filter(|word| !word.is_empty());
        words.any(|word| word == "." || word == "source" || word == "eval")
    };
    lines.any(|line| line.contains(variable) || reads_file(line))
}

/// Whether a text that names a node names it by an address.
pub(super) fn names_address(text: &str) -> bool {
    const ADDRESSES: [&str; 10] = [
        "POD_IP",
        ".pod.cluster.",
        "hostname -i",
        "hostname -I",
        "ip addr",
        "ip -",
        "ip route",
        "FLY_PRIVATE_IP",
        "fly-local-6pn",
        "getent ahosts",
    ];
    // `$NODE_IP`, `${LOCAL_IPV4}`
    let is_variable = |behind: &str| {
        let behind = behind.trim_start_matches('{');
        let end = behind.find(|next: char| !next.is_ascii_alphanumeric() && next != '_').unwrap_or(behind.len());
        let name = behind[..end].to_ascii_lowercase();
        name == "ip" || name.ends_with("_ip") || name.contains("_ipv")
    };
    ADDRESSES.iter().any(|address| text.contains(address))
        || host_of(text).parse::<IpAddr>().is_ok()
        || text.split('$').skip(1).any(is_variable)
}

/// Why no record need be awaited for a node whose name this text decides: it is named by an address, or not at all.
pub(super) fn not_distributed(text: &str) -> Option<&'static str> {
    let lines: Vec<_> = text.lines().collect();
    let of_start = assigned_lines(text, &[("RELEASE_COMMAND", "start")]).into_iter();
    let of_start: Vec<_> = of_start.filter_map(|(name, line)| Some((name, *lines.get(line - 1)?))).collect();
    let values = |variable: &str| -> Vec<_> {
        let set = of_start.iter().filter(|(name, _)| name == variable);
        set.filter_map(|(_, line)| Some(line.split_once(&format!("{variable}="))?.1)).collect()
    };
    if values("RELEASE_DISTRIBUTION").last().is_some_and(|value| value.trim_matches(['"', '\'']).starts_with("none")) {
        return Some("RELEASE_DISTRIBUTION=none");
    }
    // What a laptop gets, in one branch of two, says nothing of a pod.
    let is_local = |node: &str| matches!(host_of(node), "localhost" | "127.0.0.1");
    let nodes = values("RELEASE_NODE");
    let node = *nodes.iter().rfind(|node| !is_local(node)).or(nodes.last())?;
    // The address may be in another variable.
    let is_in_name = |name: &str| node.contains(&format!("${name}")) || node.contains(&format!("${{{name}"));
    let is_address = |(name, line): &(String, &str)| is_in_name(name) && names_address(line);
    let by_address = is_local(node) || names_address(node) || of_start.iter().any(is_address);
    by_address.then_some("it is named by an address")
}

/// Where one half of a name is set, which the other half of ours would not fit: a name without `RELEASE_DISTRIBUTION`, so a
/// short one, or `RELEASE_DISTRIBUTION=sname`.
pub(super) fn other_name_in<'t>(texts: &'t [(String, String)], env_sh: &str) -> Option<&'t str> {
    let is_short = |text: &str| text.contains("RELEASE_DISTRIBUTION=sname");
    let sets = |variable| texts.iter().find(|(_, text)| !assignments(text, &[variable]).is_empty());
    let node = sets("RELEASE_NODE").filter(|_| sets("RELEASE_DISTRIBUTION").is_none());
    let found = node.or_else(|| texts.iter().find(|(_, text)| is_short(text))).map(|(place, _)| place.as_str());
    let is_set_by_env_sh = is_short(env_sh) && !assignments(env_sh, &["RELEASE_DISTRIBUTION"]).is_empty();
    found.or_else(|| is_set_by_env_sh.then_some("env.sh"))
}

/// The host of a name as it is written, where it has no variable.
fn host_of(node: &str) -> &str {
    let word = node.split([' ', ';']).next().unwrap_or_default();
    word.rsplit('@').next().unwrap_or_default().trim_matches(['"', '\''])
}

fn overrides(line: &str, variable: &str) -> bool {
    line.match_indices(variable).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        let starts_word = before.is_none_or(|before| before.is_whitespace() || ";&|({".contains(before));
        let value = line.get(at + variable.len()..).and_then(|rest| rest.strip_prefix('='));
        starts_word && value.is_some_and(|value| !keeps_given(value, variable))
    })
}

fn keeps_given(value: &str, variable: &str) -> bool {
    let value = value.trim_start_matches('"');
    ["${", "$"].iter().any(|opening| {
        value
            .strip_prefix(opening)
            .and_then(|rest| rest.strip_prefix(variable))
            .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_'))
    })
}

#[cfg(test)]
mod tests;
