//! What became of one revision: `GET /v1/revisions/{sha}` speaks by its status code.

use std::path::PathBuf;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use pull_agent_core::{Revision, State, VerdictKind};
use pull_agent_protocol::{Outcome, RevisionAnswer, RevisionState, VERSION};
use serde::Deserialize;

use super::problem::problem;
use super::{Api, places};
use crate::{git, view};

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
    let is_current = state.saved.current.as_ref().is_some_and(|current| current.revision == *revision);
    // A second try of what runs already is decided only when that is confirmed.
    let runs = !is_current && is_within(&repository, revision, confirmed(state)).await;
    let wanted = state.saved.wanted.as_ref().map(|wanted| &wanted.revision);
    let overtaken = !runs && wanted != Some(revision) && is_within(&repository, revision, wanted).await;
    answer(state, revision, runs, overtaken)
}

/// The revision of what runs, if that was confirmed: what is left of a deployment whose way back failed does not count.
fn confirmed(state: &State) -> Option<&Revision> {
    let current = state.seen.host.current.as_ref()?;
    if let Some(deployed) = state.saved.deployed.as_ref().filter(|deployed| deployed.system == *current) {
        return Some(&deployed.revision);
    }
    view::running_record(state).filter(|record| !went_wrong(record.outcome)).map(|record| &record.revision)
}

/// Whether a deployment that ended so failed.
const fn went_wrong(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Failed | Outcome::RolledBack | Outcome::Broken => true,
        Outcome::Deployed | Outcome::Degraded | Outcome::Unchanged | Outcome::Superseded => false,
    }
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

/// Chooses among what is true of a revision the word that counts first: running, failed, refused, undecided, unknown.
fn answer(state: &State, revision: &Revision, runs: bool, overtaken: bool) -> (RevisionAnswer, bool) {
    let saved = &state.saved;
    let record = saved.history.iter().rev().find(|record| record.revision == *revision);
    let is_wanted = saved.wanted.as_ref().is_some_and(|wanted| wanted.revision == *revision);
    let current = saved.current.as_ref().filter(|current| current.revision == *revision);
    let hold = saved.held.iter().find(|hold| hold.revision == *revision);
    let refused = saved.refused.as_ref().filter(|refused| refused.revision == *revision);
    let verdict = state.seen.gate.verdict.as_ref().filter(|_| is_wanted);
    // While it is wanted or tried again its last failure decides nothing.
    let failed = record.filter(|record| went_wrong(record.outcome) && !is_wanted && current.is_none());
    let red = verdict.filter(|verdict| verdict.kind == VerdictKind::Red);

    let (word, reason, settled) = if runs {
        (RevisionState::Running, running_reason(state, revision), true)
    } else if let Some(hold) = hold {
        (RevisionState::Failed, hold.reason.clone(), true)
    } else if let Some(record) = failed {
        let why = record.reason.as_deref().unwrap_or("no reason is known");
        (RevisionState::Failed, format!("{}: {why}", record.outcome.as_str().replace('-', " ")), true)
    } else if let Some(refused) = refused {
        (RevisionState::Refused, refused.reason.clone(), true)
    } else if let Some(red) = red {
        (RevisionState::Refused, format!("red: {}", red.detail), false)
    } else if current.is_some() {
        (RevisionState::Undecided, crate::summary::summary(state), false)
    } else if overtaken || (record.is_some_and(|r| r.outcome == Outcome::Superseded) && !is_wanted) {
        (RevisionState::Refused, "a newer revision took its place".to_owned(), true)
    } else if is_wanted {
        (RevisionState::Undecided, crate::summary::summary(state), false)
    } else if let Some(record) = record {
        let reason =
            format!("it is not what runs any more; deployment {} was {}", record.id, record.outcome.as_str());
        (RevisionState::Refused, reason, true)
    } else {
        (RevisionState::Unknown, "this host has not seen it".to_owned(), false)
    };
    let deployment = current.map(|current| current.id.0).or_else(|| record.map(|record| record.id.0));
    (
        RevisionAnswer { version: VERSION, revision: revision.to_string(), state: word, reason, deployment },
        settled,
    )
}

fn running_reason(state: &State, revision: &Revision) -> String {
    match view::running_record(state) {
        Some(record) if record.revision != *revision => format!("its descendant {} runs", record.revision),
        Some(_) | None => "it runs".to_owned(),
    }
}
