//! What is remembered of deployments that ended: holds, tries, history, totals.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::machine::{Machine, build, host, revision};
use crate::policy::MOST_HOLDS;
use crate::{
    Ancestry, Command, DeploymentId, Event, Exit, Millis, PHASE_BUCKETS, ReasonCode, Refusal, Revision,
    Tries, VerdictKind,
};
use pull_agent_protocol::{Outcome, Phase as PhaseName, Trigger};

/// Revision b does not build.
fn held() -> Machine {
    let mut machine = Machine::building();
    machine.build_failed(ReasonCode::BuildFailed);
    assert!(machine.state.deployment().is_none(), "it was green, and is not built again");
    machine
}

#[test]
fn a_held_revision_is_not_even_asked_about() {
    let mut machine = held();
    let end = machine.now + 86_400_000;
    while machine.now < end {
        machine.poll();
        assert!(machine.polled('b').is_empty());
        assert!(machine.state.deployment().is_none());
    }
}

#[test]
fn a_held_revision_that_comes_back_is_still_held() {
    let mut machine = held();
    machine.sees('c');
    machine.checked(VerdictKind::Red);
    machine.sees('b');
    // Questions keep their distance: one might be due only later.
    let end = machine.now + 86_400_000;
    while machine.now < end {
        assert!(machine.state.gate().in_flight.is_none());
        machine.poll();
        assert!(machine.polled('b').is_empty());
    }
}

#[test]
fn a_retry_of_all_and_one_of_this_forget_the_hold() {
    for named in [None, Some('b')] {
        let mut machine = held();
        machine.now += 2_000;
        let commands = machine.tell(Event::RetryRequested { revision: named.map(revision) });
        let looks = commands.iter().any(|c| matches!(c, Command::Fetch { .. }));
        assert!(looks, "the clone may be what was wrong: {commands:?}");
        let commands = machine.fetched(Ancestry::Descendant);
        assert!(commands.iter().any(|c| matches!(c, Command::Build { .. })), "{named:?}: {commands:?}");
        assert!(machine.state.ledger.held.is_empty());
        let current = machine.state.deployment().expect("built again");
        assert_eq!((current.id, current.candidate.trigger), (DeploymentId(3), Trigger::Operator));
    }
}

#[test]
fn a_retry_of_what_could_not_be_tried_again_is_refused_and_changes_nothing() {
    let mut machine = held();
    let retry = |digit| Event::RetryRequested { revision: Some(revision(digit)) };
    let refusal = machine.ask(retry('c')).expect_err("nobody knows c");
    assert_eq!(refusal, Refusal::NotHeld { revision: revision('c') });
    assert!(refusal.to_string().starts_with("cccccccccccccccccccccccccccccccccccccccc is not held here"));
    machine.check_ignored(retry('c'));
    assert_eq!(machine.ask(retry('b')), Ok(()));
    assert_eq!(machine.ask(Event::RetryRequested { revision: None }), Ok(()));
}

#[test]
fn a_retry_of_what_is_wanted_is_none_to_be_refused() {
    let retry = |digit| Event::RetryRequested { revision: Some(revision(digit)) };
    assert_eq!(Machine::gating().ask(retry('b')), Ok(()), "wanted");
    let mut machine = Machine::building();
    machine.build_failed(ReasonCode::Network);
    assert_eq!(machine.ask(retry('b')), Ok(()), "waits to be tried again");
}

#[test]
fn a_retry_forgets_the_back_off() {
    let mut machine = Machine::building();
    machine.build_failed(ReasonCode::Network);
    machine.now += 2_000;
    machine.tell(Event::RetryRequested { revision: Some(revision('b')) });
    assert_eq!(machine.fetched(Ancestry::Descendant), [build(4, 3, 'b')]);
    assert_eq!(machine.state.wanted().map_or(Tries::default(), |tip| tip.tries), Tries::default());
}

#[test]
fn a_descendant_is_deployed_although_the_one_before_is_held_and_ends_its_hold_when_confirmed() {
    let mut machine = held();
    machine.sees_tip('c');
    machine.fetched_containing(&['b']);
    assert_eq!(machine.checked(VerdictKind::Green), [build(4, 3, 'c')]);
    assert!(machine.state.ledger.is_held(&revision('b')), "not before it is confirmed");
    machine.built('c', host('a', 'a'));
    machine.activated(Exit::Code(0), host('c', 'c'));
    machine.wait_until(machine.now + 10_000);
    machine.probed(&[]);
    assert!(machine.state.ledger.held.is_empty());
}

#[test]
fn a_revision_that_does_not_contain_a_held_one_leaves_its_hold_alone() {
    let mut machine = held();
    machine.sees_tip('c');
    let asked = machine.state.fetch().in_flight.is_some();
    assert!(asked, "c is compared");
    machine.fetched_containing(&[]);
    machine.checked(VerdictKind::Green);
    machine.built('c', host('a', 'a'));
    machine.activated(Exit::Code(0), host('c', 'c'));
    machine.wait_until(machine.now + 10_000);
    machine.probed(&[]);
    assert_eq!(machine.state.ledger.deployed.as_ref().map(|it| &it.revision), Some(&revision('c')));
    assert!(
        machine.state.ledger.is_held(&revision('b')),
        "b was set aside by the branch, and is as bad as before"
    );
}

