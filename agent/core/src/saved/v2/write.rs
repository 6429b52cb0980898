//! From the core into the file.

use alloc::borrow::ToOwned;
use alloc::string::String;

use pull_agent_protocol as wire;

use super::{
    Current, Durations, FailureClass, File, Outcome, OutcomeTotal, Pause, Phase, PhaseName, PhaseTotal,
    Record, Refused, Totals, Tries, Trigger, Wanted,
};
use crate::event;
use crate::id::{Revision, SystemPath};
use crate::saved::VERSION;
use crate::state::{self, Saved};
use crate::time::Millis;

/// The oldest version whose reader understands what is written here.
const MIN_READER: u32 = 2;

impl From<&Saved> for File {
    fn from(saved: &Saved) -> Self {
        // What is held is written to a file of its own.
        let Saved {
            next_deployment,
            next_attempt,
            deployed,
            current,
            wanted,
            behind_since,
            refused,
            accepted,
            held: _,
            tries,
            paused,
            history,
            totals,
        } = saved;
        Self {
            version: VERSION,
            min_reader: MIN_READER,
            next_deployment: *next_deployment,
            next_attempt: *next_attempt,
            deployed: deployed.as_ref().map(Into::into),
            current: current.as_ref().map(Into::into),
            wanted: wanted.as_ref().map(Into::into),
            behind_since: behind_since.map(|at| at.0),
            refused: refused.as_ref().map(Into::into),
            accepted: accepted.as_ref().map(digits),
            tries: tries.as_ref().map(Into::into),
            paused: paused.as_ref().map(Into::into),
            history: history.iter().map(Into::into).collect(),
            totals: totals.into(),
        }
    }
}

fn digits(revision: &Revision) -> String {
    revision.as_str().to_owned()
}

fn path(system: &SystemPath) -> String {
    system.as_str().to_owned()
}

impl From<&state::Wanted> for Wanted {
    fn from(wanted: &state::Wanted) -> Self {
        let state::Wanted { revision, subject, author, seen_at, passed_at, trigger } = wanted;
        Self {
            revision: digits(revision),
            subject: subject.clone(),
            author: author.clone(),
            seen_at: seen_at.0,
            passed_at: passed_at.map(|at| at.0),
            trigger: (*trigger).into(),
        }
    }
}

impl From<&state::Refused> for Refused {
    fn from(refused: &state::Refused) -> Self {
        let state::Refused { revision, deployed, reason, since } = refused;
        Self {
            revision: digits(revision),
            deployed: digits(deployed),
            reason: reason.clone(),
            since: since.0,
        }
    }
}

impl From<&state::Tries> for Tries {
    fn from(tries: &state::Tries) -> Self {
        let state::Tries { revision, transient, hard } = tries;
        Self { revision: digits(revision), transient: *transient, hard: *hard }
    }
}

impl From<&state::Pause> for Pause {
    fn from(pause: &state::Pause) -> Self {
        let state::Pause { since, until, reason, by } = pause;
        Self { since: since.0, until: until.map(|at| at.0), reason: reason.clone(), by: by.clone() }
    }
}

impl From<&state::Current> for Current {
    fn from(current: &state::Current) -> Self {
        let state::Current {
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
        } = current;
        Self {
            id: id.0,
            revision: digits(revision),
            subject: subject.clone(),
            trigger: (*trigger).into(),
            compared: *compared,
            started_at: started_at.0,
            phase: phase.into(),
            phase_since: phase_since.0,
            durations: durations.into(),
            busy: *busy,
            system: system.as_ref().map(path),
            previous: previous.as_ref().map(path),
        }
    }
}

impl From<&state::Phase> for Phase {
    fn from(phase: &state::Phase) -> Self {
        match phase {
            state::Phase::Building { attempt } => Self::Building { attempt: attempt.0 },
            state::Phase::Built => Self::Built,
            state::Phase::Activating { attempt, killed } => {
                Self::Activating { attempt: attempt.0, killed: *killed }
            }
            state::Phase::Busy => Self::Busy,
            state::Phase::Confirming { units_failed } => Self::Confirming { units_failed: *units_failed },
            state::Phase::RollingBack { attempt, failed_in, reason, failed, waited } => Self::RollingBack {
                attempt: attempt.0,
                failed_in: (*failed_in).into(),
                reason: reason.clone(),
                failed: *failed,
                waited: *waited,
            },
        }
    }
}

impl From<&state::Durations> for Durations {
    fn from(durations: &state::Durations) -> Self {
        let state::Durations { gate, build, activate, confirm } = durations;
        let length = |length: &Option<Millis>| length.map(|length| length.0);
        Self {
            gate: length(gate),
            build: length(build),
            activate: length(activate),
            confirm: length(confirm),
        }
    }
}

impl From<&state::Record> for Record {
    fn from(record: &state::Record) -> Self {
        let state::Record {
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
            reason: reason.clone(),
            class: class.map(Into::into),
            previous: previous.as_ref().map(path),
            system: system.as_ref().map(path),
        }
    }
}

impl From<&state::Totals> for Totals {
    fn from(totals: &state::Totals) -> Self {
        let state::Totals { outcomes, phases } = totals;
        let outcome = |total: &state::OutcomeTotal| OutcomeTotal {
            outcome: total.outcome.into(),
            count: total.count,
            last: total.last.0,
        };
        let phase = |total: &state::PhaseTotal| PhaseTotal {
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
            wire::Phase::Activating => Self::Activating,
            wire::Phase::Confirming => Self::Confirming,
            wire::Phase::RollingBack => Self::RollingBack,
        }
    }
}

impl From<event::FailureClass> for FailureClass {
    fn from(class: event::FailureClass) -> Self {
        match class {
            event::FailureClass::Transient => Self::Transient,
            event::FailureClass::Stalled => Self::Stalled,
            event::FailureClass::TimedOut => Self::TimedOut,
            event::FailureClass::OutOfMemory => Self::OutOfMemory,
            event::FailureClass::Deterministic => Self::Deterministic,
            event::FailureClass::Unclassified => Self::Unclassified,
            event::FailureClass::Cancelled => Self::Cancelled,
            event::FailureClass::Killed => Self::Killed,
        }
    }
}
