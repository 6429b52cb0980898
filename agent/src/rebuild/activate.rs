//! Switching to what was built: the operator's own command, once. What it exits with keeps its meaning; busy is told apart.

use std::time::Duration;

use pull_agent_core::{Attempt, DeploymentId, Exit, FailureClass, Revision, StepFailure, SystemPath};

use super::profile::{Reach, SET_PROFILE, SetBack};
use super::spec::{Kind, Outcome, Spec};
use super::watch::{Ended, Seen, StartError, Step};
use super::{Rebuild, classify, gc_root, log, space};
use crate::settings::Runner;
use crate::systemd::{NIXOS_SWITCH_UNIT, unit_state};

/// Between two looks at nixos-rebuild's own unit, and how many of them pass before a word about it.
const LOOK: Duration = Duration::from_millis(500);
const LOOKS_PER_WORD: u32 = 120;

/// Exit code of switch-to-configuration when another one has the lock: EAGAIN.
const LOCK_BUSY: i32 = 11;

/// What systemd-run says when the name of the unit is taken; nixos-rebuild then exits with 1, as for so much else.
const NAME_TAKEN: &str = "was already loaded or has a fragment file";

impl Rebuild {
    /// Switches to the built system, or waits for the switch of this attempt that runs already. Where `system` does not run
    /// afterwards and the profile still points to it, sets profile and boot loader back to `previous`. A switch that activated
    /// nothing and could not be set back is [`Exit::FailedEarly`]: the next boot would start what it left, so it needs a way
    /// back. When the future is dropped, a running switch goes on.
    pub async fn activate(
        &self,
        attempt: Attempt,
        deployment: DeploymentId,
        revision: &Revision,
        system: &SystemPath,
        previous: &SystemPath,
    ) -> Exit {
        let step = self.step(Kind::Switch, deployment, attempt);
        if let Err(sentence) = self.make_folders() {
            return Exit::NotStarted(sentence);
        }
        if let Ok(Seen::Fresh) = step.look()
            && let Some(exit) = self.hindrance().await
        {
            return exit;
        }
        gc_root::keep(previous);
        let spec = || self.spec(&step, deployment, vec![self.command("switch", &[], &self.flake(revision))]);
        let (exit, log_from) = self.activation(&step, deployment, spec).await;
        let exit = self.interpret(exit, deployment, log_from, system).await;
        let reach = if exit == Exit::Busy { Reach::Profile } else { Reach::BootLoader };
        let set_back = self.set_back(attempt, deployment, system, previous, reach).await;
        with_set_back(exit, set_back, previous)
    }

    /// Whether a switch would be futile now: somebody else activates, or the log has no room.
    async fn hindrance(&self) -> Option<Exit> {
        for folder in [&self.inner.state.log_directory, &self.inner.state.directory] {
            if let Err(sentence) = space::of_own(folder) {
                return Some(Exit::NotStarted(sentence));
            }
        }
        if let Some(sentence) = space::of_boot() {
            tracing::warn!("{sentence}");
        }
        if !self.has_systemd() {
            return None;
        }
        match unit_state(&self.inner.environment, NIXOS_SWITCH_UNIT).await {
            Ok(state) if state.loaded => Some(Exit::Busy),
            Ok(_) => None,
            Err(error) => match self.inner.rebuild.runner {
                Runner::Systemd => {
                    Some(Exit::NotStarted(format!("cannot ask for {NIXOS_SWITCH_UNIT}: {error}")))
                }
                Runner::Process => {
                    tracing::warn!(%error, "cannot ask for {NIXOS_SWITCH_UNIT}");
                    None
                }
            },
        }
    }

    /// Runs or finds an activating step, and returns how it ended and where its log begins. Shared with the way back.
    pub(super) async fn activation(
        &self,
        step: &Step,
        deployment: DeploymentId,
        spec: impl FnOnce() -> Spec + Send,
    ) -> (Exit, u64) {
        let begun = match step.start(&self.starter(), spec).await {
            Ok(begun) => begun,
            Err(error) => return (self.not_started(step.kind, error).await, 0),
        };
        let result = match step.end(begun).await {
            Ok(Ended::Result(result)) => result,
            Ok(Ended::Gone { log_from, .. }) => return (Exit::Killed, log_from),
            Err(error) => {
                tracing::error!(%deployment, %error, "cannot wait for a step");
                return (Exit::Killed, 0);
            }
        };
        let exit = match result.outcome {
            // Wherever the agent sets the profile it does so first; when that fails, nothing was activated.
            Outcome::Exited(code) if code != 0 && result.program == SET_PROFILE => {
                Exit::FailedEarly(format!("{SET_PROFILE} failed with exit code {code}"))
            }
            Outcome::Exited(LOCK_BUSY) | Outcome::Busy => Exit::Busy,
            Outcome::Exited(code) => Exit::Code(code),
            Outcome::Signalled(signal) => Exit::Signal(signal),
            Outcome::NotStarted(sentence) | Outcome::GivenUp(sentence) => Exit::NotStarted(sentence),
        };
        (exit, result.log_from)
    }

