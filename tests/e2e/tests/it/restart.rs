//! Any death is survivable: the step that ran is taken up, and nothing is run twice.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use nix::sys::signal::Signal;
use pull_agent_e2e::{Agent, World, eventually};
use pull_agent_protocol::{Outcome, Phase};

/// This revision was built once, its system became the profile once and was activated once.
#[track_caller]
fn check_ran_once(world: &World, revision: &str) {
    assert_eq!(world.count_of(&format!("build {revision} ./result")), 1, "{:#?}", world.calls());
    check_realised_once(world, revision);
}

/// As [`check_ran_once`], but nix may have been asked again for what it had built.
#[track_caller]
fn check_realised_once(world: &World, revision: &str) {
    let system = world.system();
    let lines = [
        format!("build {revision}"),
        format!("set {system}"),
        format!("switch {system}"),
        format!("switch {system} = 0"),
    ];
    for line in lines {
        assert_eq!(world.count_of(&line), 1, "{line:?} in {:#?}", world.calls());
    }
}

/// Waits until a step has written how it ended.
#[track_caller]
fn wait_for_step(world: &World, deployment: u64, step: &str) {
    let file = world.state().join(format!("steps/{deployment}-{step}.json"));
    assert!(eventually(|| file.exists().then_some(())).is_some(), "{} does not come", file.display());
}

/// Waits until this phase has begun, and returns the deployment's id.
#[track_caller]
fn wait_for_phase(agent: &Agent, phase: Phase) -> u64 {
    let status = agent.wait_for(phase.as_str(), |status| status.phase == phase && status.current.is_some());
    status.current.expect("just seen").id
}

/// Waits until the switch to what was just built has begun, and returns the deployment's id.
#[track_caller]
fn wait_for_switch(world: &World, agent: &Agent) -> u64 {
    let id = wait_for_phase(agent, Phase::Activating);
    world.wait_for_call(&format!("switch {}", world.built()));
    id
}

/// Pushes a green revision whose build waits, and kills the agent during it; returns the revision and the deployment's id.
#[track_caller]
fn kill_while_it_builds(world: &World, agent: Agent, configuration: &str) -> (String, u64) {
    let revision = world.green(configuration);
    world.wait_for_call(&format!("build {revision}"));
    let id = wait_for_phase(&agent, Phase::Building);
    agent.kill();
    (revision, id)
}

/// Pushes a green revision whose switch waits, and kills the agent during it; returns the revision and the deployment's id.
#[track_caller]
fn kill_while_it_switches(world: &World, agent: Agent, configuration: &str) -> (String, u64) {
    let revision = world.green(configuration);
    let id = wait_for_switch(world, &agent);
    agent.kill();
    (revision, id)
}

#[test]
fn killed_while_it_waits_for_checks() {
    let (world, agent, _) = World::deployed();
    let revision = world.commit("service later");
    agent.wait_for("a pending verdict", |status| status.gate.is_some());
    agent.kill();
    world.check(&revision, "completed", Some("success"));
    let agent = world.start();
    agent.wait_until_runs(&revision);
    check_ran_once(&world, &revision);
}

#[test]
fn killed_while_it_builds() {
    let (world, agent, _) = World::deployed();
    let (revision, id) = kill_while_it_builds(&world, agent, "build waits gate");
    let agent = world.start();
    let status = agent.status();
    assert_eq!((status.phase, status.current.expect("taken up").id), (Phase::Building, id));
    world.open("gate");
    agent.wait_until_runs(&revision);
    check_ran_once(&world, &revision);
}

#[test]
fn killed_while_it_builds_and_back_after_the_build() {
    let (world, agent, _) = World::deployed();
    let (revision, id) = kill_while_it_builds(&world, agent, "build waits gate");
    world.open("gate");
    wait_for_step(&world, id, "build");
    let agent = world.start();
    agent.wait_until_runs(&revision);
    check_ran_once(&world, &revision);
}

#[test]
fn killed_while_a_build_fails() {
    let (world, agent, first) = World::deployed();
    let configuration = "build waits gate\nbuild fails on purpose";
    let (revision, id) = kill_while_it_builds(&world, agent, configuration);
    world.open("gate");
    wait_for_step(&world, id, "build");
    let agent = world.start();
    agent.wait_for_end(&revision, Outcome::Failed);
    assert_eq!(world.count(&format!("build {revision}")), 1);
    assert_eq!(agent.status().running.revision, Some(first));
}

