//! The state on disk: `state.json`, and beside it what must outlive a state that is damaged or that an older program wrote:
//! `deployed.json`, for the forward-only test, and `holds.json`, so that no bad revision is tried again.

mod clean;
mod error;
mod read;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use pull_agent_core::saved::{LARGEST_NUMBER, deployed, holds, v2};
use pull_agent_core::{Deployed, Hold, Ledger, Outlives, Saved};
use serde::{Deserialize, Serialize};

pub use error::{OpenError, SaveError};
use read::{DEPLOYED, HOLDS, STATE, join};

use crate::durable::{self, Disk, RealDisk};
use crate::{clock, lock};

/// The state directory, locked for this process.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    /// What `deployed.json` holds, so that it is written only when it changes.
    deployed: Option<Deployed>,
    /// What `holds.json` holds, or more: after a save that failed it may be the older or the newer list.
    held: Vec<Hold>,
    /// Whether it is known to hold exactly that.
    held_is_certain: bool,
    disk: Box<dyn Disk>,
    _lock: lock::Held,
}

impl Store {
    /// Locks the directory, and reads what is in it.
    ///
    /// A file that cannot be understood is kept aside as `<name>.bad-<seconds since 1970>`, and the second value says so:
    /// without a state the agent then adopts what runs.
    ///
    /// # Errors
    /// When the directory cannot be made, locked or read.
    pub fn open(directory: &Path, log_directory: &Path) -> Result<(Self, Saved, Vec<String>), OpenError> {
        Self::open_on(Box::new(RealDisk::default()), directory, log_directory)
    }

    fn open_on(
        disk: Box<dyn Disk>,
        directory: &Path,
        log_directory: &Path,
    ) -> Result<(Self, Saved, Vec<String>), OpenError> {
        fs_err::create_dir_all(directory)
            .map_err(|source| OpenError::Create { path: directory.to_owned(), source })?;
        let lock = take_lock(directory)?;
        let mut warnings = Vec::new();
        let read::Found { state, deployed, held, holds_file } = read::read(directory, &mut warnings)?;
        let mut saved = state.unwrap_or_else(|| {
            let without_numbers = Ledger { next_deployment: 0, next_step: 0, ..Ledger::default() };
            Saved { ledger: without_numbers, ..Saved::default() }
        });
        number_anew(&mut saved.ledger, directory, log_directory);
        if saved.ledger.deployed.is_none() && deployed.is_some() {
            warnings.push("the last deployed revision was taken from deployed.json".to_owned());
            saved.ledger.deployed.clone_from(&deployed);
        }
        saved.ledger.held = held;
        let store = Self {
            directory: directory.to_owned(),
            deployed,
            held_is_certain: holds_file.is_some(),
            held: holds_file.unwrap_or_default(),
            disk,
            _lock: lock,
        };
        Ok((store, saved, warnings))
    }

    /// Writes the state, to outlive this. What is held from now on is on the disk before the state that says why, and what is not
    /// held any more goes after it: whatever survives of a save, no bad revision is tried again.
    ///
    /// # Errors
    /// When any step fails; each file is then as before, or the newer one. Trying again is safe.
    pub fn save(&mut self, saved: &Saved, outlives: Outlives) -> Result<(), SaveError> {
        let Ledger { held, deployed, .. } = &saved.ledger;
        let mut all = held.clone();
        join(&mut all, &self.held);
        if !self.held_is_certain || held.iter().any(|hold| !self.held.contains(hold)) {
            self.write_held(all)?;
        }
        if self.deployed != *deployed {
            if let Some(deployed) = deployed {
                // Its name comes on the disk with that of the state.
                self.write(DEPLOYED, &deployed::Deployed::from(deployed), Outlives::Process)?;
            }
            self.deployed.clone_from(deployed);
        }
        let holds_end = self.held != *held;
        self.write(STATE, &v2::File::from(saved), if holds_end { Outlives::Power } else { outlives })?;
        if holds_end {
            self.write_held(held.clone())?;
        }
        Ok(())
    }

    fn write_held(&mut self, held: Vec<Hold>) -> Result<(), SaveError> {
        self.held_is_certain = false;
        self.write(HOLDS, &holds::Written::from(held.as_slice()), Outlives::Power)?;
        self.held = held;
        self.held_is_certain = true;
        Ok(())
    }

    fn write(&mut self, name: &str, value: &impl Serialize, outlives: Outlives) -> Result<(), SaveError> {
        let path = self.directory.join(name);
        let written = match outlives {
            Outlives::Process => durable::replace_on(&mut *self.disk, &path, value),
            Outlives::Power => durable::write_on(&mut *self.disk, &path, value),
        };
        written.map_err(|source| SaveError { path, source })
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

/// Gives a state without numbers such as no earlier agent on this host can have used: the logs of that one stay readable,
/// and what its steps left behind is no answer to a step of this one.
fn number_anew(ledger: &mut Ledger, directory: &Path, log_directory: &Path) {
    if ledger.next_deployment == 0 {
        let log = |path: PathBuf| path.file_stem()?.to_str()?.parse::<u64>().ok();
        let used = paths(log_directory).filter_map(log).filter(can_be_used).max().unwrap_or(0);
        ledger.next_deployment = used.saturating_add(1);
    }
    if ledger.next_step == 0 {
        // The clock alone would do, were it never set back.
        let steps = directory.join("steps");
        let used = paths(&steps).filter_map(step_number).filter(can_be_used).max().unwrap_or(0);
        ledger.next_step = clock::wall().0.max(used.saturating_add(1));
    }
}

/// Whether the number after this one would be read back.
const fn can_be_used(number: &u64) -> bool {
    *number < LARGEST_NUMBER
}

/// The number of the step that a file is about.
fn step_number(file: PathBuf) -> Option<u64> {
    file.extension().filter(|extension| *extension == "json")?;
    #[derive(Deserialize)]
    struct Numbered {
        #[serde(rename = "attempt")]
        number: u64,
    }
    let text = std::fs::read(file).ok()?;
    serde_json::from_slice::<Numbered>(&text).ok().map(|step| step.number)
}

fn paths(directory: &Path) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}