    /// A step that did not start: busy, where an earlier one of ours still has the unit's name.
    async fn not_started(&self, kind: Kind, error: StartError) -> Exit {
        if self.inner.rebuild.runner == Runner::Systemd
            && matches!(error, StartError::Runner(_))
            && unit_state(&self.inner.environment, kind.unit()).await.is_ok_and(|state| state.loaded)
        {
            return Exit::Busy;
        }
        Exit::NotStarted(error.to_string())
    }

    /// Tells apart what nixos-rebuild folds into one exit code.
    async fn interpret(&self, exit: Exit, deployment: DeploymentId, from: u64, system: &SystemPath) -> Exit {
        match exit {
            Exit::Code(1) => {
                let text = log::tail(&self.inner.state.log(deployment.0), from);
                if text.contains(NAME_TAKEN) || self.somebody_else_activates(system).await {
                    return Exit::Busy;
                }
                // It may have lost its connection to systemd while the switch goes on.
                self.switch_unit_ended().await;
                match classify::classify(&text) {
                    StepFailure { class: FailureClass::Transient, reason } if !self.runs(system) => {
                        Exit::NotStarted(reason)
                    }
                    StepFailure { .. } => exit,
                }
            }
            // nixos-rebuild itself was killed, or its child was (256 less the signal): the switch is a unit of its own.
            Exit::Killed | Exit::Signal(_) | Exit::Code(128..) => {
                self.switch_unit_ended().await;
                exit
            }
            Exit::Code(_) | Exit::Busy | Exit::NotStarted(_) | Exit::FailedEarly(_) => exit,
        }
    }

    /// Whether nixos-rebuild's unit activates another system than ours.
    async fn somebody_else_activates(&self, system: &SystemPath) -> bool {
        if !self.has_systemd() {
            return false;
        }
        unit_state(&self.inner.environment, NIXOS_SWITCH_UNIT)
            .await
            .is_ok_and(|state| state.loaded && !state.command.contains(system.as_str()))
    }

    /// Waits until nixos-rebuild's own unit does not run any more; as long as that takes, for it is never killed.
    async fn switch_unit_ended(&self) {
        let mut looks = 0_u32;
        while self.has_systemd() {
            let trouble = match unit_state(&self.inner.environment, NIXOS_SWITCH_UNIT).await {
                Ok(state) if !state.active => return,
                Ok(_) => None,
                Err(error) => Some(error),
            };
            if looks.is_multiple_of(LOOKS_PER_WORD) {
                match (&trouble, self.inner.rebuild.runner) {
                    // A host on which systemctl cannot work has no such unit of ours.
                    (Some(_), Runner::Process) => return,
                    (Some(error), Runner::Systemd) => {
                        tracing::error!(%error, "cannot ask for {NIXOS_SWITCH_UNIT}")
                    }
                    (None, _) => tracing::warn!("waiting for {NIXOS_SWITCH_UNIT} to end"),
                }
            }
            looks = looks.wrapping_add(1);
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// The end of a switch after which the boot default could not be set back says so.
fn with_set_back(exit: Exit, set_back: SetBack, previous: &SystemPath) -> Exit {
    let how = match set_back {
        SetBack::Untouched | SetBack::Done => return exit,
        SetBack::Failed { how } => how,
    };
    let trouble = format!("the boot default could not be set back to {previous}: {how}");
    match exit {
        // These are followed by another switch, after which it is set back anew.
        Exit::Busy | Exit::Killed => exit,
        Exit::NotStarted(reason) => Exit::NotStarted(format!("{reason}; {trouble}")),
        // These are followed by the way back in any case.
        Exit::Code(0) | Exit::Signal(_) => exit,
        Exit::Code(code) => {
            Exit::FailedEarly(format!("the switch ended with exit code {code}, and {trouble}"))
        }
        Exit::FailedEarly(reason) => Exit::FailedEarly(format!("{reason}; {trouble}")),
    }
}
