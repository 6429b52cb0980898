//! Fixed scenarios, for the systematic part: in each of them the agent dies at every point.

use pull_agent_core::{Millis, OnUnhealthy, Policy, ReasonCode};
use pull_agent_protocol::Outcome;

use crate::run::usual;
use crate::scenario::{Action, GOOD, NewCommit};
use crate::world::{BuildNature, Checks, Health, SwitchNature};

#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Script {
    /// A sentence.
    pub name: &'static str,
    /// What happens when, in milliseconds. The first commit is deployed before 200 s.
    pub actions: Vec<(u64, Action)>,
    /// How deployments end when nobody dies, before everything heals and one more good commit comes; none where that is
    /// a matter of chance.
    pub outcomes: Option<Vec<Outcome>>,
    pub policy: Policy,
}

const START: u64 = 300_000;
const END: u64 = 1_800_000;

fn script(name: &'static str, actions: &[(u64, Action)], outcomes: &[Outcome]) -> Script {
    let mut timed: Vec<_> = actions.iter().map(|(time, action)| (START + time, *action)).collect();
    timed.push((END, Action::Nudge(false)));
    let mut ends = vec![Outcome::Deployed];
    ends.extend(outcomes);
    Script { name, actions: timed, outcomes: Some(ends), policy: usual() }
}

fn builds(build: BuildNature) -> Action {
    Action::Commit(NewCommit { build, ..GOOD })
}

fn switches(switch: SwitchNature) -> Action {
    Action::Commit(NewCommit { system: Some((switch, Health::After(2_000))), ..GOOD })
}

fn is_well(health: Health) -> Action {
    Action::Commit(NewCommit { system: Some((SwitchNature::Good, health)), ..GOOD })
}

fn by_chance(script: Script) -> Script {
    Script { outcomes: None, ..script }
}

#[must_use]
#[expect(missing_docs, reason = "the name says it")]
pub fn all() -> Vec<Script> {
    let mut scripts = paths_to_success();
    scripts.extend(failures());
    scripts.extend(ways_back());
    scripts.extend(people());
    scripts
}

fn paths_to_success() -> Vec<Script> {
    use Outcome::{Deployed, Superseded, Unchanged};
    let good = Action::Commit(GOOD);
    let text = Action::Commit(NewCommit { system: None, ..GOOD });
    let late = Action::Commit(NewCommit { checks: Some((200_000, Checks::Green)), ..GOOD });
    let unsigned = Action::Commit(NewCommit { signed: false, ..GOOD });
    let red = Action::Commit(NewCommit { checks: Some((5_000, Checks::Red)), ..GOOD });
    vec![
        script("first", &[], &[]),
        script("second", &[(0, good)], &[Deployed]),
        script("late checks", &[(0, late)], &[Deployed]),
        script("text only", &[(0, text)], &[Unchanged]),
        script("red", &[(0, red)], &[]),
        script("not signed", &[(0, unsigned), (60_000, Action::Accept), (120_000, Action::Retry(true))], &[]),
        script("signed on top", &[(0, unsigned), (300_000, good)], &[Deployed]),
        script(
            "red, then green by a re-run",
            &[(0, red), (400_000, Action::Checks(Checks::Green))],
            &[Deployed],
        ),
        by_fresh_verdicts(script(
            "red while it builds, then green by a re-run",
            &[
                (0, builds(BuildNature::Slow)),
                (0, Action::Nudge(true)),
                (20_000, Action::Checks(Checks::Red)),
                (900_000, Action::Checks(Checks::Green)),
            ],
            &[Superseded, Deployed],
        )),
        script("nudged", &[(0, good), (1, Action::Nudge(true)), (3_000, Action::Nudge(false))], &[Deployed]),
        script(
            "superseded while it builds",
            &[
                (0, builds(BuildNature::Slow)),
                (0, Action::Nudge(true)),
                (60_000, good),
                (60_001, Action::Nudge(true)),
            ],
            &[Superseded, Deployed],
        ),
        script("the forge is down", &[(0, Action::ForgeDown(300_000)), (1, good)], &[Deployed]),
        script(
            "the forge wants to be left alone",
            &[(0, Action::ForgeLimited(200_000)), (1, good), (100_000, Action::Nudge(true))],
            &[Deployed],
        ),
        script("the remote is down", &[(0, Action::RemoteDown(500_000)), (1, good)], &[Deployed]),
        script("the remote hangs", &[(0, Action::RemoteHangs(300_000)), (1, good)], &[Deployed]),
        script("nothing can be saved", &[(0, good), (1, Action::DiskFull(300_000))], &[Deployed]),
    ]
}

