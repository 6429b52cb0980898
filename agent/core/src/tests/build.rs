//! From the start of a build to what follows from it.

use alloc::borrow::ToOwned;

use super::machine::{Machine, activate, between, build, failure, host, revision, system};
use crate::{
    Ancestry, Baseline, BuildEnd, Cause, Command, DeploymentId, Event, HostView, Operation, Phase,
    ReasonCode, StepNumber, Tries, VerdictKind,
};
use pull_agent_protocol::Outcome;

fn last(machine: &Machine) -> (Outcome, Option<ReasonCode>) {
    let record = machine.state.ledger.history.last().expect("a deployment ended");
    (record.outcome, record.cause.as_ref().and_then(Cause::code))
}

#[test]
fn a_built_system_is_switched_to_and_what_ran_before_is_recorded() {
    let mut machine = Machine::building();
    let event =
        Event::Built { step: machine.step(), host: host('d', 'e'), end: BuildEnd::Built(system('b')) };
    machine.check(event, &[activate(4, 2, 'b', 'd')], &["next_step", "deployment", "host", "work", "shown"]);
    let current = machine.state.deployment().expect("a deployment");
    let phase = Phase::Activating { step: StepNumber(4), built: between('b', 'd'), killed: 0 };
    assert_eq!(current.phase, phase, "back to what ran, not to what was the profile");
}

#[test]
fn a_system_that_runs_and_boots_already_is_not_switched_to() {
    let mut machine = Machine::building();
    machine.built('a', host('a', 'a'));
    assert_eq!(last(&machine), (Outcome::Unchanged, None));
    assert_eq!(machine.state.ledger.deployed.as_ref().map(|d| d.revision.clone()), Some(revision('b')));
    assert_eq!(machine.state.wanted(), None);
}

#[test]
fn a_system_that_runs_but_does_not_boot_is_switched_to() {
    let mut machine = Machine::building();
    assert_eq!(
        machine.built('a', host('a', 'c')),
        [Command::Activate {
            step: StepNumber(4),
            deployment: DeploymentId(2),
            operation: Operation::Switch { revision: revision('b'), baseline: Baseline::Take },
            built: between('a', 'a'),
        }]
    );
}

#[test]
fn without_a_way_back_nothing_is_switched() {
    let mut machine = Machine::building();
    machine.built('b', HostView::default());
    assert_eq!(last(&machine), (Outcome::Failed, Some(ReasonCode::HostFault)));
    assert!(machine.state.ledger.held.is_empty());
}

#[test]
fn a_failure_for_good_holds_the_revision() {
    for class in [ReasonCode::BuildFailed, ReasonCode::Unclassified] {
        let mut machine = Machine::building();
        let event = Event::Built { step: machine.step(), host: host('a', 'a'), end: failure(class) };
        let changes = ["deployment", "wanted", "held", "history", "totals", "work", "shown"];
        machine.check(event, &[], &changes);
        assert_eq!(last(&machine), (Outcome::Failed, Some(class)));
        assert_eq!(machine.state.ledger.held[0].revision, revision('b'));
        assert_eq!(machine.state.ledger.held[0].reason, "failed: why");
        assert_no_build_within_a_day(machine);
    }
}

fn assert_no_build_within_a_day(mut machine: Machine) {
    let end = machine.now + 86_400_000;
    while machine.now < end {
        machine.poll();
        let commands = machine.polled('b');
        assert!(commands.is_empty(), "{commands:?}");
    }
}

#[test]
fn a_passing_failure_is_tried_again_without_end_but_ever_more_rarely() {
    let mut machine = Machine::building();
    let mut delays = alloc::vec::Vec::new();
    for _ in 0..7 {
        machine.build_failed(ReasonCode::Network);
        assert!(machine.state.ledger.held.is_empty());
        let failed = machine.now;
        while machine.phase().is_none() {
            let due =
                crate::deadline(&machine.policy, &machine.state, machine.clock()).expect("it is tried again");
            machine.now = due.0;
            machine.tell(Event::DeadlinePassed);
            if machine.state.poll().in_flight.is_some() {
                machine.polled('b');
            }
        }
        delays.push((machine.now - failed) / 1000);
    }
    assert_eq!(delays, [48, 96, 192, 384, 720, 720, 720]);
}

