//! Nudges: 1 a second, 10 at once, for each caller.

use std::time::Duration;

use pull_agent::listen::{BURST, Buckets};
use pull_agent::settings::Allow;
use tokio::time::Instant;

use super::lab::Lab;

#[test]
fn ten_at_once_and_then_one_a_second() {
    let (mut buckets, start) = (Buckets::default(), Instant::now());
    for _ in 0..BURST {
        buckets.take("a", start).unwrap();
    }
    assert_eq!(buckets.take("a", start), Err(Duration::from_secs(1)));
    let later = start + Duration::from_millis(400);
    assert_eq!(buckets.take("a", later), Err(Duration::from_millis(600)), "a refusal costs nothing");
    buckets.take("b", later).unwrap();
    for second in 1..100 {
        let now = start + Duration::from_secs(second);
        buckets.take("a", now).unwrap();
        buckets.take("a", now).unwrap_err();
    }
    let rested = start + Duration::from_secs(200);
    for _ in 0..BURST {
        buckets.take("a", rested).unwrap();
    }
    buckets.take("a", rested).unwrap_err();
}

#[test]
fn the_map_is_bounded_and_forgets_the_rested() {
    let (mut buckets, start) = (Buckets::default(), Instant::now());
    for caller in 0..5000 {
        let taken = buckets.take(&caller.to_string(), start);
        assert_eq!(taken.is_ok(), caller < 1024, "{caller}");
    }
    assert_eq!(buckets.len(), 1024);
    buckets.take("7", start).unwrap();
    buckets.take("new", start + Duration::from_secs(1)).unwrap();
    assert_eq!(buckets.len(), 2, "7 has one missing yet, and the new one");
}

#[tokio::test]
async fn a_caller_who_nudges_too_often_is_told_when_to_come_again() {
    let lab = Lab::allowing(vec![Allow::Tag("tag:ci".to_owned())]).await;
    lab.tailscaled.tagged(&["tag:ci"]);
    let mut refused = None;
    for _ in 0..200 {
        let answer = lab.post("/v1/nudge", "").await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
        answer.passed();
    }
    let refused = refused.expect("200 nudges at once are all accepted");
    refused.refused(429, "too many nudges");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(lab.daemon.lines().len() >= 10);
    // Reads are not counted, and another node has its own count.
    lab.get("/v1/status").await.passed();
    lab.tailscaled
        .peer(serde_json::json!({ "Node": { "StableID": "n2", "Name": "b.", "Tags": ["tag:ci"] } }));
    lab.post("/v1/nudge", "").await.passed();
}
