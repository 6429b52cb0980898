//! What was asked of the forge, counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What the requests so far came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForgeStats {
    /// Requests by status code, or "error" where no status came.
    pub requests: BTreeMap<String, u64>,
    /// Requests that the primary rate limit still allows, as the forge last said.
    pub ratelimit_remaining: Option<u64>,
}

/// Counters that the owner reads while a question is open.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedStats(Arc<Mutex<ForgeStats>>);

impl SharedStats {
    pub(crate) fn get(&self) -> ForgeStats {
        self.with(|stats| stats.clone())
    }

    /// What the primary rate limit still allows, as was just said.
    pub(super) fn remaining(&self, requests: u64) {
        self.with(|stats| stats.ratelimit_remaining = Some(requests));
    }

    fn with<T>(&self, work: impl FnOnce(&mut ForgeStats) -> T) -> T {
        // Counters are right whatever happened to the one who held the lock.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn count(&self, what: &str) {
        self.with(|stats| *stats.requests.entry(what.to_owned()).or_insert(0) += 1);
    }
}
