//! One event in, one state and its commands out.
//!
//! A turn has two halves: the event is written into the state, then [`Turn::plan`] starts whatever the state says is due.
//! The plan looks at the state alone, so that a lost timer, a restart or a second look always ends in the same place.

use alloc::vec::Vec;

use pull_agent_protocol::Outcome;

use crate::answer::Refusal;
use crate::cause::{Cause, Consequence};
use crate::command::Command;
use crate::deploy::{Deploy, Desk, Ended, Outside};
use crate::event::Event;
use crate::follow::{Follow, Overtaken, Surroundings};
use crate::policy::Policy;
use crate::state::State;
use crate::time::{Mono, Now};
use crate::verdict::Verdict;

/// What follows from an event, beside the new state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// To be carried out, in this order, once the saved part of the state is on disk.
    pub(crate) commands: Vec<Command>,
    /// Whether the change that an operator asked for is made; of every other event nobody wants to know.
    pub(crate) answer: Result<(), Refusal>,
}

/// Decides what follows from an event: the state is the next one afterwards. Drivers come here by [`crate::Outbox`] only,
/// which lets no command out before its state is on disk.
#[must_use]
pub(crate) fn decide(policy: &Policy, state: &mut State, now: Now, event: Event) -> Decision {
    let mut turn = Turn { policy, now, state, commands: Vec::new(), answer: Ok(()) };
    turn.apply(event);
    turn.plan();
    turn.note_phase();
    Decision { commands: turn.commands, answer: turn.answer }
}

/// Returns when [`Event::DeadlinePassed`] is due. It is a function of the state, so that no timer can be lost.
#[must_use]
pub fn deadline(policy: &Policy, state: &State, now: Now) -> Option<Mono> {
    let around = state.surroundings(policy, now);
    let deployment = state.deploy.due(policy, now, state.outside(&around));
    [state.follow.due(&around), state.start_due(&around), deployment, state.pause_due()]
        .into_iter()
        .flatten()
        .min()
}

impl State {
    /// When the candidate that is ready may be deployed; none while something but time stands against it.
    fn start_due(&self, around: &Surroundings) -> Option<Mono> {
        if self.deploy.current().is_some() || self.ledger.paused.is_some() {
            return None;
        }
        self.follow.ready(around).map(|candidate| candidate.retry_at)
    }

    fn overtaken(&self, around: &Surroundings) -> Option<Overtaken> {
        self.follow.overtakes(&self.deploy.current()?.candidate, around)
    }

    fn outside(&self, around: &Surroundings) -> Outside {
        Outside {
            paused: self.ledger.paused.is_some(),
            overtaken: self.overtaken(around).is_some(),
            forge_from: self.follow.forge_from(),
        }
    }
}

/// One call of [`decide`] while it is at work.
pub(crate) struct Turn<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) now: Now,
    pub(crate) state: &'a mut State,
    pub(crate) commands: Vec<Command>,
    pub(crate) answer: Result<(), Refusal>,
}

