//! The state file: what an older program wrote is read, and what is written is read back.
extern crate std;

use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;
use pull_agent_protocol::{Outcome, Phase as PhaseName, Trigger};

use super::machine::{revision, system};
use crate::{
    Attempt, Current, Deployed, DeploymentId, Durations, FailureClass, Hold, Millis, Pause, Phase, Record,
    STATE_VERSION, Saved, SystemPath, Totals, Tries, Wall, Wanted,
};

/// A state file of version 1 with everything in it. It is never changed: files like this are on people's disks.
const VERSION_1: &str = include_str!("data/state-v1.json");

#[test]
fn a_file_of_version_1_is_read() {
    let saved: Saved = serde_json::from_str(VERSION_1).expect("it is read");
    assert_eq!((saved.version, saved.next_deployment, saved.next_attempt), (1, 3, 6));
    let current = saved.current.as_ref().expect("a deployment");
    assert!(matches!(&current.phase, Phase::RollingBack { attempt: Attempt(5), failed: 0, .. }));
    assert_eq!(current.previous, Some(system('a')));
    assert_eq!(saved.history.last().map(|record| record.outcome), Some(Outcome::Deployed));
    assert_eq!(saved.held[0].revision, revision('e'));
    assert_eq!(saved.paused.and_then(|pause| pause.until), Some(Wall(7)));
}

#[test]
fn a_file_of_version_1_loses_nothing() {
    assert_eq!(STATE_VERSION, 1);
    let saved: Saved = serde_json::from_str(VERSION_1).expect("it is read");
    let written = serde_json::to_string_pretty(&saved).expect("it is written");
    assert_eq!(written.trim(), VERSION_1.trim());
}

#[test]
fn the_version_comes_first() {
    let written = serde_json::to_string(&Saved::default()).expect("it is written");
    assert!(written.starts_with("{\"version\":1,"), "{written}");
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(saved in saved()) {
        let written = serde_json::to_vec(&saved).expect("it is written");
        let read: Saved = serde_json::from_slice(&written).expect("it is read");
        prop_assert_eq!(read, saved);
    }
}

fn digits() -> impl Strategy<Value = crate::Revision> {
    prop::sample::select("123456789abcdef".chars().collect::<Vec<_>>()).prop_map(revision)
}

fn path() -> impl Strategy<Value = SystemPath> {
    prop_oneof![Just(system('a')), ".{0,20}".prop_map(|text| SystemPath::new(&text))]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop::sample::select(Outcome::ALL.to_vec())
}

fn name() -> impl Strategy<Value = PhaseName> {
    prop::sample::select(PhaseName::ALL.to_vec())
}

fn class() -> impl Strategy<Value = FailureClass> {
    use FailureClass::{
        Cancelled, Deterministic, Killed, OutOfMemory, Stalled, TimedOut, Transient, Unclassified,
    };
    let all = [Transient, Stalled, TimedOut, OutOfMemory, Deterministic, Unclassified, Cancelled, Killed];
    prop::sample::select(all.to_vec())
}

fn trigger() -> impl Strategy<Value = Trigger> {
    prop::sample::select([Trigger::Poll, Trigger::Nudge, Trigger::Operator, Trigger::Start].to_vec())
}

fn wall() -> impl Strategy<Value = Wall> {
    any::<u64>().prop_map(Wall)
}

fn durations() -> impl Strategy<Value = Durations> {
    any::<[Option<u64>; 4]>().prop_map(|[gate, build, activate, confirm]| Durations {
        gate: gate.map(Millis),
        build: build.map(Millis),
        activate: activate.map(Millis),
        confirm: confirm.map(Millis),
    })
}

fn phase() -> impl Strategy<Value = Phase> {
    let attempt = || any::<u64>().prop_map(Attempt);
    prop_oneof![
        attempt().prop_map(|attempt| Phase::Building { attempt }),
        Just(Phase::Built),
        (attempt(), any::<u32>()).prop_map(|(attempt, killed)| Phase::Activating { attempt, killed }),
        Just(Phase::Busy),
        any::<bool>().prop_map(|units_failed| Phase::Confirming { units_failed }),
        (attempt(), name(), ".*", any::<u32>(), any::<u32>()).prop_map(
            |(attempt, failed_in, reason, failed, waited)| Phase::RollingBack {
                attempt,
                failed_in,
                reason,
                failed,
                waited
            }
        ),
    ]
}

prop_compose! {
    fn current()(
        (id, busy, compared) in any::<(u64, u32, bool)>(),
        (revision, subject, trigger) in (digits(), ".*", trigger()),
        (started_at, phase_since) in (wall(), wall()),
        (phase, durations) in (phase(), durations()),
        system in prop::option::of(path()),
        previous in prop::option::of(path()),
    ) -> Current {
        Current {
            id: DeploymentId(id), revision, subject, trigger, compared, started_at, phase, phase_since, durations,
            busy, system, previous,
        }
    }
}

prop_compose! {
    fn record()(
        (id, subject, reason) in (any::<u64>(), ".*", prop::option::of(".*")),
        (revision, trigger, outcome) in (digits(), trigger(), outcome()),
        (started_at, finished_at, durations) in (wall(), wall(), durations()),
        (phase, class) in (prop::option::of(name()), prop::option::of(class())),
        system in prop::option::of(path()),
        previous in prop::option::of(path()),
    ) -> Record {
        Record {
            id: DeploymentId(id), revision, subject, trigger, started_at, finished_at, durations, outcome, phase,
            reason, class, previous, system,
        }
    }
}

prop_compose! {
    fn wanted()(
        revision in digits(),
        (subject, author) in any::<(Option<String>, Option<String>)>(),
        (seen_at, passed_at, trigger) in (wall(), prop::option::of(wall()), trigger()),
    ) -> Wanted {
        Wanted { revision, subject, author, seen_at, passed_at, trigger }
    }
}

prop_compose! {
    fn saved()(
        (next_deployment, next_attempt) in any::<(u64, u64)>(),
        deployed in prop::option::of((digits(), path(), wall(), any::<bool>()).prop_map(
            |(revision, system, at, compared)| Deployed { revision, system, at, compared }
        )),
        current in prop::option::of(current()),
        wanted in prop::option::of(wanted()),
        behind_since in prop::option::of(wall()),
        accepted in prop::option::of(digits()),
        history in prop::collection::vec(record(), 0..4),
        tries in prop::option::of((digits(), any::<(u32, u32)>()).prop_map(
            |(revision, (transient, hard))| Tries { revision, transient, hard }
        )),
        held in prop::collection::vec((digits(), ".*", wall()).prop_map(
            |(revision, reason, since)| Hold { revision, reason, since }
        ), 0..3),
        paused in prop::option::of((wall(), prop::option::of(wall()), prop::option::of(".*"), ".*").prop_map(
            |(since, until, reason, by)| Pause { since, until, reason, by }
        )),
    ) -> Saved {
        Saved {
            version: STATE_VERSION, next_deployment, next_attempt, deployed, current, wanted, behind_since,
            refused: None, accepted, held, tries, paused, history, totals: Totals::default(),
        }
    }
}
