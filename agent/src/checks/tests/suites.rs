//! Several runs of one name: re-runs, several suites, several apps.

use pull_agent_core::VerdictKind::{self, Green, Pending, Red};
use pull_agent_forge::CheckSpec;

use super::*;

const EARLY: &str = "2026-11-24T04:00:00Z";
const LATE: &str = "2026-11-24T05:00:00+00:00";

fn run(status: &str, conclusion: Option<&str>) -> CheckSpec {
    CheckSpec::new(REPOSITORY, SHA, CHECK).status(status).conclusion(conclusion)
}

fn success() -> CheckSpec {
    run("completed", Some("success"))
}

fn failure() -> CheckSpec {
    run("completed", Some("failure"))
}

async fn check(runs: &[CheckSpec], expected: VerdictKind) {
    let lab = Lab::new().await;
    for spec in runs {
        lab.forge.put_check(spec);
    }
    let verdict = lab.ask(&lab.gate()).await;
    expect(&verdict, expected, &[]);
    assert_eq!(verdict.checks.len(), 1, "{verdict:?}");
}

#[tokio::test]
async fn a_rerun_replaces_what_it_repeats() {
    check(&[failure(), success().rerun()], Green).await;
    check(&[success(), failure().rerun()], Red).await;
    check(&[success(), run("queued", None).rerun()], Pending).await;
}

#[tokio::test]
async fn of_several_suites_the_newest_decides() {
    let old = |spec: CheckSpec| spec.suite("opened").started_at(EARLY);
    let new = |spec: CheckSpec| spec.suite("reopened").started_at(LATE);
    check(&[old(failure()), new(success())], Green).await;
    check(&[old(success()), new(failure())], Red).await;
    check(&[new(success()), old(failure())], Green).await;
}

#[tokio::test]
async fn while_another_suite_is_not_done_nothing_is_green() {
    let old = |spec: CheckSpec| spec.suite("opened").started_at(EARLY);
    let new = |spec: CheckSpec| spec.suite("reopened").started_at(LATE);
    check(&[old(run("in_progress", None)), new(success())], Pending).await;
    check(&[old(success()), new(run("queued", None))], Pending).await;
    check(&[old(run("in_progress", None)), new(failure())], Red).await;
    check(&[old(failure()), new(run("in_progress", None))], Pending).await;
}

#[tokio::test]
async fn with_any_app_every_app_must_pass() {
    let lab = Lab::new().await;
    let gate = GithubGate { app_id: None, ..lab.gate() };
    lab.forge.put_check(&success().app(1).started_at(LATE));
    lab.forge.put_check(&failure().app(2).started_at(EARLY));
    expect(&lab.ask(&gate).await, Red, &[]);
    lab.forge.put_check(&success().app(2));
    expect(&lab.ask(&gate).await, Green, &[]);
}

#[tokio::test]
async fn a_red_check_can_turn_green() {
    let lab = Lab::new().await;
    let checks = checks(&lab.gate());
    lab.forge.put_check(&failure());
    expect(&checks.ask(&revision()).await.verdict, Red, &[]);
    lab.forge.put_check(&run("queued", None).rerun());
    expect(&checks.ask(&revision()).await.verdict, Pending, &[]);
    lab.forge.put_check(&success());
    expect(&checks.ask(&revision()).await.verdict, Green, &[]);
}
