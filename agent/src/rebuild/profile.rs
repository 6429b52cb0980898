//! The system profile: the boot default. It is set by `nix-env` alone, which makes a generation and takes nix's own lock.

use std::time::Duration;

use pull_agent_core::SystemPath;

use super::Rebuild;
use crate::host::resolve;
use crate::process::call;

/// The program that sets it.
pub(super) const SET_PROFILE: &str = "nix-env";

/// Setting a link takes milliseconds; the lock of the profile may be taken by a garbage collection for long.
const ANSWER: Duration = Duration::from_secs(120);

/// How often it is tried, and the time between two tries.
const TRIES: u32 = 5;
const AGAIN: Duration = Duration::from_secs(1);

impl Rebuild {
    /// The command that makes a path the boot default.
    pub(super) fn set_profile_command(&self, system: &SystemPath) -> Vec<String> {
        let profile = self.inner.system.profile.display().to_string();
        [SET_PROFILE, "--profile", &profile, "--set", system.as_str()].map(str::to_owned).to_vec()
    }

    /// After an activation: where `system` does not run and the profile still points to it, sets the profile back to
    /// `previous`. Whatever else the profile points to was set by somebody else, and stays.
    pub(super) async fn settle_profile(&self, system: &SystemPath, previous: &SystemPath) {
        if system == previous {
            return;
        }
        for number in 1..=TRIES {
            let is_set = resolve(&self.inner.system.profile).as_ref() == Some(system);
            if self.runs(system) || !is_set {
                return;
            }
            let done = call(&self.set_profile_command(previous), &self.inner.environment, ANSWER).await;
            let how = match done {
                Ok(done) if done.status.success() => {
                    tracing::info!(%previous, "the profile is set back");
                    return;
                }
                Ok(done) => done.sentence(),
                Err(error) => error.to_string(),
            };
            tracing::error!(%previous, %how, number, "nix-env could not set the profile back");
            if number < TRIES {
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}
