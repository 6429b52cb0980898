//! The files of one step. The agent writes what is to be done (`spec`), the step process when it started and how it ended.
//! An agent may meet a step process of an older version: fields are only added, and a reader ignores those it does not know.

use std::path::{Path, PathBuf};

use pull_agent_core::DeploymentId;
use serde::{Deserialize, Serialize};

use crate::process::Environment;
use crate::systemd::{BUILD_UNIT, ROLLBACK_UNIT, SWITCH_UNIT};

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Build,
    Switch,
    Rollback,
    /// After a switch that activated nothing: what the next boot starts is set back.
    SetBack,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Build, Self::Switch, Self::Rollback, Self::SetBack];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Switch => "switch",
            Self::Rollback => "rollback",
            Self::SetBack => "set-back",
        }
    }

    /// The transient unit of the systemd runner. Setting the boot default back is a way back, too: of one that has the name
    /// there is never more than one at once.
    pub(super) const fn unit(self) -> &'static str {
        match self {
            Self::Build => BUILD_UNIT,
            Self::Switch => SWITCH_UNIT,
            Self::Rollback | Self::SetBack => ROLLBACK_UNIT,
        }
    }

    /// Whether what is known of it outlives the power. A build that lost its power is begun again: nix has what it finished.
    pub(super) const fn outlives_power(self) -> bool {
        !matches!(self, Self::Build)
    }

    /// Whether the agent may end it. An activation runs to its end.
    pub(super) const fn stoppable(self) -> bool {
        matches!(self, Self::Build)
    }
}

/// Where the files of one step lie: `<state>/steps/<deployment>-<step>.*`.
#[derive(Clone, Debug)]
pub(super) struct StepFiles {
    /// What is to be done.
    pub(super) spec: PathBuf,
    /// The number that was started last.
    pub(super) started: PathBuf,
    /// The process of the command that runs.
    pub(super) command: PathBuf,
    /// How it ended.
    pub(super) result: PathBuf,
    /// Held by the step process as long as it lives.
    pub(super) lock: PathBuf,
    /// nix's records of its progress.
    pub(super) progress: PathBuf,
    /// Held by whichever step of the host builds, or by whichever activates: never two at once.
    pub(super) exclusive: PathBuf,
}

impl StepFiles {
    pub(super) fn new(steps: &Path, deployment: DeploymentId, kind: Kind) -> Self {
        let file = |ending: &str| steps.join(format!("{deployment}-{}{ending}", kind.name()));
        Self {
            spec: file(".spec.json"),
            started: file(".started.json"),
            command: file(".command.json"),
            result: file(".json"),
            lock: file(".lock"),
            progress: file(".progress"),
            exclusive: exclusive(steps, kind),
        }
    }
}

/// The lock that all steps of a kind share; all but builds are of one kind here.
pub(super) fn exclusive(steps: &Path, kind: Kind) -> PathBuf {
    steps.join(if kind.stoppable() { "building.lock" } else { "activating.lock" })
}

/// What a step process is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Spec {
    /// A number that is never used twice.
    #[serde(rename = "attempt")]
    pub(super) number: u64,
    /// Run one after the other, each only if the one before ended with 0.
    pub(super) commands: Vec<Vec<String>>,
    /// All of their environment. Here and not in arguments or properties of a unit, which everybody may read.
    pub(super) environment: Environment,
    /// Where they run.
    pub(super) directory: PathBuf,
    /// Links and files that are removed before they run.
    pub(super) clear: Vec<PathBuf>,
    /// Takes their output; a regular file, for a pipe would die with its reader and the command with the pipe.
    pub(super) log: PathBuf,
    /// This and the four below as in [`StepFiles`].
    pub(super) started: PathBuf,
    pub(super) command: PathBuf,
    pub(super) result: PathBuf,
    pub(super) lock: PathBuf,
    pub(super) exclusive: PathBuf,
    /// Whether SIGTERM ends the commands with everything that they started; else it is ignored.
    pub(super) stoppable: bool,
    /// Whether a loss of power must not take away that it started and how it ended.
    #[serde(default = "yes")]
    pub(super) outlives_power: bool,
}

/// What the spec of an agent that does not know the field means.
const fn yes() -> bool {
    true
}

/// Written before the first command is started: from then on this number is never started again, where that outlives the
/// power not even after a loss of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Started {
    #[serde(rename = "attempt")]
    pub(super) number: u64,
    /// Wall clock, milliseconds since 1970.
    pub(super) at: u64,
    /// Process id of the step process.
    pub(super) process: i32,
    /// The boot of the kernel in which the ids mean something.
    pub(super) boot: String,
    /// Length of the log before this number was started, in bytes.
    pub(super) log_from: u64,
}

/// A command that was started; leader of its process group. Only for an agent that finds the step process killed and the
/// command still there; so it is not synced, for it means nothing after a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RunningCommand {
    #[serde(rename = "attempt")]
    pub(super) number: u64,
    pub(super) process: i32,
    /// Clock ticks since the boot.
    pub(super) start: u64,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StepResult {
    #[serde(rename = "attempt")]
    pub(super) number: u64,
    pub(super) outcome: StepEnd,
    /// Of the command that ended last; empty when none was started.
    #[serde(default)]
    pub(super) program: String,
    /// Whether SIGTERM ended it.
    #[serde(default)]
    pub(super) stopped: bool,
    /// Wall clock, milliseconds since 1970.
    pub(super) started_at: u64,
    /// Wall clock, milliseconds since 1970.
    pub(super) finished_at: u64,
    /// Length of the log before this number was started, in bytes.
    #[serde(default)]
    pub(super) log_from: u64,
}

/// How the last command ended that was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StepEnd {
    Exited(i32),
    Signalled(i32),
    /// Another step has the lock.
    Busy,
    /// It was not started; the sentence says why.
    NotStarted(String),
    /// It did not start in time and never will: written by the agent.
    GivenUp(String),
}
