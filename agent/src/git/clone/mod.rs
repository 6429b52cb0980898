//! The agent's own clone on disk: `<repository>/.git`, shallow, without files of a work tree, marked as ours. A new one
//! is made beside it and put in its place by one rename, so there is never half a clone, and a reader never sees none.
//! Never touches a repository without the mark.

mod ancestry;
mod commit;
mod connectivity;
mod durable;
mod error;
mod known;
mod line;
mod lock;
mod proof;
mod refs;
mod sweep;

use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use fs_err as fs;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use serde::{Deserialize, Serialize};

pub use ancestry::is_ancestor;
pub(super) use ancestry::{
    Relation, beyond, boundary, contained, contained_since, has_commit, object_id, relation,
};
pub(super) use commit::{Commit, find_commit, find_with_text};
pub(super) use connectivity::{Since, check_complete};
pub(super) use durable::Files;
pub use error::CloneError;
pub(super) use known::{Known, now};
pub(super) use line::{OnLine, line};
pub(super) use lock::take_lock;
pub(super) use proof::{Commits, MOST_GENERATIONS, Proof, history, prove};
pub(super) use refs::{branch_tip, set_refs};
pub use sweep::sweep;
pub(super) use sweep::sweep_locked;

use super::gix_error;

/// Folder of the repository within the folder that nix is given.
const GIT_DIR: &str = ".git";
/// A clone in the making, and one that was replaced.
const NEW: &str = ".git.new";
/// Commits for a question about a clone, which may itself be in the making.
const BESIDE: &str = ".git.beside";
/// Says that a repository is ours, and of which remote.
const MARKER: &str = "pull-agent.json";
/// Ends of the history while a fetch is going on; becomes the file `shallow` when it was good.
pub(super) const SHALLOW_NEXT: &str = "pull-agent.shallow";
/// Form of the marker.
const MARKER_VERSION: u32 = 1;

/// A repository that this program made.
#[derive(Debug)]
pub(super) struct Clone {
    pub(super) git_dir: PathBuf,
}

/// What lies at the place of the clone.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// A clone of this URL.
    Clone(Clone),
    /// A clone that has to be made anew, and why.
    Unusable(String),
}

#[derive(Serialize, Deserialize)]
struct Marker {
    version: u32,
    url: String,
}

/// Looks at the place of the clone.
///
/// # Errors
/// When something lies there that is not ours, or belongs to somebody else.
pub(super) fn find(repository: &Path, url: &str) -> Result<Found, CloneError> {
    let git_dir = repository.join(GIT_DIR);
    let metadata = match fs::symlink_metadata(&git_dir) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(source) => return Err(CloneError::io("looking at", &git_dir)(source)),
    };
    let user = nix::unistd::geteuid().as_raw();
    if metadata.uid() != user {
        return Err(CloneError::Owner { path: git_dir, owner: metadata.uid(), user });
    }
    let marker = match fs::read(git_dir.join(MARKER)) {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(CloneError::Foreign { path: git_dir });
        }
        Err(source) => return Err(CloneError::io("reading", &git_dir.join(MARKER))(source)),
    };
    Ok(match serde_json::from_slice::<Marker>(&marker) {
        Ok(marker) if marker.version != MARKER_VERSION => Found::Unusable(format!(
            "it has form {}, this program makes form {MARKER_VERSION}",
            marker.version
        )),
        Ok(marker) if marker.url != url => Found::Unusable("source.url has changed".to_owned()),
        // gitoxide makes do without it; for git and nix it is no repository then.
        Ok(_) if !has_head(&git_dir) => Found::Unusable("its HEAD cannot be read".to_owned()),
        Ok(_) => Found::Clone(Clone { git_dir }),
        Err(error) => Found::Unusable(format!("its marker cannot be read: {error}")),
    })
}

/// Whether HEAD names a branch, as it does since the clone was made, or a commit (gitrepository-layout(5)).
fn has_head(git_dir: &Path) -> bool {
    let head = fs::read_to_string(git_dir.join("HEAD")).unwrap_or_default();
    let head = head.trim_end();
    let branch = head.strip_prefix("ref: refs/heads/");
    branch.is_some_and(|name| !name.is_empty()) || gix::ObjectId::from_hex(head.as_bytes()).is_ok()
}

