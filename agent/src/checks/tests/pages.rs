//! Lists of more than one page.

use pull_agent_core::VerdictKind::{Green, Red, Unavailable};
use pull_agent_forge::{Fault, Kind};

use super::*;

/// Two named checks, so that the forge cannot narrow its list to one name; the first is the last of the list.
fn two(lab: &Lab) -> GithubGate {
    GithubGate { checks: vec!["first".to_owned(), "last".to_owned()], ..lab.gate() }
}

fn fill(lab: &Lab, others: usize) {
    lab.set("first", "completed", Some("success"));
    for n in 0..others {
        lab.set(&format!("other {n}"), "completed", Some("failure"));
    }
    lab.set("last", "completed", Some("success"));
}

#[tokio::test]
async fn every_page_is_read() {
    let lab = Lab::new().await;
    fill(&lab, 210);
    let checks = checks(&two(&lab));
    expect(&checks.ask(&revision()).await.verdict, Green, &[]);
    let requests = lab.forge.requests();
    assert_eq!(requests.len(), 3);
    assert!(
        requests[2].path.starts_with("/repositories/") && requests[2].path.contains("page=3"),
        "{requests:?}"
    );
    // A change on the last page is seen, although the first ones are known.
    lab.set("first", "completed", Some("failure"));
    expect(&checks.ask(&revision()).await.verdict, Red, &["check first"]);
    let statuses: Vec<u16> = lab.forge.requests().iter().map(|r| r.status).collect();
    assert_eq!(statuses, [200, 200, 200, 304, 304, 200]);
}

#[tokio::test]
async fn a_missing_page_is_no_verdict() {
    let lab = Lab::new().await;
    fill(&lab, 210);
    lab.forge.fault(Fault::once(Kind::Status { status: 500, headers: Vec::new() }).on("&page=2"));
    expect(&lab.ask(&two(&lab)).await, Unavailable, &["500"]);
}

#[tokio::test]
async fn pages_have_a_bound() {
    let lab = Lab::new().await;
    lab.green();
    let next = format!("<{}/repos/{REPOSITORY}/commits/{SHA}/check-runs>; rel=\"next\"", lab.forge.url());
    lab.forge.fault(Fault::always(Kind::Headers { headers: vec![("link".to_owned(), next)] }));
    expect(&lab.ask(&lab.gate()).await, Unavailable, &["more than 20 pages"]);
    assert_eq!(lab.forge.requests().len(), 20);
}

#[tokio::test]
async fn a_page_on_another_host_is_not_asked_for() {
    let (lab, foreign) = (Lab::new().await, Lab::new().await);
    lab.green();
    let gate = GithubGate { token_file: Some(lab.file("token", "secret-token")), ..lab.gate() };
    let link = format!("<{}/page>; rel=\"next\"", foreign.forge.url());
    lab.forge.fault(Fault::once(Kind::Headers { headers: vec![("link".to_owned(), link)] }));
    expect(&lab.ask(&gate).await, Unavailable, &["next page", &foreign.forge.url()]);
    assert_eq!(foreign.forge.requests(), []);
}
