//! What became of one revision: `GET /v1/revisions/{sha}` speaks by its status code.

use std::path::PathBuf;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use pull_agent_core::{Fate, Kinship, Revision, State};
use pull_agent_protocol::{Outcome, RevisionAnswer, RevisionState, VERSION};
use serde::Deserialize;

use super::problem::problem;
use super::{Api, places};
use crate::git;

/// The longest wait that a caller can have, in seconds.
const WAIT_MOST: u64 = 600;

#[derive(Debug, Deserialize)]
pub(super) struct Wish {
    wait: Option<String>,
}

pub(super) async fn revision(
    Shared(mut api): Shared<Api>,
    Path(revision): Path<String>,
    Query(wish): Query<Wish>,
) -> Response {
    let revision = match Revision::parse(&revision) {
        Ok(revision) => revision,
        Err(error) => return problem(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let wait = match wish.wait.as_deref().map(str::parse::<u64>).transpose() {
        Ok(wait) => Duration::from_secs(wait.unwrap_or(0).min(WAIT_MOST)),
        Err(_) => return problem(StatusCode::BAD_REQUEST, "wait is a whole number of seconds, at most 600"),
    };
    let _place = match (!wait.is_zero()).then(places::waiter).transpose() {
        Ok(place) => place,
        Err(refused) => return refused,
    };
    let until = tokio::time::Instant::now() + wait;
    loop {
        api.snapshots.mark_unchanged();
        let (answer, settled) = judge(&api, &revision).await;
        let over = settled || tokio::time::timeout_at(until, api.snapshots.changed()).await.is_err();
        if over {
            let code = if wait.is_zero() {
                answer.state.status_code()
            } else {
                answer.state.status_code_after_wait()
            };
            let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return (code, Json(answer)).into_response();
        }
    }
}

/// Returns the answer of this moment, and whether waiting would be for nothing.
async fn judge(api: &Api, revision: &Revision) -> (RevisionAnswer, bool) {
    let snapshot = api.snapshot();
    let state = &snapshot.state;
    let repository = snapshot.settings.state.repository();
    let wanted = state.wanted().map(|wanted| &wanted.revision).filter(|wanted| *wanted != revision);
    let kinship = Kinship {
        within_confirmed: is_within(&repository, revision, state.confirmed()).await,
        within_wanted: is_within(&repository, revision, wanted).await,
    };
    let fate = state.fate(revision, kinship);
    let settled = fate.is_settled();
    let (word, reason) = told(fate, state);
    let current = state.deployment().filter(|deployment| deployment.candidate.revision == *revision);
    let record = state.last_record(revision);
    let deployment = current.map(|current| current.id.0).or_else(|| record.map(|record| record.id.0));
    let revision = revision.to_string();
    (RevisionAnswer { version: VERSION, revision, state: word, reason, deployment }, settled)
}

/// Whether a revision is another one or an ancestor of it, by the commits in the clone.
async fn is_within(repository: &std::path::Path, revision: &Revision, newer: Option<&Revision>) -> bool {
    let Some(newer) = newer else { return false };
    if revision == newer {
        return true;
    }
    let (repository, revision, newer): (PathBuf, _, _) =
        (repository.to_owned(), revision.clone(), newer.clone());
    let walked = tokio::task::spawn_blocking(move || git::is_ancestor(&repository, &revision, &newer)).await;
    match walked {
        Ok(Ok(within)) => within,
        Ok(Err(error)) => {
            tracing::warn!(error = %crate::error::chain(&error), "the clone could not be walked");
            false
        }
        Err(error) => {
            tracing::warn!(%error, "the walk through the clone died");
            false
        }
    }
}

/// The word and the sentence for what becomes of a revision.
fn told(fate: Fate, state: &State) -> (RevisionState, String) {
    match fate {
        Fate::Runs { descendant: Some(descendant) } => {
            (RevisionState::Running, format!("its descendant {descendant} runs"))
        }
        Fate::Runs { descendant: None } => (RevisionState::Running, "it runs".to_owned()),
        Fate::Held { reason } => (RevisionState::Failed, reason),
        Fate::Failed { outcome, reason } => {
            let why = reason.as_deref().unwrap_or("no reason is known");
            (RevisionState::Failed, format!("{}: {why}", outcome.as_str().replace('-', " ")))
        }
        Fate::Refused { reason } => (RevisionState::Refused, reason),
        Fate::Red { detail } => (RevisionState::Refused, format!("red: {detail}")),
        Fate::Unproven { detail } => (RevisionState::Refused, format!("unproven: {detail}")),
        Fate::InDeployment | Fate::Waits => (RevisionState::Undecided, crate::summary::summary(state)),
        Fate::Overtaken => (RevisionState::Refused, "a newer revision took its place".to_owned()),
        Fate::Former { deployment, outcome: Outcome::Failed } => (
            RevisionState::Refused,
            format!(
                "it is not wanted any more; deployment {deployment} failed, and nothing speaks against it"
            ),
        ),
        Fate::Former { deployment, outcome } => {
            let how = outcome.as_str();
            (
                RevisionState::Refused,
                format!("it is not what runs any more; deployment {deployment} was {how}"),
            )
        }
        Fate::Unknown => (RevisionState::Unknown, "this host has not seen it".to_owned()),
    }
}
