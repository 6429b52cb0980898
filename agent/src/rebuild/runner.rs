//! How a step process is started and a build is ended: as a transient unit of systemd, or as a process in a session of its
//! own. Both outlive the agent. Never waits for the end of a step.

mod process;
mod systemd;

use std::path::Path;

use tokio::sync::oneshot;

use super::spec::{Kind, StepFiles};
use crate::process::Environment;
use crate::settings::Runner;
use crate::systemd::{SystemdError, stop};

/// Why a step process could not be started, or a build could not be ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunnerError {
    #[error(transparent)]
    Systemd(#[from] SystemdError),
    #[error("cannot start {program}: {reason}")]
    Start { program: String, reason: std::io::Error },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Starter<'a> {
    pub(super) runner: Runner,
    pub(super) executable: &'a Path,
    /// Further properties of the build unit.
    pub(super) properties: &'a [String],
    pub(super) environment: &'a Environment,
}

impl Starter<'_> {
    /// Starts the step process. Returns what tells of its end; none where only the step's files tell.
    pub(super) async fn start(
        &self,
        kind: Kind,
        spec: &Path,
    ) -> Result<Option<oneshot::Receiver<()>>, RunnerError> {
        match self.runner {
            Runner::Systemd => Ok(systemd::start(self, kind, spec).await.map(|()| None)?),
            Runner::Process => process::start(self.executable, spec).map(Some),
        }
    }

    /// Ends a running build with everything that it started. Where none runs, does nothing.
    pub(super) async fn stop_build(&self, files: &StepFiles) -> Result<(), RunnerError> {
        match self.runner {
            Runner::Systemd => Ok(stop(self.environment, Kind::Build.unit()).await?),
            Runner::Process => {
                process::stop(files).await;
                Ok(())
            }
        }
    }
}
