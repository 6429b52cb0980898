//! Everything that the core may ask for, in the imperative. Carrying a command out is the caller's duty, after the state
//! was saved; doing one twice is doing it once.

use alloc::vec::Vec;

use crate::id::{Attempt, DeploymentId, Revision, SystemPath};

/// Something that the caller is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Ask the remote for the tip of the branch and look at the host. Answered by [`crate::Event::Polled`].
    Poll {
        /// To be brought back.
        attempt: Attempt,
    },
    /// Bring this revision into the clone, whole and synced, and compare it. Answered by [`crate::Event::Fetched`].
    Fetch {
        /// To be brought back.
        attempt: Attempt,
        /// What to fetch.
        revision: Revision,
        /// What to compare it with.
        deployed: Option<Revision>,
    },
    /// Ask the forge for a verdict. Answered by [`crate::Event::Checked`].
    Check {
        /// To be brought back.
        attempt: Attempt,
        /// Of which revision.
        revision: Revision,
    },
    /// Build the host's system of this revision, or wait for the build of this attempt that runs already.
    /// Answered by [`crate::Event::Built`].
    Build {
        /// To be brought back.
        attempt: Attempt,
        /// Whose log it writes.
        deployment: DeploymentId,
        /// What to build.
        revision: Revision,
    },
    /// End the running build with everything it started. Its answer still comes by [`crate::Event::Built`].
    CancelBuild {
        /// Which build.
        attempt: Attempt,
    },
    /// Switch to the built system, or wait for the switch of this attempt that runs already. When `system` does not run
    /// afterwards and the profile still points to it, set the profile back to `previous`.
    /// Answered by [`crate::Event::Activated`].
    Activate {
        /// To be brought back.
        attempt: Attempt,
        /// Whose log it writes.
        deployment: DeploymentId,
        /// What was built.
        revision: Revision,
        /// Its path.
        system: SystemPath,
        /// What ran before.
        previous: SystemPath,
    },
    /// Look once whether the host is healthy. Answered by [`crate::Event::Probed`].
    Probe {
        /// To be brought back.
        attempt: Attempt,
        /// Whose log it writes.
        deployment: DeploymentId,
    },
    /// Set the profile to the path and activate it, or wait for the way back of this attempt that runs already.
    /// Answered by [`crate::Event::RolledBack`].
    RollBack {
        /// To be brought back.
        attempt: Attempt,
        /// Whose log it writes.
        deployment: DeploymentId,
        /// What ran before.
        system: SystemPath,
    },
    /// Forget logs and step results of deployments that left the history. Answered by nothing.
    Forget {
        /// Which deployments.
        deployments: Vec<DeploymentId>,
    },
}

impl Command {
    /// Whether this only looks: a newer one of its kind makes it void.
    #[must_use]
    pub const fn is_look(&self) -> bool {
        match self {
            Self::Poll { .. } | Self::Fetch { .. } | Self::Check { .. } | Self::Probe { .. } => true,
            Self::Build { .. }
            | Self::CancelBuild { .. }
            | Self::Activate { .. }
            | Self::RollBack { .. }
            | Self::Forget { .. } => false,
        }
    }
}
