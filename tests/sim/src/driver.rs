//! The agent's loop and its steps as the contract has them: decide, save, then start, by the very outbox that the daemon
//! drives; a step writes that it started and how it ended, and outlives the agent. Between any two of these the agent can die.

use std::collections::BTreeMap;
use std::sync::Arc;

use pull_agent_core::{
    Command, Due, Event, Ledger, Operation, Outbox, Outlives, Policy, Saved, State, deadline,
};

use crate::faults::Death;
use crate::invariants::Ghost;
use crate::log::Log;
use crate::scenario::Action;
use crate::violation::Violation;
use crate::world::{Kind, StepFile, World, Write};

/// Something that will happen.
#[derive(Debug)]
pub(crate) enum Item {
    /// A task of this agent process is done with a command.
    Done { process: u64, command: Command, refused: Option<Refused> },
    /// The step takes its next stage.
    Step { number: u64 },
    /// The person's nixos-rebuild takes its next stage.
    Operator,
    /// The service manager starts the agent.
    Start { process: u64 },
    /// Something happens in the world.
    Act(Action),
}

/// Why a step was not begun at all.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refused {
    /// Another step is at work.
    Busy,
    /// Nothing can be written.
    Full,
}

/// The agent's process: what is lost when it dies.
#[derive(Debug)]
pub(crate) struct Agent {
    outbox: Outbox<()>,
    pub(crate) save_again_at: Option<u64>,
    /// The step whose end it waits for.
    pub(crate) waits_for: Option<(u64, Command)>,
}

impl Agent {
    pub(crate) const fn state(&self) -> &State {
        self.outbox.state()
    }
}

/// A world with an agent in it.
#[derive(Debug)]
pub struct Sim {
    pub(crate) policy: Policy,
    pub(crate) world: World,
    pub(crate) agent: Option<Agent>,
    /// Number of the agent's process: what an older one started is not answered to a newer one.
    pub(crate) process: u64,
    pub(crate) queue: BTreeMap<(u64, u64), Item>,
    queued: u64,
    /// Moments so far at which the agent could have died.
    pub(crate) points: u64,
    /// How many there were when everything healed.
    pub(crate) healed_at: u64,
    /// Decisions so far.
    pub(crate) events: u64,
    pub(crate) die_at: Vec<(u64, Death)>,
    /// At each point the agent dies in so many of 100 000 cases.
    pub(crate) die_chance: u64,
    pub(crate) ghost: Ghost,
    pub(crate) log: Log,
    pub(crate) mutation: Option<DriverMutation>,
}

/// Ways in which the loop and the steps could break their contract. The tests of the simulation itself use them: each must
/// be noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverMutation {
    /// What waits for a save is let out before it.
    ActBeforeSave,
    /// A save that failed is taken for a good one.
    ActAfterFailedSave,
    /// The profile is not set back after a switch that did not happen.
    NoRestore,
    /// A step that started already is started again after a restart.
    StartTwice,
    /// The state that ends a deployment is written before the list of what is held.
    HoldLast,
    /// After the first, no state is synced.
    NeverSynced,
}

impl Sim {
    pub(crate) fn new(policy: Policy, world: World, log: Log) -> Self {
        Self {
            policy,
            world,
            agent: None,
            process: 0,
            queue: BTreeMap::new(),
            queued: 0,
            points: 0,
            healed_at: 0,
            events: 0,
            die_at: Vec::new(),
            die_chance: 0,
            ghost: Ghost::default(),
            log,
            mutation: None,
        }
    }

    pub(crate) fn now(&self) -> u64 {
        self.world.clock.now
    }

    pub(crate) fn after(&mut self, delay: u64, item: Item) {
        self.queued += 1;
        self.queue.insert((self.now() + delay, self.queued), item);
    }

    pub(crate) fn after_about(&mut self, least: u64, most: u64, item: Item) {
        let delay = self.world.rng.between(least, most);
        self.after(delay, item);
    }

    /// When something happens next.
    fn next_time(&self) -> Option<u64> {
        let queued = self.queue.first_key_value().map(|((time, _), _)| *time);
        let agent = self.agent.as_ref().and_then(|agent| {
            let timer = deadline(&self.policy, agent.state(), self.world.clock.told(0))
                .map(|mono| self.world.clock.true_time(mono));
            timer.into_iter().chain(agent.save_again_at).min()
        });
        queued.into_iter().chain(agent).min()
    }

