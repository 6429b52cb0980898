//! Version 1 of `state.json`, as the first released program wrote it. Frozen: nothing here changes any more but the
//! conversion, when the core's [`crate::Saved`] does, which also says what the fields mean.
//!
//! Times are milliseconds since 1970, lengths milliseconds. What the program of version 1 always wrote and what cannot be
//! made up has no default: revisions, paths, the phase, outcomes.

mod into_core;

use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

/// All of `state.json`, as version 1 wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default)]
pub struct File {
    version: u32,
    next_deployment: u64,
    next_attempt: u64,
    deployed: Option<Deployed>,
    current: Option<Current>,
    wanted: Option<Wanted>,
    behind_since: Option<u64>,
    refused: Option<Refused>,
    accepted: Option<String>,
    held: Vec<Hold>,
    tries: Option<Tries>,
    paused: Option<Pause>,
    history: Vec<Record>,
    totals: Totals,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct Deployed {
    revision: String,
    system: String,
    #[serde(default)]
    at: u64,
    #[serde(default)]
    compared: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct Wanted {
    revision: String,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    author: Option<String>,
    #[serde(default)]
    seen_at: u64,
    #[serde(default)]
    passed_at: Option<u64>,
    #[serde(default)]
    trigger: Trigger,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct Refused {
    revision: String,
    deployed: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    since: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct Hold {
    revision: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    since: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct Tries {
    revision: String,
    #[serde(default)]
    transient: u32,
    #[serde(default)]
    hard: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default)]
struct Pause {
    since: u64,
    until: Option<u64>,
    reason: Option<String>,
    by: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct Current {
    id: u64,
    revision: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    trigger: Trigger,
    #[serde(default)]
    compared: bool,
    #[serde(default)]
    started_at: u64,
    phase: Phase,
    #[serde(default)]
    phase_since: u64,
    #[serde(default)]
    durations: Durations,
    #[serde(default)]
    busy: u32,
    #[serde(default)]
    system: Option<String>,
    #[serde(default)]
    previous: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "kebab-case")]
enum Phase {
    Building {
        attempt: u64,
    },
    Built,
    Activating {
        attempt: u64,
        #[serde(default)]
        killed: u32,
    },
    Busy,
    Confirming {
        #[serde(default)]
        units_failed: bool,
    },
    RollingBack {
        attempt: u64,
        failed_in: PhaseName,
        #[serde(default)]
        reason: String,
        #[serde(default)]
        failed: u32,
        #[serde(default)]
        waited: u32,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default)]
struct Durations {
    gate: Option<u64>,
    build: Option<u64>,
    activate: Option<u64>,
    confirm: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct Record {
    id: u64,
    revision: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    trigger: Trigger,
    #[serde(default)]
    started_at: u64,
    #[serde(default)]
    finished_at: u64,
    #[serde(default)]
    durations: Durations,
    outcome: Outcome,
    #[serde(default)]
    phase: Option<PhaseName>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    class: Option<FailureClass>,
    #[serde(default)]
    previous: Option<String>,
    #[serde(default)]
    system: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default)]
struct Totals {
    outcomes: Vec<OutcomeTotal>,
    phases: Vec<PhaseTotal>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct OutcomeTotal {
    outcome: Outcome,
    #[serde(default)]
    count: u64,
    #[serde(default)]
    last: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct PhaseTotal {
    phase: PhaseName,
    #[serde(default)]
    sum: u64,
    #[serde(default)]
    buckets: Vec<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "lowercase")]
enum Trigger {
    #[default]
    Poll,
    Nudge,
    Operator,
    Start,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Deployed,
    Degraded,
    Unchanged,
    Failed,
    RolledBack,
    Superseded,
    Broken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "kebab-case")]
enum PhaseName {
    Idle,
    Gating,
    Building,
    Activating,
    Confirming,
    RollingBack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "kebab-case")]
enum FailureClass {
    Transient,
    Stalled,
    TimedOut,
    OutOfMemory,
    Deterministic,
    Unclassified,
    Cancelled,
    Killed,
}
