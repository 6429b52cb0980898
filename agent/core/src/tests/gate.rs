//! What may be deployed: green, and a descendant.

use alloc::borrow::ToOwned;
use alloc::vec::Vec;

use super::machine::{Machine, build, fetched, host, revision, verdict};
use crate::{
    Ancestry, Candidate, Command, Event, Exit, Hold, Millis, ReasonCode, Record, Verdict, VerdictKind, Wall,
};

#[test]
fn only_green_and_off_start_a_build() {
    for kind in [VerdictKind::Pending, VerdictKind::Red, VerdictKind::Unproven, VerdictKind::Unavailable] {
        let mut machine = Machine::idle();
        machine.sees('b');
        let look = machine.state.gate().in_flight.expect("asked").look;
        machine.check(Event::Checked { look, verdict: verdict(kind) }, &[], &["wanted", "gate"]);
        assert_eq!(machine.phase(), None, "{kind:?}");
    }
    for kind in [VerdictKind::Green, VerdictKind::Off] {
        let mut machine = Machine::idle();
        machine.sees('b');
        let look = machine.state.gate().in_flight.expect("asked").look;
        machine.check(
            Event::Checked { look, verdict: verdict(kind) },
            &[build(3, 2, 'b')],
            &[
                "next_deployment",
                "next_step",
                "deployment",
                "wanted",
                "not_green_since",
                "look_back",
                "gate",
                "work",
                "shown",
            ],
        );
    }
}

/// How long the forge is left alone after the first look at b, which is pending, when earlier checks took these times.
fn left_alone_after(took: &[u64]) -> u64 {
    let mut machine = Machine::idle();
    let record = machine.state.ledger.history.last().expect("a was deployed").clone();
    machine.state.ledger.history =
        took.iter().map(|seconds| with_gate(&record, *seconds)).collect::<Vec<_>>().into();
    machine.sees('b');
    machine.checked(VerdictKind::Pending);
    let asked = machine.now;
    while machine.state.gate().in_flight.is_none() {
        machine.wait_until(machine.now + 1_000);
        if machine.state.poll().in_flight.is_some() {
            machine.polled('b');
        }
    }
    (machine.now - asked) / 1_000
}

fn with_gate(record: &Record, seconds: u64) -> Record {
    let mut record = record.clone();
    record.durations.gate = Some(Millis::seconds(seconds));
    record
}

#[test]
fn checks_that_take_their_usual_time_are_left_alone_for_it() {
    for (took, at_least, at_most) in [
        (&[][..], 12, 19),
        (&[1, 2, 29], 12, 19),
        (&[200, 180, 240], 129, 196),
        (&[0, 200, 3, 180], 129, 196),
        (&[60, 200, 200, 200, 200, 200], 144, 218),
        (&[7_200], 240, 362),
    ] {
        let alone = left_alone_after(took);
        assert!((at_least..=at_most).contains(&alone), "{took:?}: {alone} s");
    }
}

#[test]
fn a_nudge_asks_at_once_however_long_checks_usually_take() {
    let mut machine = Machine::idle();
    let record = machine.state.ledger.history.last().expect("a was deployed").clone();
    machine.state.ledger.history = alloc::vec![with_gate(&record, 200)].into();
    machine.sees('b');
    machine.checked(VerdictKind::Pending);
    machine.now += 2_000;
    let commands = machine.tell(Event::Nudged { revision: None });
    assert!(commands.iter().any(|it| matches!(it, Command::Check { .. })), "{commands:?}");
}

#[test]
fn red_is_asked_again_and_may_turn_green() {
    let mut machine = Machine::idle();
    machine.sees('b');
    machine.checked(VerdictKind::Red);
    let asked = machine.now;
    while machine.state.gate().in_flight.is_none() {
        machine.wait_until(machine.now + 1_000);
        if machine.state.poll().in_flight.is_some() {
            machine.polled('b');
        }
    }
    assert!(machine.now - asked <= 72_000, "four intervals of 15 s and a fifth at most");
    assert_eq!(machine.checked(VerdictKind::Green), [build(3, 2, 'b')]);
}

#[test]
fn a_red_verdict_does_not_let_the_next_revision_pass_nor_does_a_green_one() {
    let mut machine = Machine::building();
    machine.sees('c');
    assert_eq!(machine.state.wanted().and_then(|tip| tip.verdict()), None, "the green verdict was that of b");
    assert!(machine.checked(VerdictKind::Pending).is_empty());
    machine.build_failed(ReasonCode::BuildFailed);
    assert_eq!(machine.phase(), None, "c is not green, b was");
}

