//! A GitHub App: its word, its tokens, and clocks that do not agree.

use pull_agent_core::VerdictKind::{Green, Unavailable};
use pull_agent_forge::{APP_KEY, APP_KEY_PKCS8, AppSpec, OTHER_KEY, RepositorySpec, TokenKind, TokenSpec};

use super::*;
use crate::settings::GithubApp;

const APP: AppSpec =
    AppSpec { id: 12, installation_id: 34, permissions: None, token_seconds: 3600, suspended: false };

/// A private repository with a green check, and an App that may see it.
async fn lab(app: AppSpec) -> (Lab, GithubGate) {
    let lab = Lab::new().await;
    lab.forge.world().put_repository(RepositorySpec {
        repository: REPOSITORY.to_owned(),
        private: true,
        known_commits_only: false,
    });
    // With one of its own the stand-in knows which tokens are none.
    lab.forge.world().put_token(TokenSpec {
        token: "somebody-else".to_owned(),
        kind: TokenKind::Classic,
        permissions: None,
        repositories: None,
        expired: false,
    });
    lab.forge.world().apps.push(app);
    lab.green();
    let private_key_file = lab.file("key.pem", APP_KEY);
    let app = GithubApp { id: 12, installation_id: 34, private_key_file };
    let gate = GithubGate { app: Some(app), ..lab.gate() };
    (lab, gate)
}

fn logins(lab: &Lab) -> usize {
    lab.forge.requests().iter().filter(|seen| seen.method == "POST").count()
}

#[tokio::test]
async fn it_gets_a_token_and_keeps_it() {
    let (lab, gate) = lab(APP).await;
    let checks = checks(&gate);
    for _ in 0..3 {
        expect(&checks.ask(&revision()).await.verdict, Green, &["1 of 1"]);
    }
    let requests = lab.forge.requests();
    assert_eq!(logins(&lab), 1, "{requests:?}");
    assert_eq!(requests[0].path, "/app/installations/34/access_tokens");
    assert!(requests[1].token.as_deref().is_some_and(|token| token.starts_with("ghs_")), "{requests:?}");
    let word = requests[0].token.clone().expect("a word");
    let printed = format!("{checks:?}");
    assert!(!printed.contains(&word) && !printed.contains("ghs_"), "{printed}");
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    for (seconds, expected) in [(3600, 1), (330, 1), (300, 2), (0, 2)] {
        let (lab, gate) = lab(AppSpec { token_seconds: seconds, ..APP }).await;
        let checks = checks(&gate);
        expect(&checks.ask(&revision()).await.verdict, Green, &[]);
        expect(&checks.ask(&revision()).await.verdict, Green, &[]);
        assert_eq!(logins(&lab), expected, "good for {seconds} s");
    }
}

#[tokio::test]
async fn a_token_that_is_not_taken_any_more_is_replaced_at_the_next_look() {
    let (lab, gate) = lab(APP).await;
    let checks = checks(&gate);
    expect(&checks.ask(&revision()).await.verdict, Green, &[]);
    for token in lab.forge.world().tokens.values_mut() {
        token.expired = true;
    }
    expect(&checks.ask(&revision()).await.verdict, Unavailable, &["401", "the GitHub App 12"]);
    expect(&checks.ask(&revision()).await.verdict, Green, &[]);
    assert_eq!(logins(&lab), 2);
}

#[tokio::test]
async fn a_host_whose_clock_is_wrong_takes_that_of_the_forge() {
    for ahead in [-86_400, -700, 700, 86_400] {
        let (lab, gate) = lab(AppSpec { token_seconds: 300, ..APP }).await;
        lab.forge.world().clock_ahead = ahead;
        let checks = checks(&gate);
        expect(&checks.ask(&revision()).await.verdict, Green, &[]);
        assert_eq!(logins(&lab), 2, "refused once: {ahead}");
        expect(&checks.ask(&revision()).await.verdict, Green, &[]);
        assert_eq!(logins(&lab), 3, "the difference is remembered: {ahead}");
    }
}

#[tokio::test]
async fn each_refusal_says_what_helps() {
    let (lab, gate) = lab(APP).await;
    let app = gate.app.clone().expect("set");
    let with = |app: GithubApp| GithubGate { app: Some(app), ..gate.clone() };
    let words =
        ["installation 34 (gate.app.installation_id) of the GitHub App 99", "404", "Integration not found"];
    expect(&lab.ask(&with(GithubApp { id: 99, ..app.clone() })).await, Unavailable, &words);
    let words = ["installation 35", "404 Not Found"];
    expect(&lab.ask(&with(GithubApp { installation_id: 35, ..app.clone() })).await, Unavailable, &words);
    lab.file("key.pem", OTHER_KEY);
    let words = ["401", "could not be decoded", "gate.app.id is right", "key.pem holds one of its keys"];
    expect(&lab.ask(&gate).await, Unavailable, &words);
    lab.file("key.pem", "no key");
    expect(&lab.ask(&gate).await, Unavailable, &["gate.app.private_key_file = /", "no private key in PEM"]);
    std::fs::remove_file(&app.private_key_file).expect("it is there");
    // A key that comes back needs no restart.
    let checks = checks(&gate);
    let words = ["gate.app.private_key_file = /", "cannot be read"];
    expect(&checks.ask(&revision()).await.verdict, Unavailable, &words);
    lab.file("key.pem", APP_KEY_PKCS8);
    expect(&checks.ask(&revision()).await.verdict, Green, &[]);
    lab.forge.world().apps[0].suspended = true;
    expect(&lab.ask(&gate).await, Unavailable, &["403", "is suspended"]);
}

#[tokio::test]
async fn a_missing_permission_of_the_app_is_named() {
    let (lab, gate) = lab(AppSpec { permissions: Some(vec!["contents".to_owned()]), ..APP }).await;
    expect(&lab.ask(&gate).await, Unavailable, &["the GitHub App 12 lacks the permission checks=read"]);
}
