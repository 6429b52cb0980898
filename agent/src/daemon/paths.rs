//! Where the daemon keeps what belongs to no driver.

use std::path::PathBuf;

use pull_agent_core::DeploymentId;

use crate::settings::Settings;

/// How healthy the host was before the switch of a deployment.
pub(super) fn baseline(settings: &Settings, deployment: DeploymentId) -> PathBuf {
    settings.state.steps().join(format!("{deployment}-baseline.json"))
}
