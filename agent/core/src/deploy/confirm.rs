//! Probing what was switched to, until all is well or the deadline has passed.

use alloc::string::ToString;
use alloc::vec::Vec;

use pull_agent_protocol::Phase as PhaseName;

use super::{Built, Deploy, Desk, End, Ended, Phase};
use crate::cause::{Cause, Probe, ProbeFailure};
use crate::command::Command;
use crate::follow::InFlight;
use crate::id::LookNumber;
use crate::policy::{OnUnhealthy, PROBE_AGAIN, PROBE_LIMIT};
use crate::time::Now;

impl Deploy {
    /// The new system runs: it settles, then it is probed.
    pub(super) fn confirm(&mut self, built: Built, units_failed: bool, desk: &Desk) -> Option<Ended> {
        self.move_on(Phase::Confirming { built, units_failed }, desk.now);
        self.enter(desk.policy.settle, desk.now);
        None
    }

    pub(super) fn advance_confirming(&mut self, desk: &mut Desk) -> Option<Ended> {
        if desk.now.mono >= self.work.since.after(desk.policy.health_deadline) {
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
        let Phase::Confirming { built, units_failed } = &self.current.as_ref()?.phase else { return None };
        let (built, units_failed) = (built.clone(), *units_failed);
        self.work.probes.take_if(|probes| probes.look == look)?;
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
            let sentence = "the probes did not answer within their time".to_string();
            self.work.failures = alloc::vec![ProbeFailure { probe: Probe::Command, sentence }];
        }
    }

    fn unhealthy(&mut self, desk: &mut Desk) -> Option<Ended> {
        let Phase::Confirming { built, .. } = &self.current.as_ref()?.phase else { return None };
        let built = built.clone();
        let failures = core::mem::take(&mut self.work.failures);
        let cause = if failures.is_empty() { Cause::NoProbeEnded } else { Cause::Unhealthy(failures) };
        match desk.policy.on_unhealthy {
            OnUnhealthy::RollBack => self.go_back(built, PhaseName::Confirming, cause, desk),
            OnUnhealthy::Report => {
                self.end(desk.now, End::Degraded { built, phase: PhaseName::Confirming, cause })
            }
        }
    }
}
