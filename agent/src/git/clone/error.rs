//! Why the clone on disk cannot be used. The cause is in the source, not in the sentence.

use std::path::PathBuf;

/// Why the clone on disk cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CloneError {
    /// A file operation failed.
    #[error("{what} {} failed{}", path.display(), space_hint(source))]
    Io {
        /// "opening", "syncing" …
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the file system said.
        #[source]
        source: std::io::Error,
    },
    /// Another process holds the lock.
    #[error("the clone {} is in use by another process", path.display())]
    Busy {
        /// Folder of the clone.
        path: PathBuf,
    },
    /// There is a repository that this program did not make; it is never touched.
    #[error("{} is not a clone made by this agent: move it away, it is left as it is", path.display())]
    Foreign {
        /// Its folder.
        path: PathBuf,
    },
    /// Somebody else's folder, which nix would refuse to read.
    #[error("{} belongs to user {owner}, but the agent runs as user {user}: change its owner", path.display())]
    Owner {
        /// Its folder.
        path: PathBuf,
        /// Who has it.
        owner: u32,
        /// Who runs.
        user: u32,
    },
    /// gitoxide cannot use it, or an object is missing. Healed by the next fetch.
    #[error("the clone {} is damaged: {reason}", path.display())]
    Damaged {
        /// Folder of the repository.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The walk through the history was longer than allowed.
    #[error("the history of {of} has more than {limit} commits to look through")]
    TooFar {
        /// Where it began.
        of: String,
        /// The limit.
        limit: usize,
    },
}

impl CloneError {
    /// For `map_err` on file operations.
    pub(in crate::git) fn io(
        what: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}

/// A full disk is the one cause worth a word of its own.
fn space_hint(error: &std::io::Error) -> &'static str {
    let full = [std::io::ErrorKind::StorageFull, std::io::ErrorKind::QuotaExceeded];
    if full.contains(&error.kind()) { ": no space is left on its file system" } else { "" }
}
