//! The copy of the work tree in `target/mutants`, in which bugs are planted, with a target folder of its own. Both stay from
//! one run to the next, so that only what changed is built again.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

pub(crate) struct Tree {
    folder: PathBuf,
}

impl Tree {
    /// Makes the copy like the work tree, with what is not committed yet.
    pub(crate) fn copy(root: &Path) -> Result<Self> {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let tree = Self { folder: target.join("mutants") };
        let wanted = files(root)?;
        for name in &wanted {
            let (from, to) = (root.join(name), tree.path(name));
            // A file that is touched is built again: only what differs is written.
            let text = std::fs::read(&from).with_context(|| from.display().to_string())?;
            if !std::fs::read(&to).is_ok_and(|there| there == text) {
                std::fs::create_dir_all(to.parent().unwrap_or(root))?;
                std::fs::write(&to, text).with_context(|| to.display().to_string())?;
            }
            std::fs::set_permissions(&to, from.metadata()?.permissions())?;
        }
        remove_others(&tree.path("."), &tree.path("."), &wanted)?;
        let debug = tree.target().join("debug");
        if !debug.exists() {
            seed(&target.join("debug"), &debug)?;
        }
        Ok(tree)
    }

    /// Path of a file in the copy.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.join("tree").join(name)
    }

    /// Where the copy is built.
    pub(crate) fn target(&self) -> PathBuf {
        self.folder.join("target")
    }
}

/// The files of the work tree that git knows or would take, by their paths from its root.
fn files(root: &Path) -> Result<BTreeSet<PathBuf>> {
    let list = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("git cannot be started")?;
    ensure!(list.status.success(), "git ls-files: {}", String::from_utf8_lossy(&list.stderr));
    let names = list.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    // What is removed but not committed is still in git's list.
    Ok(names
        .map(|name| PathBuf::from(OsStr::from_bytes(name)))
        .filter(|name| root.join(name).is_file())
        .collect())
}

/// Takes over what was built of other people's crates: they are the same in both trees. What is missing there is built.
fn seed(from: &Path, to: &Path) -> Result<()> {
    for folder in [".fingerprint", "build", "deps"] {
        let Ok(entries) = from.join(folder).read_dir() else { continue };
        let mut others = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            // Of ours are the crates by name, their tests, and programs that have other names.
            let ours = ["pull", "libpull", "agentctl", "contract", "control", "fetch", "it-", "sabotage"];
            if !ours.iter().any(|start| name.as_bytes().starts_with(start.as_bytes())) {
                others.push(from.join(folder).join(name));
            }
        }
        std::fs::create_dir_all(to.join(folder))?;
        for some in others.chunks(500) {
            // With its times: cargo compares them.
            let copied = Command::new("cp").args(["-a", "-t"]).arg(to.join(folder)).args(some).status()?;
            ensure!(copied.success(), "cp: {} could not be copied", from.join(folder).display());
        }
    }
    Ok(())
}

/// Removes what an earlier copy had and this one has not.
fn remove_others(top: &Path, folder: &Path, wanted: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(top, &path, wanted)?;
        } else if !path.strip_prefix(top).is_ok_and(|name| wanted.contains(name)) {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}
