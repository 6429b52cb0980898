//! The lane that touches the host: build and switch. Its probes, its way back and its ends are in the modules beside.

use alloc::format;
use alloc::string::{String, ToString};

use pull_agent_protocol::{Outcome, Phase as PhaseName};

use crate::backoff::exponential;
use crate::command::Command;
use crate::decide::Turn;
use crate::event::{Exit, FailureClass, HostView, StepFailure};
use crate::finish::End;
use crate::id::{Attempt, DeploymentId, SystemPath};
use crate::policy::{BUSY_FIRST, BUSY_MOST, Policy, SWITCH_TRIES};
use crate::state::{Current, Durations, Phase, State, Work};
use crate::time::{Millis, Mono};

impl State {
    /// When the deployment lane has something to do by itself.
    pub(crate) fn work_due(&self, policy: &Policy) -> Option<Mono> {
        let Some(current) = &self.saved.current else { return self.start_due() };
        let work = &self.seen.work;
        match current.phase {
            Phase::Building { .. } => (self.is_overtaken() && !work.cancelling).then_some(Mono(0)),
            Phase::Built => (self.is_overtaken() || self.saved.paused.is_none()).then_some(Mono(0)),
            Phase::Busy => match (self.is_overtaken(), &self.saved.paused) {
                (true, _) => Some(Mono(0)),
                (false, None) => Some(work.next),
                (false, Some(_)) => None,
            },
            Phase::Confirming { .. } => {
                let deadline = work.since.after(policy.health_deadline);
                work.in_flight.is_none().then(|| work.next.min(deadline))
            }
            Phase::Activating { .. } | Phase::RollingBack { .. } => {
                work.in_flight.is_none().then_some(work.next)
            }
        }
    }

    /// When the wanted revision may be deployed; none while something but time stands against it.
    fn start_due(&self) -> Option<Mono> {
        (self.saved.paused.is_none() && self.is_ready()).then_some(self.seen.retry_at)
    }

    /// Whether the wanted revision is fetched, let pass by the forward-only test, green and not held. What a former
    /// process saw is no tip until the branch was looked at again: it may have been withdrawn since.
    fn is_ready(&self) -> bool {
        self.saved.wanted.as_ref().is_some_and(|wanted| {
            self.seen.poll.tip.as_ref() == Some(&wanted.revision)
                && self.is_allowed(&wanted.revision)
                && !self.is_held(&wanted.revision)
                && self.has_passed()
        })
    }

    /// Whether what is being deployed is not to be activated any more: a newer green tip is there, or the branch was taken
    /// back behind it.
    fn is_overtaken(&self) -> bool {
        let Some(current) = &self.saved.current else { return false };
        match &self.saved.wanted {
            Some(wanted) => current.revision != wanted.revision && (self.is_ready() || self.is_withdrawn()),
            // The tip is the deployed revision; without a tip nothing is known of the branch.
            None => self.seen.poll.tip.is_some(),
        }
    }

    /// Whether the tip cannot contain what is being deployed: that descends from the deployed revision, the tip does not.
    fn is_withdrawn(&self) -> bool {
        self.saved.refused.is_some() && self.saved.current.as_ref().is_some_and(|current| current.compared)
    }

    /// The phase as the world is told it.
    #[must_use]
    pub fn phase_name(&self) -> PhaseName {
        match self.saved.current.as_ref().map(|current| &current.phase) {
            Some(Phase::Building { .. } | Phase::Built) => PhaseName::Building,
            Some(Phase::Activating { .. } | Phase::Busy) => PhaseName::Activating,
            Some(Phase::Confirming { .. }) => PhaseName::Confirming,
            Some(Phase::RollingBack { .. }) => PhaseName::RollingBack,
            None => match &self.saved.wanted {
                Some(wanted)
                    if !self.is_held(&wanted.revision)
                        && self.saved.refused.is_none()
                        && !self.has_passed() =>
                {
                    PhaseName::Gating
                }
                Some(_) | None => PhaseName::Idle,
            },
        }
    }
}

