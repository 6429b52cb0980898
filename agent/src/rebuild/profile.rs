//! What the next boot starts: the system profile, and the default of the boot loader. `nix-env` alone sets the former, which
//! makes a generation and takes nix's own lock; a system's `switch-to-configuration boot` sets the latter.
//!
//! nixos-rebuild sets the one and switch-to-configuration the other before anything is activated. So a switch that stops in
//! between (exit code 100, or 1) leaves the next boot to a system that never ran.

use std::path::Path;

use pull_agent_core::{Built, DeploymentId, Exit, StepNumber, SystemPath};

use super::Rebuild;
use super::exit::words;
use super::spec::Kind;
use super::watch::StepState;
use crate::host::resolve;

/// The program that sets the profile.
pub(super) const SET_PROFILE: &str = "nix-env";

/// What became of the boot default after a switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SetBack {
    /// It was left alone: the new system runs, or the profile does not lead to it, for the switch never came so far, or
    /// somebody else has set it since.
    Untouched,
    /// Profile and boot loader have the recorded path again.
    Done,
    /// It could not be set back.
    Failed {
        /// How that ended, for a sentence.
        how: String,
    },
}

/// How much of the boot default a switch may have set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Only the profile: another activation was at work. The boot loader is the other one's, and it stays.
    Profile,
    /// The boot loader, too.
    BootLoader,
}

impl Rebuild {
    /// The command that makes a path the profile.
    pub(super) fn set_profile_command(&self, system: &SystemPath) -> Vec<String> {
        let profile = self.inner.system.profile.display().to_string();
        [SET_PROFILE, "--profile", &profile, "--set", system.as_str()].map(str::to_owned).to_vec()
    }

    /// After the switch of this number: where its system does not run and the profile still leads to it, sets profile and boot
    /// loader back to what ran before. What the profile leads to else was set by somebody else, and stays. A step does it,
    /// like all that touches the host: the agent's death does not end it, and the next agent hears how it went. It is done
    /// once; what follows when it fails is the core's to say.
    pub(super) async fn set_back(
        &self,
        number: StepNumber,
        deployment: DeploymentId,
        built: &Built,
        reach: Reach,
    ) -> SetBack {
        let Built { system, previous } = built;
        if system == previous {
            return SetBack::Untouched;
        }
        let step = self.step(Kind::SetBack, deployment, number);
        let profile = resolve(&self.inner.system.profile);
        let is_ours = profile.as_ref() == Some(system);
        // One that was killed half-way has set the profile already.
        let begun =
            matches!(step.look(), Ok(StepState::Running(_) | StepState::Dead(_) | StepState::Ended(_)));
        if self.runs(system) || !(is_ours || begun) {
            return SetBack::Untouched;
        }
        let spec = || {
            // The profile first: boot loaders list its generations, and take their default from that list.
            let mut commands = Vec::new();
            if is_ours {
                commands.push(self.set_profile_command(previous));
            }
            if reach == Reach::BootLoader {
                let program = format!("{previous}/bin/switch-to-configuration");
                commands.push(vec![program, "boot".to_owned()]);
            }
            let mut spec = self.spec(&step, deployment, commands);
            spec.directory = Path::new("/").to_owned();
            spec
        };
        let (exit, _) = self.activation(&step, deployment, spec).await;
        if exit == Exit::Code(0) {
            tracing::info!(%deployment, %previous, "the boot default is set back");
            return SetBack::Done;
        }
        let how = format!("the command {}", words(&exit));
        tracing::error!(%deployment, %previous, how, "the boot default could not be set back");
        SetBack::Failed { how }
    }
}
