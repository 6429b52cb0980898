//! The API of GitHub Actions: for tokens that cannot read check runs, and to tell workflows of one job name apart.

use pull_agent_core::VerdictKind::{Green, Pending, Red, Unavailable};
use pull_agent_forge::{CheckSpec, Fault, Kind, RepositorySpec, TokenKind, TokenSpec};

use super::*;
use crate::settings::GateApi;

const TOKEN: &str = "github_pat_never-to-be-seen";
const EARLY: &str = "2026-11-24T04:00:00Z";
const LATE: &str = "2026-11-24T05:00:00Z";

/// A private repository, and a fine-grained token with these permissions.
async fn private(permissions: &[&str]) -> (Lab, GithubGate) {
    let lab = Lab::new().await;
    lab.forge.world().put_repository(RepositorySpec {
        repository: REPOSITORY.to_owned(),
        private: true,
        known_commits_only: false,
    });
    lab.forge.world().put_token(TokenSpec {
        token: TOKEN.to_owned(),
        kind: TokenKind::FineGrained,
        permissions: Some(permissions.iter().map(|name| (*name).to_owned()).collect()),
        repositories: None,
        expired: false,
    });
    let gate = GithubGate { token_file: Some(lab.file("token", TOKEN)), ..lab.gate() };
    (lab, gate)
}

fn run(conclusion: &str) -> CheckSpec {
    CheckSpec::new(REPOSITORY, SHA, CHECK).status("completed").conclusion(Some(conclusion))
}

/// An early run of one workflow and a late one of another, of the same name.
fn two_workflows(lab: &Lab, early: &str, late: &str) {
    lab.forge
        .put_check(&run(early).suite("nightly").workflow(".github/workflows/nightly.yml").started_at(EARLY));
    lab.forge.put_check(&run(late).suite("ci").workflow(".github/workflows/ci.yml").started_at(LATE));
}

/// What was asked for, from `commits/` or `actions/` on.
fn asked(lab: &Lab) -> Vec<String> {
    let short = |path: &str| path.trim_start_matches(&format!("/repos/{REPOSITORY}/")).to_owned();
    lab.forge.requests().iter().map(|seen| short(seen.path.split('?').next().expect("one part"))).collect()
}

#[tokio::test]
async fn a_fine_grained_token_reads_jobs_and_status_says_so() {
    let (lab, gate) = private(&["actions"]).await;
    let checks = checks(&gate);
    expect(&checks.ask(&revision()).await.verdict, Pending, &["missing", "there are none at all yet"]);
    lab.set(CHECK, "in_progress", None);
    expect(&checks.ask(&revision()).await.verdict, Pending, &["in progress"]);
    lab.set(CHECK, "completed", Some("failure"));
    expect(&checks.ask(&revision()).await.verdict, Red, &["ended in failure"]);
    lab.green();
    let verdict = checks.ask(&revision()).await.verdict;
    expect(&verdict, Green, &["1 of 1 checks passed", "cannot read check runs", "jobs of GitHub Actions"]);
    let url = verdict.checks[0].url.as_deref().expect("an address");
    assert!(url.starts_with("https://github.com/poby/infra/actions/runs/"), "{url}");
    let tries = asked(&lab).iter().filter(|path| path.ends_with("/check-runs")).count();
    assert_eq!(tries, 1, "what a token cannot do is not tried again: {:?}", asked(&lab));
}

#[tokio::test]
async fn another_token_is_tried_with_check_runs_again() {
    let (lab, gate) = private(&["actions"]).await;
    lab.green();
    let checks = checks(&gate);
    expect(&checks.ask(&revision()).await.verdict, Green, &["jobs of GitHub Actions"]);
    let other = "ghs_another-one";
    lab.forge.world().put_token(TokenSpec {
        token: other.to_owned(),
        kind: TokenKind::App,
        permissions: Some(vec!["checks".to_owned()]),
        repositories: None,
        expired: false,
    });
    lab.file("token", other);
    let verdict = checks.ask(&revision()).await.verdict;
    expect(&verdict, Green, &[]);
    assert_eq!(verdict.detail, "1 of 1 checks passed");
}

#[tokio::test]
async fn a_job_of_another_name_is_named() {
    let (lab, gate) = private(&["actions"]).await;
    lab.set("lint", "completed", Some("success"));
    expect(&lab.ask(&gate).await, Pending, &["missing", "there are `lint`"]);
}

#[tokio::test]
async fn without_either_permission_the_sentence_names_the_one_that_it_can_have() {
    let (lab, gate) = private(&["contents"]).await;
    lab.green();
    expect(&lab.ask(&gate).await, Unavailable, &["403 Forbidden", "lacks the permission actions=read"]);
}

