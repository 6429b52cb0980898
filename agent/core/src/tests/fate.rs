//! What becomes of a revision: the first of what is true of it counts.

use alloc::borrow::ToOwned;

use super::machine::{Machine, host, revision};
use crate::{Ancestry, DeploymentId, Event, Exit, Fate, Kinship, ReasonCode, VerdictKind};
use pull_agent_protocol::Outcome;

const STRANGER: Kinship = Kinship { within_confirmed: false, within_wanted: false };
const RUNS: Kinship = Kinship { within_confirmed: true, within_wanted: false };

fn fate(machine: &Machine, digit: char) -> Fate {
    machine.state.fate(&revision(digit), STRANGER)
}

#[test]
fn what_runs_runs_and_so_do_its_ancestors() {
    let machine = Machine::idle();
    assert_eq!(machine.state.confirmed(), Some(&revision('a')));
    assert_eq!(machine.state.fate(&revision('a'), RUNS), Fate::Runs { descendant: None });
    let descendant = Some(revision('a'));
    assert_eq!(machine.state.fate(&revision('9'), RUNS), Fate::Runs { descendant });
}

#[test]
fn what_is_deployed_and_does_not_run_is_not_confirmed() {
    let mut machine = Machine::idle();
    machine.restart(host('f', 'f'));
    assert_eq!(machine.state.confirmed(), None);
}

#[test]
fn in_every_phase_the_revision_in_deployment_is_undecided() {
    for (phase, machine) in Machine::phases() {
        let expected = match phase {
            "idle" => Fate::Unknown,
            "gating" => Fate::Waits,
            _ => Fate::InDeployment,
        };
        assert_eq!(fate(&machine, 'b'), expected, "{phase}");
        assert!(!expected.is_settled());
    }
}

#[test]
fn a_second_try_of_what_runs_is_undecided_until_it_is_confirmed() {
    let machine = Machine::confirming();
    assert_eq!(machine.state.fate(&revision('b'), RUNS), Fate::InDeployment);
}

#[test]
fn a_hold_is_the_answer_whatever_the_tip_is() {
    let mut machine = Machine::building();
    machine.build_failed(ReasonCode::BuildFailed);
    let held = Fate::Held { reason: "failed: why".to_owned() };
    assert_eq!(fate(&machine, 'b'), held);
    machine.sees('c');
    assert_eq!(fate(&machine, 'b'), held);
    assert!(held.is_settled());
}

#[test]
fn a_failure_that_may_pass_says_nothing_against_the_revision() {
    let mut machine = Machine::building();
    machine.build_failed(ReasonCode::Network);
    assert_eq!(fate(&machine, 'b'), Fate::Waits);
    machine.now += 2_000;
    machine.tell(Event::Nudged { revision: None });
    machine.polled('c');
    let former = Fate::Former { deployment: DeploymentId(2), outcome: Outcome::Failed };
    assert_eq!(fate(&machine, 'b'), former, "it is not wanted any more, and neither held nor broken");
}

#[test]
fn a_tip_that_is_no_descendant_is_refused_and_a_red_one_may_yet_turn_green() {
    let mut machine = Machine::idle();
    machine.sees_tip('b');
    machine.fetched(Ancestry::NotDescendant("no".to_owned()));
    assert_eq!(fate(&machine, 'b'), Fate::Refused { reason: "no".to_owned() });
    let mut machine = Machine::idle();
    machine.sees('b');
    machine.checked(VerdictKind::Red);
    let red = fate(&machine, 'b');
    assert!(matches!(red, Fate::Red { .. }) && !red.is_settled(), "{red:?}");
    let mut machine = Machine::idle();
    machine.sees('b');
    machine.checked(VerdictKind::Unproven);
    let unproven = fate(&machine, 'b');
    assert!(matches!(unproven, Fate::Unproven { .. }) && unproven.is_settled(), "{unproven:?}");
}

#[test]
fn what_the_tip_contains_was_overtaken() {
    let mut machine = Machine::idle();
    machine.sees('c');
    let kinship = Kinship { within_wanted: true, ..STRANGER };
    assert_eq!(machine.state.fate(&revision('b'), kinship), Fate::Overtaken);
    assert_eq!(fate(&machine, 'b'), Fate::Unknown, "and a stranger is not known");
}

#[test]
fn a_broken_revision_that_still_runs_does_not_count_as_running() {
    let mut machine = Machine::rolling_back();
    while machine.phase().is_some() {
        machine.activated(Exit::Code(1), host('b', 'b'));
        machine.now = machine.state.work().next.0.max(machine.now);
        machine.tell(Event::DeadlinePassed);
    }
    assert_eq!(machine.state.confirmed(), None);
    assert!(matches!(fate(&machine, 'b'), Fate::Held { .. }));
}

#[test]
fn what_ran_once_is_told_apart_from_what_was_never_seen() {
    let mut machine = Machine::confirming();
    machine.now += 10_000;
    machine.tell(Event::DeadlinePassed);
    machine.probed(&[]);
    let former = Fate::Former { deployment: DeploymentId(1), outcome: Outcome::Deployed };
    assert_eq!(fate(&machine, 'a'), former);
    assert_eq!(fate(&machine, 'd'), Fate::Unknown);
}
