//! The newest green commit below a tip that is not green.

use alloc::string::ToString;

use super::machine::{Machine, below, build, host, revision, verdict};
use crate::{
    Ancestry, BelowTip, Command, Event, Exit, Fate, Kinship, Millis, Mono, Phase, ReasonCode, State,
    VerdictKind,
};

/// Revision a is deployed; c is the tip and pending for as long as an older one is waited for.
pub(super) fn stuck() -> Machine {
    let mut machine = Machine::idle();
    machine.sees('c');
    machine.checked(VerdictKind::Pending);
    machine.until_look_back('c');
    machine
}

/// b, below the tip c, is green and fetched.
fn taken() -> Machine {
    let mut machine = stuck();
    machine.looked_back('b');
    machine.fetched(Ancestry::Descendant);
    machine
}

/// b is built, switched to and found healthy.
#[track_caller]
fn deployed(machine: &mut Machine) {
    machine.built('b', host('a', 'a'));
    machine.activated(Exit::Code(0), host('b', 'b'));
    machine.now += 10_000;
    machine.tell(Event::DeadlinePassed);
    machine.probed(&[]);
    assert_eq!(machine.state.ledger.base(), Some(&revision('b')));
}

fn deploying(machine: &Machine) -> Option<crate::Revision> {
    machine.state.deployment().map(|deployment| deployment.candidate.revision.clone())
}

#[test]
fn a_tip_that_is_not_green_for_ten_minutes_is_looked_below() {
    let mut machine = Machine::idle();
    machine.sees('c');
    let seen = machine.now;
    machine.checked(VerdictKind::Pending);
    let commands = machine.until_look_back('c');
    assert!(machine.now >= seen + 600_000, "not before");
    let look = machine.state.looking_back().in_flight.expect("it waits").look;
    let (tip, base) = (revision('c'), Some(revision('a')));
    assert!(commands.contains(&Command::LookBack { look, tip, base, held: alloc::vec![] }), "{commands:?}");
}

#[test]
fn what_is_green_below_the_tip_is_fetched_and_deployed() {
    let mut machine = stuck();
    let fetches = machine.looked_back('b');
    assert!(
        matches!(&fetches[..], [Command::Fetch { revision: of, .. }] if *of == revision('b')),
        "{fetches:?}"
    );
    assert_eq!(machine.fetched(Ancestry::Descendant), [build(3, 2, 'b')]);
    let wanted = machine.state.wanted().expect("the tip is wanted still");
    assert_eq!(wanted.revision, revision('c'));
    deployed(&mut machine);
    assert_eq!(machine.state.older(), None);
    assert_eq!(machine.state.wanted().map(|tip| &tip.revision), Some(&revision('c')));
}

#[test]
fn what_was_accepted_while_it_was_the_tip_is_deployed_below_a_red_one() {
    let mut machine = Machine::idle();
    machine.sees('b');
    machine.tell(Event::AcceptRequested { revision: revision('b') });
    machine.sees('c');
    machine.checked(VerdictKind::Red);
    machine.until_look_back('c');
    machine.looked_back('b');
    let no_descendant = Ancestry::NotDescendant("b does not descend from a".to_string());
    assert_eq!(machine.fetched(no_descendant), [build(3, 2, 'b')]);
    deployed(&mut machine);
    assert_eq!(machine.state.saved().branch.leave, None, "it was for this once");
}

#[test]
fn what_is_not_found_green_any_more_is_asked_about_before_it_is_activated() {
    for found in ["", "d"] {
        let mut machine = stuck();
        machine.looked_back('b');
        machine.now += 10_000;
        machine.tell(Event::Nudged { revision: None });
        machine.fetched(Ancestry::Descendant);
        let look = machine.state.looking_back().in_flight.expect("it waits").look;
        let green = found.chars().next().and_then(|digit| below(digit).green);
        machine.tell(Event::LookedBack { look, result: Ok(BelowTip { green, not_before: None }) });
        let commands = machine.built('b', host('a', 'a'));
        let asks = |command: &Command| matches!(command, Command::CheckAgain { revision: of, .. } if *of == revision('b'));
        assert!(commands.iter().any(asks), "{found:?}: {commands:?}");
    }
}

#[test]
fn a_tip_that_changes_all_the_time_does_not_begin_the_wait_anew() {
    let mut machine = Machine::idle();
    let began = machine.now;
    for tip in "bcdbcdbcdbcdbcd".chars() {
        machine.sees(tip);
        machine.checked(VerdictKind::Pending);
    }
    assert!(machine.now > began + 600_000);
    machine.until_look_back('d');
    assert!(machine.now < began + 800_000, "{}", machine.now - began);
}

