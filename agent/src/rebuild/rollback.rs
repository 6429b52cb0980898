//! Going back: the profile first, so that a power cut on the way boots the old system, then its own activation.

use std::path::Path;

use pull_agent_core::{DeploymentId, Exit, ReasonCode, StepNumber, SystemPath};

use super::exit::of_host;
use super::spec::Kind;
use super::{Rebuild, classify, log};
use crate::host::resolve;

impl Rebuild {
    /// Sets the profile to `system` and activates it, or waits for the way back of this number that runs already. When the
    /// future is dropped, what runs goes on.
    pub async fn switch_back(
        &self,
        number: StepNumber,
        deployment: DeploymentId,
        system: &SystemPath,
    ) -> Exit {
        let step = self.step(Kind::Rollback, deployment, number);
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
            return of_host(sentence);
        }
        let (exit, log_from) = self.activation(&step, deployment, spec).await;
        // What may pass by itself, a full disk above all, is waited for longer than what may not.
        let Exit::BeforeActivation(cause) = &exit else { return exit };
        let found = if cause.code() == Some(ReasonCode::ActivationFailed) {
            classify::classify(&log::tail(&self.inner.state.log(deployment.0), log_from))
        } else {
            classify::not_started(cause.sentence())
        };
        match (found.may_pass(), cause.code()) {
            // nix-env says less in its log than the agent does.
            (false, Some(ReasonCode::ActivationFailed)) => exit,
            (true | false, _) => Exit::BeforeActivation(found.into()),
        }
    }
}
