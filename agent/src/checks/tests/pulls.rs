//! Evidence from the pull request that became a commit.

use pull_agent_core::Evidence;
use pull_agent_core::VerdictKind::{Green, Pending, Red, Unavailable, Unproven};
use pull_agent_forge::{Fault, Kind, PullSpec, RepositorySpec, TokenKind, TokenSpec};

use super::{CHECK, Lab, REPOSITORY, SHA, checks, expect, revision};
use crate::checks::Asked;
use crate::settings::{Accept, GithubGate};

const HEAD: &str = "3f2a91c0000000000000000000000000000000bb";

/// Pull request 7 was merged as the commit that is asked about.
fn merged(lab: &Lab) {
    put(lab, |_| {});
}

fn put(lab: &Lab, change: impl FnOnce(&mut PullSpec)) {
    let mut pull = PullSpec {
        repository: REPOSITORY.to_owned(),
        number: 7,
        title: "grafana".to_owned(),
        head_ref: "grafana".to_owned(),
        head_sha: HEAD.to_owned(),
        base_ref: "main".to_owned(),
        base_sha: String::new(),
        merge_commit_sha: Some(SHA.to_owned()),
        merged: true,
        commits: Vec::new(),
    };
    change(&mut pull);
    lab.forge.world().put_pull(pull);
}

fn head(lab: &Lab, status: &str, conclusion: Option<&str>) {
    lab.forge.set_check(REPOSITORY, HEAD, CHECK, status, conclusion);
}

fn gate(lab: &Lab, accept: Accept) -> GithubGate {
    GithubGate { accept, ..lab.gate() }
}

async fn ask(lab: &Lab, accept: Accept) -> Asked {
    checks(&gate(lab, accept)).ask(&revision()).await
}

#[tokio::test]
async fn green_checks_of_the_pull_request_wait_for_the_proof_in_three_calls() {
    let lab = Lab::new().await;
    merged(&lab);
    head(&lab, "completed", Some("success"));
    let Asked { verdict, passed } = ask(&lab, Accept::Proven).await;
    expect(&verdict, Unproven, &["pull request #7", "1 of 1 checks passed"]);
    let passed = passed.expect("a pull request");
    assert_eq!((passed.number, passed.head.as_str(), passed.base), (7, HEAD, None));
    assert_eq!(lab.forge.requests().len(), 3);
}

#[tokio::test]
async fn with_accept_commit_no_pull_request_is_asked_for() {
    let lab = Lab::new().await;
    merged(&lab);
    head(&lab, "completed", Some("success"));
    let Asked { verdict, passed } = ask(&lab, Accept::Commit).await;
    expect(&verdict, Pending, &["missing"]);
    assert_eq!(passed, None);
    assert!(lab.forge.requests().iter().all(|seen| !seen.path.contains("/pulls")));
}

#[tokio::test]
async fn with_accept_merged_no_proof_is_needed_and_that_is_said() {
    let lab = Lab::new().await;
    merged(&lab);
    head(&lab, "completed", Some("success"));
    let Asked { verdict, passed } = ask(&lab, Accept::Merged).await;
    expect(&verdict, Green, &["pull request #7", "nobody proved"]);
    assert_eq!((verdict.evidence, passed), (Some(Evidence::Merged), None));
}

