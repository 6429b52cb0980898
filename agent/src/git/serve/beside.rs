//! Commits without their files, beside the clone: in it they would look like damage.

use std::num::NonZeroU32;
use std::path::Path;

use gix::ObjectId;

use super::Fault;
use super::exchange::{Exchange, Objects};
use crate::git::clone::{Clone, CloneError, SHALLOW_NEXT};
use crate::git::remote::Remote;

/// Most bytes of these commits; with their files, where a server sends no others.
const MAX_PACK: u64 = 256 * 1024 * 1024;

/// A repository for as long as a question is looked at.
pub(super) struct Beside<'a> {
    remote: &'a Remote,
    clone: Clone,
}

impl<'a> Beside<'a> {
    /// Makes an empty one. The lock must be held.
    pub(super) fn of(remote: &'a Remote, repository: &Path) -> Result<Self, CloneError> {
        Ok(Self { remote, clone: Clone::make_beside(repository, &remote.url)? })
    }

    /// Brings a commit and so many generations of its history in, itself included.
    pub(super) fn bring(&self, want: ObjectId, depth: NonZeroU32) -> Result<(), Fault> {
        let exchange = Exchange {
            want,
            have: &[],
            depth: Some(depth),
            objects: Objects::Commits,
            limit: MAX_PACK,
            shallow_file: &self.clone.git_dir.join(SHALLOW_NEXT),
        };
        exchange.run(self.remote, &self.clone)
    }

    pub(super) fn open(&self) -> Result<gix::Repository, CloneError> {
        self.clone.open()
    }

    pub(super) fn remove(self) -> Result<(), CloneError> {
        self.clone.remove()
    }
}