#[test]
fn a_fetch_asks_about_what_is_held_and_about_what_is_being_deployed() {
    let mut machine = held();
    machine.sees('c');
    machine.checked(VerdictKind::Green);
    machine.poll();
    let commands = machine.polled('d');
    let asked = commands.iter().find_map(|command| {
        if let Command::Fetch { held, .. } = command { Some(held.clone()) } else { None }
    });
    assert_eq!(asked, Some(alloc::vec![revision('b'), revision('c')]), "{commands:?}");
    // What is held only afterwards is ended all the same.
    machine.fetched_containing(&['b', 'c']);
    machine.build_failed(ReasonCode::BuildFailed);
    assert!(machine.state.ledger.is_held(&revision('c')));
    machine.checked(VerdictKind::Green);
    machine.built('d', host('a', 'a'));
    machine.activated(Exit::Code(0), host('d', 'd'));
    machine.wait_until(machine.now + 10_000);
    machine.probed(&[]);
    assert!(machine.state.ledger.held.is_empty(), "{:?}", machine.state.ledger.held);
}

#[test]
fn the_history_has_a_size_and_what_leaves_is_forgotten_on_disk_too() {
    let mut machine = held();
    machine.policy.keep_deployments = 2;
    let mut forgotten = Vec::new();
    for digit in ['c', 'd', 'e'] {
        machine.sees(digit);
        machine.checked(VerdictKind::Green);
        for command in machine.build_failed(ReasonCode::BuildFailed) {
            let Command::Forget { deployments } = command else { panic!("{command:?}") };
            forgotten.extend(deployments);
        }
        assert!(machine.state.ledger.history.len() <= 2);
    }
    assert_eq!(forgotten, [DeploymentId(1), DeploymentId(2), DeploymentId(3)]);
    let ids: Vec<_> = machine.state.ledger.history.iter().map(|record| record.id.0).collect();
    assert_eq!(ids, [4, 5]);
    let holds: Vec<_> = machine.state.ledger.held.iter().map(|hold| hold.revision.clone()).collect();
    assert_eq!(holds, ['b', 'c', 'd', 'e'].map(revision), "a hold outlives the record that it follows from");
}

#[test]
fn of_very_many_holds_the_oldest_are_forgotten() {
    let mut machine = held();
    let mut record = machine.state.ledger.history.last().expect("b failed").clone();
    for number in 1..=MOST_HOLDS {
        record.revision = Revision::parse(&format!("{number:040x}")).expect("forty hex digits");
        machine.state.ledger.hold(&record);
    }
    assert_eq!(machine.state.ledger.held.len(), MOST_HOLDS);
    assert!(!machine.state.ledger.is_held(&revision('b')) && machine.state.ledger.is_held(&record.revision));
}

#[test]
fn totals_count_what_the_history_forgot_too() {
    let mut machine = held();
    machine.policy.keep_deployments = 1;
    for digit in ['c', 'd'] {
        machine.sees(digit);
        machine.checked(VerdictKind::Green);
        machine.now += 7_000;
        machine.build_failed(ReasonCode::BuildFailed);
    }
    let totals = &machine.state.ledger.totals;
    let count =
        |outcome| totals.outcomes.iter().find(|total| total.outcome == outcome).map(|total| total.count);
    assert_eq!(
        (count(Outcome::Deployed), count(Outcome::Failed), count(Outcome::Broken)),
        (Some(1), Some(3), None)
    );
    let building =
        totals.phases.iter().find(|total| total.phase == PhaseName::Building).expect("it was built");
    assert_eq!((building.sum, building.buckets.iter().sum::<u64>()), (Millis(14_000), 4));
    // Two took no time, and two seven seconds: in the bucket up to 15 s, which is the third.
    assert_eq!((PHASE_BUCKETS[2], building.buckets[0], building.buckets[2]), (15, 2, 2));
    let last = totals.outcomes.iter().find(|total| total.outcome == Outcome::Failed).map(|total| total.last);
    assert_eq!(last, machine.state.ledger.history.last().map(|record| record.finished_at));
}

#[test]
fn a_length_on_a_bound_counts_up_to_that_bound_and_a_longer_one_does_not() {
    for (beyond, expected) in [(0, [3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]), (1, [2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1])]
    {
        // Two builds took no time: the one before, and the one that is held.
        let mut machine = held();
        for (digit, bound) in "cdef123456".chars().zip(PHASE_BUCKETS) {
            machine.sees(digit);
            machine.checked(VerdictKind::Green);
            machine.now += bound * 1000 + beyond;
            machine.build_failed(ReasonCode::BuildFailed);
        }
        let phases = &machine.state.ledger.totals.phases;
        let building = phases.iter().find(|total| total.phase == PhaseName::Building).expect("it was built");
        assert_eq!(building.buckets, expected, "{beyond} ms beyond");
    }
}

#[test]
fn durations_are_those_of_the_phases() {
    let mut machine = Machine::idle();
    machine.sees('b');
    machine.now += 3_000;
    machine.checked(VerdictKind::Green);
    machine.now += 20_000;
    machine.built('b', host('a', 'a'));
    machine.now += 4_000;
    machine.activated(Exit::Code(0), host('b', 'b'));
    machine.now += 10_000;
    machine.tell(Event::DeadlinePassed);
    machine.now += 500;
    machine.probed(&[]);
    let durations = machine.state.ledger.history.last().expect("it ended").durations;
    assert_eq!(durations.gate, Some(Millis(3_000)));
    assert_eq!(durations.build, Some(Millis(20_000)));
    assert_eq!(durations.activate, Some(Millis(4_000)));
    assert_eq!(durations.confirm, Some(Millis(10_500)));
}

#[test]
fn a_wall_clock_that_goes_back_makes_no_duration_negative() {
    let mut machine = Machine::building();
    machine.wall -= 3_600_000;
    machine.built('b', host('a', 'a'));
    let current = machine.state.deployment().expect("it goes on");
    assert_eq!(current.durations.build, Some(Millis(0)));
}
