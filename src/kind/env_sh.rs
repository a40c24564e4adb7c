//! Shell files that a start script reads after us, a mix release's `env.sh` and RabbitMQ's `rabbitmq-env.conf`: what they
//! set, wins.
//!
//! Pure: no I/O, no clock.

/// A variable that the file sets, whatever it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    /// The variable.
    pub(super) variable: &'static str,
    /// The line's number, from 1.
    pub(super) line: usize,
}

/// The assignments to `ours`, the variables that we would set too, that override what is given. One that keeps a given
/// value (`${RELEASE_NODE:-…}`) is none.
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
    found.collect()
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
