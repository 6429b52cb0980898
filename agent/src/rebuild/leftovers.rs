//! What earlier steps left: failed units of ours, a build that nobody waits for, files of deployments that left the history.

use std::path::Path;

use pull_agent_core::DeploymentId;

use super::Rebuild;
use super::spec::{Kind, StepFiles};
use crate::settings::Runner;
use crate::systemd::reset_failed;
use crate::{durable, lock};

impl Rebuild {
    /// Removes logs and step files of these deployments, their baselines too. What is not there is no error; what cannot be
    /// removed is logged, for it costs nothing but its room.
    pub fn forget(&self, deployments: &[DeploymentId]) {
        for deployment in deployments {
            remove(&self.inner.state.log(deployment.0));
        }
        self.remove_step_files(|id| deployments.contains(&id));
    }

    /// Removes what an agent left that lost its state: step files of deployments that are not `known` and have none of their
    /// steps running, and all but the newest `keep` of their logs.
    pub fn forget_unknown(&self, known: &[DeploymentId], keep: usize) {
        let steps = self.inner.state.steps();
        let runs = |id: DeploymentId| {
            Kind::ALL
                .iter()
                .any(|kind| lock::is_held(&StepFiles::new(&steps, id, *kind).lock).unwrap_or(true))
        };
        self.remove_step_files(|id| !known.contains(&id) && !runs(id));
        let mut logs = self.logs();
        logs.retain(|id| !known.contains(id));
        logs.sort_unstable();
        logs.truncate(logs.len().saturating_sub(keep));
        for id in logs {
            remove(&self.inner.state.log(id.0));
        }
    }

    /// Every deployment that has a log.
    fn logs(&self) -> Vec<DeploymentId> {
        let number = |name: String| Some(DeploymentId(name.strip_suffix(".log")?.parse().ok()?));
        names(&self.inner.state.log_directory).into_iter().filter_map(number).collect()
    }

    /// Forgets failures of our own units, so that their names are free. Does nothing without systemd.
    pub async fn reset_leftovers(&self) {
        if self.inner.rebuild.runner != Runner::Systemd {
            return;
        }
        for kind in Kind::ALL {
            if let Err(error) = reset_failed(&self.inner.environment, kind.unit()).await {
                tracing::warn!(unit = kind.unit(), %error, "a left-over unit cannot be reset");
            }
        }
    }

    /// Ends whatever build of ours runs, with everything that it started, and returns when it is gone. For a graceful stop.
    pub async fn cancel_running_build(&self) {
        self.cancel_builds(|_| true).await;
    }

    /// Ends the builds of these deployments, as [`Self::cancel_running_build`].
    pub(super) async fn cancel_builds(&self, which: impl Fn(DeploymentId) -> bool) {
        let steps = self.inner.state.steps();
        for deployment in self.deployments_with_files().into_iter().filter(|id| which(*id)) {
            let files = StepFiles::new(&steps, deployment, Kind::Build);
            if !lock::is_held(&files.lock).unwrap_or(false) {
                continue;
            }
            if let Err(error) = self.starter().stop_build(&files).await {
                tracing::error!(%error, "a build cannot be ended");
            }
        }
    }

    fn deployments_with_files(&self) -> Vec<DeploymentId> {
        let mut all: Vec<_> = self.step_files().into_iter().map(|(id, _)| id).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn remove_step_files(&self, which: impl Fn(DeploymentId) -> bool) {
        // Judged before the first is removed, for what judges may be among them.
        let files: Vec<_> = self.step_files().into_iter().filter(|(id, _)| which(*id)).collect();
        for (_, name) in files {
            remove(&self.inner.state.steps().join(name));
        }
    }

    /// Every file in the folder of steps that belongs to a deployment, with its number.
    fn step_files(&self) -> Vec<(DeploymentId, String)> {
        names(&self.inner.state.steps())
            .into_iter()
            .filter_map(|name| Some((DeploymentId(name.split_once('-')?.0.parse().ok()?), name)))
            .collect()
    }
}

/// Names of the files in a folder of ours.
fn names(folder: &Path) -> Vec<String> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect(),
        Err(error) => {
            if error.kind() != std::io::ErrorKind::NotFound {
                tracing::error!(folder = %folder.display(), %error, "the files of earlier steps cannot be listed");
            }
            Vec::new()
        }
    }
}

fn remove(file: &Path) {
    if let Err(error) = durable::remove(file) {
        tracing::warn!(file = %file.display(), %error, "a file that is not needed any more cannot be removed");
    }
}
