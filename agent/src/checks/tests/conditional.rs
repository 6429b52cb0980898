//! ETag and 304.

use pull_agent_core::VerdictKind::{Green, Pending, Unavailable};
use pull_agent_forge::{Fault, Kind};

use super::*;

#[tokio::test]
async fn what_has_not_changed_is_a_304_and_what_has_is_seen() {
    let lab = Lab::new().await;
    let checks = checks(&lab.gate());
    lab.set(CHECK, "in_progress", None);
    let first = checks.ask(&revision()).await.verdict;
    let second = checks.ask(&revision()).await.verdict;
    expect(&first, Pending, &["in progress"]);
    assert_eq!(first, second);
    lab.green();
    expect(&checks.ask(&revision()).await.verdict, Green, &[]);
    let requests = lab.forge.requests();
    assert_eq!(requests.iter().map(|r| r.status).collect::<Vec<_>>(), [200, 304, 200]);
    assert!(requests[0].if_none_match.is_none() && requests[1].if_none_match == requests[2].if_none_match);
    let stats = checks.stats();
    assert_eq!(stats.requests, [("200".to_owned(), 2), ("304".to_owned(), 1)].into());
    assert_eq!(stats.ratelimit_remaining, Some(4998));
}

#[tokio::test]
async fn an_etag_belongs_to_one_token_and_one_commit() {
    let lab = Lab::new().await;
    lab.green();
    let gate = GithubGate { token_file: Some(lab.file("token", "one")), ..lab.gate() };
    let checks = checks(&gate);
    drop(checks.ask(&revision()).await);
    lab.file("token", "two");
    expect(&checks.ask(&revision()).await.verdict, Green, &[]);
    let other = Revision::parse(&SHA.replace("aa", "bb")).expect("an id");
    expect(&checks.ask(&other).await.verdict, Pending, &["missing"]);
    assert!(lab.forge.requests().iter().all(|r| r.if_none_match.is_none() && r.status == 200));
}

#[tokio::test]
async fn a_304_that_nobody_asked_for_proves_nothing() {
    let lab = Lab::new().await;
    lab.green();
    lab.forge.fault(Fault::once(Kind::Status { status: 304, headers: Vec::new() }));
    expect(&lab.ask(&lab.gate()).await, Unavailable, &["304 Not Modified"]);
}

#[tokio::test]
async fn an_error_in_between_does_not_spoil_what_is_known() {
    let lab = Lab::new().await;
    let checks = checks(&lab.gate());
    lab.green();
    expect(&checks.ask(&revision()).await.verdict, Green, &[]);
    lab.forge.fault(Fault::once(Kind::Status { status: 502, headers: Vec::new() }));
    expect(&checks.ask(&revision()).await.verdict, Unavailable, &["502 Bad Gateway"]);
    expect(&checks.ask(&revision()).await.verdict, Green, &[]);
    assert_eq!(lab.forge.requests().iter().map(|r| r.status).collect::<Vec<_>>(), [200, 502, 304]);
}
