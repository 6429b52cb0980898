//! The way back to the system that ran before.

use alloc::format;
use alloc::string::{String, ToString};

use pull_agent_protocol::{Outcome, Phase as PhaseName};

use crate::backoff::exponential;
use crate::command::Command;
use crate::decide::Turn;
use crate::deployment::describe;
use crate::event::{Exit, HostView};
use crate::finish::End;
use crate::id::Attempt;
use crate::policy::{BUSY_FIRST, BUSY_MOST, ROLL_BACK_TRIES, ROLL_BACK_WAITS};
use crate::state::{Current, Phase};
use crate::time::Millis;

impl Turn<'_> {
    /// Leaves a failed phase for the way back.
    pub(crate) fn go_back(&mut self, failed_in: PhaseName, reason: String) {
        let attempt = Attempt(self.state.saved.next_attempt);
        self.leave_phase(Phase::RollingBack { attempt, failed_in, reason, failed: 0, waited: 0 });
        self.enter(Millis(0));
        self.roll_back();
    }

    /// Starts the way back, or tries it again.
    pub(crate) fn roll_back(&mut self) {
        let next = self.next_step();
        let Some(Current { id, previous: Some(previous), phase: Phase::RollingBack { attempt, .. }, .. }) =
            &mut self.state.saved.current
        else {
            return self.lost_the_way();
        };
        *attempt = next;
        let command = Command::RollBack { attempt: next, deployment: *id, system: previous.clone() };
        self.state.seen.work.in_flight = Some(next);
        self.commands.push(command);
    }

    /// A state file that names no system to go back to was not written by this program.
    pub(crate) fn lost_the_way(&mut self) {
        let reason = "the state does not say what ran before".to_string();
        self.finish(End { reason: Some(reason), ..End::wrong(Outcome::Broken, PhaseName::RollingBack) });
    }

    pub(crate) fn rolled_back(&mut self, attempt: Attempt, exit: &Exit, host: HostView) {
        let awaited = self.is_awaited(attempt);
        let Some(current) = &mut self.state.saved.current else { return };
        let Phase::RollingBack { attempt: own, failed_in, reason, failed, waited } = &mut current.phase
        else {
            return;
        };
        if *own != attempt || !awaited {
            return;
        }
        self.state.seen.host = host;
        self.state.seen.work.in_flight = None;
        let host = &self.state.seen.host;
        let (failed_in, reason) = (*failed_in, reason.clone());
        if host.current == current.previous && host.profile == current.previous {
            let end = End { reason: Some(reason), ..End::wrong(Outcome::RolledBack, failed_in) };
            return self.finish(end);
        }
        if matches!(exit, Exit::Busy | Exit::NotStarted(_)) {
            *waited += 1;
        } else {
            *failed += 1;
        }
        let tries = *failed + *waited;
        if *failed < ROLL_BACK_TRIES && *waited < ROLL_BACK_WAITS {
            self.enter(exponential(BUSY_FIRST, BUSY_MOST, tries, self.now.entropy));
        } else {
            let wrong = match exit {
                Exit::Code(0) => "it ended well, but another system runs or is the profile".to_string(),
                Exit::Code(_)
                | Exit::Signal(_)
                | Exit::Busy
                | Exit::Killed
                | Exit::NotStarted(_)
                | Exit::FailedEarly(_) => describe(exit),
            };
            let reason = format!("{reason}; the way back failed {tries} times: {wrong}");
            self.finish(End { reason: Some(reason), ..End::wrong(Outcome::Broken, failed_in) });
        }
    }
}