#[test]
fn the_forge_is_asked_more_rarely_as_time_goes_by() {
    let mut machine = Machine::idle();
    machine.sees('b');
    let mut gap = |kind, after: u64| {
        machine.now += after;
        machine.tell(Event::Nudged { revision: None });
        let look = machine.state.gate().in_flight.expect("asked").look;
        machine.tell(Event::Checked { look, verdict: verdict(kind) });
        machine.state.gate().next.0 - machine.now
    };
    // The random number is the one that makes every length a fifth shorter.
    assert_eq!(gap(VerdictKind::Pending, 0), 12_000);
    assert_eq!(gap(VerdictKind::Unavailable, 1_000), 48_000);
    assert_eq!(gap(VerdictKind::Pending, 600_000), 48_000);
    assert_eq!(gap(VerdictKind::Red, 1_000), 240_000);
    assert_eq!(gap(VerdictKind::Pending, 7_200_000), 240_000);
}

#[test]
fn a_forge_that_says_when_to_come_again_is_asked_then() {
    let mut machine = Machine::idle();
    machine.sees('b');
    let look = machine.state.gate().in_flight.expect("asked").look;
    let told = Verdict { not_before: Some(Millis::seconds(4)), ..verdict(VerdictKind::Unavailable) };
    machine.tell(Event::Checked { look, verdict: told });
    assert_eq!(machine.state.gate().next.0 - machine.now, 4_000);
}

#[test]
fn a_gate_timeout_only_says_so() {
    let mut machine = Machine::gating();
    machine.policy.gate_timeout = Millis::seconds(100);
    assert!(!machine.state.gate().overdue);
    machine.now += 200_000;
    machine.tell(Event::DeadlinePassed);
    machine.checked(VerdictKind::Pending);
    assert!(machine.state.gate().overdue);
    assert!(machine.state.ledger.held.is_empty());
}

#[test]
fn a_question_that_hangs_is_given_up_as_unavailable() {
    let mut machine = Machine::idle();
    machine.sees('b');
    let late = machine.state.gate().in_flight.expect("asked");
    machine.now = late.until.0;
    machine.tell(Event::DeadlinePassed);
    assert_eq!(
        machine.state.wanted().and_then(|tip| tip.verdict()).map(|v| v.kind),
        Some(VerdictKind::Unavailable)
    );
    machine.check_ignored(Event::Checked { look: late.look, verdict: verdict(VerdictKind::Green) });
}

#[test]
fn the_first_revision_is_taken_as_it_is() {
    let mut machine = Machine::new();
    machine.polled('a');
    machine.fetched(Ancestry::NothingDeployed);
    assert_eq!(machine.checked(VerdictKind::Green), [build(1, 1, 'a')]);
    assert!(machine.state.deployment().is_some_and(|current| !current.candidate.is_descendant()));
}

#[test]
fn no_descendant_is_refused_until_it_is_accepted_and_only_once() {
    let mut machine = Machine::idle();
    machine.poll();
    machine.polled('b');
    let look = machine.state.fetch().in_flight.expect("fetched").look;
    let not = || Ok(fetched(Ancestry::NotDescendant("b does not descend from a".to_owned())));
    machine.check(Event::Fetched { look, result: not() }, &[], &["wanted", "fetch", "shown"]);
    let wanted = machine.state.wanted().expect("it is wanted");
    assert_eq!(wanted.refusal().expect("refused").reason, "b does not descend from a");
    assert_eq!(wanted.compared_with(), Some(&revision('a')));
    assert!(machine.wait_until(machine.now + 20_000).iter().all(|c| matches!(c, Command::Poll { .. })));

    machine.tell(Event::AcceptRequested { revision: revision('c') });
    assert!(machine.state.gate().in_flight.is_none(), "another one was accepted");
    machine.now += 2_000;
    let commands = machine.tell(Event::AcceptRequested { revision: revision('b') });
    assert!(commands.iter().any(|c| matches!(c, Command::Check { revision: r, .. } if *r == revision('b'))));
    assert_eq!(machine.state.wanted().and_then(Candidate::refusal), None);
    machine.checked(VerdictKind::Green);
    assert!(machine.state.deployment().is_some_and(|current| !current.candidate.is_descendant()));
    machine.built('b', host('a', 'a'));
    machine.activated(Exit::Code(0), host('b', 'b'));
    machine.now += 10_000;
    machine.tell(Event::DeadlinePassed);
    machine.probed(&[]);
    assert_eq!(machine.state.ledger.deployed.as_ref().map(|d| &d.revision), Some(&revision('b')));
    assert!(!machine.state.saved().has_leave(&revision('b')), "it was allowed once");
}

