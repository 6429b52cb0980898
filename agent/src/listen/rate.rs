//! How often each caller may nudge: a token bucket for each, in a map that cannot grow without end.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// Nudges that a caller may send at once.
pub const BURST: u32 = 10;
/// After so long one more is allowed.
const REFILL: Duration = Duration::from_secs(1);
/// Callers that are remembered at once.
const CALLERS: usize = 1024;

/// The buckets of all callers. A full one is the same as none, and is forgotten.
#[derive(Debug, Default)]
pub struct Buckets {
    /// When each caller's bucket is full again.
    full_at: HashMap<String, Instant>,
}

impl Buckets {
    /// Takes one nudge of `caller` at `now`, or says how long the caller has to wait.
    pub fn take(&mut self, caller: &str, now: Instant) -> Result<(), Duration> {
        if self.full_at.len() >= CALLERS && !self.full_at.contains_key(caller) {
            self.full_at.retain(|_, full_at| *full_at > now);
            if self.full_at.len() >= CALLERS {
                return Err(REFILL);
            }
        }
        let full_at = self.full_at.get(caller).map_or(now, |full_at| (*full_at).max(now));
        // With so much missing the bucket is empty.
        let room = REFILL * (BURST - 1);
        let missing = full_at - now;
        if missing > room {
            return Err(missing - room);
        }
        self.full_at.insert(caller.to_owned(), full_at + REFILL);
        Ok(())
    }

    /// How many callers are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.full_at.len()
    }

    /// Whether no caller is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.full_at.is_empty()
    }
}
