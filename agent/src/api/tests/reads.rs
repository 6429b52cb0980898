//! Status and history.

use pull_agent_core::ReasonCode;
use pull_agent_protocol::{BuildProgress, Deployment, Deployments, Phase, Progress, Status};

use super::{Desk, snapshot};
use crate::lab::Lab;
use crate::view;

fn progress() -> Progress {
    let builds = BuildProgress { done: 3, expected: 11 };
    Progress { builds, current: vec!["linux-6.12.9".to_owned()], ..Progress::default() }
}

/// Deployment 1 went well, 2 and 3 did not.
fn three() -> Lab {
    let mut lab = Lab::rolled_back();
    lab.sees('c');
    lab.green();
    lab.build_failed(ReasonCode::BuildFailed, "gcc failed");
    lab
}

#[tokio::test]
async fn the_status_is_the_last_snapshot() {
    let desk = Desk::of(&Lab::idle());
    let answer = desk.get("/v1/status").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json::<Status>(), Lab::idle().status());
    desk.show(&Lab::gating());
    assert_eq!(desk.get("/v1/status").await.json::<Status>().phase, Phase::Gating);
}

#[tokio::test]
async fn progress_is_told_while_something_builds_and_only_then() {
    let desk = Desk::of(&Lab::building());
    assert_eq!(desk.get("/v1/status").await.json::<Status>().progress, None);
    desk.progress.send_replace(Some(progress()));
    assert_eq!(desk.get("/v1/status").await.json::<Status>().progress, Some(progress()));
    desk.show(&Lab::activating());
    assert_eq!(desk.get("/v1/status").await.json::<Status>().progress, None);
}

#[tokio::test]
async fn the_history_comes_newest_first() {
    let desk = Desk::of(&Lab::new());
    let none: Deployments = desk.get("/v1/deployments").await.json();
    assert_eq!(none, Deployments { version: 1, deployments: Vec::new() });
    desk.show(&three());
    let answer: Deployments = desk.get("/v1/deployments").await.json();
    let ids: Vec<_> = answer.deployments.iter().map(|deployment| deployment.id).collect();
    assert_eq!(ids, [3, 2, 1]);
    let last = snapshot(&three()).status.last_deployment;
    assert_eq!(answer.deployments.first(), last.as_ref());
}

#[tokio::test]
async fn one_deployment_is_found_by_its_number() {
    let lab = three();
    let desk = Desk::of(&lab);
    for record in lab.state().ledger().history.iter() {
        let answer = desk.get(&format!("/v1/deployments/{}", record.id)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json::<Deployment>(), view::deployment(record));
    }
}

#[tokio::test]
async fn a_deployment_that_is_not_in_the_history_is_not_found() {
    let desk = Desk::of(&three());
    // 02 and +2 are no names of 2.
    for id in ["4", "0", "02", "+2", "-1", "two", "99999999999999999999999"] {
        let problem = desk.get(&format!("/v1/deployments/{id}")).await.problem(404);
        assert_eq!(problem.detail, format!("no deployment {id} is in the history"));
        let problem = desk.get(&format!("/v1/deployments/{id}x/log")).await.problem(404);
        assert!(problem.detail.contains(&format!("no deployment {id}x")), "{}", problem.detail);
    }
}

#[tokio::test]
async fn a_log_that_is_gone_is_not_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let log_directory = folder.path().join("log");
    let config = format!(
        "[source]\nurl = \"https://github.com/poby/infra\"\n[state]\nlog_directory = \"{}\"\n",
        log_directory.display()
    );
    let mut lab = Lab::with(&config, true);
    lab.deploys_first();
    let desk = Desk::of(&lab);
    let problem = desk.get("/v1/deployments/1/log").await.problem(404);
    assert!(problem.detail.contains("the log of deployment 1 cannot be read"), "{}", problem.detail);

    std::fs::create_dir(&log_directory).expect("a folder");
    std::fs::write(log_directory.join("1.log"), "building\nswitching\n").expect("a file");
    assert_eq!(desk.get("/v1/deployments/1/log").await.text(), "building\nswitching\n");
    assert_eq!(desk.get("/v1/deployments/1/log?tail=10").await.text(), "switching\n");
    assert_eq!(desk.get("/v1/deployments/1/log?tail=1000").await.text(), "building\nswitching\n");
    // It has ended: there is nothing to follow.
    assert_eq!(desk.get("/v1/deployments/1/log?follow=1").await.text(), "building\nswitching\n");
    std::fs::write(log_directory.join("2.log"), "of nobody\n").expect("a file");
    desk.get("/v1/deployments/2/log").await.problem(404);
}
