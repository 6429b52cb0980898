//! What must hold, whatever happens. The ghost sees the whole truth, remembers what the agent was told, and objects.

mod held;
mod look;

use pull_agent_core::{
    Cause, Command, Consequence, DeploymentId, Event, Phase, Record, Saved, State, Verdict, VerdictKind, Wall,
};
use pull_agent_protocol::{Outcome, Phase as PhaseName};

use crate::violation::Violation;
use crate::world::{By, Kind, Step, World};
use look::{intended, says};

const GREEN: &str = "1 green only";
const FORWARD: &str = "2 forward only";
const SIGNED: &str = "signed only";
const ONE: &str = "3 one at a time";
const SAVED: &str = "4 saved before done";
const BACK: &str = "6 back to where it was";
const LOOPS: &str = "7 no loops";
const TIP: &str = "8 only the branch decides";
const PAUSE: &str = "a pause is kept";
const BOUNDED: &str = "9 bounded";

/// What the ghost knows of one commit.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// The forge said green.
    green: bool,
    /// What it said last to this process, and when.
    word: Option<(bool, u64)>,
    /// The operator allowed it, and the leave is not used up.
    accepted: bool,
    /// It is not to be tried again.
    closed: bool,
    /// Stalls and the like since it was confirmed or retried.
    hard: u32,
    builds: u32,
    switches: u32,
    /// So many more builds and switches than one are explained by what happened to this commit.
    excuses: u32,
}

/// What an observer who sees everything remembers, to judge what the agent does next.
#[derive(Debug, Default)]
pub struct Ghost {
    commits: Vec<Known>,
    /// The last confirmed commit.
    pub(crate) confirmed: Option<usize>,
    /// The largest number of a step that started.
    last_step: u64,
    /// The largest number of a deployment that ended.
    last_record: u64,
    /// Deployments up to this one were lost with the state file: nobody knows how they ended.
    lost: u64,
    /// Things that explain one more build of any commit.
    excuses: u32,
    /// Tips that this process of the agent was told, one bit for each commit.
    tips: u128,
    /// The green commits that this process found below a tip, with that tip.
    below: Vec<(usize, usize)>,
    /// The largest number of a deployment that was begun.
    begun: u64,
    /// The wall clock was set, so that dates say nothing of what came first.
    wall_set: bool,
    /// The last deployment that was activated.
    activated: Option<DeploymentId>,
    /// The largest number of a switch that was decided on.
    switch: u64,
    /// The deployment of the last step, when that found another one at work.
    busy: Option<DeploymentId>,
    /// The state was lost, and a step of it may still be at work.
    stray: bool,
    /// The deployments whose switch may stay the boot default.
    settled: Vec<DeploymentId>,
    /// What ended until then, and was forgiven while nothing could be saved, is forgiven once more when it can.
    forgive: Option<Wall>,
    /// The system that the last round of probes found well, since it was last switched to.
    probed: Option<usize>,
    /// Deployments whose way back failed, and what they left running was not confirmed since.
    broken: Vec<DeploymentId>,
    /// True time until which the forge wants to be left alone.
    quiet_until: u64,
    /// Per minute, what was asked.
    minute: u64,
    polls: u32,
    checks: u32,
}

impl Ghost {
    fn commit(&mut self, number: usize) -> &mut Known {
        if self.commits.len() <= number {
            self.commits.resize(number + 1, Known::default());
        }
        &mut self.commits[number]
    }

    /// Something happened after which anything may be built once more.
    pub(crate) const fn excuse(&mut self) {
        self.excuses += 1;
    }

    /// The branch moved.
    pub(crate) const fn tip_moved(&mut self) {
        self.excuses += 1;
    }

    /// The state file is gone, and what is held is still known.
    pub(crate) fn state_lost(&mut self, world: &World) {
        let newest = world.disk.newest_log;
        self.stray = true;
        self.lost = newest;
        self.broken.clear();
        self.last_record = newest;
        self.begun = newest;
        self.forget_failures();
        self.close_what_is_held(world);
        for known in &mut self.commits {
            known.accepted = false;
        }
    }

