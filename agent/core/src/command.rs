//! Everything that the core may ask for, in the imperative. Carrying a command out is the caller's duty, after the state
//! was saved; doing one twice is doing it once.

use alloc::vec::Vec;

use crate::deploy::Built;
use crate::id::{DeploymentId, LookNumber, Revision, StepNumber};

/// Something that the caller is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Command {
    /// Ask the remote for the tip of the branch and look at the host. Answered by [`crate::Event::Polled`].
    Poll {
        /// Its number, which the answer brings back.
        look: LookNumber,
    },
    /// Bring this revision into the clone, whole and synced, and compare it. Answered by [`crate::Event::Fetched`].
    Fetch {
        /// Its number, which the answer brings back.
        look: LookNumber,
        revision: Revision,
        /// The deployed revision, to compare it with.
        base: Option<Revision>,
        /// What is held, or may be soon: which of them it descends from is asked as well.
        held: Vec<Revision>,
    },
    /// Ask the forge for a verdict. Answered by [`crate::Event::Checked`].
    Check {
        /// Its number, which the answer brings back.
        look: LookNumber,
        revision: Revision,
    },
    /// Ask the forge once more, before an activation whose verdict is too old. Answered by [`crate::Event::CheckedAgain`].
    CheckAgain {
        /// Its number, which the answer brings back.
        look: LookNumber,
        revision: Revision,
    },
    /// Look for the newest green commit on the first-parent line below a tip that is not green. Answered by
    /// [`crate::Event::LookedBack`].
    LookBack {
        /// Its number, which the answer brings back.
        look: LookNumber,
        /// Where the line begins; it is not looked at itself.
        tip: Revision,
        /// The deployed revision: what is older is of no interest.
        base: Option<Revision>,
        /// What is held: what is older than one of these is of no interest either.
        held: Vec<Revision>,
    },
    /// Build the host's system of this revision, or wait for the build of this number that runs already.
    /// Answered by [`crate::Event::Built`].
    Build {
        /// Its number, which the answer brings back.
        step: StepNumber,
        /// Whose log it writes.
        deployment: DeploymentId,
        revision: Revision,
    },
    /// End the running build with everything it started. Its answer still comes by [`crate::Event::Built`].
    CancelBuild {
        /// The number that the build was started with.
        step: StepNumber,
    },
    /// Activate one of two systems, or wait for the activation of this number that runs already.
    /// Answered by [`crate::Event::Activated`].
    Activate {
        /// Its number, which the answer brings back.
        step: StepNumber,
        /// Whose log it writes.
        deployment: DeploymentId,
        operation: Operation,
        built: Built,
    },
    /// Look once whether the host is healthy. Answered by [`crate::Event::Probed`].
    Probe {
        /// Its number, which the answer brings back.
        look: LookNumber,
        /// Whose log it writes, and with whose baseline it compares.
        deployment: DeploymentId,
    },
    /// Forget logs and step results of deployments that left the history. Answered by nothing.
    Forget { deployments: Vec<DeploymentId> },
}

/// Which of its two systems a deployment activates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// To what was built, by `nixos-rebuild switch`. When it does not run afterwards, and profile or boot default still are
    /// it, these are set back to what ran before.
    Switch {
        /// Names the flake that `nixos-rebuild switch` is given.
        revision: Revision,
        /// What is done about the note of how healthy the host was before.
        baseline: Baseline,
    },
    /// To what ran before: profile first, then its activation.
    Back,
}

/// How healthy the host was before a switch, so that what was ill before is not blamed on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// Nothing of the deployment was activated yet: look now, whatever was noted earlier.
    Take,
    /// The switch has begun already, or may have: what was noted stays; look only if there is nothing.
    Keep,
}

impl Command {
    /// Whether this only looks: a newer one of its kind makes it void.
    #[must_use]
    pub const fn is_look(&self) -> bool {
        match self {
            Self::Poll { .. }
            | Self::Fetch { .. }
            | Self::Check { .. }
            | Self::CheckAgain { .. }
            | Self::LookBack { .. }
            | Self::Probe { .. } => true,
            Self::Build { .. } | Self::CancelBuild { .. } | Self::Activate { .. } | Self::Forget { .. } => {
                false
            }
        }
    }
}
