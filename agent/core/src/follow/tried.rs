//! How often revisions failed in ways that may pass, while the branch is elsewhere: what comes back to its tip does not begin
//! at nought.

use alloc::vec::Vec;

use crate::candidate::Tries;
use crate::cause::Consequence;
use crate::id::Revision;
use crate::policy::MOST_TRIED;

/// Revisions that are not the tip and were tried, oldest first; each is in it once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried(Vec<(Revision, Tries)>);

impl Tried {
    /// Takes up what a file says: of a revision that is in it twice, the later one counts.
    pub(crate) fn read(entries: impl IntoIterator<Item = (Revision, Tries)>) -> Self {
        let mut tried = Self::default();
        for (revision, tries) in entries {
            tried.note(revision, tries);
        }
        tried
    }

    /// Revisions and their tries, oldest first.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&Revision, Tries)> {
        self.0.iter().map(|(revision, tries)| (revision, *tries))
    }

    pub(super) fn note(&mut self, revision: Revision, tries: Tries) {
        self.take(&revision);
        if tries.count() > 0 {
            self.0.push((revision, tries));
            let surplus = self.0.len().saturating_sub(MOST_TRIED);
            self.0.drain(..surplus);
        }
    }

    pub(super) fn tries_of(&self, revision: &Revision) -> Tries {
        self.entries().find(|(tried, _)| *tried == revision).map_or_else(Tries::default, |(_, tries)| tries)
    }

    /// Forgets a revision and returns its tries.
    pub(super) fn take(&mut self, revision: &Revision) -> Tries {
        let place = self.0.iter().position(|(tried, _)| tried == revision);
        place.map_or_else(Tries::default, |place| self.0.remove(place).1)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// A deployment of a revision failed; returns whether it is tried again when the branch comes back to it.
    pub(super) fn failed(&mut self, revision: &Revision, consequence: Consequence) -> bool {
        let mut tries = self.take(revision);
        let again = tries.failed(consequence);
        if again {
            self.note(revision.clone(), tries);
        }
        again
    }
}