    pub(crate) fn started(&mut self, world: &World) {
        for known in &mut self.commits {
            known.word = None;
        }
        // It may have died before it could save what was forgiven.
        if self.forgive.take().is_some() {
            self.forget_failures();
        }
        self.close_what_is_held(world);
        let saved = world.disk.state.as_deref();
        let phase = saved.and_then(|saved| saved.deployment.as_ref()).map(|deployment| &deployment.phase);
        // What was decided on and not saved is decided on anew.
        self.switch = phase.and_then(Phase::step).map_or(0, |step| step.0);
        self.excuses += 1;
        self.quiet_until = 0;
        self.tips = 0;
        self.below.clear();
    }

    pub(crate) const fn wall_was_set(&mut self) {
        self.wall_set = true;
    }

    /// A switch of this deployment found another one at work.
    pub(crate) const fn busy(&mut self, deployment: DeploymentId) {
        self.busy = Some(deployment);
        self.excuses += 1;
    }

    /// The forge answers a question that the agent still has.
    pub(crate) fn forge_says(&mut self, commit: usize, verdict: &Verdict, now: u64) {
        let known = self.commit(commit);
        known.green |= verdict.kind == VerdictKind::Green;
        known.word = Some((verdict.kind == VerdictKind::Green, now));
        if let Some(not_before) = verdict.not_before {
            self.quiet_until = now + not_before.0;
        }
    }

    /// Below this tip there is this green commit.
    pub(crate) fn found_below(&mut self, tip: usize, commit: usize) {
        self.below.push((tip, commit));
    }

    /// Whether this process saw a commit at the tip, or below one that it saw there.
    fn saw(&self, commit: usize) -> bool {
        let at_tip = |number: usize| self.tips >> number & 1 == 1;
        at_tip(commit) || self.below.iter().any(|(tip, below)| *below == commit && at_tip(*tip))
    }

    /// The agent is told something.
    pub(crate) fn hears(&mut self, event: &Event, world: &World) {
        match event {
            Event::AcceptRequested { revision } => {
                let number = world.remote.number(revision);
                self.commit(number).accepted = true;
            }
            Event::RetryRequested { revision } => {
                self.excuses += 1;
                if world.faults.disk_is_full(world.clock.now) {
                    self.forgive = Some(world.clock.wall());
                }
                let chosen = revision.as_ref().map(|revision| world.remote.number(revision));
                for (number, known) in self.commits.iter_mut().enumerate() {
                    if chosen.is_none_or(|chosen| chosen == number) {
                        known.closed = false;
                        known.hard = 0;
                    }
                }
            }
            Event::Probed { failures, .. } => {
                self.probed = failures.is_empty().then_some(world.host.current);
            }
            Event::Polled { result: Ok(tip), .. } => self.tips |= 1 << world.remote.number(tip),
            Event::PauseRequested { .. } | Event::ResumeRequested => self.excuses += 2,
            Event::PolicyChanged { .. } => self.quiet_until = self.quiet_until.min(world.clock.now),
            Event::Started { .. }
            | Event::DeadlinePassed
            | Event::Polled { .. }
            | Event::Fetched { .. }
            | Event::Checked { .. }
            | Event::CheckedAgain { .. }
            | Event::Built { .. }
            | Event::Activated { .. }
            | Event::LookedBack { .. }
            | Event::Nudged { .. } => {}
        }
    }

    /// The agent asks for something.
    pub(crate) fn asks(
        &mut self,
        command: &Command,
        world: &World,
        state: Option<&State>,
    ) -> Result<(), Violation> {
        let now = world.clock.now;
        intended(command, world, state)?;
        if now / 60_000 != self.minute {
            self.minute = now / 60_000;
            self.polls = 0;
            self.checks = 0;
        }
        match command {
            Command::Poll { .. } => self.polls += 1,
            Command::Check { .. } | Command::CheckAgain { .. } | Command::LookBack { .. }
                if now < self.quiet_until =>
            {
                return Err(Violation::new(BOUNDED, "the forge is asked before its Retry-After".to_string()));
            }
            Command::Check { .. } | Command::CheckAgain { .. } | Command::LookBack { .. } => self.checks += 1,
            Command::Fetch { .. }
            | Command::Build { .. }
            | Command::CancelBuild { .. }
            | Command::Activate { .. }
            | Command::Probe { .. }
            | Command::Forget { .. } => {}
        }
        // One a second, and what several processes did that died within the minute.
        if self.polls > 90 || self.checks > 90 {
            return Err(Violation::new(
                BOUNDED,
                format!("{} polls, {} checks in a minute", self.polls, self.checks),
            ));
        }
        Ok(())
    }

