//! Makes files survive a power cut. gitoxide never calls fsync(2).

use std::path::Path;

use fs_err as fs;

use super::CloneError;

/// Syncs every file and folder below `dir`, and `dir`. Files that are on disk already cost nothing.
pub(super) fn sync_tree(dir: &Path) -> Result<(), CloneError> {
    for entry in fs::read_dir(dir).map_err(CloneError::io("reading", dir))? {
        let entry = entry.map_err(CloneError::io("reading", dir))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(CloneError::io("looking at", &path))?;
        if kind.is_dir() {
            sync_tree(&path)?;
        } else if kind.is_file() {
            sync(&path)?;
        }
    }
    sync(dir)
}

/// Syncs the entries of one folder.
pub(super) fn sync_dir(dir: &Path) -> Result<(), CloneError> {
    sync(dir)
}

fn sync(path: &Path) -> Result<(), CloneError> {
    std::fs::File::open(path).and_then(|file| file.sync_all()).map_err(CloneError::io("syncing", path))
}
