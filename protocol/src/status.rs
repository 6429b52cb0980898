//! The one document that says what runs, what is wanted and what the agent waits for.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::deployment::{Deployment, Trigger};

/// Answer of `GET /v1/status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// [`crate::VERSION`].
    pub version: u32,
    /// The flake attribute that this host deploys.
    pub host: String,
    /// Which daemon answers, and since when it runs.
    pub agent: Agent,
    /// What it does at this moment.
    pub phase: Phase,
    /// Since when it is in that phase.
    pub since: String,
    /// One sentence for people, also the unit's `STATUS=`.
    pub summary: String,
    /// What really runs.
    pub running: Running,
    /// The newest tip that does not run, also when it is red, held or refused.
    pub wanted: Option<Wanted>,
    /// The last verdict on `wanted`.
    pub gate: Option<Gate>,
    /// The older green commit that is deployed in the stead of a `wanted` that is not green.
    #[serde(default)]
    pub candidate: Option<OlderCandidate>,
    /// `null` while nothing is deployed.
    pub current: Option<Current>,
    /// Why the wanted tip is refused.
    pub refused: Option<Refused>,
    /// How far the build is; `null` outside building or where nix says nothing.
    pub progress: Option<Progress>,
    /// The followed remote, and how asking it goes.
    pub source: Source,
    /// The pause, if there is one.
    pub paused: Option<Paused>,
    /// Revisions that are not tried again by themselves.
    pub held: Vec<Hold>,
    /// Parts of the running system that only a reboot brings in.
    pub reboot_required: Vec<String>,
    /// What the operator should know although nothing failed.
    pub warnings: Vec<String>,
    /// The last deployment that ended.
    pub last_deployment: Option<Deployment>,
}

/// The daemon that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Version of the program.
    pub version: String,
    /// When it started.
    pub started_at: String,
    /// Its process id.
    pub pid: u32,
    /// "systemd" or "process": how it starts what touches the host.
    pub runner: String,
}

/// What the agent does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Nothing to do, or what is wanted is held or refused.
    #[default]
    Idle,
    /// The wanted revision has no green verdict yet.
    Gating,
    /// `nixos-rebuild build`.
    Building,
    /// Built, and waits until nothing stands against its activation.
    Ready,
    /// `nixos-rebuild switch`.
    Activating,
    /// Probing the host after the switch.
    Confirming,
    /// On the way back to the system that ran before.
    RollingBack,
}

impl Phase {
    /// All of them, in the order of a deployment.
    pub const ALL: [Self; 7] = [
        Self::Idle,
        Self::Gating,
        Self::Building,
        Self::Ready,
        Self::Activating,
        Self::Confirming,
        Self::RollingBack,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Gating => "gating",
            Self::Building => "building",
            Self::Ready => "ready",
            Self::Activating => "activating",
            Self::Confirming => "confirming",
            Self::RollingBack => "rolling-back",
        }
    }
}

/// What really runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Target of `/run/current-system`; `null` where it could not be read.
    pub system: Option<String>,
    /// Revision of the newest deployment that had this path.
    pub revision: Option<String>,
    /// When that deployment ended.
    pub deployed_at: Option<String>,
    /// Whether this is not the path of the last confirmed deployment.
    pub drift: bool,
}

/// The tip that should run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Full commit id.
    pub revision: String,
    /// First line of the commit message; `null` until it is fetched.
    pub subject: Option<String>,
    /// Name of the author; `null` until it is fetched.
    pub author: Option<String>,
    /// When this host first saw it.
    pub seen_at: String,
}

/// The last verdict on the wanted revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// green, pending, red, unproven, unavailable or off.
    pub verdict: String,
    /// commit or pull-request, once green.
    pub evidence: Option<String>,
    /// The sentence for people.
    pub detail: String,
    /// As they were found, those that are missing too.
    pub checks: Vec<Check>,
}

/// One named check, in the forge's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Name of the check run.
    pub name: String,
    /// "queued", "in_progress", "completed" …, "missing" where there is none.
    pub status: String,
    /// "success", "failure" …; `null` while not completed.
    pub conclusion: Option<String>,
    /// Its page at the forge; `null` where the forge names none.
    pub url: Option<String>,
}

/// The deployment in progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Current {
    /// Number of the deployment.
    pub id: u64,
    /// Full commit id.
    pub revision: String,
    /// First line of the commit message.
    pub subject: String,
    /// What made the agent look.
    pub trigger: Trigger,
    /// When the build started.
    pub started_at: String,
    /// From building to rolling-back; never idle or gating.
    #[serde(default)]
    pub phase: Phase,
}

/// A tip that is no descendant of the deployed revision, or not signed as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Full commit id of the tip.
    pub revision: String,
    /// Full commit id of what is deployed; none when nothing is yet.
    pub deployed: Option<String>,
    /// What it is refused for.
    #[serde(default)]
    pub kind: RefusedFor,
    /// The sentence for people.
    pub reason: String,
    /// When it was first refused.
    pub since: String,
}

/// What a tip is refused for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusedFor {
    /// It is no descendant of the deployed revision; `agentctl accept` allows it once.
    #[default]
    NoDescendant,
    /// It has not the signatures that `[trust]` wants; nothing allows it.
    Signature,
}

/// A green commit below the tip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OlderCandidate {
    /// Full commit id.
    pub revision: String,
    /// First line of the commit message.
    pub subject: Option<String>,
    /// As [`Gate::verdict`].
    pub verdict: String,
}

/// How far a build is, from nix's own records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Derivations.
    pub builds: BuildProgress,
    /// Bytes of downloads.
    pub bytes: BuildProgress,
    /// Names of what is built or fetched now.
    pub current: Vec<String>,
}

/// A count out of an expected one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildProgress {
    /// So many are done.
    pub done: u64,
    /// Of so many, as far as is known.
    pub expected: u64,
}

/// The followed remote, and how asking it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// As configured; it holds no secret.
    pub url: String,
    /// The followed branch.
    pub branch: String,
    /// When it was last asked.
    pub last_poll_at: Option<String>,
    /// When it last answered.
    pub last_success_at: Option<String>,
    /// Why the last poll failed; `null` after a good one.
    pub error: Option<String>,
}

/// The operator's word that nothing new is to be activated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// When it began.
    pub since: String,
    /// When it ends by itself.
    pub until: Option<String>,
    /// The operator's words.
    pub reason: Option<String>,
    /// The operator's name.
    pub by: String,
}

/// A revision that is not tried again by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Full commit id.
    pub revision: String,
    /// The sentence for people.
    pub reason: String,
    /// When the deployment ended that it is held for.
    pub since: String,
}
