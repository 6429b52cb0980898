//! Answers that take long hold one of a few places each, fewer than there are connections: short ones are always served.

use std::sync::{Arc, LazyLock};

use axum::http::StatusCode;
use axum::response::Response;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::problem;

/// Readers of the events at once.
const READERS: usize = 16;
/// Callers that wait for an outcome, or follow a log.
const WAITERS: usize = 32;

static READER: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(READERS)));
static WAITER: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(WAITERS)));

/// Takes the place of one reader of the events, or says that none is left.
#[expect(clippy::result_large_err, reason = "the answer of the route")]
pub(super) fn reader() -> Result<OwnedSemaphorePermit, Response> {
    take(&READER, || format!("{READERS} readers follow the events already"))
}

/// Takes the place of one who waits, or says that none is left.
#[expect(clippy::result_large_err, reason = "the answer of the route")]
pub(super) fn waiter() -> Result<OwnedSemaphorePermit, Response> {
    take(&WAITER, || format!("{WAITERS} callers wait for an outcome or follow a log already"))
}

#[expect(clippy::result_large_err, reason = "the answer of the route")]
fn take(places: &Arc<Semaphore>, taken: impl FnOnce() -> String) -> Result<OwnedSemaphorePermit, Response> {
    Arc::clone(places)
        .try_acquire_owned()
        .map_err(|_none_left| problem(StatusCode::SERVICE_UNAVAILABLE, taken()))
}
