//! What both lanes go by, and what they leave behind: numbers, the last confirmed deployment, holds, the pause, the history.
//! All of it is saved.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pull_agent_protocol::Outcome;

use crate::candidate::Candidate;
use crate::cause::ReasonCode;
use crate::id::{DeploymentId, Revision, StepNumber, SystemPath};
use crate::policy::MOST_HOLDS;
use crate::record::{Record, Totals};
use crate::time::Wall;

/// The saved memory of the host beside its two lanes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// From 1; zero in a state without numbers, for which the driver finds unused ones.
    pub next_deployment: u64,
    /// Number of the next try of a step that touches the host.
    pub next_step: u64,
    /// The last confirmed deployment.
    pub deployed: Option<Deployed>,
    /// Revisions that are not tried again by themselves, oldest first.
    pub held: Vec<Hold>,
    /// None when the operator has paused nothing.
    pub paused: Option<Pause>,
    /// Deployments that ended, oldest first. Shared, as the totals are: a state is copied and compared with each save, and these
    /// are long and seldom change.
    pub history: Arc<Vec<Record>>,
    /// For the metrics: what the history has forgotten too.
    pub totals: Arc<Totals>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            next_deployment: 1,
            next_step: 1,
            deployed: None,
            held: Vec::new(),
            paused: None,
            history: Arc::default(),
            totals: Arc::default(),
        }
    }
}

/// The last confirmed deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Deployed {
    /// Its revision: what every later one must descend from.
    pub revision: Revision,
    pub system: SystemPath,
    /// When it was confirmed.
    pub at: Wall,
    /// Whether it was compared with an earlier one; false for the first and for one that the operator accepted.
    pub compared: bool,
}

/// A revision that is not tried again by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Hold {
    pub revision: Revision,
    /// The sentence for the operator. A sentence and not a [`crate::Cause`], for holds are read by every version.
    pub reason: String,
    /// Its word; none in a file of a version that knew no words.
    pub code: Option<ReasonCode>,
    /// When the deployment ended that it is held for.
    pub since: Wall,
}

/// The operator's word that nothing new is to be activated.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Pause {
    pub since: Wall,
    /// When it ends by itself.
    pub until: Option<Wall>,
    /// The operator's words.
    pub reason: Option<String>,
    /// The operator's name.
    pub by: String,
}

impl Ledger {
    /// The revision that every later one must descend from.
    pub(crate) fn base(&self) -> Option<&Revision> {
        self.deployed.as_ref().map(|deployed| &deployed.revision)
    }

    pub(crate) fn is_held(&self, revision: &Revision) -> bool {
        self.held.iter().any(|hold| hold.revision == *revision)
    }

    /// The newest deployment that had this path.
    pub(crate) fn record_of(&self, system: &SystemPath) -> Option<&Record> {
        self.history.iter().rev().find(|record| record.system.as_ref() == Some(system))
    }

    /// Number of the next try of a step.
    pub(crate) const fn take_step(&mut self) -> StepNumber {
        let step = StepNumber(self.next_step);
        self.next_step = self.next_step.saturating_add(1);
        step
    }

    pub(crate) const fn take_deployment(&mut self) -> DeploymentId {
        let id = DeploymentId(self.next_deployment);
        self.next_deployment = self.next_deployment.saturating_add(1);
        id
    }

    /// The candidate is what runs and is well. Its own hold ends, and that of every revision that it descends from.
    pub(crate) fn confirm(&mut self, candidate: &Candidate, system: SystemPath, at: Wall) {
        let (revision, compared) = (candidate.revision.clone(), candidate.is_descendant());
        self.held.retain(|hold| hold.revision != revision && !candidate.contains().contains(&hold.revision));
        self.deployed = Some(Deployed { revision, system, at, compared });
    }

    /// Does not try the revision of this deployment again. A hold outlives the record that it follows from.
    pub(crate) fn hold(&mut self, record: &Record) {
        self.held.retain(|hold| hold.revision != record.revision);
        self.held.push(Hold::of(record));
        let surplus = self.held.len().saturating_sub(MOST_HOLDS);
        self.held.drain(..surplus);
    }

    /// Writes a deployment that ended into the history, and returns those that fell out of it.
    pub(crate) fn record(&mut self, record: Record, most: usize) -> Vec<DeploymentId> {
        Arc::make_mut(&mut self.totals).add(record.outcome, record.finished_at, &record.durations);
        let history = Arc::make_mut(&mut self.history);
        history.push(record);
        let surplus = history.len().saturating_sub(most.max(1));
        history.drain(..surplus).map(|record| record.id).collect()
    }
}

/// Whether a deployment that ended so is what the host runs.
pub(crate) const fn is_confirmed(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Deployed | Outcome::Degraded | Outcome::Unchanged => true,
        Outcome::Failed | Outcome::RolledBack | Outcome::Superseded | Outcome::Broken => false,
    }
}
