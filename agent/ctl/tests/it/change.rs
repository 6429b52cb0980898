//! pause, resume, retry, accept: what they send, over which socket, and what they say.

use serde_json::json;

use super::agent::Agent;
use super::run::run;
use super::{BAD, WANTED, minutes_ago, status, with};

#[test]
fn a_pause_is_sent_and_told() {
    let agent = Agent::start();
    let paused = json!({"since": minutes_ago(0), "until": null, "reason": "demo", "by": "root"});
    let until =
        json!({"since": minutes_ago(0), "until": "2999-01-01T00:00:00Z", "reason": null, "by": "root"});
    let current = json!({"id": 13, "revision": WANTED, "subject": "s", "trigger": "poll", "started_at": minutes_ago(1)});
    agent.answers("POST /v1/pause", 200, with(status(), json!({"paused": paused}))).answers(
        "POST /v1/pause",
        200,
        with(status(), json!({"paused": until, "current": current})),
    );
    insta::assert_snapshot!(run(&agent, &["pause", "--reason", "demo"]), @r"
    exit code 0
    --- stdout
    paused until agentctl resume
    ");
    let timed = run(&agent, &["pause", "--for", "1h30m"]);
    let (start, end) = timed.split_once(" (in ").expect("how long it is");
    assert_eq!(start, "exit code 0\n--- stdout\npaused until 2999-01-01 00:00 UTC");
    assert!(end.ends_with(" d); deployment 13 goes on\n"), "{end}");
    assert_eq!(
        agent.asked(),
        [r#"control POST /v1/pause {"reason":"demo"}"#, r#"control POST /v1/pause {"for":5400}"#]
    );
}

#[test]
fn resume_sends_nothing_more() {
    let agent = Agent::start();
    agent.answers("POST /v1/resume", 200, status());
    insta::assert_snapshot!(run(&agent, &["resume"]), @r"
    exit code 0
    --- stdout
    resumed: up to date with a81c2f0
    ");
    assert_eq!(run(&agent, &["resume", "--json"]).lines().count(), 3);
    assert_eq!(agent.asked()[0], "control POST /v1/resume");
}

#[test]
fn retry_takes_the_first_digits_of_a_hold() {
    let agent = Agent::start();
    let held = json!({"held": [{"revision": BAD, "reason": "r", "since": minutes_ago(3)}]});
    agent.answers("GET /v1/status", 200, with(status(), held)).answers("POST /v1/retry", 200, status());
    insta::assert_snapshot!(run(&agent, &["retry", "BAD1"]), @r"
    exit code 0
    --- stdout
    the hold of bad1234 is forgotten: up to date with a81c2f0
    ");
    insta::assert_snapshot!(run(&agent, &["retry"]), @r"
    exit code 0
    --- stdout
    every hold is forgotten: up to date with a81c2f0
    ");
    insta::assert_snapshot!(run(&agent, &["retry", "cafe"]), @r"
    exit code 1
    --- stderr
    error: no held or wanted revision begins with cafe
    hint: agentctl status
    ");
    assert_eq!(
        agent.asked(),
        [
            "open GET /v1/status".to_owned(),
            format!(r#"control POST /v1/retry {{"revision":"{BAD}"}}"#),
            "control POST /v1/retry {}".to_owned(),
            "open GET /v1/status".to_owned(),
        ]
    );
}

#[test]
fn accept_takes_the_first_digits_of_the_refused_revision() {
    let agent = Agent::start();
    let refused =
        json!({"refused": {"revision": BAD, "deployed": WANTED, "reason": "r", "since": minutes_ago(3)}});
    agent.answers("GET /v1/status", 200, with(status(), refused)).answers("POST /v1/accept", 200, status());
    insta::assert_snapshot!(run(&agent, &["accept", "bad1234"]), @r"
    exit code 0
    --- stdout
    bad1234 is accepted once: up to date with a81c2f0
    ");
    assert_eq!(agent.asked()[1], format!(r#"control POST /v1/accept {{"revision":"{BAD}"}}"#));
}
