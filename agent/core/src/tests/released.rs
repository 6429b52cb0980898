//! State files as the first released program wrote them, in every phase: each is read, and the core goes on from it as the
//! program that wrote it would have. The files are never changed.
extern crate std;

use alloc::vec::Vec;

use super::machine::{
    Machine, activate, activate_again, between, build, host, revision, roll_back, system, uncounted,
};
use super::saved::renewed;
use crate::saved::{Read, v1};
use crate::{
    Candidate, Cause, Command, DeploymentId, Event, Exit, Hold, Millis, Phase, ReasonCode, Saved, State,
    StepNumber, Tries, VerdictKind, Wall, WhyRefused,
};
use pull_agent_protocol::{Outcome, Phase as PhaseName, Trigger};

macro_rules! released {
    ($name:literal) => {
        read(include_str!(concat!("data/v1/", $name, ".json")))
    };
}

#[track_caller]
fn read(text: &str) -> Saved {
    let file: v1::File = serde_json::from_str(text).expect("it is read");
    let again = serde_json::to_string(&file).expect("it is written");
    assert_eq!(again, text.trim_end(), "the reader knows every field");
    let Read { saved, left_out } = file.try_into().expect("it is understood");
    assert!(left_out.is_empty(), "{left_out:?}");
    assert_eq!(renewed(&saved), saved, "version 2 has a place for everything");
    saved
}

/// System b is to be confirmed, with all the time there is.
fn to_confirm(units_failed: bool) -> Phase {
    Phase::Confirming { built: between('b', 'a'), units_failed, spent: Millis(0), starts: 0 }
}

/// The released program's state, taken up by this one on a host that runs and boots this system.
fn started(saved: Saved, current: char) -> (Machine, Vec<Command>) {
    let mut machine = Machine::new();
    machine.state = State::from(saved.clone());
    let mut commands = machine.restart(host(current, current));
    assert_eq!(uncounted(machine.state.saved()), saved, "a start alone decides nothing");
    assert!(commands.iter().any(|command| matches!(command, Command::Poll { .. })), "it polls at once");
    commands.retain(|command| !matches!(command, Command::Poll { .. } | Command::Fetch { .. }));
    (machine, commands)
}

/// Nothing is done but looking; returns the machine for more.
#[track_caller]
fn check_quiet(saved: Saved, current: char) -> Machine {
    assert_eq!(saved.deployment, None);
    let (machine, commands) = started(saved, current);
    assert_eq!(commands, []);
    machine
}

#[track_caller]
fn check_ended(machine: &Machine, id: u64, outcome: Outcome) {
    let record = machine.state.ledger.history.last().expect("it ended");
    assert_eq!((record.id, record.outcome), (DeploymentId(id), outcome));
}

fn tip(saved: &Saved) -> Option<&Candidate> {
    saved.branch.tip.as_ref()
}

fn phase(saved: &Saved) -> &Phase {
    &saved.deployment.as_ref().expect("a deployment").phase
}

#[test]
fn before_the_first_deployment() {
    let saved = released!("first-start");
    assert_eq!((saved.ledger.deployed.as_ref(), saved.ledger.next_deployment), (None, 1));
    check_quiet(saved, '0');

    let (mut machine, commands) = started(released!("building-first"), '0');
    assert_eq!(commands, [build(1, 1, 'a')]);
    machine.built('a', host('0', '0'));
    let event = machine.checked_again_event(VerdictKind::Green, host('0', '0'));
    assert_eq!(machine.tell(event), [activate(2, 1, 'a', '0')]);
}

#[test]
fn idle() {
    let saved = released!("idle");
    let deployed = saved.ledger.deployed.as_ref().expect("a deployment was confirmed");
    assert_eq!((&deployed.revision, &deployed.system), (&revision('a'), &system('a')));
    assert_eq!((saved.ledger.history.len(), saved.ledger.totals.phases.len()), (1, 4));
    check_quiet(saved, 'a');
}

