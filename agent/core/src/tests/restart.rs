//! Crash, reboot and self-restart: one event.

use super::machine::{Machine, activate_again, build, host, revision, roll_back, uncounted};
use crate::{
    Ancestry, BuildEnd, Cause, Command, DeploymentId, Event, Exit, Millis, OnUnhealthy, Phase, ReasonCode,
    StepNumber, Tries, VerdictKind,
};
use pull_agent_protocol::{Outcome, Trigger};

/// What a new process asks for, but for the looks that it begins with.
fn taken_up(machine: &mut Machine, current: char) -> alloc::vec::Vec<Command> {
    let saved = uncounted(machine.state.saved());
    let mut commands = machine.restart(host(current, current));
    assert_eq!(uncounted(machine.state.saved()), saved, "a start alone decides nothing");
    assert!(commands.iter().any(|command| matches!(command, Command::Poll { .. })), "it polls at once");
    commands.retain(|command| !matches!(command, Command::Poll { .. } | Command::Fetch { .. }));
    commands
}

#[test]
fn the_same_step_is_asked_for_again_under_the_same_number() {
    assert_eq!(taken_up(&mut Machine::idle(), 'a'), []);
    assert_eq!(taken_up(&mut Machine::gating(), 'a'), []);
    assert_eq!(taken_up(&mut Machine::building(), 'a'), [build(3, 2, 'b')]);
    assert_eq!(taken_up(&mut Machine::built_and_paused(), 'a'), []);
    for current in ['a', 'b', 'f'] {
        assert_eq!(taken_up(&mut Machine::activating(), current), [activate_again(4, 2, 'b', 'a')]);
        assert_eq!(taken_up(&mut Machine::rolling_back(), current), [roll_back(5, 2, 'b', 'a')]);
    }
}

#[test]
fn the_answer_to_a_step_that_was_taken_up_counts() {
    let mut machine = Machine::activating();
    machine.restart(host('b', 'b'));
    machine.activated(Exit::Code(0), host('b', 'b'));
    assert!(matches!(machine.phase(), Some(Phase::Confirming { units_failed: false, .. })));
    let mut machine = Machine::rolling_back();
    machine.restart(host('a', 'a'));
    machine.activated(Exit::Code(0), host('a', 'a'));
    assert_eq!(machine.state.ledger.history.last().map(|r| r.outcome), Some(Outcome::RolledBack));
}

#[test]
fn a_build_that_died_with_the_agent_is_no_failure() {
    for end in [BuildEnd::Killed, BuildEnd::Cancelled] {
        let mut machine = Machine::building();
        machine.restart(host('a', 'a'));
        assert_eq!(machine.build_ends(end.clone()), [build(4, 2, 'b')]);
        assert_eq!(machine.state.wanted().map_or(Tries::default(), |tip| tip.tries), Tries::default());
        machine.build_ends(end);
        assert_eq!(machine.state.wanted().map(|tip| tip.tries.count()), Some(1), "it died alone this time");
    }
}

#[test]
fn probes_begin_anew_after_the_host_has_settled() {
    let mut machine = Machine::probing();
    machine.now += 100_000;
    assert_eq!(taken_up(&mut machine, 'b'), []);
    assert!(machine.wait_until(machine.now + 9_999).iter().all(|c| !matches!(c, Command::Probe { .. })));
    let commands = machine.wait_until(machine.now + 1);
    let probe = Command::Probe { look: machine.look(), deployment: DeploymentId(2) };
    assert!(commands.contains(&probe), "{commands:?}");
    machine.probed(&[]);
    assert_eq!(machine.state.ledger.history.last().map(|r| r.outcome), Some(Outcome::Deployed));
}

/// Lets every round of probes fail for so long, in milliseconds; whether the way back began.
fn ill_for(machine: &mut Machine, time: u64) -> bool {
    let until = machine.now + time;
    while machine.now < until {
        machine.wait_until(machine.now + 1_000);
        if matches!(machine.phase(), Some(Phase::RollingBack { .. })) {
            return true;
        }
        if machine.state.work().probes.is_some() {
            machine.probed(&["a unit failed"]);
        }
    }
    false
}

#[test]
fn the_deadline_of_the_probes_goes_on_through_restarts() {
    let mut machine = Machine::confirming();
    assert!(!ill_for(&mut machine, 70_000), "of 120 s");
    machine.restart(host('b', 'b'));
    assert!(!ill_for(&mut machine, 40_000), "at least ten of them are left");
    assert!(ill_for(&mut machine, 25_000), "not 120 s more");
}

#[test]
fn what_is_left_of_no_time_is_one_round_of_probes() {
    for (failures, passed) in [(&[][..], true), (&["a unit failed"][..], false)] {
        let mut machine = Machine::confirming();
        assert!(!ill_for(&mut machine, 118_000));
        machine.policy.health_deadline = Millis(60_000);
        machine.restart(host('b', 'b'));
        machine.wait_until(machine.now + 10_000);
        assert!(machine.state.work().probes.is_some(), "the host has settled");
        machine.probed(failures);
        machine.wait_until(machine.now + 2_000);
        let goes_back = matches!(machine.phase(), Some(Phase::RollingBack { .. }));
        assert_eq!(goes_back, !passed);
        assert_eq!(machine.state.ledger.base() == Some(&revision('b')), passed);
    }
}

