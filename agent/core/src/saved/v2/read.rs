//! From the file into the core. What cannot be understood is left out where the agent can go on without it, and said; only
//! without the deployment in progress it cannot.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pull_agent_protocol as wire;

use super::{
    Branch, Built, Candidate, Cause, Comparison, Deployment, Durations, File, Outcome, OutcomeTotal, Pause,
    Phase, PhaseName, PhaseTotal, Record, Refusal, Totals, Tried, Tries, Trigger,
};
use crate::cause::ReasonCode;
use crate::id::{DeploymentId, InvalidRevision, Revision, StepNumber, SystemPath};
use crate::saved::{Read, Unreadable, next_number};
use crate::state::Saved;
use crate::time::{Millis, Wall};
use crate::{candidate, cause, deploy, follow, ledger, record};

impl TryFrom<File> for Read {
    type Error = Unreadable;
    fn try_from(file: File) -> Result<Self, Unreadable> {
        let File {
            version: _,
            min_reader: _,
            next_deployment,
            next_step,
            deployed,
            deployment,
            branch,
            paused,
            history,
            totals,
        } = file;
        let mut notes = Notes(Vec::new());
        let deployment = deployment.map(Deployment::into_core).transpose()?;
        let ledger = ledger::Ledger {
            next_deployment: notes.next_number("deployment", next_deployment),
            next_step: notes.next_number("step", next_step),
            deployed: notes.keep("the last deployed revision", deployed.map(TryInto::try_into)),
            held: Vec::new(),
            paused: paused.map(Pause::into_core),
            history: Arc::new(history.into_iter().filter_map(|record| notes.record(record)).collect()),
            totals: Arc::new(totals.into_core()),
        };
        let saved = Saved { ledger, branch: notes.branch(branch), deployment };
        Ok(Self { saved, left_out: notes.0 })
    }
}

/// A sentence for each part that could not be read and was left out.
struct Notes(Vec<String>);

impl Notes {
    fn keep<T, E: core::fmt::Display>(&mut self, what: &str, part: Option<Result<T, E>>) -> Option<T> {
        part?.map_err(|error| self.0.push(format!("{what}: {error}"))).ok()
    }

    fn next_number(&mut self, of: &str, number: u64) -> u64 {
        let next = next_number(number);
        if next != number {
            self.0.push(format!(
                "the number of the next {of}: {number} is more than any host can have reached"
            ));
        }
        next
    }

    fn branch(&mut self, branch: Branch) -> follow::Branch {
        let Branch { tip, leave, behind_since, not_green_since, tried } = branch;
        let tried: Vec<_> = tried
            .into_iter()
            .filter_map(|tried| self.keep("a revision that failed", Some(tried.into_core())))
            .collect();
        follow::Branch {
            tip: self.keep("the tip of the branch", tip.map(Candidate::into_core)),
            leave: self.keep("the accepted revision", leave.as_deref().map(Revision::parse)),
            behind_since: behind_since.map(Wall),
            not_green_since: not_green_since.map(Wall),
            tried: follow::Tried::read(tried),
        }
    }

    fn record(&mut self, record: Record) -> Option<record::Record> {
        let id = record.id;
        self.keep(&format!("deployment {id} in the history"), Some(record.into_core()))
    }
}

fn path(text: &str) -> SystemPath {
    SystemPath::new(text)
}

impl Candidate {
    fn into_core(self) -> Result<candidate::Candidate, InvalidRevision> {
        let Self { revision, trigger, subject, author, seen_at, passed_at, ancestry, leave, tries } = self;
        let revision = Revision::parse(&revision)?;
        Ok(candidate::Candidate {
            subject,
            author,
            passed_at: passed_at.map(Wall),
            ancestry: ancestry.map(Comparison::into_core).transpose()?,
            leave,
            tries: tries.into_core(),
            ..candidate::Candidate::new(revision, trigger.into_core(), Wall(seen_at))
        })
    }
}

impl Comparison {
    fn into_core(self) -> Result<candidate::Comparison, InvalidRevision> {
        let Self { with, refusal, untrusted, contains } = self;
        let read = |Refusal { reason, since }| candidate::WhyRefused { reason, since: Wall(since) };
        Ok(candidate::Comparison {
            with: with.as_deref().map(Revision::parse).transpose()?,
            no_descendant: refusal.map(read),
            untrusted: untrusted.map(read),
            contains: contains.iter().map(|revision| Revision::parse(revision)).collect::<Result<_, _>>()?,
        })
    }
}

impl Tried {
    fn into_core(self) -> Result<(Revision, candidate::Tries), InvalidRevision> {
        let Self { revision, tries } = self;
        Ok((Revision::parse(&revision)?, tries.into_core()))
    }
}

impl Tries {
    const fn into_core(self) -> candidate::Tries {
        let Self { transient, hard } = self;
        candidate::Tries { transient, hard }
    }
}

impl Pause {
    fn into_core(self) -> ledger::Pause {
        let Self { since, until, reason, by } = self;
        ledger::Pause { since: Wall(since), until: until.map(Wall), reason, by }
    }
}

