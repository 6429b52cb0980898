//! What must hold at every moment, by the host and the disk as they are.

use pull_agent_core::{Command, Current, Phase, Policy, Saved, State};

use super::{BACK, BOUNDED, Ghost, SAVED, TIP};
use crate::violation::Violation;
use crate::world::{By, Kind, Step, World};

impl Ghost {
    /// After everything that happened.
    pub(crate) fn look(
        &mut self,
        world: &World,
        state: Option<&State>,
        policy: &Policy,
    ) -> Result<(), Violation> {
        let saved = world.disk.state.as_ref();
        let current = saved.and_then(|saved| saved.current.as_ref());
        match &world.host.step {
            Some(step) if !self.stray => {
                if !current.is_some_and(|current| says(current, step)) {
                    return Err(Violation::new(
                        SAVED,
                        format!("{step:?} runs, but the disk says {current:?}"),
                    ));
                }
            }
            Some(_) => {}
            None => self.stray = false,
        }
        if let By::Switch(deployment) = world.host.profile_by {
            let under_way = current.is_some_and(|current| {
                current.id == deployment
                    && match current.phase {
                        Phase::Activating { .. } | Phase::Confirming { .. } | Phase::RollingBack { .. } => {
                            true
                        }
                        Phase::Building { .. } | Phase::Built | Phase::Busy => false,
                    }
            });
            let settled = deployment.0 <= self.lost || self.settled.contains(&deployment);
            let profile = Some(crate::world::system_path(world.host.profile));
            let recorded = current.is_some_and(|current| current.previous == profile);
            if !under_way && !settled && !recorded {
                return Err(Violation::new(
                    BACK,
                    format!("the profile is that of deployment {deployment}, but the disk says {current:?}"),
                ));
            }
        }
        if let Some(state) = state {
            bounded(&state.saved, policy)?;
            self.activates(state)?;
        }
        Ok(())
    }

    /// What is activated must not have been taken back from the branch, as far as the agent knows.
    fn activates(&mut self, state: &State) -> Result<(), Violation> {
        let Some(Current { id, phase: Phase::Activating { .. }, .. }) = state.saved.current else {
            return Ok(());
        };
        let deployed = state.saved.deployed.as_ref().map(|deployed| &deployed.revision);
        if self.activated.replace(id) != Some(id)
            && deployed.is_some()
            && state.seen.poll.tip.as_ref() == deployed
        {
            return Err(Violation::new(TIP, format!("deployment {id} is activated, but was taken back")));
        }
        Ok(())
    }
}

/// What the agent starts is what its disk says. To compare everything is dear, and of use only where a save can fail.
pub(super) fn intended(command: &Command, world: &World, state: Option<&State>) -> Result<(), Violation> {
    let (disk, memory) = (world.disk.state.as_deref(), state.map(|state| &state.saved));
    if world.faults.disk_is_full(world.clock.now) && disk != memory {
        return Err(Violation::new(SAVED, format!("{command:?} while nothing can be saved")));
    }
    Ok(())
}

pub(super) fn says(current: &Current, step: &Step) -> bool {
    let (kind, attempt) = match current.phase {
        Phase::Building { attempt } => (Kind::Build, attempt),
        Phase::Activating { attempt, .. } => (Kind::Activate, attempt),
        Phase::RollingBack { attempt, .. } => (Kind::RollBack, attempt),
        Phase::Built | Phase::Busy | Phase::Confirming { .. } => return false,
    };
    current.id == step.deployment && kind == step.kind && attempt.0 == step.attempt
}

fn bounded(saved: &Saved, policy: &Policy) -> Result<(), Violation> {
    let most = policy.keep_deployments;
    if saved.history.len() > most || saved.held.len() > most {
        return Err(Violation::new(BOUNDED, "history or holds".to_string()));
    }
    Ok(())
}
