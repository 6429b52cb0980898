//! What changes things. Each route answers with the status that follows, once it is on disk.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use pull_agent_core::{Answer, Event, Revision, Wall};
use pull_agent_protocol::{AcceptRequest, PauseRequest, RetryRequest};
use tokio::sync::oneshot;

use super::Api;
use super::problem::{problem, problem_with_hint};
use super::read::{parse, parse_or_default};
use super::serve::LocalUser;
use crate::channels::Input;
use crate::clock;
use crate::text;

pub(super) async fn pause(
    State(api): State<Api>,
    Extension(user): Extension<LocalUser>,
    body: Bytes,
) -> Response {
    let request: PauseRequest = match parse_or_default(&body) {
        Ok(request) => request,
        Err(detail) => return problem(StatusCode::BAD_REQUEST, detail),
    };
    if request.for_seconds == Some(0) {
        return problem(
            StatusCode::BAD_REQUEST,
            "a pause of no length is none: \"for\" must be at least 1 second",
        );
    }
    let until =
        request.for_seconds.map(|seconds| Wall(clock::wall().0.saturating_add(seconds.saturating_mul(1000))));
    let reason = request.reason.as_deref().map(text::clean);
    api.change(Event::PauseRequested { until, reason, by: user.name() }).await
}

pub(super) async fn resume(State(api): State<Api>) -> Response {
    api.change(Event::ResumeRequested).await
}

pub(super) async fn retry(State(api): State<Api>, body: Bytes) -> Response {
    let request = parse_or_default(&body).and_then(|request: RetryRequest| {
        request.revision.as_deref().map(Revision::parse).transpose().map_err(|error| error.to_string())
    });
    match request {
        Ok(revision) => api.change(Event::RetryRequested { revision }).await,
        Err(detail) => problem(StatusCode::BAD_REQUEST, detail),
    }
}

pub(super) async fn accept(State(api): State<Api>, body: Bytes) -> Response {
    let request = parse(&body).and_then(|request: AcceptRequest| {
        Revision::parse(&request.revision).map_err(|error| error.to_string())
    });
    match request {
        Ok(revision) => api.change(Event::AcceptRequested { revision }).await,
        Err(detail) => problem(StatusCode::BAD_REQUEST, detail),
    }
}

impl Api {
    async fn change(&self, event: Event) -> Response {
        let (caller, answer) = oneshot::channel();
        let stopping = || problem(StatusCode::SERVICE_UNAVAILABLE, "the agent is stopping");
        if self.inputs.send(Input { event, caller: Some(caller) }).await.is_err() {
            // The error still holds the caller: whoever waited for an answer now would wait for ever.
            return stopping();
        }
        match answer.await {
            Ok(Answer::Done) => Json(self.status_of(&self.snapshot())).into_response(),
            Ok(Answer::Refused(refusal)) => {
                problem_with_hint(StatusCode::CONFLICT, refusal.to_string(), refusal.hint())
            }
            Ok(Answer::NotSaved(why)) => problem(StatusCode::INSUFFICIENT_STORAGE, why.to_string()),
            Err(_) => stopping(),
        }
    }
}
