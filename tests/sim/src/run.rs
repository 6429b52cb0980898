//! One run: a script or chance, then everything heals and the newest revision must get there in time.

use pull_agent_core::{Candidate, Consequence, Millis, OnUnhealthy, Policy, State};
use pull_agent_protocol::Outcome;

use crate::answers::MOST_BELOW;
use crate::driver::{Agent, DriverMutation, Item, Sim};
use crate::faults::{Death, Faults};
use crate::log::Log;
use crate::rng::Rng;
use crate::scenario::{Action, GOOD};
use crate::violation::Violation;
use crate::world::{
    BuildNature, Checks, Clock, Disk, Forge, Health, Host, Remote, SwitchNature, World, system_path,
};

/// How a run is made.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Decides everything that is left open.
    pub seed: u64,
    /// What happens when, in milliseconds; when empty, things happen by chance.
    pub script: Vec<(u64, Action)>,
    /// Name of the script.
    pub name: Option<&'static str>,
    /// At which points who dies.
    pub die_at: Vec<(u64, Death)>,
    /// Whether what happens is noted.
    pub log: bool,
    /// In which way the loop breaks its contract.
    pub mutation: Option<DriverMutation>,
    /// Settings; when there are none, chance decides.
    pub policy: Option<Policy>,
}

#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Report {
    /// Moments at which the agent could have died.
    pub points: u64,
    /// How many of them were before everything healed.
    pub points_before: u64,
    /// Decisions.
    pub events: u64,
    /// How deployments ended, as far as the history of the last state goes.
    pub outcomes: Vec<Outcome>,
    /// What went wrong.
    pub violation: Option<Violation>,
    /// The last things that happened, when they were noted.
    pub log: Vec<String>,
}

/// The usual settings.
#[must_use]
pub const fn usual() -> Policy {
    Policy {
        poll_interval: Millis::seconds(60),
        fetch_timeout: Millis::seconds(300),
        gate_timeout: Millis::seconds(7200),
        newest_green_after: Some(Millis::seconds(600)),
        verdict_max_age: Millis::seconds(600),
        settle: Millis::seconds(10),
        health_deadline: Millis::seconds(120),
        on_unhealthy: OnUnhealthy::RollBack,
        units_probed: true,
        keep_deployments: 64,
    }
}

impl Plan {
    /// The arguments with which the program shows this run again.
    #[must_use]
    pub fn replay(&self) -> String {
        let deaths = self.die_at.iter().map(|(point, death)| format!(" {point}:{death:?}"));
        match self.name {
            Some(name) => format!("script {name:?} {}{}", self.seed, deaths.collect::<String>()),
            None => format!("replay {}", self.seed),
        }
    }
}

/// Carries a plan out.
#[must_use]
pub fn run(plan: &Plan) -> Report {
    let mut sim = prepare(plan);
    let violation = live(&mut sim, plan).err();
    let log = sim.log.tail(4000).to_vec();
    let history =
        sim.world.disk.state.as_ref().map(|saved| saved.ledger.history.as_slice()).unwrap_or_default();
    let outcomes = history.iter().map(|record| record.outcome).collect();
    Report { outcomes, points: sim.points, points_before: sim.healed_at, events: sim.events, violation, log }
}

