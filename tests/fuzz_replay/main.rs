//! The fuzz bodies on stable Rust: the corpus again, then what proptest makes up.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends with a panic")]

#[allow(unreachable_pub, reason = "cargo-fuzz has them as a library")]
#[path = "../fuzz/bodies/mod.rs"]
mod bodies;

use std::fs;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, any};
use proptest::test_runner::TestRunner;

/// Every input that is kept for this target.
fn corpus(target: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no corpus for {target}");
    files
}

/// Runs the body with the corpus, then with so many `cases` of what is like it, and as many of any bytes.
fn replay(target: &str, cases: u32, longest: usize, body: impl Fn(&[u8])) {
    let kept: Vec<Vec<u8>> = corpus(target).iter().map(|file| fs::read(file).unwrap()).collect();
    for input in &kept {
        body(input);
    }
    let parts = vec((0..kept.len(), any::<u16>(), any::<u16>()), 1..6);
    let like_it = (parts, vec((any::<u16>(), any::<u8>()), 0..6));
    drive(cases, &like_it, |(parts, changes)| body(&made_of(&kept, &parts, &changes)));
    drive(cases, &vec(any::<u8>(), 0..longest), |input| body(&input));
}

fn drive<S: Strategy>(cases: u32, inputs: &S, body: impl Fn(S::Value)) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let run = |input| {
        body(input);
        Ok(())
    };
    TestRunner::new(config).run(inputs, run).unwrap();
}

/// Parts of what is kept, one behind the other, with some bytes replaced. A part is an input, where it begins and how
/// long it is.
fn made_of(kept: &[Vec<u8>], parts: &[(usize, u16, u16)], changes: &[(u16, u8)]) -> Vec<u8> {
    let part = |&(chosen, from, length): &(usize, u16, u16)| {
        let input = &kept[chosen];
        let from = usize::from(from) % (input.len() + 1);
        let length = usize::from(length) % (input.len() - from + 1);
        input[from..from + length].to_vec()
    };
    let mut made: Vec<u8> = parts.iter().flat_map(part).collect();
    for (place, byte) in changes {
        let length = made.len().max(1);
        if let Some(changed) = made.get_mut(usize::from(*place) % length) {
            *changed = *byte;
        }
    }
    made
}

#[test]
fn any_packet_is_survived_in_time() {
    replay("lookup", 15, 300, bodies::lookup::body);
}

#[test]
fn any_packet_is_read_or_refused() {
    replay("packet", 2000, 200, bodies::packet::body);
}

#[test]
fn the_machine_keeps_its_promises_whatever_happens() {
    replay("machine", 2000, 2000, bodies::machine::body);
}

#[test]
fn any_template_is_rendered_or_refused() {
    replay("template", 500, 200, bodies::text::template);
}

#[test]
fn any_vm_args_is_read_or_refused() {
    replay("vm_args", 500, 200, bodies::text::vm_args);
}

#[test]
fn any_sys_config_is_rendered_or_refused() {
    replay("sys_config", 500, 200, bodies::text::sys_config);
}

#[test]
fn any_hosts_file_is_read() {
    replay("hosts", 500, 200, bodies::text::hosts);
}

#[test]
fn any_resolv_conf_is_read() {
    replay("resolv_conf", 500, 200, bodies::text::resolv_conf);
}

#[test]
fn any_node_name_is_read_or_refused() {
    replay("node_name", 500, 80, bodies::text::node_name);
}

#[test]
fn any_setting_is_read_or_refused() {
    replay("settings", 500, 40, bodies::text::settings);
}

#[test]
fn any_release_is_found_or_said_not_to_be_whole() {
    replay("release", 300, 80, bodies::release::body);
}

#[test]
fn any_command_is_followed_in_time() {
    replay("command", 200, 200, bodies::command::body);
}

#[test]
fn the_end_is_due_once_and_in_time() {
    replay("shutdown", 2000, 200, bodies::shutdown::body);
}

#[test]
fn any_answer_of_a_port_is_read_or_refused() {
    replay("distribution", 2000, 300, bodies::distribution::body);
}

#[test]
fn any_state_is_read_or_refused() {
    replay("state", 500, 200, bodies::text::state);
}
