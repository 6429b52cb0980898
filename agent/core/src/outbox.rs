//! What was decided and has not left yet: commands and answers wait here until the state that they follow from is on disk.
//!
//! A driver's turn is [`Outbox::decide`], then [`Outbox::due`]. That hands out either what may leave, or an [`Unsaved`]
//! with the state to be written and, out of reach, whatever waits for it. Only [`Outbox::saved`] opens it: there is no other
//! way from a decision to its commands.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem::{discriminant, take};

use crate::answer::{Answer, NotSaved, Refusal};
use crate::command::Command;
use crate::decide::decide;
use crate::event::Event;
use crate::policy::Policy;
use crate::state::{Saved, State};
use crate::time::{Millis, Now};

/// After a failed save the next one is due so much later, unless something happens before.
pub const SAVE_AGAIN: Millis = Millis::seconds(2);

/// What a save has to outlive before what waits for it may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outlives {
    /// The death of the agent. A loss of power may bring back what was on disk before, whole: the ledger is the same, and
    /// only looks wait, which find again what they found.
    Process,
    /// A loss of power as well: the host is about to be touched, somebody is told that it is done, or the ledger is new.
    Power,
}

/// The state of an agent, and what waits for it to be on disk. `R` is the driver's handle of somebody who wants an answer.
#[derive(Debug)]
pub struct Outbox<R> {
    state: State,
    /// What is on disk, and what that outlives; none when nobody knows, as after a save that failed half-way.
    on_disk: Option<(Arc<Saved>, Outlives)>,
    waiting: Waiting<R>,
    error: Option<String>,
}

/// What is not let out before its save.
#[derive(Debug)]
struct Waiting<R> {
    commands: Vec<Command>,
    callers: Vec<(R, Result<(), Refusal>)>,
}

/// What a driver has to do next.
#[derive(Debug)]
#[must_use]
pub enum Due<R> {
    /// Write a state, then say how that went: [`Outbox::saved`] or [`Outbox::failed`].
    Save(Unsaved<R>),
    /// The state is on disk: these may leave.
    Start(Released<R>),
}

/// A state to be written, and with it what waits for that.
#[derive(Debug)]
#[must_use = "what waits for this save is lost with it"]
pub struct Unsaved<R> {
    saved: Arc<Saved>,
    outlives: Outlives,
    waiting: Waiting<R>,
}

/// What may leave, since the state that it follows from is on disk.
#[derive(Debug)]
#[must_use]
pub struct Released<R> {
    /// To be carried out, in this order.
    pub commands: Vec<Command>,
    /// Whom to answer what.
    pub answers: Vec<(R, Answer)>,
}

impl<R> Outbox<R> {
    /// The outbox of a process that has read this state from disk.
    #[must_use]
    pub fn read(saved: impl Into<Arc<Saved>>) -> Self {
        let saved = saved.into();
        let state = State::from((*saved).clone());
        // The process that wrote it may have been killed before it had synced it.
        Self { state, on_disk: Some((saved, Outlives::Process)), waiting: Waiting::default(), error: None }
    }

    /// The outbox of a process that begins with a state which is on no disk.
    #[must_use]
    pub fn unwritten(saved: Saved) -> Self {
        let state = State::from(saved);
        Self { state, on_disk: None, waiting: Waiting::default(), error: None }
    }

    /// Returns the state as it was decided last, on disk or not.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Decides what follows from an event. A caller is answered once that is on disk.
    pub fn decide(&mut self, policy: &Policy, now: Now, event: Event, caller: Option<R>) {
        let decision = decide(policy, &mut self.state, now, event);
        self.waiting.add(decision.commands);
        self.take_back_questions(now);
        self.waiting.callers.extend(caller.map(|caller| (caller, decision.answer)));
    }

    /// A question that waits for the disk was decided on before the forge wanted to be left alone: it is asked after that.
    fn take_back_questions(&mut self, now: Now) {
        if self.state.forge_wants_quiet(now.mono) {
            let state = &mut self.state;
            self.waiting.commands.retain(|command| !state.takes_back(command));
        }
    }

    /// Returns what is to be done now. It compares the state with what is on disk; it is copied only when they differ.
    pub fn due(&mut self) -> Due<R> {
        let waiting = take(&mut self.waiting);
        let least = waiting.needs();
        let outlives = match &self.on_disk {
            Some((saved, has)) if self.state.is_saved_as(saved) && *has >= least => {
                return Due::Start(waiting.released());
            }
            Some((saved, _)) if saved.ledger == *self.state.ledger() => least,
            Some(_) | None => Outlives::Power,
        };
        Due::Save(Unsaved { saved: Arc::new(self.state.saved()), outlives, waiting })
    }

    /// The state is on disk, to outlive what it has to. Returns what waited for it: nothing that was decided later.
    pub fn saved(&mut self, unsaved: Unsaved<R>) -> Released<R> {
        self.on_disk = Some((unsaved.saved, unsaved.outlives));
        self.error = None;
        unsaved.waiting.released()
    }

    /// The state could not be written; `error` is the sentence for the operator. Returns whom to answer what: nobody is
    /// answered again for the same change. The commands wait for the next save.
    #[must_use]
    pub fn failed(&mut self, unsaved: Unsaved<R>, error: String) -> Vec<(R, Answer)> {
        let Waiting { commands, callers } = unsaved.waiting;
        let later = core::mem::replace(&mut self.waiting.commands, commands);
        self.waiting.add(later);
        // A write that failed may have got as far as the rename.
        self.on_disk = None;
        let not_saved = NotSaved { error };
        let answers = callers.into_iter().map(|(caller, answer)| match answer {
            Ok(()) => (caller, Answer::NotSaved(not_saved.clone())),
            // Nothing of it has to be written.
            Err(refusal) => (caller, Answer::Refused(refusal)),
        });
        let answers = answers.collect();
        self.error = Some(not_saved.error);
        answers
    }

    /// Returns why nothing is started, while the last save is a failed one.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Returns how long to wait for the next try to save, when there is one to come.
    #[must_use]
    pub fn save_again(&self) -> Option<Millis> {
        self.error.as_ref().map(|_| SAVE_AGAIN)
    }
}

impl<R> Unsaved<R> {
    /// Returns what is to be written.
    #[must_use]
    pub const fn saved(&self) -> &Arc<Saved> {
        &self.saved
    }

    /// Returns what that has to outlive.
    #[must_use]
    pub const fn outlives(&self) -> Outlives {
        self.outlives
    }
}

impl<R> Waiting<R> {
    /// While nothing can be saved, looks are given up and wanted again: only the last of each kind is of use.
    fn add(&mut self, commands: Vec<Command>) {
        for command in commands {
            if command.is_look() {
                let kind = discriminant(&command);
                self.commands.retain(|waiting| discriminant(waiting) != kind);
            }
            self.commands.push(command);
        }
    }

    fn needs(&self) -> Outlives {
        let nothing_is_told = self.callers.iter().all(|(_, answer)| answer.is_err());
        if nothing_is_told && self.commands.iter().all(Command::is_look) {
            Outlives::Process
        } else {
            Outlives::Power
        }
    }

    fn released(self) -> Released<R> {
        let answers = self
            .callers
            .into_iter()
            .map(|(caller, answer)| (caller, answer.map_or_else(Answer::Refused, |()| Answer::Done)));
        Released { commands: self.commands, answers: answers.collect() }
    }
}

impl<R> Default for Waiting<R> {
    fn default() -> Self {
        Self { commands: Vec::new(), callers: Vec::new() }
    }
}