    /// Lets the next thing happen, unless it is later than `until`; returns whether it did.
    pub(crate) fn turn(&mut self, until: u64) -> Result<bool, Violation> {
        let Some(time) = self.next_time().filter(|time| *time <= until) else {
            self.world.clock.now = self.now().max(until);
            return Ok(false);
        };
        self.world.clock.now = self.now().max(time);
        match self.queue.first_key_value() {
            Some(((queued, _), _)) if *queued <= self.world.clock.now => {
                if let Some((_, item)) = self.queue.pop_first() {
                    self.happen(item)?;
                }
            }
            Some(_) | None => self.wake()?,
        }
        self.ghost.look(&self.world, self.agent.as_ref().map(Agent::state), &self.policy)?;
        Ok(true)
    }

    /// The agent's own timers.
    fn wake(&mut self) -> Result<(), Violation> {
        let now = self.now();
        if self.agent.as_ref().is_some_and(|agent| agent.save_again_at.is_some_and(|at| at <= now)) {
            self.settle()
        } else {
            self.feed(Event::DeadlinePassed)
        }
    }

    fn happen(&mut self, item: Item) -> Result<(), Violation> {
        match item {
            Item::Done { process, command, refused } => {
                if process == self.process && self.agent.is_some() {
                    let event = self.answer(command, refused);
                    return self.feed(event);
                }
                Ok(())
            }
            Item::Step { number } => {
                self.step(number);
                Ok(())
            }
            Item::Operator => {
                self.operator();
                Ok(())
            }
            Item::Start { process } => {
                if process == self.process && self.agent.is_none() {
                    return self.start();
                }
                Ok(())
            }
            Item::Act(action) => self.act(action),
        }
    }

    fn start(&mut self) -> Result<(), Violation> {
        let outbox = match self.world.disk.read() {
            Some(saved) => Outbox::read(saved),
            None => Outbox::unwritten(self.adopt()),
        };
        self.world.clock.process_start = self.now();
        self.world.clock.mono_base = self.world.rng.pick(&[0, 1, 5_000, 86_400_000, 1 << 40]);
        self.agent = Some(Agent { outbox, save_again_at: None, waits_for: None });
        self.ghost.started(&self.world);
        self.feed(Event::Started { host: self.world.host.view() })
    }

    /// Without a state file the agent adopts what runs. Numbers go on after those that logs and results on disk bear.
    fn adopt(&self) -> Saved {
        let disk = &self.world.disk;
        let newest = disk.steps.last_key_value().map_or(0, |(number, _)| *number);
        let ledger = Ledger {
            deployed: disk.deployed.clone(),
            held: disk.holds.clone(),
            next_step: newest + 1,
            next_deployment: disk.newest_log + 1,
            ..Ledger::default()
        };
        Saved { ledger, ..Saved::default() }
    }

    /// One turn of the agent's loop.
    pub(crate) fn feed(&mut self, event: Event) -> Result<(), Violation> {
        let Some(agent) = &mut self.agent else { return Ok(()) };
        self.log.note(self.world.clock.now, || format!("event {event:?}"));
        let now = self.world.clock.told(self.world.rng.next());
        self.ghost.hears(&event, &self.world);
        agent.outbox.decide(&self.policy, now, event, None);
        self.events += 1;
        if deadline(&self.policy, agent.state(), now).is_some_and(|due| due <= now.mono) {
            return Err(Violation::new("no busy loop", format!("due at once again: {:?}", agent.state())));
        }
        if self.point() {
            return Ok(());
        }
        self.settle()
    }

    /// Saves what is unsaved, and starts what may leave.
    fn settle(&mut self) -> Result<(), Violation> {
        let now = self.now();
        let Some(agent) = &mut self.agent else { return Ok(()) };
        let unsaved = match agent.outbox.due() {
            Due::Start(released) => return self.begin_all(released.commands),
            Due::Save(unsaved) => unsaved,
        };
        if self.mutation == Some(DriverMutation::ActBeforeSave) {
            let saved = Arc::clone(unsaved.saved());
            let released = agent.outbox.saved(unsaved);
            self.begin_all(released.commands)?;
            return self.write(&saved, Outlives::Power).map(drop);
        }
        if self.world.faults.disk_is_full(now) && self.mutation != Some(DriverMutation::ActAfterFailedSave) {
            self.log.note(now, || "save failed".to_string());
            let answers = agent.outbox.failed(unsaved, "no space left on device".to_string());
            debug_assert!(answers.is_empty(), "nobody asked");
            agent.save_again_at = agent.outbox.save_again().map(|delay| now + delay.0);
            return Ok(());
        }
        if !self.world.faults.disk_is_full(now) && !self.write(unsaved.saved(), unsaved.outlives())? {
            return Ok(());
        }
        let Some(agent) = &mut self.agent else { return Ok(()) };
        agent.save_again_at = None;
        let released = agent.outbox.saved(unsaved);
        self.begin_all(released.commands)
    }

