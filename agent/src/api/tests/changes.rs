//! What changes things: what the loop is told, and how its answer reads.

use axum::Router;
use axum::http::Method;
use pull_agent_core::{Answer as Told, Event, NotSaved, Refusal, Wall};
use pull_agent_protocol::Status;

use super::{Answer, Desk, ask};
use crate::clock;
use crate::lab::{Lab, revision};

async fn post(router: Router, path: &str, body: &str) -> Answer {
    ask(router, Method::POST, path, body).await
}

/// Asks for a change, and lets the loop answer so. Returns what the loop heard, and the answer.
async fn changed(path: &str, body: &str, told: Told) -> (Event, Answer) {
    let mut desk = Desk::of(&Lab::idle());
    let control = desk.control();
    let loop_answers = async {
        let input = desk.heard.recv().await.expect("the change");
        input.caller.expect("who wants an answer").send(told).expect("it waits");
        input.event
    };
    tokio::join!(loop_answers, post(control, path, body))
}

#[tokio::test]
async fn each_route_tells_the_loop_its_event() {
    let named = format!(r#"{{"revision":"{}"}}"#, revision('b'));
    let by = || "unknown".to_owned();
    let reason = Some("away for a week".to_owned());
    for (path, body, expected) in [
        ("/v1/pause", "", Event::PauseRequested { until: None, reason: None, by: by() }),
        (
            "/v1/pause",
            r#"{"reason":"away\nfor a week"}"#,
            Event::PauseRequested { until: None, reason, by: by() },
        ),
        ("/v1/resume", "", Event::ResumeRequested),
        ("/v1/retry", "", Event::RetryRequested { revision: None }),
        ("/v1/retry", &named, Event::RetryRequested { revision: Some(revision('b')) }),
        ("/v1/accept", &named, Event::AcceptRequested { revision: revision('b') }),
    ] {
        let (event, answer) = changed(path, body, Told::Done).await;
        assert_eq!(event, expected, "{path} {body}");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json::<Status>(), Lab::idle().status());
    }
}

#[tokio::test]
async fn a_pause_for_so_long_ends_so_much_later() {
    let before = clock::wall();
    let (event, _) = changed("/v1/pause", r#"{"for":3600}"#, Told::Done).await;
    let Event::PauseRequested { until: Some(until), .. } = event else { panic!("{event:?}") };
    let hour = 3_600_000;
    assert!(until >= Wall(before.0 + hour) && until <= Wall(clock::wall().0 + hour), "{until:?}");

    let (event, _) = changed("/v1/pause", &format!(r#"{{"for":{}}}"#, u64::MAX), Told::Done).await;
    let Event::PauseRequested { until, .. } = event else { panic!("{event:?}") };
    assert_eq!(until, Some(Wall(u64::MAX)), "too long is for ever, and not in the past");
}

#[tokio::test]
async fn the_status_of_a_change_is_the_one_that_follows_from_it() {
    let mut desk = Desk::of(&Lab::idle());
    let mut lab = Lab::idle();
    lab.pause();
    let (control, paused) = (desk.control(), lab.status());
    let (shown, heard) = (desk.shown, &mut desk.heard);
    let loop_answers = async {
        let input = heard.recv().await.expect("the change");
        shown.send_replace(std::sync::Arc::new(super::snapshot(&lab)));
        input.caller.expect("who wants an answer").send(Told::Done).expect("it waits");
    };
    let ((), answer) = tokio::join!(loop_answers, post(control, "/v1/pause", ""));
    assert_eq!(answer.json::<Status>(), paused);
}

#[tokio::test]
async fn a_refused_change_is_a_conflict_with_a_hint() {
    let refused = Told::Refused(Refusal::NotHeld { revision: revision('c') });
    let problem = changed("/v1/retry", "", refused).await.1.problem(409);
    assert_eq!(problem.hint.as_deref(), Some("agentctl status"));
    assert!(problem.detail.contains("is not held here"), "{}", problem.detail);
}

#[tokio::test]
async fn a_change_that_is_not_saved_says_what_went_wrong() {
    let error = "cannot save state.json: no space left".to_owned();
    let problem = changed("/v1/resume", "", Told::NotSaved(NotSaved { error })).await.1.problem(507);
    let expected = "cannot save state.json: no space left; it is tried again and takes effect then";
    assert_eq!((problem.detail.as_str(), problem.hint), (expected, None));
}

#[tokio::test]
async fn an_agent_that_stops_before_or_while_it_is_asked_says_so() {
    let mut desk = Desk::of(&Lab::idle());
    let control = desk.control();
    let hangs_up = async { drop(desk.heard.recv().await.expect("the change")) };
    let ((), answer) = tokio::join!(hangs_up, post(control, "/v1/resume", ""));
    assert_eq!(answer.problem(503).detail, "the agent is stopping");
    desk.heard.close();
    let answer = post(desk.control(), "/v1/resume", "").await;
    assert_eq!(answer.problem(503).detail, "the agent is stopping");
}

#[tokio::test]
async fn a_body_that_cannot_be_taken_changes_nothing() {
    let mut desk = Desk::of(&Lab::idle());
    for (path, body, words) in [
        ("/v1/pause", r#"{"for":0}"#, "at least 1 second"),
        ("/v1/pause", r#"{"for":-1}"#, "not what this route takes"),
        ("/v1/pause", r#"{"until":1}"#, "until"),
        ("/v1/pause", "[60]", "not what this route takes"),
        ("/v1/retry", r#"{"revision":"b"}"#, "\"b\" is not a full commit id"),
        ("/v1/accept", "", "not what this route takes"),
        ("/v1/accept", "{}", "revision"),
        ("/v1/accept", r#"{"revision":"b"}"#, "\"b\" is not a full commit id"),
        ("/v1/rollback", r#"{"to":1}"#, "to"),
    ] {
        let problem = post(desk.control(), path, body).await.problem(400);
        assert!(problem.detail.contains(words), "{path} {body}: {}", problem.detail);
    }
    desk.heard.try_recv().expect_err("nothing was told");
}

#[tokio::test]
async fn what_comes_later_says_what_can_be_done_by_hand() {
    let desk = Desk::of(&Lab::idle());
    let problem = post(desk.control(), "/v1/deploy", "").await.problem(501);
    assert!(problem.hint.expect("a hint").contains("nixos-rebuild switch"));

    // What ran before the last deployment, by its path.
    let problem = post(desk.control(), "/v1/rollback", "").await.problem(501);
    let hint = problem.hint.expect("a hint");
    assert!(hint.contains("--set /nix/store/0 &&") && !hint.contains("--rollback"), "{hint}");
    let problem = post(desk.control(), "/v1/rollback", r#"{"deployment":1}"#).await.problem(501);
    assert!(problem.detail.starts_with("rollback 1 is not"), "{}", problem.detail);
    assert!(problem.hint.expect("a hint").contains("/nix/store/a/bin/switch-to-configuration"));
    let problem = post(desk.control(), "/v1/rollback", r#"{"deployment":7}"#).await.problem(501);
    assert_eq!(problem.hint, None);
    desk.show(&Lab::new());
    let problem = post(desk.control(), "/v1/rollback", "").await.problem(501);
    assert!(problem.detail.contains("no system is recorded"), "{}", problem.detail);
}
