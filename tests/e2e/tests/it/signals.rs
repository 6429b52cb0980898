//! SIGHUP reads the configuration anew, SIGUSR1 polls now.

use nix::sys::signal::Signal;
use pull_agent_e2e::{REPOSITORY, World};

#[test]
fn sighup_brings_new_settings() {
    let (mut world, agent, _) = World::deployed();
    world.config.set("gate.checks", vec!["lint"]);
    world.write_config();
    agent.signal(Signal::SIGHUP);
    let revision = world.green("service linted");
    let status = agent.wait_for("the other check", |status| {
        status.gate.as_ref().is_some_and(|gate| gate.checks.iter().any(|check| check.name == "lint"))
    });
    assert_eq!(status.gate.expect("just seen").verdict, "pending");
    world.forge.set_check(REPOSITORY, &revision, "lint", "completed", Some("success"));
    agent.wait_until_runs(&revision);
}

#[test]
fn a_bad_configuration_does_not_take_effect() {
    let (world, agent, _) = World::deployed();
    let path = world.folder().join("config.toml");
    std::fs::write(&path, format!("{}\n[source]\nurll = 7\n", world.config.text())).expect("a file");
    agent.signal(Signal::SIGHUP);
    let status = agent.wait_for("a warning", |status| {
        status.warnings.iter().any(|warning| warning.contains("configuration"))
    });
    assert!(status.warnings.iter().any(|warning| warning.contains("old one")), "{:?}", status.warnings);
    let revision = world.green("service unimpressed");
    agent.wait_until_runs(&revision);

    world.write_config();
    agent.signal(Signal::SIGHUP);
    agent.wait_for("no warning", |status| {
        !status.warnings.iter().any(|warning| warning.contains("configuration"))
    });
}

#[test]
fn sighup_leaves_a_running_build_alone() {
    let (world, agent, _) = World::deployed();
    let revision = world.green("build waits gate");
    world.wait_for_call(&format!("build {revision}"));
    agent.signal(Signal::SIGHUP);
    agent.wait_for_polls();
    world.open("gate");
    agent.wait_until_runs(&revision);
    assert_eq!(world.count_of(&format!("build {revision} ./result")), 1);
}

#[test]
fn what_is_open_already_moves_with_the_next_start() {
    let (mut world, agent, _) = World::deployed();
    let elsewhere = world.folder().join("elsewhere");
    world.config.set_path("state.log_directory", &elsewhere);
    world.write_config();
    agent.signal(Signal::SIGHUP);
    agent.wait_for("a warning", |status| status.warnings.iter().any(|text| text.contains("[state]")));
    let revision = world.green("service here");
    agent.wait_until_runs(&revision);
    assert!(!elsewhere.exists());
}

#[test]
fn sigusr1_polls_now() {
    let (world, agent, _) = World::deployed_with(|config| {
        config.set("source.poll_interval", "1h");
    });
    let revision = world.green("service at-once");
    agent.signal(Signal::SIGUSR1);
    agent.wait_until_runs(&revision);
}