/// Every activation is asked about once more.
fn by_fresh_verdicts(script: Script) -> Script {
    Script { policy: Policy { verdict_max_age: Millis(0), ..usual() }, ..script }
}

fn failures() -> Vec<Script> {
    use Outcome::{Deployed, Failed};
    use ReasonCode::{BuildFailed, BuildStalled, Network, Unclassified};
    let good = Action::Commit(GOOD);
    vec![
        script("does not build", &[(0, builds(BuildNature::Fails(BuildFailed)))], &[Failed]),
        script(
            "does not build, mended",
            &[(0, builds(BuildNature::Fails(BuildFailed))), (200_000, good)],
            &[Failed, Deployed],
        ),
        script(
            "nobody knows why",
            &[(0, builds(BuildNature::Fails(Unclassified))), (600_000, Action::Retry(false))],
            &[Failed, Failed],
        ),
        script(
            "fails in passing",
            &[(0, builds(BuildNature::Passing(Network, 2)))],
            &[Failed, Failed, Deployed],
        ),
        script("stalls once", &[(0, builds(BuildNature::Passing(BuildStalled, 1)))], &[Failed, Deployed]),
        script("stalls always", &[(0, builds(BuildNature::Fails(BuildStalled)))], &[Failed, Failed]),
        script("refused by the switch", &[(0, switches(SwitchNature::Refused(1)))], &[Failed]),
        script("needs a reboot", &[(0, switches(SwitchNature::Refused(100)))], &[Failed]),
    ]
}

fn ways_back() -> Vec<Script> {
    use Outcome::{Broken, Degraded, Deployed, RolledBack};
    let never = is_well(Health::Never);
    let report =
        |script: Script| Script { policy: Policy { on_unhealthy: OnUnhealthy::Report, ..usual() }, ..script };
    let unprobed = |script: Script| Script { policy: Policy { units_probed: false, ..usual() }, ..script };
    vec![
        script("activation script fails", &[(0, switches(SwitchNature::Fails(2)))], &[RolledBack]),
        script("switch dies", &[(0, switches(SwitchNature::Dies))], &[RolledBack]),
        script("another system runs", &[(0, switches(SwitchNature::Astray))], &[RolledBack]),
        script("some units fail", &[(0, switches(SwitchNature::UnitsFail))], &[Deployed]),
        unprobed(script("some units fail, unprobed", &[(0, switches(SwitchNature::UnitsFail))], &[Degraded])),
        script("well after a while", &[(0, is_well(Health::After(40_000)))], &[Deployed]),
        script("never well", &[(0, never)], &[RolledBack]),
        script("never well, mended", &[(0, never), (600_000, Action::Commit(GOOD))], &[RolledBack, Deployed]),
        report(script("never well, reported", &[(0, never)], &[Degraded])),
        script("never well, way back fails once", &[(0, Action::BacksFail(1)), (1, never)], &[RolledBack]),
        script("never well, no way back", &[(0, Action::BacksFail(9)), (1, never)], &[Broken]),
        script(
            "never well, no way back, retried",
            &[(0, Action::BacksFail(3)), (1, never), (900_000, Action::Retry(true))],
            &[Broken, RolledBack],
        ),
    ]
}

fn people() -> Vec<Script> {
    use Outcome::{Deployed, RolledBack};
    let good = Action::Commit(GOOD);
    vec![
        script("paused", &[(0, Action::Pause(None)), (1, good), (500_000, Action::Resume)], &[Deployed]),
        script("paused for a while", &[(0, Action::Pause(Some(400_000))), (1, good)], &[Deployed]),
        script(
            "paused while it builds",
            &[(0, good), (1, Action::Nudge(true)), (9_000, Action::Pause(Some(400_000)))],
            &[Deployed],
        ),
        script("forced push", &[(0, good), (400_000, Action::ForcePush(1, Some(GOOD)))], &[Deployed]),
        script(
            "forced push, accepted",
            &[(0, good), (400_000, Action::ForcePush(1, Some(GOOD))), (700_000, Action::Accept)],
            &[Deployed, Deployed],
        ),
        script("the operator switches", &[(0, Action::Switch(0)), (1, good)], &[Deployed]),
        script(
            "the operator is in the way",
            &[(0, good), (1, Action::Nudge(true)), (20_000, Action::Switch(0)), (90_000, Action::Switch(0))],
            &[Deployed],
        ),
        by_chance(script(
            "the operator switches while it is confirmed",
            &[(0, is_well(Health::Never)), (1, Action::Nudge(true)), (150_000, Action::Switch(1))],
            &[],
        )),
        script(
            "retried",
            &[(0, is_well(Health::Never)), (600_000, Action::Retry(true))],
            &[RolledBack, RolledBack],
        ),
    ]
}
