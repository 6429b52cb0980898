//! What is on disk, apart from what the agent has in memory.

use std::collections::BTreeMap;

use pull_agent_core::{Deployed, DeploymentId, Exit, FailureClass, Saved};

use super::Kind;

/// The files of the state directory. What is here was synced.
#[derive(Debug, Default)]
pub struct Disk {
    /// `state.json`; none before the first save, or when it was unreadable.
    pub state: Option<Saved>,
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

impl Disk {
    /// Sets aside an unreadable state file.
    pub fn lose_state(&mut self) {
        self.state = None;
    }
}
