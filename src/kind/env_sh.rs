//! Shell files that a start script reads after us, a mix release's `env.sh` and RabbitMQ's `rabbitmq-env.conf`: what they
//! set, wins.
//!
//! Pure: no I/O, no clock.

use crate::command::assigned_lines;

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
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#'));
    // Who asks whether it is given, keeps what is given.
    let asks = |variable: &str| {
        ["-z \"$", "-z \"${", "-z $", "-z ${"].iter().any(|test| text.contains(&format!("{test}{variable}")))
    };
    let unasked: Vec<_> = ours.iter().copied().filter(|variable| !asks(variable)).collect();
    let found = lines.flat_map(|(index, line)| {
        let sets = unasked.clone().into_iter().filter(move |variable| overrides(line, variable));
        sets.map(move |variable| Assignment { variable, line: index + 1 })
    });
    let mut found: Vec<_> = found.collect();
    // What only a tool's branch sets is not the start's.
    let of_start = assigned_lines(text, &[("RELEASE_COMMAND", "start")]);
    found.retain(|found| of_start.iter().any(|(name, line)| name == found.variable && *line == found.line));
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
    const ADDRESSES: [&str; 9] = [
        "POD_IP",
        "hostname -i",
        "hostname -I",
        "ip addr",
        "ip -",
        "ip route",
        "FLY_PRIVATE_IP",
        "fly-local-6pn",
        "getent ahosts",
    ];
    ADDRESSES.iter().any(|address| text.contains(address))
}

/// Why no record need be awaited for a node whose name this text decides: it is named by an address, or not at all.
pub(super) fn not_distributed(text: &str) -> Option<&'static str> {
    let of_start = assigned_lines(text, &[("RELEASE_COMMAND", "start")]);
    let lines: Vec<_> = text.lines().collect();
    let values = |variable: &'static str| {
        let lines = lines.clone();
        let set = of_start.iter().filter(move |(name, _)| name == variable);
        set.filter_map(move |(_, line)| {
            lines.get(line - 1)?.split_once(&format!("{variable}=")).map(|(_, value)| value)
        })
    };
    if values("RELEASE_DISTRIBUTION")
        .next_back()
        .is_some_and(|value| value.trim_matches(['"', '\'']).starts_with("none"))
    {
        return Some("env.sh sets RELEASE_DISTRIBUTION=none");
    }
    let node = values("RELEASE_NODE").next_back()?;
    // The address may be in another variable.
    let is_address = |(name, line): &&(String, usize)| {
        node.contains(&format!("${name}")) && lines.get(line - 1).is_some_and(|line| names_address(line))
            || node.contains(&format!("${{{name}")) && lines.get(line - 1).is_some_and(|line| names_address(line))
    };
    let by_address = names_address(node) || of_start.iter().any(|assigned| is_address(&assigned));
    by_address.then_some("env.sh names it by an address")
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
mod tests {
    use super::*;

    fn set(text: &str) -> Vec<(&'static str, usize)> {
        let ours = ["RELEASE_NODE", "RELEASE_DISTRIBUTION", "RELEASE_COOKIE"];
        assignments(text, &ours).into_iter().map(|found| (found.variable, found.line)).collect()
    }

    #[test]
    fn an_assignment_overrides_what_is_given() {
        assert_eq!(set("# x\nexport RELEASE_NODE=a@b\n"), [("RELEASE_NODE", 2)]);
        assert_eq!(
            set("RELEASE_DISTRIBUTION=name; export RELEASE_NODE=\"a@$(hostname -f)\""),
            [("RELEASE_NODE", 1), ("RELEASE_DISTRIBUTION", 1)]
        );
        assert_eq!(set("case $x in start*) RELEASE_COOKIE=x ;; esac"), [("RELEASE_COOKIE", 1)]);
        assert_eq!(set("export RELEASE_NODE=${RELEASE_NODE_NAME}"), [("RELEASE_NODE", 1)]);
    }

    #[test]
    fn what_only_tools_set_is_not_the_starts() {
        assert_eq!(set("case $RELEASE_COMMAND in\n  start*) ;;\n  *) export RELEASE_NODE=tool@x ;;\nesac\n"), []);
        assert_eq!(
            set("case $RELEASE_COMMAND in\n  start*|daemon*) RELEASE_NODE=a@x ;;\nesac\n"),
            [("RELEASE_NODE", 2)]
        );
        assert_eq!(set("if [ \"$RELEASE_COMMAND\" = remote ]; then\n  RELEASE_NODE=a@x\nfi\n"), []);
        assert_eq!(set("if [ \"$RELEASE_COMMAND\" != remote ]; then\n  RELEASE_NODE=a@x\nfi\n"), [("RELEASE_NODE", 2)]);
        assert_eq!(set("[ \"$RELEASE_COMMAND\" = rpc ] && RELEASE_NODE=a@x\n"), []);
        for unknown in ["\"$UNKNOWN\" = rpc", "-f /etc/node", "! -d /etc/node"] {
            assert_eq!(set(&format!("[ {unknown} ] && RELEASE_NODE=a@x\n")), [("RELEASE_NODE", 1)], "{unknown}");
        }
    }

    #[test]
    fn a_node_named_by_an_address_awaits_no_record() {
        let reason = not_distributed;
        for text in [
            "export RELEASE_DISTRIBUTION=name\nexport RELEASE_NODE=\"shop@$POD_IP\"\n",
            "export RELEASE_NODE=shop@$(hostname -i)\n",
            "ip=$(grep fly-local-6pn /etc/hosts | cut -f 1)\nexport RELEASE_NODE=$FLY_APP_NAME@$ip\n",
            "IP=`ip addr show eth0 | awk x`\nRELEASE_NODE=\"shop@${IP}\"\n",
        ] {
            assert_eq!(reason(text), Some("env.sh names it by an address"), "{text}");
        }
        assert_eq!(reason("export RELEASE_DISTRIBUTION=none\n"), Some("env.sh sets RELEASE_DISTRIBUTION=none"));
        for text in
            ["export RELEASE_NODE=shop@$(hostname -f)\n", "export RELEASE_DISTRIBUTION=name\n", "# POD_IP\n", ""]
        {
            assert_eq!(reason(text), None, "{text}");
        }
    }

    #[test]
    fn what_keeps_a_given_value_does_not() {
        for text in [
            "# export RELEASE_NODE=a@b",
            "  # RELEASE_NODE=a@b",
            "export RELEASE_NODE=\"${RELEASE_NODE:-a@b}\"",
            "export RELEASE_NODE=$RELEASE_NODE",
            "[ -z \"$RELEASE_NODE\" ] && export RELEASE_NODE=a@b",
            "if [ -z \"${RELEASE_NODE}\" ]; then\n  export RELEASE_NODE=a@b\nfi",
            ": ${RELEASE_NODE:=a@b}",
            "export RELEASE_NODE",
            "export MY_RELEASE_NODE=a@b",
            "echo $RELEASE_NODE",
        ] {
            assert_eq!(set(text), [], "{text}");
        }
    }
}
