//! A revision without the signatures that the operator wants is refused, and nothing that is said to the agent changes that.

use alloc::borrow::ToOwned as _;

use super::machine::{Machine, build, fetched, host, revision};
use crate::{Ancestry, Command, Event, Exit, Fetched, ReasonCode, VerdictKind};

fn refused() -> Machine {
    let mut machine = Machine::idle();
    machine.sees_tip('b');
    assert!(machine.fetched_untrusted("b is not signed").is_empty(), "the forge is not even asked");
    machine
}

fn reason(machine: &Machine) -> Option<&str> {
    machine.state.wanted()?.refusal().map(|refusal| refusal.reason.as_str())
}

#[test]
fn it_is_refused_and_nothing_but_a_fetch_follows() {
    let mut machine = refused();
    assert_eq!(reason(&machine), Some("b is not signed"));
    let commands = machine.wait_until(machine.now + 20_000);
    assert!(commands.iter().all(|command| matches!(command, Command::Poll { .. })));
}

#[test]
fn accept_and_retry_do_not_help() {
    let mut machine = refused();
    let before = machine.state.clone();
    machine.tell(Event::AcceptRequested { revision: revision('b') });
    assert_eq!(machine.state, before, "it says so, and changes nothing");
    machine.tell(Event::RetryRequested { revision: Some(revision('b')) });
    for _ in 0..4 {
        if machine.state.fetch().in_flight.is_some() {
            machine.fetched_untrusted("b is not signed");
        }
        assert_eq!((machine.state.gate().in_flight, machine.state.deployment().is_none()), (None, true));
        machine.now += 2_000;
        machine.tell(Event::DeadlinePassed);
    }
}

#[test]
fn leave_does_not_count_against_a_signature() {
    let mut machine = Machine::idle();
    machine.tell(Event::AcceptRequested { revision: revision('b') });
    if machine.state.poll().in_flight.is_none() {
        machine.poll();
    }
    machine.polled('b');
    assert!(machine.fetched_untrusted("b is not signed").is_empty());
    assert_eq!(reason(&machine), Some("b is not signed"));
    machine.sees_tip('b');
    machine.fetched(Ancestry::NotDescendant("no".to_owned()));
    assert_eq!(reason(&machine), None, "and is still there once the signature is good");
}

#[test]
fn each_poll_has_it_looked_at_again() {
    let mut machine = refused();
    let since = machine.state.wanted().and_then(|it| it.refusal()).expect("refused").since;
    machine.sees_tip('b');
    assert_eq!(reason(&machine), Some("b is not signed"), "it is refused meanwhile");
    machine.fetched_untrusted("b is not signed");
    let still = machine.state.wanted().and_then(|it| it.refusal()).expect("refused");
    assert_eq!(still.since, since, "it is refused since then");
    machine.sees_tip('b');
    machine.now += 10_000;
    machine.fetched(Ancestry::Descendant);
    assert_eq!(reason(&machine), None);
    assert_eq!(
        machine.checked(VerdictKind::Green),
        [build(3, 2, 'b')],
        "the file of the keys has its key now"
    );
}

#[test]
fn it_is_refused_before_the_first_deployment_too() {
    let mut machine = Machine::new();
    machine.polled('a');
    let look = machine.state.fetch().in_flight.expect("a fetch runs").look;
    let untrusted = Some("a is not signed".to_owned());
    let result = Ok(Fetched { untrusted, ..fetched(Ancestry::NothingDeployed) });
    assert!(machine.tell(Event::Fetched { look, result }).is_empty());
    assert_eq!(reason(&machine), Some("a is not signed"));
    assert_eq!(machine.state.wanted().and_then(|it| it.compared_with()), None);
}

#[test]
fn what_is_being_deployed_is_not_withdrawn_for_it() {
    let mut machine = Machine::idle();
    machine.sees('b');
    machine.checked(VerdictKind::Green);
    machine.sees_tip('c');
    let commands = machine.fetched_untrusted("c is not signed");
    assert!(!commands.iter().any(|it| matches!(it, Command::CancelBuild { .. })), "{commands:?}");
    machine.built('b', host('a', 'a'));
    machine.activated(Exit::Code(0), host('b', 'b'));
    assert!(machine.state.deployment().is_some_and(|it| it.candidate.revision == revision('b')));
}

#[test]
fn what_fails_transiently_is_not_built_again_once_it_is_refused() {
    let mut machine = Machine::idle();
    machine.sees('b');
    machine.checked(VerdictKind::Green);
    machine.build_failed(ReasonCode::Network);
    machine.tell(Event::PolicyChanged { source_changed: false });
    assert!(machine.state.fetch().in_flight.is_some(), "signatures may be wanted now");
    machine.fetched_untrusted("b is not signed");
    let commands = machine.wait_until(machine.now + 3_600_000 / 60);
    assert!(!commands.iter().any(|it| matches!(it, Command::Build { .. })), "{commands:?}");
}

#[test]
fn an_older_green_commit_must_be_signed_too() {
    let mut machine = super::look_back::stuck();
    machine.looked_back('b');
    assert!(machine.fetched_untrusted("b is not signed").is_empty());
    assert!(machine.state.deployment().is_none());
}
