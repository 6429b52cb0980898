//! The files of the state: what an older program wrote is read, and what is written is read back.
extern crate std;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;
use pull_agent_protocol::{Outcome, Phase as PhaseName, Trigger};

use super::machine::{revision, system};
use crate::saved::{Header, Read, Reader, Unreadable, deployed, holds, v1, v2};
use crate::{
    Attempt, Current, Deployed, DeploymentId, Durations, FailureClass, Hold, Millis, OutcomeTotal, Pause,
    Phase, PhaseTotal, Record, Refused, Saved, SystemPath, Totals, Tries, Wall, Wanted,
};

/// A state file of version 1 with everything in it. It is never changed: files like this are on people's disks.
const VERSION_1: &str = include_str!("data/state-v1.json");

fn read_v1(text: &str) -> Saved {
    let file: v1::File = serde_json::from_str(text).expect("it is read");
    let read = Read::try_from(file).expect("it is understood");
    assert_eq!(read.left_out, Vec::<String>::new());
    read.saved
}

fn read_v2(text: &str) -> Result<Read, Unreadable> {
    serde_json::from_str::<v2::File>(text).expect("it is read").try_into()
}

#[test]
fn a_file_of_version_1_is_read() {
    let saved = read_v1(VERSION_1);
    assert_eq!((saved.next_deployment, saved.next_attempt), (3, 6));
    let current = saved.current.as_ref().expect("a deployment");
    assert!(matches!(&current.phase, Phase::RollingBack { attempt: Attempt(5), failed: 0, .. }));
    assert_eq!(current.previous, Some(system('a')));
    assert_eq!(saved.history.last().map(|record| record.outcome), Some(Outcome::Deployed));
    assert_eq!(saved.held[0].revision, revision('e'));
    assert_eq!(saved.paused.and_then(|pause| pause.until), Some(Wall(7)));
}

#[test]
fn a_file_of_version_1_loses_nothing() {
    let file: v1::File = serde_json::from_str(VERSION_1).expect("it is read");
    let written = serde_json::to_string_pretty(&file).expect("it is written");
    assert_eq!(written.trim(), VERSION_1.trim());
    let saved = read_v1(VERSION_1);
    let written = serde_json::to_string(&v2::File::from(&saved)).expect("it is written");
    let read = read_v2(&written).expect("it is understood");
    assert_eq!(Saved { held: saved.held.clone(), ..read.saved }, saved);
}

#[test]
fn version_and_reader_come_first() {
    let written = serde_json::to_string(&v2::File::from(&Saved::default())).expect("it is written");
    assert!(written.starts_with("{\"version\":2,\"min_reader\":2,"), "{written}");
}

#[track_caller]
fn check_reader(header: &str, reader: Result<Reader, Unreadable>) {
    let header: Header = serde_json::from_str(header).expect("a header");
    assert_eq!(header.reader(), reader);
}

#[test]
fn a_file_says_who_may_read_it() {
    check_reader("{}", Ok(Reader::V1));
    check_reader("{\"version\": 1, \"history\": []}", Ok(Reader::V1));
    check_reader("{\"version\": 2, \"min_reader\": 2}", Ok(Reader::V2));
    check_reader("{\"version\": 2}", Ok(Reader::V2));
    check_reader("{\"version\": 7, \"min_reader\": 2}", Ok(Reader::V2));
    check_reader("{\"version\": 0}", Err(Unreadable::NoVersion));
    check_reader("{\"version\": 3}", Err(Unreadable::TooNew { version: 3, min_reader: 3 }));
    let too_new = Unreadable::TooNew { version: 4, min_reader: 3 };
    check_reader("{\"version\": 4, \"min_reader\": 3}", Err(too_new.clone()));
    let sentence = "it has version 4 and asks for a program that knows version 3; this one knows up to 2";
    assert_eq!(too_new.to_string(), sentence);
}

