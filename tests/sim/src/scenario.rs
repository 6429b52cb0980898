//! What happens in a run: things that people, the forge and the weather do, by script or by chance.

use pull_agent_core::{Event, ReasonCode, Wall};

use crate::driver::{Item, Sim};
use crate::faults::Death;
use crate::violation::Violation;
use crate::world::{BuildNature, Checks, Health, SwitchNature};

/// Something that happens in the world.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// A commit is pushed to the branch.
    Commit(NewCommit),
    /// The branch is moved so many commits back; a commit on top of that, if there is one.
    ForcePush(usize, Option<NewCommit>),
    /// The checks of the tip come to this.
    Checks(Checks),
    /// The checks of this commit come to this.
    ChecksOf(usize, Checks),
    /// The forge is down for so long.
    ForgeDown(u64),
    /// The forge wants to be left alone for so long.
    ForgeLimited(u64),
    /// The git server is down for so long.
    RemoteDown(u64),
    /// For so long the git server answers only after very long.
    RemoteHangs(u64),
    /// For so long nothing can be written.
    DiskFull(u64),
    /// So many of the next ways back fail.
    BacksFail(u32),
    /// Somebody or something dies.
    Die(Death),
    /// The wall clock is set by so much.
    Wall(i64),
    /// Somebody says look now, with or without the tip's revision.
    Nudge(bool),
    /// The operator pauses, for so long or without an end.
    Pause(Option<u64>),
    /// The operator ends the pause.
    Resume,
    /// The operator wants all holds, or that of the tip, forgotten.
    Retry(bool),
    /// The operator allows the tip.
    Accept,
    /// The operator switches to this system.
    Switch(usize),
    /// The operator switches to some system.
    SwitchAnywhere,
    /// The settings are read anew.
    Reload,
}

/// What is in a commit that is pushed.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct NewCommit {
    pub build: BuildNature,
    /// How the switch goes and how the units are afterwards; none when it changes no more than text.
    pub system: Option<(SwitchNature, Health)>,
    /// When its checks end, and how.
    pub checks: Option<(u64, Checks)>,
    /// Whether it has the signature that the operator wants.
    pub signed: bool,
}

/// A commit with which nothing is wrong.
pub const GOOD: NewCommit = NewCommit {
    build: BuildNature::Good,
    system: Some((SwitchNature::Good, Health::After(2_000))),
    checks: Some((0, Checks::Green)),
    signed: true,
};

impl Sim {
    pub(crate) fn act(&mut self, action: Action) -> Result<(), Violation> {
        let now = self.now();
        self.log.note(now, || format!("action {action:?}"));
        match action {
            Action::Commit(commit) => {
                let tip = self.world.remote.tip;
                self.push(tip, commit);
            }
            Action::ForcePush(back, commit) => {
                let base = self.back_from_tip(back);
                self.world.remote.tip = base;
                self.ghost.tip_moved();
                if let Some(commit) = commit {
                    self.push(base, commit);
                }
            }
            Action::Checks(checks) => {
                let tip = self.world.remote.tip;
                self.world.forge.checks[tip] = checks;
            }
            Action::ChecksOf(commit, checks) => self.world.forge.checks[commit] = checks,
            Action::ForgeDown(length) => self.world.forge.down_until = now + length,
            Action::ForgeLimited(length) => self.world.forge.limited_until = now + length,
            Action::RemoteDown(length) => self.world.faults.remote_down_until = now + length,
            Action::RemoteHangs(length) => self.world.faults.remote_hangs_until = now + length,
            Action::DiskFull(length) => self.world.faults.disk_full_until = now + length,
            Action::BacksFail(count) => self.world.faults.backs_fail = count,
            Action::Die(death) => self.die(death),
            Action::Wall(by) => {
                self.ghost.wall_was_set();
                self.world.clock.set_wall_by(by);
            }
            Action::Switch(system) => {
                self.ghost.excuse();
                self.operator_starts(system);
            }
            Action::SwitchAnywhere => {
                self.ghost.excuse();
                let system = self.world.rng.index(self.world.remote.systems.len());
                self.operator_starts(system);
            }
            Action::Nudge(_)
            | Action::Pause(_)
            | Action::Resume
            | Action::Retry(_)
            | Action::Accept
            | Action::Reload => return self.call(action),
        }
        Ok(())
    }

    /// What reaches the agent by its sockets or a signal; nobody is there while it is dead.
    fn call(&mut self, action: Action) -> Result<(), Violation> {
        let tip = self.world.remote.commits[self.world.remote.tip].revision.clone();
        let event = match action {
            Action::Nudge(named) => Event::Nudged { revision: named.then_some(tip) },
            Action::Pause(length) => {
                let until = length.map(|length| Wall(self.world.clock.wall().0 + length));
                Event::PauseRequested { until, reason: None, by: String::new() }
            }
            Action::Resume => Event::ResumeRequested,
            Action::Retry(named) => Event::RetryRequested { revision: named.then_some(tip) },
            Action::Accept => Event::AcceptRequested { revision: tip },
            Action::Reload => Event::PolicyChanged { source_changed: false },
            Action::Commit(_)
            | Action::ForcePush(..)
            | Action::Checks(_)
            | Action::ChecksOf(..)
            | Action::ForgeDown(_)
            | Action::ForgeLimited(_)
            | Action::RemoteDown(_)
            | Action::RemoteHangs(_)
            | Action::DiskFull(_)
            | Action::BacksFail(_)
            | Action::Die(_)
            | Action::Wall(_)
            | Action::Switch(_)
            | Action::SwitchAnywhere => return Ok(()),
        };
        self.feed(event)
    }

