//! What is on disk, apart from what the agent has in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use pull_agent_core::saved::{Read, v2};
use pull_agent_core::{BuildEnd, Deployed, DeploymentId, Exit, Hold, Saved};

use super::Kind;

/// The files of the state directory.
#[derive(Debug, Default)]
pub struct Disk {
    /// `state.json`; none before the first save, or when it was unreadable. What is held is not in the file: it is kept
    /// here only to see whether there is something to be saved.
    pub state: Option<Arc<Saved>>,
    /// `holds.json`.
    pub holds: Vec<Hold>,
    /// `deployed.json`.
    pub deployed: Option<Deployed>,
    /// State and `deployed.json` as a loss of power may bring them back; all else here is synced.
    synced: Option<(Arc<Saved>, Option<Deployed>)>,
    /// `steps/`, by the number of the step.
    pub steps: BTreeMap<u64, StepFile>,
    /// Logs there are, by their largest number.
    pub newest_log: u64,
}

/// What a step left behind: that it started, and how it ended.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct StepFile {
    pub kind: Kind,
    pub deployment: DeploymentId,
    /// How it ended; none when nobody got to write it.
    pub result: Option<StepResult>,
}

/// How a step ended.
#[derive(Clone, Debug)]
pub enum StepResult {
    /// With a system, by its number.
    Built(usize),
    /// Without a system.
    NotBuilt(BuildEnd),
    /// A switch or a way back.
    Ended(Exit),
}

/// One file that is written whole.
#[derive(Clone, Debug)]
pub enum Write {
    /// `holds.json`.
    Holds(Vec<Hold>),
    /// `deployed.json`.
    Deployed(Option<Deployed>),
    /// `state.json`.
    State(Arc<Saved>),
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds(held) => write!(f, "saved {} holds", held.len()),
            Self::Deployed(deployed) => write!(f, "saved {deployed:?}"),
            Self::State(saved) => {
                let phase = saved.deployment.as_ref().map(|deployment| &deployment.phase);
                write!(f, "saved {phase:?}")
            }
        }
    }
}

impl Disk {
    /// Sets aside an unreadable state file.
    pub fn lose_state(&mut self) {
        self.state = None;
        self.synced = None;
    }

    /// Syncs the folder: what was written so far outlives the power.
    pub fn sync(&mut self) {
        self.synced = self.state.clone().map(|state| (state, self.deployed.clone()));
    }

    /// Brings back the files that were synced last, as a loss of power may.
    pub fn lose_power(&mut self) {
        if let Some((state, deployed)) = self.synced.clone() {
            (self.state, self.deployed) = (Some(state), deployed);
        }
    }

    /// The files that a save writes, in their order; none when everything is on disk. Holds that are new come before the
    /// state that says why, holds that ended go after it.
    #[must_use]
    pub fn writes(&self, saved: &Arc<Saved>) -> Vec<Write> {
        let ledger = &saved.ledger;
        if self.state.as_ref() == Some(saved) && self.holds == ledger.held {
            return Vec::new();
        }
        let mut all = ledger.held.clone();
        let ended = |old: &&Hold| all.iter().all(|hold| hold.revision != old.revision);
        let ended: Vec<_> = self.holds.iter().filter(ended).cloned().collect();
        all.extend(ended);
        let mut writes = Vec::new();
        let mut holds = &self.holds;
        if ledger.held.iter().any(|hold| !self.holds.contains(hold)) {
            holds = &all;
            writes.push(Write::Holds(all.clone()));
        }
        if self.deployed != ledger.deployed {
            writes.push(Write::Deployed(ledger.deployed.clone()));
        }
        writes.push(Write::State(Arc::clone(saved)));
        if *holds != ledger.held {
            writes.push(Write::Holds(ledger.held.clone()));
        }
        writes
    }

    /// Writes one file.
    pub fn write(&mut self, write: Write) {
        match write {
            Write::Holds(held) => self.holds = held,
            Write::Deployed(deployed) => self.deployed = deployed,
            Write::State(saved) => self.state = Some(saved),
        }
    }

    /// What a start reads: the state as it comes out of the types of the file, with what is held.
    ///
    /// # Panics
    /// When the file did not keep what was saved.
    #[must_use]
    pub fn read(&mut self) -> Option<Arc<Saved>> {
        let mut state = Saved::clone(self.state.as_ref()?);
        state.ledger.held.clear();
        let read = Read::try_from(v2::File::from(&state));
        assert!(
            read.as_ref().is_ok_and(|read| read.left_out.is_empty()),
            "{state:?} was saved, {read:?} was read"
        );
        let mut saved = read.map(|read| read.saved).ok()?;
        assert!(v2::File::from(&saved) == v2::File::from(&state), "{state:?} was saved, {saved:?} was read");
        saved.ledger.held.clone_from(&self.holds);
        self.state = Some(Arc::new(saved));
        self.state.clone()
    }
}
