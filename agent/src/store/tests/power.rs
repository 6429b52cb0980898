//! A disk that loses its power after every single thing that is asked of it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::durable::Disk;

/// The files as a machine finds them when it starts again.
pub(super) type Image = BTreeMap<PathBuf, Vec<u8>>;

/// Shared with the store that writes on it.
#[derive(Clone, Debug, Default)]
pub(super) struct PowerDisk(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    /// The texts: as they were written, and what of them is on the disk for sure.
    texts: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// The names as everybody sees them.
    names: BTreeMap<PathBuf, usize>,
    /// The names that are on the disk for sure.
    safe_names: BTreeMap<PathBuf, usize>,
    /// What there was to be found after each thing that was asked, at worst and at best.
    images: Vec<Image>,
    /// So many more things are done before one fails.
    fails_after: Option<usize>,
}

impl PowerDisk {
    fn with<T>(&self, act: impl FnOnce(&mut Content) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Everything that a loss of power since the last call could have left.
    pub(super) fn take_images(&self) -> Vec<Image> {
        self.with(|content| std::mem::take(&mut content.images))
    }

    /// What a loss of power now would leave at worst.
    pub(super) fn worst(&self) -> Image {
        self.with(|content| content.image(&content.safe_names))
    }

    /// Lets what is asked fail once, after so many things that are done.
    pub(super) fn fail_after(&self, done: usize) {
        self.with(|content| content.fails_after = Some(done));
    }

    /// Whether there was a failure that was ordered.
    pub(super) fn has_failed(&self) -> bool {
        self.with(|content| content.fails_after.is_none())
    }
}

impl Content {
    fn image(&self, names: &BTreeMap<PathBuf, usize>) -> Image {
        let text = |index: &usize| self.texts[*index].1.clone().unwrap_or_default();
        names.iter().map(|(path, index)| (path.clone(), text(index))).collect()
    }

    fn done(&mut self) {
        let (worst, best) = (self.image(&self.safe_names), self.image(&self.names));
        self.images.extend([worst, best]);
    }

    fn asked(&mut self) -> io::Result<()> {
        match &mut self.fails_after {
            Some(0) => {
                self.fails_after = None;
                Err(io::Error::other("the disk is full"))
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Disk for PowerDisk {
    fn write(&mut self, file: &Path, text: &[u8]) -> io::Result<()> {
        self.with(|content| {
            content.asked()?;
            // A file that is written over in place may be found half written.
            content.texts.push((text.to_vec(), None));
            content.names.insert(file.to_owned(), content.texts.len() - 1);
            content.done();
            Ok(())
        })
    }

    fn sync(&mut self, file: &Path) -> io::Result<()> {
        self.with(|content| {
            content.asked()?;
            let index = *content.names.get(file).ok_or(io::ErrorKind::NotFound)?;
            content.texts[index].1 = Some(content.texts[index].0.clone());
            content.done();
            Ok(())
        })
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.with(|content| {
            content.asked()?;
            let index = content.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
            content.names.insert(to.to_owned(), index);
            content.done();
            Ok(())
        })
    }

    fn sync_directory(&mut self, directory: &Path) -> io::Result<()> {
        self.with(|content| {
            content.asked()?;
            content.safe_names.retain(|path, _| path.parent() != Some(directory));
            let synced = content.names.iter().filter(|(path, _)| path.parent() == Some(directory));
            content.safe_names.extend(synced.map(|(path, index)| (path.clone(), *index)));
            content.done();
            Ok(())
        })
    }
}