fn prepare(plan: &Plan) -> Sim {
    let mut rng = Rng::new(plan.seed);
    let policy = plan.policy.clone().unwrap_or_else(|| Policy {
        poll_interval: Millis::seconds(rng.pick(&[10, 60, 60, 300])),
        gate_timeout: Millis::seconds(rng.pick(&[600, 7200])),
        newest_green_after: rng.pick(&[
            None,
            Some(Millis(0)),
            Some(Millis::seconds(60)),
            Some(Millis::seconds(600)),
        ]),
        verdict_max_age: Millis::seconds(rng.pick(&[0, 5, 60, 600])),
        on_unhealthy: rng.pick(&[OnUnhealthy::RollBack, OnUnhealthy::RollBack, OnUnhealthy::Report]),
        units_probed: rng.permille(700),
        ..usual()
    });
    let mut remote = Remote::default();
    // System 0 runs when the world begins, and no commit builds it.
    remote.system(SwitchNature::Good, Health::After(0));
    let system = remote.system(SwitchNature::Good, Health::After(0));
    remote.commit(None, system, BuildNature::Good);
    let world = World {
        clock: Clock { now: 0, wall_base: 1_700_000_000_000, mono_base: 0, process_start: 0 },
        rng,
        host: Host::new(0),
        disk: Disk::default(),
        remote,
        forge: Forge { checks: vec![Checks::Green], ..Forge::default() },
        faults: Faults::default(),
    };
    let mut sim = Sim::new(policy, world, Log::new(plan.log));
    sim.die_at.clone_from(&plan.die_at);
    sim.mutation = plan.mutation;
    sim.after(0, Item::Start { process: 0 });
    sim
}

fn live(sim: &mut Sim, plan: &Plan) -> Result<(), Violation> {
    if plan.script.is_empty() {
        sim.die_chance = sim.world.rng.pick(&[0, 50, 300, 2_000]);
        let count = sim.world.rng.between(5, 60);
        for _ in 0..count {
            let gap = sim.world.rng.pick(&[10, 1_000, 10_000, 30_000, 30_000, 120_000]);
            let until = sim.now() + sim.world.rng.between(gap / 2, gap);
            while sim.turn(until)? {}
            let action = sim.chance();
            sim.act(action)?;
        }
        sim.die_chance = 0;
    } else {
        for (time, action) in &plan.script {
            while sim.turn(*time)? {}
            sim.act(*action)?;
        }
    }
    heal(sim);
    settle(sim)?;
    arrive(sim)
}

/// Everything works again, checks come to an end, and the pause too.
fn heal(sim: &mut Sim) {
    sim.log.note(sim.world.clock.now, || "healed".to_string());
    sim.world.faults.heal();
    sim.die_at.clear();
    sim.healed_at = sim.points;
    sim.world.forge.down_until = 0;
    sim.world.forge.limited_until = 0;
    for checks in &mut sim.world.forge.checks {
        if *checks == Checks::Pending {
            *checks = Checks::Green;
        }
    }
    sim.queue.retain(|_, item| !matches!(item, Item::Act(_)));
}

/// The tip is deployed, or there is a reason why not.
fn settle(sim: &mut Sim) -> Result<(), Violation> {
    let (poll_most, retry_most) = (ms(sim.policy.poll_interval) * 5, ms(sim.policy.poll_interval) * 15);
    // A look below the tip comes at most so much later, of which there may be several until the newest green one is held.
    let look_back = sim.policy.newest_green_after.map_or(0, |after| ms(after) + 4 * 1_800_000);
    let bound = 1_500_000 + look_back + 3 * poll_most.max(60_000) + 4 * retry_most.max(60_000);
    let until = sim.now() + bound;
    let mut resumed = false;
    loop {
        if sim.agent.is_some() && !resumed {
            resumed = true;
            sim.act(Action::Resume)?;
        }
        let tip = sim.world.remote.tip;
        if resumed
            && is_idle(sim)
            && has_seen(sim, tip)
            && (is_deployed(sim, tip) || !is_deployable(sim, tip))
            && due_below(sim, tip).is_none()
        {
            return Ok(());
        }
        if !sim.turn(until)? {
            let state = sim.agent.as_ref().map(Agent::state);
            return Err(Violation::new("liveness", format!("commit {tip} did not settle: {state:?}")));
        }
    }
}

