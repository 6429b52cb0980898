//! How a switch can end, and the probes after it.

use alloc::borrow::ToOwned;
use alloc::string::String;

use super::machine::{
    Machine, activate, activate_again, before, between, build, host, ill, revision, roll_back,
};
use crate::{
    Ancestry, Cause, Command, DeploymentId, Event, Exit, HostView, Millis, OnUnhealthy, Phase, ReasonCode,
    StepNumber, VerdictKind, Wait,
};
use pull_agent_protocol::{Outcome, Phase as PhaseName};

fn last(machine: &Machine) -> (Outcome, Option<PhaseName>, Option<String>) {
    let record = machine.state.ledger.history.last().expect("a deployment ended");
    (record.outcome, record.phase, record.cause.as_ref().map(Cause::sentence))
}

fn ends(exit: Exit, host: HostView) -> (Machine, alloc::vec::Vec<Command>) {
    let mut machine = Machine::activating();
    let commands = machine.activated(exit, host);
    (machine, commands)
}

#[test]
fn a_switch_that_ended_well_is_probed_after_it_has_settled() {
    let mut machine = Machine::activating();
    let event = Event::Activated { step: machine.step(), exit: Exit::Code(0), host: host('b', 'b') };
    machine.check(event, &[], &["deployment", "host", "work", "shown"]);
    assert!(machine.wait_until(machine.now + 9_999).is_empty());
    let commands = machine.wait_until(machine.now + 1);
    assert_eq!(commands, [Command::Probe { look: machine.look(), deployment: DeploymentId(2) }]);
}

#[test]
fn nothing_was_activated_so_the_deployment_failed_and_is_held() {
    for (code, words) in [(1, ""), (100, " (a reboot is required)")] {
        let (machine, commands) = ends(Exit::Code(code), host('a', 'a'));
        assert!(commands.is_empty());
        let reason =
            alloc::format!("the switch ended with exit code {code}{words} before anything was activated");
        assert_eq!(last(&machine), (Outcome::Failed, Some(PhaseName::Activating), Some(reason)));
        assert_eq!(machine.state.ledger.held[0].revision, revision('b'));
    }
}

#[test]
fn something_was_activated_so_it_goes_back() {
    let exits = [
        (Exit::Code(1), "the switch ended with exit code 1"),
        (Exit::Code(2), "the switch ended with exit code 2 (the activation script failed)"),
        (Exit::Code(100), "the switch ended with exit code 100 (a reboot is required)"),
        (Exit::Code(101), "the switch ended with exit code 101 (the switch panicked)"),
        (Exit::Signal(9), "the switch was ended by signal 9"),
    ];
    for (exit, expected) in exits {
        let (machine, commands) = ends(exit, host('b', 'b'));
        assert_eq!(commands, [roll_back(5, 2, 'b', 'a')]);
        let Some(Phase::RollingBack { failed_in, cause, .. }) = machine.phase() else { panic!("{expected}") };
        assert_eq!((*failed_in, cause.sentence().as_str()), (PhaseName::Activating, expected));
    }
}

#[test]
fn a_failed_switch_that_left_the_profile_behind_goes_back() {
    for exit in [Exit::Code(1), Exit::Code(100), before(ReasonCode::DiskFull, "no space")] {
        assert_eq!(ends(exit, host('a', 'b')).1, [roll_back(5, 2, 'b', 'a')]);
    }
}

#[test]
fn a_disk_that_was_full_does_not_count_against_the_revision_on_the_way_back_either() {
    let (mut machine, commands) = ends(before(ReasonCode::DiskFull, "no space"), host('a', 'b'));
    assert_eq!(commands, [roll_back(5, 2, 'b', 'a')], "the profile was left behind");
    machine.activated(Exit::Code(0), host('a', 'a'));
    assert_eq!(last(&machine).0, Outcome::RolledBack);
    assert!(machine.state.ledger.held.is_empty());
    assert_eq!(machine.state.wanted().map(|tip| tip.tries.count()), Some(1), "tried again, later");
}

#[test]
fn a_failed_script_goes_back_wherever_it_stopped() {
    for exit in [Exit::Code(2), Exit::Code(4), Exit::Code(101), Exit::Signal(15)] {
        assert_eq!(ends(exit, host('a', 'a')).1, [roll_back(5, 2, 'b', 'a')]);
    }
}

