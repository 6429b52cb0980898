//! What an update found out and the next one need not find out again: a file in the clone, which means something only while
//! the branch is where it says. Commits do not change, so none of it grows old; that the disk still has the files is looked at anew
//! once a day.

use fs_err as fs;
use gix::ObjectId;
use pull_agent_core::Revision;
use serde::{Deserialize, Serialize};

use super::{Clone, CloneError};
use crate::clock;

/// Its name in the clone.
const FILE: &str = "pull-agent.known.json";

/// After so long everything is read again, in seconds.
const A_DAY: u64 = 24 * 3600;

/// What is known of the history of one tip.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::git) struct Known {
    /// The branch, when this was found out.
    tip: String,
    /// The deployed revision that it descends from.
    base: Option<String>,
    /// Where the history of that one ends in the clone.
    ends: Vec<String>,
    /// Held revisions that were asked about.
    held: Vec<Revision>,
    /// Those of them that it is or descends from.
    contains: Vec<Revision>,
    /// When every file of the tip was last read, in seconds since 1970.
    read_at: u64,
}

impl Known {
    /// Describes an update that has come to its end.
    pub(in crate::git) fn of(
        tip: ObjectId,
        descends: Option<(ObjectId, &[ObjectId])>,
        held: &[Revision],
        contains: &[Revision],
        read_at: u64,
    ) -> Self {
        let (base, ends) = descends.unzip();
        Self {
            tip: tip.to_string(),
            base: base.map(|base| base.to_string()),
            ends: ends.into_iter().flatten().map(ToString::to_string).collect(),
            held: held.to_vec(),
            contains: contains.to_vec(),
            read_at,
        }
    }

    /// Reads what is known of this tip; nothing where the file is of another one, or cannot be read.
    pub(in crate::git) fn read(clone: &Clone, tip: Option<ObjectId>) -> Option<Self> {
        let known: Self = serde_json::from_slice(&fs::read(clone.git_dir.join(FILE)).ok()?).ok()?;
        let of = ObjectId::from_hex(known.tip.as_bytes()).ok();
        tip.filter(|tip| of == Some(*tip)).map(|_| known)
    }

    /// Writes it. It need not survive a power cut, and must not be there before what it vouches for would.
    pub(in crate::git) fn write(&self, clone: &Clone) -> Result<(), CloneError> {
        let path = clone.git_dir.join(FILE);
        let bytes = serde_json::to_vec(self).map_err(std::io::Error::other);
        bytes.and_then(|bytes| fs::write(&path, bytes)).map_err(CloneError::io("writing", &path))
    }

    /// Where the history of `base` ends, if the tip is known to descend from it.
    pub(in crate::git) fn ends_of(&self, base: ObjectId) -> Option<Vec<ObjectId>> {
        let known = ObjectId::from_hex(self.base.as_ref()?.as_bytes()).ok();
        known.filter(|known| *known == base)?;
        let ends = self.ends.iter().map(|id| ObjectId::from_hex(id.as_bytes()));
        ends.collect::<Result<_, _>>().ok()
    }

    /// Those of `held` that the tip is or descends from, if it is known of each.
    pub(in crate::git) fn contained(&self, held: &[Revision]) -> Option<Vec<Revision>> {
        let is_known = held.iter().all(|revision| self.held.contains(revision));
        is_known.then(|| held.iter().filter(|held| self.contains.contains(held)).cloned().collect())
    }

    /// When every file was last read, unless that is too long ago, or seems to be yet to come.
    pub(in crate::git) fn read_lately(&self) -> Option<u64> {
        let age = now().checked_sub(self.read_at)?;
        (age < A_DAY).then_some(self.read_at)
    }
}

/// Seconds since 1970.
pub(in crate::git) fn now() -> u64 {
    clock::wall().0 / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: u8) -> ObjectId {
        ObjectId::from_bytes_or_panic(&[digit; 20])
    }

    fn revision(digit: u8) -> Revision {
        Revision::parse(&id(digit).to_string()).expect("an id")
    }

    #[test]
    fn it_counts_for_its_own_tip_base_and_holds_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let clone = Clone { git_dir: folder.path().to_owned() };
        assert_eq!(Known::read(&clone, Some(id(1))), None, "there is nothing");
        let held = [revision(4), revision(5)];
        let known = Known::of(id(1), Some((id(2), &[id(3)])), &held, &held[..1], now());
        known.write(&clone).expect("written");
        assert_eq!(Known::read(&clone, Some(id(1))), Some(known.clone()));
        assert_eq!((Known::read(&clone, Some(id(2))), Known::read(&clone, None)), (None, None));
        assert_eq!((known.ends_of(id(2)), known.ends_of(id(3))), (Some(vec![id(3)]), None));
        assert_eq!(known.contained(&held), Some(vec![revision(4)]));
        assert_eq!(known.contained(&held[1..]), Some(Vec::new()));
        assert_eq!(known.contained(&[revision(6)]), None, "it was not asked about");
        assert_eq!(Known::of(id(1), None, &[], &[], 0).ends_of(id(2)), None);
    }

    #[test]
    fn what_was_read_long_ago_or_in_the_future_is_read_again() {
        let read = |at| Known::of(id(1), None, &[], &[], at).read_lately();
        let now = now();
        assert_eq!(read(now - 60), Some(now - 60));
        assert_eq!((read(now - 2 * A_DAY), read(now + 3600), read(0)), (None, None, None));
    }
}
