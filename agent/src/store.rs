//! The state on disk: `state.json`, and `deployed.json` beside it, so that a damaged state does not cost the forward-only
//! test.

use std::io;
use std::path::{Path, PathBuf};

use pull_agent_core::{Deployed, STATE_VERSION, Saved};
use serde::Serialize;

use crate::{clock, durable, lock};

/// The state directory, locked for this process.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    /// What `deployed.json` holds, so that it is written only when it changes.
    deployed: Option<Deployed>,
    _lock: lock::Held,
}

/// Why the state directory cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be made.
    #[error("cannot create the state directory {}", path.display())]
    Create {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its lock cannot be opened or asked for.
    #[error("cannot lock {}", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else holds its lock.
    #[error("another pull-agent works in {}", path.display())]
    Taken {
        /// The directory.
        path: PathBuf,
    },
    /// A file is there but cannot be read; it may be whole, so that it is not put aside.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Why a state could not be written. Nothing is lost: the old file is still there.
#[derive(Debug, thiserror::Error)]
#[error("cannot save {}", path.display())]
pub struct SaveError {
    path: PathBuf,
    source: io::Error,
}

impl Store {
    /// Locks the directory, and reads what is in it.
    ///
    /// A file that is no valid state is kept aside as `<name>.bad-<seconds since 1970>`, and the second value says so: the
    /// agent then adopts what runs.
    ///
    /// # Errors
    /// When the directory cannot be made, locked or read.
    pub fn open(directory: &Path, log_directory: &Path) -> Result<(Self, Saved, Vec<String>), OpenError> {
        fs_err::create_dir_all(directory)
            .map_err(|source| OpenError::Create { path: directory.to_owned(), source })?;
        let lock = take_lock(directory)?;
        let mut warnings = Vec::new();
        let saved: Option<Saved> = read(directory, "state.json", &mut warnings)?;
        let deployed: Option<Deployed> = read(directory, "deployed.json", &mut warnings)?;
        let mut saved = saved.unwrap_or_else(|| fresh(log_directory));
        if saved.deployed.is_none() && deployed.is_some() {
            warnings.push("the last deployed revision was taken from deployed.json".to_owned());
            saved.deployed.clone_from(&deployed);
        }
        Ok((Self { directory: directory.to_owned(), deployed, _lock: lock }, saved, warnings))
    }

    /// Writes the state durably.
    ///
    /// # Errors
    /// When any step fails; the files are then as before, or the newer ones.
    pub fn save(&mut self, saved: &Saved) -> Result<(), SaveError> {
        if self.deployed != saved.deployed {
            if let Some(deployed) = &saved.deployed {
                self.write("deployed.json", deployed)?;
            }
            self.deployed.clone_from(&saved.deployed);
        }
        self.write("state.json", saved)
    }

    fn write(&self, name: &str, value: &impl Serialize) -> Result<(), SaveError> {
        let path = self.directory.join(name);
        durable::write(&path, value).map_err(|source| SaveError { path, source })
    }
}

fn take_lock(directory: &Path) -> Result<lock::Held, OpenError> {
    let path = directory.join("lock");
    match lock::attempt(&path) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(OpenError::Taken { path: directory.to_owned() }),
        Err(source) => Err(OpenError::Lock { path, source }),
    }
}

/// The state of an agent that knows nothing. Its numbers are none that an earlier agent on this host can have used: the logs
/// of that one stay readable, and what its steps left behind is no answer to a step of this one.
fn fresh(log_directory: &Path) -> Saved {
    let logs = std::fs::read_dir(log_directory).into_iter().flatten().flatten();
    let used =
        logs.filter_map(|log| log.path().file_stem()?.to_str()?.parse::<u64>().ok()).max().unwrap_or(0);
    Saved { next_deployment: used + 1, next_attempt: clock::wall().0, ..Saved::default() }
}

/// Reads one file; what is no valid value is put aside with a warning.
fn read<T: serde::de::DeserializeOwned>(
    directory: &Path,
    name: &str,
    warnings: &mut Vec<String>,
) -> Result<Option<T>, OpenError> {
    let path = directory.join(name);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(OpenError::Read { path, source }),
    };
    let problem = match parse(&text) {
        Ok(value) => return Ok(Some(value)),
        Err(problem) => problem,
    };
    let aside = aside(directory, name);
    match std::fs::rename(&path, &aside) {
        Ok(()) => {
            warnings.push(format!("{name} was unreadable ({problem}) and is kept as {}", aside.display()))
        }
        Err(error) => {
            warnings.push(format!("{name} is unreadable ({problem}) and cannot be kept aside: {error}"))
        }
    }
    Ok(None)
}

/// Where a bad file is kept: a name that no other one has.
fn aside(directory: &Path, name: &str) -> PathBuf {
    let first = directory.join(format!("{name}.bad-{}", clock::wall().0 / 1000));
    let more = (2..).map(|number| first.with_added_extension(number.to_string()));
    std::iter::once(first.clone()).chain(more).find(|path| !path.exists()).unwrap_or(first)
}

fn parse<T: serde::de::DeserializeOwned>(text: &[u8]) -> Result<T, String> {
    #[derive(serde::Deserialize)]
    struct Version {
        version: Option<u32>,
    }
    let Version { version } = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    match version {
        Some(version) if version > STATE_VERSION => {
            Err(format!("it has version {version}, this program knows up to {STATE_VERSION}"))
        }
        _ => serde_json::from_slice(text).map_err(|error| error.to_string()),
    }
}
