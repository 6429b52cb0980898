//! What version 1 kept in other places, or did not know.

use alloc::vec::Vec;

use super::VERSION_1;
use crate::saved::{Read, Unreadable, v1};
use crate::tests::machine::revision;
use crate::{Cause, Comparison, ReasonCode, Saved, Tries, Wall, WhyRefused};

/// Version 1, changed by hand.
fn changed_v1(change: impl FnOnce(&mut serde_json::Value)) -> Result<Saved, Unreadable> {
    let mut document: serde_json::Value = serde_json::from_str(VERSION_1).expect("JSON");
    change(&mut document);
    let file: v1::File = serde_json::from_value(document).expect("it is read");
    Read::try_from(file).map(|read| read.saved)
}

#[test]
fn what_version_1_knew_of_the_wanted_revision_comes_together() {
    let tip = |change: fn(&mut serde_json::Value)| {
        changed_v1(change).expect("it is understood").branch.tip.expect("it was wanted")
    };
    let b = "b".repeat(40);
    assert_eq!(tip(|_| {}).refusal(), None);
    let refused = tip(|state| state["refused"]["revision"] = state["wanted"]["revision"].clone());
    let refusal = WhyRefused { reason: "c does not descend from a".into(), since: Wall(4) };
    assert_eq!((refused.refusal(), refused.leave), (Some(&refusal), false));
    assert_eq!(refused.compared_with(), Some(&revision('a')));
    let accepted = changed_v1(|state| state["accepted"] = b.clone().into()).expect("it is understood");
    assert!(accepted.branch.tip.as_ref().is_some_and(|tip| tip.leave));
    assert!(accepted.deployment.as_ref().is_some_and(|deployment| deployment.candidate.leave));
    assert_eq!(accepted.branch.leave, None);
    let other = tip(|state| state["tries"]["revision"] = state["accepted"].clone());
    assert_eq!(other.tries, Tries::default());
    let nothing = changed_v1(|state| state["wanted"] = serde_json::Value::Null).expect("it is understood");
    assert_eq!((nothing.branch.tip, nothing.branch.leave), (None, Some(revision('d'))));
}

#[test]
fn what_version_1_did_not_compare_is_no_descendant() {
    let ancestry = |change: fn(&mut serde_json::Value)| {
        changed_v1(change).expect("it is understood").deployment.expect("a deployment").candidate.ancestry
    };
    let with = |with| Some(Comparison { with, no_descendant: None, untrusted: None, contains: Vec::new() });
    assert_eq!(ancestry(|_| {}), with(Some(revision('a'))));
    assert_eq!(ancestry(|state| state["current"]["compared"] = false.into()), None);
    let first = ancestry(|state| {
        state["current"]["compared"] = false.into();
        state["deployed"] = serde_json::Value::Null;
    });
    assert_eq!(first, with(None));
}

#[test]
fn a_deployment_of_version_1_needs_its_two_systems_once_it_is_built() {
    let phases = [
        "\"built\"",
        "\"busy\"",
        "{\"activating\": {\"attempt\": 5}}",
        "{\"confirming\": {}}",
        "{\"rolling-back\": {\"attempt\": 5, \"failed_in\": \"confirming\"}}",
    ];
    for phase in phases {
        for missing in ["system", "previous"] {
            let with_phase = |state: &mut serde_json::Value| {
                state["current"]["phase"] = serde_json::from_str(phase).expect("JSON");
            };
            assert!(changed_v1(with_phase).is_ok(), "{phase}");
            let without = changed_v1(|state| {
                with_phase(state);
                state["current"][missing] = serde_json::Value::Null;
            });
            assert_eq!(without, Err(Unreadable::Systems), "{phase} without {missing}");
        }
    }
    let building = changed_v1(|state| {
        state["current"] = serde_json::json!({
            "id": 2, "revision": "b".repeat(40), "phase": { "building": { "attempt": 5 } },
        });
    });
    assert!(building.is_ok(), "{building:?}");
}

#[track_caller]
fn check_cause(record: serde_json::Value, cause: Option<(Option<ReasonCode>, &str)>) {
    let saved = changed_v1(|state| {
        let history = state["history"][0].as_object_mut().expect("a record");
        history.extend(record.as_object().expect("fields").clone());
    });
    let found = saved.expect("it is understood").ledger.history[0].cause.clone();
    let expected = cause.map(|(code, sentence)| Cause::Told { code, sentence: sentence.into() });
    assert_eq!(found, expected, "{record}");
}

#[test]
fn a_failure_of_version_1_gets_a_word() {
    use serde_json::json;
    let classes = [
        ("transient", ReasonCode::Network),
        ("stalled", ReasonCode::BuildStalled),
        ("timed-out", ReasonCode::BuildTimeout),
        ("out-of-memory", ReasonCode::OutOfMemory),
        ("killed", ReasonCode::OutOfMemory),
        ("deterministic", ReasonCode::BuildFailed),
        ("unclassified", ReasonCode::Unclassified),
        ("cancelled", ReasonCode::HostFault),
    ];
    for (class, code) in classes {
        let failed = json!({ "outcome": "failed", "phase": "building", "class": class });
        check_cause(failed.clone(), Some((Some(code), "no reason is known")));
        let mut told = failed;
        told["reason"] = json!("why");
        check_cause(told, Some((Some(code), "why")));
    }
    let ends = [
        ("rolled-back", "confirming", ReasonCode::ProbeFailed),
        ("rolled-back", "activating", ReasonCode::ActivationFailed),
        ("broken", "activating", ReasonCode::RollbackFailed),
        ("degraded", "confirming", ReasonCode::ProbeFailed),
        ("degraded", "activating", ReasonCode::UnitsFailed),
        ("failed", "activating", ReasonCode::Unclassified),
    ];
    for (outcome, phase, code) in ends {
        let end = json!({ "outcome": outcome, "phase": phase, "reason": "why" });
        check_cause(end, Some((Some(code), "why")));
    }
    let superseded = |reason: &str| json!({ "outcome": "superseded", "reason": reason });
    let newer = "ccccccc is newer and green";
    check_cause(superseded(newer), Some((None, newer)));
    let withdrawn = "it was taken back: the tip of the branch is ccccccc";
    check_cause(superseded(withdrawn), Some((Some(ReasonCode::Withdrawn), withdrawn)));
    check_cause(json!({}), None);
}
