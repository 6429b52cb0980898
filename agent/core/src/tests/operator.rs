//! The pause.

use alloc::borrow::ToOwned;

use super::machine::{EPOCH, Machine, build, host};
use crate::{Event, Phase, VerdictKind, Wall};
fn pause(machine: &Machine, length: Option<u64>) -> Event {
    let now = (EPOCH + machine.now).saturating_add_signed(machine.wall);
    let until = length.map(|length| Wall(now + length));
    Event::PauseRequested { until, reason: Some("work".to_owned()), by: "poby".to_owned() }
}

#[test]
fn a_pause_before_the_build_keeps_it_until_it_is_ended() {
    let mut machine = Machine::gating();
    let event = pause(&machine, None);
    machine.check(event, &[], &["paused"]);
    while machine.state.gate().in_flight.is_none() {
        machine.wait_until(machine.now + 5_000);
    }
    assert!(machine.checked(VerdictKind::Green).is_empty());
    machine.check(
        Event::ResumeRequested,
        &[build(3, 2, 'b')],
        &["next_deployment", "next_step", "deployment", "paused", "work", "shown"],
    );
}

#[test]
fn a_pause_while_it_builds_lets_it_build_and_no_more() {
    let mut machine = Machine::building();
    let event = pause(&machine, None);
    machine.check(event, &[], &["paused"]);
    assert!(machine.built('b', host('a', 'a')).is_empty());
    assert!(matches!(machine.phase(), Some(Phase::Ready { busy: false, .. })));
    let commands = machine.wait_until(machine.now + 40_000);
    assert!(commands.is_empty(), "{commands:?}");
}

#[test]
fn after_a_pause_the_build_brings_a_fresh_look_at_the_host() {
    let mut machine = Machine::built_and_paused();
    assert_eq!(machine.tell(Event::ResumeRequested), [build(4, 2, 'b')]);
    machine.built('b', host('d', 'd'));
    assert!(matches!(machine.phase(), Some(Phase::Activating { .. })));
    assert_eq!(
        machine.state.deployment().and_then(|it| it.built()).map(|it| it.previous.clone()),
        host('d', 'd').current
    );
}

#[test]
fn a_pause_does_not_keep_a_newer_green_tip_from_taking_the_place_of_what_waits() {
    let mut machine = Machine::built_and_paused();
    machine.sees('c');
    assert!(machine.checked(VerdictKind::Green).is_empty());
    assert_eq!(machine.phase(), None);
    assert_eq!(machine.tell(Event::ResumeRequested), [build(4, 3, 'c')]);
}

#[test]
fn a_pause_touches_neither_a_switch_nor_its_probes() {
    let mut machine = Machine::activating();
    let event = pause(&machine, None);
    machine.tell(event);
    machine.activated(crate::Exit::Code(0), host('b', 'b'));
    machine.wait_until(machine.now + 10_000);
    machine.probed(&[]);
    assert_eq!(machine.phase(), None);
    assert!(machine.state.ledger.paused.is_some());
}

#[test]
fn a_timed_pause_ends_by_itself() {
    let mut machine = Machine::built_and_paused();
    let event = pause(&machine, Some(30_000));
    machine.check(event, &[], &["paused", "pause_ends"]);
    assert!(machine.wait_until(machine.now + 29_999).is_empty());
    assert_eq!(machine.wait_until(machine.now + 1), [build(4, 2, 'b')]);
    assert_eq!(machine.state.ledger.paused, None);
}

#[test]
fn a_timed_pause_goes_on_over_a_restart_by_what_the_wall_clock_says() {
    let mut machine = Machine::built_and_paused();
    let event = pause(&machine, Some(600_000));
    machine.tell(event);
    let until = EPOCH + machine.now + 600_000;
    machine.restart(host('a', 'a'));
    let left = until - (EPOCH + machine.now).saturating_add_signed(machine.wall);
    assert_eq!(machine.state.pause_ends, Some(crate::Mono(machine.now + left)));
}

#[test]
fn a_timed_pause_that_ended_while_nobody_ran_is_over() {
    let mut machine = Machine::built_and_paused();
    let event = pause(&machine, Some(600_000));
    machine.tell(event);
    machine.wall += 86_400_000;
    assert!(machine.restart(host('a', 'a')).contains(&build(4, 2, 'b')));
    assert_eq!(machine.state.ledger.paused, None);
}

#[test]
fn a_wall_clock_that_is_set_changes_no_running_pause_and_makes_none_longer() {
    let mut machine = Machine::built_and_paused();
    let event = pause(&machine, Some(30_000));
    machine.tell(event);
    machine.wall += 86_400_000;
    assert!(machine.wait_until(machine.now + 10_000).is_empty());
    machine.wall -= 10 * 86_400_000;
    machine.restart(host('a', 'a'));
    assert_eq!(machine.state.pause_ends, Some(crate::Mono(machine.now + 30_000)));
}

#[test]
fn a_pause_without_an_end_survives_a_restart() {
    let mut machine = Machine::built_and_paused();
    machine.restart(host('a', 'a'));
    assert!(matches!(machine.phase(), Some(Phase::Ready { busy: false, .. })));
    assert!(machine.state.ledger.paused.is_some());
}

#[test]
fn to_end_a_pause_that_is_none_is_done_already() {
    assert_eq!(Machine::idle().ask(Event::ResumeRequested), Ok(()));
}
