//! Answers that nobody waits for any more.

use alloc::vec::Vec;

use super::machine::{Machine, failure, fetched, host, revision, system, verdict};
use crate::{Ancestry, Attempt, Event, Exit, FailureClass, VerdictKind};

/// One answer of each kind, with this number.
fn answers(attempt: Attempt) -> Vec<Event> {
    let other = || host('f', 'f');
    alloc::vec![
        Event::Polled { attempt, host: other(), result: Ok(revision('c')) },
        Event::Polled { attempt, host: other(), result: Err("down".into()) },
        Event::Fetched { attempt, result: Ok(fetched(Ancestry::NotDescendant("no".into()))) },
        Event::Fetched { attempt, result: Err("down".into()) },
        Event::Checked { attempt, verdict: verdict(VerdictKind::Green) },
        Event::Checked { attempt, verdict: verdict(VerdictKind::Red) },
        Event::Built { attempt, host: other(), result: Ok(system('f')) },
        Event::Built { attempt, host: other(), result: Err(failure(FailureClass::Deterministic)) },
        Event::Activated { attempt, exit: Exit::Code(0), host: other() },
        Event::Activated { attempt, exit: Exit::Busy, host: other() },
        Event::Probed { attempt, failures: Vec::new() },
        Event::Probed { attempt, failures: alloc::vec!["a unit failed".into()] },
        Event::RolledBack { attempt, exit: Exit::Code(0), host: other() },
    ]
}

#[test]
fn an_unknown_number_changes_nothing_in_any_phase() {
    for (_, machine) in Machine::phases() {
        for event in answers(Attempt(9999)) {
            machine.clone().check_ignored(event);
        }
    }
}

#[test]
fn the_right_number_in_an_answer_of_another_kind_changes_nothing() {
    for (phase, machine) in Machine::phases() {
        let Some(step) = machine.state.seen.work.in_flight else { continue };
        for event in answers(step) {
            let belongs = match event {
                Event::Built { .. } => phase == "building",
                Event::Activated { .. } => phase == "activating",
                Event::Probed { .. } => phase == "confirming",
                Event::RolledBack { .. } => phase == "rolling back",
                // Looks are numbered apart from steps, so that theirs may be the same.
                Event::Polled { .. } | Event::Fetched { .. } | Event::Checked { .. } => continue,
                Event::Started { .. }
                | Event::DeadlinePassed
                | Event::PolicyChanged { .. }
                | Event::Nudged { .. }
                | Event::PauseRequested { .. }
                | Event::ResumeRequested
                | Event::RetryRequested { .. }
                | Event::AcceptRequested { .. } => unreachable!("no answer"),
            };
            if !belongs {
                machine.clone().check_ignored(event);
            }
        }
    }
}

#[test]
fn an_answer_that_came_already_changes_nothing_when_it_comes_again() {
    let mut machine = Machine::building();
    let attempt = machine.step();
    machine.built('b', host('a', 'a'));
    machine.check_ignored(Event::Built { attempt, host: host('f', 'f'), result: Ok(system('f')) });
    let attempt = machine.step();
    machine.activated(Exit::Code(2), host('b', 'b'));
    machine.check_ignored(Event::Activated { attempt, exit: Exit::Code(0), host: host('b', 'b') });
}

#[test]
fn a_verdict_on_a_tip_that_was_replaced_changes_nothing() {
    let mut machine = Machine::idle();
    machine.sees('b');
    let question = machine.state.seen.gate.in_flight.expect("b is asked about").attempt;
    machine.poll();
    machine.polled('c');
    machine.check_ignored(Event::Checked { attempt: question, verdict: verdict(VerdictKind::Green) });
    machine.fetched(Ancestry::Descendant);
    machine.check_ignored(Event::Checked { attempt: question, verdict: verdict(VerdictKind::Green) });
}

#[test]
fn a_fetch_of_a_tip_that_was_replaced_changes_nothing() {
    let mut machine = Machine::idle();
    machine.poll();
    machine.polled('b');
    let attempt = machine.state.seen.fetch.in_flight.expect("b is fetched").attempt;
    machine.poll();
    machine.polled('c');
    machine.check_ignored(Event::Fetched { attempt, result: Ok(fetched(Ancestry::Descendant)) });
}

#[test]
fn a_poll_that_was_given_up_is_late_while_another_one_runs() {
    let mut machine = Machine::idle();
    machine.poll();
    let late = machine.polled_event(Ok(revision('c')));
    machine.now = machine.state.seen.poll.in_flight.expect("a poll runs").until.0;
    machine.tell(Event::DeadlinePassed);
    machine.poll();
    machine.check_ignored(late);
}

#[test]
fn a_fetch_that_was_given_up_is_late_while_another_one_runs() {
    let mut machine = Machine::idle();
    machine.poll();
    machine.polled('b');
    let first = machine.state.seen.fetch.in_flight.expect("b is fetched");
    machine.now = first.until.0;
    machine.tell(Event::DeadlinePassed);
    while machine.state.seen.fetch.in_flight.is_none() {
        machine.wait_until(machine.now + 1_000);
    }
    machine
        .check_ignored(Event::Fetched { attempt: first.attempt, result: Ok(fetched(Ancestry::Descendant)) });
}
