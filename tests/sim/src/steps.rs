//! What the steps do to the host, stage by stage, and what the person beside them does.

use pull_agent_core::{BuildEnd, Cause, Command, Exit, Operation, ReasonCode};

use crate::driver::{Item, Sim};
use crate::world::{
    BuildNature, By, Health, Kind, Operator, Step, StepResult, SwitchNature, World, system_number,
};

/// A build that failed.
pub(crate) fn failed(code: ReasonCode) -> BuildEnd {
    BuildEnd::Failed(Cause::told(code, code.as_str()))
}

/// An activation that found no room.
pub(crate) fn full() -> Exit {
    Exit::BeforeActivation(Cause::told(ReasonCode::DiskFull, "no space left on device"))
}

impl World {
    /// The step that a command asks for.
    ///
    /// # Panics
    /// When the command asks for no step.
    pub(crate) fn new_step(&self, number: u64, command: &Command) -> Step {
        let (kind, deployment, revision, system) = match command {
            Command::Build { deployment, revision, .. } => (
                Kind::Build,
                *deployment,
                Some(revision),
                self.remote.commits[self.remote.number(revision)].system,
            ),
            Command::Activate {
                deployment, operation: Operation::Switch { revision, .. }, built, ..
            } => (Kind::Activate, *deployment, Some(revision), system_number(&built.system)),
            Command::Activate { deployment, operation: Operation::Back, built, .. } => {
                (Kind::RollBack, *deployment, None, system_number(&built.previous))
            }
            Command::Poll { .. }
            | Command::Fetch { .. }
            | Command::Check { .. }
            | Command::CancelBuild { .. }
            | Command::Probe { .. }
            | Command::CheckAgain { .. }
            | Command::LookBack { .. }
            | Command::Forget { .. } => panic!("no step: {command:?}"),
        };
        let commit = revision.map(|revision| self.remote.number(revision));
        Step {
            number,
            kind,
            deployment,
            commit,
            system,
            stage: 0,
            exit: None,
            cancelled: false,
            orphan: false,
        }
    }

    fn becomes_current(&mut self, system: usize, by: By) {
        self.host.current = system;
        self.host.current_by = by;
        self.host.healthy_at = self.healthy_at(system);
    }

    /// From when on all units are well, when a system begins to run at this moment.
    pub(crate) fn healthy_at(&self, system: usize) -> u64 {
        match self.remote.systems[system].health {
            Health::After(delay) => self.clock.now + delay,
            Health::Never => u64::MAX,
        }
    }

    /// Takes the lock of switch-to-configuration, unless somebody has it.
    fn lock(&mut self, by: By) -> bool {
        if self.host.locked_by.is_some() {
            return false;
        }
        self.host.locked_by = Some(by);
        true
    }

    fn build_ends(&mut self, step: &Step) -> StepResult {
        let Some(commit) = step.commit else { return StepResult::NotBuilt(failed(ReasonCode::Unclassified)) };
        if step.cancelled {
            return StepResult::NotBuilt(BuildEnd::Cancelled);
        }
        if self.faults.disk_is_full(self.clock.now) {
            return StepResult::NotBuilt(failed(ReasonCode::DiskFull));
        }
        match self.remote.commits[commit].build {
            BuildNature::Good | BuildNature::Slow => StepResult::Built(step.system),
            BuildNature::Fails(code) => StepResult::NotBuilt(failed(code)),
            BuildNature::Passing(code, times) if self.faults.build_failed(commit) < times => {
                StepResult::NotBuilt(failed(code))
            }
            BuildNature::Passing(..) => StepResult::Built(step.system),
        }
    }

    /// One stage of a switch; returns how it ends, when it does.
    fn switch_stage(&mut self, step: &Step) -> Option<Exit> {
        let nature = self.remote.systems[step.system].switch;
        let by = By::Switch(step.deployment);
        match step.stage {
            0 if self.faults.disk_is_full(self.clock.now) => Some(full()),
            0 => None,
            1 => {
                // What runs already is where the way back would lead.
                let same = self.host.current == step.system;
                self.host.profile = step.system;
                self.host.profile_by = if same { By::Restore(step.deployment) } else { by };
                None
            }
            2 if !self.lock(by) => Some(Exit::Busy),
            2 => match nature {
                SwitchNature::Refused(code) => Some(Exit::Code(code)),
                SwitchNature::Good
                | SwitchNature::UnitsFail
                | SwitchNature::Fails(_)
                | SwitchNature::Dies
                | SwitchNature::Astray => None,
            },
            3 => {
                let other = if nature == SwitchNature::Astray { 0 } else { step.system };
                self.becomes_current(other, by);
                None
            }
            _ => Some(match nature {
                SwitchNature::Good | SwitchNature::Astray => Exit::Code(0),
                SwitchNature::UnitsFail => Exit::Code(4),
                SwitchNature::Refused(code) | SwitchNature::Fails(code) => Exit::Code(code),
                SwitchNature::Dies => Exit::Signal(9),
            }),
        }
    }

