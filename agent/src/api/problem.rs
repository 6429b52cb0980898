//! Errors of the API: problem details of RFC 9457.

use axum::Json;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use pull_agent_protocol::{PROBLEM_CONTENT_TYPE, Problem};

/// Returns an error answer.
pub(super) fn problem(status: StatusCode, detail: impl Into<String>) -> Response {
    answer(status, detail.into(), None)
}

/// Returns an error answer that names the command that helps.
pub(super) fn problem_with_hint(status: StatusCode, detail: impl Into<String>, hint: &str) -> Response {
    answer(status, detail.into(), Some(hint.to_owned()))
}

fn answer(status: StatusCode, detail: String, hint: Option<String>) -> Response {
    let title = status.canonical_reason().unwrap_or("Error").to_owned();
    let body = Problem { title, status: status.as_u16(), detail, hint };
    (status, [(header::CONTENT_TYPE, PROBLEM_CONTENT_TYPE)], Json(body)).into_response()
}

pub(super) async fn no_route(method: Method, uri: Uri) -> Response {
    let detail = format!("there is no {method} {} on this socket", uri.path());
    let hint = "reads and nudges are on agent.sock, what changes things is on control.sock beside it";
    problem_with_hint(StatusCode::NOT_FOUND, detail, hint)
}

pub(super) async fn wrong_method(method: Method, uri: Uri) -> Response {
    problem(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not take {method}", uri.path()))
}
