//! Redirects: followed on the same host, and nowhere else.

use pull_agent_core::VerdictKind::{Green, Unavailable};
use pull_agent_forge::{Fault, Kind};

use super::*;

fn to(status: u16, location: &str) -> Kind {
    Kind::Redirect { status, location: location.to_owned() }
}

#[tokio::test]
async fn a_renamed_repository_is_found() {
    for status in [301, 302, 307, 308] {
        let lab = Lab::new().await;
        lab.forge.set_check("poby/new", SHA, CHECK, "completed", Some("success"));
        let gate = GithubGate { token_file: Some(lab.file("token", "abc")), ..lab.gate() };
        let path = format!("/repos/poby/new/commits/{SHA}/check-runs");
        let location = if status == 301 { path } else { format!("{}{path}", lab.forge.url()) };
        lab.forge.fault(Fault::once(to(status, &location)).on("/infra/"));
        expect(&lab.ask(&gate).await, Green, &[]);
        let requests = lab.forge.requests();
        assert_eq!(requests.len(), 2);
        assert!(requests.iter().all(|r| r.token.as_deref() == Some("abc")), "{requests:?}");
    }
}

#[tokio::test]
async fn another_host_is_not_followed_and_never_sees_the_token() {
    let (lab, foreign) = (Lab::new().await, Lab::new().await);
    foreign.green();
    let gate = GithubGate { token_file: Some(lab.file("token", "secret-token")), ..lab.gate() };
    let location = format!("{}/repos/{REPOSITORY}/commits/{SHA}/check-runs", foreign.forge.url());
    lab.forge.fault(Fault::always(to(301, &location)));
    let words = ["301 Moved Permanently", &location, "set gate.api_url"];
    expect(&lab.ask(&gate).await, Unavailable, &words);
    expect(&lab.ask(&lab.gate()).await, Unavailable, &words);
    assert_eq!(foreign.forge.requests(), []);
}

#[tokio::test]
async fn a_circle_has_an_end() {
    let lab = Lab::new().await;
    lab.forge.fault(Fault::always(to(302, "/around")));
    expect(&lab.ask(&lab.gate()).await, Unavailable, &["302 Found", "circle"]);
    assert_eq!(lab.forge.requests().len(), 5);
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_told() {
    let lab = Lab::new().await;
    lab.forge.fault(Fault::once(Kind::Status { status: 307, headers: Vec::new() }));
    expect(&lab.ask(&lab.gate()).await, Unavailable, &["307 Temporary Redirect", "without a place"]);
    lab.forge.fault(Fault::once(to(302, "http://[")));
    expect(&lab.ask(&lab.gate()).await, Unavailable, &["302 Found"]);
}
