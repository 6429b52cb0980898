//! Locks between processes, by flock(2): let go by the kernel however their holder dies. A lock file stays where it is, for a
//! file that is removed and made anew is another lock.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// Between two looks at a lock that is taken.
const LOOK: Duration = Duration::from_millis(50);

/// Waits until the lock is ours.
pub(super) fn wait(file: &Path) -> io::Result<Flock<File>> {
    let mut opened = open(file)?;
    loop {
        match Flock::lock(opened, FlockArg::LockExclusive) {
            Ok(lock) => return Ok(lock),
            Err((again, Errno::EINTR)) => opened = again,
            Err((_, error)) => return Err(error.into()),
        }
    }
}

/// Takes the lock if nobody has it; none when it is taken.
pub(super) fn attempt(file: &Path) -> io::Result<Option<Flock<File>>> {
    match Flock::lock(open(file)?, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, Errno::EAGAIN)) => Ok(None),
        Err((_, error)) => Err(error.into()),
    }
}

/// Takes the lock, waiting for at most `patience`; none when it is taken still.
pub(super) fn within(file: &Path, patience: Duration) -> io::Result<Option<Flock<File>>> {
    let mut left = patience;
    loop {
        if let Some(lock) = attempt(file)? {
            return Ok(Some(lock));
        }
        if left.is_zero() {
            return Ok(None);
        }
        std::thread::sleep(LOOK.min(left));
        left = left.saturating_sub(LOOK);
    }
}

/// Whether somebody has the lock; a file that is not there is a free lock.
pub(super) fn is_held(file: &Path) -> io::Result<bool> {
    // Shared, so that two who look do not see each other.
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match Flock::lock(opened, FlockArg::LockSharedNonblock) {
        Ok(_) => Ok(false),
        Err((_, Errno::EAGAIN)) => Ok(true),
        Err((_, error)) => Err(error.into()),
    }
}

fn open(file: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(file)
}
