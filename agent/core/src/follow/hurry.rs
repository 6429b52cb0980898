//! How much nudges may hurry polls and questions to the forge: whoever floods them must not use up what those allow.

use crate::policy::HURRIES;
use crate::time::{Millis, Mono};

/// A bucket of [`HURRIES`] hurried looks, of which one comes back in each such time as its user says (the generic cell rate
/// algorithm, ITU-T I.371).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hurry {
    /// When the bucket would be full again.
    full_at: Mono,
    /// The last one that was given out, if it is still to come.
    given: Option<Mono>,
}

impl Hurry {
    /// From when on one may look for the sake of a nudge. Nudges that come before that share it.
    pub(super) fn take(&mut self, now: Mono, each: Millis) -> Mono {
        if let Some(given) = self.given.filter(|given| *given >= now) {
            return given;
        }
        let at = now.max(Mono(self.full_at.0.saturating_sub(each.times(HURRIES - 1).0)));
        self.full_at = self.full_at.max(at).after(each);
        self.given = Some(at);
        at
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::policy::HURRIED_CHECK_EACH;

    #[test]
    fn five_at_once_and_then_one_each_fifteen_seconds() {
        let mut hurry = Hurry::default();
        let start = Mono(1_000_000);
        let mut last = start;
        let mut taken: Vec<u64> = Vec::new();
        for ms in (0..60_000).step_by(10) {
            let at = hurry.take(start.after(Millis(ms)), HURRIED_CHECK_EACH);
            if taken.is_empty() || at != last {
                taken.push(at.since(start).0);
                last = at;
            }
        }
        assert_eq!(taken, [0, 10, 20, 30, 40, 15_000, 30_000, 45_000, 60_000]);
        // A minute and a quarter later all five are back.
        let later = start.after(Millis(150_000));
        let again: Vec<u64> =
            (0..6).map(|ms| hurry.take(later.after(Millis(ms)), HURRIED_CHECK_EACH).since(later).0).collect();
        assert_eq!(again, [0, 1, 2, 3, 4, 15_000]);
    }
}
