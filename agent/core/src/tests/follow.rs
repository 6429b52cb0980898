//! Polls and nudges: when the agent looks.

use alloc::string::ToString;

use super::machine::{Machine, revision, verdict};
use crate::{Command, Event, Millis, Verdict, VerdictKind};
use pull_agent_protocol::Trigger;

fn polls(commands: &[Command]) -> usize {
    commands.iter().filter(|command| matches!(command, Command::Poll { .. })).count()
}

fn checks(commands: &[Command]) -> usize {
    commands.iter().filter(|command| matches!(command, Command::Check { .. })).count()
}

fn poll_fails(machine: &mut Machine) -> u64 {
    machine.poll();
    let event = machine.polled_event(Err("no route".to_string()));
    machine.tell(event);
    machine.state.poll().next.0 - machine.now
}

#[test]
fn polls_come_an_interval_apart() {
    let mut machine = Machine::idle();
    machine.poll();
    machine.polled('a');
    assert_eq!(machine.state.poll().next.0 - machine.now, 48_000, "60 s less a fifth");
}

#[test]
fn failing_polls_back_off_to_five_intervals_and_no_further() {
    let mut machine = Machine::idle();
    let delays: alloc::vec::Vec<_> = (0..6).map(|_| poll_fails(&mut machine)).collect();
    assert_eq!(delays, [48_000, 96_000, 192_000, 240_000, 240_000, 240_000]);
    assert_eq!(machine.state.poll().error.as_deref(), Some("no route"));
    machine.poll();
    machine.polled('a');
    assert_eq!((machine.state.poll().failures, &machine.state.poll().error), (0, &None));
}

#[test]
fn failing_polls_of_a_short_interval_back_off_to_a_minute_and_no_further() {
    let mut machine = Machine::idle();
    machine.policy.poll_interval = Millis::seconds(2);
    for _ in 0..20 {
        assert!(poll_fails(&mut machine) <= 60_000);
    }
    assert_eq!(machine.state.poll().next.0 - machine.now, 48_000);
}

#[test]
fn a_poll_that_hangs_is_given_up_and_its_answer_is_late() {
    let mut machine = Machine::idle();
    machine.poll();
    let hangs = machine.state.poll().in_flight.expect("a poll runs");
    assert_eq!(hangs.until.0 - machine.now, 45_000);
    let late = machine.polled_event(Ok(revision('b')));
    machine.now = hangs.until.0;
    machine.check(Event::DeadlinePassed, &[], &["poll"]);
    assert_eq!(machine.state.poll().failures, 1);
    machine.check_ignored(late);
}

#[test]
fn a_fetch_that_fails_or_hangs_is_tried_again_with_back_off() {
    let mut machine = Machine::idle();
    machine.poll();
    machine.polled('b');
    let look = machine.state.fetch().in_flight.expect("a fetch runs").look;
    machine.check(Event::Fetched { look, result: Err("cut off".to_string()) }, &[], &["fetch"]);
    assert_eq!(machine.state.fetch().next.0 - machine.now, 48_000);
    machine.wait_until(machine.now + 48_000);
    let hangs = machine.state.fetch().in_flight.expect("it is tried again");
    assert_eq!(hangs.until.0 - machine.now, 360_000, "its own timeout and a minute to clean up");
    machine.now = hangs.until.0;
    machine.tell(Event::DeadlinePassed);
    assert_eq!((machine.state.fetch().failures, machine.state.fetch().in_flight), (2, None));
}

#[test]
fn a_nudge_polls_at_once_and_the_next_ones_share_a_poll() {
    let mut machine = Machine::idle();
    machine.now += 5_000;
    let nudge = || Event::Nudged { revision: None };
    assert_eq!(polls(&machine.tell(nudge())), 1);
    for _ in 0..100 {
        assert_eq!(polls(&machine.tell(nudge())), 0, "one runs already");
    }
    assert_eq!(polls(&machine.polled('a')), 0, "a second has not passed");
    assert_eq!(polls(&machine.wait_until(machine.now + 1_000)), 1, "one for all hundred");
    machine.polled('a');
    assert_eq!(polls(&machine.wait_until(machine.now + 40_000)), 0);
}

#[test]
fn a_nudge_is_the_trigger_of_what_it_brings() {
    let mut machine = Machine::idle();
    machine.now += 5_000;
    machine.tell(Event::Nudged { revision: None });
    machine.polled('b');
    assert_eq!(machine.state.wanted().map(|wanted| wanted.trigger), Some(Trigger::Nudge));
}

#[test]
fn a_nudge_whose_poll_fails_is_the_trigger_of_what_the_next_one_brings() {
    let mut machine = Machine::idle();
    machine.now += 5_000;
    machine.tell(Event::Nudged { revision: None });
    poll_fails(&mut machine);
    machine.poll();
    machine.polled('b');
    assert_eq!(machine.state.wanted().map(|wanted| wanted.trigger), Some(Trigger::Nudge));
}

#[test]
fn a_named_revision_is_looked_for_every_three_seconds_until_it_is_there() {
    let mut machine = Machine::idle();
    machine.now += 5_000;
    machine.tell(Event::Nudged { revision: Some(revision('b')) });
    for _ in 0..3 {
        machine.polled('a');
        assert_eq!(polls(&machine.wait_until(machine.now + 2_999)), 0);
        assert_eq!(polls(&machine.wait_until(machine.now + 1)), 1);
    }
    machine.polled('b');
    assert_eq!(machine.state.poll().quick, None);
    assert!(machine.state.poll().next.0 - machine.now >= 48_000);
}

