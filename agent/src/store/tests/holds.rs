//! What is held outlives damage, older programs and newer ones.

use pull_agent_core::{Cause, Outlives, ReasonCode, Record, Saved, Tries};
use pull_agent_protocol::Outcome;
use serde_json::json;
use std::sync::Arc;

use super::{Place, failing, held, holding, holds, record, usual};

#[test]
fn only_one_file_says_what_is_held() {
    let place = Place::new();
    place.save(&usual());
    let entry = json!({
        "revision": "b".repeat(40), "since": 5, "reason": "failed: why", "reason_code": "build-failed",
    });
    assert_eq!(place.json("holds.json"), json!({ "version": 1, "held": [entry] }));
    assert!(!place.text("state.json").contains("held"));
    assert_eq!(place.open().1, usual());
}

#[test]
fn an_empty_list_is_written_too() {
    let place = Place::new();
    place.save(&holding(""));
    assert_eq!(place.json("holds.json"), json!({ "version": 1, "held": [] }));
    assert_eq!(place.open().2, Vec::<String>::new());
}

#[test]
fn any_version_of_the_file_is_read_as_far_as_it_is_understood() {
    let place = Place::new();
    place.save(&usual());
    let text = json!({
        "version": "quite another", "min_reader": 99, "more": [1],
        "held": [
            { "revision": "b".repeat(40), "since": "2031-01-01T00:00:00Z", "reason": { "code": 7 }, "peers": 3 },
            { "revision": "c".repeat(64) },
            "what is this",
            { "revision": "d".repeat(40), "reason_code": 7 },
            { "revision": "e".repeat(40), "reason_code": "bad-luck" },
        ],
    });
    place.write("holds.json", text.to_string());
    let (mut store, saved, warnings) = place.open();
    assert_eq!(held(&saved), "bde");
    assert!(saved.ledger.held.iter().all(|hold| !hold.reason.is_empty()));
    let codes: Vec<_> = saved.ledger.held.iter().map(|hold| hold.code).collect();
    assert_eq!(codes, [None, None, Some(ReasonCode::Unclassified)]);
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].starts_with("2 of the entries of holds.json"), "{warnings:?}");
    let kept = place.names("holds.json.bad-");
    assert_eq!((kept.len(), place.json(&kept[0])), (1, text));
    store.save(&saved, Outlives::Power).expect("it is saved");
    drop(store);
    assert_eq!(held(&place.open().1), "bde");
}

#[test]
fn a_state_that_cannot_be_read_costs_no_hold() {
    let newer = json!({ "version": 3, "min_reader": 3, "deployed": "what is this", "held": { "all": true } });
    let words = json!({
        "version": 2,
        "deployment": { "candidate": { "revision": "b".repeat(40) }, "phase": { "name": "flying" } },
    });
    for text in [newer.to_string(), words.to_string(), "{\"version\": 2".to_owned(), String::new()] {
        let place = Place::new();
        place.save(&usual());
        place.write("state.json", &text);
        let (_store, saved, warnings) = place.open();
        assert_eq!(saved.ledger.held, usual().ledger.held, "{text}");
        assert_eq!(saved.ledger.deployed, usual().ledger.deployed, "{text}");
        let kept = place.names("state.json.bad-");
        assert_eq!((kept.len(), place.text(&kept[0])), (1, text));
        assert!(warnings[0].contains(&kept[0]), "{warnings:?}");
    }
}

/// A later version, this one, and the later one again: a hold of any of them stays one.
#[test]
fn down_and_up_again() {
    let place = Place::new();
    place.save(&usual());
    let later = |value: &mut serde_json::Value, min_reader: u32| {
        value["version"] = json!(3);
        value["min_reader"] = json!(min_reader);
        value["waves"] = json!({ "of": ["what", "is", "to", "come"] });
    };
    place.change("state.json", |state| {
        later(state, 2);
        state["history"][0]["hosts"] = json!(7);
    });
    let (mut store, mut saved, warnings) = place.open();
    assert_eq!((&saved, warnings.len()), (&usual(), 0), "{warnings:?}");
    saved.ledger.held = holds("bd");
    store.save(&saved, Outlives::Power).expect("it is saved");
    drop(store);
    place.change("state.json", |state| later(state, 3));
    let (mut store, saved, _) = place.open();
    assert_eq!((held(&saved), saved.ledger.history.len()), ("bd".to_owned(), 0));
    store.save(&saved, Outlives::Power).expect("it is saved");
    drop(store);
    place.change("state.json", |state| later(state, 2));
    assert_eq!(held(&place.open().1), "bd");
}