impl Deployment {
    fn into_core(self) -> Result<deploy::Deployment, Unreadable> {
        let Self { id, candidate, started_at, phase, phase_since, durations, busy } = self;
        Ok(deploy::Deployment {
            id: DeploymentId(id),
            candidate: candidate.into_core()?,
            started_at: Wall(started_at),
            phase: phase.into_core()?,
            phase_since: Wall(phase_since),
            durations: durations.into_core(),
            busy,
        })
    }
}

impl Phase {
    fn into_core(self) -> Result<deploy::Phase, Unreadable> {
        Ok(match self {
            Self::Building { step } => deploy::Phase::Building { step: StepNumber(step) },
            Self::Ready { built, busy, killed } => {
                deploy::Phase::Ready { built: built.into_core()?, busy, killed }
            }
            Self::Activating { step, built, killed } => {
                deploy::Phase::Activating { step: StepNumber(step), built: built.into_core()?, killed }
            }
            Self::Confirming { built, units_failed, spent, starts } => deploy::Phase::Confirming {
                built: built.into_core()?,
                units_failed,
                spent: Millis(spent),
                starts,
            },
            Self::RollingBack { step, built, failed_in, cause, failed, waited } => {
                deploy::Phase::RollingBack {
                    step: StepNumber(step),
                    built: built.into_core()?,
                    // It is only told; the way back is the same from everywhere.
                    failed_in: failed_in.into_core().unwrap_or(wire::Phase::Activating),
                    cause: cause.into_core(),
                    failed,
                    waited,
                }
            }
            Self::Other => return Err(Unreadable::Phase),
        })
    }
}

impl Built {
    fn into_core(self) -> Result<deploy::Built, Unreadable> {
        let (Some(system), Some(previous)) = (self.system, self.previous) else {
            return Err(Unreadable::Systems);
        };
        Ok(deploy::Built { system: path(&system), previous: path(&previous) })
    }
}

impl Cause {
    fn into_core(self) -> cause::Cause {
        let Self { code, sentence } = self;
        cause::Cause::Told { code: code.as_deref().map(ReasonCode::read), sentence }
    }
}

impl Durations {
    fn into_core(self) -> record::Durations {
        let Self { gate, build, ready, activate, confirm } = self;
        record::Durations {
            gate: gate.map(Millis),
            build: build.map(Millis),
            ready: ready.map(Millis),
            activate: activate.map(Millis),
            confirm: confirm.map(Millis),
        }
    }
}

impl Record {
    fn into_core(self) -> Result<record::Record, Unreadable> {
        let Self {
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
        } = self;
        Ok(record::Record {
            id: DeploymentId(id),
            revision: Revision::parse(&revision)?,
            subject,
            trigger: trigger.into_core(),
            started_at: Wall(started_at),
            finished_at: Wall(finished_at),
            durations: durations.into_core(),
            outcome: outcome.into_core().ok_or(Unreadable::Outcome)?,
            phase: phase.and_then(PhaseName::into_core),
            cause: cause.map(Cause::into_core),
            previous: previous.as_deref().map(path),
            system: system.as_deref().map(path),
        })
    }
}

impl Totals {
    /// Counts of what this program does not know are nothing that it could show.
    fn into_core(self) -> record::Totals {
        let outcome = |OutcomeTotal { outcome, count, last }| {
            Some(record::OutcomeTotal { outcome: outcome.into_core()?, count, last: Wall(last) })
        };
        let phase = |PhaseTotal { phase, sum, buckets }| {
            Some(record::PhaseTotal { phase: phase.into_core()?, sum: Millis(sum), buckets })
        };
        record::Totals {
            outcomes: self.outcomes.into_iter().filter_map(outcome).collect(),
            phases: self.phases.into_iter().filter_map(phase).collect(),
        }
    }
}

impl Trigger {
    const fn into_core(self) -> wire::Trigger {
        match self {
            Self::Poll | Self::Other => wire::Trigger::Poll,
            Self::Nudge => wire::Trigger::Nudge,
            Self::Operator => wire::Trigger::Operator,
            Self::Start => wire::Trigger::Start,
        }
    }
}

impl Outcome {
    const fn into_core(self) -> Option<wire::Outcome> {
        Some(match self {
            Self::Deployed => wire::Outcome::Deployed,
            Self::Degraded => wire::Outcome::Degraded,
            Self::Unchanged => wire::Outcome::Unchanged,
            Self::Failed => wire::Outcome::Failed,
            Self::RolledBack => wire::Outcome::RolledBack,
            Self::Superseded => wire::Outcome::Superseded,
            Self::Broken => wire::Outcome::Broken,
            Self::Other => return None,
        })
    }
}

impl PhaseName {
    const fn into_core(self) -> Option<wire::Phase> {
        Some(match self {
            Self::Idle => wire::Phase::Idle,
            Self::Gating => wire::Phase::Gating,
            Self::Building => wire::Phase::Building,
            Self::Ready => wire::Phase::Ready,
            Self::Activating => wire::Phase::Activating,
            Self::Confirming => wire::Phase::Confirming,
            Self::RollingBack => wire::Phase::RollingBack,
            Self::Other => return None,
        })
    }
}
