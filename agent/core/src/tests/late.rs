//! Answers that nobody waits for any more.

use alloc::vec::Vec;

use super::machine::{Machine, below, failure, fetched, host, ill, revision, system, verdict};
use crate::{Ancestry, BuildEnd, Event, Exit, LookNumber, ReasonCode, StepNumber, VerdictKind};
/// One answer of each kind, with this number.
fn answers(look: LookNumber, step: StepNumber) -> Vec<Event> {
    let other = || host('f', 'f');
    alloc::vec![
        Event::Polled { look, host: other(), result: Ok(revision('c')) },
        Event::Polled { look, host: other(), result: Err("down".into()) },
        Event::Fetched { look, result: Ok(fetched(Ancestry::NotDescendant("no".into()))) },
        Event::Fetched { look, result: Err("down".into()) },
        Event::Checked { look, verdict: verdict(VerdictKind::Green) },
        Event::Checked { look, verdict: verdict(VerdictKind::Red) },
        Event::CheckedAgain { look, host: other(), verdict: verdict(VerdictKind::Green) },
        Event::CheckedAgain { look, host: other(), verdict: verdict(VerdictKind::Red) },
        Event::LookedBack { look, result: Ok(below('c')) },
        Event::LookedBack { look, result: Err("down".into()) },
        Event::Built { step, host: other(), end: BuildEnd::Built(system('f')) },
        Event::Built { step, host: other(), end: failure(ReasonCode::BuildFailed) },
        Event::Activated { step, exit: Exit::Code(0), host: other() },
        Event::Activated { step, exit: Exit::Busy, host: other() },
        Event::Probed { look, failures: Vec::new() },
        Event::Probed { look, failures: ill(&["a unit failed"]) },
        Event::Activated { step, exit: Exit::Code(0), host: other() },
    ]
}

#[test]
fn an_unknown_number_changes_nothing_in_any_phase() {
    for (_, machine) in Machine::phases() {
        for event in answers(LookNumber(9999), StepNumber(9999)) {
            machine.clone().check_ignored(event);
        }
    }
}

#[test]
fn the_right_number_in_an_answer_of_another_kind_changes_nothing() {
    for (phase, machine) in Machine::phases() {
        let work = machine.state.work();
        let probes = work.probes.or(work.question).map(|looked| looked.look);
        let (look, step) =
            (probes.unwrap_or(LookNumber(9999)), machine.running_step().unwrap_or(StepNumber(9999)));
        for event in answers(look, step) {
            let belongs = match event {
                Event::Built { .. } => phase == "building",
                Event::Activated { .. } => phase == "activating" || phase == "rolling back",
                Event::Probed { .. } => phase == "confirming",
                Event::CheckedAgain { .. } => phase == "ready, verdict old",
                // The lanes number their looks apart, so that theirs may be the same.
                Event::Polled { .. }
                | Event::Fetched { .. }
                | Event::Checked { .. }
                | Event::LookedBack { .. } => continue,
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
    let step = machine.step();
    machine.built('b', host('a', 'a'));
    machine.check_ignored(Event::Built { step, host: host('f', 'f'), end: BuildEnd::Built(system('f')) });
    let step = machine.step();
    machine.activated(Exit::Code(2), host('b', 'b'));
    machine.check_ignored(Event::Activated { step, exit: Exit::Code(0), host: host('b', 'b') });
}

#[test]
fn a_verdict_on_a_tip_that_was_replaced_changes_nothing() {
    let mut machine = Machine::idle();
    machine.sees('b');
    let question = machine.state.gate().in_flight.expect("b is asked about").look;
    machine.poll();
    machine.polled('c');
    machine.check_ignored(Event::Checked { look: question, verdict: verdict(VerdictKind::Green) });
    machine.fetched(Ancestry::Descendant);
    machine.check_ignored(Event::Checked { look: question, verdict: verdict(VerdictKind::Green) });
}

#[test]
fn a_fetch_of_a_tip_that_was_replaced_changes_nothing() {
    let mut machine = Machine::idle();
    machine.poll();
    machine.polled('b');
    let look = machine.state.fetch().in_flight.expect("b is fetched").look;
    machine.poll();
    machine.polled('c');
    machine.check_ignored(Event::Fetched { look, result: Ok(fetched(Ancestry::Descendant)) });
}

#[test]
fn a_poll_that_was_given_up_is_late_while_another_one_runs() {
    let mut machine = Machine::idle();
    machine.poll();
    let late = machine.polled_event(Ok(revision('c')));
    machine.now = machine.state.poll().in_flight.expect("a poll runs").until.0;
    machine.tell(Event::DeadlinePassed);
    machine.poll();
    machine.check_ignored(late);
}

#[test]
fn a_fetch_that_was_given_up_is_late_while_another_one_runs() {
    let mut machine = Machine::idle();
    machine.poll();
    machine.polled('b');
    let first = machine.state.fetch().in_flight.expect("b is fetched");
    machine.now = first.until.0;
    machine.tell(Event::DeadlinePassed);
    while machine.state.fetch().in_flight.is_none() {
        machine.wait_until(machine.now + 1_000);
    }
    machine.check_ignored(Event::Fetched { look: first.look, result: Ok(fetched(Ancestry::Descendant)) });
}