#[test]
fn another_system_than_was_built_is_a_failed_activation() {
    for other in ['a', 'c'] {
        let (machine, commands) = ends(Exit::Code(0), host(other, 'b'));
        assert_eq!(commands, [roll_back(5, 2, 'b', 'a')]);
        let Some(Phase::RollingBack { cause, .. }) = machine.phase() else { panic!("no way back") };
        assert_eq!(cause, &Cause::OtherSystemRuns);
    }
}

#[test]
fn a_switch_that_could_not_start_is_tried_again_later() {
    let (mut machine, commands) =
        ends(before(ReasonCode::DiskFull, "no space left on device"), host('a', 'a'));
    assert!(commands.is_empty());
    let reason = Some("no space left on device".to_owned());
    assert_eq!(last(&machine), (Outcome::Failed, Some(PhaseName::Activating), reason));
    assert!(machine.state.ledger.held.is_empty());
    let commands = machine.wait_until(machine.state.wanted().expect("wanted").retry_at.0);
    assert!(commands.contains(&build(5, 3, 'b')), "{commands:?}");
}

#[test]
fn busy_is_no_failure_and_begins_anew_with_the_build() {
    let (mut machine, commands) = ends(Exit::Busy, host('a', 'a'));
    assert!(commands.is_empty());
    assert!(matches!(machine.phase(), Some(Phase::Ready { busy: true, killed: 0, .. })));
    assert_eq!(machine.state.ledger.history.len(), 1);
    assert!(machine.wait_until(machine.now + 3_999).is_empty());
    assert_eq!(machine.wait_until(machine.now + 1), [build(5, 2, 'b')], "5 s less a fifth");
    // Meanwhile the person switched to system d: that is where the way back leads now.
    assert_eq!(machine.built('b', host('d', 'd')), [activate(6, 2, 'b', 'd')]);
}

#[test]
fn busy_backs_off_to_a_minute_and_never_fails() {
    let mut machine = Machine::busy();
    machine.policy.verdict_max_age = Millis(u64::MAX);
    for _ in 0..100 {
        let delay = machine.state.work().next.0 - machine.now;
        assert!((4_000..=60_000).contains(&delay), "{delay}");
        machine.now = machine.state.work().next.0;
        machine.tell(Event::DeadlinePassed);
        machine.built('b', host('a', 'a'));
        machine.activated(Exit::Busy, host('a', 'a'));
    }
    assert_eq!(machine.state.work().next.0 - machine.now, 48_000);
    assert!(matches!(machine.phase(), Some(Phase::Ready { busy: true, killed: 0, .. })));
    assert!(machine.state.ledger.held.is_empty());
}

#[test]
fn a_newer_green_tip_takes_the_place_of_a_busy_one() {
    let mut machine = Machine::busy();
    let mut slow = machine.clone();
    slow.now += 2_000;
    slow.tell(Event::Nudged { revision: None });
    slow.polled('c');
    slow.fetched(Ancestry::Descendant);
    assert_eq!(slow.checked(VerdictKind::Green), [build(5, 3, 'c')]);
    assert_eq!(last(&slow).0, Outcome::Superseded);
    machine.tell(Event::PauseRequested { until: None, reason: None, by: "poby".to_owned() });
    assert!(machine.wait_until(machine.now + 30_000).is_empty(), "and a pause keeps it");
}

#[test]
fn a_host_that_booted_into_a_switch_that_did_nothing_is_probed() {
    for exit in [Exit::Busy, before(ReasonCode::DiskFull, "no space")] {
        let (machine, commands) = ends(exit, host('b', 'b'));
        assert!(commands.is_empty());
        assert!(matches!(machine.phase(), Some(Phase::Confirming { units_failed: false, .. })));
    }
}

#[test]
fn a_killed_switch_is_run_again_to_its_end() {
    let (mut machine, commands) = ends(Exit::Killed, host('a', 'a'));
    assert_eq!(commands, [activate_again(5, 2, 'b', 'a')]);
    let phase = Phase::Activating { step: StepNumber(5), built: between('b', 'a'), killed: 1 };
    assert_eq!(machine.phase(), Some(&phase));
    assert!(machine.activated(Exit::Code(0), host('b', 'b')).is_empty());
    assert!(matches!(machine.phase(), Some(Phase::Confirming { units_failed: false, .. })));
}

#[test]
fn a_killed_switch_is_not_done_because_the_links_have_moved() {
    let mut machine = Machine::activating();
    for number in 5..9 {
        assert_eq!(machine.activated(Exit::Killed, host('b', 'b')), [activate_again(number, 2, 'b', 'a')]);
    }
    let commands = machine.activated(Exit::Killed, host('b', 'b'));
    assert_eq!(commands, [roll_back(9, 2, 'b', 'a')], "killed five times in a row");
    let Some(Phase::RollingBack { cause, .. }) = machine.phase() else { panic!("no way back") };
    assert_eq!(cause, &Cause::SwitchKilled);
}

