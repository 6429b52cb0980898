//! From the core into the file.

use alloc::borrow::ToOwned;
use alloc::string::String;

use pull_agent_protocol as wire;

use super::{
    Branch, Built, Candidate, Cause, Comparison, Deployment, Durations, File, Outcome, OutcomeTotal, Pause,
    Phase, PhaseName, PhaseTotal, Record, Refusal, Totals, Tried, Tries, Trigger,
};
use crate::id::{Revision, SystemPath};
use crate::saved::VERSION;
use crate::state::Saved;
use crate::time::{Millis, Wall};
use crate::{candidate, cause, deploy, follow, ledger, record};

/// The oldest version whose reader understands what is written here.
const MIN_READER: u32 = 2;

impl From<&Saved> for File {
    fn from(saved: &Saved) -> Self {
        let Saved { ledger, branch, deployment } = saved;
        // What is held is written to a file of its own.
        let ledger::Ledger { next_deployment, next_step, deployed, held: _, paused, history, totals } =
            ledger;
        Self {
            version: VERSION,
            min_reader: MIN_READER,
            next_deployment: *next_deployment,
            next_step: *next_step,
            deployed: deployed.as_ref().map(Into::into),
            deployment: deployment.as_ref().map(Into::into),
            branch: branch.into(),
            paused: paused.as_ref().map(Into::into),
            history: history.iter().map(Into::into).collect(),
            totals: (&**totals).into(),
        }
    }
}

fn digits(revision: &Revision) -> String {
    revision.as_str().to_owned()
}

fn path(system: &SystemPath) -> String {
    system.as_str().to_owned()
}

fn moment(at: Option<Wall>) -> Option<u64> {
    at.map(|at| at.0)
}

impl From<&follow::Branch> for Branch {
    fn from(branch: &follow::Branch) -> Self {
        let follow::Branch { tip, leave, behind_since, not_green_since, tried } = branch;
        Self {
            tip: tip.as_ref().map(Into::into),
            leave: leave.as_ref().map(digits),
            behind_since: moment(*behind_since),
            not_green_since: moment(*not_green_since),
            tried: tried
                .entries()
                .map(|(revision, tries)| Tried { revision: digits(revision), tries: tries.into() })
                .collect(),
        }
    }
}

impl From<&candidate::Candidate> for Candidate {
    fn from(candidate: &candidate::Candidate) -> Self {
        let candidate::Candidate {
            revision,
            trigger,
            subject,
            author,
            seen_at,
            passed_at,
            ancestry,
            leave,
            tries,
            fetched: _,
            judged: _,
            retry_at: _,
        } = candidate;
        Self {
            revision: digits(revision),
            trigger: (*trigger).into(),
            subject: subject.clone(),
            author: author.clone(),
            seen_at: seen_at.0,
            passed_at: moment(*passed_at),
            ancestry: ancestry.as_ref().map(Into::into),
            leave: *leave,
            tries: (*tries).into(),
        }
    }
}

impl From<&candidate::Comparison> for Comparison {
    fn from(comparison: &candidate::Comparison) -> Self {
        let candidate::Comparison { with, no_descendant, untrusted, contains } = comparison;
        let written = |refusal: &candidate::WhyRefused| {
            let candidate::WhyRefused { reason, since } = refusal;
            Refusal { reason: reason.clone(), since: since.0 }
        };
        Self {
            with: with.as_ref().map(digits),
            refusal: no_descendant.as_ref().map(written),
            untrusted: untrusted.as_ref().map(written),
            contains: contains.iter().map(digits).collect(),
        }
    }
}

impl From<candidate::Tries> for Tries {
    fn from(tries: candidate::Tries) -> Self {
        let candidate::Tries { transient, hard } = tries;
        Self { transient, hard }
    }
}

impl From<&ledger::Pause> for Pause {
    fn from(pause: &ledger::Pause) -> Self {
        let ledger::Pause { since, until, reason, by } = pause;
        Self { since: since.0, until: moment(*until), reason: reason.clone(), by: by.clone() }
    }
}

impl From<&deploy::Deployment> for Deployment {
    fn from(deployment: &deploy::Deployment) -> Self {
        let deploy::Deployment { id, candidate, started_at, phase, phase_since, durations, busy } =
            deployment;
        Self {
            id: id.0,
            candidate: candidate.into(),
            started_at: started_at.0,
            phase: phase.into(),
            phase_since: phase_since.0,
            durations: durations.into(),
            busy: *busy,
        }
    }
}

