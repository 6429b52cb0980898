//! One writer at a time: a flock(2) on a file beside the repository, let go by the kernel however its holder ends.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::git::error::CloneError;

/// Beside the repository, as that is replaced as a whole.
const NAME: &str = ".lock";

/// A holder that was killed a moment ago is gone within this time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// The right to change the clone.
#[derive(Debug)]
pub(in crate::git) struct Lock(#[expect(dead_code, reason = "held for its drop")] Flock<std::fs::File>);

impl Lock {
    /// Takes the lock, and makes the folder where there is none.
    ///
    /// # Errors
    /// When another process still holds it after a few seconds.
    pub(in crate::git) fn take(repository: &Path) -> Result<Self, CloneError> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(repository)
            .map_err(CloneError::io("creating", repository))?;
        let path = repository.join(NAME);
        let open = std::fs::File::options().create(true).truncate(false).write(true).open(&path);
        let mut file = open.map_err(CloneError::io("opening", &path))?;
        let end = Instant::now() + PATIENCE;
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Ok(Self(lock)),
                Err((again, Errno::EWOULDBLOCK | Errno::EINTR)) if Instant::now() < end => file = again,
                Err((_, Errno::EWOULDBLOCK)) => return Err(CloneError::Busy { path: repository.to_owned() }),
                Err((_, errno)) => return Err(CloneError::io("locking", &path)(errno.into())),
            }
            std::thread::sleep(PAUSE);
        }
    }
}
