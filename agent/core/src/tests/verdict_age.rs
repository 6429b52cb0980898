//! A verdict that has grown old is asked for again before anything is activated.

use pull_agent_protocol::{Outcome, Phase as PhaseName};

use super::machine::{Machine, activate, activate_again, build, host, revision, verdict};
use crate::{Command, Event, Exit, Millis, ReasonCode, Verdict, VerdictKind, Wait};

/// The question before the activation; polls come and go beside it.
fn asks_again(commands: &[Command]) -> bool {
    commands.iter().any(|it| matches!(it, Command::CheckAgain { revision: r, .. } if *r == revision('b')))
}

/// Waits until the forge is asked again, while the branch stands still.
fn until_asked(machine: &mut Machine) {
    let end = machine.now + 3_600_000;
    while machine.state.work().question.is_none() {
        if machine.state.poll().in_flight.is_some() {
            machine.polled('b');
        } else {
            assert!(machine.now < end, "the forge is not asked again");
            machine.wait_until(machine.now + 500);
        }
    }
}

fn last(machine: &Machine) -> Option<(Outcome, Option<ReasonCode>)> {
    let record = machine.state.ledger().history.last()?;
    Some((record.outcome, record.cause.as_ref().and_then(crate::Cause::code)))
}

#[test]
fn a_fresh_verdict_is_enough() {
    let mut machine = Machine::building();
    machine.now += 600_000;
    assert_eq!(machine.built('b', host('a', 'a')).first(), Some(&activate(4, 2, 'b', 'a')));
}

#[test]
fn an_old_one_is_asked_for_again_and_green_switches_without_another_build() {
    let mut machine = Machine::building();
    machine.now += 600_001;
    assert!(asks_again(&machine.built('b', host('a', 'a'))));
    assert_eq!(machine.state.waits_for(), [Wait::Verdict]);
    assert_eq!(machine.state.phase_name(), PhaseName::Ready);
    assert_eq!(machine.checked_again(VerdictKind::Green), [activate(4, 2, 'b', 'a')]);
}

#[test]
fn with_no_age_at_all_every_activation_is_asked_about_once() {
    let mut machine = Machine::building();
    machine.policy.verdict_max_age = Millis(0);
    machine.now += 1_000;
    assert!(asks_again(&machine.built('b', host('a', 'a'))));
    machine.now += 5_000;
    assert_eq!(machine.checked_again(VerdictKind::Green), [activate(4, 2, 'b', 'a')]);
}

#[test]
fn red_since_then_activates_nothing_and_green_once_more_deploys_it() {
    for kind in [VerdictKind::Red, VerdictKind::Unproven] {
        let mut machine = Machine::asking_again();
        assert_eq!(machine.checked_again(kind), []);
        assert_eq!(machine.phase(), None);
        assert_eq!(last(&machine), Some((Outcome::Superseded, Some(ReasonCode::Withdrawn))));
        assert_eq!(machine.state.wanted().and_then(|tip| tip.verdict()).map(|it| it.kind), Some(kind));
        assert_eq!(machine.state.phase_name(), PhaseName::Gating);
        while machine.state.gate().in_flight.is_none() {
            machine.wait_until(machine.now + 1_000);
            if machine.state.poll().in_flight.is_some() {
                machine.polled('b');
            }
        }
        assert_eq!(machine.checked(VerdictKind::Green), [build(4, 3, 'b')]);
    }
}

#[test]
fn while_there_is_no_verdict_it_waits() {
    for kind in [VerdictKind::Pending, VerdictKind::Unavailable] {
        let mut machine = Machine::asking_again();
        let asked = machine.now;
        assert_eq!(machine.checked_again(kind), []);
        assert_eq!(machine.state.phase_name(), PhaseName::Ready);
        until_asked(&mut machine);
        assert!((48_000..=72_000).contains(&(machine.now - asked)), "{}", machine.now - asked);
        assert_eq!(machine.checked_again(VerdictKind::Green), [activate(4, 2, 'b', 'a')]);
    }
}

#[test]
fn checks_that_never_end_give_their_place_up_and_a_forge_that_is_down_does_not() {
    for (kind, gives_up) in [(VerdictKind::Pending, true), (VerdictKind::Unavailable, false)] {
        let mut machine = Machine::asking_again();
        machine.checked_again(kind);
        machine.wait_until(machine.now + 7_200_000);
        until_asked(&mut machine);
        machine.checked_again(kind);
        assert_eq!(machine.state.deployment().is_none(), gives_up, "{kind:?}");
    }
}

#[test]
fn the_forge_is_left_alone_for_as_long_as_it_wants() {
    let mut machine = Machine::asking_again();
    let look = machine.state.work().question.expect("asked").look;
    let limited = Verdict { not_before: Some(Millis(900_000)), ..verdict(VerdictKind::Unavailable) };
    let asked = machine.now;
    machine.tell(Event::CheckedAgain { look, host: host('a', 'a'), verdict: limited });
    until_asked(&mut machine);
    assert!(machine.now >= asked + 900_000);
}