#[test]
fn gating() {
    let saved = released!("gating");
    let wanted = tip(&saved).expect("it waits for its checks");
    assert_eq!((&wanted.revision, wanted.trigger), (&revision('b'), Trigger::Poll));
    assert_eq!((wanted.subject.as_deref(), wanted.author.as_deref()), (Some("subject"), Some("author")));
    assert_eq!(Some(wanted.seen_at), saved.branch.behind_since);
    check_quiet(saved, 'a');
}

#[test]
fn building() {
    let (mut machine, commands) = started(released!("building"), 'a');
    assert_eq!(commands, [build(3, 2, 'b')]);
    machine.built('b', host('a', 'a'));
    assert_eq!(machine.checked_again(VerdictKind::Green), [activate(4, 2, 'b', 'a')]);
}

#[test]
fn built_and_paused() {
    let saved = released!("built");
    assert_eq!(phase(&saved), &Phase::Ready { built: between('b', 'a'), busy: false, killed: 0 });
    assert_eq!(saved.ledger.paused.as_ref().map(|pause| pause.by.as_str()), Some("poby"));
    let (mut machine, commands) = started(saved, 'a');
    assert_eq!(commands, []);
    assert_eq!(machine.tell(Event::ResumeRequested), [build(4, 2, 'b')]);
}

#[test]
fn activating() {
    let (mut machine, commands) = started(released!("activating"), 'b');
    assert_eq!(commands, [activate_again(4, 2, 'b', 'a')]);
    machine.activated(Exit::Code(0), host('b', 'b'));
    assert_eq!(machine.phase(), Some(&to_confirm(false)));

    let saved = released!("activating-killed-once");
    assert_eq!(
        phase(&saved),
        &Phase::Activating { step: StepNumber(5), built: between('b', 'a'), killed: 1 }
    );
    assert_eq!(started(saved, 'a').1, [activate_again(5, 2, 'b', 'a')]);
}

#[test]
fn busy() {
    let saved = released!("busy");
    assert_eq!(saved.deployment.as_ref().map(|current| current.busy), Some(1));
    assert_eq!(phase(&saved), &Phase::Ready { built: between('b', 'a'), busy: true, killed: 0 });
    let (mut machine, commands) = started(saved, 'a');
    assert_eq!(commands, []);
    assert!(machine.wait_until(machine.now + 10_000).contains(&build(5, 2, 'b')));
}

#[test]
fn confirming() {
    for (saved, units_failed) in
        [(released!("confirming"), false), (released!("confirming-units-failed"), true)]
    {
        assert_eq!(phase(&saved), &to_confirm(units_failed));
        let (mut machine, commands) = started(saved, 'b');
        assert_eq!(commands, []);
        machine.wait_until(machine.now + 10_000);
        machine.probed(&[]);
        check_ended(&machine, 2, Outcome::Deployed);
    }
}

#[test]
fn rolling_back() {
    let (mut machine, commands) = started(released!("rolling-back"), 'b');
    assert_eq!(commands, [roll_back(5, 2, 'b', 'a')]);
    machine.activated(Exit::Code(0), host('a', 'a'));
    check_ended(&machine, 2, Outcome::RolledBack);
    assert_eq!(machine.state.ledger.held[0].revision, revision('b'));

    let tried = [(released!("rolling-back-waited"), (0, 1)), (released!("rolling-back-failed-once"), (1, 0))];
    for (saved, tries) in tried {
        let Phase::RollingBack { step, failed_in, cause, failed, waited, .. } = phase(&saved).clone() else {
            panic!("{:?}", phase(&saved));
        };
        assert_eq!((failed_in, failed, waited), (PhaseName::Activating, tries.0, tries.1));
        let why = "the switch ended with exit code 2 (the activation script failed)";
        assert_eq!(cause, Cause::told(ReasonCode::ActivationFailed, why));
        assert_eq!(started(saved, 'b').1, [roll_back(step.0, 2, 'b', 'a')]);
    }
}