#[test]
fn accepted_before_it_is_fetched_is_accepted_too() {
    let mut machine = Machine::idle();
    machine.tell(Event::AcceptRequested { revision: revision('b') });
    if machine.state.poll().in_flight.is_none() {
        machine.poll();
    }
    machine.polled('b');
    let commands = machine.fetched(Ancestry::NotDescendant("no".to_owned()));
    assert!(commands.iter().any(|c| matches!(c, Command::Check { .. })));
    assert_eq!(machine.state.wanted().and_then(Candidate::refusal), None);
}

#[test]
fn leave_is_used_up_by_a_deployment_that_fails_too() {
    let mut machine = Machine::idle();
    machine.tell(Event::AcceptRequested { revision: revision('b') });
    machine.sees_tip('b');
    machine.fetched(Ancestry::NotDescendant("no".to_owned()));
    machine.checked(VerdictKind::Green);
    machine.build_failed(ReasonCode::BuildFailed);
    assert!(!machine.state.saved().has_leave(&revision('b')), "it was allowed once");
}

#[test]
fn accepting_a_red_revision_does_not_deploy_it() {
    let mut machine = Machine::idle();
    machine.tell(Event::AcceptRequested { revision: revision('b') });
    machine.poll();
    machine.polled('b');
    machine.fetched(Ancestry::NotDescendant("no".to_owned()));
    assert!(machine.checked(VerdictKind::Red).is_empty());
}

#[test]
fn accepting_a_held_revision_does_not_deploy_it() {
    let mut machine = Machine::idle();
    let hold = Hold { revision: revision('b'), reason: "why".to_owned(), code: None, since: Wall(0) };
    machine.state.ledger.held.push(hold);
    machine.tell(Event::AcceptRequested { revision: revision('b') });
    machine.sees('b');
    assert!(machine.state.gate().in_flight.is_none());
}

#[test]
fn what_is_wanted_is_compared_again_when_another_revision_was_deployed() {
    // c descends from a and is green; b is deployed meanwhile.
    let mut machine = Machine::activating();
    machine.sees('c');
    machine.checked(VerdictKind::Green);
    machine.activated(Exit::Code(0), host('b', 'b'));
    machine.now += 10_000;
    machine.tell(Event::DeadlinePassed);
    let commands = machine.probed(&[]);
    let look = machine.state.fetch().in_flight.expect("c is compared with b").look;
    let fetch = Command::Fetch { look, revision: revision('c'), base: Some(revision('b')), held: Vec::new() };
    assert_eq!(commands, [fetch], "and nothing is built before");
    let mut refused = machine.clone();
    assert!(refused.fetched(Ancestry::NotDescendant("no".to_owned())).is_empty());
    let refused = refused.state.wanted().filter(|wanted| wanted.refusal().is_some());
    assert_eq!(refused.and_then(Candidate::compared_with), Some(&revision('b')));
    assert_eq!(machine.fetched(Ancestry::Descendant), [build(5, 3, 'c')]);
}

#[test]
fn a_comparison_under_way_is_late_when_another_revision_was_deployed() {
    let mut machine = Machine::probing();
    machine.poll();
    machine.polled('c');
    let late = machine.state.fetch().in_flight.expect("c is compared with a").look;
    machine.probed(&[]);
    assert_ne!(machine.state.fetch().in_flight.expect("c is compared with b").look, late);
    machine.check_ignored(Event::Fetched { look: late, result: Ok(fetched(Ancestry::Descendant)) });
}

#[test]
fn a_tip_that_is_deployed_again_needs_nothing() {
    let mut machine = Machine::gating();
    machine.poll();
    let event = machine.polled_event(Ok(revision('a')));
    machine.check(
        event,
        &[],
        &["wanted", "behind_since", "not_green_since", "look_back", "poll", "fetch", "gate", "shown"],
    );
    assert_eq!((machine.state.wanted(), machine.state.behind_since()), (None, None));
}

#[test]
fn other_checks_in_the_settings_take_the_green_verdict_back() {
    let mut machine = Machine::idle();
    machine.tell(Event::PauseRequested { until: None, reason: None, by: "poby".to_owned() });
    machine.sees('b');
    machine.checked(VerdictKind::Green);
    machine.now += 2_000;
    machine.tell(Event::PolicyChanged { source_changed: false });
    let commands = machine.fetched(Ancestry::Descendant);
    let look = machine.state.gate().in_flight.expect("asked again").look;
    assert_eq!(commands, [Command::Check { look, revision: revision('b') }]);
    machine.tell(Event::ResumeRequested);
    assert_eq!(machine.phase(), None);
}