    pub(crate) fn push(&mut self, parent: usize, commit: NewCommit) {
        let remote = &mut self.world.remote;
        if remote.is_full() {
            return;
        }
        let system = match commit.system {
            Some((switch, health)) => remote.system(switch, health),
            None => remote.commits[parent].system,
        };
        let number = remote.commit(Some(parent), system, commit.build);
        remote.commits[number].signed = commit.signed;
        remote.tip = number;
        self.world.forge.checks.resize(number + 1, Checks::Pending);
        match commit.checks {
            Some((0, checks)) => self.world.forge.checks[number] = checks,
            Some((delay, checks)) => self.after(delay, Item::Act(Action::ChecksOf(number, checks))),
            None => {}
        }
        self.ghost.tip_moved();
    }

    fn back_from_tip(&self, back: usize) -> usize {
        let remote = &self.world.remote;
        let ancestors = (0..remote.tip).rev().filter(|number| remote.descends(remote.tip, *number));
        ancestors.take(back).last().unwrap_or(remote.tip)
    }

    /// Something by chance.
    pub(crate) fn chance(&mut self) -> Action {
        let rng = &mut self.world.rng;
        let length = rng.pick(&[2_000, 20_000, 90_000, 400_000]);
        match rng.below(100) {
            0..=29 => Action::Commit(self.any_commit()),
            30..=33 => {
                let back = 1 + self.world.rng.index(3);
                let commit = self.world.rng.permille(700).then(|| self.any_commit());
                Action::ForcePush(back, commit)
            }
            34..=41 => Action::Checks(rng.pick(&[
                Checks::Green,
                Checks::Green,
                Checks::Green,
                Checks::Red,
                Checks::Pending,
                Checks::Unproven,
            ])),
            42..=43 => Action::ForgeDown(length),
            44..=45 => Action::ForgeLimited(length.min(300_000)),
            46..=48 => Action::RemoteDown(length),
            49 => Action::RemoteHangs(length),
            50..=52 => Action::DiskFull(length),
            53..=54 => Action::BacksFail(rng.pick(&[1, 2, 5])),
            55..=67 => Action::Die(rng.pick(&[
                Death::Kill,
                Death::Kill,
                Death::Stop,
                Death::Reboot,
                Death::Reboot,
                Death::BootOld,
                Death::Step,
                Death::Watcher,
                Death::KillAndLoseState,
            ])),
            68..=69 => Action::Wall(rng.pick(&[-86_400_000, -60_000, 60_000, 86_400_000])),
            70..=79 => Action::Nudge(rng.permille(500)),
            80..=81 => Action::Pause(None),
            82..=84 => Action::Pause(Some(length)),
            85..=87 => Action::Resume,
            88..=89 => Action::Retry(rng.permille(500)),
            90..=92 => Action::Accept,
            93..=97 => Action::SwitchAnywhere,
            _ => Action::Reload,
        }
    }

    fn any_commit(&mut self) -> NewCommit {
        let rng = &mut self.world.rng;
        let build = match rng.below(20) {
            0..=11 => BuildNature::Good,
            12 => BuildNature::Slow,
            13 => BuildNature::Fails(ReasonCode::BuildFailed),
            14 => BuildNature::Fails(rng.pick(&[ReasonCode::Unclassified, ReasonCode::BuildStalled])),
            15..=16 => BuildNature::Passing(ReasonCode::Network, rng.pick(&[1, 2, 4])),
            17 => BuildNature::Passing(ReasonCode::BuildStalled, 1),
            18 => BuildNature::Passing(ReasonCode::OutOfMemory, rng.pick(&[1, 2])),
            _ => BuildNature::Passing(ReasonCode::BuildTimeout, 1),
        };
        let system = rng.permille(850).then(|| {
            let switch = match rng.below(20) {
                0..=12 => SwitchNature::Good,
                13..=14 => SwitchNature::UnitsFail,
                15 => SwitchNature::Refused(rng.pick(&[1, 100])),
                16..=17 => SwitchNature::Fails(rng.pick(&[2, 100, 101, 1])),
                18 => SwitchNature::Dies,
                _ => SwitchNature::Astray,
            };
            let health = match rng.below(10) {
                0..=6 => Health::After(rng.pick(&[0, 2_000, 30_000])),
                7 => Health::After(300_000),
                _ => Health::Never,
            };
            (switch, health)
        });
        let delay = rng.pick(&[0, 0, 1_000, 30_000, 200_000]);
        let checks = rng.pick(&[Checks::Green, Checks::Green, Checks::Green, Checks::Green, Checks::Red]);
        let checks = rng.permille(950).then_some((delay, checks));
        NewCommit { build, system, checks, signed: rng.permille(950) }
    }
}
