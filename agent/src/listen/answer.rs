//! What goes back to the caller: a problem of ours, or the daemon's answer as it comes.

use http_body_util::{Either, Full};
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use pull_agent_protocol::{PROBLEM_CONTENT_TYPE, Problem};

use super::passed::Passed;
use crate::text;

/// Body of every answer.
pub(super) type Body = Either<Full<Bytes>, Passed>;

/// A request that is answered here, with a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    detail: String,
    hint: Option<String>,
    retry_after: Option<u64>,
    close: bool,
}

impl Refusal {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        // It may repeat what the caller or tailscaled wrote.
        Self { status, detail: text::sentence(&detail.into()), hint: None, retry_after: None, close: false }
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail).closing()
    }

    /// 403; the connection is closed, as somebody who is not allowed needs no place.
    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail).closing()
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such route on the tailnet listener").hint(
            "what changes things is done on the host itself, with agentctl; GET /v1/status and POST /v1/nudge are here",
        )
    }

    pub(super) fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "the request did not come in time").closing()
    }

    pub(super) fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the request is larger than {limit} bytes, head and body together"),
        )
        .closing()
    }

    /// 429, try again after so many seconds.
    pub(super) fn too_many(seconds: u64) -> Self {
        let mut refusal = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too many nudges: each caller may send 1 a second, 10 at once",
        );
        refusal.retry_after = Some(seconds);
        refusal
    }

    /// 503, try again after so many seconds.
    pub(super) fn unavailable(detail: impl Into<String>, seconds: u64) -> Self {
        let mut refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        refusal.retry_after = Some(seconds);
        refusal
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let problem = Problem {
            title: self.status.canonical_reason().unwrap_or("Refused").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            hint: self.hint,
        };
        // Strings and a number always make JSON.
        let text = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = Response::new(Either::Left(Full::new(Bytes::from(text))));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_CONTENT_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