#[test]
fn killed_while_it_switches() {
    let (world, agent, _) = World::deployed();
    let (revision, id) = kill_while_it_switches(&world, agent, "switch waits gate");
    let agent = world.start();
    let status = agent.status();
    assert_eq!((status.phase, status.current.expect("taken up").id), (Phase::Activating, id));
    world.open("gate");
    agent.wait_until_runs(&revision);
    check_ran_once(&world, &revision);
}

#[test]
fn killed_while_it_switches_and_back_after_the_switch() {
    let (world, agent, _) = World::deployed();
    let (revision, id) = kill_while_it_switches(&world, agent, "switch waits gate");
    world.open("gate");
    wait_for_step(&world, id, "switch");
    let agent = world.start();
    agent.wait_until_runs(&revision);
    check_ran_once(&world, &revision);
}

#[test]
fn killed_while_a_switch_fails() {
    let (world, agent, first) = World::deployed();
    let before = world.system();
    let (revision, id) = kill_while_it_switches(&world, agent, "switch waits gate\nswitch exit 2");
    world.open("gate");
    wait_for_step(&world, id, "switch");
    let agent = world.start();
    agent.wait_for_end(&revision, Outcome::RolledBack);
    assert_eq!((world.system(), world.profile()), (before.clone(), before));
    assert_eq!(agent.status().running.revision, Some(first));
}

#[test]
fn killed_by_the_switch_itself() {
    let (world, agent, _) = World::deployed();
    let revision = world.green("switch kills-agent");
    assert_eq!(agent.wait().code(), None, "a signal ended it");
    let agent = world.start();
    agent.wait_until_runs(&revision);
    check_ran_once(&world, &revision);
}

#[test]
fn killed_while_it_confirms() {
    let (world, agent, _) = World::deployed();
    world.fault("unhealthy");
    let revision = world.green("service convalescent");
    let id = wait_for_phase(&agent, Phase::Confirming);
    agent.kill();
    let agent = world.start();
    assert_eq!(wait_for_phase(&agent, Phase::Confirming), id);
    world.heal("unhealthy");
    agent.wait_until_runs(&revision);
    check_ran_once(&world, &revision);
}

#[test]
fn killed_on_the_way_back() {
    let mut world = World::new();
    world.config.set("health.deadline", "1s");
    world.open("back");
    let first = world.green("service norns\nswitch waits back");
    let agent = world.start();
    agent.wait_until_runs(&first);
    let before = world.system();
    world.close("back");
    let revision = world.green("service mead-hall\nswitch breaks mead-hall");
    let id = wait_for_phase(&agent, Phase::RollingBack);
    agent.kill();
    let agent = world.start();
    assert_eq!(wait_for_phase(&agent, Phase::RollingBack), id);
    world.open("back");
    agent.wait_for_end(&revision, Outcome::RolledBack);
    assert_eq!((world.system(), world.profile()), (before.clone(), before.clone()));
    assert_eq!(world.count_of(&format!("switch {before}")), 2, "deployed once, gone back to once");
}

#[test]
fn killed_again_and_again() {
    let (world, agent, _) = World::deployed();
    let revision = world.green("service stubborn\nbuild seconds 1\nswitch seconds 1");
    agent.kill();
    for step in 0..12 {
        let agent = world.spawn();
        std::thread::sleep(Duration::from_millis(100 + 60 * step));
        agent.kill();
    }
    let agent = world.start();
    agent.wait_until_runs(&revision);
    // Killed between the build and the switch, it asks nix again.
    check_realised_once(&world, &revision);
    assert_eq!(agent.history().len(), 2);
}

#[test]
fn power_lost_while_it_builds() {
    let (world, agent, _) = World::deployed();
    let revision = world.green("build waits gate");
    world.wait_for_call(&format!("build {revision}"));
    world.lose_power(agent);
    world.open("gate");
    let agent = world.start();
    agent.wait_until_runs(&revision);
    assert_eq!(world.count_of(&format!("build {revision} ./result")), 2);
    assert_eq!(agent.history().len(), 2, "a build that died with the host is no failure");
}

#[test]
fn power_lost_while_it_switches() {
    let (world, agent, _) = World::deployed();
    let revision = world.green("switch waits gate");
    wait_for_switch(&world, &agent);
    world.lose_power(agent);
    world.open("gate");
    let agent = world.start();
    agent.wait_until_runs(&revision);
    assert_eq!(world.profile(), world.system());
}

