//! Going back: the profile first, so that a power cut on the way boots the old system, then its own activation.

use std::path::Path;

use pull_agent_core::{Attempt, DeploymentId, Exit, FailureClass, StepFailure, SystemPath};

use super::spec::Kind;
use super::{Rebuild, classify, log};
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
        let (exit, log_from) = self.activation(&step, deployment, spec).await;
        // What may pass by itself, a full disk above all, is waited for longer than what may not.
        match exit {
            Exit::NotStarted(sentence) => match classify::not_started(sentence) {
                StepFailure { class: FailureClass::Transient, reason } => Exit::NotStarted(reason),
                StepFailure { reason, .. } => Exit::FailedEarly(reason),
            },
            Exit::FailedEarly(sentence) => {
                let text = log::tail(&self.inner.state.log(deployment.0), log_from);
                match classify::classify(&text) {
                    StepFailure { class: FailureClass::Transient, reason } => Exit::NotStarted(reason),
                    StepFailure { .. } => Exit::FailedEarly(sentence),
                }
            }
            Exit::Code(_) | Exit::Signal(_) | Exit::Busy | Exit::Killed => exit,
        }
    }
}