#[test]
fn a_stall_a_timeout_and_a_kill_are_tried_twice_and_then_held() {
    let ends = [
        (failure(ReasonCode::BuildStalled), ReasonCode::BuildStalled),
        (failure(ReasonCode::BuildTimeout), ReasonCode::BuildTimeout),
        (failure(ReasonCode::OutOfMemory), ReasonCode::OutOfMemory),
        (BuildEnd::Killed, ReasonCode::OutOfMemory),
    ];
    for (end, code) in ends {
        let mut machine = Machine::building();
        machine.build_ends(end.clone());
        assert!(machine.state.ledger.held.is_empty());
        machine.wait_until(machine.state.wanted().expect("wanted").retry_at.0);
        assert_eq!(machine.phase(), Some(&Phase::Building { step: StepNumber(4) }), "{end:?}");
        machine.build_ends(end);
        assert_eq!(machine.state.ledger.held[0].revision, revision('b'));
        assert_eq!(last(&machine), (Outcome::Failed, Some(code)));
    }
}

#[test]
fn a_failed_build_holds_up_no_other_revision() {
    let mut machine = Machine::building();
    machine.sees('c');
    machine.build_failed(ReasonCode::Network);
    assert_eq!(machine.checked(VerdictKind::Green), [build(4, 3, 'c')], "at once");
}

#[test]
fn a_newer_tip_forgets_the_failures_of_the_one_before() {
    let mut machine = Machine::building();
    machine.build_failed(ReasonCode::BuildStalled);
    machine.now += 2_000;
    machine.tell(Event::Nudged { revision: None });
    machine.polled('c');
    machine.fetched(Ancestry::Descendant);
    assert_eq!(machine.state.wanted().map_or(Tries::default(), |tip| tip.tries), Tries::default());
    assert_eq!(machine.checked(VerdictKind::Green), [build(4, 3, 'c')], "at once");
}

#[test]
fn a_newer_green_tip_takes_the_place_of_a_build() {
    let mut machine = Machine::building();
    machine.sees('c');
    assert!(machine.checked(VerdictKind::Pending).is_empty(), "a tip that is not green does not");
    machine.now += 20_000;
    machine.tell(Event::DeadlinePassed);
    assert_eq!(machine.checked(VerdictKind::Green), [Command::CancelBuild { step: StepNumber(3) }]);
    assert!(machine.tell(Event::DeadlinePassed).is_empty(), "told once");
    assert_eq!(machine.build_ends(BuildEnd::Cancelled), [build(4, 3, 'c')]);
    assert_eq!(last(&machine), (Outcome::Superseded, None));
    assert!(machine.state.ledger.held.is_empty());
}

#[test]
fn a_build_that_was_told_to_end_too_late_is_superseded_too() {
    let mut machine = Machine::building();
    machine.sees('c');
    machine.checked(VerdictKind::Green);
    assert_eq!(machine.built('b', host('a', 'a')), [build(4, 3, 'c')]);
    assert_eq!(last(&machine).0, Outcome::Superseded);
}

#[test]
fn a_build_that_was_told_to_end_is_taken_up_again_when_the_newer_tip_is_withdrawn() {
    let mut machine = Machine::building();
    machine.sees('c');
    machine.checked(VerdictKind::Green);
    machine.sees('b');
    assert_eq!(machine.build_ends(BuildEnd::Cancelled), [build(4, 2, 'b')]);
}

