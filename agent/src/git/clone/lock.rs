//! One writer at a time: a lock on a file beside the repository, let go by the kernel however its holder ends.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::time::Duration;

use super::CloneError;
use crate::lock;

/// Beside the repository, as that is replaced as a whole.
const NAME: &str = ".lock";

/// A holder that was killed a moment ago is gone within this time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Takes the right to change the clone, and makes the folder where there is none.
///
/// # Errors
/// When another process still holds it after a few seconds.
pub(in crate::git) fn take_lock(repository: &Path) -> Result<lock::Held, CloneError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(repository)
        .map_err(CloneError::io("creating", repository))?;
    let path = repository.join(NAME);
    lock::within(&path, PATIENCE)
        .map_err(CloneError::io("locking", &path))?
        .ok_or_else(|| CloneError::Busy { path: repository.to_owned() })
}
