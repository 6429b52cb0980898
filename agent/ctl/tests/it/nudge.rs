//! nudge, with and without waiting.

use serde_json::{Value, json};

use super::agent::Agent;
use super::run::run;
use super::{RUNNING, WANTED, minutes_ago, status, with};

fn revision(state: &str, reason: &str) -> Value {
    json!({"version": 1, "revision": WANTED, "state": state, "reason": reason, "deployment": 13})
}

fn nudged() -> Agent {
    let agent = Agent::start();
    agent.answers("POST /v1/nudge", 202, json!({"accepted": true, "revision": null})).answers(
        "GET /v1/status",
        200,
        status(),
    );
    agent
}

const QUESTION: &str = "GET /v1/revisions/3f2a91c3f2a91c3f2a91c3f2a91c3f2a91c3f2a9?wait=5";

#[test]
fn a_nudge_is_said_and_done() {
    let agent = nudged();
    insta::assert_snapshot!(run(&agent, &["nudge"]), @r"
    exit code 0
    --- stdout
    the agent looks at the branch within two seconds
    ");
    insta::assert_snapshot!(run(&agent, &["nudge", "--json", "--revision", WANTED]), @r#"
    exit code 0
    --- stdout
    {"accepted":true,"revision":null}
    "#);
    let named = format!(r#"open POST /v1/nudge {{"revision":"{WANTED}"}}"#);
    assert_eq!(agent.asked(), ["open POST /v1/nudge".to_owned(), named]);
}

#[test]
fn it_waits_until_the_host_runs_the_revision() {
    let agent = nudged();
    agent
        .answers(QUESTION, 404, revision("unknown", "this host has not seen it"))
        .answers(QUESTION, 504, revision("undecided", "building 3f2a91c"))
        .answers(QUESTION, 504, revision("undecided", "building 3f2a91c"))
        .answers(QUESTION, 202, revision("undecided", "building 3f2a91c"))
        .answers(QUESTION, 503, json!({"title": "t", "status": 503, "detail": "the agent is stopping"}))
        .answers(QUESTION, 200, revision("running", "it runs"));
    insta::assert_snapshot!(run(&agent, &["nudge", "--wait", "--revision", WANTED]), @r"
    exit code 0
    --- stdout
    3f2a91c runs: it runs
    --- stderr
    3f2a91c: this host has not seen it
    3f2a91c: building 3f2a91c
    the agent is stopping; waiting for it
    ");
}

#[test]
fn a_revision_that_will_not_run_is_1() {
    let agent = nudged();
    agent.answers(QUESTION, 500, revision("failed", "unit nginx.service is failed")).answers(
        QUESTION,
        409,
        revision("refused", "red: lint failed"),
    );
    insta::assert_snapshot!(run(&agent, &["nudge", "--wait", "--revision", WANTED]), @r"
    exit code 1
    --- stdout
    3f2a91c failed: unit nginx.service is failed
    ");
    insta::assert_snapshot!(run(&agent, &["nudge", "--wait", "--revision", WANTED]), @r"
    exit code 1
    --- stdout
    3f2a91c will not be deployed: red: lint failed
    ");
    let json = run(&agent, &["nudge", "--wait", "--revision", WANTED, "--json"]);
    assert_eq!(json, format!("exit code 1\n--- stdout\n{}\n", revision("refused", "red: lint failed")));
}

#[test]
fn nothing_decided_in_time_is_5() {
    let agent = nudged();
    for (wait, code) in [(0, 202), (1, 504)] {
        let question = format!("GET /v1/revisions/{WANTED}?wait={wait}");
        agent.answers(&question, code, revision("undecided", "building 3f2a91c"));
    }
    insta::assert_snapshot!(run(&agent, &["nudge", "--wait", "--timeout", "1s", "--revision", WANTED]), @r"
    exit code 5
    --- stdout
    3f2a91c is not decided after 1s: building 3f2a91c
    --- stderr
    3f2a91c: building 3f2a91c
    ");
}

#[test]
fn without_a_revision_it_is_the_tip_that_the_look_finds() {
    let agent = nudged();
    let wanted = json!({"revision": WANTED, "subject": null, "author": null, "seen_at": minutes_ago(0)});
    let polled = |minutes| json!({"url": "u", "branch": "main", "last_poll_at": minutes_ago(minutes), "last_success_at": minutes_ago(minutes), "error": null});
    agent
        .answers("GET /v1/status", 200, with(status(), json!({"summary": "still looking"})))
        .answers("GET /v1/status", 200, with(status(), json!({"source": polled(0), "wanted": wanted})))
        .answers(QUESTION, 200, revision("running", "it runs"));
    insta::assert_snapshot!(run(&agent, &["nudge", "--wait"]), @r"
    exit code 0
    --- stdout
    3f2a91c runs: it runs
    --- stderr
    still looking
    ");

    let agent = nudged();
    agent.answers("GET /v1/status", 200, with(status(), json!({"source": polled(0)}))).answers(
        &format!("GET /v1/revisions/{RUNNING}?wait=5"),
        200,
        with(revision("running", "it runs"), json!({"revision": RUNNING})),
    );
    insta::assert_snapshot!(run(&agent, &["nudge", "--wait"]), @r"
    exit code 0
    --- stdout
    a81c2f0 runs: it runs
    ");
}

#[test]
fn a_caller_who_is_not_allowed_is_4() {
    let agent = Agent::start();
    agent.answers(
        "POST /v1/nudge",
        403,
        json!({"title": "t", "status": 403, "detail": "poby@github is not allowed here"}),
    );
    insta::assert_snapshot!(run(&agent, &["nudge"]), @r"
    exit code 4
    --- stderr
    error: poby@github is not allowed here
    ");
}