#[test]
fn a_build_of_what_was_taken_back_from_the_branch_is_ended() {
    let mut machine = Machine::building();
    machine.poll();
    assert_eq!(machine.polled('a'), [Command::CancelBuild { step: StepNumber(3) }], "the deployed one again");
    assert!(machine.build_ends(BuildEnd::Cancelled).is_empty());
    assert_eq!(last(&machine), (Outcome::Superseded, Some(ReasonCode::Withdrawn)));
    let record = machine.state.ledger.history.last().expect("it ended");
    assert_eq!(record.cause, Some(Cause::Withdrawn { tip: revision('a') }));
    assert!(machine.state.ledger.held.is_empty(), "it may come again");

    let mut machine = Machine::building();
    machine.sees_tip('c');
    let refused = machine.fetched(Ancestry::NotDescendant("no".to_owned()));
    assert_eq!(refused, [Command::CancelBuild { step: StepNumber(3) }], "what contains it would descend too");
    assert!(machine.state.gate().in_flight.is_none());
}

#[test]
fn what_waits_for_the_end_of_a_pause_or_of_a_busy_lock_can_be_taken_back() {
    for mut machine in [Machine::built_and_paused(), Machine::busy()] {
        // Before the lock is tried again.
        machine.now += 2_000;
        machine.tell(Event::Nudged { revision: None });
        machine.polled('a');
        assert_eq!(last(&machine), (Outcome::Superseded, Some(ReasonCode::Withdrawn)));
        assert_eq!(machine.state.deployment(), None);
    }
}

#[test]
fn what_the_operator_accepted_is_not_taken_back_by_what_may_contain_it() {
    let mut machine = Machine::idle();
    machine.tell(Event::AcceptRequested { revision: revision('b') });
    machine.sees_tip('b');
    machine.fetched(Ancestry::NotDescendant("no".to_owned()));
    assert_eq!(machine.checked(VerdictKind::Green), [build(3, 2, 'b')]);
    machine.sees_tip('c');
    assert!(machine.fetched(Ancestry::NotDescendant("no".to_owned())).is_empty());
}

#[test]
fn a_newer_green_tip_waits_for_the_end_of_a_switch() {
    for mut machine in [Machine::activating(), Machine::probing(), Machine::rolling_back()] {
        machine.sees('c');
        assert!(machine.checked(VerdictKind::Green).is_empty());
    }
}

#[test]
fn what_failed_is_remembered_while_the_branch_is_elsewhere() {
    let mut machine = Machine::building();
    machine.build_failed(ReasonCode::BuildStalled);
    for (tip, verdict) in [('c', VerdictKind::Red), ('b', VerdictKind::Green)] {
        // Well before b is tried again.
        machine.tell(Event::Nudged { revision: None });
        machine.sees(tip);
        machine.checked(verdict);
    }
    assert_eq!(machine.state.wanted().expect("b").tries, Tries { transient: 0, hard: 1 });
    assert!(machine.phase().is_none(), "it waits as it did before");
    machine.wait_until(machine.state.wanted().expect("b").retry_at.0);
    machine.build_failed(ReasonCode::BuildStalled);
    assert_eq!(machine.state.ledger.held[0].revision, revision('b'), "that was the second time");
}

#[test]
fn what_fails_when_the_branch_is_elsewhere_counts_when_it_is_back() {
    let mut machine = Machine::building();
    machine.sees('c');
    machine.checked(VerdictKind::Pending);
    machine.build_failed(ReasonCode::BuildStalled);
    assert!(machine.state.ledger.held.is_empty());
    machine = Machine { state: crate::State::from(machine.state.saved()), ..machine };
    machine.tell(Event::Started { host: host('a', 'a') });
    machine.sees('b');
    assert_eq!(machine.state.wanted().expect("b").tries, Tries { transient: 0, hard: 1 });
}

#[test]
fn a_retry_forgets_what_failed_elsewhere_too() {
    for revision_asked in [None, Some(revision('b'))] {
        let mut machine = Machine::building();
        machine.build_failed(ReasonCode::BuildStalled);
        machine.sees('c');
        machine.checked(VerdictKind::Red);
        assert_eq!(machine.ask(Event::RetryRequested { revision: revision_asked.clone() }), Ok(()));
        machine.tell(Event::RetryRequested { revision: revision_asked });
        machine.poll();
        machine.polled('b');
        assert_eq!(machine.state.wanted().expect("b").tries, Tries::default());
    }
}
