//! What must hold at every moment, by the host and the disk as they are.

use pull_agent_core::{Command, Deployment, Ledger, Phase, Policy, State};

use super::{BACK, BOUNDED, GREEN, Ghost, SAVED, TIP};
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
        let current = saved.and_then(|saved| saved.deployment.as_ref());
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
                        // A switch that was killed half-way is not over.
                        Phase::Ready { killed, .. } => killed > 0,
                        Phase::Building { .. } => false,
                    }
            });
            let settled = deployment.0 <= self.lost || self.settled.contains(&deployment);
            let profile = Some(crate::world::system_path(world.host.profile));
            let recorded = current
                .is_some_and(|current| current.built().map(|built| &built.previous) == profile.as_ref());
            if !under_way && !settled && !recorded {
                return Err(Violation::new(
                    BACK,
                    format!("the profile is that of deployment {deployment}, but the disk says {current:?}"),
                ));
            }
        }
        if let Some(state) = state {
            bounded(state.ledger(), policy)?;
            self.activates(state)?;
            self.activates_by_a_fresh_verdict(state, world, policy)?;
        }
        Ok(())
    }

    /// A switch is decided on by what the forge said to this process not long ago; one that is half-way goes on without.
    fn activates_by_a_fresh_verdict(
        &mut self,
        state: &State,
        world: &World,
        policy: &Policy,
    ) -> Result<(), Violation> {
        let Some(Deployment { candidate, phase: Phase::Activating { step, killed: 0, .. }, .. }) =
            state.deployment()
        else {
            return Ok(());
        };
        if step.0 <= self.switch {
            return Ok(());
        }
        self.switch = step.0;
        let word = self.commit(world.remote.number(&candidate.revision)).word;
        let fresh = word.is_some_and(|(green, at)| green && world.clock.now - at <= policy.verdict_max_age.0);
        if fresh {
            Ok(())
        } else {
            Err(Violation::new(GREEN, format!("switch {step} is decided on, the last word is {word:?}")))
        }
    }

    /// What is activated must not have been taken back from the branch, as far as the agent knows.
    fn activates(&mut self, state: &State) -> Result<(), Violation> {
        let Some(Deployment { id, phase: Phase::Activating { .. }, .. }) = state.deployment() else {
            return Ok(());
        };
        let (id, deployed) = (*id, state.ledger().deployed.as_ref().map(|deployed| &deployed.revision));
        if self.activated.replace(id) != Some(id)
            && deployed.is_some()
            && state.poll().tip.as_ref() == deployed
        {
            return Err(Violation::new(TIP, format!("deployment {id} is activated, but was taken back")));
        }
        Ok(())
    }
}

/// What the agent starts is what its disk says. To compare everything is dear, and of use only where a save can fail.
pub(super) fn intended(command: &Command, world: &World, state: Option<&State>) -> Result<(), Violation> {
    let disk = world.disk.state.as_deref();
    let same = state.is_some_and(|state| disk.is_some_and(|disk| state.is_saved_as(disk)));
    if world.faults.disk_is_full(world.clock.now) && !same {
        return Err(Violation::new(SAVED, format!("{command:?} while nothing can be saved")));
    }
    Ok(())
}

pub(super) fn says(current: &Deployment, step: &Step) -> bool {
    let (kind, number) = match current.phase {
        Phase::Building { step } => (Kind::Build, step),
        Phase::Activating { step, .. } => (Kind::Activate, step),
        Phase::RollingBack { step, .. } => (Kind::RollBack, step),
        Phase::Ready { .. } | Phase::Confirming { .. } => return false,
    };
    current.id == step.deployment && kind == step.kind && number.0 == step.number
}

fn bounded(ledger: &Ledger, policy: &Policy) -> Result<(), Violation> {
    let most = policy.keep_deployments;
    if ledger.history.len() > most || ledger.held.len() > most {
        return Err(Violation::new(BOUNDED, "history or holds".to_string()));
    }
    Ok(())
}
