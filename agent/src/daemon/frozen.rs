//! A remote that stands still looks like a quiet branch. Now and then the forge, which the gate trusts anyway, is asked where the
//! branch is; what it says only warns, and never deploys anything.

use std::sync::{Arc, Mutex, PoisonError};

use pull_agent_core::{Millis, Mono, Revision};

use crate::checks::Checks;
use crate::clock;

/// Between two questions while both say the same.
const EVERY: Millis = Millis::seconds(3600);

/// Between two questions while they differ.
const AGAIN: Millis = Millis::seconds(300);

/// So long a remote may be behind: a mirror is filled now and then, and a push reaches one before the other.
const MAY_LAG: Millis = Millis::seconds(900);

/// Compares what the remote shows with what the forge says, for the life of the process.
#[derive(Clone, Debug)]
pub(super) struct FrozenRemote(Arc<Mutex<Comparison>>);

#[derive(Debug)]
struct Comparison {
    /// When the forge is asked next.
    due: Mono,
    /// The tip that the remote showed while the forge had another head, and since when.
    behind: Option<(Revision, Mono)>,
    /// The forge's head, once that has lasted for too long.
    frozen: Option<Revision>,
}

impl FrozenRemote {
    /// The first question comes within the first hour, at a moment of each host's own.
    pub(super) fn new(now: Mono) -> Self {
        let wait = Millis(EVERY.0 / 2 + fastrand::u64(..EVERY.0 / 2));
        Self(Arc::new(Mutex::new(Comparison { due: now.after(wait), behind: None, frozen: None })))
    }

    /// After a good poll: asks the forge, if it is time to. Never takes longer than one question.
    pub(super) async fn compare(&self, checks: &Checks, tip: &Revision) {
        if !self.with(|comparison| comparison.begins(tip, clock::mono())) {
            return;
        }
        match checks.head().await {
            Ok(Some(head)) => self.with(|comparison| comparison.note(tip, head, clock::mono())),
            Ok(None) => tracing::debug!("the forge does not show where the branch is"),
            Err(error) => tracing::debug!(error, "the forge cannot be asked where the branch is"),
        }
    }

    /// The head that the forge has and the remote does not show; none as far as is known.
    pub(super) fn head(&self) -> Option<Revision> {
        self.with(|comparison| comparison.frozen.clone())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Comparison) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Comparison {
    /// Whether the forge is to be asked now. A remote that moves does not stand still.
    fn begins(&mut self, tip: &Revision, now: Mono) -> bool {
        if self.behind.as_ref().is_some_and(|(shown, _)| shown != tip) {
            (self.behind, self.frozen) = (None, None);
        }
        let begins = now >= self.due;
        if begins {
            self.due = now.after(if self.behind.is_some() { AGAIN } else { EVERY });
        }
        begins
    }

    fn note(&mut self, tip: &Revision, head: Revision, now: Mono) {
        if head == *tip {
            (self.behind, self.frozen) = (None, None);
            return;
        }
        let (_, since) = self.behind.get_or_insert_with(|| (tip.clone(), now));
        if now.since(*since) >= MAY_LAG {
            if self.frozen.is_none() {
                tracing::warn!(%tip, %head, "the remote does not show what the forge has");
            }
            self.frozen = Some(head);
        }
        self.due = now.after(AGAIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(digit: char) -> Revision {
        Revision::parse(&digit.to_string().repeat(40)).expect("an id")
    }

    fn comparison() -> Comparison {
        Comparison { due: Mono(0), behind: None, frozen: None }
    }

    /// One look at this second; returns whether the forge was asked.
    fn look(comparison: &mut Comparison, seconds: u64, tip: char, head: char) -> bool {
        let now = Mono(seconds * 1000);
        let begins = comparison.begins(&revision(tip), now);
        if begins {
            comparison.note(&revision(tip), revision(head), now);
        }
        begins
    }

    #[test]
    fn a_remote_that_shows_what_the_forge_has_is_compared_hourly() {
        let mut comparison = comparison();
        let asked = (0..2 * 3600 + 1).step_by(60).filter(|at| look(&mut comparison, *at, 'a', 'a')).count();
        assert_eq!((asked, comparison.frozen), (3, None));
    }

    #[test]
    fn a_remote_that_stands_still_is_told_after_a_quarter_of_an_hour() {
        let mut comparison = comparison();
        let asked: Vec<u64> =
            (0..1800).step_by(60).filter(|at| look(&mut comparison, *at, 'a', 'b')).collect();
        assert_eq!(asked, [0, 300, 600, 900, 1200, 1500]);
        assert_eq!(comparison.frozen, Some(revision('b')));
        look(&mut comparison, 1800, 'a', 'c');
        assert_eq!(comparison.frozen, Some(revision('c')), "the forge goes on meanwhile");
        look(&mut comparison, 2100, 'c', 'c');
        assert_eq!(comparison.frozen, None);
    }

    #[test]
    fn a_remote_that_is_late_but_moves_is_not_frozen() {
        let mut comparison = comparison();
        for (minutes, tip, head) in
            [(0, 'a', 'b'), (6, 'b', 'c'), (12, 'c', 'd'), (18, 'd', 'e'), (24, 'e', 'f')]
        {
            look(&mut comparison, minutes * 60, tip, head);
            assert_eq!(comparison.frozen, None, "after {minutes} minutes");
        }
        look(&mut comparison, 90 * 60, 'e', 'e');
        look(&mut comparison, 91 * 60, 'e', 'f');
        assert_eq!(comparison.frozen, None);
    }
}
