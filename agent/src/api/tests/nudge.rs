//! *Look now*, and nothing more.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::http::Method;
use pull_agent_core::Event;
use pull_agent_protocol::NudgeAnswer;
use tokio::time::Instant;

use super::{Answer, Desk, ask};
use crate::lab::{Lab, revision};

async fn nudge(desk: &Desk, body: &str) -> Answer {
    ask(desk.open(), Method::POST, "/v1/nudge", body).await
}

fn counted(desk: &Desk) -> (u64, u64) {
    (desk.counters.nudges_accepted.load(Relaxed), desk.counters.nudges_invalid.load(Relaxed))
}

#[tokio::test(start_paused = true)]
async fn a_nudge_is_accepted_at_once_and_told_to_the_loop() {
    let id = revision('b').to_string();
    let upper = id.to_uppercase();
    for (body, named) in [
        (String::new(), None),
        (" \n".to_owned(), None),
        ("{}".to_owned(), None),
        (r#"{"revision":null}"#.to_owned(), None),
        (format!(r#"{{"revision":"{id}"}}"#), Some('b')),
        (format!(r#"{{"revision":"{upper}"}}"#), Some('b')),
    ] {
        let mut desk = Desk::of(&Lab::idle());
        let answer = nudge(&desk, &body).await;
        assert_eq!(answer.status, 202, "{body}");
        let named = named.map(revision);
        let expected = NudgeAnswer { accepted: true, revision: named.as_ref().map(ToString::to_string) };
        assert_eq!(answer.json::<NudgeAnswer>(), expected);
        let before = Instant::now();
        let input = desk.heard.recv().await.expect("it is told");
        let most = if named.is_some() { Duration::ZERO } else { Duration::from_secs(2) };
        assert!(before.elapsed() <= most, "a fleet spreads its looks, and who waits is served at once");
        assert_eq!(input.event, Event::Nudged { revision: named });
        assert!(input.caller.is_none(), "nobody waits for it");
        assert_eq!(counted(&desk), (1, 0));
    }
}

#[tokio::test]
async fn a_body_that_is_no_nudge_is_refused_and_counted() {
    let mut desk = Desk::of(&Lab::idle());
    let bad = [
        ("{", "not what this route takes"),
        ("[null]", "not what this route takes"),
        ("\"b\"", "not what this route takes"),
        (r#"{"revision":1}"#, "not what this route takes"),
        (r#"{"deploy":true}"#, "deploy"),
        (r#"{"revision":"main"}"#, "\"main\" is not a full commit id"),
        (r#"{"revision":"0000000000000000000000000000000000000000"}"#, "is not a full commit id"),
    ];
    for (count, (body, words)) in (1..).zip(bad) {
        let problem = nudge(&desk, body).await.problem(400);
        assert!(problem.detail.contains(words), "{body}: {}", problem.detail);
        assert_eq!(counted(&desk), (0, count));
    }
    desk.heard.try_recv().expect_err("nothing was told");
}

#[tokio::test(start_paused = true)]
async fn nudges_for_which_nobody_waits_share_one_look() {
    let mut desk = Desk::of(&Lab::idle());
    for _ in 0..3 {
        assert_eq!(nudge(&desk, "").await.status, 202);
    }
    assert_eq!(counted(&desk), (3, 0));
    desk.heard.recv().await.expect("it is told");
    tokio::time::sleep(Duration::from_secs(3)).await;
    desk.heard.try_recv().expect_err("once for all of them");
    assert_eq!(nudge(&desk, "").await.status, 202);
    desk.heard.recv().await.expect("the next one is told again");
}

#[tokio::test]
async fn an_agent_that_stops_says_so() {
    let id = revision('b');
    for body in [String::new(), format!(r#"{{"revision":"{id}"}}"#)] {
        let mut desk = Desk::of(&Lab::idle());
        desk.heard.close();
        assert_eq!(nudge(&desk, &body).await.problem(503).detail, "the agent is stopping");
    }
}
