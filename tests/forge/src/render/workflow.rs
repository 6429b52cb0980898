//! `workflow-run` of GitHub Actions.

use serde_json::{Value, json};

use super::repository::repository;
use super::{LONG_AGO, Place, node_id};
use crate::world::WorkflowRun;

/// A run of a workflow. What it came to is not told: its jobs are what counts.
pub(crate) fn workflow_run(place: &Place<'_>, run: &WorkflowRun<'_>) -> Value {
    let api = place.api(&format!("/actions/runs/{}", run.id));
    let person = json!({ "name": "poby", "email": "poby@example.com" });
    json!({
        "id": run.id, "node_id": node_id("WFR", run.id), "name": "CI", "path": run.path, "run_attempt": 1,
        "check_suite_id": run.suite, "check_suite_node_id": node_id("CS", run.suite),
        "head_branch": "main", "head_sha": run.revision, "run_number": 1, "event": "push", "display_title": "CI",
        "status": "in_progress", "conclusion": null, "workflow_id": 1, "url": api,
        "html_url": place.web(&format!("/actions/runs/{}", run.id)), "pull_requests": [],
        "created_at": LONG_AGO, "updated_at": LONG_AGO, "run_started_at": LONG_AGO,
        "jobs_url": format!("{api}/jobs"), "logs_url": format!("{api}/logs"),
        "check_suite_url": place.api(&format!("/check-suites/{}", run.suite)),
        "artifacts_url": format!("{api}/artifacts"), "cancel_url": format!("{api}/cancel"),
        "rerun_url": format!("{api}/rerun"), "previous_attempt_url": null,
        "workflow_url": place.api("/actions/workflows/1"),
        "head_commit": {
            "id": run.revision, "tree_id": run.revision, "message": "", "timestamp": LONG_AGO,
            "author": person, "committer": person
        },
        "repository": repository(place), "head_repository": repository(place)
    })
}
