//! The deployment in progress: every phase owns what it needs to know, so that from the first activation on there always is
//! a way back.

use pull_agent_protocol::Phase as PhaseName;

use crate::candidate::Candidate;
use crate::cause::Cause;
use crate::id::{DeploymentId, StepNumber, SystemPath};
use crate::record::Durations;
use crate::time::{Millis, Wall};

/// A deployment that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Deployment {
    pub id: DeploymentId,
    /// What is deployed, as it was known when the deployment began.
    pub candidate: Candidate,
    /// When the build started.
    pub started_at: Wall,
    pub phase: Phase,
    /// When it entered the phase, or when the time spent in it was last added to `durations`.
    pub phase_since: Wall,
    /// Time in the phases that it has left.
    pub durations: Durations,
    /// How often another activation was at work.
    pub busy: u32,
}

/// Where a deployment is, with what that place needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Phase {
    /// The build runs.
    Building { step: StepNumber },
    /// Built; waits until nothing stands against its activation.
    Ready {
        built: Built,
        /// Another activation was at work.
        busy: bool,
        /// As in [`Self::Activating`].
        killed: u32,
    },
    /// The switch runs.
    Activating {
        step: StepNumber,
        built: Built,
        /// How often in a row a switch of this deployment was killed before it could say how it ended: above zero the host
        /// may be between the two systems, whatever the links say.
        killed: u32,
    },
    /// The new system runs and is probed.
    Confirming {
        built: Built,
        /// Whether the switch ended with exit code 4.
        units_failed: bool,
        /// How much of the deadline is used up; what the running process has added is in it every few seconds.
        spent: Millis,
        /// How often the agent started since the last round of probes that ended.
        starts: u32,
    },
    /// The way back runs, or waits to be tried again.
    RollingBack {
        step: StepNumber,
        built: Built,
        /// In which phase it went wrong.
        failed_in: PhaseName,
        /// What went wrong with the new system.
        cause: Cause,
        /// How often the way back failed.
        failed: u32,
        /// How often it could not begin: another activation was at work, or the disk was full.
        waited: u32,
    },
}

/// The two systems of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// What was built.
    pub system: SystemPath,
    /// What ran before: the way back leads exactly there.
    pub previous: SystemPath,
}

/// What a built system waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The end of the operator's pause.
    Pause,
    /// The end of another activation.
    OtherActivation,
    /// The forge's word, since the last one is too old to activate by.
    Verdict,
}

impl Phase {
    /// Its name for people and other programs.
    #[must_use]
    pub const fn name(&self) -> PhaseName {
        match self {
            Self::Building { .. } => PhaseName::Building,
            Self::Ready { .. } => PhaseName::Ready,
            Self::Activating { .. } => PhaseName::Activating,
            Self::Confirming { .. } => PhaseName::Confirming,
            Self::RollingBack { .. } => PhaseName::RollingBack,
        }
    }

    /// Number of its newest step; none where nothing is built or activated.
    #[must_use]
    pub const fn step(&self) -> Option<StepNumber> {
        match self {
            Self::Building { step } | Self::Activating { step, .. } | Self::RollingBack { step, .. } => {
                Some(*step)
            }
            Self::Ready { .. } | Self::Confirming { .. } => None,
        }
    }

    /// Its two systems, once there are two.
    #[must_use]
    pub const fn built(&self) -> Option<&Built> {
        match self {
            Self::Building { .. } => None,
            Self::Ready { built, .. }
            | Self::Activating { built, .. }
            | Self::Confirming { built, .. }
            | Self::RollingBack { built, .. } => Some(built),
        }
    }
}

impl Deployment {
    /// Its two systems, once there are two.
    #[must_use]
    pub const fn built(&self) -> Option<&Built> {
        self.phase.built()
    }

    /// Notes how long the phase took so far.
    pub(crate) fn close_phase(&mut self, now: Wall) {
        self.durations.add(self.phase.name(), now.since(self.phase_since));
        self.phase_since = now;
    }

    /// The part of it that is saved.
    pub(crate) fn noted(&self) -> Self {
        Self {
            id: self.id,
            candidate: self.candidate.noted(),
            started_at: self.started_at,
            phase: self.phase.clone(),
            phase_since: self.phase_since,
            durations: self.durations,
            busy: self.busy,
        }
    }

    /// Whether the saved parts of both are the same.
    pub(crate) fn is_noted_as(&self, other: &Self) -> bool {
        let Self { id, candidate, started_at, phase, phase_since, durations, busy } = self;
        *id == other.id
            && candidate.is_noted_as(&other.candidate)
            && *started_at == other.started_at
            && *phase == other.phase
            && *phase_since == other.phase_since
            && *durations == other.durations
            && *busy == other.busy
    }
}
