//! Every route and every shape of the stand-in.

use pull_agent_forge::{CheckSpec, CommitSpec, Fault, Kind, PullSpec, RateLimitSpec, RepositorySpec};
use pull_agent_forge::{TokenKind, TokenSpec};

use super::{Bench, CHECK, REPOSITORY, SHA};

/// Statuses that GitHub's description lists.
const STATUSES: [&str; 6] = ["queued", "in_progress", "completed", "waiting", "requested", "pending"];

/// Conclusions that it lists.
const CONCLUSIONS: [&str; 7] =
    ["success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"];

pub(crate) async fn check(bench: &Bench) {
    check_runs(bench).await;
    workflows(bench).await;
    commits_and_pulls(bench).await;
    conditional(bench).await;
    refusals(bench).await;
    limits(bench).await;
}

fn runs() -> String {
    format!("/repos/{REPOSITORY}/commits/{SHA}/check-runs")
}

async fn check_runs(bench: &Bench) {
    for status in STATUSES {
        bench.forge.set_check(REPOSITORY, SHA, status, status, None);
    }
    for conclusion in CONCLUSIONS {
        bench.forge.set_check(REPOSITORY, SHA, conclusion, "completed", Some(conclusion));
    }
    bench.forge.put_check(&CheckSpec::new(REPOSITORY, SHA, CHECK).app(0));
    bench.forge.put_check(&CheckSpec::new(REPOSITORY, SHA, CHECK).app(42).suite("reopened"));
    for query in [
        "",
        "?filter=all",
        "?filter=latest&per_page=100&app_id=15368",
        "?status=completed",
        "?check_name=build%20%28yggdrasil%29",
        "?per_page=2&page=2",
        "?page=99",
    ] {
        bench.good(&format!("{}{query}", runs()), &[], 200).await;
    }
    let all = bench.good(&format!("{}?per_page=100", runs()), &[], 200).await;
    assert!(all.body.contains("\"total_count\":15"), "{}", all.body);
    bench
        .good(&format!("/repos/{REPOSITORY}/commits/{}/check-runs", SHA.replace("aa", "bb")), &[], 200)
        .await;
}

async fn workflows(bench: &Bench) {
    let root = format!("/repos/{REPOSITORY}/actions/runs");
    for query in ["", "?per_page=1&page=1"] {
        bench.good(&format!("{root}{query}"), &[], 200).await;
    }
    let runs = bench.good(&format!("{root}?head_sha={SHA}&per_page=100"), &[], 200).await;
    let runs: serde_json::Value = serde_json::from_str(&runs.body).expect("JSON");
    let first = &runs["workflow_runs"][0];
    let (run, suite) = (&first["id"], &first["check_suite_id"]);
    let of_suite = bench.good(&format!("{root}?check_suite_id={suite}"), &[], 200).await;
    assert!(of_suite.body.contains("\"total_count\":1"), "{}", of_suite.body);
    for filter in ["latest", "all"] {
        let jobs = bench.good(&format!("{root}/{run}/jobs?filter={filter}&per_page=100"), &[], 200).await;
        assert!(jobs.body.contains("\"total_count\":13"), "{}", jobs.body);
    }
    bench.good(&format!("{root}/1/jobs"), &[], 404).await;
}

async fn commits_and_pulls(bench: &Bench) {
    let head = SHA.replace("aa", "cc");
    let commit = CommitSpec {
        repository: REPOSITORY.to_owned(),
        revision: SHA.to_owned(),
        parents: vec![SHA.replace("aa", "bb")],
        message: "grafana: 11.3".to_owned(),
        refs: vec!["heads/main".to_owned()],
        ..CommitSpec::default()
    };
    bench.forge.world().put_commit(commit);
    let open = PullSpec {
        repository: REPOSITORY.to_owned(),
        number: 6,
        title: "grafana".to_owned(),
        head_ref: "grafana".to_owned(),
        head_sha: head.clone(),
        base_ref: "main".to_owned(),
        base_sha: SHA.replace("aa", "bb"),
        ..PullSpec::default()
    };
    let merged = PullSpec { number: 7, merged: true, merge_commit_sha: Some(SHA.to_owned()), ..open.clone() };
    bench.forge.world().put_pull(open);
    bench.forge.world().put_pull(merged);
    for commit in [SHA, &head, "main"] {
        bench.good(&format!("/repos/{REPOSITORY}/commits/{commit}"), &[], 200).await;
        bench.good(&format!("/repos/{REPOSITORY}/commits/{commit}/pulls"), &[], 200).await;
    }
    let pulls = bench.good(&format!("/repos/{REPOSITORY}/commits/{head}/pulls?per_page=1"), &[], 200).await;
    assert!(pulls.body.contains("\"number\":6"), "{}", pulls.body);
    for number in [6, 7] {
        bench.good(&format!("/repos/{REPOSITORY}/pulls/{number}"), &[], 200).await;
    }
}

async fn conditional(bench: &Bench) {
    let pull = format!("/repos/{REPOSITORY}/pulls/7");
    for path in [runs(), pull, format!("/repos/{REPOSITORY}/commits/{SHA}")] {
        let etag = bench.good(&path, &[], 200).await.etag.expect("an ETag");
        let same = bench.good(&path, &[("if-none-match", &etag)], 304).await;
        assert_eq!(same.body, "");
    }
}

async fn refusals(bench: &Bench) {
    bench.good("/repos/poby/none/commits/main", &[], 404).await;
    bench.good("/repos/poby/none/commits/main/check-runs", &[], 404).await;
    bench.good(&format!("/repos/{REPOSITORY}/pulls/99"), &[], 404).await;
    let strict =
        RepositorySpec { repository: "poby/secret".to_owned(), private: true, known_commits_only: true };
    bench.forge.world().put_repository(strict);
    bench.forge.world().put_token(TokenSpec {
        token: "narrow".to_owned(),
        kind: TokenKind::App,
        permissions: Some(vec!["contents".to_owned()]),
        repositories: None,
        expired: false,
    });
    let narrow = ("authorization", "Bearer narrow");
    bench.good("/repos/poby/secret/commits/main", &[], 404).await;
    bench.good(&format!("/repos/poby/secret/commits/{SHA}"), &[narrow], 422).await;
    bench.good(&format!("/repos/poby/secret/commits/{SHA}/check-runs"), &[narrow], 403).await;
    bench.good(&runs(), &[("authorization", "Bearer unknown")], 401).await;
}

async fn limits(bench: &Bench) {
    bench.good("/rate_limit", &[], 200).await;
    for (status, kind) in [
        (503, Kind::Status { status: 503, headers: Vec::new() }),
        (403, Kind::Primary { status: 403, reset_in: 60 }),
        (429, Kind::Secondary { status: 429, retry_after: "1".to_owned() }),
    ] {
        bench.forge.fault(Fault::once(kind));
        bench.good(&runs(), &[], status).await;
    }
    bench.forge.world().put_rate_limit(RateLimitSpec { limit: 60, remaining: 0, reset_in: 60 });
    bench.good(&runs(), &[], 403).await;
    bench.good("/rate_limit", &[], 200).await;
}
