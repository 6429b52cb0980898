//! Switching to what was built: the operator's own command, once. What it exits with keeps its meaning; busy is told apart.

use std::path::PathBuf;
use std::time::Duration;

use pull_agent_core::{Built, Cause, DeploymentId, Exit, ReasonCode, Revision, StepNumber, SystemPath};

use super::exit::{lasting, of_host, words};
use super::profile::{Reach, SET_PROFILE, SetBack};
use super::spec::{Kind, Spec, StepEnd};
use super::watch::{Ended, StartError, Step, StepState};
use super::{Rebuild, classify, gc_root, log, space};
use crate::host::resolve;
use crate::settings::Runner;
use crate::systemd::{NIXOS_SWITCH_UNIT, unit_state};

/// Between two looks at nixos-rebuild's own unit, and how many of them pass before a word about it.
const LOOK: Duration = Duration::from_millis(500);
const LOOKS_PER_WORD: u32 = 120;

/// Exit code of switch-to-configuration when another one has the lock: EAGAIN.
const LOCK_BUSY: i32 = 11;

/// Exit code of switch-to-configuration when units failed, and when the activation script did.
const UNITS_FAILED: i32 = 4;
const SCRIPT_FAILED: i32 = 2;

/// What switch-to-configuration says when the activation script failed. As soon as any unit is failed as well it ends with
/// [`UNITS_FAILED`], and this line is all that is left of it.
const SCRIPT_FAILED_LINE: &str = "Failed to run activate script";

/// Lists of units that switch-to-configuration still has to work off. It removes each when that is done, and goes on with
/// what is there when it is run again; so one that is left means that it was stopped half-way. nixos-rebuild may have ended
/// with 0 all the same: systemd-run does when somebody stops its unit.
const UNFINISHED: [&str; 3] = ["start-list", "restart-list", "reload-list"];

/// What systemd-run says when the name of the unit is taken; nixos-rebuild then exits with 1, as for so much else.
const NAME_TAKEN: &str = "was already loaded or has a fragment file";

impl Rebuild {
    /// Switches to the built system, or waits for the switch of this number that runs already. Where that system does not run
    /// afterwards and the profile still points to it, sets profile and boot loader back to what ran before. A switch that
    /// activated nothing and could not be set back ends in [`Exit::BeforeActivation`] with a cause that does not pass: the next
    /// boot would start what it left, so it needs a way back. When the future is dropped, a running switch goes on.
    pub async fn switch(
        &self,
        number: StepNumber,
        deployment: DeploymentId,
        revision: &Revision,
        built: &Built,
    ) -> Exit {
        let Built { system, previous } = built;
        let step = self.step(Kind::Switch, deployment, number);
        if let Err(sentence) = self.make_folders() {
            return of_host(sentence);
        }
        if let Ok(StepState::Fresh) = step.look()
            && let Some(exit) = self.hindrance().await
        {
            return exit;
        }
        gc_root::keep(previous);
        let spec = || self.spec(&step, deployment, vec![self.command("switch", &[], &self.flake(revision))]);
        let (exit, log_from) = self.activation(&step, deployment, spec).await;
        let exit = self.interpret(exit, deployment, log_from, system).await;
        let reach = if exit == Exit::Busy { Reach::Profile } else { Reach::BootLoader };
        let set_back = self.set_back(number, deployment, built, reach).await;
        with_set_back(exit, set_back, previous)
    }

    /// Whether a switch would be futile now: somebody else activates, or the log has no room.
    async fn hindrance(&self) -> Option<Exit> {
        for folder in [&self.inner.state.log_directory, &self.inner.state.directory] {
            if let Err(sentence) = space::of_own(folder) {
                return Some(of_host(sentence));
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
                Runner::Systemd => Some(of_host(format!("cannot ask for {NIXOS_SWITCH_UNIT}: {error}"))),
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
            StepEnd::Exited(code) if code != 0 && result.program == SET_PROFILE => {
                lasting(format!("{SET_PROFILE} failed with exit code {code}"))
            }
            StepEnd::Exited(LOCK_BUSY) | StepEnd::Busy => Exit::Busy,
            StepEnd::Exited(code) => Exit::Code(code),
            StepEnd::Signalled(signal) => Exit::Signal(signal),
            StepEnd::NotStarted(sentence) | StepEnd::GivenUp(sentence) => of_host(sentence),
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
        of_host(error.to_string())
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
                let found = classify::classify(&text);
                // Once the profile is set nix has done its part; what fails after that is the switch, which needs room only.
                let is_switching = resolve(&self.inner.system.profile).as_ref() == Some(system);
                let may_pass = found.may_pass() && (!is_switching || found.code == ReasonCode::DiskFull);
                if may_pass && !self.runs(system) { Exit::BeforeActivation(found.into()) } else { exit }
            }
            // nixos-rebuild itself was killed, or its child was (256 less the signal): the switch is a unit of its own.
            Exit::Killed | Exit::Signal(_) | Exit::Code(128..) => {
                self.switch_unit_ended().await;
                exit
            }
            Exit::Code(0 | UNITS_FAILED) => {
                if let Some(list) = self.unfinished_list() {
                    let list = list.display();
                    tracing::warn!(%list, "the switch was stopped half-way; it is done again to its end");
                    self.switch_unit_ended().await;
                    return Exit::Killed;
                }
                let log = self.inner.state.log(deployment.0);
                let hidden = exit != Exit::Code(0) && log::has_line(&log, from, SCRIPT_FAILED_LINE);
                if hidden { Exit::Code(SCRIPT_FAILED) } else { exit }
            }
            Exit::Code(_) | Exit::Busy | Exit::BeforeActivation(_) => exit,
        }
    }

    /// A list of switch-to-configuration that is not worked off. They are beside the link to the running system.
    fn unfinished_list(&self) -> Option<PathBuf> {
        let folder = self.inner.system.current.parent()?.join("nixos");
        UNFINISHED.iter().map(|name| folder.join(name)).find(|list| list.exists())
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
        // Busy and killed are followed by another switch, after which it is set back anew; the others by the way back.
        Exit::Busy | Exit::Killed | Exit::Code(0) | Exit::Signal(_) => exit,
        Exit::Code(_) => lasting(format!("the switch {}, and {trouble}", words(&exit))),
        Exit::BeforeActivation(cause) => {
            let code = cause.code().unwrap_or(ReasonCode::Unclassified);
            Exit::BeforeActivation(Cause::told(code, format!("{}; {trouble}", cause.sentence())))
        }
    }
}