impl Turn<'_> {
    fn apply(&mut self, event: Event) {
        match event {
            Event::Started { host } => self.started(host),
            Event::DeadlinePassed => {}
            Event::PolicyChanged { source_changed } => {
                self.state.deploy.checks_changed(self.now);
                if source_changed {
                    self.state.follow.source_changed(self.now);
                } else {
                    self.state.follow.checks_changed(self.policy, self.now);
                }
            }
            Event::Polled { look, host, result } => {
                if self.state.follow.awaits_poll(look) {
                    self.state.host = host;
                    self.follow(|follow, around| follow.polled(result, around));
                }
            }
            Event::Fetched { look, result } => {
                if self.state.follow.awaits_fetch(look) {
                    self.follow(|follow, around| follow.fetched(result, around));
                }
            }
            Event::Checked { look, verdict } => {
                if self.state.follow.awaits_verdict(look) {
                    self.follow(|follow, around| follow.judged(verdict, around));
                }
            }
            Event::CheckedAgain { look, host, verdict } => {
                if self.state.deploy.awaits_verdict(look) {
                    self.state.host = host;
                    self.checked_again(verdict);
                }
            }
            Event::LookedBack { look, result } => {
                if self.state.follow.awaits_look_back(look) {
                    if let Ok(below) = &result {
                        self.state.deploy.found_green(below.green.as_ref().map(|green| &green.revision));
                    }
                    self.follow(|follow, around| follow.looked_back(result, around));
                }
            }
            Event::Built { step, host, end } => {
                if self.state.deploy.awaits_build(step) {
                    self.state.host = host;
                    self.deploy(|deploy, desk| deploy.built(end, desk));
                }
            }
            Event::Activated { step, exit, host } => {
                if self.state.deploy.awaits_activation(step) {
                    self.state.host = host;
                    self.deploy(|deploy, desk| deploy.activated(exit, desk));
                }
            }
            Event::Probed { look, failures } => {
                self.deploy(|deploy, desk| deploy.probed(look, failures, desk))
            }
            Event::Nudged { revision } => {
                let forge_from = self.state.follow.hurry(self.now);
                self.state.deploy.ask_from(forge_from);
                self.follow(|follow, around| follow.nudged(revision, forge_from, around));
            }
            Event::PauseRequested { until, reason, by } => self.pause_requested(until, reason, by),
            Event::ResumeRequested => self.resume_requested(),
            Event::RetryRequested { revision } => self.retry_requested(revision.as_ref()),
            Event::AcceptRequested { revision } => self.accept_requested(revision),
        }
    }

    fn plan(&mut self) {
        self.follow(Follow::give_up);
        self.state.deploy.give_up(self.now);
        self.state.deploy.note_time(self.now);
        self.end_pause();
        self.advance_deployment();
        let mut commands = core::mem::take(&mut self.commands);
        self.follow(|follow, around| follow.advance(around, &mut commands));
        self.commands = commands;
    }

    /// Both lanes hear what the forge said before an activation: what is red now is red in the status, too.
    fn checked_again(&mut self, verdict: Verdict) {
        if let Some(deploying) = self.state.deploy.current().map(|it| it.candidate.revision.clone()) {
            self.follow(|follow, around| follow.judged_again(&deploying, &verdict, around));
        }
        self.deploy(|deploy, desk| deploy.checked_again(verdict, desk));
    }

    /// Starts whatever is due in the deployment lane; one deployment that ends may let the next one start at once.
    fn advance_deployment(&mut self) {
        loop {
            let around = self.state.surroundings(self.policy, self.now);
            if self.state.deploy.is_due(self.policy, self.now, self.state.outside(&around)) {
                self.deploy(Deploy::advance);
            } else if self.is_due(self.state.start_due(&around)) {
                let Some(candidate) = self.state.follow.ready(&around).cloned() else { return };
                self.deploy(|deploy, desk| {
                    deploy.begin(candidate, desk);
                    None
                });
            } else {
                return;
            }
        }
    }

    /// Lets the follow lane act, which sees of the rest what [`Surroundings`] show.
    fn follow<T>(&mut self, act: impl FnOnce(&mut Follow, &Surroundings) -> T) -> T {
        let (follow, around) = self.state.follow_lane(self.policy, self.now);
        act(follow, &around)
    }

    /// Lets the deployment lane act, and writes down how the deployment ended, if it did.
    pub(crate) fn deploy(&mut self, act: impl FnOnce(&mut Deploy, &mut Desk) -> Option<Ended>) {
        let around = self.state.surroundings(self.policy, self.now);
        let overtaken = self.state.overtaken(&around);
        let State { ledger, deploy, host, .. } = &mut *self.state;
        let (policy, now, commands) = (self.policy, self.now, &mut self.commands);
        let ended = act(deploy, &mut Desk { policy, now, host, ledger, commands, overtaken });
        if let Some(ended) = ended {
            self.ended(ended);
        }
    }

    /// A deployment ended: into the history with it, and its revision is deployed, held or tried again.
    fn ended(&mut self, ended: Ended) {
        let candidate = ended.deployment.candidate.clone();
        let (record, confirmed) = ended.record(self.now.wall);
        let revision = record.revision.clone();
        let most = self.policy.keep_deployments;
        let consequence = record.cause.as_ref().map_or(Consequence::Hold, Cause::consequence);
        let held = match record.outcome {
            Outcome::Deployed | Outcome::Degraded | Outcome::Unchanged => {
                if let Some(built) = confirmed {
                    self.state.ledger.confirm(&candidate, built.system, self.now.wall);
                }
                self.state.follow.deployed(&revision, self.now);
                false
            }
            Outcome::Failed => !self.follow(|follow, around| follow.failed(&revision, consequence, around)),
            // What was wrong with the host's own disk alone does not count against the revision.
            Outcome::RolledBack if consequence == Consequence::TryAgain => {
                !self.follow(|follow, around| follow.failed(&revision, consequence, around))
            }
            Outcome::RolledBack | Outcome::Broken => true,
            Outcome::Superseded => false,
        };
        if held {
            self.state.ledger.hold(&record);
            self.state.follow.decided(&revision);
        }
        let deployments = self.state.ledger.record(record, most);
        if !deployments.is_empty() {
            self.commands.push(Command::Forget { deployments });
        }
    }

    /// Remembers since when the shown phase is what it is.
    fn note_phase(&mut self) {
        let name = self.state.phase_name();
        if self.state.shown.is_none_or(|(shown, _)| shown != name) {
            self.state.shown = Some((name, self.now.wall));
        }
    }

    /// Whether a moment has come.
    pub(crate) fn is_due(&self, moment: Option<Mono>) -> bool {
        moment.is_some_and(|moment| moment <= self.now.mono)
    }
}
