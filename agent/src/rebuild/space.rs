//! Free room on the disks that a deployment writes to. Never frees any.

use std::path::Path;

use nix::sys::statvfs::statvfs;

/// A boot loader that cannot copy a kernel leaves a host that does not boot; a kernel with its initrd is about so large, in
/// bytes.
const BOOT_MIN: u64 = 64 << 20;

/// Logs and results must find room, in bytes: switch-to-configuration panics half-way when it cannot write.
const OWN_MIN: u64 = 16 << 20;

/// Returns a sentence when less than `least` bytes are free where nix puts what it builds.
pub(super) fn of_store(least: u64) -> Result<(), String> {
    require(nearest(Path::new("/nix")), least, "rebuild.min_free")
}

/// Returns a sentence when a folder of our own is about full.
pub(super) fn of_own(folder: &Path) -> Result<(), String> {
    require(nearest(folder), OWN_MIN, "what the log of a deployment needs")
}

/// Returns a sentence when the boot partition is about full; it stops nothing.
pub(super) fn of_boot() -> Option<String> {
    let boot = Path::new("/boot");
    if !boot.is_dir() {
        return None;
    }
    require(boot, BOOT_MIN, "what a new kernel with its initrd needs").err()
}

fn require(folder: &Path, least: u64, what: &str) -> Result<(), String> {
    let free = match free(folder) {
        Ok(free) => free,
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "cannot ask for the free space");
            return Ok(());
        }
    };
    if free >= least {
        return Ok(());
    }
    Err(format!("{} has {} free, less than {what} ({})", folder.display(), size(free), size(least)))
}

/// Bytes that an ordinary user may still write, as statvfs(3) tells.
fn free(folder: &Path) -> nix::Result<u64> {
    let stat = statvfs(folder)?;
    Ok(stat.blocks_available().saturating_mul(stat.fragment_size()))
}

/// The folder itself, or the nearest above it that is there.
fn nearest(folder: &Path) -> &Path {
    folder.ancestors().find(|folder| folder.exists()).unwrap_or_else(|| Path::new("/"))
}

fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    UNITS.iter().find(|(_, unit)| bytes >= *unit).map_or_else(
        || format!("{bytes} B"),
        |(name, unit)| format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_has_the_figures() {
        assert_eq!(require(Path::new("/"), 0, "x"), Ok(()));
        let sentence = require(Path::new("/"), u64::MAX, "rebuild.min_free").expect_err("never so much");
        assert!(
            sentence.starts_with("/ has ")
                && sentence.ends_with(" free, less than rebuild.min_free (17179869183.9 GiB)"),
            "{sentence}"
        );
        assert_eq!(size(2 << 30), "2.0 GiB");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(12), "12 B");
    }

    #[test]
    fn a_folder_that_is_not_there_counts_by_its_parent() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(nearest(&folder.path().join("a/b")), folder.path());
    }
}