impl From<&deploy::Phase> for Phase {
    fn from(phase: &deploy::Phase) -> Self {
        match phase {
            deploy::Phase::Building { step } => Self::Building { step: step.0 },
            deploy::Phase::Ready { built, busy, killed } => {
                Self::Ready { built: built.into(), busy: *busy, killed: *killed }
            }
            deploy::Phase::Activating { step, built, killed } => {
                Self::Activating { step: step.0, built: built.into(), killed: *killed }
            }
            deploy::Phase::Confirming { built, units_failed, spent, starts } => Self::Confirming {
                built: built.into(),
                units_failed: *units_failed,
                spent: spent.0,
                starts: *starts,
            },
            deploy::Phase::RollingBack { step, built, failed_in, cause, failed, waited } => {
                Self::RollingBack {
                    step: step.0,
                    built: built.into(),
                    failed_in: (*failed_in).into(),
                    cause: cause.into(),
                    failed: *failed,
                    waited: *waited,
                }
            }
        }
    }
}

impl From<&deploy::Built> for Built {
    fn from(built: &deploy::Built) -> Self {
        let deploy::Built { system, previous } = built;
        Self { system: Some(path(system)), previous: Some(path(previous)) }
    }
}

impl From<&cause::Cause> for Cause {
    /// Only its word and its sentence outlive the process that found it.
    fn from(cause: &cause::Cause) -> Self {
        Self { code: cause.code().map(|code| code.as_str().to_owned()), sentence: cause.sentence() }
    }
}

impl From<&record::Durations> for Durations {
    fn from(durations: &record::Durations) -> Self {
        let record::Durations { gate, build, ready, activate, confirm } = durations;
        let length = |length: &Option<Millis>| length.map(|length| length.0);
        Self {
            gate: length(gate),
            build: length(build),
            ready: length(ready),
            activate: length(activate),
            confirm: length(confirm),
        }
    }
}

impl From<&record::Record> for Record {
    fn from(record: &record::Record) -> Self {
        let record::Record {
            id,
            revision,
            subject,
            trigger,
            started_at,
            finished_at,
            durations,
            outcome,
            phase,
            cause,
            previous,
            system,
        } = record;
        Self {
            id: id.0,
            revision: digits(revision),
            subject: subject.clone(),
            trigger: (*trigger).into(),
            started_at: started_at.0,
            finished_at: finished_at.0,
            durations: durations.into(),
            outcome: (*outcome).into(),
            phase: phase.map(Into::into),
            cause: cause.as_ref().map(Into::into),
            previous: previous.as_ref().map(path),
            system: system.as_ref().map(path),
        }
    }
}

impl From<&record::Totals> for Totals {
    fn from(totals: &record::Totals) -> Self {
        let record::Totals { outcomes, phases } = totals;
        let outcome = |total: &record::OutcomeTotal| OutcomeTotal {
            outcome: total.outcome.into(),
            count: total.count,
            last: total.last.0,
        };
        let phase = |total: &record::PhaseTotal| PhaseTotal {
            phase: total.phase.into(),
            sum: total.sum.0,
            buckets: total.buckets.clone(),
        };
        Self { outcomes: outcomes.iter().map(outcome).collect(), phases: phases.iter().map(phase).collect() }
    }
}

impl From<wire::Trigger> for Trigger {
    fn from(trigger: wire::Trigger) -> Self {
        match trigger {
            wire::Trigger::Poll => Self::Poll,
            wire::Trigger::Nudge => Self::Nudge,
            wire::Trigger::Operator => Self::Operator,
            wire::Trigger::Start => Self::Start,
        }
    }
}

impl From<wire::Outcome> for Outcome {
    fn from(outcome: wire::Outcome) -> Self {
        match outcome {
            wire::Outcome::Deployed => Self::Deployed,
            wire::Outcome::Degraded => Self::Degraded,
            wire::Outcome::Unchanged => Self::Unchanged,
            wire::Outcome::Failed => Self::Failed,
            wire::Outcome::RolledBack => Self::RolledBack,
            wire::Outcome::Superseded => Self::Superseded,
            wire::Outcome::Broken => Self::Broken,
        }
    }
}

impl From<wire::Phase> for PhaseName {
    fn from(phase: wire::Phase) -> Self {
        match phase {
            wire::Phase::Idle => Self::Idle,
            wire::Phase::Gating => Self::Gating,
            wire::Phase::Building => Self::Building,
            wire::Phase::Ready => Self::Ready,
            wire::Phase::Activating => Self::Activating,
            wire::Phase::Confirming => Self::Confirming,
            wire::Phase::RollingBack => Self::RollingBack,
        }
    }
}
