//! What is on disk, apart from what the agent has in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use pull_agent_core::saved::{Read, v2};
use pull_agent_core::{Deployed, DeploymentId, Exit, FailureClass, Hold, Saved};

use super::Kind;

/// The files of the state directory. What is here was synced.
#[derive(Debug, Default)]
pub struct Disk {
    /// `state.json`; none before the first save, or when it was unreadable. What is held is not in the file: it is kept
    /// here only to see whether there is something to be saved.
    pub state: Option<Arc<Saved>>,
    /// `holds.json`.
    pub holds: Vec<Hold>,
    /// `deployed.json`.
    pub deployed: Option<Deployed>,
    /// `steps/`, by the number of the attempt.
    pub steps: BTreeMap<u64, StepFile>,
    /// Logs there are, by their largest number.
    pub newest_log: u64,
}

/// What a step left behind: that it started, and how it ended.
#[derive(Clone, Debug)]
pub struct StepFile {
    /// Which step.
    pub kind: Kind,
    /// Of which deployment.
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
    NotBuilt(FailureClass),
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
                let phase = saved.current.as_ref().map(|current| &current.phase);
                write!(f, "saved {phase:?}")
            }
        }
    }
}

impl Disk {
    /// Sets aside an unreadable state file.
    pub fn lose_state(&mut self) {
        self.state = None;
    }

    /// The files that a save writes, in their order; none when everything is on disk. Holds that are new come before the
    /// state that says why, holds that ended go after it.
    #[must_use]
    pub fn writes(&self, saved: &Arc<Saved>) -> Vec<Write> {
        if self.state.as_ref() == Some(saved) && self.holds == saved.held {
            return Vec::new();
        }
        let mut all = saved.held.clone();
        let ended = |old: &&Hold| all.iter().all(|hold| hold.revision != old.revision);
        let ended: Vec<_> = self.holds.iter().filter(ended).cloned().collect();
        all.extend(ended);
        let mut writes = Vec::new();
        let mut holds = &self.holds;
        if saved.held.iter().any(|hold| !self.holds.contains(hold)) {
            holds = &all;
            writes.push(Write::Holds(all.clone()));
        }
        if self.deployed != saved.deployed {
            writes.push(Write::Deployed(saved.deployed.clone()));
        }
        writes.push(Write::State(Arc::clone(saved)));
        if *holds != saved.held {
            writes.push(Write::Holds(saved.held.clone()));
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
        let state = Saved { held: Vec::new(), ..Saved::clone(self.state.as_ref()?) };
        let read = Read::try_from(v2::File::from(&state));
        let whole = matches!(&read, Ok(Read { saved, left_out }) if *saved == state && left_out.is_empty());
        assert!(whole, "{state:?} was saved, {read:?} was read");
        self.state = Some(Arc::new(Saved { held: self.holds.clone(), ..state }));
        self.state.clone()
    }
}
