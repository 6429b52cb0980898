//! What is read from files that are whole, of other versions, or lost.

use pull_agent_core::{Cause, Ledger, Outlives, ReasonCode, Saved};
use serde_json::json;
use std::sync::Arc;

use super::{Place, usual};
use crate::clock;
use crate::store::{OpenError, Store};

#[test]
fn a_first_start_knows_nothing_and_warns_of_nothing() {
    let place = Place::new();
    let (_store, saved, warnings) = place.open();
    let numbers = Ledger { next_step: saved.ledger.next_step, ..Ledger::default() };
    assert_eq!(numbers.next_deployment, 1);
    assert_eq!((saved, warnings), (Saved { ledger: numbers, ..Saved::default() }, Vec::new()));
}

#[test]
fn version_and_reader_come_first() {
    let place = Place::new();
    place.save(&usual());
    let text = place.text("state.json");
    assert!(text.starts_with("{\"version\":2,\"min_reader\":2,") && text.ends_with("}\n"), "{text}");
}

#[test]
fn what_this_program_can_do_without_is_left_out_and_said() {
    let place = Place::new();
    place.save(&usual());
    place.change("state.json", |state| {
        state["history"][0]["outcome"] = json!("sublimated");
        state["branch"]["tip"]["revision"] = json!("what is this");
        state["history"][1]["cause"]["code"] = json!("bad-luck");
    });
    let (_store, saved, warnings) = place.open();
    let mut expected = usual();
    expected.branch.tip = None;
    let history = Arc::make_mut(&mut expected.ledger.history);
    history.remove(0);
    history[0].cause = Some(Cause::told(ReasonCode::Unclassified, "why"));
    assert_eq!(saved, expected);
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].contains("deployment 1 in the history") && warnings[0].contains("the tip of the branch"),
        "{warnings:?}"
    );
}

#[test]
fn the_last_deployed_revision_outlives_the_state() {
    let place = Place::new();
    place.save(&usual());
    place.remove("state.json");
    place.remove("holds.json");
    let (_store, saved, warnings) = place.open();
    assert_eq!(saved.ledger.deployed, usual().ledger.deployed);
    assert_eq!(warnings.len(), 1);
}

#[test]
fn a_deployed_revision_of_another_version_counts() {
    let place = Place::new();
    let text = json!({ "version": 9, "revision": "a".repeat(40), "system": "/nix/store/a", "signature": [] });
    place.write("deployed.json", text.to_string());
    assert_eq!(place.open().1.ledger.deployed.map(|deployed| deployed.revision), Some(super::revision('a')));
    place.write("deployed.json", json!({ "revision": "what is this" }).to_string());
    assert_eq!(place.open().1.ledger.deployed, None);
    assert_eq!(place.names("deployed.json.bad-").len(), 1);
}

#[test]
fn after_a_lost_state_no_number_is_used_again() {
    let place = Place::new();
    place.save(&usual());
    place.write("log/41.log", "");
    place.write("log/7.log", "");
    // The clock was right when this one was started, and is wrong now.
    let late = clock::wall().0 + 1_000_000_000;
    place.write("steps/41-build.started.json", json!({ "attempt": late }).to_string());
    place.write("steps/41-build.progress", "no number");
    place.write("state.json", "");
    let (_store, saved, _) = place.open();
    assert_eq!((saved.ledger.next_deployment, saved.ledger.next_step), (42, late + 1));
}

#[test]
fn numbers_of_a_lost_state_begin_above_any_that_it_can_have_counted() {
    let before = clock::wall().0;
    let place = Place::new();
    place.save(&usual());
    place.write("state.json", "");
    assert!(place.open().1.ledger.next_step >= before);
}

#[test]
fn a_state_without_numbers_gets_some() {
    let place = Place::new();
    place.save(&usual());
    place.change("state.json", |state| {
        let fields = state.as_object_mut().expect("an object");
        fields.remove("next_step");
        fields.remove("next_deployment");
    });
    place.write("log/41.log", "");
    let before = clock::wall().0;
    let (_store, saved, _) = place.open();
    assert!(saved.ledger.next_deployment == 42 && saved.ledger.next_step >= before - 1000, "{saved:?}");
}

#[test]
fn a_number_that_nobody_can_have_reached_is_none() {
    let place = Place::new();
    place.save(&usual());
    place.change("state.json", |state| {
        state["next_step"] = json!(u64::MAX);
        state["next_deployment"] = json!((1_u64 << 53) + 1);
    });
    place.write("log/41.log", "");
    place.write(&format!("log/{}.log", u64::MAX), "");
    place.write("steps/41-build.started.json", json!({ "attempt": u64::MAX }).to_string());
    let (_store, saved, warnings) = place.open();
    assert_eq!(saved.ledger.next_deployment, 42);
    assert!(saved.ledger.next_step < 1 << 53, "{saved:?}");
    assert!(warnings[0].contains("the number of the next step"), "{warnings:?}");
}

/// An escape sequence, a line break and a turn of the direction, in every text of both files.
#[test]
fn texts_are_cleaned_when_they_are_read() {
    let raw = "a\u{1b}[31mb\nc\u{202e}d";
    let comparison = json!({ "with": null, "refusal": { "reason": raw } });
    let candidate =
        json!({ "revision": "c".repeat(40), "subject": raw, "author": raw, "ancestry": comparison });
    let place = Place::new();
    place.save(&usual());
    place.change("holds.json", |holds| holds["held"][0]["reason"] = json!(raw));
    place.change("state.json", |state| {
        state["branch"]["tip"] = candidate.clone();
        state["paused"] = json!({ "reason": raw, "by": raw });
        for record in 0..2 {
            state["history"][record]["subject"] = json!(raw);
            state["history"][record]["cause"]["sentence"] = json!(raw);
        }
        state["deployment"] = json!({ "id": 3, "candidate": candidate, "phase": {
            "name": "rolling-back", "built": { "system": "/nix/store/b", "previous": "/nix/store/a" },
            "cause": { "sentence": raw },
        }});
    });
    let (mut store, saved, warnings) = place.open();
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(saved.ledger.held[0].reason, "ab cd");
    store.save(&saved, Outlives::Power).expect("it is saved");
    let written = place.text("state.json");
    assert_eq!(written.matches("\"ab cd\"").count(), 13, "{written}");
    assert!(!written.contains("\\u001b") && !written.contains('\u{202e}'), "{written}");
}

#[test]
fn a_word_of_a_damaged_file_is_cleaned_in_the_warning() {
    let place = Place::new();
    place.write("state.json", include_str!("../../../core/src/tests/data/state-v1.json"));
    place.change("state.json", |state| state["history"][0]["outcome"] = json!("\u{1b}[31mred"));
    let warnings = place.open().2;
    assert!(warnings[0].contains("red") && !warnings[0].contains('\u{1b}'), "{warnings:?}");
}

#[test]
fn a_second_store_is_one_too_many() {
    let place = Place::new();
    let _first = place.open();
    let second = Store::open(place.path(), place.path());
    assert!(matches!(second, Err(OpenError::Taken { .. })), "{second:?}");
}

#[test]
fn a_file_that_cannot_be_read_is_not_put_aside() {
    let place = Place::new();
    std::fs::create_dir(place.path().join("state.json")).expect("a folder");
    let opened = Store::open(place.path(), place.path());
    assert!(matches!(opened, Err(OpenError::Read { .. })), "{opened:?}");
    assert_eq!(place.names("state.json"), ["state.json"]);
}