#[test]
fn only_a_green_or_a_deployed_tip_ends_the_wait() {
    let mut machine = stuck();
    machine.tell(machine.nothing_below_event());
    assert!(machine.state.saved().branch.not_green_since.is_some());
    let mut green = machine.clone();
    while green.state.gate().in_flight.is_none() {
        green.wait_until(green.now + 1_000);
        if green.state.poll().in_flight.is_some() {
            green.polled('c');
        }
        if green.state.looking_back().in_flight.is_some() {
            green.tell(green.nothing_below_event());
        }
    }
    green.checked(VerdictKind::Green);
    assert_eq!(green.state.saved().branch.not_green_since, None);
    assert_eq!(green.state.looking_back().from, None);
    machine.poll();
    machine.polled('a');
    assert_eq!(machine.state.saved().branch.not_green_since, None);
}

#[test]
fn the_wait_goes_on_after_a_restart() {
    let mut machine = Machine::idle();
    machine.sees('c');
    machine.checked(VerdictKind::Pending);
    machine.now += 500_000;
    machine.restart(host('a', 'a'));
    let began = machine.now;
    machine.until_look_back('c');
    assert!(machine.now < began + 200_000, "{} ms more", machine.now - began);
}

#[test]
fn without_the_setting_nothing_below_the_tip_is_looked_at() {
    let mut machine = Machine::idle();
    machine.policy.newest_green_after = None;
    machine.sees('c');
    machine.checked(VerdictKind::Pending);
    assert_eq!(machine.state.looking_back().from, None);
    machine.policy.newest_green_after = Some(Millis(0));
    machine.tell(Event::PolicyChanged { source_changed: false });
    machine.until_look_back('c');
}

#[test]
fn a_held_tip_is_not_looked_below() {
    let mut machine = Machine::building();
    machine.policy.newest_green_after = Some(Millis(0));
    machine.build_failed(ReasonCode::BuildFailed);
    for _ in 0..20 {
        machine.poll();
        machine.polled('b');
        assert_eq!(machine.state.looking_back().in_flight, None, "what is older than b stays out too");
    }
}

#[test]
fn what_is_held_is_named_and_not_taken_even_when_it_is_found() {
    let mut machine = Machine::building();
    machine.build_failed(ReasonCode::BuildFailed);
    machine.sees('c');
    machine.checked(VerdictKind::Pending);
    let commands = machine.until_look_back('c');
    assert!(
        commands
            .iter()
            .any(|command| matches!(command, Command::LookBack { held, .. } if held[..] == [revision('b')])),
        "{commands:?}"
    );
    assert!(machine.looked_back('b').is_empty());
    assert_eq!(machine.state.older(), None);
}

#[test]
fn what_is_not_green_is_not_taken_whatever_the_driver_says() {
    for kind in [VerdictKind::Pending, VerdictKind::Red, VerdictKind::Unproven, VerdictKind::Unavailable] {
        let mut machine = stuck();
        let mut found = below('b');
        found.green.as_mut().expect("found").verdict = verdict(kind);
        let look = machine.state.looking_back().in_flight.expect("it waits").look;
        assert!(machine.tell(Event::LookedBack { look, result: Ok(found) }).is_empty());
        assert_eq!(machine.state.older(), None);
    }
}

#[test]
fn what_is_older_must_descend_from_what_is_deployed() {
    let mut machine = stuck();
    machine.looked_back('b');
    assert!(machine.fetched(Ancestry::NotDescendant("it does not".to_string())).is_empty());
    assert_eq!(deploying(&machine), None);
}

#[test]
fn a_tip_that_turns_green_takes_the_place_of_the_older_one() {
    let mut machine = taken();
    assert_eq!(deploying(&machine), Some(revision('b')));
    while machine.state.gate().in_flight.is_none() {
        machine.wait_until(machine.now + 1_000);
        if machine.state.poll().in_flight.is_some() {
            machine.polled('c');
        }
    }
    let step = machine.step();
    assert!(machine.checked(VerdictKind::Green).contains(&Command::CancelBuild { step }));
}

#[test]
fn a_new_tip_that_is_not_green_leaves_the_older_one_in_deployment() {
    let mut machine = taken();
    machine.sees('d');
    machine.checked(VerdictKind::Pending);
    assert_eq!(deploying(&machine), Some(revision('b')));
    assert!(!machine.state.work().cancelling);
}

#[test]
fn an_older_one_that_was_not_begun_is_looked_for_anew_below_a_new_tip() {
    let mut machine = stuck();
    machine.looked_back('b');
    machine.poll();
    machine.polled('d');
    assert_eq!(machine.state.older(), None);
    machine.fetched(Ancestry::Descendant);
    machine.checked(VerdictKind::Red);
    machine.until_look_back('d');
}

