//! What becomes of one revision on this host: the first of many things that may be true of it at once, in the order in which
//! they count. The clone's word on who descends from whom is an argument.

use alloc::string::String;

use pull_agent_protocol::Outcome;

use crate::cause::{Cause, Consequence};
use crate::id::{DeploymentId, Revision};
use crate::ledger::is_confirmed;
use crate::record::Record;
use crate::state::State;
use crate::verdict::VerdictKind;

/// Where a revision stands to others, by the commits in the clone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinship {
    /// It is [`State::confirmed`], or an ancestor of that.
    pub within_confirmed: bool,
    /// It is an ancestor of [`State::wanted`].
    pub within_wanted: bool,
}

/// What becomes of a revision. Those further up count before those further down.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Fate {
    /// It runs, or a descendant of it does.
    Runs {
        /// What runs, where it is another revision.
        descendant: Option<Revision>,
    },
    /// It is not tried again by itself.
    Held {
        /// The sentence for the operator.
        reason: String,
    },
    /// Its last deployment went wrong, and it is not wanted any more.
    Failed {
        outcome: Outcome,
        /// The sentence for the operator, where there is one.
        reason: Option<String>,
    },
    /// It is the tip, and no descendant of what is deployed, or not signed as it should be.
    Refused {
        /// The sentence for the operator.
        reason: String,
    },
    /// It is the tip, and a check ended in anything but success; a new run may change that.
    Red {
        /// The sentence for the operator.
        detail: String,
    },
    /// It is the tip, and its pull request is green, but not provably of its tree.
    Unproven {
        /// The sentence for the operator.
        detail: String,
    },
    InDeployment,
    /// A newer revision took its place.
    Overtaken,
    /// It is the tip, or the green commit that is deployed in its stead, and waits for its verdict or its turn.
    Waits,
    /// It ran once, and does not any more.
    Former {
        /// The last one that had it.
        deployment: DeploymentId,
        /// How that ended.
        outcome: Outcome,
    },
    /// This host has not seen it.
    Unknown,
}

impl Fate {
    /// Whether waiting for another fate is for nothing as things stand.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        match self {
            Self::Runs { .. }
            | Self::Held { .. }
            | Self::Failed { .. }
            | Self::Refused { .. }
            | Self::Unproven { .. }
            | Self::Overtaken
            | Self::Former { .. } => true,
            Self::Red { .. } | Self::InDeployment | Self::Waits | Self::Unknown => false,
        }
    }
}

impl State {
    /// The revision of what runs, if that was confirmed: what is left of a deployment whose way back failed does not count.
    #[must_use]
    pub fn confirmed(&self) -> Option<&Revision> {
        let deployed = self.ledger.deployed.as_ref().filter(|deployed| self.host.runs(&deployed.system));
        deployed.map(|deployed| &deployed.revision).or_else(|| {
            let activated = |it: &&Record| it.outcome != Outcome::Superseded && self.ran(it);
            let record = self.ledger.history.iter().rev().find(activated)?;
            is_confirmed(record.outcome).then_some(&record.revision)
        })
    }

    fn ran(&self, record: &Record) -> bool {
        record.system.as_ref().is_some_and(|system| self.host.runs(system))
    }

    /// The newest deployment of a revision that ended.
    #[must_use]
    pub fn last_record(&self, revision: &Revision) -> Option<&Record> {
        self.ledger.history.iter().rev().find(|record| record.revision == *revision)
    }

    /// What becomes of a revision.
    #[must_use]
    pub fn fate(&self, revision: &Revision, kinship: Kinship) -> Fate {
        let tip = self.wanted().filter(|tip| tip.revision == *revision);
        let in_deployment =
            self.deployment().is_some_and(|deployment| deployment.candidate.revision == *revision);
        let record = self.last_record(revision);
        // A second try of what runs already is decided only when that is confirmed.
        if kinship.within_confirmed && !in_deployment {
            let runs = self.confirmed().filter(|confirmed| *confirmed != revision);
            return Fate::Runs { descendant: runs.cloned() };
        }
        if let Some(hold) = self.ledger.held.iter().find(|hold| hold.revision == *revision) {
            return Fate::Held { reason: hold.reason.clone() };
        }
        // While it is wanted or tried again its last failure decides nothing.
        if let Some(record) = record.filter(|it| went_wrong(it) && tip.is_none() && !in_deployment) {
            return Fate::Failed {
                outcome: record.outcome,
                reason: record.cause.as_ref().map(Cause::sentence),
            };
        }
        if let Some(refusal) = tip.and_then(|tip| tip.refusal()) {
            return Fate::Refused { reason: refusal.reason.clone() };
        }
        let verdict = tip.and_then(|tip| tip.verdict());
        let with = |kind: VerdictKind| verdict.filter(|verdict| verdict.kind == kind);
        if let Some(red) = with(VerdictKind::Red) {
            return Fate::Red { detail: red.detail.clone() };
        }
        if let Some(unproven) = with(VerdictKind::Unproven) {
            return Fate::Unproven { detail: unproven.detail.clone() };
        }
        if in_deployment {
            return Fate::InDeployment;
        }
        if tip.is_some() || self.older().is_some_and(|older| older.revision == *revision) {
            return Fate::Waits;
        }
        match record {
            _ if kinship.within_wanted => Fate::Overtaken,
            Some(record) if record.outcome == Outcome::Superseded => Fate::Overtaken,
            Some(record) => Fate::Former { deployment: record.id, outcome: record.outcome },
            None => Fate::Unknown,
        }
    }
}

/// Whether a deployment went wrong in a way that says something against its revision. What may pass (a network, a full
/// disk) does not: it is tried again as long as it is wanted.
fn went_wrong(record: &Record) -> bool {
    match record.outcome {
        Outcome::Failed => {
            record.cause.as_ref().map_or(Consequence::Hold, Cause::consequence) == Consequence::Hold
        }
        Outcome::RolledBack | Outcome::Broken => true,
        Outcome::Deployed | Outcome::Degraded | Outcome::Unchanged | Outcome::Superseded => false,
    }
}
