//! The way back to the system that ran before.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use super::{Deploy, Desk, End, Ended, Phase};
use crate::backoff::exponential;
use crate::cause::{Cause, Consequence, EndedBy};
use crate::command::{Command, Operation};
use crate::event::Exit;
use crate::policy::{BUSY_FIRST, BUSY_MOST, ROLL_BACK_TRIES, ROLL_BACK_WAITS};

impl Deploy {
    /// Starts the way back, or tries it again.
    pub(super) fn roll_back(&mut self, desk: &mut Desk) -> Option<Ended> {
        let current = self.current.as_mut()?;
        let Phase::RollingBack { step, built, .. } = &mut current.phase else { return None };
        *step = desk.ledger.take_step();
        let (step, built) = (*step, built.clone());
        let operation = Operation::Back;
        desk.commands.push(Command::Activate { step, deployment: current.id, operation, built });
        self.work.step_runs = true;
        None
    }

    /// The way back ended. It has worked when what runs and the profile are the recorded path, whatever it exited with.
    pub(super) fn went_back(&mut self, exit: &Exit, desk: &Desk) -> Option<Ended> {
        let Phase::RollingBack { built, failed_in, cause, failed, waited, .. } =
            &mut self.current.as_mut()?.phase
        else {
            return None;
        };
        let (built, failed_in, cause) = (built.clone(), *failed_in, cause.clone());
        if desk.host.is_wholly(&built.previous) {
            return self.end(desk.now, End::RolledBack { built, failed_in, cause });
        }
        if may_pass(exit) {
            *waited = waited.saturating_add(1);
        } else {
            *failed = failed.saturating_add(1);
        }
        let tries = failed.saturating_add(*waited);
        if *failed < ROLL_BACK_TRIES && *waited < ROLL_BACK_WAITS {
            self.enter(exponential(BUSY_FIRST, BUSY_MOST, tries, desk.now.entropy), desk.now);
            return None;
        }
        let cause = Cause::WayBackFailed { cause: Box::new(cause), tries, last: describe(exit) };
        self.end(desk.now, End::Broken { built, failed_in, cause })
    }
}

/// Whether the way back could only not begin.
fn may_pass(exit: &Exit) -> bool {
    match exit {
        Exit::Busy => true,
        Exit::BeforeActivation(cause) => cause.consequence() == Consequence::TryAgain,
        Exit::Code(_) | Exit::Signal(_) | Exit::Killed => false,
    }
}

fn describe(exit: &Exit) -> String {
    match exit {
        Exit::Code(0) => "it ended well, but another system runs or is the profile".to_owned(),
        Exit::Code(code) => format!("the switch {}", EndedBy::Code(*code).words()),
        Exit::Signal(signal) => format!("the switch {}", EndedBy::Signal(*signal).words()),
        Exit::Busy => "another activation is at work".to_owned(),
        Exit::Killed => "the switch was killed before it could say how it ended".to_owned(),
        Exit::BeforeActivation(cause) => cause.sentence(),
    }
}
