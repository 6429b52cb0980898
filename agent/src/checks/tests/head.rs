//! Where the forge says that the branch is.

use pull_agent_forge::{CommitSpec, Fault, Kind, RateLimitSpec, RepositorySpec, TokenKind, TokenSpec};

use super::*;

/// The forge has this branch at the commit of the tests.
fn at(lab: &Lab, name: &str) {
    lab.forge.world().put_commit(CommitSpec {
        repository: REPOSITORY.to_owned(),
        revision: SHA.to_owned(),
        refs: vec![format!("heads/{name}")],
        ..CommitSpec::default()
    });
}

#[tokio::test]
async fn the_head_of_the_followed_branch() {
    for branch in ["main", "hosts/blue green"] {
        let lab = Lab::new().await;
        at(&lab, branch);
        let gate = GithubGate { branch: branch.to_owned(), ..lab.gate() };
        assert_eq!(checks(&gate).head().await, Ok(Some(revision())), "{branch}");
    }
}

#[tokio::test]
async fn a_branch_that_the_forge_does_not_have_or_show_is_none() {
    let lab = Lab::new().await;
    at(&lab, "other");
    assert_eq!(checks(&lab.gate()).head().await, Ok(None));
    at(&lab, "main");
    let spec = RepositorySpec { repository: REPOSITORY.to_owned(), private: true, known_commits_only: false };
    lab.forge.world().put_repository(spec);
    lab.forge.world().put_token(TokenSpec {
        token: "ghs_checks_only".to_owned(),
        kind: TokenKind::App,
        permissions: Some(vec!["checks".to_owned()]),
        repositories: None,
        expired: false,
    });
    let token_file = Some(lab.file("token", "ghs_checks_only"));
    assert_eq!(checks(&GithubGate { token_file, ..lab.gate() }).head().await, Ok(None));
}

#[tokio::test]
async fn what_the_rate_limit_leaves_is_for_the_gate() {
    let lab = Lab::new().await;
    at(&lab, "main");
    lab.green();
    lab.forge.world().put_rate_limit(RateLimitSpec { limit: 5000, remaining: 20, reset_in: 3600 });
    let checks = checks(&lab.gate());
    checks.ask(&revision()).await;
    let before = lab.forge.requests().len();
    assert_eq!((checks.head().await, lab.forge.requests().len()), (Ok(None), before));
}

#[tokio::test]
async fn a_forge_that_wants_to_be_left_alone_is() {
    let lab = Lab::new().await;
    at(&lab, "main");
    lab.green();
    let checks = checks(&lab.gate());
    lab.forge.fault(Fault::once(Kind::Secondary { status: 403, retry_after: "60".to_owned() }));
    checks.ask(&revision()).await;
    let before = lab.forge.requests().len();
    assert_eq!((checks.head().await, lab.forge.requests().len()), (Ok(None), before));
}

#[tokio::test]
async fn a_forge_that_fails_is_an_error_and_an_answer_that_is_none_too() {
    let lab = Lab::new().await;
    at(&lab, "main");
    lab.forge.fault(Fault::always(Kind::Status { status: 502, headers: Vec::new() }));
    let error = checks(&lab.gate()).head().await.expect_err("it fails");
    assert!(error.contains("502"), "{error}");
    lab.forge.clear_faults();
    lab.forge.fault(Fault::always(Kind::Garbage { body: "{\"object\": 1}".to_owned() }));
    let error = checks(&lab.gate()).head().await.expect_err("it is no ref");
    assert!(error.contains("not with a list of branches"), "{error}");
}
