//! One event in, one state and its commands out.
//!
//! A turn has two halves: the event is written into the state, then [`Turn::plan`] starts whatever the state says is due.
//! The plan looks at the state alone, so that a lost timer, a restart or a second look always ends in the same place.

use alloc::vec::Vec;

use crate::answer::Refusal;
use crate::command::Command;
use crate::event::Event;
use crate::policy::Policy;
use crate::state::State;
use crate::time::{Mono, Now};

/// What follows from an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The state from now on; its saved part must be on disk before the first command starts.
    pub(crate) state: State,
    /// To be carried out, in this order.
    pub(crate) commands: Vec<Command>,
    /// Whether the change that an operator asked for is made; of every other event nobody wants to know.
    pub(crate) answer: Result<(), Refusal>,
}

/// Decides what follows from an event. Drivers come here by [`crate::Outbox`] only, which lets no command out before its
/// state is on disk.
#[must_use]
pub(crate) fn decide(policy: &Policy, state: State, now: Now, event: Event) -> Step {
    let mut turn = Turn { policy, now, state, commands: Vec::new(), answer: Ok(()) };
    turn.apply(event);
    turn.plan();
    turn.note_phase();
    Step { state: turn.state, commands: turn.commands, answer: turn.answer }
}

/// Returns when [`Event::DeadlinePassed`] is due. It is a function of the state, so that no timer can be lost.
#[must_use]
pub fn deadline(policy: &Policy, state: &State) -> Option<Mono> {
    let follow = [state.poll_due(), state.fetch_due(), state.gate_due()];
    let rest = [state.pause_due(), state.work_due(policy)];
    let given_up = state.in_flight_deadlines();
    follow.into_iter().chain(rest).chain(given_up).flatten().min()
}

/// One call of [`decide`] while it is at work.
pub(crate) struct Turn<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) now: Now,
    pub(crate) state: State,
    pub(crate) commands: Vec<Command>,
    pub(crate) answer: Result<(), Refusal>,
}

impl Turn<'_> {
    fn apply(&mut self, event: Event) {
        match event {
            Event::Started { host } => self.started(host),
            Event::DeadlinePassed => {}
            Event::PolicyChanged { source_changed } => self.policy_changed(source_changed),
            Event::Polled { attempt, host, result } => self.polled(attempt, host, result),
            Event::Fetched { attempt, result } => self.fetched(attempt, result),
            Event::Checked { attempt, verdict } => self.checked(attempt, verdict),
            Event::Built { attempt, host, result } => self.built(attempt, host, result),
            Event::Activated { attempt, exit, host } => self.activated(attempt, &exit, host),
            Event::Probed { attempt, failures } => self.probed(attempt, failures),
            Event::RolledBack { attempt, exit, host } => self.rolled_back(attempt, &exit, host),
            Event::Nudged { revision } => self.nudged(revision),
            Event::PauseRequested { until, reason, by } => self.pause_requested(until, reason, by),
            Event::ResumeRequested => self.resume_requested(),
            Event::RetryRequested { revision } => self.retry_requested(revision),
            Event::AcceptRequested { revision } => self.accept_requested(revision),
        }
    }

    fn plan(&mut self) {
        self.give_up_overdue();
        self.end_pause();
        self.advance_deployment();
        self.advance_follow();
    }

    /// Remembers since when the shown phase is what it is.
    fn note_phase(&mut self) {
        let name = self.state.phase_name();
        if self.state.seen.phase.is_none_or(|(shown, _)| shown != name) {
            self.state.seen.phase = Some((name, self.now.wall));
        }
    }

    /// Whether a moment has come.
    pub(crate) fn is_due(&self, moment: Option<Mono>) -> bool {
        moment.is_some_and(|moment| moment <= self.now.mono)
    }
}