#[test]
fn an_absent_field_is_no_error() {
    for text in ["{}", "{\"version\": 2, \"min_reader\": 2, \"paused\": {}, \"totals\": {}}"] {
        let read = read_v2(text).expect("it is understood");
        assert_eq!((read.saved.next_deployment, read.left_out.len()), (0, 0), "{text}");
        assert_eq!(read.saved.held, []);
    }
    let old: v1::File = serde_json::from_str("{\"version\": 1}").expect("it is read");
    assert!(Read::try_from(old).is_ok());
}

#[test]
fn a_deployment_in_progress_must_be_understood() {
    let b = "b".repeat(40);
    let current =
        |phase: &str| format!("{{\"current\": {{\"id\": 2, \"revision\": \"{b}\", \"phase\": {phase}}}}}");
    assert!(read_v2(&current("{\"name\": \"busy\", \"who\": \"poby\"}")).is_ok());
    assert_eq!(read_v2(&current("{\"name\": \"flying\", \"height\": 7}")), Err(Unreadable::Phase));
    assert!(matches!(read_v2("{\"current\": {}}"), Err(Unreadable::Revision(_))));
    let back = current("{\"name\": \"rolling-back\", \"attempt\": 5, \"failed_in\": \"flying\"}");
    let phase = read_v2(&back).expect("it is understood").saved.current.map(|current| current.phase);
    assert!(matches!(phase, Some(Phase::RollingBack { attempt: Attempt(5), .. })), "{phase:?}");
}

#[test]
fn a_hold_needs_nothing_but_its_revision() {
    let text = format!("{{\"held\": [{{\"revision\": \"{}\"}}, 7, {{\"reason\": \"x\"}}]}}", "b".repeat(40));
    let file: holds::File = serde_json::from_str(&text).expect("it is read");
    let (held, skipped) = file.into_holds();
    assert_eq!((held.len(), skipped), (1, 2));
    assert_eq!((&held[0].revision, held[0].since), (&revision('b'), Wall(0)));
    assert!(serde_json::from_str::<holds::File>("{\"version\": 1}").is_err(), "no list is no empty list");
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(saved in saved()) {
        let written = serde_json::to_string(&v2::File::from(&saved)).expect("it is written");
        let read = read_v2(&written).expect("it is understood");
        prop_assert_eq!(read.left_out.len(), 0);
        prop_assert_eq!(&Saved { held: saved.held.clone(), ..read.saved }, &saved);

        let written = serde_json::to_string(&holds::Written::from(saved.held.as_slice())).expect("it is written");
        let file: holds::File = serde_json::from_str(&written).expect("it is read");
        prop_assert_eq!(file.into_holds(), (saved.held, 0));

        if let Some(last) = saved.deployed {
            let written = serde_json::to_string(&deployed::Deployed::from(&last)).expect("it is written");
            let file: deployed::Deployed = serde_json::from_str(&written).expect("it is read");
            prop_assert_eq!(Deployed::try_from(file), Ok(last));
        }
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

fn totals() -> impl Strategy<Value = Totals> {
    let outcome = (outcome(), any::<u64>(), wall()).prop_map(|(outcome, count, last)| OutcomeTotal {
        outcome,
        count,
        last,
    });
    let phase = (name(), any::<u64>(), prop::collection::vec(any::<u64>(), 0..12))
        .prop_map(|(phase, sum, buckets)| PhaseTotal { phase, sum: Millis(sum), buckets });
    (prop::collection::vec(outcome, 0..3), prop::collection::vec(phase, 0..3))
        .prop_map(|(outcomes, phases)| Totals { outcomes, phases })
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
        refused in prop::option::of((digits(), digits(), ".*", wall()).prop_map(
            |(revision, deployed, reason, since)| Refused { revision, deployed, reason, since }
        )),
        totals in totals(),
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
            next_deployment, next_attempt, deployed, current, wanted, behind_since,
            refused, accepted, held, tries, paused, history, totals,
        }
    }
}