/// A switch that was killed half-way, and another activation is at work when it is to be done again.
fn killed_then_busy(exit: Exit) -> Machine {
    let (mut machine, _) = ends(Exit::Killed, host('b', 'b'));
    assert!(machine.activated(exit, host('b', 'b')).is_empty());
    assert!(matches!(machine.phase(), Some(Phase::Ready { busy: true, killed: 1, .. })));
    machine
}

#[test]
fn a_killed_switch_that_cannot_be_done_again_yet_is_not_done_either() {
    for exit in [Exit::Busy, before(ReasonCode::DiskFull, "no space left on device")] {
        let mut machine = killed_then_busy(exit);
        let due = machine.state.work().next.0;
        let commands = machine.wait_until(due);
        assert!(
            commands.contains(&activate_again(6, 2, 'b', 'a')),
            "no build, which finds that it runs: {commands:?}"
        );
    }
}

#[test]
fn a_killed_switch_goes_on_although_a_newer_tip_is_green_and_after_a_restart() {
    let mut machine = killed_then_busy(Exit::Busy);
    machine.now += 1_500;
    machine.tell(Event::Nudged { revision: None });
    machine.polled('c');
    machine.fetched(Ancestry::Descendant);
    machine.checked(VerdictKind::Green);
    assert!(matches!(machine.phase(), Some(Phase::Ready { killed: 1, .. })), "{:?}", machine.phase());
    machine.wait_until(machine.state.work().next.0);
    assert!(matches!(machine.phase(), Some(Phase::Activating { killed: 1, .. })), "{:?}", machine.phase());
    let mut machine = killed_then_busy(Exit::Busy);
    machine.restart(host('b', 'b'));
    let commands = machine.wait_until(machine.now + 10_000);
    assert!(commands.contains(&activate_again(6, 2, 'b', 'a')), "{commands:?}");
}

#[test]
fn a_killed_switch_is_begun_anew_where_somebody_else_has_switched_since() {
    let mut machine = killed_then_busy(Exit::Busy);
    machine.restart(host('d', 'd'));
    let commands = machine.wait_until(machine.now + 10_000);
    assert!(commands.contains(&build(6, 2, 'b')), "{commands:?}");
}

#[test]
fn a_pause_does_not_leave_the_host_between_two_systems() {
    let mut machine = killed_then_busy(Exit::Busy);
    machine.tell(Event::PauseRequested { until: None, reason: None, by: "root".to_owned() });
    assert_eq!(machine.state.waits_for(), [Wait::OtherActivation]);
    let due = machine.state.work().next.0;
    assert!(machine.wait_until(due).contains(&activate_again(6, 2, 'b', 'a')));
}

#[test]
fn a_boot_default_that_stays_with_what_was_never_activated_is_not_forgotten() {
    let (mut machine, _) = ends(Exit::Busy, host('a', 'b'));
    machine.now += 3_000;
    machine.tell(Event::Nudged { revision: None });
    let look = machine.state.poll().in_flight.expect("a poll runs").look;
    let withdrawn = Event::Polled { look, host: host('a', 'b'), result: Ok(revision('a')) };
    let mut commands = machine.tell(withdrawn);
    commands.extend(machine.wait_until(machine.state.work().next.0));
    assert!(commands.contains(&activate_again(5, 2, 'b', 'a')), "done to its end: {commands:?}");
    assert!(machine.activated(Exit::Code(1), host('a', 'b')).contains(&roll_back(6, 2, 'b', 'a')));
}

#[test]
fn a_switch_that_was_killed_and_then_fails_goes_back() {
    for exit in [Exit::Code(1), before(ReasonCode::ActivationFailed, "no such program")] {
        let (mut machine, _) = ends(Exit::Killed, host('a', 'a'));
        assert_eq!(
            machine.activated(exit, host('a', 'a')),
            [roll_back(6, 2, 'b', 'a')],
            "it may be half done"
        );
    }
}

#[test]
fn probes_that_pass_end_it_well() {
    let mut machine = Machine::probing();
    let event = Event::Probed { look: machine.look(), failures: alloc::vec![] };
    machine.check(
        event,
        &[],
        &[
            "deployed",
            "deployment",
            "wanted",
            "behind_since",
            "look_back",
            "history",
            "totals",
            "fetch",
            "gate",
            "work",
            "shown",
        ],
    );
    assert_eq!(last(&machine), (Outcome::Deployed, None, None));
    let deployed = machine.state.ledger.deployed.clone().expect("deployed");
    assert_eq!((deployed.revision, deployed.compared), (revision('b'), true));
}

