//! Removes what a killed fetch leaves behind: lock files that block every later fetch for ever, temporary and kept
//! packs, and half-made clones. Only under the lock, only in a clone of ours.

use std::ffi::OsStr;
use std::path::Path;

use fs_err as fs;

use super::CloneError;
use super::{BESIDE, GIT_DIR, MARKER, NEW, SHALLOW_NEXT, remove_tree, take_lock};

/// Removes left-overs of fetches that were killed; for the start of the agent and after each kill. Blocks for a few
/// seconds at most. Does nothing where there is no clone.
///
/// # Errors
/// When the clone is in use or a file cannot be removed.
pub fn sweep(repository: &Path) -> Result<(), CloneError> {
    if !repository.exists() {
        return Ok(());
    }
    let lock = take_lock(repository)?;
    sweep_locked(repository)?;
    drop(lock);
    Ok(())
}

/// The same for a holder of the lock.
pub(in crate::git) fn sweep_locked(repository: &Path) -> Result<(), CloneError> {
    remove_tree(&repository.join(NEW))?;
    remove_tree(&repository.join(BESIDE))?;
    let git_dir = repository.join(GIT_DIR);
    if git_dir.join(MARKER).is_file() { sweep_dir(&git_dir) } else { Ok(()) }
}

fn sweep_dir(dir: &Path) -> Result<(), CloneError> {
    let packs = dir.ends_with("objects/pack");
    for entry in fs::read_dir(dir).map_err(CloneError::io("reading", dir))? {
        let entry = entry.map_err(CloneError::io("reading", dir))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(CloneError::io("looking at", &path))?;
        if kind.is_dir() {
            sweep_dir(&path)?;
        } else if is_left_over(&entry.file_name(), packs) {
            tracing::info!(path = %path.display(), "a left-over of a fetch that was killed is removed");
            fs::remove_file(&path).map_err(CloneError::io("removing", &path))?;
        }
    }
    Ok(())
}

/// Temporary packs are `.tmp…` (gitoxide) and `tmp_…` (git).
fn is_left_over(name: &OsStr, among_packs: bool) -> bool {
    let name = name.as_encoded_bytes();
    name.ends_with(b".lock")
        || name == SHALLOW_NEXT.as_bytes()
        || (among_packs
            && (name.starts_with(b".tmp") || name.starts_with(b"tmp_") || name.ends_with(b".keep")))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const LEFT_OVER: [&str; 5] = [
        ".git/shallow.lock",
        ".git/refs/heads/main.lock",
        ".git/objects/pack/.tmpA1b2C3",
        ".git/objects/pack/pack-1.keep",
        ".git.new/HEAD",
    ];

    fn repository(marked: bool) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in LEFT_OVER.into_iter().chain([".git/shallow", ".git/objects/pack/pack-1.pack"]) {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        if marked {
            std::fs::write(dir.path().join(".git").join(MARKER), "").unwrap();
        }
        dir
    }

    #[test]
    fn left_overs_go_and_all_else_stays() {
        let dir = repository(true);
        sweep(dir.path()).unwrap();
        for name in LEFT_OVER {
            assert!(!dir.path().join(name).exists(), "{name}");
        }
        assert!(dir.path().join(".git/shallow").exists());
        assert!(dir.path().join(".git/objects/pack/pack-1.pack").exists());
    }

    #[test]
    fn a_repository_without_our_mark_is_not_touched() {
        let dir = repository(false);
        sweep(dir.path()).unwrap();
        assert!(dir.path().join(".git/shallow.lock").exists());
    }
}
