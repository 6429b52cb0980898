//! What all connections of a listener share: its settings, its limits, and what of them is used up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::rate::Buckets;
use crate::settings::ListenSettings;

/// Callers without a place that are told so at the same time; more are closed without a word.
const TURNED_AWAY: usize = 32;

/// What one listener gives away at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections that are served at the same time.
    pub connections: usize,
    /// Of one request, head and body together.
    pub request_bytes: usize,
    /// Until a head is complete, counted from when it can begin (so it is the longest idle time too); and the same again
    /// for a body.
    pub request_time: Duration,
    /// After so long a connection takes no further request.
    pub keep_alive: Duration,
    /// After so long any connection is closed: an open stream has to come again, and is asked again who it is.
    pub connection_time: Duration,
    /// Readers of events and followed logs at the same time.
    pub readers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            request_bytes: 16 * 1024,
            request_time: Duration::from_secs(10),
            keep_alive: Duration::from_secs(60),
            connection_time: Duration::from_secs(60 * 60),
            readers: 16,
        }
    }
}

/// What a request needs to be answered.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: ListenSettings,
    /// Names of this host, as a `Host` may have them.
    pub(super) names: Vec<String>,
    pub(super) limits: Limits,
    pub(super) stop: CancellationToken,
    /// A permit for each connection that is served.
    pub(super) connections: Arc<Semaphore>,
    /// Places of those who are told that there is none.
    pub(super) turned_away: Arc<Semaphore>,
    /// Places of readers of answers without an end.
    pub(super) readers: Arc<Semaphore>,
    buckets: Mutex<Buckets>,
}

impl Shared {
    /// All places free. Asks the machine for its name.
    pub(super) fn new(settings: ListenSettings, limits: Limits, stop: CancellationToken) -> Self {
        let mut names = vec![first_label(&settings.host)];
        if let Ok(machine) = nix::unistd::gethostname() {
            names.push(first_label(&machine.to_string_lossy()));
        }
        Self {
            settings,
            names,
            limits,
            stop,
            connections: Arc::new(Semaphore::new(limits.connections)),
            turned_away: Arc::new(Semaphore::new(TURNED_AWAY)),
            readers: Arc::new(Semaphore::new(limits.readers)),
            buckets: Mutex::new(Buckets::default()),
        }
    }

    /// Counts a nudge of a caller.
    ///
    /// # Errors
    /// How long it has to wait for its next one.
    pub(super) fn take_nudge(&self, caller: &str, now: Instant) -> Result<(), Duration> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner).take(caller, now)
    }
}

fn first_label(name: &str) -> String {
    name.split('.').next().unwrap_or_default().to_owned()
}
