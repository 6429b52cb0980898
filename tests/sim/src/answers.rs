//! What the tasks of the agent have to say when they are done.

use pull_agent_core::{
    Ancestry, Command, Event, Exit, FailureClass, Fetched, Revision, StepFailure, SystemPath,
};

use crate::driver::{DriverMutation, Refused, Sim};
use crate::world::{By, StepResult, World, system_number, system_path};

impl Sim {
    /// What a task has to say when it is done.
    pub(crate) fn answer(&mut self, command: Command, refused: Option<Refused>) -> Event {
        match command {
            Command::Poll { attempt } => {
                let result = self.ask_remote(|world| world.remote.commits[world.remote.tip].revision.clone());
                Event::Polled { attempt, host: self.world.host.view(), result }
            }
            Command::Fetch { attempt, revision, deployed } => {
                let result = self.ask_remote(|world| world.fetched(&revision, deployed.as_ref()));
                Event::Fetched { attempt, result }
            }
            Command::Check { attempt, revision } => {
                let commit = self.world.remote.number(&revision);
                let verdict = self.world.forge.verdict(commit, self.now());
                let gate = self.agent.as_ref().and_then(|agent| agent.state().seen.gate.in_flight);
                if gate.is_some_and(|gate| gate.attempt == attempt) {
                    self.ghost.forge_says(commit, &verdict, self.world.clock.now);
                }
                Event::Checked { attempt, verdict }
            }
            Command::Probe { attempt, .. } => {
                let healthy = self.world.host.healthy_at <= self.now();
                let failures = if healthy { Vec::new() } else { vec!["a unit failed".to_string()] };
                Event::Probed { attempt, failures }
            }
            Command::Build { attempt, .. } => {
                let result = self.world.build_result(attempt.0, refused);
                Event::Built { attempt, host: self.world.host.view(), result }
            }
            Command::Activate { attempt, deployment, system, previous, .. } => {
                let exit = self.exit(attempt.0, refused);
                let (system, previous) = (system_number(&system), system_number(&previous));
                let host = &mut self.world.host;
                let restores = host.current != system && host.profile == system;
                if restores && self.mutation != Some(DriverMutation::NoRestore) {
                    host.profile = previous;
                    host.profile_by = By::Restore(deployment);
                }
                if matches!(exit, Exit::Busy) {
                    self.ghost.busy(deployment);
                }
                Event::Activated { attempt, exit, host: self.world.host.view() }
            }
            Command::RollBack { attempt, .. } => {
                let exit = self.exit(attempt.0, refused);
                Event::RolledBack { attempt, exit, host: self.world.host.view() }
            }
            Command::CancelBuild { .. } | Command::Forget { .. } => Event::DeadlinePassed,
        }
    }

    fn ask_remote<T>(&self, answer: impl FnOnce(&World) -> T) -> Result<T, String> {
        if self.world.faults.remote_down_until > self.now() {
            Err("could not resolve host".to_string())
        } else {
            Ok(answer(&self.world))
        }
    }

    fn exit(&self, attempt: u64, refused: Option<Refused>) -> Exit {
        match (refused, self.world.disk.steps.get(&attempt).and_then(|file| file.result.as_ref())) {
            (Some(Refused::Busy), _) => Exit::Busy,
            (Some(Refused::Full), _) => Exit::NotStarted("no space left on device".to_string()),
            (None, Some(StepResult::Ended(exit))) => exit.clone(),
            (None, Some(StepResult::Built(_) | StepResult::NotBuilt(_)) | None) => Exit::Killed,
        }
    }
}

impl World {
    fn fetched(&self, revision: &Revision, deployed: Option<&Revision>) -> Fetched {
        let commit = self.remote.number(revision);
        let ancestry = match deployed.map(|deployed| self.remote.number(deployed)) {
            None => Ancestry::NothingDeployed,
            Some(deployed) if self.remote.descends(commit, deployed) => Ancestry::Descendant,
            Some(deployed) => Ancestry::NotDescendant(format!("{commit} does not descend from {deployed}")),
        };
        Fetched { subject: String::new(), author: String::new(), ancestry }
    }

    fn build_result(&self, attempt: u64, refused: Option<Refused>) -> Result<SystemPath, StepFailure> {
        let class = match (refused, self.disk.steps.get(&attempt).and_then(|file| file.result.as_ref())) {
            (Some(Refused::Busy | Refused::Full), _) => FailureClass::Transient,
            (None, Some(StepResult::Built(system))) => return Ok(system_path(*system)),
            (None, Some(StepResult::NotBuilt(class))) => *class,
            (None, Some(StepResult::Ended(_)) | None) => FailureClass::Killed,
        };
        Err(StepFailure { class, reason: format!("{class:?}") })
    }
}
