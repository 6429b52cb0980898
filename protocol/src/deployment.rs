//! A deployment that ended, as history tells it.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::status::Phase;

/// Answer of `GET /v1/deployments`, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployments {
    /// [`crate::VERSION`].
    pub version: u32,
    /// Newest first.
    pub deployments: Vec<Deployment>,
}

/// One deployment, from the start of its build to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// From 1, never used twice on a host; also the name of its log.
    pub id: u64,
    /// Full commit id.
    pub revision: String,
    /// First line of the commit message.
    pub subject: String,
    /// What made the agent look.
    pub trigger: Trigger,
    /// When the build started.
    pub started_at: String,
    /// When the outcome was known.
    pub finished_at: String,
    /// How long each phase took; `null` for one that was not entered.
    pub durations: Durations,
    /// The same word is a label of the metrics.
    pub outcome: Outcome,
    /// In which phase it went wrong.
    pub phase: Option<Phase>,
    /// Why it went wrong, one sentence.
    pub reason: Option<String>,
    /// One word for the reason, of a list that only grows; a reader takes a word that it does not know as it is.
    #[serde(default)]
    pub reason_code: Option<String>,
    /// Store path of what ran before; `null` where that was never looked at.
    pub previous_system: Option<String>,
    /// Store path of what was built; `null` where nothing was.
    pub system: Option<String>,
}

/// Seconds in each phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Durations {
    /// From the moment the revision was seen to its green verdict.
    pub gate: Option<f64>,
    pub build: Option<f64>,
    /// Built, and waiting to be activated.
    #[serde(default)]
    pub ready: Option<f64>,
    pub activate: Option<f64>,
    pub confirm: Option<f64>,
}

/// What made the agent look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// The regular poll.
    Poll,
    /// Somebody said *look now*.
    Nudge,
    /// The operator, by `agentctl retry`, `accept` or `deploy`.
    Operator,
    /// The first look after the start of the agent.
    Start,
}

/// How a deployment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Activated, and every probe passed.
    Deployed,
    /// Activated, but some units or a probe failed, and policy keeps it.
    Degraded,
    /// The path was already running and was the profile.
    Unchanged,
    /// Nothing was activated.
    Failed,
    /// Activation or a probe failed, and the recorded path runs again.
    RolledBack,
    /// A newer green tip took its place.
    Superseded,
    /// The way back failed.
    Broken,
}

impl Outcome {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Deployed,
        Self::Degraded,
        Self::Unchanged,
        Self::Failed,
        Self::RolledBack,
        Self::Superseded,
        Self::Broken,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployed => "deployed",
            Self::Degraded => "degraded",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
            Self::RolledBack => "rolled-back",
            Self::Superseded => "superseded",
            Self::Broken => "broken",
        }
    }
}