#[test]
fn failed_units_are_left_to_the_probes_that_look_at_units() {
    let mut machine = Machine::activating();
    machine.activated(Exit::Code(4), host('b', 'b'));
    assert!(matches!(machine.phase(), Some(Phase::Confirming { units_failed: true, .. })));
    machine.wait_until(machine.now + 10_000);
    machine.probed(&[]);
    assert_eq!(last(&machine).0, Outcome::Deployed);
}

#[test]
fn failed_units_that_nobody_probes_make_it_degraded() {
    let mut machine = Machine::activating();
    machine.policy.units_probed = false;
    machine.activated(Exit::Code(4), host('b', 'b'));
    machine.wait_until(machine.now + 10_000);
    machine.probed(&[]);
    let reason = "the switch ended with exit code 4: some units failed".to_owned();
    assert_eq!(last(&machine), (Outcome::Degraded, Some(PhaseName::Activating), Some(reason)));
    assert_eq!(machine.state.ledger.deployed.map(|d| d.revision), Some(revision('b')));
}

/// Fails every probe until something else than a probe is asked for, and returns that with the time it took.
fn fail_until_the_end(machine: &mut Machine) -> (alloc::vec::Vec<Command>, u64) {
    let entered = machine.state.work().since.0;
    loop {
        machine.probed(&["unit a.service failed", "exit code 1"]);
        let due =
            crate::deadline(&machine.policy, &machine.state, machine.clock()).expect("it is probed again");
        machine.now = due.0;
        let commands = machine.tell(Event::DeadlinePassed);
        let commands: alloc::vec::Vec<_> = commands
            .into_iter()
            .filter(|c| !matches!(c, Command::Poll { .. } | Command::Probe { .. }))
            .collect();
        if !commands.is_empty() || machine.phase().is_none() {
            return (commands, machine.now - entered);
        }
        if machine.state.poll().in_flight.is_some() {
            machine.polled('b');
        }
        if machine.state.work().probes.is_none() {
            machine.wait_until(machine.state.work().next.0);
        }
    }
}

#[test]
fn probes_that_never_pass_lead_back_at_the_deadline() {
    let mut machine = Machine::probing();
    let (commands, after) = fail_until_the_end(&mut machine);
    assert_eq!((commands.as_slice(), after), (&[roll_back(5, 2, 'b', 'a')][..], 120_000));
    let Some(Phase::RollingBack { failed_in, cause, .. }) = machine.phase() else { panic!("no way back") };
    let found = Cause::Unhealthy(ill(&["unit a.service failed", "exit code 1"]));
    assert_eq!((*failed_in, cause), (PhaseName::Confirming, &found));
}

#[test]
fn probes_that_never_pass_are_only_reported_where_the_operator_wants_that() {
    let mut machine = Machine::probing();
    machine.policy.on_unhealthy = OnUnhealthy::Report;
    let (commands, _) = fail_until_the_end(&mut machine);
    assert!(commands.is_empty());
    let reason = Some("unit a.service failed; exit code 1".to_owned());
    assert_eq!(last(&machine), (Outcome::Degraded, Some(PhaseName::Confirming), reason));
    assert!(machine.state.ledger.held.is_empty());
}

#[test]
fn probes_that_fail_and_then_pass_end_it_well() {
    let mut machine = Machine::probing();
    machine.probed(&["unit a.service failed"]);
    let commands = machine.wait_until(machine.now + 2_000);
    assert!(matches!(commands[..], [Command::Probe { .. }]));
    machine.probed(&[]);
    assert_eq!(last(&machine).0, Outcome::Deployed);
}

#[test]
fn probes_that_hang_are_given_up_and_do_not_keep_the_way_back_waiting_for_long() {
    let mut machine = Machine::probing();
    machine.policy.poll_interval = Millis::seconds(100_000);
    let late = Event::Probed { look: machine.look(), failures: alloc::vec![] };
    let commands = machine.wait_until(machine.now + 180_000);
    assert!(commands.contains(&roll_back(5, 2, 'b', 'a')), "{commands:?}");
    let Some(Phase::RollingBack { cause, .. }) = machine.phase() else { panic!("no way back") };
    assert_eq!(cause.sentence(), "the probes did not answer within their time");
    machine.check_ignored(late);
}
