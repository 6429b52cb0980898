//! The switch, and what its end means.

use pull_agent_protocol::Phase as PhaseName;

use super::{Built, Deploy, Desk, End, Ended, Phase};
use crate::backoff::exponential;
use crate::cause::{Cause, Consequence, EndedBy};
use crate::command::{Baseline, Command, Operation};
use crate::event::Exit;
use crate::id::StepNumber;
use crate::policy::{BUSY_FIRST, BUSY_MOST, SWITCH_TRIES};
use crate::time::Millis;

impl Deploy {
    /// Nothing is waited for any more. The world may be another one by now: the build, which is cached, brings a fresh look
    /// at it. Only a switch that was killed half-way is done again as it was, unless somebody else has switched since.
    pub(super) fn leave_ready(&mut self, desk: &mut Desk) -> Option<Ended> {
        let Phase::Ready { built, killed, .. } = self.current.as_ref()?.phase.clone() else { return None };
        if killed > 0 && (desk.host.runs(&built.system) || desk.host.runs(&built.previous)) {
            return self.activate_anew(built, killed, desk);
        }
        self.build(desk);
        None
    }

    /// Enters the phase, and starts the switch.
    pub(super) fn activate_anew(&mut self, built: Built, killed: u32, desk: &mut Desk) -> Option<Ended> {
        let step = StepNumber(desk.ledger.next_step);
        self.move_on(Phase::Activating { step, built, killed }, desk.now);
        self.activate(desk)
    }

    /// Starts the switch under a new number.
    pub(super) fn activate(&mut self, desk: &mut Desk) -> Option<Ended> {
        let current = self.current.as_mut()?;
        let Phase::Activating { step, killed, .. } = &mut current.phase else { return None };
        *step = desk.ledger.take_step();
        let baseline = if *killed == 0 { Baseline::Take } else { Baseline::Keep };
        let command = switch_command(current, baseline)?;
        desk.commands.push(command);
        self.work.step_runs = true;
        None
    }

    /// The switch, or the way back, that is awaited ended.
    pub(crate) fn activated(&mut self, exit: Exit, desk: &mut Desk) -> Option<Ended> {
        match self.current.as_ref()?.phase.clone() {
            Phase::Activating { built, killed, .. } => {
                self.work.step_runs = false;
                self.switched(built, killed, exit, desk)
            }
            Phase::RollingBack { .. } => {
                self.work.step_runs = false;
                self.went_back(&exit, desk)
            }
            Phase::Building { .. } | Phase::Ready { .. } | Phase::Confirming { .. } => None,
        }
    }

    fn switched(&mut self, built: Built, killed: u32, exit: Exit, desk: &mut Desk) -> Option<Ended> {
        let host = desk.host;
        let runs = host.runs(&built.system);
        // The switch did nothing, but the machine booted into its system before the profile was set back.
        let booted = built.previous != built.system && host.is_wholly(&built.system);
        let untouched = host.runs(&built.previous) && !host.boots(&built.system);
        match exit {
            Exit::Code(0) if runs => self.confirm(built, false, desk),
            Exit::Code(4) if runs => self.confirm(built, true, desk),
            Exit::Busy | Exit::BeforeActivation(_) if booted && killed == 0 => {
                self.confirm(built, false, desk)
            }
            // It could not set the boot default back: as after a switch that was killed, the next one goes on to its end.
            Exit::Busy if !runs && host.boots(&built.system) => {
                self.wait_for_lock(built, killed.max(1), desk)
            }
            Exit::Busy => self.wait_for_lock(built, killed, desk),
            Exit::Killed if killed.saturating_add(1) < SWITCH_TRIES => {
                if let Some(Phase::Activating { killed, .. }) = self.current.as_mut().map(|it| &mut it.phase)
                {
                    *killed = killed.saturating_add(1);
                }
                self.activate(desk)
            }
            Exit::Killed => self.go_back(built, PhaseName::Activating, Cause::SwitchKilled, desk),
            Exit::BeforeActivation(cause) if killed > 0 && cause.consequence() == Consequence::TryAgain => {
                self.wait_for_lock(built, killed, desk)
            }
            Exit::BeforeActivation(cause)
                if killed == 0 && untouched && cause.consequence() == Consequence::TryAgain =>
            {
                self.end(desk.now, End::Failed { built: Some(built), phase: PhaseName::Activating, cause })
            }
            Exit::BeforeActivation(cause) => self.go_back(built, PhaseName::Activating, cause, desk),
            Exit::Code(code @ (1 | 100)) if killed == 0 && untouched && !runs => {
                let cause = Cause::SwitchEnded { by: EndedBy::Code(code), activated: false };
                self.end(desk.now, End::Failed { built: Some(built), phase: PhaseName::Activating, cause })
            }
            Exit::Code(0) => self.go_back(built, PhaseName::Activating, Cause::OtherSystemRuns, desk),
            Exit::Code(code) => {
                let cause = Cause::SwitchEnded { by: EndedBy::Code(code), activated: true };
                self.go_back(built, PhaseName::Activating, cause, desk)
            }
            Exit::Signal(signal) => {
                let cause = Cause::SwitchEnded { by: EndedBy::Signal(signal), activated: true };
                self.go_back(built, PhaseName::Activating, cause, desk)
            }
        }
    }

