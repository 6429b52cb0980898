//! Small files that must outlive the power: written whole, synced, renamed, the directory synced. Whoever reads one sees
//! the old text or the new one, never a part. One writer at a time for each file: its lock sees to that.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A file of ours is at most so long, in bytes; a longer one is damaged.
const LIMIT: u64 = 1 << 20;

/// So much room is taken for a result before the step starts, in bytes.
const RESERVED: usize = 4096;

/// The few things that a durable write asks of the machine, so that a test can stand in for one that loses its power
/// between any two of them.
pub(crate) trait Disk: Send + fmt::Debug {
    /// Writes the whole text to a file, which is made where it is not there.
    fn write(&mut self, file: &Path, text: &[u8]) -> io::Result<()>;
    /// Returns once the file's text is on the disk.
    fn sync(&mut self, file: &Path) -> io::Result<()>;
    /// Gives a file another name, where it takes the place of what had that.
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()>;
    /// Returns once the names in a directory are on the disk.
    fn sync_directory(&mut self, directory: &Path) -> io::Result<()>;
}

/// The disk of this machine.
#[derive(Debug, Default)]
pub(crate) struct RealDisk {
    /// What was written last. It is the one that is synced: the error of an earlier attempt to write it back is told once.
    written: Option<File>,
}

impl Disk for RealDisk {
    fn write(&mut self, file: &Path, text: &[u8]) -> io::Result<()> {
        // Not cut first: what was reserved is written over in place.
        let mut opened = open(file, false)?;
        opened.write_all(text)?;
        opened.set_len(text.len().try_into().unwrap_or(u64::MAX))?;
        self.written = Some(opened);
        Ok(())
    }

    fn sync(&mut self, file: &Path) -> io::Result<()> {
        match self.written.take() {
            Some(written) => written.sync_all(),
            None => File::open(file)?.sync_all(),
        }
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn sync_directory(&mut self, directory: &Path) -> io::Result<()> {
        File::open(directory)?.sync_all()
    }
}

/// Writes a document; only its owner may read it.
pub(crate) fn write(file: &Path, document: &impl Serialize) -> io::Result<()> {
    write_on(&mut RealDisk::default(), file, document)
}

/// The same without the directory: until that is synced, a loss of power may bring back the old text, whole.
pub(crate) fn replace(file: &Path, document: &impl Serialize) -> io::Result<()> {
    replace_on(&mut RealDisk::default(), file, document)
}

/// As [`write()`], on a disk that may be another one.
pub(crate) fn write_on(disk: &mut dyn Disk, file: &Path, document: &impl Serialize) -> io::Result<()> {
    replace_on(disk, file, document)?;
    disk.sync_directory(file.parent().unwrap_or_else(|| Path::new("/")))
}

/// As [`replace`], on a disk that may be another one.
pub(crate) fn replace_on(disk: &mut dyn Disk, file: &Path, document: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(document)?;
    text.push(b'\n');
    let temporary = temporary(file);
    disk.write(&temporary, &text)?;
    disk.sync(&temporary)?;
    disk.rename(&temporary, file)
}

/// Writes a document that need not outlive the power: after a loss of it there may be nothing, or an empty file.
pub(crate) fn note(file: &Path, document: &impl Serialize) -> io::Result<()> {
    let temporary = temporary(file);
    RealDisk::default().write(&temporary, &serde_json::to_vec(document)?)?;
    std::fs::rename(&temporary, file)
}

/// Takes room on the disk for a later [`write()`] or [`note`] of a small document to this file, so that a disk that becomes
/// full meanwhile does not cost its text. (Where every write needs new room, as on btrfs, this helps less.)
pub(crate) fn reserve(file: &Path) -> io::Result<()> {
    open(&temporary(file), true)?.write_all(&[b' '; RESERVED])
}

/// Reads a document; none when there is no such file, it is empty or it is no such document.
pub(crate) fn read<T: DeserializeOwned>(file: &Path) -> Option<T> {
    let mut text = Vec::new();
    match File::open(file).and_then(|opened| opened.take(LIMIT).read_to_end(&mut text)) {
        Ok(0) => return None,
        Ok(_) => {}
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::error!(file = %file.display(), %error, "the file cannot be read");
            }
            return None;
        }
    }
    serde_json::from_slice(&text)
        .inspect_err(|error| tracing::error!(file = %file.display(), %error, "the file is damaged"))
        .ok()
}

/// Removes a file if it is there.
pub(crate) fn remove(file: &Path) -> io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn open(file: &Path, cut: bool) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(cut).mode(0o600).open(file)
}

fn temporary(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    file.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::*;

    #[test]
    fn a_document_comes_back_and_is_nobody_elses() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.json");
        reserve(&file).expect("room");
        assert_eq!(read::<Vec<u32>>(&file), None);
        write(&file, &vec![1, 2, 3]).expect("written");
        assert_eq!(read::<Vec<u32>>(&file), Some(vec![1, 2, 3]));
        assert_eq!(std::fs::read(&file).expect("readable"), b"[1,2,3]\n", "what was reserved is given back");
        write(&file, &vec![4]).expect("written");
        assert_eq!(std::fs::read(&file).expect("readable"), b"[4]\n");
        assert_eq!(file.metadata().expect("there").permissions().mode() & 0o777, 0o600);
        assert!(!temporary(&file).exists());
    }

    #[test]
    fn a_note_is_written_over_what_was_reserved() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.json");
        reserve(&file).expect("room");
        let room = temporary(&file).metadata().expect("there");
        note(&file, &vec![1, 2, 3]).expect("written");
        let noted = file.metadata().expect("there");
        assert_eq!(read::<Vec<u32>>(&file), Some(vec![1, 2, 3]));
        assert_eq!((room.len(), noted.len(), noted.ino()), (RESERVED as u64, 7, room.ino()));
    }

    #[test]
    fn a_damaged_one_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.json");
        std::fs::write(&file, "[1, 2").expect("written");
        assert_eq!(read::<Vec<u32>>(&file), None);
    }
}