#[test]
fn stopped_while_it_builds() {
    let (world, agent, _) = World::deployed();
    let revision = world.green("build stubborn\nbuild waits gate");
    let stubborn = world.read("run/stubborn");
    assert_eq!(agent.stop().code(), Some(0));
    assert!(!World::is_alive(&stubborn), "the build is ended with everything that it started");
    assert!(!world.folder().join("run/agent.sock").exists(), "the sockets are gone");
    world.open("gate");
    let agent = world.start();
    agent.wait_until_runs(&revision);
    assert_eq!(world.count_of(&format!("build {revision} ./result")), 2);
}

/// Stands in for systemd: a unit's job is taken, and carried out however its caller fares. While the host has the fault
/// `slow-start` that has not happened yet.
const SYSTEMD_RUN: &str = r#"#!/bin/bash
while [ "$1" != -- ]; do shift; done
shift
rm -f "$WORLD_ROOT/run/up"
setsid bash -c 'touch "$0/run/up"; [ ! -e "$0/faults/slow-start" ] || touch "$0/run/queued"; while [ -e "$0/faults/slow-start" ]; do sleep 0.02; done; env -i "$@"; touch "$0/run/done"' \
  "$WORLD_ROOT" "$@" < /dev/null > /dev/null 2>&1 &
# Like the real one it returns once the service is executed: until then it is in the group of whoever asked for it.
while [ ! -e "$WORLD_ROOT/run/up" ] || [ -e "$WORLD_ROOT/faults/slow-start" ]; do sleep 0.02; done
"#;

/// No unit is known.
const SYSTEMCTL: &str = "#!/bin/sh\nprintf 'LoadState=not-found\\nActiveState=inactive\\n'\n";

/// Puts these programs before all others of the world.
fn with_programs(world: &mut World, programs: &[(&str, &str)]) {
    let folder = world.folder().join("programs");
    std::fs::create_dir(&folder).expect("a new folder");
    for (name, text) in programs {
        std::fs::write(folder.join(name), text).expect("a new file");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.join(name), mode).expect("its owner may");
    }
    let command = world.command(&folder);
    let path = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path);
    let path = path.expect("there is one").to_string_lossy().into_owned();
    world.environment.insert("PATH".to_owned(), format!("{}:{path}", folder.display()));
}

#[test]
fn stopped_while_the_step_of_a_build_comes_up() {
    let mut world = World::new();
    with_programs(&mut world, &[("systemd-run", SYSTEMD_RUN), ("systemctl", SYSTEMCTL)]);
    world.config.set("rebuild.runner", "systemd");
    let first = world.green("service norns");
    let agent = world.start();
    agent.wait_until_runs(&first);
    std::fs::remove_file(world.path("run/done")).expect("steps ran");

    world.fault("slow-start");
    let revision = world.green("build waits gate");
    assert!(eventually(|| world.path("run/queued").exists().then_some(())).is_some());
    assert!(agent.stop().success());
    world.heal("slow-start");
    assert!(eventually(|| world.path("run/done").exists().then_some(())).is_some(), "the step left at once");
    assert_eq!(world.count(&format!("build {revision}")), 0, "nothing begins after the agent has left");

    world.open("gate");
    let agent = world.start();
    agent.wait_until_runs(&revision);
    assert_eq!(agent.history().len(), 2, "a build that was stopped is no failure");
}

#[test]
fn stopped_while_it_switches() {
    let (world, agent, _) = World::deployed();
    let revision = world.green("switch waits gate");
    wait_for_switch(&world, &agent);
    agent.signal(Signal::SIGINT);
    assert_eq!(agent.wait().code(), Some(0));
    world.open("gate");
    let agent = world.start();
    agent.wait_until_runs(&revision);
    check_ran_once(&world, &revision);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let (world, agent, _) = World::deployed();
    let revision = world.green("build stubborn\nbuild waits never");
    world.wait_for_call(&format!("build {revision}"));
    world.read("run/stubborn");
    agent.signal(Signal::SIGTERM);
    // What does not mind SIGTERM is given ten seconds before SIGKILL: so long the first signal takes.
    assert!(eventually(|| agent.log().contains("stopping").then_some(())).is_some());
    agent.signal(Signal::SIGTERM);
    assert_eq!(agent.wait().code(), Some(70));
}