    fn wait_for_lock(&mut self, built: Built, killed: u32, desk: &Desk) -> Option<Ended> {
        self.move_on(Phase::Ready { built, busy: true, killed }, desk.now);
        let current = self.current.as_mut()?;
        current.busy = current.busy.saturating_add(1);
        let delay = exponential(BUSY_FIRST, BUSY_MOST, current.busy, desk.now.entropy);
        self.enter(delay, desk.now);
        None
    }

    /// After a start: the step is asked for again under its old number, so that it is waited for and not run twice.
    pub(crate) fn started(&mut self, desk: &mut Desk) -> Option<Ended> {
        self.looks = crate::id::LookNumber::default();
        self.enter(desk.policy.settle, desk.now);
        let current = self.current.as_mut()?;
        current.candidate.forget_findings(desk.now.mono);
        let (deployment, revision) = (current.id, current.candidate.revision.clone());
        let command = match &current.phase {
            Phase::Building { step } => Command::Build { step: *step, deployment, revision },
            Phase::Activating { .. } => switch_command(current, Baseline::Keep)?,
            Phase::RollingBack { step, built, .. } => {
                let built = built.clone();
                Command::Activate { step: *step, deployment, operation: Operation::Back, built }
            }
            Phase::Confirming { built, .. }
                if built.previous != built.system && desk.host.runs(&built.previous) =>
            {
                let built = built.clone();
                return self.go_back(built, PhaseName::Confirming, Cause::FormerSystemRuns, desk);
            }
            Phase::Ready { busy: false, killed: 0, .. } => {
                self.enter(Millis(0), desk.now);
                return None;
            }
            Phase::Confirming { .. } => return self.confirm_on(desk),
            Phase::Ready { .. } => return None,
        };
        desk.commands.push(command);
        self.work.step_runs = true;
        self.work.resumed = true;
        None
    }

    /// Leaves a failed phase for the way back.
    pub(super) fn go_back(
        &mut self,
        built: Built,
        failed_in: PhaseName,
        cause: Cause,
        desk: &mut Desk,
    ) -> Option<Ended> {
        let step = StepNumber(desk.ledger.next_step);
        self.move_on(Phase::RollingBack { step, built, failed_in, cause, failed: 0, waited: 0 }, desk.now);
        self.enter(Millis(0), desk.now);
        self.roll_back(desk)
    }
}

/// The command of the activating phase.
fn switch_command(current: &super::Deployment, baseline: Baseline) -> Option<Command> {
    let Phase::Activating { step, built, .. } = &current.phase else { return None };
    let operation = Operation::Switch { revision: current.candidate.revision.clone(), baseline };
    Some(Command::Activate { step: *step, deployment: current.id, operation, built: built.clone() })
}
