//! Reads, and the nudge, which carries no authority.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use pull_agent_core::{Event, Revision};
use pull_agent_protocol::{Deployments, NudgeAnswer, NudgeRequest, Status, VERSION};

use super::Api;
use super::problem::problem;
use crate::channels::{Input, Snapshot};
use crate::view;

/// A nudge for which nobody waits is told to the loop after at most so many milliseconds.
const NUDGE_SPREAD_MS: u64 = 2_000;

impl Api {
    /// The status of a snapshot, with the progress of this moment.
    pub(super) fn status_of(&self, snapshot: &Snapshot) -> Status {
        let mut status = snapshot.status.clone();
        if status.phase == pull_agent_protocol::Phase::Building {
            status.progress.clone_from(&self.progress.borrow());
        }
        status
    }
}

pub(super) async fn status(State(api): State<Api>) -> Json<Status> {
    Json(api.status_of(&api.snapshot()))
}

pub(super) async fn deployments(State(api): State<Api>) -> Json<Deployments> {
    let snapshot = api.snapshot();
    let deployments = snapshot.state.ledger().history.iter().rev().map(view::deployment).collect();
    Json(Deployments { version: VERSION, deployments })
}

pub(super) async fn deployment(State(api): State<Api>, Path(id): Path<String>) -> Response {
    let snapshot = api.snapshot();
    let history = &snapshot.state.ledger().history;
    match history.iter().find(|record| record.id.to_string() == id) {
        Some(record) => Json(view::deployment(record)).into_response(),
        None => problem(StatusCode::NOT_FOUND, format!("no deployment {id} is in the history")),
    }
}

pub(super) async fn nudge(State(api): State<Api>, body: Bytes) -> Response {
    let revision = match named_revision(&body) {
        Ok(revision) => revision,
        Err(detail) => {
            api.counters.nudges_invalid.fetch_add(1, Relaxed);
            return problem(StatusCode::BAD_REQUEST, detail);
        }
    };
    api.counters.nudges_accepted.fetch_add(1, Relaxed);
    let answer = NudgeAnswer { accepted: true, revision: revision.as_ref().map(ToString::to_string) };
    let told = match revision {
        Some(revision) => api.tell_nudge(Some(revision)).await,
        None => api.tell_nudge_soon(),
    };
    if told.is_err() {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "the agent is stopping");
    }
    (StatusCode::ACCEPTED, Json(answer)).into_response()
}

/// The loop has ended.
#[derive(Debug)]
struct Stopping;

impl Api {
    async fn tell_nudge(&self, revision: Option<Revision>) -> Result<(), Stopping> {
        let event = Event::Nudged { revision };
        self.inputs.send(Input { event, caller: None }).await.map_err(|_| Stopping)
    }

    /// Nobody waits for what a nudge without a revision brings, and a whole fleet may be nudged at one moment: each host looks
    /// at a moment of its own. An agent that dies meanwhile looks when it starts.
    fn tell_nudge_soon(&self) -> Result<(), Stopping> {
        if self.inputs.is_closed() {
            return Err(Stopping);
        }
        if self.nudge_under_way.swap(true, Relaxed) {
            return Ok(());
        }
        let api = self.clone();
        tokio::spawn(async move {
            let wait = Duration::from_millis(fastrand::u64(..=NUDGE_SPREAD_MS));
            tokio::time::sleep(wait).await;
            api.nudge_under_way.store(false, Relaxed);
            if api.tell_nudge(None).await.is_err() {
                tracing::debug!("the loop has ended; the next process looks when it starts");
            }
        });
        Ok(())
    }
}

fn named_revision(body: &[u8]) -> Result<Option<Revision>, String> {
    let request: NudgeRequest = parse_or_default(body)?;
    request.revision.as_deref().map(Revision::parse).transpose().map_err(|error| error.to_string())
}

/// Reads a JSON body; an empty one is the default.
pub(super) fn parse_or_default<T: serde::de::DeserializeOwned + Default>(body: &[u8]) -> Result<T, String> {
    if body.trim_ascii().is_empty() { Ok(T::default()) } else { parse(body) }
}

/// Reads a JSON body, which must be an object: serde would also take a list of the fields' values.
pub(super) fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let object = serde_json::from_slice(body).map(serde_json::Value::Object);
    object
        .and_then(serde_json::from_value)
        .map_err(|error| format!("the body is not what this route takes: {error}"))
}

#[cfg(test)]
mod tests {
    use pull_agent_protocol::PauseRequest;

    use super::*;

    #[test]
    fn only_an_object_is_a_body() {
        let read = |body: &str| parse::<PauseRequest>(body.as_bytes()).map(|request| request.reason);
        assert_eq!(read(r#"{"reason": "lunch"}"#), Ok(Some("lunch".to_owned())));
        for other in [r#"[60, "lunch"]"#, r#""lunch""#, "null", "{", ""] {
            read(other).expect_err(other);
        }
        assert_eq!(parse_or_default::<PauseRequest>(b" \n").map(|request| request.reason), Ok(None));
    }
}
