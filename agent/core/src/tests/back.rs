//! The way back.

use super::machine::{Machine, before, build, host, revision, roll_back, system};
use crate::{Ancestry, Command, Event, Exit, Millis, Phase, ReasonCode};
use pull_agent_protocol::{Outcome, Phase as PhaseName};

fn outcome(machine: &Machine) -> Outcome {
    machine.state.ledger.history.last().expect("a deployment ended").outcome
}

/// Answers, waits for the next try and returns it.
fn again(machine: &mut Machine, exit: Exit, next: u64) -> alloc::vec::Vec<Command> {
    assert!(machine.activated(exit, host('b', 'b')).is_empty());
    machine.now = next.max(machine.state.work().next.0);
    let mut commands = machine.tell(Event::DeadlinePassed);
    commands.retain(|command| matches!(command, Command::Activate { .. }));
    commands
}

#[test]
fn it_worked_when_the_recorded_system_runs_and_boots_whatever_the_exit_code() {
    for exit in [Exit::Code(0), Exit::Code(4), Exit::Signal(9), Exit::Busy, Exit::Killed] {
        let mut machine = Machine::rolling_back();
        let event = Event::Activated { step: machine.step(), exit, host: host('a', 'a') };
        machine.check(
            event,
            &[],
            &["deployment", "wanted", "held", "history", "totals", "host", "work", "shown"],
        );
        let record = machine.state.ledger.history.last().expect("it ended");
        assert_eq!((record.outcome, record.phase), (Outcome::RolledBack, Some(PhaseName::Activating)));
        assert_eq!(record.previous, Some(system('a')));
        let hold = &machine.state.ledger.held[0];
        assert_eq!(hold.revision, revision('b'));
        assert_eq!(
            hold.reason,
            "rolled back: the switch ended with exit code 2 (the activation script failed)"
        );
        assert_eq!(machine.state.ledger.deployed.as_ref().map(|d| d.revision.clone()), Some(revision('a')));
    }
}

#[test]
fn an_exit_code_of_nought_alone_is_no_proof() {
    for view in [host('b', 'a'), host('a', 'b'), host('c', 'a')] {
        let mut machine = Machine::rolling_back();
        assert!(machine.activated(Exit::Code(0), view).is_empty());
        assert!(matches!(machine.phase(), Some(Phase::RollingBack { failed: 1, .. })));
    }
}

#[test]
fn it_is_tried_three_times_and_then_the_host_is_broken() {
    let mut machine = Machine::rolling_back();
    assert_eq!(again(&mut machine, Exit::Code(1), 0), [roll_back(6, 2, 'b', 'a')]);
    let not_set = before(ReasonCode::ActivationFailed, "nix-env failed");
    assert_eq!(again(&mut machine, not_set, 0), [roll_back(7, 2, 'b', 'a')]);
    machine.activated(Exit::Code(1), host('b', 'b'));
    assert_eq!(outcome(&machine), Outcome::Broken);
    let hold = &machine.state.ledger.held[0];
    assert!(hold.reason.contains("the way back failed 3 times"), "{}", hold.reason);
}

#[test]
fn a_busy_lock_or_a_full_disk_is_waited_for_much_longer() {
    for exit in [Exit::Busy, before(ReasonCode::DiskFull, "no space left on device")] {
        let mut machine = Machine::rolling_back();
        for number in 6..35 {
            assert_eq!(again(&mut machine, exit.clone(), 0), [roll_back(number, 2, 'b', 'a')]);
        }
        machine.activated(exit, host('b', 'b'));
        assert_eq!(outcome(&machine), Outcome::Broken);
    }
}

#[test]
fn tries_wait_five_seconds_and_then_longer() {
    let mut machine = Machine::rolling_back();
    machine.activated(Exit::Busy, host('b', 'b'));
    assert_eq!(machine.state.work().next.0 - machine.now, 4_000, "5 s less a fifth");
    machine.wait_until(machine.now + 4_000);
    machine.activated(Exit::Busy, host('b', 'b'));
    assert_eq!(machine.state.work().next.0 - machine.now, 8_000);
}

#[test]
fn a_pause_does_not_keep_a_broken_host_waiting() {
    let mut machine = Machine::rolling_back();
    machine.tell(Event::PauseRequested { until: None, reason: None, by: "poby".into() });
    assert_eq!(again(&mut machine, Exit::Code(1), 0), [roll_back(6, 2, 'b', 'a')]);
}

#[test]
fn what_a_failed_way_back_left_running_is_probed_although_it_was_confirmed_at_another_time() {
    let mut machine = Machine::rolling_back();
    machine.state.ledger.deployed.as_mut().expect("a is").system = system('b');
    again(&mut machine, Exit::Code(1), 0);
    again(&mut machine, Exit::Code(1), 0);
    machine.activated(Exit::Code(1), host('b', 'b'));
    machine.now += 2_000;
    machine.tell(Event::RetryRequested { revision: None });
    machine.fetched(Ancestry::Descendant);
    machine.built('b', host('b', 'b'));
    assert!(matches!(machine.phase(), Some(Phase::Confirming { .. })), "its last activation failed");
}

#[test]
fn what_a_failed_way_back_left_running_is_probed_before_it_counts() {
    let mut machine = Machine::rolling_back();
    again(&mut machine, Exit::Code(1), 0);
    again(&mut machine, Exit::Code(1), 0);
    machine.activated(Exit::Code(1), host('b', 'b'));
    assert_eq!(outcome(&machine), Outcome::Broken);
    machine.now += 2_000;
    machine.tell(Event::RetryRequested { revision: None });
    assert_eq!(machine.fetched(Ancestry::Descendant), [build(8, 3, 'b')]);
    machine.built('b', host('b', 'b'));
    assert!(matches!(machine.phase(), Some(Phase::Confirming { .. })), "it was never confirmed");
    machine.policy.health_deadline = Millis(0);
    assert_eq!(machine.tell(Event::DeadlinePassed), [roll_back(9, 3, 'b', 'a')], "to what ran before");
}
