//! What the tasks of the agent have to say when they are done.

use pull_agent_core::{
    Ancestry, BelowTip, BuildEnd, Command, Event, Exit, Fetched, GreenCommit, LookNumber, Operation, Probe,
    ProbeFailure, ReasonCode, Revision, Verdict,
};

use crate::driver::{DriverMutation, Refused, Sim};
use crate::steps::{failed, full};
use crate::world::{By, StepResult, World, system_number, system_path};

/// So many commits below the tip are looked at.
pub(crate) const MOST_BELOW: usize = 20;

impl Sim {
    /// What a task has to say when it is done.
    pub(crate) fn answer(&mut self, command: Command, refused: Option<Refused>) -> Event {
        match command {
            Command::Poll { look } => {
                let result = self.ask_remote(|world| world.remote.commits[world.remote.tip].revision.clone());
                Event::Polled { look, host: self.world.host.view(), result }
            }
            Command::Fetch { look, revision, base, held } => {
                let result = self.ask_remote(|world| world.fetched(&revision, base.as_ref(), &held));
                Event::Fetched { look, result }
            }
            Command::Check { look, revision } => {
                let awaited = self.agent.as_ref().and_then(|agent| agent.state().gate().in_flight);
                let verdict = self.ask_forge(&revision, awaited.is_some_and(|it| it.look == look));
                Event::Checked { look, verdict }
            }
            Command::CheckAgain { look, revision } => {
                let awaited = self.agent.as_ref().and_then(|agent| agent.state().work().question);
                let verdict = self.ask_forge(&revision, awaited.is_some_and(|it| it.look == look));
                Event::CheckedAgain { look, host: self.world.host.view(), verdict }
            }
            Command::LookBack { look, tip, base, held } => {
                let result = self.look_back(look, &tip, base.as_ref(), &held);
                Event::LookedBack { look, result }
            }
            Command::Probe { look, .. } => {
                let healthy = self.world.host.healthy_at <= self.now();
                let failures = if healthy { Vec::new() } else { vec![ill()] };
                Event::Probed { look, failures }
            }
            Command::Build { step, .. } => {
                let end = self.world.build_end(step.0, refused);
                Event::Built { step, host: self.world.host.view(), end }
            }
            Command::Activate { step, deployment, operation: Operation::Switch { .. }, built } => {
                let exit = self.exit(step.0, refused);
                let (system, previous) = (system_number(&built.system), system_number(&built.previous));
                let host = &mut self.world.host;
                let restores = host.current != system && host.profile == system;
                if restores && self.mutation != Some(DriverMutation::NoRestore) {
                    host.profile = previous;
                    host.profile_by = By::Restore(deployment);
                }
                if matches!(exit, Exit::Busy) {
                    self.ghost.busy(deployment);
                }
                Event::Activated { step, exit, host: self.world.host.view() }
            }
            Command::Activate { step, operation: Operation::Back, .. } => {
                let exit = self.exit(step.0, refused);
                Event::Activated { step, exit, host: self.world.host.view() }
            }
            Command::CancelBuild { .. } | Command::Forget { .. } => Event::DeadlinePassed,
        }
    }

    /// What the forge says of a revision; the ghost hears it when the agent does.
    fn ask_forge(&mut self, revision: &Revision, is_awaited: bool) -> Verdict {
        let (commit, now) = (self.world.remote.number(revision), self.now());
        let verdict = self.world.forge.verdict(commit, now);
        if is_awaited {
            self.ghost.forge_says(commit, &verdict, now);
        }
        verdict
    }

    /// Asks about the commits below the tip, newest first, down to what is deployed or held.
    fn look_back(
        &mut self,
        look: LookNumber,
        tip: &Revision,
        base: Option<&Revision>,
        held: &[Revision],
    ) -> Result<BelowTip, String> {
        let now = self.now();
        if base.is_none() {
            // Then the clone has the tip alone.
            self.ask_remote(|_| ())?;
        }
        let remote = &self.world.remote;
        let (tip, ends) = (remote.number(tip), base.into_iter().chain(held).map(|end| remote.number(end)));
        let ends: Vec<usize> = ends.collect();
        let line = remote.below(tip).take_while(|number| !ends.contains(number)).take(MOST_BELOW);
        let line: Vec<usize> = line.filter(|number| remote.commits[*number].signed).collect();
        let awaited = self.agent.as_ref().and_then(|agent| agent.state().looking_back().in_flight);
        let is_awaited = awaited.is_some_and(|awaited| awaited.look == look);
        for number in line {
            let verdict = self.world.forge.verdict(number, now);
            if is_awaited {
                self.ghost.forge_says(number, &verdict, now);
            }
            if verdict.not_before.is_some() {
                return Ok(BelowTip { green: None, not_before: verdict.not_before });
            }
            if verdict.kind.passes() {
                if is_awaited {
                    self.ghost.found_below(tip, number);
                }
                let revision = self.world.remote.commits[number].revision.clone();
                let (subject, author) = (String::new(), String::new());
                let green = Some(GreenCommit { revision, subject, author, verdict });
                return Ok(BelowTip { green, not_before: None });
            }
        }
        Ok(BelowTip { green: None, not_before: None })
    }

    fn ask_remote<T>(&self, answer: impl FnOnce(&World) -> T) -> Result<T, String> {
        if self.world.faults.remote_down_until > self.now() {
            Err("could not resolve host".to_string())
        } else {
            Ok(answer(&self.world))
        }
    }

    fn exit(&self, number: u64, refused: Option<Refused>) -> Exit {
        match (refused, self.world.disk.steps.get(&number).and_then(|file| file.result.as_ref())) {
            (Some(Refused::Busy), _) => Exit::Busy,
            (Some(Refused::Full), _) => full(),
            (None, Some(StepResult::Ended(exit))) => exit.clone(),
            (None, Some(StepResult::Built(_) | StepResult::NotBuilt(_)) | None) => Exit::Killed,
        }
    }
}

impl World {
    fn fetched(&self, revision: &Revision, deployed: Option<&Revision>, held: &[Revision]) -> Fetched {
        let commit = self.remote.number(revision);
        let ancestry = match deployed.map(|deployed| self.remote.number(deployed)) {
            None => Ancestry::NothingDeployed,
            Some(deployed) if self.remote.descends(commit, deployed) => Ancestry::Descendant,
            Some(deployed) => Ancestry::NotDescendant(format!("{commit} does not descend from {deployed}")),
        };
        let contains = held.iter().filter(|held| self.remote.descends(commit, self.remote.number(held)));
        let contains = contains.cloned().collect();
        let signed = self.remote.commits[commit].signed;
        let untrusted = (!signed).then(|| format!("{commit} is not signed"));
        Fetched { subject: String::new(), author: String::new(), ancestry, contains, untrusted }
    }

    fn build_end(&self, step: u64, refused: Option<Refused>) -> BuildEnd {
        match (refused, self.disk.steps.get(&step).and_then(|file| file.result.as_ref())) {
            (Some(Refused::Busy), _) => failed(ReasonCode::HostFault),
            (Some(Refused::Full), _) => failed(ReasonCode::DiskFull),
            (None, Some(StepResult::Built(system))) => BuildEnd::Built(system_path(*system)),
            (None, Some(StepResult::NotBuilt(end))) => end.clone(),
            (None, Some(StepResult::Ended(_)) | None) => BuildEnd::Killed,
        }
    }
}

/// A unit that failed.
fn ill() -> ProbeFailure {
    ProbeFailure { probe: Probe::Units, sentence: "a unit failed".to_string() }
}