#[test]
fn holds_of_version_1_move_into_their_file() {
    let place = Place::new();
    place.write("state.json", include_str!("../../../core/src/tests/data/state-v1.json"));
    let (mut store, saved, warnings) = place.open();
    assert_eq!((held(&saved).as_str(), warnings.len()), ("e", 0), "{warnings:?}");
    store.save(&saved, Outlives::Power).expect("it is saved");
    drop(store);
    assert_eq!(place.json("holds.json")["held"][0]["reason"], json!("failed: why"));
    assert_eq!(place.json("state.json")["version"], json!(2));
    assert_eq!(place.open().1, saved);
}

/// The older program kept the newer state aside, held what failed under it, and knew nothing of `holds.json`.
#[test]
fn holds_of_an_older_program_come_beside_those_that_were_there() {
    let place = Place::new();
    place.save(&usual());
    place.write("state.json", include_str!("../../../core/src/tests/data/state-v1.json"));
    assert_eq!(held(&place.open().1), "be");
}

#[test]
fn a_damaged_state_of_version_1_still_says_what_is_held() {
    let place = Place::new();
    place.write("state.json", include_str!("../../../core/src/tests/data/state-v1.json"));
    place.change("state.json", |state| state["history"][0]["outcome"] = json!("sublimated"));
    let (_store, saved, warnings) = place.open();
    assert_eq!((held(&saved).as_str(), saved.ledger.history.len()), ("e", 0));
    assert!(warnings.iter().any(|it| it.contains("left of state.json: 1")), "{warnings:?}");
}

/// The history has five that are to be held, in four ways, and others.
fn history() -> Saved {
    let failed = |id, digit, code| Record {
        cause: Some(Cause::told(code, "why")),
        ..record(id, digit, Outcome::Failed)
    };
    let mut saved = holding("");
    saved.branch.tip = Some(failing('9', Tries { transient: 0, hard: 1 }));
    saved.ledger.history = Arc::new(vec![
        record(1, '1', Outcome::RolledBack),
        record(2, 'a', Outcome::Deployed),
        record(3, 'b', Outcome::RolledBack),
        record(4, 'c', Outcome::Broken),
        failed(5, 'd', ReasonCode::BuildFailed),
        failed(6, 'e', ReasonCode::BuildStalled),
        failed(7, '2', ReasonCode::BuildStalled),
        failed(8, 'e', ReasonCode::OutOfMemory),
        failed(9, '3', ReasonCode::Network),
        record(10, '4', Outcome::Superseded),
        failed(11, '9', ReasonCode::BuildTimeout),
        failed(12, '9', ReasonCode::BuildTimeout),
    ]);
    saved
}

#[test]
fn a_lost_list_is_rebuilt_from_the_history() {
    for damage in ["", "{\"held\": [", "[]"] {
        let place = Place::new();
        place.save(&history());
        place.write("holds.json", damage);
        let (mut store, saved, warnings) = place.open();
        assert_eq!(held(&saved), "1bcde", "{damage:?}");
        assert_eq!(saved.ledger.held[0].reason, "rolled back: why");
        assert_eq!(saved.ledger.held[0].code, Some(ReasonCode::ActivationFailed));
        assert_eq!(saved.ledger.held[1].since, saved.ledger.history[2].finished_at);
        assert!(warnings.iter().any(|it| it.contains("in the history instead")), "{warnings:?}");
        let kept = place.names("holds.json.bad-");
        assert_eq!((kept.len(), place.text(&kept[0]).as_str()), (1, damage));
        store.save(&saved, Outlives::Power).expect("it is saved");
        drop(store);
        let (_store, saved, warnings) = place.open();
        assert_eq!((held(&saved).as_str(), warnings.len()), ("1bcde", 0), "{warnings:?}");
    }
}

#[test]
fn a_list_that_should_be_there_is_rebuilt_as_well() {
    let place = Place::new();
    place.save(&history());
    place.remove("holds.json");
    let (_store, saved, warnings) = place.open();
    assert_eq!((held(&saved).as_str(), warnings.len()), ("1bcde", 1), "{warnings:?}");
}