    fn back_stage(&mut self, step: &Step) -> Option<Exit> {
        let by = By::Back(step.deployment);
        match step.stage {
            0 if self.faults.disk_is_full(self.clock.now) => Some(full()),
            0 if self.faults.backs_fail > 0 => {
                self.faults.backs_fail -= 1;
                Some(Exit::Code(1))
            }
            0 => {
                self.host.profile = step.system;
                self.host.profile_by = by;
                None
            }
            1 if !self.lock(by) => Some(Exit::Busy),
            1 => None,
            2 => {
                self.becomes_current(step.system, by);
                None
            }
            _ => Some(Exit::Code(0)),
        }
    }

    fn unlock(&mut self, step: &Step) {
        let mine = match self.host.locked_by {
            Some(By::Switch(deployment) | By::Back(deployment)) => deployment == step.deployment,
            Some(By::Nobody | By::Restore(_) | By::Operator | By::BootMenu) | None => false,
        };
        if mine {
            self.host.locked_by = None;
        }
    }
}

impl Sim {
    /// The step takes its next stage.
    pub(crate) fn step(&mut self, number: u64) {
        let Some(mut step) = self.world.host.step.take_if(|step| step.number == number) else { return };
        let result = match step.kind {
            Kind::Build if step.stage == 0 && !step.cancelled => None,
            Kind::Build => Some(self.world.build_ends(&step)),
            Kind::Activate => self.world.switch_stage(&step).map(StepResult::Ended),
            Kind::RollBack => self.world.back_stage(&step).map(StepResult::Ended),
        };
        step.stage += 1;
        self.log.note(self.world.clock.now, || {
            format!("step {number} {:?} stage {}: {result:?}", step.kind, step.stage)
        });
        if let Some(result) = result {
            self.world.unlock(&step);
            // A result that cannot be written is one that nobody ever learns.
            let written = !step.orphan && !self.world.faults.disk_is_full(self.now());
            if let Some(file) = self.world.disk.steps.get_mut(&number)
                && written
            {
                file.result = Some(result);
            }
            self.point();
            self.step_is_gone(number);
        } else {
            let slow = step.commit.map(|commit| self.world.remote.commits[commit].build);
            let drags = self.world.rng.permille(100);
            let (least, most) = match (step.kind, slow) {
                (Kind::Build, Some(BuildNature::Slow)) => (300_000, 400_000),
                (Kind::Build, _) => (2_000, 120_000),
                (Kind::Activate | Kind::RollBack, _) if drags => (10_000, 60_000),
                (Kind::Activate | Kind::RollBack, _) => (50, 3_000),
            };
            let delay = self.world.rng.between(least, most);
            self.world.host.step = Some(step);
            self.after(delay, Item::Step { number });
            self.point();
        }
    }

    /// Ends a running build with everything it started; without a number whichever runs.
    pub(crate) fn cancel(&mut self, number: Option<u64>) {
        if let Some(step) = &mut self.world.host.step
            && step.kind == Kind::Build
            && number.is_none_or(|number| number == step.number)
        {
            step.cancelled = true;
            let number = step.number;
            let delay = self.world.rng.between(10, 2_000);
            self.after(delay, Item::Step { number });
        }
    }

    /// Everything that belongs to the step is killed.
    pub(crate) fn step_dies(&mut self) {
        if let Some(step) = self.world.host.step.take() {
            self.world.unlock(&step);
            self.step_is_gone(step.number);
        }
    }

    /// Whoever would write the result is killed; the unit that switches goes on where there is one.
    pub(crate) fn watcher_dies(&mut self) {
        match &mut self.world.host.step {
            Some(step) if step.kind == Kind::Activate && step.stage >= 3 => step.orphan = true,
            Some(_) => self.step_dies(),
            None => {}
        }
    }

    /// A person starts `nixos-rebuild switch` for a system, or back to one.
    pub(crate) fn operator_starts(&mut self, system: usize) {
        if self.world.host.operator.is_none() {
            self.world.host.operator = Some(Operator { system, stage: 0 });
            self.after(10, Item::Operator);
        }
    }

    /// The person's nixos-rebuild takes its next stage.
    pub(crate) fn operator(&mut self) {
        let Some(mut operator) = self.world.host.operator.take() else { return };
        let system = operator.system;
        match operator.stage {
            0 => {
                self.world.host.profile = system;
                self.world.host.profile_by = By::Operator;
            }
            1 if !self.world.lock(By::Operator) => return,
            1 => {}
            2 => self.world.becomes_current(system, By::Operator),
            _ => {
                self.world.host.locked_by = None;
                return;
            }
        }
        operator.stage += 1;
        self.world.host.operator = Some(operator);
        let delay = self.world.rng.pick(&[100, 5_000, 60_000]);
        self.after(delay, Item::Operator);
    }
}
