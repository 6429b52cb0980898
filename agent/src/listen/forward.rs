//! Passing a request on to the daemon's local socket, and its answer back as it comes.

use std::path::Path;
use std::time::Duration;

use http_body_util::{Either, Full};
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH,
    PROXY_AUTHENTICATE, RANGE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use hyper::http::request::Parts;
use hyper::{Request, Response};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::answer::{Body, Refusal};
use super::passed::Passed;
use super::route::Route;
use super::unix;
use crate::error::{chain, innermost};

/// Until the daemon begins to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The same where it may wait for an outcome: its own limit is 600 s.
const WAIT_TIMEOUT: Duration = Duration::from_secs(630);
/// Seconds after which a caller may try again when the daemon could not be asked.
const RETRY_AFTER: u64 = 5;

/// What is passed on of a request. Nothing in it says who called: to the daemon it is a local user like any other.
const REQUEST_HEADERS: [HeaderName; 6] =
    [ACCEPT, CONTENT_TYPE, IF_NONE_MATCH, HeaderName::from_static("last-event-id"), RANGE, USER_AGENT];

/// What belongs to one connection only (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Asks the daemon. `place` is held until the answer's body ends; `stop` ends a wait and a body.
pub(super) async fn forward(
    socket: &Path,
    route: Route,
    request: &Parts,
    body: Bytes,
    place: Option<OwnedSemaphorePermit>,
    stop: &CancellationToken,
) -> Result<Response<Body>, Refusal> {
    let limit = if route == Route::Revision { WAIT_TIMEOUT } else { ANSWER_TIMEOUT };
    let sent = tokio::time::timeout(limit, unix::send(socket, passed_on(request, body)));
    let sent = tokio::select! {
        sent = sent => sent,
        () = stop.cancelled() => {
            return Err(Refusal::unavailable("the listener is stopping", RETRY_AFTER).closing());
        }
    };
    let (response, connection) = match sent {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            tracing::warn!("the daemon cannot be asked: {}", chain(&error));
            return Err(unavailable(format!("the agent is not reachable: {}", innermost(&error))));
        }
        Err(_elapsed) => {
            return Err(unavailable(format!("the agent did not answer within {} s", limit.as_secs())));
        }
    };
    let (mut head, inner) = response.into_parts();
    remove_hop_by_hop(&mut head.headers);
    Ok(Response::from_parts(head, Either::Right(Passed::new(inner, connection, place, stop))))
}

fn unavailable(detail: String) -> Refusal {
    Refusal::unavailable(detail, RETRY_AFTER).hint("on the host: systemctl status pull-agent.service")
}

fn passed_on(request: &Parts, body: Bytes) -> Request<Full<Bytes>> {
    let mut passed = Request::new(Full::new(body));
    *passed.method_mut() = request.method.clone();
    // Path and query alone: an absolute target ends here.
    if let Some(target) = request.uri.path_and_query() {
        *passed.uri_mut() = target.clone().into();
    }
    let headers = passed.headers_mut();
    headers.insert(HOST, HeaderValue::from_static("localhost"));
    for name in REQUEST_HEADERS {
        for value in request.headers.get_all(&name) {
            headers.append(name.clone(), value.clone());
        }
    }
    passed
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}
