//! What must hold at the end of every life.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::life::Life;
use super::schedule::{CRASH_DUMP, Schedule, Surroundings};
use super::support::Ended;
use super::support::talk;

/// What was not kept, a sentence each.
pub(crate) fn broken(schedule: &Schedule, life: &Life) -> Vec<String> {
    let checks = [
        the_end(schedule, life),
        the_starts(schedule, life),
        (!life.zombies.is_empty()).then(|| format!("not reaped: {:?}", life.zombies)),
        (!life.leaks.is_empty()).then(|| format!("the cookie can be read by others: {:?}", life.leaks)),
        life.log().contains(talk::COOKIE).then(|| "the cookie is in the log".into()),
        (life.config() != talk::VM_ARGS).then(|| "the configuration was changed".into()),
        life.vm_args.as_deref().and_then(half_written),
    ];
    checks.into_iter().flatten().collect()
}

/// The container ends, and with a code that is true.
fn the_end(schedule: &Schedule, life: &Life) -> Option<String> {
    let Some(ended) = life.ended else {
        // A VM that lacks memory or threads may hang for ever; it got TERM all the same.
        return (life.vm().is_none() || !schedule.is_hard()).then(|| "a TERM was lost: it does not end".into());
    };
    let Ended::Code(code) = ended else {
        // Signals of the kernel come back as 128+n from PID 1 too.
        return Some(format!("we were killed: {ended:?}"));
    };
    let ends_with = |signal: i32, code: i32| code == 128 + signal || (signal, code) == (CRASH_DUMP, 1);
    let is_stop = |code: i32| schedule.signals().any(|signal| ends_with(signal, code)) || code == 143;
    let is_failure = [64, 65, 66, 69, 71, 73, 78, 126, 127].contains(&code);
    let log = life.log();
    let said = log.lines().rev().find_map(|line| line.split_once(" ended "));
    if schedule.surroundings == Surroundings::NoStderr || schedule.surroundings == Surroundings::FullStderr {
        return (code != 0 && !is_stop(code) && !schedule.is_hard()).then(|| format!("ended with {code}"));
    }
    match said {
        Some((_, how)) => {
            let says_so = how.contains(&format!("with code {code} ")) || (code > 128 && how.contains("by signal "));
            if !says_so {
                return Some(format!("ended with {code}, and said: {how}"));
            }
            (code != 0 && !is_stop(code) && !schedule.is_hard()).then(|| format!("the release ended with {code}"))
        }
        None if is_stop(code) => {
            (!log.contains("before the release was started") && !log.is_empty() && !schedule.is_hard())
                .then(|| format!("ended with {code} without a word"))
        }
        None => {
            (!(is_failure && schedule.is_hard())).then(|| format!("ended with {code} before the release was started"))
        }
    }
}

/// One release or none, and not before its record.
fn the_starts(schedule: &Schedule, life: &Life) -> Option<String> {
    let starts = life.starts();
    if starts.len() > 1 || life.vms > 1 {
        return Some(format!("started {} times, {} VMs", starts.len(), life.vms));
    }
    let is_early = life.was_early || starts.iter().any(|at| *at < life.published);
    is_early.then(|| format!("started before its record: published at {:?}", schedule.published_at))
}

/// A rendered file is whole.
fn half_written(vm_args: &str) -> Option<String> {
    (!vm_args.ends_with("-smp auto\n")).then(|| format!("a rendered file is not whole: {vm_args:?}"))
}

/// Every file below `root`, with its text.
pub(crate) fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                directories.push(path);
            } else {
                let text = fs::read(&path).unwrap_or_default();
                files.insert(path, text);
            }
        }
    }
    files
}
