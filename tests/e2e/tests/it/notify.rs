//! What systemd hears: READY, STATUS, WATCHDOG, RELOADING, STOPPING.

use std::time::Duration;

use nix::sys::signal::Signal;
use pull_agent_e2e::{Agent, ServiceManager, World};

/// An agent whose watchdog has half a second.
fn service() -> (World, ServiceManager, Agent) {
    let mut world = World::new();
    let manager = ServiceManager::listen(&world.folder());
    world.environment.insert("NOTIFY_SOCKET".to_owned(), manager.address());
    world.environment.insert("WATCHDOG_USEC".to_owned(), "500000".to_owned());
    let agent = world.spawn();
    (world, manager, agent)
}

#[test]
fn ready_means_that_it_answers() {
    let (_world, manager, agent) = service();
    let _ready = manager.wait_for("READY=1");
    assert_eq!(agent.open.get("/v1/status").code, 200, "nobody has to wait after READY");
}

#[test]
fn the_status_is_the_sentence_of_the_status() {
    let (world, manager, agent) = service();
    let _ready = manager.wait_for("READY=1");
    let revision = world.green("service norns");
    agent.wait_until_runs(&revision);
    let sentence = agent.status().summary;
    let _heard = manager.wait_for(&format!("STATUS={sentence}"));
}

#[test]
fn words_of_a_forge_are_no_assignments() {
    let (world, manager, agent) = service();
    let _ready = manager.wait_for("READY=1");
    let revision = world.commit("service norns");
    world.check(&revision, "completed", Some("failure\nMAINPID=1\u{2028}WATCHDOG=trigger"));
    let status =
        agent.wait_for("red", |status| status.gate.as_ref().is_some_and(|gate| gate.verdict == "red"));
    let gate = status.gate.expect("just seen");
    assert_eq!(gate.checks[0].conclusion.as_deref(), Some("failure MAINPID=1 WATCHDOG=trigger"));
    assert!(status.summary.ends_with("failure MAINPID=1 WATCHDOG=trigger"), "{:?}", status.summary);
    let message = manager.wait_for(&format!("STATUS={}", status.summary));
    assert_eq!(message.len(), 1, "{message:?}");
}

#[test]
fn the_watchdog_is_fed_by_a_loop_that_turns() {
    let (_world, manager, agent) = service();
    let _ready = manager.wait_for("READY=1");
    for _ in 0..3 {
        let _alive = manager.wait_for("WATCHDOG=1");
    }
    agent.signal(Signal::SIGSTOP);
    // What was under way when it stopped; then silence, for twice the watchdog's time.
    while manager.next_within(Duration::from_secs(1)).is_some() {}
    agent.signal(Signal::SIGCONT);
    let _alive = manager.wait_for("WATCHDOG=1");
}

#[test]
fn a_reload_is_announced_and_ends() {
    let (world, manager, agent) = service();
    let _ready = manager.wait_for("READY=1");
    for text in [world.config.text(), "no configuration".to_owned()] {
        std::fs::write(world.folder().join("config.toml"), text).expect("a file");
        agent.signal(Signal::SIGHUP);
        let message = manager.wait_for("RELOADING=1");
        let moment = message.iter().find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
        assert!(moment.is_some_and(|moment| moment.parse::<u64>().is_ok()), "{message:?}");
        let _ready = manager.wait_for("READY=1");
    }
}

#[test]
fn a_service_manager_that_does_not_read_stops_nothing() {
    let mut world = World::new();
    let socket = ServiceManager::deaf(&world.folder());
    let path = world.folder().join("notify.sock").display().to_string();
    world.environment.insert("NOTIFY_SOCKET".to_owned(), path);
    world.environment.insert("WATCHDOG_USEC".to_owned(), "20000".to_owned());
    let agent = world.spawn();
    let revision = world.green("service norns");
    agent.wait_until_runs(&revision);
    assert_eq!(agent.stop().code(), Some(0));
    drop(socket);
}

#[test]
fn the_end_is_announced() {
    let (_world, manager, agent) = service();
    let _ready = manager.wait_for("READY=1");
    assert_eq!(agent.stop().code(), Some(0));
    let _stopping = manager.wait_for("STOPPING=1");
}

#[test]
fn steps_hear_nothing_of_the_service_manager() {
    let (world, manager, agent) = service();
    let _ready = manager.wait_for("READY=1");
    let revision = world.green("build waits gate");
    world.wait_for_call(&format!("build {revision}"));
    let builder = pull_agent_e2e::eventually(|| {
        std::fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
            let environment = std::fs::read(entry.path().join("environ")).ok()?;
            let text = String::from_utf8_lossy(&environment).into_owned();
            let ours = text.contains(&format!("WORLD_ROOT={}", world.folder().display()));
            (ours && entry.file_name().to_str() != Some(&agent.id().to_string())).then_some(text)
        })
    });
    let environment = builder.expect("somebody builds");
    assert!(!environment.contains("NOTIFY_SOCKET") && !environment.contains("WATCHDOG"), "{environment:?}");
    world.open("gate");
    agent.wait_until_runs(&revision);
}
