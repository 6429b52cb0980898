//! The files of the state: what an older program wrote is read, and what is written is read back.
extern crate std;

mod any;
mod version_1;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use proptest::prelude::*;
use pull_agent_protocol::{Outcome, Phase as PhaseName};

use super::machine::{between, revision};
use crate::saved::{Header, LARGEST_NUMBER, Read, Reader, Unreadable, deployed, holds, v1, v2};
use crate::{Cause, Deployed, Deployment, Ledger, Phase, ReasonCode, Saved, StepNumber, Tries, Wall};

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

/// What version 2 makes of it, with what is held, which is in no file of that version.
pub(super) fn renewed(saved: &Saved) -> Saved {
    let written = serde_json::to_string(&v2::File::from(saved)).expect("it is written");
    let Read { saved: read, left_out } = read_v2(&written).expect("it is understood");
    assert_eq!(left_out, Vec::<String>::new());
    Saved { ledger: Ledger { held: saved.ledger.held.clone(), ..read.ledger }, ..read }
}

#[test]
fn a_file_of_version_1_is_read() {
    let Saved { ledger, branch, deployment } = read_v1(VERSION_1);
    assert_eq!((ledger.next_deployment, ledger.next_step), (3, 6));
    let Deployment { candidate, phase, .. } = deployment.expect("a deployment");
    assert!(matches!(
        phase,
        Phase::RollingBack { step: StepNumber(5), built, failed: 0, .. } if built == between('b', 'a')
    ));
    assert!(candidate.is_descendant());
    assert_eq!(ledger.history.last().map(|record| record.outcome), Some(Outcome::Deployed));
    assert_eq!((&ledger.held[0].revision, ledger.held[0].code), (&revision('e'), None));
    assert_eq!(ledger.paused.and_then(|pause| pause.until), Some(Wall(7)));
    // What was refused was another revision than the wanted one, and what was accepted is kept for when it comes.
    let tip = branch.tip.expect("it was wanted");
    assert_eq!((tip.ancestry, tip.leave, branch.leave), (None, false, Some(revision('d'))));
    assert_eq!(tip.tries, Tries { transient: 2, hard: 1 });
}

#[test]
fn a_file_of_version_1_loses_nothing() {
    let file: v1::File = serde_json::from_str(VERSION_1).expect("it is read");
    let written = serde_json::to_string_pretty(&file).expect("it is written");
    assert_eq!(written.trim(), VERSION_1.trim());
    let saved = read_v1(VERSION_1);
    assert_eq!(renewed(&saved), saved);
}

#[test]
fn of_a_cause_its_word_and_its_sentence_are_kept() {
    let record = |cause| {
        let mut saved = read_v1(VERSION_1);
        Arc::make_mut(&mut saved.ledger.history)[0].cause = Some(cause);
        saved
    };
    let withdrawn = Cause::Withdrawn { tip: revision('c') };
    let broken = Cause::WayBackFailed { cause: withdrawn.clone().into(), tries: 3, last: "why".into() };
    for cause in [Cause::Overtaken { tip: revision('c') }, withdrawn, broken, Cause::SwitchKilled] {
        let read = renewed(&record(cause.clone())).ledger.history[0].cause.clone();
        assert_eq!(read, Some(Cause::Told { code: cause.code(), sentence: cause.sentence() }));
    }
    let text = format!(
        "{{\"history\": [{{\"revision\": \"{}\", \"outcome\": \"failed\", \"cause\": \
                        {{\"code\": \"bad-luck\", \"sentence\": \"why\"}}}}]}}",
        "b".repeat(40)
    );
    let read = read_v2(&text).expect("it is understood").saved.ledger.history[0].cause.clone();
    assert_eq!(read, Some(Cause::told(ReasonCode::Unclassified, "why")), "a word of a later version");
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
        assert_eq!((read.saved.ledger.next_deployment, read.left_out.len()), (0, 0), "{text}");
        assert_eq!(read.saved.ledger.held, []);
    }
    let old: v1::File = serde_json::from_str("{\"version\": 1}").expect("it is read");
    assert!(Read::try_from(old).is_ok());
}

