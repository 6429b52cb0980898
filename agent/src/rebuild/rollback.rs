//! Going back: the profile first, so that a power cut on the way boots the old system, then its own activation.

use std::path::Path;

use pull_agent_core::{Attempt, DeploymentId, Exit, SystemPath};

use super::Rebuild;
use super::spec::Kind;
use crate::host::resolve;

impl Rebuild {
    /// Sets the profile to `system` and activates it, or waits for the way back of this attempt that runs already. When the
    /// future is dropped, what runs goes on.
    pub async fn roll_back(&self, attempt: Attempt, deployment: DeploymentId, system: &SystemPath) -> Exit {
        let step = self.step(Kind::Rollback, deployment, attempt);
        let spec = || {
            let activate = format!("{system}/bin/switch-to-configuration");
            let mut commands = vec![vec![activate, "switch".to_owned()]];
            if resolve(&self.inner.system.profile).as_ref() != Some(system) {
                commands.insert(0, self.set_profile_command(system));
            }
            let mut spec = self.spec(&step, deployment, commands);
            // Not in the folder of builds: what is activated there would depend on it.
            spec.directory = Path::new("/").to_owned();
            spec
        };
        if let Err(sentence) = self.make_folders() {
            return Exit::NotStarted(sentence);
        }
        self.activation(&step, deployment, spec).await.0
    }
}