#[tokio::test]
async fn the_commits_own_runs_come_first() {
    for (status, conclusion, kind) in [
        ("completed", Some("success"), Green),
        ("completed", Some("failure"), Red),
        ("in_progress", None, Pending),
    ] {
        let lab = Lab::new().await;
        merged(&lab);
        head(&lab, "completed", Some("success"));
        lab.set(CHECK, status, conclusion);
        let Asked { verdict, passed } = ask(&lab, Accept::Proven).await;
        assert_eq!((verdict.kind, passed), (kind, None));
        assert_eq!(lab.forge.requests().len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_pull_request_that_is_not_green_is_no_better() {
    for (status, conclusion, kind) in [
        ("completed", Some("failure"), Red),
        ("in_progress", None, Pending),
        ("completed", Some("skipped"), Red),
    ] {
        let lab = Lab::new().await;
        merged(&lab);
        head(&lab, status, conclusion);
        for accept in [Accept::Proven, Accept::Merged] {
            let Asked { verdict, passed } = ask(&lab, accept).await;
            expect(&verdict, kind, &["pull request #7"]);
            assert_eq!(passed, None);
        }
    }
    let lab = Lab::new().await;
    merged(&lab);
    expect(&ask(&lab, Accept::Proven).await.verdict, Pending, &["pull request #7", "missing"]);
}

#[tokio::test]
async fn a_pull_request_that_did_not_become_the_commit_counts_for_nothing() {
    type Change = fn(&mut PullSpec);
    let changes: [(&str, Change); 4] = [
        ("open, and this is GitHub's test merge", |pull| pull.merged = false),
        ("merged as another commit", |pull| {
            pull.merge_commit_sha = Some("1".repeat(40));
            pull.commits = vec![SHA.to_owned()];
        }),
        ("merged into another branch", |pull| pull.base_ref = "release".to_owned()),
        ("closed", |pull| {
            pull.merged = false;
            pull.merge_commit_sha = None;
            pull.commits = vec![SHA.to_owned()];
        }),
    ];
    for (why, change) in changes {
        let lab = Lab::new().await;
        put(&lab, change);
        head(&lab, "completed", Some("success"));
        let Asked { verdict, passed } = ask(&lab, Accept::Proven).await;
        expect(&verdict, Pending, &["missing", "no pull request was merged into main as this commit"]);
        assert_eq!(passed, None, "{why}");
    }
}

#[tokio::test]
async fn a_token_that_may_not_read_pull_requests_is_told_and_the_commits_own_runs_are_waited_for() {
    let lab = Lab::new().await;
    merged(&lab);
    head(&lab, "completed", Some("success"));
    lab.forge.world().put_repository(RepositorySpec {
        repository: REPOSITORY.to_owned(),
        private: true,
        known_commits_only: false,
    });
    lab.forge.world().put_token(TokenSpec {
        token: "narrow".to_owned(),
        kind: TokenKind::default(),
        permissions: Some(vec!["checks".to_owned(), "contents".to_owned()]),
        repositories: None,
        expired: false,
    });
    let gate = GithubGate { token_file: Some(lab.file("token", "narrow")), ..gate(&lab, Accept::Proven) };
    let Asked { verdict, passed } = checks(&gate).ask(&revision()).await;
    expect(
        &verdict,
        Pending,
        &["missing", "its pull request cannot be asked for", "403", "pull_requests=read"],
    );
    assert_eq!(passed, None);
}

#[tokio::test]
async fn a_list_of_pull_requests_that_cannot_be_had_is_no_verdict() {
    let kinds = [
        (Kind::Status { status: 503, headers: Vec::new() }, "503"),
        (Kind::Garbage { body: "{\"message\": \"no list\"}".to_owned() }, "not with a list of pull requests"),
        (Kind::Garbage { body: "[{\"number\": \"seven\"}]".to_owned() }, "not with a list of pull requests"),
        (Kind::Secondary { status: 403, retry_after: "60".to_owned() }, "rate limit"),
        (Kind::Cut { after: 10 }, "broke off"),
    ];
    for (kind, words) in kinds {
        let lab = Lab::new().await;
        merged(&lab);
        head(&lab, "completed", Some("success"));
        lab.forge.fault(Fault::always(kind).on("/pulls"));
        let Asked { verdict, passed } = ask(&lab, Accept::Proven).await;
        expect(&verdict, Unavailable, &[words]);
        assert_eq!(passed, None);
    }
}

#[tokio::test]
async fn runs_of_another_commit_than_the_head_are_a_fault() {
    let lab = Lab::new().await;
    merged(&lab);
    let other = format!(
        r#"{{"check_runs": [{{"id": 1, "name": "{CHECK}", "head_sha": "{SHA}", "status": "completed",
            "conclusion": "success", "app": {{"id": 15368}}}}]}}"#
    );
    lab.forge.fault(Fault::always(Kind::Garbage { body: other }).on(&format!("{HEAD}/check-runs")));
    let Asked { verdict, passed } = ask(&lab, Accept::Proven).await;
    expect(&verdict, Unavailable, &["check runs of another commit"]);
    assert_eq!(passed, None);
}
