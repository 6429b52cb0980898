//! Makes files survive a power cut. gitoxide never calls fsync(2).

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::CloneError;

/// The files and folders below a folder, and what tells whether they have changed: inode, length, and when they were written.
#[derive(Debug)]
pub(in crate::git) struct Files(HashMap<PathBuf, (u64, u64, i64, i64)>);

impl Files {
    /// What is below `dir`, and `dir`.
    pub(super) fn below(dir: &Path) -> Result<Self, CloneError> {
        let mut all = HashMap::new();
        let mut todo = vec![dir.to_owned()];
        while let Some(path) = todo.pop() {
            let metadata = fs::symlink_metadata(&path).map_err(CloneError::io("looking at", &path))?;
            if metadata.is_dir() {
                for entry in fs::read_dir(&path).map_err(CloneError::io("reading", &path))? {
                    todo.push(entry.map_err(CloneError::io("reading", &path))?.path());
                }
            }
            if metadata.is_dir() || metadata.is_file() {
                let written = (metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec());
                all.insert(path, written);
            }
        }
        Ok(Self(all))
    }

    /// Syncs what is below `dir` and was not there like this then.
    pub(super) fn sync_changes(&self, dir: &Path) -> Result<(), CloneError> {
        self.changed(&Self::below(dir)?).into_iter().try_for_each(|path| sync(path))
    }

    /// What of `now` was not there like this.
    fn changed<'n>(&self, now: &'n Self) -> Vec<&'n PathBuf> {
        let changed = now.0.iter().filter(|(path, written)| self.0.get(*path) != Some(written));
        changed.map(|(path, _)| path).collect()
    }
}

/// Syncs every file and folder below `dir`, and `dir`.
pub(super) fn sync_tree(dir: &Path) -> Result<(), CloneError> {
    Files(HashMap::new()).sync_changes(dir)
}

/// Syncs the entries of one folder.
pub(super) fn sync_dir(dir: &Path) -> Result<(), CloneError> {
    sync(dir)
}

fn sync(path: &Path) -> Result<(), CloneError> {
    std::fs::File::open(path).and_then(|file| file.sync_all()).map_err(CloneError::io("syncing", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_changed_is_told_from_what_has_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = |name: &str| folder.path().join(name);
        std::fs::create_dir(place("packs")).expect("a new folder");
        std::fs::write(place("packs/old"), "x").expect("a new file");
        std::fs::write(place("ref"), "1").expect("a new file");
        let before = Files::below(folder.path()).expect("readable");
        std::fs::write(place("ref"), "22").expect("written");
        std::fs::write(place("packs/new"), "x").expect("a new file");
        let now = Files::below(folder.path()).expect("readable");
        let mut changed = before.changed(&now);
        changed.sort_unstable();
        assert_eq!(changed, [&place("packs"), &place("packs/new"), &place("ref")]);
        before.sync_changes(folder.path()).expect("they can be synced");
    }
}