#[test]
fn a_system_under_which_no_agent_lives_is_not_kept() {
    let mut machine = Machine::confirming();
    for _ in 0..4 {
        assert_eq!(taken_up(&mut machine, 'b'), []);
        machine.wait_until(machine.now + 9_000);
    }
    let commands = machine.restart(host('b', 'b'));
    assert!(commands.contains(&roll_back(5, 2, 'b', 'a')), "at the fifth start: {commands:?}");
    machine.activated(Exit::Code(0), host('a', 'a'));
    let last = machine.state.ledger.history.last().expect("a record");
    assert_eq!(last.outcome, Outcome::RolledBack);
    assert_eq!(last.cause.as_ref().map(Cause::sentence), Some(Cause::AgentDied { starts: 5 }.sentence()));

    let mut machine = Machine::confirming();
    machine.policy.on_unhealthy = OnUnhealthy::Report;
    for _ in 0..5 {
        machine.restart(host('b', 'b'));
    }
    let last = machine.state.ledger.history.last().expect("a record");
    assert_eq!(last.outcome, Outcome::Degraded, "where illness is only reported, so is this");

    let mut machine = Machine::confirming();
    for _ in 0..12 {
        assert_eq!(taken_up(&mut machine, 'b'), [], "a round of probes has ended each time");
        machine.policy.health_deadline = Millis(600_000);
        machine.wait_until(machine.now + 10_000);
        machine.probed(&["a unit failed"]);
    }
}

#[test]
fn a_host_that_runs_the_system_before_again_was_not_confirmed() {
    let mut machine = Machine::confirming();
    let commands = machine.restart(host('a', 'b'));
    assert!(commands.contains(&roll_back(5, 2, 'b', 'a')), "{commands:?}");
    machine.activated(Exit::Code(0), host('a', 'a'));
    assert_eq!(machine.state.ledger.history.last().map(|r| r.outcome), Some(Outcome::RolledBack));
    assert_eq!(machine.state.ledger.held[0].revision, revision('b'));
}

#[test]
fn a_busy_switch_looks_at_the_host_again() {
    let mut machine = Machine::busy();
    machine.restart(host('a', 'a'));
    let commands = machine.wait_until(machine.now + 10_000);
    assert!(commands.contains(&build(5, 2, 'b')), "{commands:?}");
}

#[test]
fn what_was_green_is_asked_again() {
    let mut machine = Machine::idle();
    machine.tell(Event::PauseRequested { until: None, reason: None, by: "poby".into() });
    machine.sees('b');
    machine.checked(VerdictKind::Green);
    machine.restart(host('a', 'a'));
    assert!(machine.tell(Event::ResumeRequested).is_empty());
    machine.polled('b');
    machine.fetched(Ancestry::Descendant);
    assert_eq!(machine.phase(), None);
    assert_eq!(machine.checked(VerdictKind::Green), [build(3, 2, 'b')]);
}

#[test]
fn what_a_former_process_wanted_is_not_deployed_before_the_branch_was_looked_at() {
    let mut machine = Machine::gating();
    machine.restart(host('a', 'a'));
    machine.fetched(Ancestry::Descendant);
    assert!(machine.checked(VerdictKind::Green).is_empty());
    let mut moved = machine.clone();
    assert_eq!(machine.polled('b'), [build(3, 2, 'b')]);
    moved.polled('c');
    assert_eq!((moved.phase(), moved.state.wanted().and_then(|tip| tip.verdict()).cloned()), (None, None));
}

#[test]
fn a_back_off_begins_anew_but_is_not_forgotten() {
    let mut machine = Machine::building();
    machine.build_failed(ReasonCode::Network);
    machine.wait_until(machine.state.wanted().expect("wanted").retry_at.0);
    machine.build_failed(ReasonCode::Network);
    machine.restart(host('a', 'a'));
    assert_eq!(machine.state.wanted().expect("wanted").retry_at.0 - machine.now, 96_000);
}

#[test]
fn holds_and_refusals_outlive_the_process() {
    let mut machine = Machine::building();
    machine.build_failed(ReasonCode::BuildFailed);
    machine.restart(host('a', 'a'));
    machine.polled('b');
    machine.fetched(Ancestry::Descendant);
    assert!(machine.state.gate().in_flight.is_none());
}

#[test]
fn the_first_look_of_a_process_has_its_own_trigger() {
    let mut machine = Machine::idle();
    machine.restart(host('a', 'a'));
    machine.polled('b');
    assert_eq!(machine.state.wanted().map(|wanted| wanted.trigger), Some(Trigger::Start));
}

#[test]
fn numbers_of_steps_are_never_used_twice() {
    let mut machine = Machine::rolling_back();
    assert_eq!(machine.step(), StepNumber(5));
    machine.restart(host('b', 'b'));
    machine.activated(Exit::Killed, host('b', 'b'));
    let commands = machine.wait_until(machine.now + 5_000);
    assert!(commands.contains(&roll_back(6, 2, 'b', 'a')), "{commands:?}");
}