impl Turn<'_> {
    /// Starts whatever is due in this lane; one deployment that ends may let the next one start at once.
    pub(crate) fn advance_deployment(&mut self) {
        while self.is_due(self.state.work_due(self.policy)) {
            let Some(current) = &self.state.saved.current else {
                self.start_deployment();
                continue;
            };
            match current.phase {
                Phase::Building { attempt } => {
                    self.state.seen.work.cancelling = true;
                    self.commands.push(Command::CancelBuild { attempt });
                }
                Phase::Built | Phase::Busy if self.state.is_overtaken() => self.superseded(),
                Phase::Built | Phase::Busy => self.build_again(),
                Phase::Confirming { .. } => self.advance_confirming(),
                Phase::Activating { killed, .. } => self.activate(killed),
                Phase::RollingBack { .. } => self.roll_back(),
            }
        }
    }

    fn start_deployment(&mut self) {
        let saved = &mut self.state.saved;
        let Some(wanted) = &saved.wanted else { return };
        let id = DeploymentId(saved.next_deployment);
        let attempt = Attempt(saved.next_attempt);
        let refusal = self.state.seen.fetch.compared.as_ref().and_then(|compared| compared.refusal.as_ref());
        saved.current = Some(Current {
            id,
            revision: wanted.revision.clone(),
            subject: wanted.subject.clone().unwrap_or_default(),
            trigger: wanted.trigger,
            compared: saved.deployed.is_some() && refusal.is_none(),
            started_at: self.now.wall,
            phase: Phase::Building { attempt },
            phase_since: self.now.wall,
            durations: Durations {
                gate: wanted.passed_at.map(|passed| passed.since(wanted.seen_at)),
                ..Durations::default()
            },
            busy: 0,
            system: None,
            previous: None,
        });
        saved.next_deployment += 1;
        self.enter(Millis(0));
        self.build_step();
    }

    /// After a pause or a busy lock the world may be another: the build, which is cached, brings a fresh look at it.
    fn build_again(&mut self) {
        let attempt = Attempt(self.state.saved.next_attempt);
        self.leave_phase(Phase::Building { attempt });
        self.build_step();
    }

    fn build_step(&mut self) {
        let attempt = self.next_step();
        let Some(current) = &mut self.state.saved.current else { return };
        current.phase = Phase::Building { attempt };
        let command = Command::Build { attempt, deployment: current.id, revision: current.revision.clone() };
        self.state.seen.work = Work { in_flight: Some(attempt), since: self.now.mono, ..Work::default() };
        self.commands.push(command);
    }

    pub(crate) fn built(
        &mut self,
        attempt: Attempt,
        host: HostView,
        result: Result<SystemPath, StepFailure>,
    ) {
        let building = matches!(self.phase(), Some(Phase::Building { attempt: own }) if *own == attempt);
        if !(building && self.is_awaited(attempt)) {
            return;
        }
        self.state.seen.host = host;
        let Work { cancelling, resumed, .. } = core::mem::take(&mut self.state.seen.work);
        match result {
            Ok(_) | Err(StepFailure { class: FailureClass::Cancelled, .. })
                if cancelling && self.state.is_overtaken() =>
            {
                self.superseded();
            }
            Ok(system) => {
                if let Some(current) = &mut self.state.saved.current {
                    current.system = Some(system);
                }
                self.build_done();
            }
            // It ended with the agent before this one, by its death or by its orderly stop.
            Err(StepFailure { class: FailureClass::Killed | FailureClass::Cancelled, .. }) if resumed => {
                self.build_step();
            }
            Err(failure) => self.build_failed(failure, cancelling),
        }
    }

    fn build_failed(&mut self, mut failure: StepFailure, cancelling: bool) {
        match failure.class {
            // Ended by somebody else than this agent, or what it was ended for is gone again.
            FailureClass::Cancelled if cancelling => return self.build_step(),
            FailureClass::Cancelled => failure.class = FailureClass::Transient,
            FailureClass::Killed => failure.class = FailureClass::OutOfMemory,
            FailureClass::Transient
            | FailureClass::Stalled
            | FailureClass::TimedOut
            | FailureClass::OutOfMemory
            | FailureClass::Deterministic
            | FailureClass::Unclassified => {}
        }
        self.finish(End::failed(PhaseName::Building, failure.class, failure.reason));
    }

    /// Decides what a built system needs, by what the host was when its build ended.
    fn build_done(&mut self) {
        let host = self.state.seen.host.clone();
        let Some(current) = &mut self.state.saved.current else { return };
        let Some(running) = host.current else {
            let reason = "the running system could not be read, so there would be no way back".to_string();
            return self.finish(End::failed(PhaseName::Building, FailureClass::Transient, reason));
        };
        let unchanged = current.system.as_ref() == Some(&running) && host.profile == current.system;
        // What a failed way back left running was never confirmed, and what ran before it is still the way back.
        let confirmed = self.state.saved.deployed.as_ref().is_some_and(|deployed| deployed.system == running);
        let last = self.state.saved.history.iter().rev().find(|it| it.system.as_ref() == Some(&running));
        let before = last
            .filter(|record| unchanged && !confirmed && record.outcome == Outcome::Broken)
            .and_then(|record| record.previous.clone());
        let again = before.is_some();
        current.previous = Some(before.unwrap_or(running));
        if again {
            self.confirm(false);
        } else if unchanged {
            self.finish(End::new(Outcome::Unchanged));
        } else if self.state.saved.paused.is_some() || self.state.is_overtaken() {
            self.leave_phase(Phase::Built);
        } else {
            let attempt = Attempt(self.state.saved.next_attempt);
            self.leave_phase(Phase::Activating { attempt, killed: 0 });
            self.activate(0);
        }
    }

    fn activate(&mut self, killed: u32) {
        let attempt = self.next_step();
        self.state.seen.work.in_flight = Some(attempt);
        let Some(current) = &mut self.state.saved.current else { return };
        current.phase = Phase::Activating { attempt, killed };
        self.commands.extend(activate_command(current, attempt));
    }

    pub(crate) fn activated(&mut self, attempt: Attempt, exit: &Exit, host: HostView) {
        let Some(current) = &self.state.saved.current else { return };
        let Phase::Activating { attempt: own, killed } = current.phase else { return };
        if own != attempt || !self.is_awaited(attempt) {
            return;
        }
        self.state.seen.host = host;
        self.state.seen.work.in_flight = None;
        let host = &self.state.seen.host;
        let runs = host.current == current.system;
        let booted = runs && current.previous != current.system && host.profile == current.system;
        let untouched = host.current == current.previous && host.profile != current.system;
        match *exit {
            Exit::Code(0) if runs => self.confirm(false),
            Exit::Code(4) if runs => self.confirm(true),
            // The switch did nothing, but the machine booted into its system before the profile was set back.
            Exit::Busy | Exit::NotStarted(_) if booted => self.confirm(false),
            Exit::Busy => {
                self.leave_phase(Phase::Busy);
                self.wait_for_lock();
            }
            Exit::Killed if killed + 1 < SWITCH_TRIES => self.activate(killed + 1),
            Exit::NotStarted(ref reason) if untouched => {
                self.finish(End::failed(PhaseName::Activating, FailureClass::Transient, reason.clone()));
            }
            Exit::Code(code @ (1 | 100)) if untouched && !runs => {
                let reason = format!("{} before anything was activated", describe(&Exit::Code(code)));
                self.finish(End::failed(PhaseName::Activating, FailureClass::Unclassified, reason));
            }
            Exit::Code(_) | Exit::Signal(_) | Exit::Killed | Exit::NotStarted(_) | Exit::FailedEarly(_) => {
                let reason = match (exit, runs) {
                    (Exit::Code(0), _) => {
                        String::from("the switch ended well, but another system runs than was built")
                    }
                    (exit, _) => describe(exit),
                };
                self.go_back(PhaseName::Activating, reason);
            }
        }
    }

    fn wait_for_lock(&mut self) {
        let Some(current) = &mut self.state.saved.current else { return };
        current.busy = current.busy.saturating_add(1);
        let delay = exponential(BUSY_FIRST, BUSY_MOST, current.busy, self.now.entropy);
        self.enter(delay);
    }

    fn superseded(&mut self) {
        let tip = self.state.seen.poll.tip.as_ref().map(|tip| tip.short().to_string());
        let reason = tip.map(|tip| match self.state.is_ready() {
            true => format!("{tip} is newer and green"),
            false => format!("it was taken back: the tip of the branch is {tip}"),
        });
        self.finish(End { reason, ..End::new(Outcome::Superseded) });
    }

    /// After a start: the step is asked for again under its old number, so that it is waited for and not run twice.
    pub(crate) fn take_up_deployment(&mut self) {
        self.enter(self.policy.settle);
        let Some(current) = &self.state.saved.current else { return };
        let host = &self.state.seen.host.current;
        let went_back = host.is_some() && *host == current.previous && current.previous != current.system;
        if went_back && matches!(current.phase, Phase::Confirming { .. }) {
            let reason = "the system that ran before runs again".to_string();
            return self.go_back(PhaseName::Confirming, reason);
        }
        let (deployment, revision) = (current.id, current.revision.clone());
        let (attempt, command) = match &current.phase {
            Phase::Building { attempt } => {
                (*attempt, Some(Command::Build { attempt: *attempt, deployment, revision }))
            }
            Phase::Activating { attempt, .. } => (*attempt, activate_command(current, *attempt)),
            Phase::RollingBack { attempt, .. } => {
                let previous = current.previous.clone();
                let command =
                    previous.map(|system| Command::RollBack { attempt: *attempt, deployment, system });
                (*attempt, command)
            }
            Phase::Built | Phase::Busy | Phase::Confirming { .. } => return,
        };
        let Some(command) = command else { return self.lost_the_way() };
        self.state.seen.work.in_flight = Some(attempt);
        self.state.seen.work.resumed = true;
        self.commands.push(command);
    }

    /// Begins the waiting of a phase: its first step is due after `delay`.
    pub(crate) fn enter(&mut self, delay: Millis) {
        let since = self.now.mono;
        self.state.seen.work = Work { since, next: since.after(delay), ..Work::default() };
    }

    /// Moves on to the next phase.
    pub(crate) fn leave_phase(&mut self, next: Phase) {
        self.close_phase();
        if let Some(current) = &mut self.state.saved.current {
            current.phase = next;
        }
    }

    /// Notes how long the phase took so far.
    pub(crate) fn close_phase(&mut self) {
        let now = self.now.wall;
        let Some(current) = &mut self.state.saved.current else { return };
        let spent = now.since(current.phase_since);
        let total = |noted: Option<Millis>| Some(Millis(noted.unwrap_or_default().0 + spent.0));
        match current.phase {
            Phase::Building { .. } | Phase::Built => current.durations.build = total(current.durations.build),
            Phase::Activating { .. } | Phase::Busy => {
                current.durations.activate = total(current.durations.activate);
            }
            Phase::Confirming { .. } => current.durations.confirm = total(current.durations.confirm),
            Phase::RollingBack { .. } => {}
        }
        current.phase_since = now;
    }

    /// Number of the next try of a step that touches the host.
    pub(crate) fn next_step(&mut self) -> Attempt {
        let attempt = Attempt(self.state.saved.next_attempt);
        self.state.saved.next_attempt += 1;
        attempt
    }

    fn phase(&self) -> Option<&Phase> {
        self.state.saved.current.as_ref().map(|current| &current.phase)
    }

    /// Steps and looks are numbered apart, so that the phase must be the right one as well.
    pub(crate) fn is_awaited(&self, attempt: Attempt) -> bool {
        self.state.saved.current.is_some() && self.state.seen.work.in_flight == Some(attempt)
    }
}

fn activate_command(current: &Current, attempt: Attempt) -> Option<Command> {
    Some(Command::Activate {
        attempt,
        deployment: current.id,
        revision: current.revision.clone(),
        system: current.system.clone()?,
        previous: current.previous.clone()?,
    })
}

/// The sentence for an end that is not good, with the meaning of switch-to-configuration's exit codes.
pub(crate) fn describe(exit: &Exit) -> String {
    match exit {
        Exit::Code(code) => {
            let meaning = match code {
                2 => " (the activation script failed)",
                4 => " (some units failed)",
                100 => " (a reboot is required)",
                101 => " (the switch panicked)",
                _ => "",
            };
            format!("the switch ended with exit code {code}{meaning}")
        }
        Exit::Signal(signal) => format!("the switch was ended by signal {signal}"),
        Exit::Busy => "another activation is at work".to_string(),
        Exit::Killed => "the switch was killed before it could say how it ended".to_string(),
        Exit::NotStarted(reason) | Exit::FailedEarly(reason) => reason.clone(),
    }
}
