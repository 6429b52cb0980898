//! One request, from its head to the answer, in this order: Host and Origin, who calls, is there such a route, how often,
//! the body, and only then the daemon.

use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::http::request::Parts;
use hyper::{Request, Response};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::answer::{Body, Refusal};
use super::caller::Caller;
use super::route::Route;
use super::shared::Shared;
use super::{caller, forward, origin, route};
use crate::text;

/// Answers one request of `peer`. Never fails: what cannot be done is a problem document.
pub(super) async fn answer(shared: &Shared, peer: SocketAddr, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    match pass(shared, peer, &head, body).await {
        Ok(response) => response,
        Err(refusal) => {
            tracing::info!(
                %peer,
                method = %head.method,
                path = text::clean(head.uri.path()),
                status = refusal.status().as_u16(),
                "refused: {}",
                refusal.detail()
            );
            refusal.into_response()
        }
    }
}

async fn pass(
    shared: &Shared,
    peer: SocketAddr,
    head: &Parts,
    body: Incoming,
) -> Result<Response<Body>, Refusal> {
    origin::check(&head.method, &head.uri, &head.headers, &shared.names)?;
    let caller = caller::identify(&shared.settings.nudge, peer).await?;
    let route = route::find(&head.method, head.uri.path()).ok_or_else(Refusal::not_found)?;
    if route == Route::Nudge {
        count_nudge(shared, &caller)?;
    }
    let body = read_body(shared, head, body).await?;
    let place = take_place(shared, route, head)?;
    if route == Route::Nudge {
        tracing::info!(%peer, "nudge of {}", caller.name);
    }
    forward::forward(&shared.settings.socket, route, head, body, place, &shared.stop).await
}

fn count_nudge(shared: &Shared, caller: &Caller) -> Result<(), Refusal> {
    shared.take_nudge(&caller.key, Instant::now()).map_err(|wait| {
        let seconds = wait.as_millis().div_ceil(1000);
        Refusal::too_many(u64::try_from(seconds).unwrap_or(u64::MAX).max(1))
    })
}

/// Reads what is left of the request's limit in bytes after its head, in its limit of time. Only a nudge has a body that
/// is passed on.
async fn read_body(shared: &Shared, head: &Parts, body: Incoming) -> Result<Bytes, Refusal> {
    let limits = &shared.limits;
    // Other fields are bounded by the buffer that a head is read into, but a long target may exceed it.
    let left = limits.request_bytes.checked_sub(head_bytes(head));
    let Some(left) = left.filter(|left| body.size_hint().lower() <= *left as u64) else {
        return Err(Refusal::too_large(limits.request_bytes));
    };
    let read = tokio::time::timeout(limits.request_time, Limited::new(body, left).collect());
    match read.await {
        Err(_elapsed) => Err(Refusal::too_slow()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::too_large(limits.request_bytes)),
        Ok(Err(error)) => Err(Refusal::bad_request(format!("the request's body is not readable: {error}"))),
        Ok(Ok(read)) if head.method == hyper::Method::POST => Ok(read.to_bytes()),
        Ok(Ok(_ignored)) => Ok(Bytes::new()),
    }
}

/// Size of the head as it was on the wire, but for optional spaces.
fn head_bytes(head: &Parts) -> usize {
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let fields: usize =
        head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum();
    head.method.as_str().len() + target + "  HTTP/1.1\r\n\r\n".len() + fields
}

/// A place among the readers of answers that have no end: events, and a log that is followed.
fn take_place(shared: &Shared, route: Route, head: &Parts) -> Result<Option<OwnedSemaphorePermit>, Refusal> {
    let endless = match route {
        Route::Events => true,
        Route::Log => head.uri.query().is_some_and(|query| query.contains("follow")),
        Route::Read | Route::Revision | Route::Nudge => false,
    };
    if !endless {
        return Ok(None);
    }
    match Arc::clone(&shared.readers).try_acquire_owned() {
        Ok(place) => Ok(Some(place)),
        Err(_none_left) => {
            Err(Refusal::unavailable(format!("{} readers follow events already", shared.limits.readers), 10))
        }
    }
}
