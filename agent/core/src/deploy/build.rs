//! From the candidate to the built system, and what that needs.

use pull_agent_protocol::{Outcome, Phase as PhaseName};

use super::{Built, Deploy, Deployment, Desk, End, Ended, Phase, Work};
use crate::candidate::Candidate;
use crate::cause::{Cause, ReasonCode};
use crate::command::Command;
use crate::event::BuildEnd;
use crate::follow::Overtaken;
use crate::id::{StepNumber, SystemPath};
use crate::record::Durations;
use crate::time::Millis;

impl Deploy {
    /// Begins the deployment of a candidate.
    pub(crate) fn begin(&mut self, candidate: Candidate, desk: &mut Desk) {
        let now = desk.now.wall;
        let gate = candidate.passed_at.map(|passed| passed.since(candidate.seen_at));
        self.current = Some(Deployment {
            id: desk.ledger.take_deployment(),
            candidate,
            started_at: now,
            // The number is taken, and the command asked for, right below.
            phase: Phase::Building { step: StepNumber(desk.ledger.next_step) },
            phase_since: now,
            durations: Durations { gate, ..Durations::default() },
            busy: 0,
        });
        self.build(desk);
    }

    /// Starts the build, in the phase that is entered already or anew.
    pub(super) fn build(&mut self, desk: &mut Desk) {
        let Some(current) = &mut self.current else { return };
        let step = desk.ledger.take_step();
        if current.phase.name() != PhaseName::Building {
            current.close_phase(desk.now.wall);
        }
        current.phase = Phase::Building { step };
        let revision = current.candidate.revision.clone();
        desk.commands.push(Command::Build { step, deployment: current.id, revision });
        self.work = Work { step_runs: true, since: desk.now.mono, ..Work::default() };
    }

    /// The build that is awaited ended.
    pub(crate) fn built(&mut self, end: BuildEnd, desk: &mut Desk) -> Option<Ended> {
        let Work { cancelling, resumed, .. } = core::mem::take(&mut self.work);
        let overtaken = desk.overtaken.take_if(|_| cancelling);
        match (end, overtaken) {
            (BuildEnd::Built(_) | BuildEnd::Cancelled, Some(overtaken)) => self.superseded(overtaken, desk),
            (BuildEnd::Built(system), None) => self.build_done(system, desk),
            // It ended with the agent before this one, by its death or by its orderly stop; or what it was ended for is gone.
            (BuildEnd::Killed | BuildEnd::Cancelled, _) if resumed => self.build_again(desk),
            (BuildEnd::Cancelled, None) if cancelling => self.build_again(desk),
            (BuildEnd::Cancelled, None) => self
                .build_failed(Cause::told(ReasonCode::HostFault, "the build was ended from outside"), desk),
            (BuildEnd::Killed, _) => {
                self.build_failed(Cause::told(ReasonCode::OutOfMemory, "the build was killed"), desk)
            }
            (BuildEnd::Failed(cause), _) => self.build_failed(cause, desk),
        }
    }

    fn build_again(&mut self, desk: &mut Desk) -> Option<Ended> {
        self.build(desk);
        None
    }

    fn build_failed(&mut self, cause: Cause, desk: &Desk) -> Option<Ended> {
        self.end(desk.now, End::Failed { built: None, phase: PhaseName::Building, cause })
    }

    /// Decides what a built system needs, by what the host was when its build ended.
    fn build_done(&mut self, system: SystemPath, desk: &mut Desk) -> Option<Ended> {
        let Some(running) = desk.host.current.clone() else {
            return self.build_failed(Cause::RunningSystemUnreadable, desk);
        };
        let built = Built { system, previous: running };
        if desk.host.is_wholly(&built.system) {
            return match before_broken(&built.system, desk) {
                Some(previous) => self.confirm(Built { previous, ..built }, false, desk),
                None => self.end(desk.now, End::Unchanged(built)),
            };
        }
        if desk.ledger.paused.is_none() && desk.overtaken.is_none() {
            return self.activate_if_green(built, desk);
        }
        self.move_on(Phase::Ready { built, busy: false, killed: 0 }, desk.now);
        self.enter(Millis(0), desk.now);
        None
    }

    /// What is deployed is not wanted any more, and nothing of it was activated.
    pub(super) fn superseded(&mut self, overtaken: Overtaken, desk: &Desk) -> Option<Ended> {
        let cause = match overtaken {
            Overtaken::ByNewer(tip) => Cause::Overtaken { tip },
            Overtaken::Withdrawn(tip) => Cause::Withdrawn { tip },
        };
        let built = self.current.as_ref().and_then(|current| current.built().cloned());
        self.end(desk.now, End::Superseded { built, cause })
    }
}

/// What a failed way back left running is not known to be whole, even if it was confirmed at another time, and what ran
/// before it is still the way back.
fn before_broken(running: &SystemPath, desk: &Desk) -> Option<SystemPath> {
    let last = desk.ledger.record_of(running).filter(|record| record.outcome == Outcome::Broken);
    last.and_then(|record| record.previous.clone())
}
