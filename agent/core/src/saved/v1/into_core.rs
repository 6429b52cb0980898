//! From version 1 into the core.

use alloc::vec::Vec;

use pull_agent_protocol as wire;

use super::{
    Current, Deployed, Durations, FailureClass, File, Hold, Outcome, OutcomeTotal, Pause, Phase, PhaseName,
    PhaseTotal, Record, Refused, Totals, Tries, Trigger, Wanted,
};
use crate::event;
use crate::id::{Attempt, DeploymentId, Revision, SystemPath};
use crate::saved::{Read, Unreadable};
use crate::state::{self, Saved};
use crate::time::{Millis, Wall};

impl TryFrom<File> for Read {
    type Error = Unreadable;
    fn try_from(file: File) -> Result<Self, Unreadable> {
        let File {
            version: _,
            next_deployment,
            next_attempt,
            deployed,
            current,
            wanted,
            behind_since,
            refused,
            accepted,
            held,
            tries,
            paused,
            history,
            totals,
        } = file;
        let saved = Saved {
            next_deployment,
            next_attempt,
            deployed: deployed.map(Deployed::into_core).transpose()?,
            current: current.map(Current::into_core).transpose()?,
            wanted: wanted.map(Wanted::into_core).transpose()?,
            behind_since: behind_since.map(Wall),
            refused: refused.map(Refused::into_core).transpose()?,
            accepted: accepted.as_deref().map(Revision::parse).transpose()?,
            held: held.into_iter().map(Hold::into_core).collect::<Result<_, _>>()?,
            tries: tries.map(Tries::into_core).transpose()?,
            paused: paused.map(Pause::into_core),
            history: history.into_iter().map(Record::into_core).collect::<Result<_, _>>()?,
            totals: totals.into_core(),
        };
        Ok(Self { saved, left_out: Vec::new() })
    }
}

fn path(text: &str) -> SystemPath {
    SystemPath::new(text)
}

impl Deployed {
    fn into_core(self) -> Result<state::Deployed, Unreadable> {
        let Self { revision, system, at, compared } = self;
        Ok(state::Deployed {
            revision: Revision::parse(&revision)?,
            system: path(&system),
            at: Wall(at),
            compared,
        })
    }
}

impl Wanted {
    fn into_core(self) -> Result<state::Wanted, Unreadable> {
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
    fn into_core(self) -> Result<state::Refused, Unreadable> {
        let Self { revision, deployed, reason, since } = self;
        Ok(state::Refused {
            revision: Revision::parse(&revision)?,
            deployed: Revision::parse(&deployed)?,
            reason,
            since: Wall(since),
        })
    }
}

impl Hold {
    fn into_core(self) -> Result<state::Hold, Unreadable> {
        let Self { revision, reason, since } = self;
        Ok(state::Hold { revision: Revision::parse(&revision)?, reason, since: Wall(since) })
    }
}

impl Tries {
    fn into_core(self) -> Result<state::Tries, Unreadable> {
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
            phase: phase.into_core(),
            phase_since: Wall(phase_since),
            durations: durations.into_core(),
            busy,
            system: system.as_deref().map(path),
            previous: previous.as_deref().map(path),
        })
    }
}

impl Phase {
    fn into_core(self) -> state::Phase {
        match self {
            Self::Building { attempt } => state::Phase::Building { attempt: Attempt(attempt) },
            Self::Built => state::Phase::Built,
            Self::Activating { attempt, killed } => {
                state::Phase::Activating { attempt: Attempt(attempt), killed }
            }
            Self::Busy => state::Phase::Busy,
            Self::Confirming { units_failed } => state::Phase::Confirming { units_failed },
            Self::RollingBack { attempt, failed_in, reason, failed, waited } => state::Phase::RollingBack {
                attempt: Attempt(attempt),
                failed_in: failed_in.into_core(),
                reason,
                failed,
                waited,
            },
        }
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
            outcome: outcome.into_core(),
            phase: phase.map(PhaseName::into_core),
            reason,
            class: class.map(FailureClass::into_core),
            previous: previous.as_deref().map(path),
            system: system.as_deref().map(path),
        })
    }
}

impl Totals {
    fn into_core(self) -> state::Totals {
        let outcome = |OutcomeTotal { outcome, count, last }| state::OutcomeTotal {
            outcome: outcome.into_core(),
            count,
            last: Wall(last),
        };
        let phase = |PhaseTotal { phase, sum, buckets }| state::PhaseTotal {
            phase: phase.into_core(),
            sum: Millis(sum),
            buckets,
        };
        state::Totals {
            outcomes: self.outcomes.into_iter().map(outcome).collect(),
            phases: self.phases.into_iter().map(phase).collect(),
        }
    }
}

impl Trigger {
    const fn into_core(self) -> wire::Trigger {
        match self {
            Self::Poll => wire::Trigger::Poll,
            Self::Nudge => wire::Trigger::Nudge,
            Self::Operator => wire::Trigger::Operator,
            Self::Start => wire::Trigger::Start,
        }
    }
}

impl Outcome {
    const fn into_core(self) -> wire::Outcome {
        match self {
            Self::Deployed => wire::Outcome::Deployed,
            Self::Degraded => wire::Outcome::Degraded,
            Self::Unchanged => wire::Outcome::Unchanged,
            Self::Failed => wire::Outcome::Failed,
            Self::RolledBack => wire::Outcome::RolledBack,
            Self::Superseded => wire::Outcome::Superseded,
            Self::Broken => wire::Outcome::Broken,
        }
    }
}

impl PhaseName {
    const fn into_core(self) -> wire::Phase {
        match self {
            Self::Idle => wire::Phase::Idle,
            Self::Gating => wire::Phase::Gating,
            Self::Building => wire::Phase::Building,
            Self::Activating => wire::Phase::Activating,
            Self::Confirming => wire::Phase::Confirming,
            Self::RollingBack => wire::Phase::RollingBack,
        }
    }
}

impl FailureClass {
    const fn into_core(self) -> event::FailureClass {
        match self {
            Self::Transient => event::FailureClass::Transient,
            Self::Stalled => event::FailureClass::Stalled,
            Self::TimedOut => event::FailureClass::TimedOut,
            Self::OutOfMemory => event::FailureClass::OutOfMemory,
            Self::Deterministic => event::FailureClass::Deterministic,
            Self::Unclassified => event::FailureClass::Unclassified,
            Self::Cancelled => event::FailureClass::Cancelled,
            Self::Killed => event::FailureClass::Killed,
        }
    }
}
