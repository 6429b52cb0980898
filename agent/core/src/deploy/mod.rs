//! The lane that touches the host: one deployment at a time, from its build to its end. It knows nothing of the branch but
//! whether what it deploys is still wanted.

mod activate;
mod back;
mod build;
mod confirm;
mod end;
mod phase;
mod verdict;

use alloc::vec::Vec;

use crate::cause::ProbeFailure;
use crate::command::Command;
use crate::follow::{InFlight, Overtaken};
use crate::host::HostView;
use crate::id::{LookNumber, StepNumber};
use crate::ledger::Ledger;
use crate::policy::Policy;
use crate::time::{Millis, Mono, Now};

pub use phase::{Built, Deployment, Phase, Wait};

pub(crate) use end::{End, Ended};

/// The lane of what touches the host: one deployment at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Deploy {
    current: Option<Deployment>,
    work: Work,
    looks: LookNumber,
}

/// What this process knows of the deployment in progress; looked at anew after each start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// The answer to the step of the phase is awaited.
    pub step_runs: bool,
    /// The round of probes that is awaited.
    pub probes: Option<InFlight>,
    /// Nothing is activated before the forge has said again that it may be.
    pub awaits_verdict: bool,
    /// The question to the forge that is awaited.
    pub question: Option<InFlight>,
    /// When the next step is due.
    pub next: Mono,
    /// When the phase was entered, or taken up again.
    pub since: Mono,
    /// The step was taken up by a new process.
    pub resumed: bool,
    /// The build was told to end, since it is not wanted any more.
    pub cancelling: bool,
    /// Until when the time that confirming took is noted in its phase.
    pub noted: Mono,
    /// This process has finished a round of probes.
    pub probed: bool,
    /// What the last round of probes found.
    pub failures: Vec<ProbeFailure>,
}

/// What the lane must know of the rest while it decides, and what it writes to.
pub(crate) struct Desk<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) now: Now,
    pub(crate) host: &'a HostView,
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) commands: &'a mut Vec<Command>,
    /// Why what is being deployed is not to be activated any more.
    pub(crate) overtaken: Option<Overtaken>,
}

/// What of the rest moves the moment of the next step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outside {
    pub(crate) paused: bool,
    /// What is being deployed is not to be activated any more.
    pub(crate) overtaken: bool,
    /// The forge is not asked before this.
    pub(crate) forge_from: Mono,
}

impl Deploy {
    /// Takes a deployment up that an earlier process began; [`Self::started`] goes on with it.
    pub(crate) fn with(current: Option<Deployment>) -> Self {
        Self { current, ..Self::default() }
    }

    pub(crate) const fn current(&self) -> Option<&Deployment> {
        self.current.as_ref()
    }

    pub(crate) const fn work(&self) -> &Work {
        &self.work
    }

    /// Whether the saved part is this.
    pub(crate) fn is_noted_as(&self, other: Option<&Deployment>) -> bool {
        match (&self.current, other) {
            (Some(own), Some(other)) => own.is_noted_as(other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// When the lane has something to do by itself, answers that are given up included.
    pub(crate) fn due(&self, policy: &Policy, now: Now, outside: Outside) -> Option<Mono> {
        let given_up = [self.work.probes, self.work.question].into_iter().flatten().map(|look| look.until);
        self.step_due(policy, now, outside).into_iter().chain(given_up).chain(self.note_due()).min()
    }

    fn step_due(&self, policy: &Policy, now: Now, outside: Outside) -> Option<Mono> {
        let work = &self.work;
        match &self.current.as_ref()?.phase {
            Phase::Building { .. } => (outside.overtaken && !work.cancelling).then_some(now.mono),
            Phase::Ready { killed: 0, .. } if outside.overtaken => Some(now.mono),
            Phase::Ready { killed: 0, .. } if outside.paused || work.question.is_some() => None,
            Phase::Ready { killed: 0, .. } if work.awaits_verdict => Some(work.next.max(outside.forge_from)),
            Phase::Ready { .. } => Some(work.next),
            Phase::Activating { .. } | Phase::RollingBack { .. } => (!work.step_runs).then_some(work.next),
            Phase::Confirming { .. } => {
                let judged_at = self.judged_at(policy);
                work.probes.is_none().then(|| judged_at.map_or(work.next, |at| work.next.min(at)))
            }
        }
    }

    /// Does what [`Self::is_due`] found to be due; returns how the deployment ended, if it did.
    pub(crate) fn advance(&mut self, desk: &mut Desk) -> Option<Ended> {
        let overtaken = desk.overtaken.clone();
        match (&self.current.as_ref()?.phase, overtaken) {
            (Phase::Building { step }, _) => {
                desk.commands.push(Command::CancelBuild { step: *step });
                self.work.cancelling = true;
                None
            }
            (Phase::Ready { killed: 0, .. }, Some(overtaken)) => self.superseded(overtaken, desk),
            (Phase::Ready { killed: 0, .. }, None) if self.work.awaits_verdict => self.ask_again(desk),
            (Phase::Ready { .. }, _) => self.leave_ready(desk),
            (Phase::Activating { .. }, _) => self.activate(desk),
            (Phase::Confirming { .. }, _) => self.advance_confirming(desk),
            (Phase::RollingBack { .. }, _) => self.roll_back(desk),
        }
    }

    /// Whether something is due now.
    pub(crate) fn is_due(&self, policy: &Policy, now: Now, outside: Outside) -> bool {
        self.step_due(policy, now, outside).is_some_and(|due| due <= now.mono)
    }

    /// Begins the waiting of a phase: its first step is due after `delay`.
    fn enter(&mut self, delay: Millis, now: Now) {
        let next = now.mono.after(delay);
        self.work = Work { since: now.mono, noted: now.mono, next, ..Work::default() };
    }

    fn move_on(&mut self, next: Phase, now: Now) {
        if let Some(current) = &mut self.current {
            current.close_phase(now.wall);
            current.phase = next;
        }
    }

    fn end(&mut self, now: Now, end: End) -> Option<Ended> {
        let mut deployment = self.current.take()?;
        deployment.close_phase(now.wall);
        self.enter(Millis(0), now);
        Some(Ended { deployment, end })
    }

    /// Whether this build is awaited.
    pub(crate) fn awaits_build(&self, step: StepNumber) -> bool {
        let phase = self.current.as_ref().map(|current| &current.phase);
        self.work.step_runs && matches!(phase, Some(Phase::Building { step: own }) if *own == step)
    }

    /// Whether this activation is awaited, in either direction.
    pub(crate) fn awaits_activation(&self, step: StepNumber) -> bool {
        let phase = self.current.as_ref().map(|current| &current.phase);
        let is_own = |phase: &Phase| match phase {
            Phase::Activating { step: own, .. } | Phase::RollingBack { step: own, .. } => *own == step,
            Phase::Building { .. } | Phase::Ready { .. } | Phase::Confirming { .. } => false,
        };
        self.work.step_runs && phase.is_some_and(is_own)
    }
}
