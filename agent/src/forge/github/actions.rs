//! The workflow runs of GitHub Actions and their jobs (docs.github.com/rest/actions/workflow-runs, …/workflow-jobs): a job is
//! the check run of the same number. For tokens that cannot read check runs, and to tell workflows apart.

use pull_agent_core::Revision;
use reqwest::Url;
use serde::Deserialize;

use super::error::AskError;
use super::runs::{GITHUB_ACTIONS, Numbered, Repository, Run, same_commit};
use crate::forge::http::{List, Question};

/// So many workflow runs of one commit are looked into; each costs a request.
const MOST_RUNS: usize = 30;

/// The lists that are read, with what is remembered of them.
#[derive(Debug)]
pub(super) struct Actions {
    runs: List<WorkflowRun>,
    jobs: List<Run>,
}

/// One run of a workflow, as far as it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct WorkflowRun {
    id: u64,
    check_suite_id: Option<u64>,
    /// File of the workflow.
    path: Option<String>,
}

impl Actions {
    pub(super) fn new() -> Self {
        Self { runs: List::of("workflow runs"), jobs: List::of("jobs") }
    }

    /// The jobs of all workflow runs of a commit, as check runs that know their workflow.
    ///
    /// # Errors
    /// When one list cannot be had, or there are more workflow runs than are looked into.
    pub(super) async fn check_runs(
        &self,
        question: &mut Question<'_>,
        repository: &Repository,
        revision: &Revision,
    ) -> Result<Vec<Run>, AskError> {
        let first = repository.workflow_runs(&[("head_sha", revision.as_str()), ("per_page", "100")]);
        let runs = question.list(&self.runs, first, read_runs).await?;
        if runs.len() > MOST_RUNS {
            return Err(AskError::TooManyRuns { count: runs.len(), limit: MOST_RUNS });
        }
        let mut all = Vec::new();
        for run in runs {
            let jobs = question.list(&self.jobs, repository.jobs(run.id), read_jobs).await?;
            all.extend(jobs.into_iter().map(|job| Run {
                app: Some(Numbered { id: Some(GITHUB_ACTIONS) }),
                check_suite: Some(Numbered { id: run.check_suite_id }),
                workflow: run.path.clone(),
                ..job
            }));
        }
        same_commit(revision, &all)?;
        Ok(all)
    }

    /// The file of the workflow that made this check suite; none where GitHub names none.
    ///
    /// # Errors
    /// When it cannot be asked for.
    pub(super) async fn workflow_of(
        &self,
        question: &mut Question<'_>,
        repository: &Repository,
        suite: u64,
    ) -> Result<Option<String>, AskError> {
        let first = repository.workflow_runs(&[("check_suite_id", &suite.to_string()), ("per_page", "1")]);
        let runs = question.first_page(&self.runs, first, read_runs).await?;
        Ok(runs.into_iter().find(|run| run.check_suite_id == Some(suite)).and_then(|run| run.path))
    }
}

impl Repository {
    fn workflow_runs(&self, query: &[(&str, &str)]) -> Url {
        let mut url = self.below(&["actions", "runs"]);
        url.query_pairs_mut().extend_pairs(query);
        url
    }

    /// The first page of the jobs of the last attempt of a workflow run.
    fn jobs(&self, run: u64) -> Url {
        let mut url = self.below(&["actions", "runs", &run.to_string(), "jobs"]);
        url.set_query(Some("filter=latest&per_page=100"));
        url
    }
}

fn read_runs(body: &[u8]) -> serde_json::Result<Vec<WorkflowRun>> {
    #[derive(Deserialize)]
    struct Body {
        workflow_runs: Vec<WorkflowRun>,
    }
    serde_json::from_slice(body).map(|Body { workflow_runs }| workflow_runs)
}

fn read_jobs(body: &[u8]) -> serde_json::Result<Vec<Run>> {
    #[derive(Deserialize)]
    struct Body {
        jobs: Vec<Run>,
    }
    serde_json::from_slice(body).map(|Body { jobs }| jobs)
}