    /// Writes the files of the state; returns whether the agent lives on.
    fn write(&mut self, saved: &Arc<Saved>, outlives: Outlives) -> Result<bool, Violation> {
        let mut writes = self.world.disk.writes(saved);
        if self.mutation == Some(DriverMutation::HoldLast) {
            writes.sort_by_key(|write| matches!(write, Write::Holds(_)));
        }
        for write in writes {
            let is_state = matches!(write, Write::State(_));
            // The list of what is held always is, and with it whatever was written into the folder before.
            let synced = match self.mutation {
                Some(DriverMutation::NeverSynced) => self.world.disk.state.is_none(),
                Some(_) | None => matches!(write, Write::Holds(_)) || is_state && outlives == Outlives::Power,
            };
            self.log.note(self.world.clock.now, || write.to_string());
            self.world.disk.write(write);
            if synced {
                self.world.disk.sync();
            }
            if is_state {
                self.ghost.saved(&self.world)?;
            }
            if self.point() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn begin_all(&mut self, commands: Vec<Command>) -> Result<(), Violation> {
        for command in commands {
            self.begin(command)?;
            if self.point() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Carries a command out, as far as that is done at once.
    fn begin(&mut self, command: Command) -> Result<(), Violation> {
        self.log.note(self.world.clock.now, || format!("command {command:?}"));
        self.ghost.asks(&command, &self.world, self.agent.as_ref().map(Agent::state))?;
        let (number, kind) = match &command {
            Command::Poll { .. } | Command::Fetch { .. } => {
                let hangs = self.world.faults.remote_hangs_until > self.now();
                let (least, most) = if hangs { (20_000, 600_000) } else { (50, 5_000) };
                self.done_after(least, most, command);
                return Ok(());
            }
            Command::Check { .. } | Command::CheckAgain { .. } | Command::LookBack { .. } => {
                self.done_after(50, 5_000, command);
                return Ok(());
            }
            Command::Probe { .. } => {
                self.done_after(50, 10_000, command);
                return Ok(());
            }
            Command::CancelBuild { step } => {
                self.cancel(Some(step.0));
                return Ok(());
            }
            Command::Forget { .. } => return Ok(()),
            Command::Build { step, .. } => (step.0, Kind::Build),
            Command::Activate { step, operation: Operation::Switch { .. }, .. } => (step.0, Kind::Activate),
            Command::Activate { step, operation: Operation::Back, .. } => (step.0, Kind::RollBack),
        };
        if let Some(agent) = &mut self.agent {
            agent.waits_for = Some((number, command.clone()));
        }
        let runs = self.world.host.step.as_ref().is_some_and(|step| step.number == number);
        let started = self.world.disk.steps.contains_key(&number);
        if started && !runs && self.mutation == Some(DriverMutation::StartTwice) {
            self.world.disk.steps.remove(&number);
            return self.begin_step(number, kind, command);
        }
        match (started, runs) {
            (_, true) => Ok(()),
            (true, false) => {
                self.done_after(10, 100, command);
                Ok(())
            }
            (false, false) => self.begin_step(number, kind, command),
        }
    }

    fn begin_step(&mut self, number: u64, kind: Kind, command: Command) -> Result<(), Violation> {
        let refused = if self.world.host.step.is_some() {
            Some(Refused::Busy)
        } else if self.world.faults.disk_is_full(self.now()) {
            Some(Refused::Full)
        } else {
            None
        };
        if refused.is_some() {
            let process = self.process;
            self.after_about(10, 100, Item::Done { process, command, refused });
            return Ok(());
        }
        let step = self.world.new_step(number, &command);
        self.ghost.step_starts(&step, &self.world)?;
        self.world.disk.newest_log = self.world.disk.newest_log.max(step.deployment.0);
        self.world.disk.steps.insert(number, StepFile { kind, deployment: step.deployment, result: None });
        self.world.host.step = Some(step);
        self.after_about(100, 3_000, Item::Step { number });
        Ok(())
    }

    fn done_after(&mut self, least: u64, most: u64, command: Command) {
        let process = self.process;
        self.after_about(least, most, Item::Done { process, command, refused: None });
    }

    /// The step is gone, with a result or without: the agent that waits for it will notice.
    pub(crate) fn step_is_gone(&mut self, number: u64) {
        let waits = self.agent.as_ref().and_then(|agent| agent.waits_for.as_ref());
        let command = waits.filter(|(awaited, _)| *awaited == number).map(|(_, command)| command.clone());
        if let Some(command) = command {
            let process = self.process;
            self.after_about(10, 1_000, Item::Done { process, command, refused: None });
        }
    }
}
