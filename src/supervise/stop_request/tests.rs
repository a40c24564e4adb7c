use super::*;
use crate::supervise::process_tree::tests::What::{Dies, Survives, Vm};
use crate::supervise::process_tree::tests::{MAIN, Row, tree};
use crate::sys::TICKS_PER_SECOND;

/// Later than 60 s after the start of every process here.
const LATE: u64 = 1_000_000;
/// Less than 60 s after it.
const EARLY: u64 = 1000;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A stop that is asked for at second 0, looked at each second from then on.
struct Stop {
    request: StopRequest,
    ticks: u64,
}

impl Stop {
    fn ask(ticks: u64, rows: &[Row]) -> (Self, (Vec<i32>, bool)) {
        let mut request = StopRequest::default();
        let orders = request.ask(&tree(rows, ticks), s(0), SignalTarget::Main);
        (Self { request, ticks }, receivers(&orders))
    }

    fn look(&mut self, at: u64, rows: &[Row]) -> (Vec<i32>, bool) {
        receivers(&self.request.look(&tree(rows, self.ticks + at * TICKS_PER_SECOND), s(at)))
    }
}

fn receivers(orders: &Orders) -> (Vec<i32>, bool) {
    (orders.receivers.iter().map(|receiver| receiver.process.pid).collect(), orders.look_again)
}

fn nobody() -> Vec<i32> {
    Vec::new()
}

#[test]
fn a_main_child_that_is_a_vm_gets_term_once_or_again_while_it_may_be_booting() {
    let rows = [(MAIN, 1, Vm)];
    let (_, asked) = Stop::ask(LATE, &rows);
    assert_eq!(asked, (vec![MAIN], false));
    let (mut stop, asked) = Stop::ask(EARLY, &rows);
    assert_eq!(asked, (vec![MAIN], true));
    for at in 1..100 {
        assert_eq!(stop.look(at, &rows), (vec![MAIN], true));
    }
}

#[test]
fn a_command_gets_term_once_and_is_looked_at_while_a_vm_may_appear() {
    let rows = [(MAIN, 1, Survives), (8, MAIN, Dies)];
    let (mut stop, asked) = Stop::ask(LATE, &rows);
    assert_eq!(asked, (vec![MAIN], true));
    assert_eq!(stop.look(59, &rows), (nobody(), true));
    assert_eq!(stop.look(60, &rows), (nobody(), false));
    let (_, asked) = Stop::ask(LATE, &[(MAIN, 1, Dies)]);
    assert_eq!(asked.0, [MAIN], "no VM would be lost");
}

#[test]
fn a_wrapper_with_a_trap_is_left_alone_and_its_booting_vm_hears_again() {
    let rows = [(MAIN, 1, Survives), (8, MAIN, Vm)];
    let (mut stop, asked) = Stop::ask(LATE, &rows);
    assert_eq!(asked.0, [MAIN]);
    assert_eq!(stop.look(1, &rows).0, nobody());
    let (mut stop, asked) = Stop::ask(EARLY, &rows);
    assert_eq!(asked.0, [MAIN]);
    for at in 1..100 {
        assert_eq!(stop.look(at, &rows), (vec![8], true));
    }
}

#[test]
fn a_wrapper_that_would_die_is_spared_until_its_vm_has_ended_and_a_while_longer() {
    let rows = [(MAIN, 1, Dies), (8, MAIN, Vm), (9, 1, Vm)];
    let (mut stop, asked) = Stop::ask(LATE, &rows);
    assert_eq!(asked, (vec![8, 9], true));
    assert_eq!(stop.look(20, &rows), (nobody(), true));
    assert_eq!(stop.look(21, &rows[..2]), (nobody(), true));
    assert_eq!(stop.look(22, &rows[..1]), (nobody(), true));
    assert_eq!(stop.look(26, &rows[..1]), (nobody(), true));
    assert_eq!(stop.look(27, &rows[..1]), (vec![MAIN], true));
    assert_eq!(stop.look(28, &rows[..1]), (nobody(), true), "never twice");
}

#[test]
fn a_vm_that_a_wrapper_starts_next_gets_term_too() {
    let (mut stop, _) = Stop::ask(LATE, &[(MAIN, 1, Dies), (8, MAIN, Vm)]);
    let born = i32::try_from(LATE).unwrap() + 150;
    let rows = [(MAIN, 1, Dies), (born, MAIN, Vm)];
    assert_eq!(stop.look(2, &rows).0, [born]);
    assert_eq!(stop.look(3, &rows).0, [born]);
    assert_eq!(stop.look(7, &rows).0, [MAIN, born], "it would start one after the other");
}

#[test]
fn what_a_dead_main_child_leaves_gets_term_once() {
    let rows = [(MAIN, 1, Survives), (8, MAIN, Survives), (9, 8, Vm), (10, MAIN, Vm)];
    let (mut stop, asked) = Stop::ask(LATE, &rows);
    assert_eq!(asked.0, [MAIN]);
    let left = [(8, 1, Survives), (9, 8, Vm), (10, 1, Vm)];
    assert_eq!(stop.look(1, &left), (vec![8, 10], true));
    assert_eq!(stop.look(2, &left), (nobody(), true));
}

#[test]
fn a_wrapper_that_has_become_a_vm_gets_term_as_one() {
    let (mut stop, _) = Stop::ask(EARLY, &[(MAIN, 1, Survives)]);
    assert_eq!(stop.look(1, &[(MAIN, 1, Vm)]), (vec![MAIN], true));
}

#[test]
fn the_group_has_had_its_term_and_others_get_theirs() {
    let mut request = StopRequest::default();
    // The processes below the main child are in its group, others are not.
    let rows = [(MAIN, 1, Dies), (8, MAIN, Vm), (9, 8, Dies), (10, 1, Vm)];
    let orders = request.ask(&tree(&rows, LATE), s(0), SignalTarget::Group);
    assert_eq!(receivers(&orders).0, [10]);
}

#[test]
fn another_term_from_outside_goes_the_same_way() {
    let rows = [(MAIN, 1, Dies), (8, MAIN, Vm)];
    let (mut stop, _) = Stop::ask(LATE, &rows);
    assert_eq!(receivers(&stop.request.ask(&tree(&rows, LATE), s(3), SignalTarget::Main)).0, [8]);
}