#[test]
fn a_next_number_that_is_too_large_counts_as_absent() {
    let most = LARGEST_NUMBER;
    let next = |read: Read| (read.saved.ledger.next_deployment, read.saved.ledger.next_step);
    for (deployment, step, expected) in
        [(most, most, (most, most)), (most + 1, 7, (0, 7)), (7, u64::MAX, (7, 0))]
    {
        let text = format!("{{\"next_deployment\": {deployment}, \"next_step\": {step}}}");
        let read = read_v2(&text).expect("it is understood");
        assert_eq!(read.left_out.len(), usize::from(expected != (most, most)), "{:?}", read.left_out);
        assert_eq!(next(read), expected);
        let old: v1::File =
            serde_json::from_str(&text.replace("next_step", "next_attempt")).expect("it is read");
        assert_eq!(next(old.try_into().expect("it is understood")), expected);
    }
}

#[test]
fn what_damaged_bytes_name_is_held() {
    let entry = |digit: &str| format!("\"revision\"\n: \"{}\"", digit.repeat(40));
    let text = |inner: &str| format!("{}\u{fffd}{}{inner}", entry("b"), entry("b"));
    let held = |text: &str| -> Vec<_> {
        holds::salvage(text.as_bytes()).into_iter().map(|hold| hold.revision).collect()
    };
    assert_eq!(held(&text(&entry("C"))), [revision('b'), revision('c')]);
    for no_revision in [entry("cc"), entry("0"), entry("c").replace('"', "\\\""), "\"revision\": \"".into()] {
        assert_eq!(held(&text(&no_revision)), [revision('b')], "{no_revision}");
    }
}

#[test]
fn a_deployment_in_progress_must_be_understood() {
    let b = "b".repeat(40);
    let deployment = |phase: &str| {
        format!(
            "{{\"deployment\": {{\"id\": 2, \"candidate\": {{\"revision\": \"{b}\"}}, \"phase\": {phase}}}}}"
        )
    };
    let built = "\"built\": {\"system\": \"/nix/store/b\", \"previous\": \"/nix/store/a\"}";
    assert!(read_v2(&deployment(&format!("{{\"name\": \"ready\", \"who\": \"poby\", {built}}}"))).is_ok());
    assert!(read_v2(&deployment("{\"name\": \"building\"}")).is_ok());
    assert_eq!(read_v2(&deployment("{\"name\": \"flying\", \"height\": 7}")), Err(Unreadable::Phase));
    assert!(matches!(read_v2("{\"deployment\": {}}"), Err(Unreadable::Revision(_))));
    for name in ["ready", "activating", "confirming", "rolling-back"] {
        for built in [
            "",
            ", \"built\": {\"system\": \"/nix/store/b\"}",
            ", \"built\": {\"previous\": \"/nix/store/a\"}",
        ] {
            let phase = format!("{{\"name\": \"{name}\"{built}}}");
            assert_eq!(read_v2(&deployment(&phase)), Err(Unreadable::Systems), "{phase}");
        }
    }
    let back = format!("{{\"name\": \"rolling-back\", \"step\": 5, \"failed_in\": \"flying\", {built}}}");
    let read = read_v2(&deployment(&back)).expect("it is understood").saved.deployment;
    let phase = read.map(|deployment| deployment.phase);
    assert!(
        matches!(
            phase,
            Some(Phase::RollingBack { step: StepNumber(5), failed_in: PhaseName::Activating, .. })
        ),
        "{phase:?}"
    );
}

#[test]
fn a_hold_needs_nothing_but_its_revision() {
    let text = format!("{{\"held\": [{{\"revision\": \"{}\"}}, 7, {{\"reason\": \"x\"}}]}}", "b".repeat(40));
    let file: holds::File = serde_json::from_str(&text).expect("it is read");
    let (held, skipped) = file.into_holds();
    assert_eq!((held.len(), skipped), (1, 2));
    assert_eq!((&held[0].revision, held[0].since, held[0].code), (&revision('b'), Wall(0), None));
    assert!(serde_json::from_str::<holds::File>("{\"version\": 1}").is_err(), "no list is no empty list");
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(saved in any::saved()) {
        prop_assert_eq!(&renewed(&saved), &saved);

        let Ledger { held, deployed, .. } = saved.ledger;
        let written = serde_json::to_string(&holds::Written::from(held.as_slice())).expect("it is written");
        let file: holds::File = serde_json::from_str(&written).expect("it is read");
        prop_assert_eq!(file.into_holds(), (held, 0));

        if let Some(last) = deployed {
            let written = serde_json::to_string(&deployed::Deployed::from(&last)).expect("it is written");
            let file: deployed::Deployed = serde_json::from_str(&written).expect("it is read");
            prop_assert_eq!(Deployed::try_from(file), Ok(last));
        }
    }
}
