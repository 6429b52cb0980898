//! Locks between processes, by flock(2): let go by the kernel however their holder dies. A lock file stays where it is, for a
//! file that is removed and made anew is another lock.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

/// Between two looks at a lock that is taken.
const LOOK: Duration = Duration::from_millis(20);

/// A lock that is ours until this value is dropped.
#[derive(Debug)]
#[must_use = "a lock that is dropped is let go"]
pub(crate) struct Held(File);

impl Drop for Held {
    fn drop(&mut self) {
        // Closing the file is not enough: a child that is just being started has a copy of it until it executes its program.
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "a lock was not let go by unlocking; closing its file does it");
        }
    }
}

/// Waits until the lock is ours. The file is made where there is none, readable by its owner alone.
///
/// # Errors
/// Those of the system, for opening and locking.
pub(crate) fn wait(file: &Path) -> io::Result<Held> {
    let opened = open(file)?;
    uninterrupted(|| opened.lock())?;
    Ok(Held(opened))
}

/// Takes the lock if nobody has it; none when it is taken.
///
/// # Errors
/// As [`wait`].
pub(crate) fn attempt(file: &Path) -> io::Result<Option<Held>> {
    let opened = open(file)?;
    Ok(taken(|| opened.try_lock())?.then(|| Held(opened)))
}

/// Takes the lock, waiting for at most `patience`; none when it is taken still.
///
/// # Errors
/// As [`wait`].
pub(crate) fn within(file: &Path, patience: Duration) -> io::Result<Option<Held>> {
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
///
/// # Errors
/// Those of the system, for opening and locking.
pub(crate) fn is_held(file: &Path) -> io::Result<bool> {
    // Shared, so that two who look do not see each other.
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let free = taken(|| opened.try_lock_shared())?;
    if free {
        drop(Held(opened));
    }
    Ok(!free)
}

fn open(file: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(file)
}

/// Whether a try took the lock.
fn taken(attempt: impl Fn() -> Result<(), TryLockError>) -> io::Result<bool> {
    uninterrupted(|| match attempt() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    })
}

/// Does it again where a signal came in between: flock(2), `EINTR`.
fn uninterrupted<T>(lock: impl Fn() -> io::Result<T>) -> io::Result<T> {
    loop {
        match lock() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_has_one_holder() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("lock");
        assert!(!is_held(&file).expect("a free lock"), "nobody made the file");
        let held = wait(&file).expect("free");
        assert!(is_held(&file).expect("looked at"));
        assert!(attempt(&file).expect("looked at").is_none());
        assert!(within(&file, LOOK * 2).expect("looked at").is_none());
        drop(held);
        assert!(!is_held(&file).expect("looked at"));
        assert!(within(&file, Duration::ZERO).expect("free").is_some());
    }

    #[test]
    fn a_copy_that_a_child_has_does_not_keep_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("lock");
        let held = wait(&file).expect("free");
        let _copy = held.0.try_clone().expect("a second descriptor of the same opening");
        drop(held);
        assert!(attempt(&file).expect("looked at").is_some());
    }

    #[test]
    fn what_cannot_be_opened_is_an_error_not_a_taken_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("none/lock");
        assert_eq!(attempt(&file).expect_err("no folder").kind(), io::ErrorKind::NotFound);
        assert!(is_held(folder.path().join("none/lock").as_path()).is_ok_and(|held| !held));
    }
}
