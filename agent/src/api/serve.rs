//! HTTP/1.1 on an accepted connection, with the limits that every reader is held to.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// Connections at once on one socket; further ones wait.
const CONNECTIONS: usize = 64;
/// Bytes of a request's head, and of its body.
const REQUEST_BYTES: usize = 16 * 1024;
/// How long a request's head may take, and how long a connection may be idle between two.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// After a failed accept (no descriptors left) the next one is tried after this.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// The user at the other end of a Unix socket (`SO_PEERCRED`, unix(7)).
#[derive(Clone, Copy, Debug)]
pub(super) struct LocalUser {
    pub(super) uid: Option<u32>,
}

impl LocalUser {
    /// The user's name, its number where it has none, "unknown" where the kernel did not say.
    pub(super) fn name(self) -> String {
        let Some(uid) = self.uid else { return "unknown".to_owned() };
        match nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)) {
            Ok(Some(user)) => crate::text::clean(&user.name),
            Ok(None) | Err(_) => format!("uid {uid}"),
        }
    }
}

/// Serves a socket until the task is dropped.
pub(super) async fn serve(listener: UnixListener, router: Router) {
    let router = router.layer(DefaultBodyLimit::max(REQUEST_BYTES));
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let router = router.clone();
                tokio::spawn(async move {
                    connection(stream, router).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

async fn connection(stream: UnixStream, router: Router) {
    let user = LocalUser { uid: stream.peer_cred().ok().map(|credentials| credentials.uid()) };
    let service = TowerToHyperService::new(router.layer(Extension(user)));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(REQUEST_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests;
