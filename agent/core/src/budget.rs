//! How rarely a forge is asked so that its rate limit suffices: the limit is the identity's, and others have the same one.

use crate::policy::GATE_FIRST;
use crate::time::Millis;

/// Forges count by the minute or by the hour: no wait is longer.
const LONGEST: Millis = Millis::seconds(3600);

/// Requests that a forge still allows, and for how many seconds they have to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Budget {
    pub left: u64,
    pub seconds: u64,
}

impl Budget {
    /// How long to wait after a question of so many requests, that questions like it use half of the budget; none while that is
    /// sooner than anybody asks again.
    #[must_use]
    pub fn pace(self, requests: u64) -> Option<Millis> {
        let wait = self.seconds.saturating_mul(2).saturating_mul(requests) / self.left.max(1);
        let wait = Millis::seconds(wait.min(self.seconds)).min(LONGEST);
        (wait > GATE_FIRST).then_some(wait)
    }
}
