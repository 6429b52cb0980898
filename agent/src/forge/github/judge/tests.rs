use pull_agent_core::VerdictKind::{self, Green, Pending, Red};
use serde_json::json;

use super::*;

const CHECK: &str = "build (yggdrasil)";
const EARLY: &str = "2026-11-24T04:00:00Z";
const LATE: &str = "2026-11-24T05:00:00+00:00";

fn run(id: u64, app: u64, conclusion: &str, started_at: Option<&str>) -> Run {
    let json = json!({
        "id": id, "name": CHECK, "status": "completed", "conclusion": conclusion, "started_at": started_at,
        "check_suite": { "id": 5 }, "app": { "id": app }
    });
    serde_json::from_value(json).expect("a run")
}

#[track_caller]
fn check(runs: &[Run], expected: VerdictKind) {
    assert_eq!(judge(&[CHECK.to_owned()], Some(15368), runs).kind, expected, "{runs:?}");
}

#[test]
fn within_a_suite_the_newest_counts_even_if_the_forge_lists_all() {
    let run = |id, conclusion, started_at| run(id, 15368, conclusion, started_at);
    check(&[run(1, "failure", Some(EARLY)), run(2, "success", Some(LATE))], Green);
    check(&[run(2, "success", Some(LATE)), run(1, "failure", Some(EARLY))], Green);
    // By start, not by number.
    check(&[run(1, "failure", Some(LATE)), run(2, "success", Some(EARLY))], Red);
    // By number, where one does not say when it started, or both started at once.
    check(&[run(1, "failure", Some(LATE)), run(2, "success", None)], Green);
    check(&[run(3, "failure", Some(LATE)), run(2, "success", Some(LATE))], Red);
}

#[test]
fn a_check_of_another_app_does_not_count_even_if_the_forge_lists_all() {
    check(&[run(1, 42, "success", None)], Pending);
}