#[test]
fn where_nothing_is_known_that_is_said() {
    let place = Place::new();
    place.save(&usual());
    place.write("state.json", "");
    place.write("holds.json", "");
    let (_store, saved, warnings) = place.open();
    assert_eq!(held(&saved), "");
    assert!(warnings.iter().any(|it| it.contains("left of state.json: 0")), "{warnings:?}");
}

/// One entry of the list that cannot be read may have held what the history knows.
#[test]
fn a_list_with_an_entry_that_is_lost_is_rebuilt_as_well() {
    let place = Place::new();
    place.save(&history());
    let entry = |digits: String| json!({ "revision": digits, "reason": "x" });
    let text = json!({ "held": [entry("b".repeat(40) + "x"), entry("a".repeat(40))] });
    place.write("holds.json", text.to_string());
    let (mut store, saved, warnings) = place.open();
    assert_eq!(held(&saved), "a1bcde");
    assert!(warnings.iter().any(|it| it.contains("was not whole; held revisions found")), "{warnings:?}");
    store.save(&saved, Outlives::Power).expect("it is saved");
    drop(store);
    let (_store, saved, warnings) = place.open();
    assert_eq!((held(&saved).as_str(), warnings.len()), ("a1bcde", 0), "{warnings:?}");
}

/// A list with one entry, as it is written.
fn list(reason: &[u8]) -> Vec<u8> {
    let beginning = format!("{{\"held\": [{{\"revision\" : \"{}\", \"reason\": ", "B".repeat(40));
    [beginning.as_bytes(), reason, b"}]}"].concat()
}

#[test]
fn a_doubled_key_in_an_entry_costs_nothing() {
    let place = Place::new();
    place.write("holds.json", list(br#""x", "since": 1, "reason": "y""#));
    let (_store, saved, warnings) = place.open();
    assert_eq!((held(&saved).as_str(), warnings.len()), ("b", 0), "{warnings:?}");
    assert_eq!(saved.ledger.held[0].reason, "y");
}

#[test]
fn what_is_held_is_saved_out_of_a_damaged_list() {
    let good = list(br#""x""#);
    let doubled = format!("\"x\"}}], \"held\": [{{\"revision\": \"{}\"", "c".repeat(40));
    for (damaged, digits) in [
        (list(b"\"x\xff\""), "b"),
        (list(br#""\ud800""#), "b"),
        (list(br#""x", "since": 1e999"#), "b"),
        (list(br#""x", "revision": "b", "revision": {"#), "b"),
        ([b"\xef\xbb\xbf", good.as_slice()].concat(), "b"),
        ([good.as_slice(), &[0; 9]].concat(), "b"),
        ([good.as_slice(), b"}"].concat(), "b"),
        (good[..good.len() - 9].to_vec(), "b"),
        (list(doubled.as_bytes()), "bc"),
    ] {
        let place = Place::new();
        place.write("holds.json", &damaged);
        let (mut store, saved, warnings) = place.open();
        let text = String::from_utf8_lossy(&damaged);
        assert_eq!(held(&saved), digits, "{text}");
        assert!(saved.ledger.held.iter().all(|hold| !hold.reason.is_empty()), "{text}");
        let count = format!("; holds saved out of it: {}", digits.len());
        assert!(warnings[0].contains(&count), "{warnings:?}");
        let kept = place.names("holds.json.bad-");
        assert_eq!(std::fs::read(place.path().join(&kept[0])).expect("it is there"), damaged);
        store.save(&saved, Outlives::Power).expect("it is saved");
        drop(store);
        assert_eq!(held(&place.open().1), digits, "{text}");
    }
}

#[test]
fn the_history_stands_beside_what_was_saved_out_of_a_damaged_list() {
    let place = Place::new();
    place.save(&history());
    let entry = |digit: &str| format!("{{\"revision\":\"{}\"}}", digit.repeat(40));
    place.write("holds.json", format!("[{}{}", entry("f"), entry("b")));
    let (_store, saved, _) = place.open();
    assert_eq!(held(&saved), "1bcdef");
    assert_eq!(saved.ledger.held[1].reason, "rolled back: why", "the history knows why");
}

/// Its list ends where the next part begins: what else the state names is not held.
#[test]
fn a_state_of_version_1_that_is_no_json_still_says_what_is_held() {
    let place = Place::new();
    let text = include_str!("../../../core/src/tests/data/state-v1.json");
    place.write("state.json", text.trim_end().strip_suffix('}').expect("an object"));
    assert_eq!(held(&place.open().1), "e");
}