impl Clone {
    /// Makes an empty clone beside the place of the clone, to be put there. The lock must be held.
    pub(super) fn make(repository: &Path, url: &str) -> Result<Self, CloneError> {
        Self::make_in(repository.join(NEW), url)
    }

    /// Makes an empty clone that never becomes the clone. The lock must be held.
    pub(super) fn make_beside(repository: &Path, url: &str) -> Result<Self, CloneError> {
        Self::make_in(repository.join(BESIDE), url)
    }

    fn make_in(git_dir: PathBuf, url: &str) -> Result<Self, CloneError> {
        remove_tree(&git_dir)?;
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&git_dir)
            .map_err(CloneError::io("creating", &git_dir))?;
        gix::ThreadSafeRepository::init_opts(
            &git_dir,
            gix::create::Kind::Bare,
            gix::create::Options::default(),
            gix::open::Options::isolated(),
        )
        .map_err(|error| damaged(&git_dir, &error))?;
        // Samples and words that nobody reads.
        for name in ["hooks", "info"] {
            remove_tree(&git_dir.join(name))?;
        }
        let description = git_dir.join("description");
        fs::remove_file(&description).map_err(CloneError::io("removing", &description))?;
        let marker = Marker { version: MARKER_VERSION, url: url.to_owned() };
        let marker = serde_json::to_vec(&marker).map_err(std::io::Error::other);
        let path = git_dir.join(MARKER);
        marker.and_then(|bytes| fs::write(&path, bytes)).map_err(CloneError::io("writing", &path))?;
        Ok(Self { git_dir })
    }

    /// Opens the repository, without any configuration but its own. Never kept: one that is open for long runs out of
    /// slots for packs.
    pub(super) fn open(&self) -> Result<gix::Repository, CloneError> {
        // gitoxide opens a repository without it, and then cannot write a pack.
        if !self.pack_dir().is_dir() {
            let reason = "its folder of packs is missing".to_owned();
            return Err(CloneError::Damaged { path: self.git_dir.clone(), reason });
        }
        gix::open_opts(&self.git_dir, gix::open::Options::isolated())
            .map_err(|error| damaged(&self.git_dir, &error))
    }

    /// Puts a clone made beside it in the place of the clone, and removes what was there.
    pub(super) fn move_in(self, repository: &Path) -> Result<Self, CloneError> {
        let place = repository.join(GIT_DIR);
        durable::sync_tree(&self.git_dir)?;
        let exchange = place.exists();
        if exchange {
            renameat2(AT_FDCWD, &self.git_dir, AT_FDCWD, &place, RenameFlags::RENAME_EXCHANGE)
                .map_err(|errno| CloneError::io("replacing", &place)(errno.into()))?;
        } else {
            fs::rename(&self.git_dir, &place).map_err(CloneError::io("creating", &place))?;
        }
        durable::sync_dir(repository)?;
        if exchange {
            remove_tree(&self.git_dir)?;
        }
        Ok(Self { git_dir: place })
    }

    /// Removes it; for one that was made beside the clone and is not put in its place.
    pub(super) fn remove(self) -> Result<(), CloneError> {
        remove_tree(&self.git_dir)
    }

    /// What the repository is made of now.
    pub(super) fn files(&self) -> Result<Files, CloneError> {
        Files::below(&self.git_dir)
    }

    /// Makes everything of the repository that has changed since then survive a power cut.
    pub(super) fn sync_changes(&self, since: &Files) -> Result<(), CloneError> {
        since.sync_changes(&self.git_dir)
    }

    /// Where packs are written.
    pub(super) fn pack_dir(&self) -> PathBuf {
        self.git_dir.join("objects/pack")
    }

    /// How many packs there are; each fetch adds one, and nothing ever joins them.
    pub(super) fn packs(&self) -> Result<usize, CloneError> {
        let dir = self.pack_dir();
        let entries = fs::read_dir(&dir).map_err(CloneError::io("reading", &dir))?;
        Ok(entries.flatten().filter(|entry| entry.path().extension().is_some_and(|e| e == "pack")).count())
    }
}

/// An error of gitoxide about our own files.
fn damaged(git_dir: &Path, error: &gix::Error) -> CloneError {
    CloneError::Damaged { path: git_dir.to_owned(), reason: gix_error::chain(error) }
}

fn remove_tree(path: &Path) -> Result<(), CloneError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(CloneError::io("removing", path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}
