//! From the file into the core. What cannot be understood is left out where the agent can go on without it, and said; only
//! without the deployment in progress it cannot.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use pull_agent_protocol as wire;

use super::{
    Current, Durations, FailureClass, File, Outcome, OutcomeTotal, Pause, Phase, PhaseName, PhaseTotal,
    Record, Refused, Totals, Tries, Trigger, Wanted,
};
use crate::event;
use crate::id::{Attempt, DeploymentId, InvalidRevision, Revision, SystemPath};
use crate::saved::{Read, Unreadable};
use crate::state::{self, Saved};
use crate::time::{Millis, Wall};

impl TryFrom<File> for Read {
    type Error = Unreadable;
    fn try_from(file: File) -> Result<Self, Unreadable> {
        let File {
            version: _,
            min_reader: _,
            next_deployment,
            next_attempt,
            deployed,
            current,
            wanted,
            behind_since,
            refused,
            accepted,
            tries,
            paused,
            history,
            totals,
        } = file;
        let mut notes = Notes(Vec::new());
        let saved = Saved {
            next_deployment,
            next_attempt,
            current: current.map(Current::into_core).transpose()?,
            deployed: notes.keep("the last deployed revision", deployed.map(TryInto::try_into)),
            wanted: notes.keep("the wanted revision", wanted.map(Wanted::into_core)),
            behind_since: behind_since.map(Wall),
            refused: notes.keep("the refused revision", refused.map(Refused::into_core)),
            accepted: notes.keep("the accepted revision", accepted.as_deref().map(Revision::parse)),
            held: Vec::new(),
            tries: notes.keep("the failed tries", tries.map(Tries::into_core)),
            paused: paused.map(Pause::into_core),
            history: history.into_iter().filter_map(|record| notes.record(record)).collect(),
            totals: totals.into_core(),
        };
        Ok(Self { saved, left_out: notes.0 })
    }
}

/// What was left out.
struct Notes(Vec<String>);

impl Notes {
    fn keep<T, E: core::fmt::Display>(&mut self, what: &str, part: Option<Result<T, E>>) -> Option<T> {
        part?.map_err(|error| self.0.push(format!("{what}: {error}"))).ok()
    }

    fn record(&mut self, record: Record) -> Option<state::Record> {
        let id = record.id;
        self.keep(&format!("deployment {id} in the history"), Some(record.into_core()))
    }
}

fn path(text: &str) -> SystemPath {
    SystemPath::new(text)
}

impl Wanted {
    fn into_core(self) -> Result<state::Wanted, InvalidRevision> {
        let Self { revision, subject, author, seen_at, passed_at, trigger } = self;
        Ok(state::Wanted {
            revision: Revision::parse(&revision)?,
            subject,
            author,
            seen_at: Wall(seen_at),
            passed_at: passed_at.map(Wall),
            trigger: trigger.into_core(),
        })
    }
}

impl Refused {
    fn into_core(self) -> Result<state::Refused, InvalidRevision> {
        let Self { revision, deployed, reason, since } = self;
        Ok(state::Refused {
            revision: Revision::parse(&revision)?,
            deployed: Revision::parse(&deployed)?,
            reason,
            since: Wall(since),
        })
    }
}

impl Tries {
    fn into_core(self) -> Result<state::Tries, InvalidRevision> {
        let Self { revision, transient, hard } = self;
        Ok(state::Tries { revision: Revision::parse(&revision)?, transient, hard })
    }
}

impl Pause {
    fn into_core(self) -> state::Pause {
        let Self { since, until, reason, by } = self;
        state::Pause { since: Wall(since), until: until.map(Wall), reason, by }
    }
}

impl Current {
    fn into_core(self) -> Result<state::Current, Unreadable> {
        let Self {
            id,
            revision,
            subject,
            trigger,
            compared,
            started_at,
            phase,
            phase_since,
            durations,
            busy,
            system,
            previous,
        } = self;
        Ok(state::Current {
            id: DeploymentId(id),
            revision: Revision::parse(&revision)?,
            subject,
            trigger: trigger.into_core(),
            compared,
            started_at: Wall(started_at),
            phase: phase.into_core().ok_or(Unreadable::Phase)?,
            phase_since: Wall(phase_since),
            durations: durations.into_core(),
            busy,
            system: system.as_deref().map(path),
            previous: previous.as_deref().map(path),
        })
    }
}

impl Phase {
    fn into_core(self) -> Option<state::Phase> {
        Some(match self {
            Self::Building { attempt } => state::Phase::Building { attempt: Attempt(attempt) },
            Self::Built => state::Phase::Built,
            Self::Activating { attempt, killed } => {
                state::Phase::Activating { attempt: Attempt(attempt), killed }
            }
            Self::Busy => state::Phase::Busy,
            Self::Confirming { units_failed } => state::Phase::Confirming { units_failed },
            Self::RollingBack { attempt, failed_in, reason, failed, waited } => state::Phase::RollingBack {
                attempt: Attempt(attempt),
                // It is only told; the way back is the same from everywhere.
                failed_in: failed_in.into_core().unwrap_or(wire::Phase::Activating),
                reason,
                failed,
                waited,
            },
            Self::Other => return None,
        })
    }
}

impl Durations {
    fn into_core(self) -> state::Durations {
        let Self { gate, build, activate, confirm } = self;
        state::Durations {
            gate: gate.map(Millis),
            build: build.map(Millis),
            activate: activate.map(Millis),
            confirm: confirm.map(Millis),
        }
    }
}

impl Record {
    fn into_core(self) -> Result<state::Record, Unreadable> {
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
            reason,
            class,
            previous,
            system,
        } = self;
        Ok(state::Record {
            id: DeploymentId(id),
            revision: Revision::parse(&revision)?,
            subject,
            trigger: trigger.into_core(),
            started_at: Wall(started_at),
            finished_at: Wall(finished_at),
            durations: durations.into_core(),
            outcome: outcome.into_core().ok_or(Unreadable::Outcome)?,
            phase: phase.and_then(PhaseName::into_core),
            reason,
            class: class.and_then(FailureClass::into_core),
            previous: previous.as_deref().map(path),
            system: system.as_deref().map(path),
        })
    }
}

impl Totals {
    /// Counts of what this program does not know are nothing that it could show.
    fn into_core(self) -> state::Totals {
        let outcome = |OutcomeTotal { outcome, count, last }| {
            Some(state::OutcomeTotal { outcome: outcome.into_core()?, count, last: Wall(last) })
        };
        let phase = |PhaseTotal { phase, sum, buckets }| {
            Some(state::PhaseTotal { phase: phase.into_core()?, sum: Millis(sum), buckets })
        };
        state::Totals {
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
            Self::Activating => wire::Phase::Activating,
            Self::Confirming => wire::Phase::Confirming,
            Self::RollingBack => wire::Phase::RollingBack,
            Self::Other => return None,
        })
    }
}

impl FailureClass {
    const fn into_core(self) -> Option<event::FailureClass> {
        Some(match self {
            Self::Transient => event::FailureClass::Transient,
            Self::Stalled => event::FailureClass::Stalled,
            Self::TimedOut => event::FailureClass::TimedOut,
            Self::OutOfMemory => event::FailureClass::OutOfMemory,
            Self::Deterministic => event::FailureClass::Deterministic,
            Self::Unclassified => event::FailureClass::Unclassified,
            Self::Cancelled => event::FailureClass::Cancelled,
            Self::Killed => event::FailureClass::Killed,
            Self::Other => return None,
        })
    }
}
