//! How long the forge wants to be left alone.

use pull_agent_core::Millis;
use pull_agent_core::VerdictKind::{Green, Pending, Unavailable};
use pull_agent_forge::{Fault, Kind, RateLimitSpec};

use super::*;

async fn once(kind: Kind) -> Verdict {
    let lab = Lab::new().await;
    lab.green();
    lab.forge.fault(Fault::once(kind));
    lab.ask(&lab.gate()).await
}

#[tokio::test]
async fn a_secondary_limit_waits_as_it_is_told() {
    for status in [403, 429] {
        let verdict = once(Kind::Secondary { status, retry_after: "60".to_owned() }).await;
        let number = status.to_string();
        expect(&verdict, Unavailable, &[&number, "secondary rate limit", "asked again in 60 s"]);
        assert_eq!(verdict.not_before, Some(Millis::seconds(60)));
    }
}

#[tokio::test]
async fn a_primary_limit_waits_for_its_end() {
    for status in [403, 429] {
        let verdict = once(Kind::Primary { status, reset_in: 600 }).await;
        expect(&verdict, Unavailable, &["it is the rate limit", "gate.token_file"]);
        let wait = verdict.not_before.expect("a wait");
        // The two clocks of one machine, in whole seconds, a request apart.
        assert!((540_000..=601_000).contains(&wait.0), "{wait:?}");
    }
}

#[tokio::test]
async fn a_wait_has_a_bound() {
    let verdict = once(Kind::Secondary { status: 429, retry_after: "86400".to_owned() }).await;
    assert_eq!(verdict.not_before, Some(Millis::seconds(3600)));
    let verdict = once(Kind::Primary { status: 403, reset_in: 999_999 }).await;
    assert_eq!(verdict.not_before, Some(Millis::seconds(3600)));
}

#[tokio::test]
async fn a_forge_in_maintenance_is_left_alone_too() {
    let headers = vec![("retry-after".to_owned(), "120".to_owned())];
    let verdict = once(Kind::Status { status: 503, headers }).await;
    expect(&verdict, Unavailable, &["503 Service Unavailable"]);
    assert_eq!(verdict.not_before, Some(Millis::seconds(120)));
}

#[tokio::test]
async fn trouble_without_a_word_asks_for_no_wait() {
    let verdict = once(Kind::Status { status: 500, headers: Vec::new() }).await;
    assert_eq!(verdict.not_before, None);
}

#[tokio::test]
async fn the_last_request_of_the_hour_still_counts() {
    let lab = Lab::new().await;
    lab.green();
    lab.forge.world().put_rate_limit(RateLimitSpec { limit: 60, remaining: 1, reset_in: 300 });
    let checks = checks(&lab.gate());
    let last = checks.ask(&revision()).await.verdict;
    expect(&last, Green, &[]);
    assert!(last.not_before.is_some_and(|wait| (240_000..=301_000).contains(&wait.0)), "{last:?}");
    assert_eq!(checks.stats().ratelimit_remaining, Some(0));
    expect(
        &checks.ask(&revision()).await.verdict,
        Unavailable,
        &["403 Forbidden", "API rate limit exceeded"],
    );
}

#[tokio::test]
async fn questions_become_rare_as_the_limit_is_used_up_and_status_says_so() {
    let lab = Lab::new().await;
    lab.set(CHECK, "in_progress", None);
    let limit = |remaining| RateLimitSpec { limit: 60, remaining, reset_in: 3600 };
    lab.forge.world().put_rate_limit(limit(60));
    let verdict = lab.ask(&lab.gate()).await;
    expect(&verdict, Pending, &["in progress", "so it is asked again in 12", "gate.token_file"]);
    // Two clocks in whole seconds, a request apart.
    let wait = verdict.not_before.expect("a wait").0;
    assert!((118_000..=123_000).contains(&wait), "{wait}");
    lab.forge.world().put_rate_limit(limit(6));
    let wait = lab.ask(&lab.gate()).await.not_before.expect("a wait").0;
    assert!((1_400_000..=1_441_000).contains(&wait), "{wait}");
    lab.green();
    let verdict = lab.ask(&lab.gate()).await;
    expect(&verdict, Green, &[]);
    assert_eq!(verdict.detail, "1 of 1 checks passed");
    lab.forge.world().put_rate_limit(RateLimitSpec { limit: 5000, ..limit(5000) });
    assert_eq!(lab.ask(&lab.gate()).await.not_before, None);
}
