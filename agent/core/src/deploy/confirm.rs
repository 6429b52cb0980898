//! Probing what was switched to, until all is well or the deadline has passed.

use alloc::string::ToString;
use alloc::vec::Vec;

use pull_agent_protocol::Phase as PhaseName;

use super::{Built, Deploy, Desk, End, Ended, Phase};
use crate::cause::{Cause, Probe, ProbeFailure};
use crate::command::Command;
use crate::follow::InFlight;
use crate::id::LookNumber;
use crate::policy::{CONFIRMED_TIME_EACH, CONFIRMING_STARTS, OnUnhealthy, PROBE_AGAIN, PROBE_LIMIT, Policy};
use crate::time::{Millis, Mono, Now};

impl Deploy {
    /// The new system runs: it settles, then it is probed.
    pub(super) fn confirm(&mut self, built: Built, units_failed: bool, desk: &Desk) -> Option<Ended> {
        self.move_on(Phase::Confirming { built, units_failed, spent: Millis(0), starts: 0 }, desk.now);
        self.enter(desk.policy.settle, desk.now);
        None
    }

    /// A new process goes on: the host settles again, and the deadline is the deployment's. A system that lets no process
    /// live for a round of probes is not kept, whatever is left of that.
    pub(super) fn confirm_on(&mut self, desk: &mut Desk) -> Option<Ended> {
        let Phase::Confirming { starts, .. } = &mut self.current.as_mut()?.phase else { return None };
        *starts = starts.saturating_add(1);
        let starts = *starts;
        if starts < CONFIRMING_STARTS {
            return None;
        }
        self.not_confirmed(Cause::AgentDied { starts }, desk)
    }

    /// When what was found so far is judged: at the deadline, and after a start not before a round of probes.
    pub(super) fn judged_at(&self, policy: &Policy) -> Option<Mono> {
        let Phase::Confirming { spent, starts, .. } = &self.current.as_ref()?.phase else { return None };
        let left = Millis(policy.health_deadline.0.saturating_sub(spent.0));
        (*starts == 0 || self.work.probed).then(|| self.work.noted.after(left))
    }

    /// When the time spent is to be noted again; none in other phases.
    pub(super) fn note_due(&self) -> Option<Mono> {
        let confirms = matches!(self.current.as_ref()?.phase, Phase::Confirming { .. });
        confirms.then(|| self.work.noted.after(CONFIRMED_TIME_EACH))
    }

    /// Notes how much of the deadline is used up, so that it goes on when this process dies.
    pub(crate) fn note_time(&mut self, now: Now) {
        if self.note_due().is_some_and(|due| due <= now.mono)
            && let Some(Phase::Confirming { spent, .. }) = self.current.as_mut().map(|it| &mut it.phase)
        {
            spent.0 = spent.0.saturating_add(now.mono.since(self.work.noted).0);
            self.work.noted = now.mono;
        }
    }

    pub(super) fn advance_confirming(&mut self, desk: &mut Desk) -> Option<Ended> {
        if self.judged_at(desk.policy).is_some_and(|at| at <= desk.now.mono) {
            return self.unhealthy(desk);
        }
        self.looks = self.looks.next();
        let look = self.looks;
        self.work.probes = Some(InFlight { look, until: desk.now.mono.after(PROBE_LIMIT) });
        desk.commands.push(Command::Probe { look, deployment: self.current.as_ref()?.id });
        None
    }

    /// A round of probes ended.
    pub(crate) fn probed(
        &mut self,
        look: LookNumber,
        failures: Vec<ProbeFailure>,
        desk: &Desk,
    ) -> Option<Ended> {
        self.work.probes.take_if(|probes| probes.look == look)?;
        let Phase::Confirming { built, units_failed, starts, .. } = &mut self.current.as_mut()?.phase else {
            return None;
        };
        *starts = 0;
        self.work.probed = true;
        let (built, units_failed) = (built.clone(), *units_failed);
        if !failures.is_empty() {
            self.work.failures = failures;
            self.work.next = desk.now.mono.after(PROBE_AGAIN);
            None
        } else if units_failed && !desk.policy.units_probed {
            let cause = Cause::UnitsFailedUnprobed;
            self.end(desk.now, End::Degraded { built, phase: PhaseName::Activating, cause })
        } else {
            self.end(desk.now, End::Deployed(built))
        }
    }

    /// Gives up an answer that is overdue: each has a limit of its own, so this is a driver that hangs.
    pub(crate) fn give_up(&mut self, now: Now) {
        self.question_given_up(now);
        if self.work.probes.take_if(|probes| probes.until <= now.mono).is_some() {
            self.work.next = now.mono;
            self.work.probed = true;
            let sentence = "the probes did not answer within their time".to_string();
            self.work.failures = alloc::vec![ProbeFailure { probe: Probe::Command, sentence }];
        }
    }

    fn unhealthy(&mut self, desk: &mut Desk) -> Option<Ended> {
        let failures = core::mem::take(&mut self.work.failures);
        let cause = if failures.is_empty() { Cause::NoProbeEnded } else { Cause::Unhealthy(failures) };
        self.not_confirmed(cause, desk)
    }

    fn not_confirmed(&mut self, cause: Cause, desk: &mut Desk) -> Option<Ended> {
        let Phase::Confirming { built, .. } = &self.current.as_ref()?.phase else { return None };
        let built = built.clone();
        match desk.policy.on_unhealthy {
            OnUnhealthy::RollBack => self.go_back(built, PhaseName::Confirming, cause, desk),
            OnUnhealthy::Report => {
                self.end(desk.now, End::Degraded { built, phase: PhaseName::Confirming, cause })
            }
        }
    }
}