    /// A step is about to touch the host.
    pub(crate) fn step_starts(&mut self, step: &Step, world: &World) -> Result<(), Violation> {
        if let Some(other) = &world.host.step {
            return Err(Violation::new(ONE, format!("{step:?} beside {other:?}")));
        }
        if step.number <= self.last_step {
            return Err(Violation::new(ONE, format!("{step:?}, but number {} was used", self.last_step)));
        }
        self.last_step = step.number;
        self.busy = None;
        let intended = world.disk.state.as_ref().and_then(|saved| saved.deployment.as_ref());
        if !intended.is_some_and(|current| says(current, step)) {
            return Err(Violation::new(SAVED, format!("{step:?} starts, but the disk says {intended:?}")));
        }
        let Some(number) = step.commit else { return Ok(()) };
        if let Some(Saved { ledger, deployment: Some(current), .. }) = world.disk.state.as_deref()
            && let Some(pause) = &ledger.paused
            && matches!(current.phase, Phase::Activating { killed: 0, .. })
            && pause.since < current.phase_since
            && !self.wall_set
        {
            return Err(Violation::new(PAUSE, format!("{step:?} in spite of {pause:?}")));
        }
        let (confirmed, excuses) = (self.confirmed, self.excuses);
        let known = self.commit(number);
        if !known.green {
            return Err(Violation::new(GREEN, format!("{step:?} without a green verdict")));
        }
        if known.closed {
            return Err(Violation::new(LOOPS, format!("{step:?} of a revision that is held")));
        }
        let forward = confirmed.is_none_or(|confirmed| world.remote.descends(number, confirmed));
        if !forward && !known.accepted {
            return Err(Violation::new(FORWARD, format!("{step:?}, but {confirmed:?} is deployed")));
        }
        if !world.remote.commits[number].signed {
            return Err(Violation::new(SIGNED, format!("{step:?} of a revision without a signature")));
        }
        let count = match step.kind {
            Kind::Build => &mut known.builds,
            Kind::Activate | Kind::RollBack => &mut known.switches,
        };
        *count += 1;
        if *count > 1 + known.excuses + excuses {
            return Err(Violation::new(LOOPS, format!("{step:?} for the {count}th time")));
        }
        Ok(())
    }

    /// The state file was written.
    pub(crate) fn saved(&mut self, world: &World) -> Result<(), Violation> {
        let Some(saved) = &world.disk.state else { return Ok(()) };
        let mut forgive = self.forgive.take();
        for record in saved.ledger.history.iter() {
            if record.id.0 > self.last_record {
                if forgive.is_some_and(|until| record.finished_at > until) {
                    forgive = None;
                    self.forget_failures();
                }
                self.ended(record, world)?;
                self.last_record = record.id.0;
            }
        }
        if let Some(current) = saved.deployment.as_ref().filter(|current| current.id.0 > self.begun) {
            self.begun = current.id.0;
            if !self.saw(world.remote.number(&current.candidate.revision)) {
                return Err(Violation::new(
                    TIP,
                    format!("this process never saw it at the tip, or below it: {current:?}"),
                ));
            }
            let number = world.remote.number(&current.candidate.revision);
            let held = world.disk.holds.iter().map(|hold| world.remote.number(&hold.revision));
            let tip = saved.branch.tip.as_ref().map(|tip| world.remote.number(&tip.revision));
            let between = |held: &usize| {
                *held != number
                    && world.remote.descends(*held, number)
                    && tip.is_some_and(|tip| world.remote.descends(tip, *held))
            };
            if let Some(held) = held.into_iter().find(between) {
                return Err(Violation::new(
                    LOOPS,
                    format!("{current:?} is older than {held}, which is held"),
                ));
            }
        }
        if forgive.is_some() {
            self.forget_failures();
        }
        self.confirmed =
            saved.ledger.deployed.as_ref().map(|deployed| world.remote.number(&deployed.revision));
        Ok(())
    }

