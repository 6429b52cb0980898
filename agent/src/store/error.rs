//! Why the state directory cannot be used, or cannot be written.

use std::io;
use std::path::PathBuf;

/// Why the state directory cannot be used at all.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names say it")]
pub enum OpenError {
    #[error("cannot create the state directory {}", path.display())]
    Create { path: PathBuf, source: io::Error },
    /// Its lock cannot be opened or asked for.
    #[error("cannot lock {}", path.display())]
    Lock { path: PathBuf, source: io::Error },
    /// Somebody else holds its lock.
    #[error("another pull-agent works in {}", path.display())]
    Taken { path: PathBuf },
    /// A file is there but cannot be read; it may be whole, so that it is not put aside.
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
}

/// Why a state could not be written. Nothing is lost: each file is still the old one, or already the new one.
#[derive(Debug, thiserror::Error)]
#[error("cannot save {}", path.display())]
pub struct SaveError {
    pub(super) path: PathBuf,
    pub(super) source: io::Error,
}
