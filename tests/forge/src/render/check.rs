//! `check-run` and the app that made it.

use serde_json::{Value, json};

use super::{LONG_AGO, Place, node_id, user};
use crate::spec::GITHUB_ACTIONS;
use crate::world::{CheckRun, run_of};

/// A check run. Its `pull_requests` are empty, as they are once a request is merged.
pub(crate) fn check_run(place: &Place<'_>, run: &CheckRun) -> Value {
    let url = place.api(&format!("/check-runs/{}", run.id));
    let page = page(place, run);
    json!({
        "id": run.id, "node_id": node_id("CR", run.id), "name": run.name, "head_sha": run.revision,
        "external_id": format!("{:032x}", run.id), "url": url, "html_url": page, "details_url": page,
        "status": run.status, "conclusion": run.conclusion,
        "started_at": run.started_at, "completed_at": run.completed_at,
        "output": {
            "title": null, "summary": null, "text": null, "annotations_count": 0,
            "annotations_url": format!("{url}/annotations")
        },
        "check_suite": { "id": run.suite },
        "app": (run.app != 0).then(|| app(place, run.app)),
        "pull_requests": []
    })
}

fn page(place: &Place<'_>, run: &CheckRun) -> String {
    place.web(&format!("/actions/runs/{}/job/{}", run_of(run.suite), run.id))
}

/// A job of GitHub Actions, which is the check run of the same number.
pub(crate) fn job(place: &Place<'_>, run: &CheckRun) -> Value {
    let workflow_run = run_of(run.suite);
    json!({
        "id": run.id, "run_id": workflow_run, "run_url": place.api(&format!("/actions/runs/{workflow_run}")),
        "node_id": node_id("CR", run.id), "head_sha": run.revision, "run_attempt": 1,
        "url": place.api(&format!("/actions/jobs/{}", run.id)), "html_url": page(place, run),
        "status": run.status, "conclusion": run.conclusion, "created_at": run.started_at,
        "started_at": run.started_at, "completed_at": run.completed_at, "name": run.name, "steps": [],
        "check_run_url": place.api(&format!("/check-runs/{}", run.id)), "labels": ["ubuntu-latest"],
        "runner_id": 1, "runner_name": "GitHub Actions 1", "runner_group_id": 0,
        "runner_group_name": "GitHub Actions", "workflow_name": "CI", "head_branch": "main"
    })
}

fn app(place: &Place<'_>, id: u64) -> Value {
    let (slug, name) = if id == GITHUB_ACTIONS {
        ("github-actions".to_owned(), "GitHub Actions".to_owned())
    } else {
        (format!("app-{id}"), format!("App {id}"))
    };
    json!({
        "id": id, "client_id": format!("Iv1.{id:016x}"), "slug": slug, "node_id": node_id("A", id),
        "owner": user(place.origin, "github"), "name": name, "description": "",
        "external_url": format!("https://example.com/{slug}"), "html_url": format!("https://github.com/apps/{slug}"),
        "created_at": LONG_AGO, "updated_at": LONG_AGO,
        "permissions": { "checks": "write", "contents": "read", "metadata": "read" },
        "events": ["check_run", "push"]
    })
}
