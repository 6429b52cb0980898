//! Errors of the API: problem details of RFC 9457.

use axum::Json;
use axum::body::to_bytes;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use pull_agent_protocol::{PROBLEM_CONTENT_TYPE, Problem};

use crate::text;

/// Longest sentence of axum's own that is passed on.
const TEXT_BYTES: usize = 4096;

/// Returns an `application/problem+json` answer with this status and sentence.
pub(super) fn problem(status: StatusCode, detail: impl Into<String>) -> Response {
    answer(status, detail.into(), None)
}

/// Returns an error answer that names the command that helps.
pub(super) fn problem_with_hint(status: StatusCode, detail: impl Into<String>, hint: &str) -> Response {
    answer(status, detail.into(), Some(hint.to_owned()))
}

fn answer(status: StatusCode, detail: String, hint: Option<String>) -> Response {
    let title = status.canonical_reason().unwrap_or("Error").to_owned();
    // It may repeat what the caller wrote.
    let body = Problem { title, status: status.as_u16(), detail: text::sentence(&detail), hint };
    (status, [(header::CONTENT_TYPE, PROBLEM_CONTENT_TYPE)], Json(body)).into_response()
}

/// Makes a problem of an error that axum answers by itself, as text: a body over the limit, a query that cannot be read.
pub(super) async fn from_text(response: Response) -> Response {
    let status = response.status();
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let is_text = content_type.is_none_or(|value| value.as_bytes().starts_with(b"text/plain"));
    if !is_text || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    match to_bytes(response.into_body(), TEXT_BYTES).await {
        Ok(text) => problem(status, String::from_utf8_lossy(&text)),
        Err(_) => problem(status, "the request cannot be taken"),
    }
}

pub(super) async fn no_route(method: Method, uri: Uri) -> Response {
    let detail = format!("there is no {method} {} on this socket", uri.path());
    let hint = "reads and nudges are on agent.sock, what changes things is on control.sock beside it";
    problem_with_hint(StatusCode::NOT_FOUND, detail, hint)
}

pub(super) async fn wrong_method(method: Method, uri: Uri) -> Response {
    problem(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not take {method}", uri.path()))
}