#[tokio::test]
async fn where_only_check_runs_are_to_be_read_jobs_are_not() {
    let (lab, gate) = private(&["actions"]).await;
    lab.green();
    let words = ["checks=read", "fine-grained", "gate.api = \"auto\""];
    expect(&lab.ask(&GithubGate { api: GateApi::Checks, ..gate.clone() }).await, Unavailable, &words);
    // Another app's check runs are no jobs.
    expect(&lab.ask(&GithubGate { app_id: Some(42), ..gate }).await, Unavailable, &["checks=read"]);
    assert_eq!(asked(&lab).iter().filter(|path| path.contains("actions")).count(), 0);
}

#[tokio::test]
async fn where_only_jobs_are_to_be_read_nothing_is_tried_and_nothing_said() {
    let lab = Lab::new().await;
    lab.green();
    let verdict = lab.ask(&GithubGate { api: GateApi::Actions, ..lab.gate() }).await;
    expect(&verdict, Green, &[]);
    assert_eq!(verdict.detail, "1 of 1 checks passed");
    assert!(asked(&lab).iter().all(|path| path.starts_with("actions/runs")), "{:?}", asked(&lab));
}

#[tokio::test]
async fn jobs_of_another_commit_are_a_fault() {
    let lab = Lab::new().await;
    let gate = GithubGate { api: GateApi::Actions, ..lab.gate() };
    lab.green();
    let jobs = |head: &str| {
        format!(
            "{{\"jobs\": [{{\"id\": 1, \"name\": \"{CHECK}\", \"status\": \"completed\", \"conclusion\": \
             \"success\"{head}}}]}}"
        )
    };
    for (head, words) in [
        (", \"head_sha\": \"cccccccccccccccccccccccccccccccccccccccc\"", "another commit"),
        ("", "names no commit"),
    ] {
        lab.forge.fault(Fault::always(Kind::Garbage { body: jobs(head) }).on("/jobs"));
        expect(&lab.ask(&gate).await, Unavailable, &[words]);
        lab.forge.clear_faults();
    }
}

#[tokio::test]
async fn more_workflow_runs_than_are_looked_into_prove_nothing() {
    let lab = Lab::new().await;
    for number in 0..31 {
        lab.forge.put_check(&run("success").suite(&number.to_string()));
    }
    let verdict = lab.ask(&GithubGate { api: GateApi::Actions, ..lab.gate() }).await;
    expect(&verdict, Unavailable, &["31 workflow runs"]);
}

#[tokio::test]
async fn every_workflow_of_a_name_must_pass() {
    for api in [GateApi::Auto, GateApi::Actions] {
        let lab = Lab::new().await;
        let gate = GithubGate { api, ..lab.gate() };
        two_workflows(&lab, "failure", "success");
        expect(&lab.ask(&gate).await, Red, &["ended in failure"]);
        // Run again and green, it is no hindrance any more.
        let again = run("success").suite("nightly").rerun();
        lab.forge.put_check(&again);
        expect(&lab.ask(&gate).await, Green, &["1 of 1"]);
    }
}

#[tokio::test]
async fn an_older_try_of_the_same_workflow_is_replaced_by_the_newest() {
    for api in [GateApi::Auto, GateApi::Actions] {
        let lab = Lab::new().await;
        lab.forge.put_check(&run("failure").suite("opened").started_at(EARLY));
        lab.forge.put_check(&run("success").suite("reopened").started_at(LATE));
        let verdict = lab.ask(&GithubGate { api, ..lab.gate() }).await;
        expect(&verdict, Green, &[]);
        assert_eq!(verdict.detail, "1 of 1 checks passed");
    }
}

#[tokio::test]
async fn workflows_are_only_asked_for_where_they_decide() {
    let lab = Lab::new().await;
    two_workflows(&lab, "success", "success");
    expect(&lab.ask(&lab.gate()).await, Green, &[]);
    assert_eq!(asked(&lab).len(), 1, "{:?}", asked(&lab));
}

#[tokio::test]
async fn a_token_that_cannot_read_workflows_lets_the_newest_decide_and_says_so() {
    let (lab, gate) = private(&[]).await;
    lab.forge.world().put_token(TokenSpec {
        token: TOKEN.to_owned(),
        kind: TokenKind::App,
        permissions: Some(vec!["checks".to_owned()]),
        repositories: None,
        expired: false,
    });
    two_workflows(&lab, "failure", "success");
    expect(&lab.ask(&gate).await, Green, &["1 of 1", "workflow cannot be told"]);
}

#[tokio::test]
async fn a_forge_that_fails_to_name_workflows_proves_nothing() {
    let lab = Lab::new().await;
    two_workflows(&lab, "failure", "success");
    lab.forge.fault(Fault::always(Kind::Status { status: 502, headers: Vec::new() }).on("/actions/"));
    expect(&lab.ask(&lab.gate()).await, Unavailable, &["502"]);
}
