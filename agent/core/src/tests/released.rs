//! State files as the first released program wrote them, in every phase: each is read, and the core goes on from it as the
//! program that wrote it would have. The files are never changed.
extern crate std;

use alloc::vec::Vec;

use super::machine::{Machine, activate, build, host, revision, roll_back, system};
use crate::saved::{Read, v1, v2};
use crate::{Attempt, Command, DeploymentId, Event, Exit, Hold, Phase, Saved, Wall};
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
    let Read { saved: renewed, .. } = v2::File::from(&saved).try_into().expect("it is understood");
    assert_eq!(Saved { held: saved.held.clone(), ..renewed }, saved, "version 2 has a place for everything");
    saved
}

/// The released program's state, taken up by this one on a host that runs and boots this system.
fn started(saved: Saved, current: char) -> (Machine, Vec<Command>) {
    let mut machine = Machine::new();
    machine.state.saved = saved;
    let before = machine.state.saved.clone();
    let mut commands = machine.restart(host(current, current));
    assert_eq!(machine.state.saved, before, "a start alone decides nothing");
    assert!(commands.iter().any(|command| matches!(command, Command::Poll { .. })), "it polls at once");
    commands.retain(|command| !matches!(command, Command::Poll { .. } | Command::Fetch { .. }));
    (machine, commands)
}

/// Nothing is done but looking; returns the machine for more.
#[track_caller]
fn check_quiet(saved: Saved, current: char) -> Machine {
    assert_eq!(saved.current, None);
    let (machine, commands) = started(saved, current);
    assert_eq!(commands, []);
    machine
}

#[track_caller]
fn check_ended(machine: &Machine, id: u64, outcome: Outcome) {
    let record = machine.state.saved.history.last().expect("it ended");
    assert_eq!((record.id, record.outcome), (DeploymentId(id), outcome));
}

fn phase(saved: &Saved) -> &Phase {
    &saved.current.as_ref().expect("a deployment").phase
}

#[test]
fn before_the_first_deployment() {
    let saved = released!("first-start");
    assert_eq!((saved.deployed.as_ref(), saved.next_deployment), (None, 1));
    check_quiet(saved, '0');

    let (mut machine, commands) = started(released!("building-first"), '0');
    assert_eq!(commands, [build(1, 1, 'a')]);
    assert_eq!(machine.built('a', host('0', '0')), [activate(2, 1, 'a', '0')]);
}

#[test]
fn idle() {
    let saved = released!("idle");
    let deployed = saved.deployed.as_ref().expect("a deployment was confirmed");
    assert_eq!((&deployed.revision, &deployed.system), (&revision('a'), &system('a')));
    assert_eq!((saved.history.len(), saved.totals.phases.len()), (1, 4));
    check_quiet(saved, 'a');
}

#[test]
fn gating() {
    let saved = released!("gating");
    let wanted = saved.wanted.as_ref().expect("it waits for its checks");
    assert_eq!((&wanted.revision, wanted.trigger), (&revision('b'), Trigger::Poll));
    assert_eq!((wanted.subject.as_deref(), wanted.author.as_deref()), (Some("subject"), Some("author")));
    assert_eq!(Some(wanted.seen_at), saved.behind_since);
    check_quiet(saved, 'a');
}

#[test]
fn building() {
    let (mut machine, commands) = started(released!("building"), 'a');
    assert_eq!(commands, [build(3, 2, 'b')]);
    assert_eq!(machine.built('b', host('a', 'a')), [activate(4, 2, 'b', 'a')]);
}

#[test]
fn built_and_paused() {
    let saved = released!("built");
    assert_eq!(phase(&saved), &Phase::Built);
    assert_eq!(saved.paused.as_ref().map(|pause| pause.by.as_str()), Some("poby"));
    let (mut machine, commands) = started(saved, 'a');
    assert_eq!(commands, []);
    assert_eq!(machine.tell(Event::ResumeRequested), [build(4, 2, 'b')]);
}

#[test]
fn activating() {
    let (mut machine, commands) = started(released!("activating"), 'b');
    assert_eq!(commands, [activate(4, 2, 'b', 'a')]);
    machine.activated(Exit::Code(0), host('b', 'b'));
    assert_eq!(machine.phase(), Some(&Phase::Confirming { units_failed: false }));

    let saved = released!("activating-killed-once");
    assert_eq!(phase(&saved), &Phase::Activating { attempt: Attempt(5), killed: 1 });
    assert_eq!(started(saved, 'a').1, [activate(5, 2, 'b', 'a')]);
}

