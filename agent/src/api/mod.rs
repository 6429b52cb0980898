//! The local API: HTTP over two Unix sockets. `agent.sock` answers everybody's reads and nudges; what changes things lives
//! on `control.sock`, whose file mode is the permission. Never opens a network port.

mod by_hand;
mod control;
mod events;
mod log;
mod metrics;
mod places;
mod problem;
mod read;
mod revision;
mod serve;
mod sockets;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Router;
use axum::middleware::map_response;
use axum::routing::{get, post};
use pull_agent_protocol::Progress;
use tokio::sync::{mpsc, watch};

use crate::channels::{Counters, Input, Snapshot};

pub use sockets::{ListenError, Sockets, listen};

/// What the handlers know: the last snapshot, and the way to the loop.
#[derive(Clone, Debug)]
pub struct Api {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    progress: watch::Receiver<Option<Progress>>,
    inputs: mpsc::Sender<Input>,
    counters: Arc<Counters>,
    /// Whether a nudge for which nobody waits is on its way to the loop.
    nudge_under_way: Arc<AtomicBool>,
}

impl Api {
    /// Takes the ends of the loop's channels.
    #[must_use]
    pub fn new(
        snapshots: watch::Receiver<Arc<Snapshot>>,
        progress: watch::Receiver<Option<Progress>>,
        inputs: mpsc::Sender<Input>,
        counters: Arc<Counters>,
    ) -> Self {
        Self { snapshots, progress, inputs, counters, nudge_under_way: Arc::default() }
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }
}

/// Routes of `agent.sock`.
fn open_routes(api: Api) -> Router {
    Router::new()
        .route("/v1/status", get(read::status))
        .route("/v1/deployments", get(read::deployments))
        .route("/v1/deployments/{id}", get(read::deployment))
        .route("/v1/deployments/{id}/log", get(log::log))
        .route("/v1/events", get(events::events))
        .route("/v1/revisions/{revision}", get(revision::revision))
        .route("/v1/nudge", post(read::nudge))
        .route("/metrics", get(metrics::metrics))
        .fallback(problem::no_route)
        .method_not_allowed_fallback(problem::wrong_method)
        .layer(map_response(problem::from_text))
        .with_state(api)
}

/// Routes of `control.sock`.
fn control_routes(api: Api) -> Router {
    Router::new()
        .route("/v1/pause", post(control::pause))
        .route("/v1/resume", post(control::resume))
        .route("/v1/retry", post(control::retry))
        .route("/v1/accept", post(control::accept))
        .route("/v1/deploy", post(by_hand::deploy))
        .route("/v1/rollback", post(by_hand::rollback))
        .fallback(problem::no_route)
        .method_not_allowed_fallback(problem::wrong_method)
        .layer(map_response(problem::from_text))
        .with_state(api)
}