#[test]
fn a_branch_that_is_taken_back_takes_the_older_one_with_it() {
    let mut machine = taken();
    let step = machine.step();
    machine.poll();
    assert!(
        machine.polled('a').contains(&Command::CancelBuild { step }),
        "the deployed one is the tip again"
    );
}

#[test]
fn the_failures_of_an_older_one_are_remembered() {
    let mut machine = taken();
    machine.build_failed(ReasonCode::BuildStalled);
    let waits = machine.state.older().expect("it waits").retry_at;
    assert!(waits > Mono(machine.now));
    machine.now += 1_500;
    machine.tell(Event::Nudged { revision: None });
    machine.until_look_back('c');
    machine.looked_back('b');
    assert_eq!(
        machine.state.older().expect("found again").retry_at,
        waits,
        "another look does not cut it short"
    );
    machine.wait_until(waits.0);
    assert_eq!(machine.phase().map(|phase| phase.step().is_some()), Some(true), "tried again");
    machine.build_failed(ReasonCode::BuildStalled);
    assert!(machine.state.ledger.is_held(&revision('b')), "twice, and held");
}

#[test]
fn the_failures_of_an_older_one_outlive_the_process_and_another_tip() {
    let mut machine = taken();
    machine.build_failed(ReasonCode::BuildStalled);
    machine.restart(host('a', 'a'));
    machine.polled('d');
    machine.fetched(Ancestry::Descendant);
    machine.checked(VerdictKind::Red);
    machine.until_look_back('d');
    machine.looked_back('b');
    assert_eq!(machine.state.older().expect("found again").tries.hard, 1);
}

#[test]
fn nothing_below_the_tip_is_looked_at_while_something_is_deployed() {
    let mut machine = taken();
    for _ in 0..20 {
        machine.poll();
        machine.polled('c');
        assert_eq!(machine.state.looking_back().in_flight, None);
    }
    assert!(matches!(machine.phase(), Some(Phase::Building { .. })));
}

#[test]
fn a_forge_that_wants_to_be_left_alone_is() {
    let mut machine = stuck();
    let look = machine.state.looking_back().in_flight.expect("it waits").look;
    let found = BelowTip { green: None, not_before: Some(Millis::seconds(3_000)) };
    machine.tell(Event::LookedBack { look, result: Ok(found) });
    if machine.state.gate().in_flight.is_some() {
        // Asked before that, and answered after it.
        machine.checked(VerdictKind::Pending);
    }
    let alone = machine.now + 3_000_000;
    while machine.now < alone - 100_000 {
        machine.poll();
        machine.polled('c');
        assert_eq!((machine.state.gate().in_flight, machine.state.looking_back().in_flight), (None, None));
    }
}

#[test]
fn a_look_that_failed_or_hangs_is_followed_by_another() {
    let mut machine = stuck();
    let look = machine.state.looking_back().in_flight.expect("it waits").look;
    machine.tell(Event::LookedBack { look, result: Err("the clone cannot be read".to_string()) });
    assert_eq!(machine.state.looking_back().error.as_deref(), Some("the clone cannot be read"));
    machine.until_look_back('c');
    let hangs = machine.state.looking_back().in_flight.expect("it waits");
    while machine.now < hangs.until.0 {
        machine.wait_until((machine.now + 10_000).min(hangs.until.0));
        if machine.state.poll().in_flight.is_some() {
            machine.polled('c');
        }
    }
    machine.check_ignored(Event::LookedBack { look: hangs.look, result: Ok(below('b')) });
    assert!(machine.state.looking_back().error.is_some());
}

#[test]
fn what_becomes_of_the_older_one_is_told() {
    let machine = taken();
    let kinship = Kinship { within_confirmed: false, within_wanted: true };
    assert_eq!(machine.state.fate(&revision('b'), kinship), Fate::InDeployment);
    let mut machine = stuck();
    machine.looked_back('b');
    assert_eq!(machine.state.fate(&revision('b'), kinship), Fate::Waits);
}

#[test]
fn the_first_deployment_may_be_one_below_the_tip_too() {
    let mut machine = Machine::new();
    machine.polled('c');
    machine.fetched(Ancestry::NothingDeployed);
    machine.checked(VerdictKind::Red);
    while machine.state.looking_back().in_flight.is_none() {
        machine.wait_until(machine.now + 1_000);
        if machine.state.poll().in_flight.is_some() {
            machine.polled('c');
        }
        if machine.state.gate().in_flight.is_some() {
            machine.checked(VerdictKind::Red);
        }
    }
    machine.looked_back('b');
    machine.fetched(Ancestry::NothingDeployed);
    assert_eq!(deploying(&machine), Some(revision('b')));
    assert_ne!(machine.state, State::default());
}
