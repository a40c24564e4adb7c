//! Any TERMs at any time: the end is due once, and never before its time.

use std::time::Duration;

use beaminit::testing::{Due, Shutdown};

use super::input::Input;

/// The first byte says how long the release may take; each further pair is a pause and what happens then.
pub fn body(data: &[u8]) {
    let mut input = Input::new(data);
    let stop_timeout = Some(input.number(100)).filter(|seconds| *seconds > 0).map(|seconds| seconds as u64);
    let stop_timeout = stop_timeout.map(Duration::from_secs);
    let mut shutdown = Shutdown::new(stop_timeout);
    let (mut now, mut first_term, mut kills) = (Duration::ZERO, None, 0);
    while let Some(pause) = input.byte() {
        now += Duration::from_millis(u64::from(pause) * 40);
        if input.number(3) == 0 {
            first_term.get_or_insert(now);
            shutdown.term_sent(now);
            shutdown.set_look((input.number(2) == 1).then_some(now));
            continue;
        }
        let idle = shutdown.idle(now);
        let due = shutdown.due(now);
        assert_eq!(due != Due::Nothing, idle == Some(Duration::ZERO), "it sleeps exactly as long as nothing is due");
        match due {
            Due::Nothing => {}
            Due::Look => {
                first_term.expect("nothing is looked at before a TERM");
                shutdown.set_look((input.number(2) == 1).then_some(now));
            }
            Due::Kill => {
                kills += 1;
                let since = now.saturating_sub(first_term.expect("no end without a TERM"));
                assert!(stop_timeout.is_some_and(|timeout| since >= timeout), "killed after {since:?}");
            }
        }
    }
    assert!(kills <= 1, "killed {kills} times");
}