    fn ended(&mut self, record: &Record, world: &World) -> Result<(), Violation> {
        let number = world.remote.number(&record.revision);
        let host = &world.host;
        let path = |system: usize| Some(crate::world::system_path(system));
        if path(host.profile) == record.previous {
            self.settled.push(record.id);
        }
        if record.phase == Some(PhaseName::Activating)
            && record.outcome == Outcome::Failed
            && self.busy == Some(record.id)
        {
            return Err(Violation::new(ONE, format!("busy is no failure: {record:?}")));
        }
        match record.outcome {
            Outcome::Deployed | Outcome::Degraded | Outcome::Unchanged => {
                self.settled.push(record.id);
                self.excuses += 1;
                for (other, known) in self.commits.iter_mut().enumerate() {
                    known.closed &= !world.remote.descends(number, other);
                }
                let known = self.commit(number);
                known.accepted = false;
                known.hard = 0;
                let runs = path(host.current) == record.system && path(host.profile) == record.system;
                let touched = host.current_by == By::Operator || host.profile_by == By::Operator;
                let ill = record.outcome == Outcome::Deployed && host.healthy_at > world.clock.now;
                let broken = matches!(host.current_by, By::Switch(id) if self.broken.contains(&id));
                // What nobody looked at counts only when it ran well before: a deployment of it was confirmed.
                let probed = match record.outcome {
                    Outcome::Deployed => self.probed == Some(host.current),
                    // The probes had their time, and what they found is reported.
                    Outcome::Degraded if record.phase == Some(PhaseName::Confirming) => true,
                    Outcome::Degraded
                    | Outcome::Unchanged
                    | Outcome::Failed
                    | Outcome::RolledBack
                    | Outcome::Superseded
                    | Outcome::Broken => !broken,
                };
                if (ill || !runs || !probed) && !touched {
                    return Err(Violation::new(
                        "5 the host is the truth",
                        format!("{record:?}, but {host:?}"),
                    ));
                }
                // It is confirmed now, whoever left it running.
                if let By::Switch(id) = host.current_by
                    && runs
                    && probed
                {
                    self.broken.retain(|broken| *broken != id);
                }
            }
            Outcome::RolledBack => {
                // The host's own bad luck does not count against the revision.
                if record.cause.as_ref().is_some_and(|cause| cause.consequence() == Consequence::TryAgain) {
                    self.commit(number).excuses += 1;
                } else {
                    self.close(number);
                }
                let current = path(host.current) == record.previous || host.current_by == By::Operator;
                let profile = path(host.profile) == record.previous || host.profile_by == By::Operator;
                if !(current && profile) {
                    return Err(Violation::new(BACK, format!("{record:?}, but {host:?}")));
                }
            }
            Outcome::Broken => {
                self.broken.push(record.id);
                self.settled.push(record.id);
                self.close(number);
            }
            Outcome::Failed => match record.cause.as_ref().map(Cause::consequence) {
                Some(Consequence::TryAgain) => self.commit(number).excuses += 1,
                Some(Consequence::TryTwice) => {
                    let known = self.commit(number);
                    known.excuses += 1;
                    known.hard += 1;
                    if known.hard >= 2 {
                        self.close(number);
                    }
                }
                Some(Consequence::Hold) | None => self.close(number),
            },
            Outcome::Superseded => {}
        }
        Ok(())
    }

    fn close(&mut self, number: usize) {
        let known = self.commit(number);
        known.closed = true;
        known.accepted = false;
        known.hard = 0;
    }

    /// Whether a commit can be deployed as things stand.
    pub(crate) fn is_open(&self, number: usize, world: &World) -> bool {
        let known = self.commits.get(number).copied().unwrap_or_default();
        let forward = self.confirmed.is_none_or(|confirmed| world.remote.descends(number, confirmed));
        let revision = &world.remote.commits[number].revision;
        let accepted = world.disk.state.as_ref().is_some_and(|saved| saved.has_leave(revision));
        !known.closed && (forward || accepted)
    }
}