#[test]
fn busy() {
    let saved = released!("busy");
    assert_eq!(saved.current.as_ref().map(|current| current.busy), Some(1));
    let (mut machine, commands) = started(saved, 'a');
    assert_eq!(commands, []);
    assert!(machine.wait_until(machine.now + 10_000).contains(&build(5, 2, 'b')));
}

#[test]
fn confirming() {
    for (saved, units_failed) in
        [(released!("confirming"), false), (released!("confirming-units-failed"), true)]
    {
        assert_eq!(phase(&saved), &Phase::Confirming { units_failed });
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
    assert_eq!(commands, [roll_back(5, 2, 'a')]);
    machine.rolled_back(Exit::Code(0), host('a', 'a'));
    check_ended(&machine, 2, Outcome::RolledBack);
    assert_eq!(machine.state.saved.held[0].revision, revision('b'));

    let tried = [(released!("rolling-back-waited"), (0, 1)), (released!("rolling-back-failed-once"), (1, 0))];
    for (saved, tries) in tried {
        let Phase::RollingBack { failed_in, failed, waited, .. } = phase(&saved) else {
            panic!("{:?}", phase(&saved));
        };
        assert_eq!((*failed_in, *failed, *waited), (PhaseName::Activating, tries.0, tries.1));
        let Phase::RollingBack { attempt, .. } = *phase(&saved) else { return };
        assert_eq!(started(saved, 'b').1, [roll_back(attempt.0, 2, 'a')]);
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
        let Hold { revision: held, reason: why, since } = &saved.held[0];
        assert_eq!((held, saved.held.len(), *since > Wall(0)), (&revision('b'), 1, true));
        assert!(why.starts_with(reason), "{why}");
        let mut machine = check_quiet(saved, 'a');
        machine.polled('b');
        machine.fetched(crate::Ancestry::Descendant);
        assert!(machine.state.seen.gate.in_flight.is_none(), "nobody is asked about what is held");
        assert_eq!(machine.phase(), None);
    }
    let (machine, commands) = started(released!("building-beside-a-hold"), 'a');
    assert_eq!(machine.state.saved.held[0].revision, revision('b'));
    assert_eq!(commands.len(), 1);
    assert!(matches!(&commands[0], Command::Build { revision: built, .. } if *built == revision('c')));
}

#[test]
fn refused_and_accepted() {
    let saved = released!("refused");
    let refused = saved.refused.as_ref().expect("it was refused");
    assert_eq!((&refused.revision, &refused.deployed), (&revision('b'), &revision('a')));
    assert_eq!(refused.reason, "bbbbbbb does not descend from aaaaaaa");
    check_quiet(saved, 'a');

    let saved = released!("accepted");
    assert_eq!((saved.accepted.as_ref(), saved.refused.as_ref()), (Some(&revision('b')), None));
    check_quiet(saved, 'a');
}

#[test]
fn paused() {
    let saved = released!("paused");
    let pause = saved.paused.as_ref().expect("a pause");
    assert_eq!((pause.reason.as_deref(), pause.by.as_str()), (Some("moving disks"), "poby"));
    assert_eq!(pause.until, Some(Wall(pause.since.0 + 7_200_000)));
    let mut machine = check_quiet(saved, 'a');
    machine.wait_until(machine.now + 7_200_000);
    assert_eq!(machine.state.saved.paused, None, "it ends by itself");
}

#[test]
fn tries() {
    for (saved, (transient, hard)) in
        [(released!("tries-transient"), (1, 0)), (released!("tries-hard"), (0, 1))]
    {
        let tries = saved.tries.as_ref().expect("one failed");
        assert_eq!((&tries.revision, tries.transient, tries.hard), (&revision('b'), transient, hard));
        let machine = check_quiet(saved, 'a');
        assert!(machine.state.seen.retry_at.0 > machine.now, "the back-off is not forgotten");
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
        assert_eq!(saved.history.last().map(|record| record.outcome), Some(outcome));
        let total = saved.totals.outcomes.iter().find(|total| total.outcome == outcome);
        assert_eq!(total.map(|total| total.count), Some(1));
    }
}
