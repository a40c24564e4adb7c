//! What the operator learns of a start: the last word of one that failed, and the warnings of one that went on.

use super::vm::BOOT;
use super::{Ended, Pod, RunningPod, Stream};

/// In every test's environment where a secret belongs; no line may have it.
pub const SECRET: &str = "sesame-4711";
/// No error is longer.
const MAX_LINES: usize = 12;

/// What was said, line by line.
pub struct Reported {
    pub lines: Vec<String>,
}

/// Starts the pod, which fails with this code before its release runs, and gives its last word.
#[track_caller]
pub fn fails(pod: Pod, code: i32) -> Reported {
    let pod = pod.start();
    assert_eq!(pod.wait(BOOT), Ended::Code(code), "{:#?}", pod.log());
    let reported = last_word(&pod);
    assert!(!pod.log().iter().any(|line| line.text.contains("started ")), "nothing was started: {:#?}", pod.log());
    reported
}

/// The last word of a pod that has ended: in the termination log, and the end of its stderr.
#[track_caller]
pub fn last_word(pod: &RunningPod) -> Reported {
    let lines: Vec<_> = pod.termination_log().lines().map(str::to_owned).collect();
    assert!((1..=MAX_LINES).contains(&lines.len()), "{lines:#?}");
    assert!(lines[0].starts_with("beaminit: "), "{lines:#?}");
    let all = stderr(pod);
    assert!(!all.iter().any(|line| line.contains(SECRET)), "{all:#?}");
    println!("{}\n", lines.join("\n"));
    Reported { lines }
}

/// The warnings of a pod so far.
#[track_caller]
pub fn warnings(pod: &RunningPod) -> Reported {
    let all = stderr(pod);
    assert!(!all.iter().any(|line| line.contains(SECRET)), "{all:#?}");
    let lines: Vec<_> = all.into_iter().filter(|line| line.contains(": warning: ")).collect();
    println!("{}\n", lines.join("\n"));
    Reported { lines }
}

fn stderr(pod: &RunningPod) -> Vec<String> {
    pod.log().into_iter().filter(|line| line.stream == Stream::Stderr).map(|line| line.text).collect()
}

impl Reported {
    /// The first line names the cause, and the first hint the cure.
    #[track_caller]
    pub fn is(&self, cause: &str, cure: &str) {
        assert!(self.lines[0].contains(cause), "{cause:?} in {:#?}", self.lines);
        let hint = self.lines.iter().find_map(|line| line.strip_prefix("hint: "));
        assert!(hint.is_some_and(|hint| hint.contains(cure)), "{cure:?} in {:#?}", self.lines);
    }

    /// A warning names the cause, and behind it the cure.
    #[track_caller]
    pub fn warns(&self, cause: &str, cure: &str) {
        let found = self.lines.iter().any(|line| {
            line.split_once("; hint: ").is_some_and(|(said, hint)| said.contains(cause) && hint.contains(cure))
        });
        assert!(found, "{cause:?} and {cure:?} in {:#?}", self.lines);
    }
}
