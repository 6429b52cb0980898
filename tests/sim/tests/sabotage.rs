//! The simulation notices when the loop or a step breaks its contract; else it would prove nothing.

use pull_agent_sim::driver::DriverMutation;
use pull_agent_sim::run::{Plan, run};

/// Returns the invariant that the first failing seed hurts. The rarest of them shows in one seed of three thousand.
fn noticed(mutation: DriverMutation) -> Option<&'static str> {
    (0..20_000).find_map(|seed| {
        let report = run(&Plan { seed, mutation: Some(mutation), ..Plan::default() });
        report.violation.map(|violation| violation.invariant)
    })
}

#[test]
fn commands_before_the_save() {
    assert_eq!(noticed(DriverMutation::ActBeforeSave), Some("4 saved before done"));
}

#[test]
fn commands_after_a_failed_save() {
    assert_eq!(noticed(DriverMutation::ActAfterFailedSave), Some("4 saved before done"));
}

#[test]
fn a_state_that_does_not_outlive_the_power() {
    assert!(noticed(DriverMutation::NeverSynced).is_some(), "whichever invariant it hurts first");
}

#[test]
fn a_profile_that_is_not_set_back() {
    assert_eq!(noticed(DriverMutation::NoRestore), Some("6 back to where it was"));
}

#[test]
fn a_step_that_is_started_twice() {
    assert_eq!(noticed(DriverMutation::StartTwice), Some("3 one at a time"));
}

#[test]
fn a_hold_that_is_written_last() {
    assert_eq!(noticed(DriverMutation::HoldLast), Some("7 no loops"));
}