#[test]
fn a_hold_stays() {
    let files = [
        (released!("held-failed"), "failed: why"),
        (
            released!("held-rolled-back"),
            "rolled back: the switch ended with exit code 2 (the activation script failed)",
        ),
        (
            released!("held-broken"),
            "the way back failed: the switch ended with exit code 2 (the activation script failed)",
        ),
    ];
    for (saved, reason) in files {
        let Hold { revision: held, reason: why, code, since } = &saved.ledger.held[0];
        assert_eq!((held, saved.ledger.held.len(), *since > Wall(0)), (&revision('b'), 1, true));
        assert_eq!(*code, None, "version 1 knew no words");
        assert!(why.starts_with(reason), "{why}");
        let mut machine = check_quiet(saved, 'a');
        machine.polled('b');
        machine.fetched(crate::Ancestry::Descendant);
        assert!(machine.state.gate().in_flight.is_none(), "nobody is asked about what is held");
        assert_eq!(machine.phase(), None);
    }
    let (machine, commands) = started(released!("building-beside-a-hold"), 'a');
    assert_eq!(machine.state.ledger.held[0].revision, revision('b'));
    assert_eq!(commands.len(), 1);
    assert!(matches!(&commands[0], Command::Build { revision: built, .. } if *built == revision('c')));
}

#[test]
fn refused_and_accepted() {
    let saved = released!("refused");
    let why = WhyRefused {
        reason: "bbbbbbb does not descend from aaaaaaa".into(),
        since: saved.branch.behind_since.expect("it is behind"),
    };
    let refused = tip(&saved).expect("it was refused");
    assert_eq!((&refused.revision, refused.refusal()), (&revision('b'), Some(&why)));
    assert_eq!(refused.compared_with(), Some(&revision('a')));
    let machine = check_quiet(saved, 'a');
    assert_eq!(machine.state.phase_name(), PhaseName::Idle, "it is refused still");

    let saved = released!("accepted");
    let accepted = tip(&saved).expect("it was accepted");
    assert_eq!((&accepted.revision, accepted.leave), (&revision('b'), true));
    assert_eq!((&accepted.ancestry, &saved.branch.leave), (&None, &None));
    let mut machine = check_quiet(saved, 'a');
    machine.polled('b');
    machine.fetched(crate::Ancestry::NotDescendant("why".into()));
    assert_eq!(machine.checked(crate::VerdictKind::Green), [build(3, 2, 'b')], "leave is not forgotten");
}

#[test]
fn paused() {
    let saved = released!("paused");
    let pause = saved.ledger.paused.as_ref().expect("a pause");
    assert_eq!((pause.reason.as_deref(), pause.by.as_str()), (Some("moving disks"), "poby"));
    assert_eq!(pause.until, Some(Wall(pause.since.0 + 7_200_000)));
    let mut machine = check_quiet(saved, 'a');
    machine.wait_until(machine.now + 7_200_000);
    assert_eq!(machine.state.ledger.paused, None, "it ends by itself");
}

#[test]
fn tries() {
    for (saved, (transient, hard)) in
        [(released!("tries-transient"), (1, 0)), (released!("tries-hard"), (0, 1))]
    {
        let failed = tip(&saved).expect("one failed");
        assert_eq!((&failed.revision, failed.tries), (&revision('b'), Tries { transient, hard }));
        let machine = check_quiet(saved, 'a');
        assert!(
            machine.state.wanted().is_some_and(|tip| tip.retry_at.0 > machine.now),
            "the back-off is not forgotten"
        );
    }
}

#[test]
fn ended_in_every_way() {
    let ends = [
        (released!("idle"), Outcome::Deployed),
        (released!("unchanged"), Outcome::Unchanged),
        (released!("degraded"), Outcome::Degraded),
        (released!("held-failed"), Outcome::Failed),
        (released!("held-rolled-back"), Outcome::RolledBack),
        (released!("held-broken"), Outcome::Broken),
        (released!("superseded"), Outcome::Superseded),
    ];
    assert_eq!(ends.each_ref().map(|(_, outcome)| outcome).len(), Outcome::ALL.len());
    for (saved, outcome) in ends {
        assert_eq!(saved.ledger.history.last().map(|record| record.outcome), Some(outcome));
        let total = saved.ledger.totals.outcomes.iter().find(|total| total.outcome == outcome);
        assert_eq!(total.map(|total| total.count), Some(1));
    }
}