#[test]
fn a_question_that_is_never_answered_is_given_up_and_asked_again() {
    let mut machine = Machine::asking_again();
    let first = machine.state.work().question.expect("asked");
    machine.wait_until(first.until.0 - 1);
    assert_eq!(machine.state.work().question, Some(first));
    machine.wait_until(first.until.0);
    let second = machine.state.work().question.expect("asked anew");
    assert!(second.look > first.look);
    let late = machine.state.host.clone();
    machine.check_ignored(Event::CheckedAgain {
        look: first.look,
        host: late,
        verdict: verdict(VerdictKind::Green),
    });
}

#[test]
fn somebody_elses_switch_meanwhile_is_seen_before_ours() {
    let mut machine = Machine::asking_again();
    let event = machine.checked_again_event(VerdictKind::Green, host('f', 'f'));
    assert_eq!(machine.tell(event), [build(4, 2, 'b')]);
    assert_eq!(machine.built('b', host('f', 'f')), [activate(5, 2, 'b', 'f')]);
}

#[test]
fn a_pause_in_between_keeps_it_from_being_activated() {
    let mut machine = Machine::asking_again();
    machine.tell(Event::PauseRequested { until: None, reason: None, by: "poby".into() });
    assert_eq!(machine.checked_again(VerdictKind::Green), []);
    assert_eq!(machine.state.waits_for(), [Wait::Pause]);
    assert_eq!(machine.tell(Event::ResumeRequested), [build(4, 2, 'b')]);
}

#[test]
fn the_next_process_asks_anew() {
    let mut machine = Machine::built_and_paused();
    machine.restart(host('a', 'a'));
    let resumed = machine.tell(Event::ResumeRequested);
    assert!(resumed.contains(&build(4, 2, 'b')), "{resumed:?}");
    assert!(asks_again(&machine.built('b', host('a', 'a'))));
}

#[test]
fn a_switch_that_is_half_way_goes_on_without_a_question() {
    let mut machine = Machine::activating();
    machine.activated(Exit::Killed, host('b', 'b'));
    machine.activated(Exit::Busy, host('b', 'b'));
    machine.now += 3_600_000;
    assert_eq!(machine.tell(Event::DeadlinePassed).first(), Some(&activate_again(6, 2, 'b', 'a')));
}

#[test]
fn a_nudge_or_new_settings_ask_at_once_and_a_flood_of_nudges_once_a_second() {
    for event in [Event::Nudged { revision: None }, Event::PolicyChanged { source_changed: false }] {
        let mut machine = Machine::asking_again();
        machine.checked_again(VerdictKind::Unavailable);
        machine.now += 1_000;
        assert!(asks_again(&machine.tell(event.clone())), "{event:?}");
    }
    let mut machine = Machine::asking_again();
    machine.checked_again(VerdictKind::Unavailable);
    for _ in 0..9 {
        machine.now += 100;
        assert!(!asks_again(&machine.tell(Event::Nudged { revision: None })));
    }
    machine.now += 100;
    assert!(asks_again(&machine.tell(Event::DeadlinePassed)));
}

/// Revision b is built below the tip c, whose checks are pending, and the forge is asked about b again.
fn asking_about_an_older_one() -> Machine {
    let mut machine = Machine::idle();
    machine.sees('c');
    machine.checked(VerdictKind::Pending);
    machine.until_look_back('c');
    machine.looked_back('b');
    machine.fetched(crate::Ancestry::Descendant);
    machine.now += 600_001;
    machine.built('b', host('a', 'a'));
    machine
}

#[test]
fn an_older_commit_that_is_deployed_instead_of_the_tip_is_asked_about_too() {
    let older = |machine: &Machine| machine.state.older().map(|it| (it.revision.clone(), it.has_passed()));
    let mut machine = asking_about_an_older_one();
    machine.checked_again(VerdictKind::Unavailable);
    assert_eq!(older(&machine), Some((revision('b'), false)), "it still is what is deployed instead");
    assert!(machine.state.deployment().is_some());

    let mut machine = asking_about_an_older_one();
    let commands = machine.checked_again(VerdictKind::Green);
    assert_eq!(commands.first(), Some(&activate(4, 2, 'b', 'a')));
    assert_eq!(older(&machine), Some((revision('b'), true)));

    let mut machine = asking_about_an_older_one();
    machine.checked_again(VerdictKind::Red);
    assert_eq!(last(&machine), Some((Outcome::Superseded, Some(ReasonCode::Withdrawn))));
    assert_eq!(older(&machine), None);
}

#[test]
fn a_wait_that_the_forge_asked_for_is_told_until_the_forge_was_asked() {
    let mut machine = Machine::asking_again();
    let look = machine.state.work().question.expect("asked").look;
    let limited = Verdict { not_before: Some(Millis(900_000)), ..verdict(VerdictKind::Unavailable) };
    machine.tell(Event::CheckedAgain { look, host: host('a', 'a'), verdict: limited });
    assert!(machine.state.gate().alone_until.is_some());
    until_asked(&mut machine);
    machine.checked_again(VerdictKind::Pending);
    assert_eq!(machine.state.gate().alone_until, None);
}

#[test]
fn other_checks_make_the_verdict_worthless() {
    let mut machine = Machine::building();
    machine.tell(Event::PolicyChanged { source_changed: false });
    assert!(asks_again(&machine.built('b', host('a', 'a'))));
}
