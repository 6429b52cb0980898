//! A stand-in of GitHub's REST API with a memory: check runs, commits, pull requests, conditional requests, rate limits,
//! permissions, and every way in which a forge can misbehave. Its answers have the shapes of GitHub's own description
//! of the API; the contract test holds them against it.
//!
//! It knows no git: unless a repository says `known_commits_only`, every full commit id counts as a commit of it. It
//! never writes a file and never opens a connection.
//!
//! What GitHub has lives under `/repos`, `/repositories`, `/app` and `/rate_limit`; what only a test has under `/_control`.

mod answer;
mod app;
mod auth;
mod body;
mod control;
mod fault;
mod render;
mod routes;
mod spec;
mod time;
mod world;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;

pub use crate::answer::Seen;
pub use crate::app::{APP_KEY, APP_KEY_PKCS8, OTHER_KEY};
pub use crate::fault::{Fault, Kind};
pub use crate::spec::{
    AppSpec, CheckSpec, CommitSpec, Document, GITHUB_ACTIONS, PullSpec, RateLimitSpec, RepositorySpec,
    TokenKind, TokenSpec,
};
pub use crate::world::World;

/// A running stand-in; it ends when this is dropped.
#[derive(Debug)]
pub struct Forge {
    shared: Shared,
    address: SocketAddr,
    server: tokio::task::JoinHandle<()>,
}

/// The state that requests and the owner share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl Shared {
    /// Locks the state. A test that panicked while it held the lock has failed already, so its state is taken as it is.
    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Forge {
    /// Starts one on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When the machine gives no port.
    pub async fn start() -> std::io::Result<Self> {
        Self::listen(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Starts one on this address; port 0 is a free one.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn listen(address: SocketAddr) -> std::io::Result<Self> {
        Self::serve(TcpListener::bind(address).await?)
    }

    /// Starts one on a socket that listens already: in another network namespace, for example.
    ///
    /// # Errors
    /// When the socket is none that a runtime can wait for.
    #[expect(clippy::unused_async, reason = "a socket can only be taken over within a runtime")]
    pub async fn listen_on(listener: std::net::TcpListener) -> std::io::Result<Self> {
        listener.set_nonblocking(true)?;
        Self::serve(TcpListener::from_std(listener)?)
    }

    fn serve(listener: TcpListener) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let shared = Shared::default();
        shared.lock().origin = format!("http://{address}");
        let app = routes::router(shared.clone());
        let server = tokio::spawn(async move {
            // axum's serve retries a failed accept for ever and has no other error.
            if let Err(error) = axum::serve(listener, app).await {
                unreachable!("the server of the stand-in ended: {error}");
            }
        });
        Ok(Self { shared, address, server })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Root of the API, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The state, locked: for whatever has no method of its own here.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.shared.lock()
    }

    /// Sets a check run of GitHub Actions: the newest one of that name, or a new one. Returns its id.
    pub fn set_check(
        &self,
        repository: &str,
        revision: &str,
        name: &str,
        status: &str,
        conclusion: Option<&str>,
    ) -> u64 {
        let spec = CheckSpec::new(repository, revision, name).status(status).conclusion(conclusion);
        self.put_check(&spec)
    }

    /// Sets a check run with everything that it may have. Returns its id.
    pub fn put_check(&self, spec: &CheckSpec) -> u64 {
        self.world().put_check(spec)
    }

    /// Lets requests to come go wrong.
    pub fn fault(&self, fault: Fault) {
        self.world().faults.push(fault);
    }

    /// Forgets all faults that are still to come.
    pub fn clear_faults(&self) {
        self.world().faults.clear();
    }

    /// Requests of GitHub's routes since the start, oldest first, at most [`World::LOG`] of them.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.world().log.iter().cloned().collect()
    }

    /// Waits until the server ends, which it does only by a crash.
    ///
    /// # Errors
    /// When the server crashed.
    pub async fn wait(mut self) -> Result<(), tokio::task::JoinError> {
        (&mut self.server).await
    }
}

impl Drop for Forge {
    fn drop(&mut self) {
        self.server.abort();
    }
}