#[test]
fn a_named_revision_that_never_comes_is_looked_for_no_longer_than_a_minute() {
    let mut machine = Machine::idle();
    let start = machine.now;
    machine.tell(Event::Nudged { revision: Some(revision('b')) });
    let mut count = 0;
    while machine.now < start + 57_001 {
        machine.polled('a');
        count += polls(&machine.wait_until(machine.now + 3_000));
    }
    assert_eq!(count, 20);
    machine.now = start + 60_000;
    machine.polled('a');
    assert_eq!(machine.state.poll().next.0 - machine.now, 48_000);
    assert_eq!(machine.state.poll().quick, None);
}

#[test]
fn a_named_revision_that_is_deployed_or_the_tip_is_not_waited_for() {
    let mut machine = Machine::idle();
    machine.tell(Event::Nudged { revision: Some(revision('a')) });
    assert_eq!(machine.state.poll().quick, None);
}

#[test]
fn a_nudge_asks_the_forge_at_once() {
    let mut machine = Machine::gating();
    machine.now += 2_000;
    assert_eq!(checks(&machine.tell(Event::Nudged { revision: None })), 1);
}

/// Nudges ten times a second for a minute, and answers at once that the forge knows nothing, so that each question is one that a
/// nudge has hurried. Returns how often was polled and asked.
fn flood(machine: &mut Machine) -> (usize, usize) {
    let (mut polled, mut asked) = (0, 0);
    let end = machine.now + 60_000;
    while machine.now < end {
        let commands = machine.tell(Event::Nudged { revision: None });
        polled += polls(&commands);
        asked += checks(&commands);
        if machine.state.poll().in_flight.is_some() {
            asked += checks(&machine.polled('b'));
        }
        if machine.state.gate().in_flight.is_some() {
            machine.checked(VerdictKind::Unavailable);
        }
        machine.now += 100;
    }
    (polled, asked)
}

#[test]
fn a_flood_of_nudges_asks_the_forge_five_times_and_then_every_fifteen_seconds() {
    let mut machine = Machine::gating();
    machine.now += 2_000;
    let (polled, asked) = flood(&mut machine);
    assert!((10..=20).contains(&polled), "polled {polled} times");
    // At most five and four more in the minute, and one that was due by itself.
    assert!((5..=10).contains(&asked), "asked {asked} times");
}

#[test]
fn a_nudge_while_the_forge_wants_to_be_left_alone_is_kept_for_its_end() {
    let mut machine = Machine::idle();
    machine.sees('b');
    let look = machine.state.gate().in_flight.expect("asked").look;
    let limited = Verdict { not_before: Some(Millis::seconds(600)), ..verdict(VerdictKind::Unavailable) };
    machine.tell(Event::Checked { look, verdict: limited });
    let end = machine.now + 600_000;
    machine.now += 5_000;
    assert_eq!(checks(&machine.tell(Event::Nudged { revision: None })), 0);
    let mut asked = 0;
    while machine.now < end - 1 {
        if machine.state.poll().in_flight.is_some() {
            machine.polled('b');
        }
        let next = (machine.now + 20_000).min(end - 1);
        asked += checks(&machine.wait_until(next));
    }
    assert_eq!(asked, 0);
    assert_eq!(checks(&machine.wait_until(end)), 1, "at its end, not an interval later");
}

#[test]
fn a_newer_tip_does_not_shorten_the_forges_rest() {
    let mut machine = Machine::idle();
    machine.sees('b');
    let look = machine.state.gate().in_flight.expect("asked").look;
    let limited = Verdict { not_before: Some(Millis::seconds(600)), ..verdict(VerdictKind::Unavailable) };
    machine.tell(Event::Checked { look, verdict: limited });
    machine.sees('c');
    assert!(machine.state.gate().in_flight.is_none());
}

#[test]
fn the_branch_goes_on_being_followed_in_every_phase() {
    for (phase, mut machine) in Machine::phases() {
        machine.poll();
        let commands = machine.polled('d');
        let fetched =
            commands.iter().any(|c| matches!(c, Command::Fetch { revision: r, .. } if *r == revision('d')));
        assert!(fetched, "{phase}");
    }
}

#[test]
fn a_host_is_behind_since_it_first_saw_something_that_does_not_run() {
    let mut machine = Machine::idle();
    machine.sees('b');
    let first = machine.clock().wall;
    assert_eq!(machine.state.behind_since(), Some(first));
    machine.sees('c');
    let second = machine.clock().wall;
    assert!(second > first, "polls are apart");
    assert_eq!(machine.state.behind_since(), Some(first), "a newer tip does not bring it closer");
    machine.sees_tip('a');
    assert_eq!(machine.state.behind_since(), None, "nothing is wanted");
}

#[test]
fn a_host_that_deployed_what_is_no_longer_the_tip_is_behind_since_the_newer_one_was_seen() {
    let mut machine = Machine::probing();
    machine.sees('c');
    let seen = machine.clock().wall;
    assert!(machine.state.behind_since().is_some_and(|since| since < seen), "since b was seen");
    machine.now += 1_000;
    machine.probed(&[]);
    assert_eq!(machine.state.ledger.deployed.as_ref().map(|d| &d.revision), Some(&revision('b')));
    assert_eq!(machine.state.behind_since(), Some(seen));
}

#[test]
fn another_source_forgets_what_was_wanted() {
    let mut machine = Machine::gating();
    machine.tell(Event::PolicyChanged { source_changed: true });
    assert_eq!(machine.state.wanted(), None);
    assert!(machine.state.poll().in_flight.is_some(), "and it is polled at once");
}