/// The commit below a tip that is not green which must be deployed in its stead, and is not yet.
fn due_below(sim: &Sim, tip: usize) -> Option<usize> {
    let (remote, disk) = (&sim.world.remote, &sim.world.disk);
    let is_held = |number: usize| disk.holds.iter().any(|hold| remote.number(&hold.revision) == number);
    let confirmed = sim.ghost.confirmed;
    sim.policy.newest_green_after?;
    // What was green once is deployed, whatever its checks came to later.
    let passed = |state: &State| state.wanted().is_none_or(Candidate::has_passed);
    let was_green = sim.agent.as_ref().is_none_or(|agent| passed(agent.state()));
    // Below a tip that is refused nothing is looked for.
    let looks = remote.commits[tip].signed && sim.ghost.is_open(tip, &sim.world) && !is_held(tip);
    if was_green || !looks {
        return None;
    }
    let line = remote.below(tip).take_while(|number| confirmed != Some(*number) && !is_held(*number));
    let mut signed = line.take(MOST_BELOW).filter(|number| remote.commits[*number].signed);
    let green = signed.find(|number| sim.world.forge.checks[*number] == Checks::Green)?;
    (is_deployable(sim, green) && !is_deployed(sim, green)).then_some(green)
}

fn is_idle(sim: &Sim) -> bool {
    sim.world.host.operator.is_none()
        && sim
            .agent
            .as_ref()
            .is_some_and(|agent| agent.state().deployment().is_none() && agent.save_again_at.is_none())
}

fn has_seen(sim: &Sim, tip: usize) -> bool {
    let revision = &sim.world.remote.commits[tip].revision;
    sim.agent.as_ref().is_some_and(|agent| agent.state().poll().tip.as_ref() == Some(revision))
}

fn is_deployed(sim: &Sim, commit: usize) -> bool {
    let revision = &sim.world.remote.commits[commit].revision;
    sim.world.disk.deployed.as_ref().is_some_and(|deployed| deployed.revision == *revision)
}

/// Whether a commit has everything that it takes.
fn is_deployable(sim: &Sim, commit: usize) -> bool {
    let Some(made) = sim.world.remote.commits.get(commit) else { return false };
    let system = sim.world.remote.systems[made.system];
    let builds = match made.build {
        BuildNature::Good | BuildNature::Slow => true,
        BuildNature::Passing(class, times) => class.consequence() == Consequence::TryAgain || times < 2,
        BuildNature::Fails(_) => false,
    };
    let switches = matches!(system.switch, SwitchNature::Good | SwitchNature::UnitsFail);
    let healthy = match (sim.policy.on_unhealthy, system.health) {
        (OnUnhealthy::Report, _) => true,
        (OnUnhealthy::RollBack, Health::After(delay)) => delay < ms(sim.policy.health_deadline) - 20_000,
        (OnUnhealthy::RollBack, Health::Never) => false,
    };
    let green = sim.world.forge.checks[commit] == Checks::Green;
    green && made.signed && builds && switches && healthy && sim.ghost.is_open(commit, &sim.world)
}

/// One more commit, with which nothing is wrong, must be deployed soon.
fn arrive(sim: &mut Sim) -> Result<(), Violation> {
    let tip = sim.world.remote.tip;
    sim.push(tip, GOOD);
    let commit = sim.world.remote.tip;
    if sim.ghost.confirmed.is_some_and(|confirmed| !sim.world.remote.descends(commit, confirmed)) {
        sim.act(Action::Accept)?;
    }
    let poll_most = (ms(sim.policy.poll_interval) * 5).max(60_000);
    let until = sim.now() + 900_000 + poll_most;
    let system = sim.world.remote.commits[commit].system;
    loop {
        if is_deployed(sim, commit) && is_idle(sim) {
            let drift = sim.world.host.view().current != Some(system_path(system));
            let operator =
                matches!(sim.world.host.current_by, crate::world::By::Operator | crate::world::By::BootMenu);
            return if drift && !operator {
                Err(Violation::new("liveness", format!("commit {commit} is deployed and does not run")))
            } else {
                Ok(())
            };
        }
        if !sim.turn(until)? {
            let state = sim.agent.as_ref().map(Agent::state);
            return Err(Violation::new("liveness", format!("commit {commit} did not arrive: {state:?}")));
        }
    }
}

/// Milliseconds of a length.
const fn ms(length: Millis) -> u64 {
    length.0
}
