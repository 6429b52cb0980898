//! Version 2 of `state.json`: what is written, and what is read of files of this and of later versions that allow it.
//! What is held is not in it but in `holds.json`.
//!
//! Every field has a default, so that a later version may drop it, and every word a place for one that is not known yet.
//! The core's [`crate::Saved`] says what the fields mean. Times are milliseconds since 1970, lengths milliseconds.

mod read;
mod write;

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::deployed::Deployed;

/// All of `state.json`, as this version writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct File {
    version: u32,
    min_reader: u32,
    next_deployment: u64,
    next_step: u64,
    deployed: Option<Deployed>,
    deployment: Option<Deployment>,
    branch: Branch,
    paused: Option<Pause>,
    history: Vec<Record>,
    totals: Totals,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Branch {
    tip: Option<Candidate>,
    leave: Option<String>,
    behind_since: Option<u64>,
    not_green_since: Option<u64>,
    tried: Vec<Tried>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Tried {
    revision: String,
    tries: Tries,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Candidate {
    revision: String,
    trigger: Trigger,
    subject: Option<String>,
    author: Option<String>,
    seen_at: u64,
    passed_at: Option<u64>,
    ancestry: Option<Comparison>,
    leave: bool,
    tries: Tries,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Comparison {
    with: Option<String>,
    /// Why it is no descendant.
    refusal: Option<Refusal>,
    untrusted: Option<Refusal>,
    contains: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Refusal {
    reason: String,
    since: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Tries {
    transient: u32,
    hard: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Pause {
    since: u64,
    until: Option<u64>,
    reason: Option<String>,
    by: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Deployment {
    id: u64,
    candidate: Candidate,
    started_at: u64,
    phase: Phase,
    phase_since: u64,
    durations: Durations,
    busy: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
enum Phase {
    Building {
        #[serde(default)]
        step: u64,
    },
    Ready {
        #[serde(default)]
        built: Built,
        #[serde(default)]
        busy: bool,
        #[serde(default)]
        killed: u32,
    },
    Activating {
        #[serde(default)]
        step: u64,
        #[serde(default)]
        built: Built,
        #[serde(default)]
        killed: u32,
    },
    Confirming {
        #[serde(default)]
        built: Built,
        #[serde(default)]
        units_failed: bool,
        #[serde(default)]
        spent: u64,
        #[serde(default)]
        starts: u32,
    },
    RollingBack {
        #[serde(default)]
        step: u64,
        #[serde(default)]
        built: Built,
        #[serde(default)]
        failed_in: PhaseName,
        #[serde(default)]
        cause: Cause,
        #[serde(default)]
        failed: u32,
        #[serde(default)]
        waited: u32,
    },
    /// A phase of a later version.
    #[default]
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Built {
    system: Option<String>,
    previous: Option<String>,
}

/// A word of [`crate::ReasonCode`] and a sentence; the word is missing where nothing went wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Cause {
    code: Option<String>,
    sentence: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Durations {
    gate: Option<u64>,
    build: Option<u64>,
    ready: Option<u64>,
    activate: Option<u64>,
    confirm: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Record {
    id: u64,
    revision: String,
    subject: String,
    trigger: Trigger,
    started_at: u64,
    finished_at: u64,
    durations: Durations,
    outcome: Outcome,
    phase: Option<PhaseName>,
    cause: Option<Cause>,
    previous: Option<String>,
    system: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Totals {
    outcomes: Vec<OutcomeTotal>,
    phases: Vec<PhaseTotal>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct OutcomeTotal {
    outcome: Outcome,
    count: u64,
    last: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct PhaseTotal {
    phase: PhaseName,
    sum: u64,
    buckets: Vec<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Trigger {
    Poll,
    Nudge,
    Operator,
    Start,
    #[default]
    #[serde(other)]
    Other,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Deployed,
    Degraded,
    Unchanged,
    Failed,
    RolledBack,
    Superseded,
    Broken,
    #[default]
    #[serde(other)]
    Other,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PhaseName {
    Idle,
    Gating,
    Building,
    Ready,
    Activating,
    Confirming,
    RollingBack,
    #[default]
    #[serde(other)]
    Other,
}
