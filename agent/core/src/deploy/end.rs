//! How a deployment ends: each end with what it must know, so that none is without the system it is about.

use pull_agent_protocol::{Outcome, Phase as PhaseName};

use super::{Built, Deployment};
use crate::cause::Cause;
use crate::record::Record;
use crate::time::Wall;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Activated, and every probe passed.
    Deployed(Built),
    /// Activated, and kept although something is wrong.
    Degraded { built: Built, phase: PhaseName, cause: Cause },
    /// What was built ran already.
    Unchanged(Built),
    /// Nothing was activated.
    Failed { built: Option<Built>, phase: PhaseName, cause: Cause },
    /// The recorded system runs again.
    RolledBack { built: Built, failed_in: PhaseName, cause: Cause },
    /// It is not wanted any more, and nothing was activated.
    Superseded { built: Option<Built>, cause: Cause },
    /// The way back failed.
    Broken { built: Built, failed_in: PhaseName, cause: Cause },
}

/// A deployment and its end.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) deployment: Deployment,
    pub(crate) end: End,
}

impl Ended {
    /// The line in the history, and what is confirmed by it.
    pub(crate) fn record(self, finished_at: Wall) -> (Record, Option<Built>) {
        let Self { deployment, end } = self;
        let (outcome, built, phase, cause) = match end {
            End::Deployed(built) => (Outcome::Deployed, Some(built), None, None),
            End::Degraded { built, phase, cause } => {
                (Outcome::Degraded, Some(built), Some(phase), Some(cause))
            }
            End::Unchanged(built) => (Outcome::Unchanged, Some(built), None, None),
            End::Failed { built, phase, cause } => (Outcome::Failed, built, Some(phase), Some(cause)),
            End::RolledBack { built, failed_in, cause } => {
                (Outcome::RolledBack, Some(built), Some(failed_in), Some(cause))
            }
            End::Superseded { built, cause } => (Outcome::Superseded, built, None, Some(cause)),
            End::Broken { built, failed_in, cause } => {
                (Outcome::Broken, Some(built), Some(failed_in), Some(cause))
            }
        };
        let confirmed = built.clone().filter(|_| crate::ledger::is_confirmed(outcome));
        let (system, previous) = built.map(|Built { system, previous }| (system, previous)).unzip();
        let record = Record {
            id: deployment.id,
            revision: deployment.candidate.revision,
            subject: deployment.candidate.subject.unwrap_or_default(),
            trigger: deployment.candidate.trigger,
            started_at: deployment.started_at,
            finished_at,
            durations: deployment.durations,
            outcome,
            phase,
            cause,
            previous,
            system,
        };
        (record, confirmed)
    }
}
