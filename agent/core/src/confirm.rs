//! Probing what was switched to, until all is well or the deadline has passed.

use alloc::string::{String, ToString};

use pull_agent_protocol::{Outcome, Phase as PhaseName};

use crate::command::Command;
use crate::decide::Turn;
use crate::finish::End;
use crate::id::Attempt;
use crate::policy::{OnUnhealthy, PROBE_AGAIN, PROBE_LIMIT};
use crate::state::{Current, Phase};

impl Turn<'_> {
    /// The new system runs: it settles, then it is probed.
    pub(crate) fn confirm(&mut self, units_failed: bool) {
        self.leave_phase(Phase::Confirming { units_failed });
        self.enter(self.policy.settle);
    }

    pub(crate) fn advance_confirming(&mut self) {
        if self.now.mono >= self.state.seen.work.since.after(self.policy.health_deadline) {
            return self.unhealthy();
        }
        let attempt = self.next_look();
        let work = &mut self.state.seen.work;
        work.in_flight = Some(attempt);
        work.until = Some(self.now.mono.after(PROBE_LIMIT));
        let Some(current) = &self.state.saved.current else { return };
        self.commands.push(Command::Probe { attempt, deployment: current.id });
    }

    pub(crate) fn probed(&mut self, attempt: Attempt, failures: alloc::vec::Vec<String>) {
        let Some(Current { phase: Phase::Confirming { units_failed }, .. }) = self.state.saved.current else {
            return;
        };
        if !self.is_awaited(attempt) {
            return;
        }
        let work = &mut self.state.seen.work;
        work.in_flight = None;
        work.until = None;
        if !failures.is_empty() {
            work.failures = failures;
            work.next = self.now.mono.after(PROBE_AGAIN);
        } else if units_failed && !self.policy.units_probed {
            let reason = "the switch ended with exit code 4: some units failed".to_string();
            self.finish(End { reason: Some(reason), ..End::wrong(Outcome::Degraded, PhaseName::Activating) });
        } else {
            self.finish(End::new(Outcome::Deployed));
        }
    }

    pub(crate) fn give_up_probe(&mut self) {
        let work = &mut self.state.seen.work;
        if work.in_flight.is_some() && work.until.is_some_and(|until| until <= self.now.mono) {
            work.in_flight = None;
            work.until = None;
            work.next = self.now.mono;
            work.failures = alloc::vec!["the probes did not answer within their time".to_string()];
        }
    }

    fn unhealthy(&mut self) {
        let failures = core::mem::take(&mut self.state.seen.work.failures);
        let reason = if failures.is_empty() {
            "no probe ended within the deadline".to_string()
        } else {
            failures.join("; ")
        };
        match self.policy.on_unhealthy {
            OnUnhealthy::RollBack => self.go_back(PhaseName::Confirming, reason),
            OnUnhealthy::Report => {
                self.finish(End {
                    reason: Some(reason),
                    ..End::wrong(Outcome::Degraded, PhaseName::Confirming)
                });
            }
        }
    }
}
